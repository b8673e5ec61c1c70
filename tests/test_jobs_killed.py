"""SIGKILL in the middle of the jobs: nothing that is due is lost, and nothing happens twice."""

import asyncio
import contextlib
import itertools
import random
import secrets
import sqlite3
import subprocess
import sys
import time
from collections import Counter, defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from strongroom.keystores.rowseal import RowSeal
from strongroom.model.state import KeyState
from strongroom.storage.store import open_store
from tests.core import DATABASE, ROOTS, Core, key_id_of, open_core
from tests.jobs_child import DAY, DAYS_A_SECOND, FIRST_DAY, flying, make_runner
from tests.support import SOAK

KILLS = 60 if SOAK else 6
LONGEST = 0.6
"""Seconds at most from the moment that a runner works until it is killed."""

DOOMED, ROTATING = 40 * KILLS, 10
ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.soak


def populate(core: Core) -> tuple[list[str], list[str]]:
    """Keys that are deleted all along the test, and keys that rotate every 90 days; their ARNs."""
    core.clock.key_life = FIRST_DAY
    span = KILLS * LONGEST * DAYS_A_SECOND * DAY
    doomed = [core.new_key() for _ in range(DOOMED)]
    for number, arn in enumerate(doomed):
        at = FIRST_DAY + span * number / DOOMED
        core.put_key(arn, state=KeyState.PENDING_DELETION, deletion_at=at, pending_window_days=7)
    rotating = [core.new_key() for _ in range(ROTATING)]
    for arn in rotating:
        core.ok("EnableKeyRotation", KeyId=arn, RotationPeriodInDays=90)
    return doomed, rotating


def run_and_kill(path: Path, began: float, seconds: float) -> None:
    """Start a runner, and kill it some time after it has begun to work."""
    command = [sys.executable, "-m", "tests.jobs_child", str(path), str(began)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.kill()


def wrapped_materials(path: Path, key_ids: list[str]) -> list[bytes]:
    """The wrapped materials of keys, as they lie in the database."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT key_id, wrapped FROM materials").fetchall()
    return [wrapped for key_id, wrapped in rows if key_id in set(key_ids)]


def events(core: Core) -> dict[str, list[dict[str, Any]]]:
    """The service events of each key, by its ARN, in the order of their commits."""
    found = defaultdict(list)
    for (record,) in core.outbox().values():
        if record["eventType"] == "AwsServiceEvent":
            found[record["resources"][0]["ARN"]].append(record)
    return found


def check_deleted(core: Core, doomed: list[str]) -> None:
    """Each is gone, has one tombstone and one event."""
    with closing(sqlite3.connect(core.folder / DATABASE)) as connection:
        stones = Counter(key_id for (key_id,) in connection.execute("SELECT key_id FROM tombstones"))
    assert stones == dict.fromkeys(map(key_id_of, doomed), 1)
    found = events(core)
    assert [[event["eventName"] for event in found[arn]] for arn in doomed] == [["DeleteKey"]] * len(doomed)


def check_rotated(core: Core, rotating: list[str]) -> int:
    """Each material but the first has its event, which follows the one before; how many rotations there were."""
    found, count = events(core), 0
    for arn in rotating:
        materials = list(core.stored(arn).materials)
        steps = [event["serviceEventDetails"] for event in found[arn]]
        pairs = [(each["previousKeyMaterialId"], each["currentKeyMaterialId"]) for each in steps]
        assert pairs == list(itertools.pairwise(materials))
        count += len(pairs)
    return count


def test_killed_jobs_lose_and_repeat_nothing(tmp_path: Path) -> None:
    """Kill the runner at random moments; afterwards each deletion and rotation has happened once, with its event.

    And nothing of a deleted key's material is left in the files of the database.
    """
    seed = secrets.randbits(32)
    print(f"killed jobs: seed {seed}")
    moments = random.Random(seed)  # noqa: S311 - moments of a test
    path = tmp_path / DATABASE
    with open_core(tmp_path) as core:
        doomed, rotating = populate(core)
        secrets_of_doomed = wrapped_materials(path, list(map(key_id_of, doomed)))
    assert len(secrets_of_doomed) == DOOMED
    began = time.time()
    for _ in range(KILLS):
        run_and_kill(path, began, moments.uniform(0.05, LONGEST))
    now = max(flying(began)(), FIRST_DAY + KILLS * LONGEST * DAYS_A_SECOND * DAY)
    with closing(open_store(path, RowSeal(ROOTS, 1), lambda: None)) as store:
        asyncio.run(make_runner(store, lambda: now).run())
        store.check()
        assert store.to_shred() is None
    with open_core(tmp_path) as core:
        check_deleted(core, doomed)
        rotations = check_rotated(core, rotating)
    assert rotations >= ROTATING
    files = b"".join(file.read_bytes() for file in tmp_path.glob(f"{DATABASE}*"))
    assert not [secret for secret in secrets_of_doomed if secret[8:24] in files]
    print(f"killed jobs: {KILLS} kills, {len(doomed)} deletions, {rotations} rotations")
