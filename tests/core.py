"""A real core in a folder: store, row seal, key store and audit are the product's; no network, no process of its own.

Requests go in as botocore writes them, and answers come out as botocore reads them. What is to fail is handed in by the
test: another key store, another trail, a veto before each commit.
"""

import asyncio
import contextlib
import functools
import json
import sqlite3
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple
from urllib.parse import urlencode

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from msgspec.structs import replace

from strongroom.audit.spool import Spool
from strongroom.clock import MovableClock
from strongroom.dispatch import Dispatcher, Facts, Outcome, Usages
from strongroom.identity.recipients import AttestedRecipients
from strongroom.keystores.grant_tokens import GrantTokens
from strongroom.keystores.markers import MarkerSeal
from strongroom.keystores.registry import Registry
from strongroom.keystores.root import RootKeys
from strongroom.keystores.rowseal import RowSeal
from strongroom.keystores.secretbox import SecretBox
from strongroom.keystores.session_tokens import SessionTokens
from strongroom.keystores.software import SoftwareKeyStore
from strongroom.keyview import KeyViews
from strongroom.model.identity import Caller
from strongroom.model.key import StoredKey
from strongroom.model.region import PARTITION_OF, Realm
from strongroom.model.state import KeyState
from strongroom.operations.iam import IAM
from strongroom.operations.kms import KMS
from strongroom.operations.sts import STS
from strongroom.operations.table import Operation
from strongroom.ports import Clocks, KeyStores, Trail
from strongroom.storage.create import create_store
from strongroom.storage.rows import RootKeyRow
from strongroom.storage.store import SqlStore, open_store
from strongroom.storage.transaction import SqlTransaction
from tests.audit.reader import read_folder

ACCOUNT, OTHER = "123456789012", "210987654321"
REGION, ELSEWHERE = "us-east-1", "eu-west-3"
REGIONS = frozenset(PARTITION_OF) - {"us-west-1"}  # those that a core serves
REALM = Realm(ACCOUNT, REGION)
ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
MISSING = "1234abcd-12ab-34cd-56ef-1234567890ab"

ROOTS = RootKeys({1: bytes(range(32))}, 1)
CHAIN_KEY = bytes(range(32, 64))
DATABASE = "strongroom.db"
SPOOL = "audit"

SERVICES = {service.scope: service for service in (KMS, IAM, STS)}
MODELS = {scope: ServiceModel(Loader().load_service_model(scope, "service-2")) for scope in SERVICES}
MODEL = MODELS["kms"]
_SERIALIZERS = {name: create_serializer(name, include_validation=False) for name in ("json", "query")}
_PARSERS = {name: create_parser(name) for name in ("json", "query")}
_PROTOCOLS = {"kms": "json", "iam": "query", "sts": "query"}


class Clock:
    """The two clocks of a core, set by the test; in epoch seconds."""

    def __init__(self) -> None:
        self.machine = 1_780_000_000.25
        self.key_life = 1_790_000_000.5

    def clocks(self) -> Clocks:
        """As the product takes them."""
        return Clocks(machine=lambda: self.machine, key_life=lambda: self.key_life)


class Answer(NamedTuple):
    """What a client gets, and what the audit keeps.

    Attributes:
        members: The answer as botocore decodes it; for a fault, ``code`` and ``message`` instead.
        records: The CloudTrail records: one, or the two of a cross-account pair, the caller's first.
        in_outbox: Whether the record was left to the transaction; else it went to the spool.
    """

    status: int
    body: bytes
    members: dict[str, Any]
    code: str | None
    message: str
    request_id: str
    records: list[dict[str, Any]]
    in_outbox: bool

    @property
    def record(self) -> dict[str, Any]:
        """The caller's record."""
        return self.records[0]


