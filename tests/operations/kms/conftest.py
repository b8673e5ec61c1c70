"""A core and a key for each test of this folder, and the keys of each kind for each module."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core import Core, open_core
from tests.operations.kms.kinds import Zoo, open_zoo


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """A core of the test's own."""
    with open_core(tmp_path) as opened:
        yield opened


@pytest.fixture
def key(core: Core) -> str:
    """The ARN of an enabled key."""
    return core.new_key()


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zoo]:
    """A core with a key of each kind, for tests that change nothing."""
    with open_core(tmp_path_factory.mktemp("zoo")) as opened:
        yield open_zoo(opened)
