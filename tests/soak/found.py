"""What a service holds after kills, against the book of its clients."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from strongroom.admin import AdminRequest, ask
from strongroom.audit.frames import Head, Header
from strongroom.audit.recovery import verify
from strongroom.bootstrap import chain_key
from strongroom.keystores.root import RootKeys
from strongroom.keystores.seal_file import read_seal_file
from tests.audit.reader import read_strictly
from tests.soak.ledger import Ledger, Place, Sealed, Signed
from tests.soak.wire import Wire


def workers_of(data_dir: Path) -> list[int]:
    """The process ids of the workers of the service of a data folder."""
    result = ask(data_dir, AdminRequest("status")).result
    assert result is not None
    pids: list[int] = result["workers"]
    return pids


class Folder:
    """A data folder as somebody reads it who has its seal file."""

    def __init__(self, data_dir: Path) -> None:
        self.spool = data_dir / "audit"
        self.database = data_dir / "strongroom.db"
        ((sealed,),) = self.rows("SELECT sealed FROM root_keys")
        self._roots = RootKeys.unseal(sealed, read_seal_file(data_dir.with_name(f"{data_dir.name}.seal")))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows that a statement gives."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            return connection.execute(sql).fetchall()

    def records(self) -> Iterator[dict[str, Any]]:
        """All audit records: those of the outbox, then those of the spool by the tests' own reader."""
        for (payload,) in self.rows("SELECT payload FROM audit_outbox"):
            yield from json.loads(payload)
        for path in sorted(self.spool.iterdir()):
            worker, epoch, _ = map(int, path.stem.split("-"))
            for link in read_strictly(path.read_bytes(), chain_key(self._roots, 1, worker, epoch)):
                yield from json.loads(link.payload)

    def faults(self) -> list[str]:
        """What the product's own check finds wrong with the audit, heads in the database included."""
        heads = [Head(*row) for row in self.rows("SELECT worker, epoch, sequence, chain_mac FROM audit_heads")]
        return [f"{fault.path.name}: {fault.fault}" for fault in verify(self.spool, self._key, heads)]

    def _key(self, header: Header) -> bytes:
        return chain_key(self._roots, header.root_version, header.worker, header.epoch)


def check_audit(ledger: Ledger, folder: Folder) -> None:
    """Require that every answered call is in the audit once, with the outcome that the client saw, in whole chains."""
    seen: dict[str, tuple[str, str | None]] = {}
    times: Counter[str] = Counter()
    for record in folder.records():
        seen[record["requestID"]] = (record["eventName"], record.get("errorCode"))
        times[record["requestID"]] += 1
    missed = {request: (told, seen.get(request)) for request, told in ledger.answered.items()}
    assert {request: both for request, both in missed.items() if both[0] != both[1]} == {}
    assert [request for request, number in times.items() if number != 1] == []
    assert folder.faults() == []


def held(wire: Wire) -> dict[Place, object]:
    """Everything that the service tells of its keys and aliases."""
    found: dict[Place, object] = {}
    for key in _pages(wire, "ListKeys", "Keys"):
        key_id = key["KeyId"]
        metadata = wire.ask("DescribeKey", {"KeyId": key_id})["KeyMetadata"]
        found["state", key_id] = metadata["KeyState"]
        found["description", key_id] = metadata["Description"]
        found["policy", key_id] = wire.ask("GetKeyPolicy", {"KeyId": key_id})["Policy"]
        for tag in wire.ask("ListResourceTags", {"KeyId": key_id})["Tags"]:
            found["tag", key_id, tag["TagKey"]] = tag["TagValue"]
    for alias in _pages(wire, "ListAliases", "Aliases"):
        found["alias", alias["AliasName"]] = alias["TargetKeyId"]
    return found


def check_state(ledger: Ledger, found: dict[Place, object]) -> None:
    """Require that every place has the last acknowledged value or one tried later, and that nothing else is there."""
    there = {place[1] for place in found if place[0] == "state"}
    assert set(ledger.keys) <= there
    unseen = there - set(ledger.keys)
    assert len(unseen) <= ledger.lost_keys
    wrong = {
        place: (found.get(place), ledger.admissible(place))
        for place in {*ledger.places(), *found}
        if place[1] not in unseen and found.get(place) not in ledger.admissible(place)
    }
    assert wrong == {}


def check_sealed(ledger: Ledger, wire: Wire, sealed: list[Sealed], states: dict[Place, object]) -> None:
    """Require that ciphertexts open; their keys are made usable for that."""
    for key_id in dict.fromkeys(item.key_id for item in sealed):
        _make_usable(ledger, wire, key_id, str(states["state", key_id]))
    for item in sealed:
        members = {"CiphertextBlob": item.blob, "EncryptionContext": item.context}
        answer = ledger.call(wire, "Decrypt", members)
        assert answer is not None
        assert answer.members.get("Plaintext") == item.plaintext, f"{item}: {answer}"


def check_signed(ledger: Ledger, wire: Wire, signed: list[Signed], states: dict[Place, object]) -> None:
    """Require that signatures verify; their keys are made usable for that."""
    for key_id in dict.fromkeys(item.key_id for item in signed):
        _make_usable(ledger, wire, key_id, str(states["state", key_id]))
    for item in signed:
        members = {"KeyId": item.key_id, "SigningAlgorithm": item.algorithm, "Message": item.message}
        answer = ledger.call(wire, "Verify", members | {"Signature": item.signature})
        assert answer is not None
        assert answer.members.get("SignatureValid") is True, f"{item}: {answer}"


def _make_usable(ledger: Ledger, wire: Wire, key_id: str, state: str) -> None:
    place: Place = ("state", key_id)
    if state == "PendingDeletion":
        ledger.call(wire, "CancelKeyDeletion", {"KeyId": key_id}, {place: "Disabled"})
    if state != "Enabled":
        ledger.call(wire, "EnableKey", {"KeyId": key_id}, {place: "Enabled"})


def _pages(wire: Wire, operation: str, member: str) -> Iterator[dict[str, Any]]:
    request: dict[str, Any] = {"Limit": 100}
    while True:
        page = wire.ask(operation, request)
        yield from page[member]
        if not page["Truncated"]:
            return
        request["Marker"] = page["NextMarker"]
