"""``strongroom clock``."""

import json
from pathlib import Path

import pytest

from strongroom.admin import AdminAnswer, AdminRequest
from tests.cli.conftest import Run, Service


def test_clock_asks_the_service(run: Run, service: Service, tmp_path: Path) -> None:
    """Each command goes to the service of the data folder with what was given, and its answer is printed."""
    service.answer = AdminAnswer(result={"offsetSeconds": 1.0})
    for arguments in (("show",), ("advance", "1d12h")):
        done = run("clock", *arguments, "--data-dir", tmp_path)
        assert (done.exit_code, json.loads(done.stdout)) == (0, {"offsetSeconds": 1.0})
    assert service.asked == [
        (tmp_path, AdminRequest("clock-show")),
        (tmp_path, AdminRequest("clock-advance", {"duration": "1d12h"})),
    ]


@pytest.mark.parametrize("arguments", [(), ("soon",), ("-7d",), ("7",), ("7d", "7d")])
def test_clock_advance_wants_a_duration(run: Run, arguments: tuple[str, ...]) -> None:
    """Anything else is wrong usage, found before any service is asked."""
    assert run("clock", "advance", *arguments).exit_code == 2


@pytest.mark.parametrize("arguments", [("show",), ("advance", "7d")])
def test_clock_without_a_service(run: Run, arguments: tuple[str, ...]) -> None:
    """Nobody answers: 1."""
    done = run("clock", *arguments)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "no service answers" in done.stderr
