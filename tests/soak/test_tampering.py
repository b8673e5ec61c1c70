"""Somebody edits the files of the real service: it says so, and never acts on what they wrote."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest
from botocore.exceptions import ClientError

from strongroom.audit.frames import FRAME_MAGIC
from tests.soak.attacks import ATTACKS, Attack, Room, all_rows, furnish, outsider, put_everything_back
from tests.soak.found import Folder, workers_of
from tests.soak.wire import PATIENCE, Answer, Wire, blob
from tests.support import PROGRAM, Server, clean_environment

NOT_OURS = 3

_accounts = count(200_000_000_000)


def call(server: Server, room: Room, operation: str, members: dict[str, object]) -> Answer:
    """Make a call on a connection of its own, so that any worker may get it."""
    with Wire(server.port, room.account) as wire:
        return wire.call(operation, members)


def errors(log: bytes) -> list[str]:
    """The messages of errors in a part of a log."""
    entries = [json.loads(line) for line in log.splitlines() if line.startswith(b"{")]
    return [entry["message"] for entry in entries if entry["level"] == "ERROR"]


def refused(server: Server, room: Room, attack: Attack, log_from: int = 0) -> None:
    """Require that every call which an attack touches fails and tells nothing, and that the log names the table."""
    calls = attack.calls(room)
    for operation, members in calls:
        answer = call(server, room, operation, members)
        assert (answer.status, answer.fault) == (500, "KMSInternalException"), f"{operation} {members}: {answer}"
        assert answer.members.keys() == {"__type", "message"}
    deadline = time.monotonic() + PATIENCE
    while not any(attack.named in message for message in errors(server.log.read_bytes()[log_from:])):
        assert time.monotonic() < deadline, "the log does not say so"
        call(server, room, *calls[0])  # only so much is logged in a second


def look(server: Server, room: Room) -> None:
    """Make both workers notice what the service itself has written, so that they know another's commit from their own.

    The kernel deals connections to workers by chance: one in eight million times it leaves one of them out.
    """
    for _ in range(24):
        assert call(server, room, "GenerateRandom", {"NumberOfBytes": 8}).status == 200


# --- while it runs ---


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_edit_right_after_a_commit_is_found_soon(tmp_path: Path, workers: str) -> None:
    """The older row of a key just disabled, put back before any worker's next request, is not used for long."""
    soon = {"STRONGROOM_RECHECK_SECONDS": "0.2"}
    with Server(tmp_path / "data", "--workers", workers, environment=soon) as server:
        database = server.data_dir / "strongroom.db"
        room = furnish(server.port, str(next(_accounts)), database)  # its last call is DisableKey
        with outsider(database) as connection:
            ATTACKS["an older state"].deed(connection, room)
        deadline = time.monotonic() + PATIENCE
        refusals = 0
        while refusals < 12:  # in a row, so that each worker is among them
            answer = call(server, room, "Encrypt", {"KeyId": room.off, "Plaintext": blob(b"x")})
            refusals = refusals + 1 if (answer.status, answer.fault) == (500, "KMSInternalException") else 0
            assert time.monotonic() < deadline


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service of two workers."""
    with Server(tmp_path_factory.mktemp("running") / "data", "--workers", "2") as server:
        yield server


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_a_running_service_finds_it(running: Server, attack: Attack) -> None:
    """Right after the edit, calls that it touches fail; others go on; put back as it was, all calls go on."""
    database = running.data_dir / "strongroom.db"
    room = furnish(running.port, str(next(_accounts)), database)
    calls = attack.calls(room)
    before = [call(running, room, *one).fault for one in calls]
    assert "KMSInternalException" not in before
    look(running, room)
    rows, log_from = all_rows(database), running.log.stat().st_size
    try:
        with outsider(database) as connection:
            attack.deed(connection, room)
            assert connection.total_changes
        refused(running, room, attack, log_from)
        spared = call(running, room, "GenerateRandom", {"NumberOfBytes": 8})
        assert (spared.status == 500) == attack.whole
    finally:
        put_everything_back(database, rows)
    assert [call(running, room, *one).fault for one in calls] == before


@pytest.mark.parametrize("name", ["an older state", "a key deleted", "an older row of a Region"])
def test_a_new_worker_finds_it(tmp_path: Path, name: str) -> None:
    """What was done before a worker was there is found by it, as by those that saw it being done."""
    attack = ATTACKS[name]
    with Server(tmp_path / "data") as server:
        room = furnish(server.port, "200000000000", server.data_dir / "strongroom.db")
        (worker,) = workers_of(server.data_dir)
        with outsider(server.data_dir / "strongroom.db") as connection:
            attack.deed(connection, room)
        os.kill(worker, signal.SIGKILL)
        refused(server, room, attack)


# --- while it is stopped ---


def starts(data_dir: Path, *flags: str) -> tuple[int, str]:
    """Start a service that must end before it is ready; its exit code, and what it says."""
    command = [str(PROGRAM), "serve", "--data-dir", str(data_dir), "--port", "0", *flags]
    log = data_dir.with_suffix(".starts")
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, env=clean_environment(), start_new_session=True
        ) as process,
    ):
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b""
            return process.wait(PATIENCE), log.read_text()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def copy(data_dir: Path, to: Path) -> Path:
    """Copy a data folder and its seal file."""
    shutil.copytree(data_dir, to / "data")
    shutil.copy(data_dir.with_name("data.seal"), to)
    return to / "data"


class Stopped(NamedTuple):
    """The data folder of a service that has ended in order, with a room for each attack that spares the others."""

    data_dir: Path
    rooms: dict[str, Room]

    @property
    def room(self) -> Room:
        """Any of them."""
        return next(iter(self.rooms.values()))


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    """A data folder to copy."""
    data_dir = tmp_path_factory.mktemp("stopped") / "data"
    with Server(data_dir) as server:
        rooms = {
            name: furnish(server.port, str(next(_accounts)), data_dir / "strongroom.db")
            for name, attack in ATTACKS.items()
            if not attack.whole
        }
        assert server.stop() == 0
    return Stopped(data_dir, rooms)


@pytest.mark.parametrize("name", [name for name, attack in ATTACKS.items() if attack.whole])
def test_a_service_does_not_start_on_it(stopped: Stopped, tmp_path: Path, name: str) -> None:
    """What the check of the whole finds keeps the service from starting, with exit code 3."""
    data_dir, attack = copy(stopped.data_dir, tmp_path), ATTACKS[name]
    with outsider(data_dir / "strongroom.db") as connection:
        attack.deed(connection, stopped.room)
    code, said = starts(data_dir, "--dev")
    assert code == NOT_OURS, said
    assert attack.named in said


def test_a_started_service_finds_it(stopped: Stopped, tmp_path: Path) -> None:
    """What only the reading of a key finds is found by the first calls on that key."""
    data_dir = copy(stopped.data_dir, tmp_path)
    with outsider(data_dir / "strongroom.db") as connection:
        for name, room in stopped.rooms.items():
            ATTACKS[name].deed(connection, room)
    with Server(data_dir) as server:
        for name, room in stopped.rooms.items():
            refused(server, room, ATTACKS[name], server.log.stat().st_size)


SINCE: dict[str, tuple[str, dict[str, object]]] = {
    "a write": ("UpdateKeyDescription", {"Description": "new"}),
    "a read": ("DescribeKey", {}),
    "nothing": ("", {}),
}


@pytest.mark.parametrize("since", SINCE.values(), ids=SINCE.keys())
def test_an_older_database_is_refused(stopped: Stopped, tmp_path: Path, since: tuple[str, dict[str, object]]) -> None:
    """A database from before the last start ends the start with 3, unless the operator says once that it is meant."""
    room = stopped.room
    data_dir = copy(stopped.data_dir, tmp_path)
    with Server(data_dir) as server:
        operation, members = since
        assert not operation or call(server, room, operation, members | {"KeyId": room.key}).status == 200
        assert server.stop() == 0
    shutil.copy(stopped.data_dir / "strongroom.db", data_dir)
    code, said = starts(data_dir, "--dev")
    assert code == NOT_OURS, said
    assert "--accept-rollback" in said
    for flags in (("--accept-rollback",), ()):
        with Server(data_dir, *flags) as server:
            answer = call(server, room, "DescribeKey", {"KeyId": room.key})
            assert answer.members["KeyMetadata"]["Description"] == ""
            assert server.stop() == 0


# --- access keys ---

CREDENTIALS = {
    "switched off": "UPDATE credentials SET active = 0",
    "given to another account": "UPDATE credentials SET account = '200000000000'",
    "given to another principal": "UPDATE credentials SET kind = 'user', name = 'mallory'",
    "its secret changed": "UPDATE credentials SET sealed_secret = zeroblob(length(sealed_secret))",
    "another added": "INSERT INTO credentials SELECT 'AKIAAAAAAAAAAAAAAAAA', account, kind, name, sealed_secret,"
    " active, created_at, version, mac FROM credentials",
    "its principal edited": "UPDATE principals SET unique_id = '200000000000'",
}
OWNERS = {
    "its principal deleted": "DELETE FROM principals",
    "its account deleted": "DELETE FROM accounts",
}
"""These are found at the start already; the others with the key, which is all that they touch."""


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A production data folder, and its access key."""
    data_dir = tmp_path_factory.mktemp("production") / "data"
    command = [str(PROGRAM), "init", "--data-dir", str(data_dir)]
    said = subprocess.run(command, capture_output=True, env=clean_environment(), check=True, text=True).stdout
    first = dict(line.split("=", 1) for line in said.splitlines() if line.startswith("AWS_"))
    return data_dir, {"access_key": first["AWS_ACCESS_KEY_ID"], "secret": first["AWS_SECRET_ACCESS_KEY"]}


