"""A runner to be killed: ``python -m tests.jobs_child DATABASE BEGAN`` runs the jobs while key-life time flies."""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

from strongroom.audit.record import encode
from strongroom.jobs import Runner
from strongroom.keystores.registry import Registry
from strongroom.keystores.rowseal import RowSeal
from strongroom.keystores.software import SoftwareKeyStore
from strongroom.ports import Clocks
from strongroom.storage.store import SqlStore, open_store
from tests.core import ROOTS
from tests.jobs import Counted

FIRST_DAY = 1_790_000_000.0
DAYS_A_SECOND = 50.0
DAY = 86_400.0


def flying(began: float) -> Callable[[], float]:
    """A key-life clock that began on FIRST_DAY at a machine's time, and goes 50 days a second."""
    return lambda: round(FIRST_DAY + (time.time() - began) * DAYS_A_SECOND * DAY, 3)


def make_runner(store: SqlStore, key_life: Callable[[], float]) -> Runner:
    """The product's runner by that clock; started again, it has the same name."""
    return Runner(
        store=store,
        keystores=Registry(SoftwareKeyStore(ROOTS)),
        clocks=Clocks(machine=time.time, key_life=key_life),
        encode=encode,
        holder="the killed one",
        counter=Counted(),
    )


if __name__ == "__main__":
    opened = open_store(Path(sys.argv[1]), RowSeal(ROOTS, 1), lambda: None)
    print("running", flush=True)
    asyncio.run(make_runner(opened, flying(float(sys.argv[2]))).run_for_ever())
