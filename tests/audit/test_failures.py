"""The spool on a disk that fails."""

import errno
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.audit.frames import Chain
from strongroom.audit.recovery import recover, verify
from strongroom.audit.spool import Spool
from strongroom.ports import AuditUnavailableError
from tests.audit.conftest import CHAIN_KEY, PATIENCE, Answers, Disk
from tests.audit.reader import Link, read_strictly

MakeSpool = Callable[..., Spool]

FAULTS: dict[str, tuple[str, OSError | str]] = {
    "fdatasync EIO": ("fdatasync", OSError(errno.EIO, "I/O error")),
    "write ENOSPC": ("write", OSError(errno.ENOSPC, "No space left on device")),
    "short write": ("write", "short"),
}
BEGIN_FAULTS = FAULTS | {
    "open EMFILE": ("open", OSError(errno.EMFILE, "Too many open files")),
    "folder fsync EIO": ("fsync", OSError(errno.EIO, "I/O error")),
}


def payload(number: int) -> bytes:
    """A payload that tells its number, no other's beginning."""
    return b'["%06d"]' % number


def recovered(folder: Path) -> list[Link]:
    """All that is on the disk, by the second reader, after recovery found nothing but torn tails."""
    assert [report.fault for report in recover(folder) if report.fault is not None] == []
    assert verify(folder, lambda _: CHAIN_KEY) == []
    return [link for path in sorted(folder.iterdir()) for link in read_strictly(path.read_bytes(), CHAIN_KEY)]


def ask(spool: Spool, answers: Answers, number: int) -> None:
    """Append one payload and wait until its caller is told."""
    before = len(answers.told)
    spool.append(payload(number), answers.of(number))
    answers.wait(before + 1)


