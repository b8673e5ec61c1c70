"""Metrics as in a worker, in a process that has others."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, values

from strongroom.wire.metrics import Metrics


@contextlib.contextmanager
def fresh_metrics(folder: Path) -> Iterator[Metrics]:
    """Metrics whose counters lie in a folder, as those of a worker do; nothing of them is left in the process.

    prometheus-client decides when it is imported whether it counts in files; a worker is started with the variable set.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
        patch.setattr(values, "ValueClass", values.MultiProcessValue())  # type: ignore[no-untyped-call] # as it comes
        metrics = Metrics()
        try:
            yield metrics
        finally:
            values.close_all_multiprocess_files()  # type: ignore[no-untyped-call] # as it comes
            for collector in (metrics._requests, metrics._seconds, metrics._refused):
                REGISTRY.unregister(collector)
