"""Stores for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.storage.store import SqlStore
from tests.storage.support import new_store, populate


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store of the test lies."""
    return tmp_path / "strongroom.db"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    """A new store without keys."""
    opened = new_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def full(store: SqlStore) -> SqlStore:
    """The store, with something in every table and nothing left to see in its changes."""
    store.run(populate)
    store.changes()
    return store
