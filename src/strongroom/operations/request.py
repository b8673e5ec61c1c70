"""Requests from JSON: the fast path accepts, the slow path explains.

``decode`` tries a compiled decoder first. Only what that refuses is read a second time, along the same type: either
into every fault, in the words of AWS's service framework, or, where nothing but nulls and whole numbers such as ``5.0``
stood in the way, into the request after all.

The wording is the one that AWS JSON services are seen to use: ``Value '...' at '...' failed to satisfy constraint`` in
public KMS, Lambda and ACM logs, ``NUMBER_VALUE can not be converted to a String`` in Lambda's, ``Start of list found
where not expected`` and ``Expected list or null`` in Kinesis's. A body that is not JSON gets no text, as there.
"""

import functools
import operator
import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Raw, inspect

from strongroom.model.errors import SerializationException, ValidationException
from strongroom.operations.shapes import Request, model_pattern

R = TypeVar("R", bound=Request)

# AWS's framework names no more than ten faults of a request (seen in Kinesis).
MAX_FAULTS = 10
# A longer list or map is not read item by item, so that no body keeps the service busy: no request that works has one.
MAX_ENTRIES = 1000
# AWS echoes values whole; here an answer and its audit record stay small.
MAX_ECHO = 256

_REFUSALS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_NOT_NULL = "Member must not be null"


def decode(request_type: type[R], body: bytes) -> R:
    """Make a request of a JSON body.

    A null member is as an absent one, unknown members are passed over, of a repeated member the last counts, and
    lengths of text count code points. An empty body is not JSON (Kinesis is seen to refuse it, too).

    Args:
        request_type: The operation's request type.
        body: A JSON object in UTF-8.

    Raises:
        SerializationException: The body is not JSON, nests too deep, or a member has the wrong JSON type or is not
            base64.
        ValidationException: Members are missing or break their constraints; the text names up to ten such faults. Also
            a list or map of over 1,000 entries in a body that the fast path refuses.
    """
    try:
        request: R = _decoder(request_type).decode(body.decode())
    except _REFUSALS:
        pass  # explained outside, so that no fault drags the body along as its context
    else:
        return request
    raw = _parsed(body, Raw)
    if _token(raw) == "null":
        raise SerializationException
    faults: list[str] = []
    members = _read(_type_info(request_type), raw, _Place("", hidden=False, faults=faults))
    if faults:
        raise invalid(*faults)
    return msgspec.convert(members, request_type)


def fault(path: str, constraint: str, value: object = None, *, hidden: bool = False) -> str:
    """One broken constraint in AWS's words.

    Args:
        path: The member's path, such as ``tags.1.member.tagKey``.
        constraint: Such as ``Member must not be null``.
        value: What stands there; None is written as null, without quotes.
        hidden: Whether the value must not be shown.
    """
    if value is None:
        echo = " null"
    elif hidden:
        echo = ""
    else:
        text = f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
        echo = f" '{_cut(text)}'"
    return f"Value{echo} at '{path}' failed to satisfy constraint: {constraint}"


def invalid(*faults: str) -> ValidationException:
    """One refusal for all faults of a request."""
    plural = "" if len(faults) == 1 else "s"
    return ValidationException(f"{len(faults)} validation error{plural} detected: {'; '.join(faults)}")


def lower_camel(name: str) -> str:
    """A wire name as AWS's messages and CloudTrail write it: ``keyId``, ``aWSAccountId``."""
    return name[:1].lower() + name[1:]


def unwrapped(info: Any) -> tuple[Any, bool]:
    """A member's type without ``| None`` and metadata, and whether its value stays out of texts and records."""
    if isinstance(info, inspect.UnionType):
        (inner,) = (item for item in info.types if not isinstance(item, inspect.NoneType))
        return unwrapped(inner)
    if isinstance(info, inspect.Metadata):
        inner, hidden = unwrapped(info.type)
        extra = info.extra or {}
        return inner, hidden or extra.get("secret", False) or not extra.get("logged", True)
    contents = getattr(info, "item_type", getattr(info, "value_type", None))
    return info, isinstance(info, inspect.BytesType) or (contents is not None and unwrapped(contents)[1])


