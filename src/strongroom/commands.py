"""What operators can ask the running service for, beside its status: each a function behind the admin socket."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from strongroom.admin import Command, CommandError
from strongroom.jobs import transact
from strongroom.model.errors import Fault
from strongroom.operations.dev.clock import ClockResponse, advance, clock_at, seconds_of
from strongroom.ports import AdapterError, AuditEvent, KeyStores, Store, Transaction

T = TypeVar("T")

_log = logging.getLogger("strongroom.supervisor")


class ClockCommands:
    """``clock-show`` and ``clock-advance``: the key-life clock of dev mode.

    Args:
        store: The store; its reads are this thread's.
        keystores: For what falls due.
        machine: The machine's clock.
        encode: Makes the payload of audit records.
        dev: Whether this is dev mode; production refuses.
    """

    def __init__(
        self,
        store: Store,
        keystores: KeyStores,
        machine: Callable[[], float],
        encode: Callable[[AuditEvent], bytes],
        *,
        dev: bool,
    ) -> None:
        self._store = store
        self._keystores = keystores
        self._machine = machine
        self._encode = encode
        self._dev = dev

    def by_name(self) -> dict[str, Command]:
        """The commands."""
        return {"clock-show": Command(self._show), "clock-advance": Command(self._advance, recorded=True)}

    async def _show(self, _arguments: Mapping[str, str], _event: AuditEvent) -> dict[str, Any]:
        self._require_dev()
        try:
            return _shown(clock_at(self._machine(), self._store.clock_offset()))
        except AdapterError as error:
            raise CommandError("InternalFailure", str(error)) from None

    async def _advance(self, arguments: Mapping[str, str], event: AuditEvent) -> dict[str, Any]:
        self._require_dev()

        def work(tx: Transaction) -> ClockResponse:
            seconds = seconds_of(arguments.get("duration", ""))
            after = advance(tx, self._keystores, self._machine(), self._encode, seconds)
            tx.add_record(event.event_id, self._encode(event))
            return after

        try:
            after = await transact(self._store, work)
        except Fault as fault:
            raise CommandError(fault.type, fault.message) from None
        except Exception as error:  # noqa: BLE001 - whatever a step raised, the operator is told and it is audited
            _log.exception("the clock was not advanced")
            raise CommandError("InternalFailure", f"the clock was not advanced: {error}") from None
        return _shown(after)

    def _require_dev(self) -> None:
        if not self._dev:
            raise CommandError("UnsupportedOperation", "the clock of keys can be moved in dev mode alone")


def _shown(clock: ClockResponse) -> dict[str, Any]:
    """What the program prints: times in UTC."""
    return {
        "keyLifeTime": _iso(clock.key_life_time),
        "machineTime": _iso(clock.machine_time),
        "offsetSeconds": clock.offset_seconds,
    }


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
