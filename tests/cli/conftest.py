"""The program run inside the test's process."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from strongroom.cli.main import app
from tests.processwide import restored_logging, restored_process

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty folder to stand in, no settings in the environment, and a process that is as it was after."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("STRONGROOM_")]:
        monkeypatch.delenv(name)
    with restored_process(), restored_logging():
        yield


@pytest.fixture
def run() -> Run:
    """Run the program with arguments and, by ``environment``, variables."""

    def call(*arguments: object, environment: dict[str, str] | None = None, **more: Any) -> Result:
        return CliRunner().invoke(app, [str(item) for item in arguments], env=environment, **more)

    return call