@functools.cache
def _decoder(request_type: type[R]) -> msgspec.json.Decoder[R]:
    return msgspec.json.Decoder(request_type)


@functools.cache
def _type_info(request_type: type[Request]) -> inspect.Type:
    return inspect.type_info(request_type)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_ECHO else f"{text[:MAX_ECHO]}..."


def _parsed(text: bytes | Raw, wanted: Any, refusal: str = "") -> Any:
    """JSON as a type.

    Raises:
        SerializationException: It is not JSON of that type; ``refusal`` is the message.
    """
    try:
        return msgspec.json.decode(bytes(text).decode(), type=wanted)
    except _REFUSALS:
        pass  # as in decode
    raise SerializationException(refusal)


class _Place(NamedTuple):
    """Where in the request we are."""

    path: str
    hidden: bool
    faults: list[str]

    def below(self, name: str, *, hidden: bool = False) -> "_Place":
        path = f"{self.path}.{name}" if self.path else name
        return _Place(path, self.hidden or hidden, self.faults)

    def add(self, constraint: str, value: object = None) -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(fault(self.path, constraint, value, hidden=self.hidden))


# --- constraints ---

Test = Callable[[Any, Any], object]

_LIMITS: tuple[tuple[str, str, Test], ...] = (
    ("le", "Member must have value less than or equal to {}", operator.le),
    ("ge", "Member must have value greater than or equal to {}", operator.ge),
    ("max_length", "Member must have length less than or equal to {}", lambda value, most: len(value) <= most),
    ("min_length", "Member must have length greater than or equal to {}", lambda value, least: len(value) >= least),
    ("pattern", "Member must satisfy regular expression pattern: {}", lambda value, regex: re.search(regex, value)),
)


def _constraints(info: Any) -> list[tuple[str, Test, Any]]:
    """The constraints of a type: AWS's text, and a test with its bound that a value has to pass."""
    if isinstance(info, inspect.EnumType):
        names = [str(member.value) for member in info.cls]
        return [
            (f"Member must satisfy enum value set: [{', '.join(names)}]", lambda value, bound: value in bound, names)
        ]
    found: list[tuple[str, Test, Any]] = []
    for name, text, holds in _LIMITS:
        bound = getattr(info, name, None)
        if bound is not None:
            found.append((text.format(model_pattern(bound) if name == "pattern" else bound), holds, bound))
    return found


# --- JSON values ---

_TOKENS = {b'"': "STRING_VALUE", b"t": "TRUE_VALUE", b"f": "FALSE_VALUE", b"n": "null", b"{": "object", b"[": "array"}
_STARTS = {
    "object": "Start of structure or map found where not expected.",
    "array": "Start of list found where not expected",
}


def _token(raw: Raw) -> str:
    return _TOKENS.get(bytes(memoryview(raw)[:1]), "NUMBER_VALUE")


def _read(info: Any, raw: Raw, place: _Place) -> Any:
    """A JSON value as plain data of a type, with no nulls; broken constraints are added to the place's faults.

    Raises:
        SerializationException: A value has the wrong JSON type or is not base64.
    """
    kind = _KINDS[type(info)]
    token = _token(raw)
    if token not in kind.tokens:
        raise SerializationException(_STARTS.get(token) or kind.refusal.format(token))
    value = kind.read(info, raw, place)
    for constraint, holds, bound in _constraints(info):
        if not holds(value, bound):
            place.add(constraint, value)
    return value


def _string(_info: Any, raw: Raw, _place: _Place) -> str:
    return str(_parsed(raw, str))


def _blob(_info: Any, raw: Raw, _place: _Place) -> bytes:
    return bytes(_parsed(raw, bytes, "STRING_VALUE can not be converted to a Blob"))


