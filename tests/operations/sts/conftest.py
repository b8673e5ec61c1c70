"""A scene over a core of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core import open_core
from tests.operations.sts.scenes import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Two accounts with nobody but their roots."""
    with open_core(tmp_path) as core:
        yield Scene(core)
