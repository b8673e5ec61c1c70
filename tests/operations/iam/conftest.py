"""A core for each test of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core import Core, open_core


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """A core of the test's own."""
    with open_core(tmp_path) as opened:
        yield opened
