"""What operators ask of the clock: the same time passes as over the API, with the operator's own record."""

import asyncio
import getpass
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.admin import AdminRequest, CommandError, operator_event
from strongroom.audit.record import encode
from strongroom.commands import ClockCommands
from strongroom.keystores.registry import Registry
from strongroom.keystores.software import SoftwareKeyStore
from strongroom.model.key import StoredKey
from strongroom.model.life import Step
from strongroom.model.state import KeyState
from strongroom.operations.life import STEPS, Life
from strongroom.ports import StoreUnavailableError
from tests.core import ROOTS, Core, open_core

DAY = 86_400.0


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """A core of dev mode."""
    with open_core(tmp_path, dev=True) as opened:
        yield opened


def command(core: Core, name: str, arguments: dict[str, str] | None = None, *, dev: bool = True) -> dict[str, Any]:
    """Give a command as the admin socket does; its answer."""
    keystores = Registry(SoftwareKeyStore(ROOTS))
    commands = ClockCommands(core.store, keystores, lambda: core.clock.machine, encode, dev=dev).by_name()
    event = operator_event(AdminRequest(name, arguments or {}), os.getuid())

    async def run() -> dict[str, Any]:
        return await commands[name].run(arguments or {}, event)

    return asyncio.run(run())


def refused(core: Core, name: str, arguments: dict[str, str] | None = None, *, dev: bool = True) -> tuple[str, str]:
    """Give one that must be refused; code and text."""
    with pytest.raises(CommandError) as caught:
        command(core, name, arguments, dev=dev)
    return caught.value.code, str(caught.value)


def doomed(core: Core, after: float) -> str:
    """A key that is to be deleted so many seconds from now."""
    arn = core.new_key()
    core.put_key(arn, state=KeyState.PENDING_DELETION, deletion_at=core.clock.machine + after)
    return arn


def test_time_passes_and_the_operator_is_in_the_record(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """What falls due happens; the record is in the outbox with it, names the OS user and says how much."""
    monkeypatch.setitem(STEPS, Step.DELETE, lambda life, stored: life.tx.delete_key(stored.key, life.now))
    arn = doomed(core, 7 * DAY)
    assert command(core, "clock-advance", {"duration": "7d"}) == {
        "keyLifeTime": "2026-06-04T20:26:40Z",
        "machineTime": "2026-05-28T20:26:40Z",
        "offsetSeconds": 604_800.0,
    }
    assert arn not in {key["KeyArn"] for key in core.ok("ListKeys")["Keys"]}
    assert command(core, "clock-advance", {"duration": "12h"})["offsetSeconds"] == 648_000.0
    assert command(core, "clock-show")["offsetSeconds"] == 648_000.0
    found = [record for (record,) in core.outbox().values() if record["eventName"] == "clock-advance"]
    assert [record["requestParameters"] for record in found] == [{"duration": "7d"}, {"duration": "12h"}]
    assert {record["userIdentity"]["principalId"] for record in found} == {getpass.getuser()}


@pytest.mark.parametrize("arguments", [{}, {"duration": "soon"}, {"duration": "0d"}, {"duration": "36526d"}])
def test_no_time_is_refused(core: Core, arguments: dict[str, str]) -> None:
    """As over the API; the clock stays, and no record of a change is left."""
    code, _ = refused(core, "clock-advance", arguments)
    assert code == "ValidationException"
    assert core.store.clock_offset() == 0.0
    assert core.outbox() == {}


@pytest.mark.parametrize("name", ["clock-show", "clock-advance"])
def test_production_refuses(core: Core, name: str) -> None:
    """In plain words, and nothing is moved."""
    code, text = refused(core, name, {"duration": "7d"}, dev=False)
    assert (code, text) == ("UnsupportedOperation", "the clock of keys can be moved in dev mode alone")
    assert core.store.clock_offset() == 0.0


def test_a_step_that_fails_is_told(
    core: Core, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing happened, the operator learns why, and the log has where."""

    def delete(_life: Life, _stored: StoredKey) -> None:
        raise RuntimeError("the sky fell")

    monkeypatch.setitem(STEPS, Step.DELETE, delete)
    doomed(core, DAY)
    assert refused(core, "clock-advance", {"duration": "2d"}) == (
        "InternalFailure",
        "the clock was not advanced: the sky fell",
    )
    assert "Traceback" in caplog.text
    assert core.store.clock_offset() == 0.0


def test_a_store_that_fails_is_told(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator gets the reason, not a broken connection."""

    def fail() -> float:
        raise StoreUnavailableError("the disk")

    monkeypatch.setattr(core.store, "clock_offset", fail)
    assert refused(core, "clock-show") == ("InternalFailure", "the disk")