class KeptDenials:
    """The denials that a core was told to keep, by request id."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def keep(self, request_id: str, _time: float, explanation: bytes) -> None:
        """Keep one."""
        self.kept[request_id] = json.loads(explanation)


class Core:
    """A dispatcher and its parts over a store in a folder; made by ``open_core``."""

    def __init__(
        self,
        store: SqlStore,
        spool: Spool,
        folder: Path,
        keystores: KeyStores,
        trail: Trail,
        *,
        attestation_roots: bytes | None,
        dev: bool,
        grant_delay: float,
    ) -> None:
        self.store = store
        self.spool = spool
        self.folder = folder
        self.clock = Clock()
        clocks = MovableClock(lambda: self.clock.machine, store.clock_offset).clocks() if dev else self.clock.clocks()
        self.views = KeyViews(store, clocks.follow)
        self.usages = Usages(store, lambda: None)
        self.denials = KeptDenials()
        self.dispatcher = Dispatcher(
            store=store,
            views=self.views,
            keystores=keystores,
            clocks=clocks,
            markers=MarkerSeal(ROOTS),
            trail=trail,
            recipients=AttestedRecipients(attestation_roots, 300.0, lambda: self.clock.machine),
            grant_tokens=GrantTokens(ROOTS),
            session_tokens=SessionTokens(ROOTS),
            secrets=SecretBox(ROOTS),
            regions=REGIONS,
            usages=self.usages,
            denials=self.denials,
            grant_delay=grant_delay,
        )

    def call(
        self,
        operation: str,
        *,
        region: str = REGION,
        account: str = ACCOUNT,
        caller: Caller | None = None,
        between: Callable[[], object] | None = None,
        **members: Any,
    ) -> Answer:
        """Make a call as botocore would send it; ``between`` runs after the decision, before the transaction.

        Operations of other services than KMS are named as in policies: ``iam:CreateUser``.
        """
        scope, name = _named(operation)
        serializer = _SERIALIZERS[_PROTOCOLS[scope]]
        body = serializer.serialize_to_request(members, MODELS[scope].operation_model(name))["body"]
        sent = urlencode(body).encode() if isinstance(body, dict) else body
        return self.send(operation, sent, region=region, account=account, caller=caller, between=between)

    def send(
        self,
        operation: str,
        body: bytes,
        *,
        region: str = REGION,
        account: str = ACCOUNT,
        caller: Caller | None = None,
        between: Callable[[], object] | None = None,
    ) -> Answer:
        """Make a call with a body as it is, the way the endpoint does it; by an account's root unless told."""
        facts = make_facts(account, region, caller)
        self.views.refresh()
        scope, name = _named(operation)
        row = SERVICES[scope].operations[name]
        prepared = self.dispatcher.prepare(facts, row, body)
        if prepared.attests:
            prepared.attest()
            self.dispatcher.decide(prepared)
        if between is not None:
            between()
        prepared.perform()
        if not prepared.writes:
            return self._recorded(row, facts, prepared.finish())
        results: SimpleQueue[Outcome | BaseException] = SimpleQueue()
        self.store.submit(prepared.transact, results.put)
        result = results.get()
        if isinstance(result, BaseException):
            return self._recorded(row, facts, prepared.refuse(result))
        return _answer(row, facts, result, in_outbox=True)

    def ok(self, operation: str, **members: Any) -> dict[str, Any]:
        """Make a call that must succeed; its answer without the metadata."""
        answer = self.call(operation, **members)
        assert answer.status == 200, (answer.code, answer.message)
        return answer.members

    def refused(self, operation: str, **members: Any) -> tuple[str, str]:
        """Make a call that must be refused as the client's fault; code and message."""
        answer = self.call(operation, **members)
        assert 400 <= answer.status < 500, (answer.status, answer.code, answer.members)
        return answer.code or "", answer.message

    def new_key(self, **members: Any) -> str:
        """Create a key; its ARN."""
        return str(self.ok("CreateKey", **members)["KeyMetadata"]["Arn"])

    def stored(self, arn: str) -> StoredKey:
        """A key as it is in the store now."""
        parts = arn.split(":")
        found = self.store.run(lambda tx: tx.key(Realm(parts[4], parts[3]), key_id_of(arn)))
        assert found is not None
        return found

    def put_key(self, arn: str, **changes: Any) -> None:
        """Change columns of a key past every rule, as another process would."""
        key = replace(self.stored(arn).key, **changes)
        self.store.run(lambda tx: tx.update_key(key))

    def put_state(self, arn: str, state: KeyState) -> None:
        """Put a key into a state."""
        self.put_key(arn, state=state)

    def outbox(self) -> dict[str, list[dict[str, Any]]]:
        """The records in the database, by event id."""
        with contextlib.closing(sqlite3.connect(self.folder / DATABASE)) as connection:
            rows = connection.execute("SELECT event_id, payload FROM audit_outbox ORDER BY position").fetchall()
        return {event_id: json.loads(payload) for event_id, payload in rows}

    def spooled(self) -> list[list[dict[str, Any]]]:
        """The records in the spool, as an independent reader finds them."""
        return [json.loads(link.payload) for link in read_folder(self.folder / SPOOL, CHAIN_KEY)]

    def _recorded(self, operation: Operation, facts: Facts, outcome: Outcome) -> Answer:
        results: SimpleQueue[Exception | None] = SimpleQueue()
        self.dispatcher.trail.append(outcome.payload, results.put)
        error = results.get()
        assert error is None, error
        self.usages.note(outcome.usages)
        return _answer(operation, facts, outcome, in_outbox=False)


