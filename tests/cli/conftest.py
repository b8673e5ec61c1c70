"""The program run inside the test's process."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from strongroom.admin import AdminAnswer, AdminRequest
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


class Service:
    """In the place of a running service: keeps what it was asked, and gives one answer."""

    def __init__(self) -> None:
        self.answer = AdminAnswer(result={})
        self.asked: list[tuple[Path, AdminRequest]] = []

    def __call__(self, data_dir: Path, request: AdminRequest, _patience: float) -> AdminAnswer:
        """Answer."""
        self.asked.append((data_dir, request))
        return self.answer


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    """The service that the program asks, whatever folder it names."""
    found = Service()
    monkeypatch.setattr("strongroom.admin.ask", found)
    return found
