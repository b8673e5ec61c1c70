"""The jobs of a core in a test: the product's runner, run until nothing is due."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

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


@contextmanager
def open_jobs(core: Core, holder: str = "tests") -> Iterator[Callable[[], Counter[tuple[str, str]]]]:
    """The runner of a core: called, it does all that is due by the core's clocks.

    It tells how often each job was done or failed so far.
    """
    counted = Counted()
    with closing(open_store(core.folder / DATABASE, RowSeal(ROOTS, 1), lambda: None)) as store:
        runner = Runner(
            store=store,
            keystores=Registry(SoftwareKeyStore(ROOTS)),
            clocks=core.clock.clocks(),
            encode=encode,
            holder=holder,
            counter=counted,
        )

        def run() -> Counter[tuple[str, str]]:
            asyncio.run(runner.run())
            core.views.refresh()
            return counted.jobs

        yield run


def run_jobs(core: Core, holder: str = "tests") -> Counter[tuple[str, str]]:
    """Do all that is due by the core's clocks; how often each job was done or failed."""
    with open_jobs(core, holder) as run:
        return run()