@pytest.mark.parametrize("edit", (CREDENTIALS | OWNERS).values(), ids=(CREDENTIALS | OWNERS).keys())
def test_an_edited_access_key_opens_nothing(production: tuple[Path, dict[str, str]], tmp_path: Path, edit: str) -> None:
    """A call signed with it fails from the edit on; where its owner is gone, the service does not start either."""
    folder, key = production
    data_dir = copy(folder, tmp_path)
    with Server(data_dir, dev=False) as server:
        assert server.client(**key).list_keys()["Keys"] == []
        with outsider(data_dir / "strongroom.db") as connection:
            assert connection.execute(edit).rowcount
        with pytest.raises(ClientError) as caught:
            server.client(**key).list_keys()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        assert caught.value.response["Error"]["Code"] == "KMSInternalException"
        assert server.stop() == 0
    if edit in OWNERS.values():
        assert starts(data_dir)[0] == NOT_OURS


# --- the audit ---


def cut_frame(data: bytes) -> bytes:
    """A file without its second frame."""
    first, second, third = [at.start() for at in re.finditer(re.escape(FRAME_MAGIC), data)][:3]
    assert first < second < third
    return data[:second] + data[third:]


SPOOL: dict[str, Callable[[bytes], bytes]] = {
    "a byte changed": lambda data: data.replace(b"DescribeKey", b"DescribeKez", 1),
    "a frame cut out": cut_frame,
    "last frames cut off": lambda data: data[: data.rindex(FRAME_MAGIC)],
    "the file emptied": lambda _: b"",
}


@pytest.mark.parametrize("edit", SPOOL.values(), ids=SPOOL.keys())
def test_an_edited_audit_file_is_found(tmp_path: Path, edit: Callable[[bytes], bytes]) -> None:
    """The chain of the service's own files, and the head in its database, tell of frames changed or taken away."""
    with Server(tmp_path / "data", environment={"STRONGROOM_CHECKPOINT_SECONDS": "0.05"}) as server:
        room = furnish(server.port, "200000000000", server.data_dir / "strongroom.db")
        for _ in range(3):
            call(server, room, "DescribeKey", {"KeyId": room.key})
        folder = Folder(server.data_dir)
        deadline = time.monotonic() + PATIENCE
        while folder.rows("SELECT max(sequence) FROM audit_heads") != [(3,)]:
            assert time.monotonic() < deadline, "the head is not checkpointed"
        assert server.stop() == 0
    assert folder.faults() == []
    (path,) = [path for path in folder.spool.iterdir() if b"DescribeKey" in path.read_bytes()]
    path.chmod(0o600)
    path.write_bytes(edit(path.read_bytes()))
    assert folder.faults() != []
