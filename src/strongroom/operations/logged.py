"""What the audit may see of a request and of an answer, in CloudTrail's member names.

Left out: members marked secret or unlogged, all bytes, and what is absent or empty. Each type's members are compiled
once into a list of closures (CloudTrail examples: AWS KMS Developer Guide, "Logging AWS KMS API calls").
"""

import functools
import operator
import time
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import inspect

from strongroom.operations.request import lower_camel, unwrapped
from strongroom.operations.shapes import Request, Response

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799  # of the years 1 and 9999

# Every float of AWS's model is a time; these numbers of dev mode's own calls are none.
_LENGTHS = frozenset({"seconds", "offsetSeconds"})

# Members that AWS's records show only when they are set.
_ONLY_IF_TRUE = frozenset({"dryRun"})


def request_parameters(request: Request) -> Mapping[str, Any] | None:
    """The requestParameters of a record: plain data, or None where nothing is to be shown."""
    return _structure(type(request))(request) or None


def response_elements(response: Response | None) -> Mapping[str, Any] | None:
    """The responseElements of a changing call's record, as ``request_parameters``."""
    return None if response is None else _structure(type(response))(response) or None


def timestamp(seconds: float) -> str:
    """A time as CloudTrail writes it for KMS, in UTC: ``Aug 10, 2022, 10:38:27 PM``.

    A caller can send any number as a time: what lies outside the years 1 to 9999 is written as their begin or end.
    """
    at = time.gmtime(min(max(seconds, _FIRST_SECOND), _LAST_SECOND))
    half, hour = divmod(at.tm_hour, 12)
    clock = f"{hour or 12}:{at.tm_min:02}:{at.tm_sec:02} {'AP'[half]}M"
    return f"{_MONTHS[at.tm_mon - 1]} {at.tm_mday}, {at.tm_year}, {clock}"


@functools.cache
def _structure(struct: type[Any]) -> Callable[[Any], dict[str, Any]]:
    members: list[tuple[str, Callable[[Any], Any], Callable[[Any], Any] | None, bool]] = []
    info: Any = inspect.type_info(struct)
    for field in info.fields:
        inner, hidden = unwrapped(field.type)
        if hidden:
            continue
        name = lower_camel(field.encode_name)
        keeps_zero = isinstance(inner, _SCALARS) and name not in _ONLY_IF_TRUE
        members.append((name, operator.attrgetter(field.name), None if name in _LENGTHS else _shown(inner), keeps_zero))

    def show(value: Any) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for name, get, convert, keeps_zero in members:
            member = get(value)
            if member is None:
                continue
            if convert is not None:
                member = convert(member)
            if member or keeps_zero:
                shown[name] = member
        return shown

    return show


def _shown(info: Any) -> Callable[[Any], Any] | None:
    """How values of a type become plain data; None where they are."""
    if isinstance(info, inspect.VarTupleType):
        inner = _shown(unwrapped(info.item_type)[0])
        return list if inner is None else lambda items: [inner(item) for item in items]
    if isinstance(info, inspect.StructType):
        return _structure(info.cls)
    return _CONVERSIONS[type(info)]


_SCALARS = (inspect.BoolType, inspect.IntType, inspect.FloatType)

# Maps are of text to text: a type that is not here cannot be logged.
_CONVERSIONS: dict[type[inspect.Type], Callable[[Any], Any] | None] = {
    inspect.StrType: None,
    inspect.EnumType: operator.attrgetter("value"),
    inspect.BoolType: None,
    inspect.IntType: None,
    inspect.FloatType: timestamp,
    inspect.DictType: None,
}