@contextlib.contextmanager
def open_core(
    folder: Path,
    *,
    worker: int = 1,
    keystores: KeyStores | None = None,
    trail: Trail | None = None,
    before_commit: Callable[[], None] | None = None,
    loop: asyncio.AbstractEventLoop | None = None,
    attestation_roots: bytes | None = None,
    dev: bool = False,
    grant_delay: float = 0.0,
) -> Iterator[Core]:
    """Open a core on a folder, which gets a new store if it has none; other workers see what it writes.

    Args:
        folder: Where the store and the audit lie.
        worker: Tells apart the audits of cores on the same folder.
        keystores: In place of the software key store.
        trail: In place of the spool.
        before_commit: In place of the spool's own ``require_writable``.
        loop: Where the spool answers; such a core serves an endpoint, and ``call`` would wait for ever.
        attestation_roots: PEM certificates that attestation documents may chain to.
        dev: Whether the key-life clock is dev mode's: the machine's and the stored offset.
        grant_delay: Seconds for which a new grant counts with its token only.
    """
    path = folder / DATABASE
    if not path.exists():
        path.write_bytes(_empty_store())
        path.chmod(0o600)
    spool = Spool(folder / SPOOL, worker, 1, CHAIN_KEY, loop=loop, root_version=1)
    try:
        store = open_store(path, RowSeal(ROOTS, 1), before_commit or spool.require_writable)
        try:
            stores = keystores or Registry(SoftwareKeyStore(ROOTS))
            yield Core(
                store,
                spool,
                folder,
                stores,
                trail or spool,
                attestation_roots=attestation_roots,
                dev=dev,
                grant_delay=grant_delay,
            )
        finally:
            store.close()
    finally:
        spool.close()


def make_facts(account: str = ACCOUNT, region: str = REGION, caller: Caller | None = None) -> Facts:
    """The facts of a request, by an account's root unless told."""
    caller = caller or Caller("Root", account, f"arn:aws:iam::{account}:root", account, ACCESS_KEY)
    tls = ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    return Facts(str(uuid.uuid4()), caller, region, "192.0.2.7", "tests/1.0", tls, "kms.example.internal")


def key_id_of(arn: str) -> str:
    """The key id in a key ARN."""
    return arn.rpartition("/")[2]


def error_of(body: bytes) -> tuple[str | None, str]:
    """Code and message of an error body as botocore reads them."""
    error = _parsed("kms", 400, body, None)["Error"]
    return error["Code"], error["Message"]


def secret_box() -> SecretBox:
    """A secret box under the core's root."""
    return SecretBox(ROOTS)


def _named(operation: str) -> tuple[str, str]:
    """Service and operation."""
    scope, _, name = operation.rpartition(":")
    return scope or "kms", name


def _parsed(scope: str, status: int, body: bytes, shape: Any) -> dict[str, Any]:
    response = {"status_code": status, "headers": {}, "body": body}
    parsed: dict[str, Any] = _PARSERS[_PROTOCOLS[scope]].parse(response, shape)
    return parsed


def _answer(operation: Operation, facts: Facts, outcome: Outcome, *, in_outbox: bool) -> Answer:
    scope = operation.service.scope
    shape = MODELS[scope].operation_model(operation.name).output_shape
    members = _parsed(scope, outcome.status, outcome.body, shape)
    members.pop("ResponseMetadata", None)
    error = members.pop("Error", None)
    code, message = (None, "") if error is None else (error["Code"], error.get("Message", ""))
    assert outcome.fault == code
    records = json.loads(outcome.payload)
    assert records[0]["eventID"] == outcome.event_id
    return Answer(outcome.status, outcome.body, members, code, message, facts.request_id, records, in_outbox)


@functools.cache
def _empty_store() -> bytes:
    """The file of a store with nothing but its root key and both accounts; making one takes a tenth of a second."""

    def fill(tx: SqlTransaction) -> None:
        tx.put_root_key(RootKeyRow(1, b"sealed elsewhere", 1_700_000_000.0))
        for account in (ACCOUNT, OTHER):
            tx.put_account(account, 1_700_000_000.0)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / DATABASE
        create_store(path, RowSeal(ROOTS, 1), fill)
        return path.read_bytes()