def test_failure_is_logged_once(
    disk: Disk, make_spool: MakeSpool, answers: Answers, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk that fails for long makes one line in the log, and one more when it works again, whatever the load."""
    spool = make_spool(retry_seconds=0.001)
    disk.faults["fdatasync"] = OSError(errno.EIO, "I/O error")
    for number in range(10):
        ask(spool, answers, number)
    disk.faults.clear()
    until(lambda: writable(spool))
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("ERROR", "the audit spool cannot be written: OSError: [Errno 5] I/O error"),
        ("WARNING", "the audit spool can be written again"),
    ]


@pytest.mark.parametrize("case", FAULTS.values(), ids=FAULTS)
def test_failure_ends_the_file(
    disk: Disk, folder: Path, make_spool: MakeSpool, answers: Answers, case: tuple[str, OSError | str]
) -> None:
    """All of the group get the error, the file is left alone for good, and the next record is durable in a new file."""
    call, fault = case
    disk.faults[call] = fault
    disk.marked = payload(2)
    spool = make_spool(retry_seconds=PATIENCE)
    disk.gate.clear()
    disk.syncing.clear()
    spool.append(payload(1), answers.of(1))
    assert disk.syncing.wait(PATIENCE)
    for number in (2, 3):
        spool.append(payload(number), answers.of(number))
    disk.gate.set()
    answers.wait(3)
    assert (answers.good, answers.bad) == ([1], [2, 3])
    assert not writable(spool)
    ask(spool, answers, 4)
    assert writable(spool)
    assert answers.good == [1, 4]
    assert disk.names(f"{call} failed") == ["00001-0000000001-000001.spool"]
    after = disk.calls[[kind for kind, _, _ in disk.calls].index(f"{call} failed") + 1 :]
    assert {name for _, name, _ in after} == {"00001-0000000001-000002.spool", folder.name}
    spool.close()
    links = recovered(folder)
    assert [link.payload for link in links if link.payload not in {payload(2), payload(3)}] == [payload(1), payload(4)]
    assert [link.sequence for link in links][-1] == 4
    assert [link.sequence for link in links] == sorted({link.sequence for link in links})


@pytest.mark.parametrize("case", BEGIN_FAULTS.values(), ids=BEGIN_FAULTS)
def test_lasting_failure_and_recovery_by_itself(
    disk: Disk, folder: Path, make_spool: MakeSpool, answers: Answers, case: tuple[str, OSError | str]
) -> None:
    """While the disk fails, nothing is acknowledged, writes are refused and no files pile up; it then heals unasked."""
    spool = make_spool(retry_seconds=0.001, max_file_bytes=1)
    ask(spool, answers, 0)
    call, fault = case
    disk.faults[call] = fault
    for number in range(1, 10):
        ask(spool, answers, number)
        with pytest.raises(AuditUnavailableError, match="cannot be written"):
            spool.require_writable()
    assert answers.good == [0]
    assert len(list(folder.iterdir())) <= 2  # the finished one, and one that is just being tried
    disk.faults.clear()
    until(lambda: writable(spool))
    ask(spool, answers, 10)
    assert answers.good == [0, 10]
    spool.close()
    assert [link.payload for link in recovered(folder)] == [payload(0), payload(10)]


def writable(spool: Spool) -> bool:
    """Whether the spool takes writes."""
    try:
        spool.require_writable()
    except AuditUnavailableError:
        return False
    return True


def until(holds: Callable[[], bool]) -> None:
    """Wait for a state that nobody announces."""
    pause = threading.Event()
    for _ in range(PATIENCE * 1000):
        if holds():
            return
        pause.wait(0.001)
    pytest.fail("never came to hold")


@pytest.mark.parametrize("case", BEGIN_FAULTS.values(), ids=BEGIN_FAULTS)
def test_spool_does_not_begin_on_a_failing_disk(
    disk: Disk, folder: Path, make_spool: MakeSpool, case: tuple[str, OSError | str]
) -> None:
    """A spool whose first file cannot be made durable is no spool, and leaves no file."""
    call, fault = case
    disk.faults[call] = fault
    with pytest.raises(AuditUnavailableError):
        make_spool()
    assert list(folder.iterdir()) == []


def test_unforeseen_fault_is_answered(
    folder: Path, make_spool: MakeSpool, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong on the spool's thread, callers are answered and the thread lives on."""
    spool = make_spool(retry_seconds=PATIENCE)

    def out_of_memory(*_: object) -> bytes:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(Chain, "frame", out_of_memory)
        ask(spool, answers, 0)
    ask(spool, answers, 1)
    assert (answers.bad, answers.good) == ([0], [1])
    spool.close()
    assert [link.payload for link in recovered(folder)] == [payload(1)]


# In a mount namespace of its own, so that the small file system goes with the process, however that ends.
FULL = """
import shutil, subprocess, sys, threading
from pathlib import Path
from strongroom.audit.spool import Spool

mount, copy = Path(sys.argv[1]), Path(sys.argv[2])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", mount], check=True)
ballast = mount / "ballast"
ballast.write_bytes(bytes(100_000))
spool = Spool(mount / "spool", 1, 1, bytes(range(32)), loop=None, root_version=1, retry_seconds=0.01)
pause = threading.Event()

def durable(name):
    told = threading.Event()
    errors = []
    spool.append(b'["%s%s"]' % (name.encode(), b"x" * 1000), lambda error: (errors.append(error), told.set()))
    told.wait()
    print(name, "failed" if errors[0] else "durable")
    return errors[0] is None

def writable():
    try:
        spool.require_writable()
    except Exception:
        return False
    return True

number = 0
while durable(f"{number:06d}"):
    number += 1
print("full__", "writable" if writable() else "failed")
ballast.unlink()
while not writable():
    pause.wait(0.01)
durable("after_")
spool.close()
shutil.copytree(mount / "spool", copy)
"""


def test_full_disk(tmp_path: Path) -> None:
    """On a really full disk calls fail, what was acknowledged stays, and with room made the spool goes on by itself."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], check=False).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    (tmp_path / "mount").mkdir()
    told = run(FULL, tmp_path / "mount", tmp_path / "spool", before=("unshare", "--mount"))
    assert [name for name, outcome in told if outcome == "failed"][-1:] == ["full__"]
    durable = [name for name, outcome in told if outcome == "durable"]
    assert len(durable) > 50
    assert durable[-1] == "after_"
    held = [json.loads(link.payload)[0][:6] for link in recovered(tmp_path / "spool")]
    assert [name for name in held if name in durable] == durable


def run(program: str, *arguments: Path, before: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """What a program printed, in pairs."""
    done = subprocess.run(
        [*before, sys.executable, "-c", program, *arguments], check=True, stdout=subprocess.PIPE, timeout=PATIENCE
    )
    return [(name, outcome) for name, outcome in (line.split() for line in done.stdout.decode().splitlines())]


LIMITED = """
import resource, sys, threading
from pathlib import Path
from strongroom.audit.spool import Spool
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
spool = Spool(Path(sys.argv[1]), 1, 1, bytes(range(32)), loop=None, root_version=1)
for number in range(100):
    told = threading.Event()
    def done(error):
        print("%06d" % number, "failed" if error else "durable")
        told.set()
    spool.append(b'["%06d%s"]' % (number, b"x" * 1000), done)
    told.wait()
spool.close()
"""


def test_file_size_limit(tmp_path: Path) -> None:
    """Where the system cuts writes short, one call fails, and the next record begins a new file."""
    told = run(LIMITED, tmp_path / "spool")
    durable = [name for name, outcome in told if outcome == "durable"]
    assert 90 <= len(durable) < 100 == len(told)
    held = [json.loads(link.payload)[0][:6] for link in recovered(tmp_path / "spool")]
    assert held == durable
