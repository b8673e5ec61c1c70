"""Which requests are accepted, against an independent reader of AWS's model of KMS, as botocore ships it."""

import base64
import binascii
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

import strongroom.operations.kms  # noqa: F401 - fills the table
from strongroom.model.errors import SerializationException, ValidationException
from strongroom.operations.request import decode
from strongroom.operations.table import OPERATIONS

MODEL = ServiceModel(Loader().load_service_model("kms", "service-2", "2014-11-01"))
EPOCH = datetime.fromtimestamp(0, UTC)


class RefusedError(Exception):
    """The independent reader does not take the value."""


JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "blob": (str,),
    "boolean": (bool,),
    "integer": (int, float),
    "timestamp": (int, float),
    "list": (list,),
    "map": (dict,),
    "structure": (dict,),
}


def plain(shape: Any, value: Any) -> Any:
    """A JSON value as botocore's validator wants it; checks JSON types and what that validator does not."""
    kind = shape.type_name
    if type(value) not in JSON_TYPES[kind]:
        raise RefusedError
    if kind == "timestamp":
        return EPOCH  # the model sets no limits, and botocore's validator has some
    if kind == "structure":
        present = {name: member for name, member in shape.members.items() if value.get(name) is not None}
        return {name: plain(member, value[name]) for name, member in present.items()}
    if kind == "map":
        return {key: plain(shape.value, item) for key, item in value.items()}
    if kind == "list":
        value = [plain(shape.member, item) for item in value]
    if kind == "blob":
        try:
            value = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise RefusedError from None
    if kind == "integer":
        if value % 1:
            raise RefusedError
        value = int(value)
    within_limits(shape, value)
    return value


def within_limits(shape: Any, value: Any) -> None:
    """Check limits, patterns and enums, most of which botocore leaves to the service."""
    rules = shape.metadata
    size = 0 if shape.type_name == "boolean" else value if shape.type_name == "integer" else len(value)
    if not rules.get("min", size) <= size <= rules.get("max", size):
        raise RefusedError
    if "pattern" in rules and not re.fullmatch(rules["pattern"], value, re.ASCII):
        raise RefusedError
    if "enum" in rules and value not in rules["enum"]:
        raise RefusedError


def acceptable(shape: Any, body: str) -> bool:
    """Whether AWS's model takes a body, as far as types, required members and limits say."""
    try:
        params = plain(shape, json.loads(body))
    except RefusedError:
        return False
    return not ParamValidator().validate(params, shape).has_errors()


JUNK = st.one_of(st.none(), st.booleans(), st.integers(), st.just(8.0), st.text(max_size=3), st.just([]), st.just({}))
BASE64 = {size: base64.b64encode(bytes(size)).decode() for size in (0, 1, 32, 4096, 4097, 6144, 6145)}


def sizes(shape: Any) -> list[int]:
    """Lengths or values at and beside the limits."""
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", 9)
    return sorted({max(least - 1, 0), least, min(least + 1, most), most, most + 1})


def texts(shape: Any) -> st.SearchStrategy[str]:
    """Strings at the limits, near the pattern, or any."""
    if "enum" in shape.metadata:
        return st.sampled_from([*shape.metadata["enum"], shape.metadata["enum"][0].lower(), ""])
    right = st.sampled_from(["a", "default", "alias/a", "é", "a b", "a\n", "1234abcd-12ab-34cd-56ef-1234567890ab"])
    return right | st.sampled_from(["a" * size for size in sizes(shape)]) | st.text(max_size=3)


def values(shape: Any) -> st.SearchStrategy[Any]:
    """JSON values of a shape, mostly of the right type."""
    kind = shape.type_name
    if kind == "structure":
        members = {name: values(member) for name, member in shape.members.items()}
        required = {name: item for name, item in members.items() if name in shape.required_members}
        optional = {name: item for name, item in members.items() if name not in required} | {"Unknown": JUNK}
        right: st.SearchStrategy[Any] = st.fixed_dictionaries(required, optional=optional)
    elif kind == "list":
        right = st.lists(values(shape.member), max_size=3)
        if "max" in shape.metadata:
            right |= st.builds(lambda item, size: [item] * size, values(shape.member), st.sampled_from(sizes(shape)))
    elif kind == "map":
        right = st.dictionaries(st.text(max_size=3), st.text(max_size=3) | st.text(max_size=3) | JUNK, max_size=3)
    elif kind == "blob":
        right = st.sampled_from([*BASE64.values(), "YQ", "Y-==", "YQ==\n", "é==="])
    elif kind == "integer":
        right = st.sampled_from([*sizes(shape), 2**63, 2**64, -1, 8.0, 8.5, 1e300])
    elif kind == "timestamp":
        right = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    elif kind == "boolean":
        right = st.booleans()
    else:
        right = texts(shape)
    return st.integers(0, 15).flatmap(lambda choice: JUNK if choice == 0 else right)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
@settings(deadline=None)
@given(data=st.data())
def test_accepts_exactly_what_the_model_accepts(name: str, data: st.DataObject) -> None:
    """A body is accepted if and only if an independent reader of AWS's model accepts it."""
    shape = MODEL.operation_model(name).input_shape
    body = json.dumps(data.draw(values(shape)), ensure_ascii=data.draw(st.booleans()))
    try:
        decode(OPERATIONS[name].request, body.encode())
        accepted = True
    except (SerializationException, ValidationException):
        accepted = False
    assert accepted == acceptable(shape, body)
