"""SIGKILL at random moments under load: what was answered is there afterwards, and in the audit."""

import contextlib
import os
import random
import secrets
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.soak.attacks import all_rows, outsider, put_everything_back
from tests.soak.found import Folder, check_audit, check_sealed, check_signed, check_state, held, workers_of
from tests.soak.ledger import Ledger
from tests.soak.load import load
from tests.soak.wire import PATIENCE, Wire
from tests.support import PROGRAM, SOAK, Server, clean_environment

KILLS = 50 if SOAK else 5
MOST_CALLS = 1200
"""So many calls at most are answered between a start and its kill."""

# Heads of the audit often enough that some are there at every kill.
OFTEN = {"STRONGROOM_CHECKPOINT_SECONDS": "0.1"}

pytestmark = pytest.mark.soak


def moments(what: str) -> random.Random:
    """Random moments; the seed is printed."""
    seed = secrets.randbits(32)
    print(f"{what}: seed {seed}")
    return random.Random(seed)  # noqa: S311 - moments of a test


def start(data_dir: Path, workers: int) -> Server:
    """Start the service."""
    return Server(data_dir, "--workers", str(workers), environment=OFTEN)


def check(ledger: Ledger, server: Server, since: tuple[int, int] = (0, 0)) -> None:
    """Hold a service that nobody else calls against what its clients saw.

    Of ciphertexts and of signatures, those from ``since`` on.
    """
    with Wire(server.port) as wire:
        found = held(wire)
        check_state(ledger, found)
        ledger.settle(found)
        check_sealed(ledger, wire, ledger.sealed[since[0] :], found)
        check_signed(ledger, wire, ledger.signed[since[1] :], held(wire))
    check_audit(ledger, Folder(server.data_dir))


def killed_start(data_dir: Path, workers: int, seconds: float) -> None:
    """Start the service and kill it again, most often before it is ready."""
    command = [str(PROGRAM), "serve", "--dev", "--data-dir", str(data_dir), "--port", "0", "--workers", str(workers)]
    with (
        data_dir.with_suffix(".starts").open("ab") as log,
        subprocess.Popen(
            command, stdout=log, stderr=log, env=clean_environment(**OFTEN), start_new_session=True
        ) as process,
    ):
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise AssertionError(f"ended by itself with {process.wait(seconds)}")
        os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_service_loses_nothing_answered(tmp_path: Path, workers: int) -> None:
    """After SIGKILL of all processes at any moment: every acknowledged value, ciphertext and audit record is there."""
    dice = moments(f"{workers} workers, {KILLS} kills")
    ledger = Ledger()
    before = (0, 0)
    for number in range(KILLS):
        with start(tmp_path / "data", workers) as server:
            check(ledger, server, before)
            before = len(ledger.sealed), len(ledger.signed)
            with load(ledger, server.port, f"{number}"):
                ledger.wait_for_more(dice.randrange(1, MOST_CALLS), PATIENCE)
                server.kill()
        if dice.random() < 0.5:
            killed_start(server.data_dir, workers, dice.uniform(0.0, 1.0))
    with start(tmp_path / "data", workers) as server:
        check(ledger, server)
        assert server.stop() == 0
    check_audit(ledger, Folder(server.data_dir))
    print(f"{len(ledger.answered)} answers, {len(ledger.keys)} keys, {len(ledger.sealed)} ciphertexts,")
    print(f"{len(ledger.signed)} signatures")


def test_killed_workers_come_back(tmp_path: Path) -> None:
    """When single workers die, nobody finds the port closed, the others serve on, and nothing answered is lost."""
    dice = moments("workers killed one by one")
    ledger = Ledger()
    with start(tmp_path / "data", 2) as server:
        with load(ledger, server.port, "w"):
            for _ in range(KILLS):
                ledger.wait_for_more(dice.randrange(1, MOST_CALLS // 2), PATIENCE)
                with contextlib.suppress(ProcessLookupError):  # it is dead already, and not yet followed by another
                    os.kill(dice.choice(workers_of(server.data_dir)), signal.SIGKILL)
            ledger.wait_for_more(MOST_CALLS // 2, PATIENCE)
        assert ledger.not_sent == 0
        check(ledger, server)
        deadline = time.monotonic() + PATIENCE  # the pause before a start grows with the deaths
        while not all(Path(f"/proc/{pid}").exists() for pid in workers_of(server.data_dir)):
            assert time.monotonic() < deadline
        assert server.stop() == 0
    check_audit(ledger, Folder(server.data_dir))


def test_a_worker_that_cannot_start_starts_later(tmp_path: Path) -> None:
    """Where the store keeps a killed worker from being started again, the log says so, and it is tried again."""
    with start(tmp_path / "data", 1) as server, Wire(server.port) as wire:
        wire.ask("CreateKey", {})
        database = server.data_dir / "strongroom.db"
        rows = all_rows(database)
        with outsider(database) as connection:
            connection.execute("DELETE FROM registry")
        (worker,) = workers_of(server.data_dir)
        os.kill(worker, signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE
        while "registry" not in server.log.read_text():
            assert time.monotonic() < deadline, server.log.read_text()
        put_everything_back(database, rows)
        with Wire(server.port) as later:
            assert len(later.ask("ListKeys", {})["Keys"]) == 1


@contextlib.contextmanager
def watched(pids: list[int]) -> Iterator[list[int]]:
    """File descriptors that tell when processes end; what has not ended by the end of the block is killed."""
    descriptors = [os.pidfd_open(pid) for pid in pids]
    try:
        yield descriptors
    finally:
        for descriptor in descriptors:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            os.close(descriptor)


def test_killed_supervisor_can_be_followed_at_once(tmp_path: Path) -> None:
    """When the supervisor alone dies, its workers end; another takes over at once, and nothing answered is lost."""
    dice = moments("supervisors killed")
    ledger = Ledger()
    for number in range(KILLS // 2):
        with (
            start(tmp_path / "data", 2) as server,
            watched(workers_of(server.data_dir)) as orphans,
            load(ledger, server.port, f"{number}"),
        ):
            ledger.wait_for_more(dice.randrange(1, MOST_CALLS // 2), PATIENCE)
            server.process.kill()
            server.process.wait(PATIENCE)
            with start(tmp_path / "data", 2) as heir:
                for orphan in orphans:
                    assert select.select([orphan], [], [], PATIENCE)[0], "an orphaned worker goes on"
                check(ledger, heir)
                assert heir.stop() == 0
