"""The jobs of a core in a test: the product's runner, run until nothing is due."""

import asyncio
from collections import Counter
from contextlib import closing

from strongroom.audit.record import encode
from strongroom.jobs import Runner
from strongroom.keystores.registry import Registry
from strongroom.keystores.rowseal import RowSeal
from strongroom.keystores.software import SoftwareKeyStore
from strongroom.storage.store import open_store
from tests.core import DATABASE, ROOTS, Core


class Counted:
    """Counts jobs by name and outcome."""

    def __init__(self) -> None:
        self.jobs: Counter[tuple[str, str]] = Counter()

    def count(self, job: str, outcome: str, seconds: float) -> None:
        """As ``wire.metrics.JobMetrics``."""
        assert seconds >= 0
        self.jobs[job, outcome] += 1


def run_jobs(core: Core, holder: str = "tests") -> Counter[tuple[str, str]]:
    """Do all that is due by the core's clocks; how often each job was done or failed."""
    counted = Counted()
    with closing(open_store(core.folder / DATABASE, RowSeal(ROOTS, 1), lambda: None)) as store:
        runner = Runner(
            store=store,
            keystores=Registry(SoftwareKeyStore(ROOTS)),
            clocks=core.clock.clocks(),
            encode=encode,
            noted=lambda: None,
            holder=holder,
            counter=counted,
        )
        asyncio.run(runner.run())
    core.views.refresh()
    return counted.jobs