def _boolean(_info: Any, raw: Raw, _place: _Place) -> bool:
    return bool(_parsed(raw, bool))


def _integer(_info: Any, raw: Raw, _place: _Place) -> int:
    refusal = "NUMBER_VALUE can not be converted to an Integer"
    number = _parsed(raw, int | float, refusal)
    if number != int(number):
        raise SerializationException(refusal)
    return int(number)


def _timestamp(_info: Any, raw: Raw, _place: _Place) -> float:
    return float(_parsed(raw, float, "NUMBER_VALUE can not be converted to milliseconds since epoch"))


def _structure(info: Any, raw: Raw, place: _Place) -> dict[str, Any]:
    given = _parsed(raw, dict[str, Raw])
    members: dict[str, Any] = {}
    for field in info.fields:
        inner, hidden = unwrapped(field.type)
        here = place.below(lower_camel(field.encode_name), hidden=hidden)
        member = given.get(field.encode_name)
        if member is not None and _token(member) != "null":
            members[field.encode_name] = _read(inner, member, here)
        elif field.required:
            here.add(_NOT_NULL)
    return members


def _entries(raw: Raw, wanted: Any, place: _Place) -> Any:
    entries = _parsed(raw, wanted)
    if len(entries) > MAX_ENTRIES:
        constraint = f"Member must have length less than or equal to {MAX_ENTRIES}"
        raise invalid(fault(place.path, constraint, "", hidden=True))
    return entries


def _map(info: Any, raw: Raw, place: _Place) -> dict[str, Any]:
    inner, _ = unwrapped(info.value_type)
    entries: dict[str, Any] = {}
    for key, value in _entries(raw, dict[str, Raw], place).items():
        here = place.below(f"{_cut(key)}.member")
        if _token(value) == "null":
            here.add(_NOT_NULL)
        else:
            entries[key] = _read(inner, value, here)
    return entries


def _list(info: Any, raw: Raw, place: _Place) -> list[Any]:
    """A list; AWS words faults of structures where they stand, and those of plain items at the list."""
    inner, _ = unwrapped(info.item_type)
    faults = place.faults if isinstance(inner, inspect.StructType) else []
    items: list[Any] = []
    for number, item in enumerate(_entries(raw, list[Raw], place), 1):
        here = place.below(f"{number}.member")
        if _token(item) == "null":
            here.add(_NOT_NULL)
        else:
            items.append(_read(inner, item, here._replace(faults=faults)))
    if faults is not place.faults and faults:
        every = ", ".join(text for text, _, _ in _constraints(inner))
        place.add(f"Member must satisfy constraint: [{every}]", items)
    return items


class _Kind(NamedTuple):
    """How values of a type are read: the JSON tokens that may begin one, the refusal of others, the reader."""

    tokens: tuple[str, ...]
    refusal: str
    read: Callable[[Any, Raw, _Place], Any]


_TEXT = _Kind(("STRING_VALUE",), "{} can not be converted to a String", _string)

# The types that request members have.
_KINDS: dict[type[inspect.Type], _Kind] = {
    inspect.StrType: _TEXT,
    inspect.EnumType: _TEXT,
    inspect.BytesType: _Kind(("STRING_VALUE",), "{} can not be converted to a Blob", _blob),
    inspect.BoolType: _Kind(("TRUE_VALUE", "FALSE_VALUE"), "{} can not be converted to a Boolean", _boolean),
    inspect.IntType: _Kind(("NUMBER_VALUE",), "{} can not be converted to an Integer", _integer),
    inspect.FloatType: _Kind(("NUMBER_VALUE",), "{} can not be converted to milliseconds since epoch", _timestamp),
    inspect.VarTupleType: _Kind(("array",), "Expected list or null", _list),
    inspect.DictType: _Kind(("object",), "Expected map or null", _map),
    inspect.StructType: _Kind(("object",), "Expected null", _structure),
}
