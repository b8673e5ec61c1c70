"""The spool of a process that is killed."""

import random
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from strongroom.audit.recovery import recover, verify
from tests.audit.conftest import CHAIN_KEY, PATIENCE
from tests.audit.reader import read_folder

# Two threads append without end, and write each payload to the pipe once it is acknowledged.
WRITER = """
import os, sys, threading
from pathlib import Path
from strongroom.audit.spool import Spool

spool = Spool(Path(sys.argv[1]), 1, 1, bytes(range(32)), loop=None, root_version=1, max_file_bytes=100_000)

def work(thread):
    room = threading.Semaphore(20)
    for number in range(10**9):
        room.acquire()
        payload = b'["%d-%d%s"]' % (thread, number, b"x" * (number % 1000))
        def done(error, payload=payload):
            assert error is None, error
            os.write(1, payload + b"\\n")
            room.release()
        spool.append(payload, done)

for thread in range(2):
    threading.Thread(target=work, args=(thread,)).start()
"""


@pytest.mark.parametrize("round_number", range(5))
def test_killed_process_loses_nothing_acknowledged(tmp_path: Path, round_number: int) -> None:
    """After SIGKILL at any moment, recovery finds every payload that was acknowledged, in whole and unbroken chains."""
    seed = secrets.randbits(32)
    print(f"round {round_number}, seed {seed}")
    folder = tmp_path / "spool"
    with subprocess.Popen([sys.executable, "-c", WRITER, folder], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline() for _ in range(random.Random(seed).randrange(1, 3000))]  # noqa: S311 - a moment
        process.kill()
        acknowledged += process.stdout.readlines()
        process.wait(PATIENCE)
    acknowledged = [line.removesuffix(b"\n") for line in acknowledged if line.endswith(b"\n")]
    assert [report.fault for report in recover(folder) if report.fault is not None] == []
    assert verify(folder, lambda _: CHAIN_KEY) == []
    held = [link.payload for link in read_folder(folder, CHAIN_KEY)]
    assert held[: len(acknowledged)] == acknowledged
