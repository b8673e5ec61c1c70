"""Logs of the service: JSON lines, and a brake on what strangers can cause."""

import json
import logging
import sys
from collections.abc import Iterator

import pytest

from strongroom.logs import JsonFormatter, RateLimit, configure
from tests.processwide import restored_logging


def record(message: str, *arguments: object, exc_info: object = None) -> logging.LogRecord:
    """A record of the logger ``strongroom.test``, made at 1,700,000,000.5 seconds."""
    made = logging.LogRecord("strongroom.test", logging.WARNING, __file__, 1, message, arguments, exc_info)  # type: ignore[arg-type] # as logging has it
    made.created = 1_700_000_000.5
    return made


def test_a_record_is_one_json_object() -> None:
    """Time in UTC, level, logger and message, on one line, whatever the message holds."""
    line = JsonFormatter().format(record('a "%s"\n%d\u2028\ud800', "b", 3))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20Z",
        "level": "WARNING",
        "logger": "strongroom.test",
        "message": 'a "b"\n3\u2028\ud800',
    }


def test_a_traceback_is_a_member() -> None:
    """An exception's traceback does not break the line."""
    try:
        raise ValueError("why")  # noqa: TRY301 - to have one
    except ValueError:
        line = JsonFormatter().format(record("failed", exc_info=sys.exc_info()))
    assert "\n" not in line
    entry = json.loads(line)
    assert entry["message"] == "failed"
    assert entry["traceback"].startswith("Traceback (most recent call last):\n")
    assert entry["traceback"].endswith("ValueError: why")


class Clock:
    """A clock that the test sets."""

    now = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def test_the_brake_lets_so_many_through_in_a_second() -> None:
    """The others are held back; the next second's first entry says how many they were, and the count begins anew."""
    clock = Clock()
    brake = RateLimit(3, clock)
    assert [brake.filter(record("x")) for _ in range(5)] == [True, True, True, False, False]
    clock.now = 100.9
    assert not brake.filter(record("x"))
    clock.now = 101.0
    first, second = record("refused %s", "y"), record("refused %s", "z")
    assert brake.filter(first)
    assert brake.filter(second)
    assert first.getMessage() == "refused y (3 earlier entries held back)"
    assert second.getMessage() == "refused z"
    assert [brake.filter(record("x")) for _ in range(2)] == [True, False]


def test_a_quiet_second_holds_nothing_back() -> None:
    """Entries below the limit are passed on as they are, second after second."""
    clock = Clock()
    brake = RateLimit(1, clock)
    for second in range(5):
        clock.now = 200.0 + second
        entry = record("100% sure")
        assert brake.filter(entry)
        assert entry.getMessage() == "100% sure"


@pytest.fixture
def _restored() -> Iterator[None]:
    with restored_logging():
        yield


@pytest.mark.usefixtures("_restored")
def test_all_logs_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON lines from the level on, those of other libraries too; standard output stays the program's."""
    configure("INFO")
    logging.getLogger("strongroom.x").debug("too fine")
    logging.getLogger("strongroom.x").info("one")
    logging.getLogger("other").error("two")
    logging.getLogger("alembic.runtime").info("not worth a line")
    out, err = capsys.readouterr()
    assert out == ""
    assert [json.loads(line)["message"] for line in err.splitlines()] == ["one", "two"]


@pytest.mark.usefixtures("_restored")
def test_the_security_log_is_braked(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Strangers cause at most ten lines a second, and nobody else's lines are held back."""
    monkeypatch.setattr("strongroom.logs.time.monotonic", lambda: 5.0)
    configure("INFO")
    for _ in range(50):
        logging.getLogger("strongroom.security").warning("a stranger")
        logging.getLogger("strongroom.wire").warning("the wire")
    names = [json.loads(line)["logger"] for line in capsys.readouterr().err.splitlines()]
    assert (names.count("strongroom.security"), names.count("strongroom.wire")) == (10, 50)
