"""Every operation on a key of every kind in every state, against AWS's table of key states."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from strongroom.operations.table import OPERATIONS
from tests.core import DATABASE, ELSEWHERE, REGION, Core, open_core
from tests.operations.kms.scenes import REQUESTS, Scene, bring, prepare
from tests.operations.kms.state_table import COLUMNS, FOOTNOTES, TABLE, Cell, cells


class Stage:
    """A key in a state, for many calls: the first one that changes anything is the last one on that key.

    Args:
        folder: For the stores, one after the other.
        kind: Of the key.
        state: Of the key.
    """

    def __init__(self, folder: Path, kind: str, state: str) -> None:
        self._folder = folder
        self._kind = kind
        self._state = state
        self._opened = contextlib.ExitStack()
        self._number = 0
        self._onlooker: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._opened.close()

    def ready(self) -> tuple[Core, Scene]:
        """The core with the key in its state."""
        if self.changed():
            self._onlooker = None
            self._opened.close()
            self._number += 1
            folder = self._folder / str(self._number)
            folder.mkdir()
            self._scene = prepare(folder, self._kind, self._state)
            self._core = self._opened.enter_context(open_core(folder))
            bring(self._core, self._scene, self._state)
            self._onlooker = self._opened.enter_context(contextlib.closing(sqlite3.connect(folder / DATABASE)))
            self._version = _data_version(self._onlooker)
        return self._core, self._scene

    def changed(self) -> bool:
        """Whether anybody wrote into the store since the key came into its state."""
        return self._onlooker is None or _data_version(self._onlooker) != self._version


def _data_version(connection: sqlite3.Connection) -> int:
    """A number that changes with everything that others commit (SQLite, "PRAGMA data_version")."""
    (number,) = connection.execute("PRAGMA data_version").fetchone()
    return int(number)


@pytest.fixture(scope="module")
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A key of the kind and in the state of a case; pytest runs cases with the same one together."""
    with Stage(tmp_path_factory.mktemp("stage"), *request.param) as made:
        yield made


def operation_of(case: str) -> str:
    """The operation of a case."""
    return case.split(maxsplit=1)[0]


@pytest.mark.parametrize(
    ("stage", "cell"),
    [pytest.param((cell.kind, cell.state), cell, id=f"{cell.case}-{cell.kind}-{cell.state}") for cell in cells()],
    indirect=["stage"],
    scope="module",
)
def test_a_state_allows_what_awss_table_says(stage: Stage, cell: Cell) -> None:
    """The call succeeds, or has the fault and the words of its footnote and leaves the store as it was."""
    core, scene = stage.ready()
    region = ELSEWHERE if cell.case == "UpdatePrimaryRegion to" else REGION
    answer = core.call(operation_of(cell.case), region=region, **REQUESTS[cell.case](scene))
    if cell.outcome == "ok":
        assert answer.status == 200, (answer.code, answer.message)
    else:
        code, text = FOOTNOTES[cell.outcome]
        assert (answer.status, answer.code) == (400, code), answer.message
        pending = "pending replica deletion" if cell.state == "PendingReplicaDeletion" else "pending deletion"
        assert text is None or answer.message == text.format(arn=scene.key, pending=pending)
        assert not stage.changed()


def test_the_table_is_whole() -> None:
    """Every operation on a key has its row, every row a cell for each column, and every case a request."""
    keyless = {"CreateKey", "GenerateRandom", "ListKeys", "ListRetirableGrants"}
    assert {operation_of(case) for case in TABLE} == OPERATIONS.keys() - keyless
    assert TABLE.keys() == REQUESTS.keys()
    assert {len(row.split()) for row in TABLE.values()} == {len(COLUMNS)}


@pytest.mark.parametrize("stage", [("symmetric", "PendingDeletion"), ("imported", "PendingImport")], indirect=True)
def test_lists_show_keys_in_every_state(stage: Stage) -> None:
    """ListKeys and ListAliases do not look at states."""
    core, scene = stage.ready()
    assert scene.key in [item["KeyArn"] for item in core.ok("ListKeys")["Keys"]]
    assert "alias/key" in [item["AliasName"] for item in core.ok("ListAliases")["Aliases"]]
