"""No answer leaves before its record is on the disk: system calls of the real service, traced."""

import os
import signal
from pathlib import Path

import pytest

from strongroom.admin import AdminRequest, ask
from tests.soak.ledger import Ledger
from tests.soak.load import load
from tests.soak.trace import STRACE_OPTIONS, Traced, read_trace
from tests.soak.wire import PATIENCE
from tests.support import Server, need

CALLS = 200

# A process that no other may read cannot be traced, except by root. This alone is taken from the service in all traces.
READABLE = """
from strongroom import hardening
hardening._PR_SET_DUMPABLE = 3  # PR_GET_DUMPABLE
"""

NO_SPOOL_SYNC = """
import os
os.fdatasync = lambda descriptor: None
"""

LATE_SPOOL_SYNC = """
import os, threading
sync = os.fdatasync
os.fdatasync = lambda descriptor: threading.Timer(0.1, sync, [os.dup(descriptor)]).start()
"""

NO_DATABASE_SYNC = """
from strongroom.storage import sqlite
sqlite._PRAGMAS = ("synchronous=OFF", *sqlite._PRAGMAS[1:])
"""

SYNC_AT_CHECKPOINTS = """
from strongroom.storage import sqlite
sqlite._PRAGMAS = ("synchronous=NORMAL", *sqlite._PRAGMAS[1:])
"""


def traced(folder: Path, change: str = "") -> tuple[Traced, Ledger]:
    """Run a service of two workers under load, with ``change`` run first in each of its processes; what was traced."""
    code = folder / "code"
    code.mkdir()
    (code / "sitecustomize.py").write_text(READABLE + change)
    trace = folder / "trace"
    ledger = Ledger()
    strace = (need("strace"), *STRACE_OPTIONS, "-o", str(trace))
    with Server(folder / "data", "--workers", "2", before=strace, environment={"PYTHONPATH": str(code)}) as server:
        with load(ledger, server.port, "t"):
            ledger.wait_for_more(CALLS, PATIENCE)
        status = ask(server.data_dir, AdminRequest("status")).result
        assert status is not None
        os.kill(status["supervisor"], signal.SIGTERM)  # strace itself does not end by a signal
        assert server.process.wait(PATIENCE) == 0
    return Traced(read_trace(trace)), ledger


def test_no_answer_leaves_before_its_record_is_durable(tmp_path: Path) -> None:
    """Every answer follows the sync of its spool frame, or of its transaction's last page in the write-ahead log."""
    trace, ledger = traced(tmp_path)
    assert trace.answers.keys() == ledger.answered.keys()
    assert trace.spooled.keys() | trace.stored.keys() == ledger.answered.keys()
    assert not trace.spooled.keys() & trace.stored.keys()
    operations = {ledger.answered[request][0] for request in trace.stored}
    assert operations > {"CreateKey", "PutKeyPolicy", "TagResource", "CreateAlias", "DisableKey"}
    assert {"Encrypt", "GenerateDataKey"} < {ledger.answered[request][0] for request in trace.spooled}
    assert trace.too_early(trace.spooled) == []
    assert trace.too_early(trace.stored) == []
    print(f"{len(trace.spooled)} records in the spool, {len(trace.stored)} in the database")


@pytest.mark.parametrize("change", [NO_SPOOL_SYNC, LATE_SPOOL_SYNC], ids=["none", "late"])
def test_a_missing_sync_of_the_spool_is_seen(tmp_path: Path, change: str) -> None:
    """Without the sync of the spool, or with a later one, the same trace shows answers that left too early."""
    trace, _ = traced(tmp_path, change)
    assert len(trace.too_early(trace.spooled)) > len(trace.spooled) / 2
    assert trace.too_early(trace.stored) == []


@pytest.mark.parametrize("change", [NO_DATABASE_SYNC, SYNC_AT_CHECKPOINTS], ids=["none", "checkpoints"])
def test_a_missing_sync_of_the_database_is_seen(tmp_path: Path, change: str) -> None:
    """Without the sync of the write-ahead log at each commit, the same trace shows answers that left too early."""
    trace, _ = traced(tmp_path, change)
    assert len(trace.too_early(trace.stored)) > len(trace.stored) / 2
    assert trace.too_early(trace.spooled) == []
