"""The clock that keys live by, moved: AdvanceClock and GetClock, dev mode's own calls (docs: adr 6).

Signatures, TLS, audit times and leases stay on the machine's clock, so clients need not know of it.
"""

from collections.abc import Callable
from typing import Annotated

from msgspec import Meta

from strongroom.model.duration import parse_duration
from strongroom.model.errors import ValidationException
from strongroom.operations.life import Life, pass_time
from strongroom.operations.shapes import Request, Response
from strongroom.operations.table import Call, Service, WriteCall, operation
from strongroom.ports import AuditEvent, KeyStores, Transaction

DEV = Service("kms", "strongroom.dev", target_prefix="StrongroomDev.")

SECONDS_PER_YEAR = 31_557_600
MAX_SECONDS = 100 * SECONDS_PER_YEAR
"""The most that one call may pass."""

MAX_OFFSET = 1_000 * SECONDS_PER_YEAR
"""The furthest that key life may be ahead: dates stay far from the last year that clients can read, 9999."""


class AdvanceClockRequest(Request, frozen=True, kw_only=True):
    """Members of AdvanceClock: one of the two."""

    seconds: Annotated[float, Meta(ge=0.001, le=MAX_SECONDS)] | None = None
    duration: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class GetClockRequest(Request, frozen=True, kw_only=True):
    """GetClock has no members."""


class ClockResponse(Response, frozen=True, kw_only=True):
    """Both clocks in epoch seconds, and how far the one is ahead of the other."""

    key_life_time: float
    machine_time: float
    offset_seconds: float


def clock_at(machine_now: float, offset: float) -> ClockResponse:
    """What the clocks tell at a moment."""
    return ClockResponse(
        key_life_time=round(machine_now + offset, 3), machine_time=round(machine_now, 3), offset_seconds=offset
    )


def seconds_of(duration: str) -> int:
    """A duration in seconds.

    Raises:
        ValidationException: It is none.
    """
    try:
        return parse_duration(duration)
    except ValueError as error:
        raise ValidationException(str(error)) from None


def advance(
    tx: Transaction, keystores: KeyStores, machine_now: float, encode: Callable[[AuditEvent], bytes], seconds: float
) -> ClockResponse:
    """Let time pass for keys, and keep how far they are ahead then.

    Raises:
        ValidationException: It is no time, or too much.
    """
    if not 0 < seconds <= MAX_SECONDS:
        raise ValidationException("The clock goes forward only, by more than nothing and by 100 years at most.")
    before = tx.clock_offset()
    offset = round(before + seconds, 3)
    if offset > MAX_OFFSET:
        raise ValidationException("The clock of keys would be more than 1000 years ahead.")
    now = clock_at(machine_now, before).key_life_time
    after = clock_at(machine_now, offset)
    pass_time(Life(tx, keystores, now, machine_now, encode, before), after.key_life_time)
    tx.put_clock_offset(offset)
    return after


def _check_advance(request: AdvanceClockRequest) -> None:
    if (request.seconds is None) == (request.duration is None):
        raise ValidationException("Exactly one of Seconds and Duration says how much time passes.")
    if request.duration is not None:
        seconds_of(request.duration)


@operation(service=DEV, writes=True, check=_check_advance, errors="KMSInternal")
def advance_clock(call: WriteCall, request: AdvanceClockRequest) -> ClockResponse:
    """Let time pass for keys: what falls due on the way happens at its time, before the answer."""
    seconds = request.seconds or seconds_of(request.duration or "")
    return advance(call.tx, call.keystores, call.clocks.machine(), call.encode, seconds)


@operation(service=DEV, errors="KMSInternal")
def get_clock(call: Call, request: GetClockRequest) -> ClockResponse:
    """Tell both clocks."""
    return clock_at(call.clocks.machine(), call.clocks.offset())
