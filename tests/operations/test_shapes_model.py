"""The operation table and its types against AWS's own model of KMS, as botocore ships it."""

from enum import StrEnum
from typing import Annotated, Any

import msgspec
import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from msgspec import Meta, inspect

import strongroom.operations.kms  # noqa: F401 - fills the table
from strongroom.operations import shapes
from strongroom.operations.shapes import Request, Response, model_pattern
from strongroom.operations.table import OPERATIONS, TO_COME

_LOADER = Loader()
MODEL = ServiceModel(_LOADER.load_service_model("kms", "service-2", "2014-11-01"))
PAGINATORS: dict[str, dict[str, str]] = _LOADER.load_service_model("kms", "paginators-1", "2014-11-01")["pagination"]

TYPE_NAMES: dict[type[inspect.Type], str] = {
    inspect.StrType: "string",
    inspect.EnumType: "string",
    inspect.IntType: "integer",
    inspect.BoolType: "boolean",
    inspect.BytesType: "blob",
    inspect.FloatType: "timestamp",
    inspect.VarTupleType: "list",
    inspect.DictType: "map",
    inspect.StructType: "structure",
}

# Marked unlogged here, though the model has no mark: the member, and why.
MARKED_HERE = {
    "GrantToken": "CloudTrail's records show no grant tokens",
    "GrantTokens": "CloudTrail's records show no grant tokens",
    "Recipient": "CloudTrail's records show in additionalEventData what a recipient proved",
}

# Members of the model's answers that ours never have: the structure and member, and why. An entry goes when the member
# comes: one that is in an answer of ours is an error, too.
_KEY_STORE = "no key is in a custom key store"
LEFT_OUT = {
    "KeyMetadata.CloudHsmClusterId": _KEY_STORE,
    "KeyMetadata.CustomKeyStoreId": _KEY_STORE,
    "KeyMetadata.XksKeyConfiguration": _KEY_STORE,
}

# path of a member -> what is said of it -> value
Facts = dict[str, dict[str, object]]


def own_facts(info: Any, path: str, mark: str | None = None) -> Facts:
    """What a type of ours says of itself and of what it holds."""
    if isinstance(info, inspect.UnionType):
        (inner,) = (item for item in info.types if not isinstance(item, inspect.NoneType))
        return own_facts(inner, path, mark)
    if isinstance(info, inspect.Metadata):
        return own_facts(info.type, path, _mark(info.extra or {}) or mark)
    limits = {name: getattr(info, name, None) for name in ("ge", "le", "min_length", "max_length", "pattern")}
    facts: dict[str, object] = {
        "type": TYPE_NAMES.get(type(info), type(info).__name__),
        "mark": mark,
        "min": limits["ge"] or limits["min_length"],
        "max": limits["le"] or limits["max_length"],
        "pattern": _own_pattern(limits["pattern"]),
    }
    if isinstance(info, inspect.EnumType):
        facts["enum"] = {member.value for member in info.cls}
    below: Facts = {}
    if isinstance(info, inspect.VarTupleType):
        below = own_facts(info.item_type, f"{path}[]")
    if isinstance(info, inspect.DictType):
        below = own_facts(info.key_type, f"{path} keys") | own_facts(info.value_type, f"{path} values")
    if isinstance(info, inspect.StructType):
        facts["members"] = {field.encode_name for field in info.fields}
        facts["required"] = {field.encode_name for field in info.fields if field.required}
        for field in info.fields:
            below |= own_facts(field.type, f"{path}.{field.encode_name}")
    return {path: facts} | below


def _mark(extra: dict[str, Any]) -> str | None:
    return "secret" if extra.get("secret") else None if extra.get("logged", True) else "unlogged"


def _own_pattern(pattern: str | None) -> str | None:
    """AWS's text of a pattern that matches the whole value; another is shown so that it differs from AWS's."""
    if pattern is None:
        return None
    text = model_pattern(pattern)
    return f"{text} (not the whole value)" if text == pattern else text


def model_facts(shape: Any, path: str) -> Facts:
    """What a shape of the model says, in the same form."""
    rules = shape.metadata
    kept_out = shape.type_name == "blob" or path.rpartition(".")[2] in MARKED_HERE
    facts: dict[str, object] = {
        "type": shape.type_name,
        "mark": "secret" if rules.get("sensitive") else "unlogged" if kept_out else None,
        "min": rules.get("min") or None,
        "max": rules.get("max"),
        "pattern": rules.get("pattern"),
    }
    if "enum" in rules:
        facts["enum"] = set(rules["enum"])
    below: Facts = {}
    if shape.type_name == "list":
        below = model_facts(shape.member, f"{path}[]")
    if shape.type_name == "map":
        below = model_facts(shape.key, f"{path} keys") | model_facts(shape.value, f"{path} values")
    if shape.type_name == "structure":
        members = {name: it for name, it in shape.members.items() if f"{shape.name}.{name}" not in LEFT_OUT}
        facts["members"] = set(members)
        facts["required"] = set(shape.required_members)
        for name, member in members.items():
            below |= model_facts(member, f"{path}.{name}")
    return {path: facts} | below


def as_answers(facts: Facts) -> Facts:
    """Facts without those that only bind requests: an answer's limits are ours to keep, and bytes are never logged."""
    said = {"type", "enum", "members"}
    return {
        path: {name: fact for name, fact in of.items() if name in said or (name == "mark" and of["type"] != "blob")}
        for path, of in facts.items()
    }


def differences(own: Facts, model: Facts) -> list[str]:
    """One line for each difference; what follows from a missing member or another type is not told again."""
    lines = []
    for path in sorted(own.keys() & model.keys()):
        same_type = own[path]["type"] == model[path]["type"]
        for name in sorted(own[path].keys() | model[path].keys()) if same_type else ["type"]:
            ours, theirs = own[path].get(name), model[path].get(name)
            if isinstance(ours, set) and isinstance(theirs, set):
                lines += [f"{path}: {name} lack {item}" for item in sorted(theirs - ours)]
                lines += [f"{path}: {name} have {item}, not in the model" for item in sorted(ours - theirs)]
            elif ours != theirs:
                lines.append(f"{path}: {name} is {ours}, in the model {theirs}")
    return lines


def request_differences(name: str, struct: type[Request]) -> list[str]:
    """An operation's request against the model's input shape."""
    shape = MODEL.operation_model(name).input_shape
    return differences(own_facts(inspect.type_info(struct), name), model_facts(shape, name))


def response_differences(name: str, struct: type[Response] | None) -> list[str]:
    """An operation's answer against the model's output shape."""
    shape = MODEL.operation_model(name).output_shape
    if struct is None or shape is None:
        return [] if struct is shape else [f"{name}: the answer is {struct}, in the model {shape}"]
    own = as_answers(own_facts(inspect.type_info(struct), name))
    return differences(own, as_answers(model_facts(shape, name)))


def test_every_operation_is_built_or_named_as_to_come() -> None:
    """The table and the list of operations to come together hold the model's operations, each once."""
    assert OPERATIONS.keys() | TO_COME == set(MODEL.operation_names)
    assert not OPERATIONS.keys() & TO_COME


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_request_is_as_in_the_model(name: str) -> None:
    """Names, types, limits, patterns, enums, required and secret members of a request are the model's."""
    lines = request_differences(name, OPERATIONS[name].request)
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_response_is_as_in_the_model(name: str) -> None:
    """Names, types and enums of an answer are the model's; an operation without output has no answer."""
    lines = response_differences(name, OPERATIONS[name].response)
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_errors_are_as_in_the_model(name: str) -> None:
    """The declared faults are the model's."""
    declared = {shape.name.removesuffix("Exception") for shape in MODEL.operation_model(name).error_shapes}
    assert OPERATIONS[name].errors == declared


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_pagination_is_as_in_the_model(name: str) -> None:
    """Exactly the operations that the model pages take a limit and a marker and say whether there is more."""
    operation = OPERATIONS[name]
    own = {field.encode_name for field in msgspec.structs.fields(operation.request)}
    if operation.response is not None:
        own |= {field.encode_name for field in msgspec.structs.fields(operation.response)}
    paging = {"Limit", "Marker", "NextMarker", "Truncated"}
    rules = PAGINATORS.get(name)
    if rules is None:
        assert not own & paging
    else:
        assert own >= paging | set(rules.values())


def test_tables_of_exceptions_name_what_is_in_the_model() -> None:
    """An exception whose member is gone from the model is stale."""
    members = {f"{name}.{member}" for name in MODEL.shape_names for member in _members(name)}
    assert LEFT_OUT.keys() <= members
    assert {name.partition(".")[2] for name in members} >= MARKED_HERE.keys()


def _members(shape_name: str) -> set[str]:
    return set(getattr(MODEL.shape_for(shape_name), "members", ()))


# --- the judge itself: each of these is a drift that it must name ---


class Algorithm(StrEnum):
    """An enum that lacks values and has one too many."""

    SYMMETRIC_DEFAULT = "SYMMETRIC_DEFAULT"
    ROT13 = "ROT13"


class DriftedEncrypt(Request, frozen=True, kw_only=True):
    """An Encrypt request with a drift in each member."""

    key_id: Annotated[str, Meta(min_length=1, max_length=20)] | None = None
    plaintext: Annotated[bytes, Meta(max_length=4096)] = b""
    encryption_context: dict[str, int] | None = None
    grant_tokens: Annotated[tuple[str, ...], Meta(max_length=10)] = ()
    encryption_algorithm: Algorithm | None = None
    surprise: bool = False


class DriftedAlias(Request, frozen=True, kw_only=True):
    """A CreateAlias request whose patterns do not match the whole value, or are missing."""

    alias_name: Annotated[str, Meta(min_length=1, max_length=256, pattern="^[a-zA-Z0-9:/_-]+$")]
    target_key_id: shapes.AliasName


class DriftedKeyPage(Response, frozen=True, kw_only=True):
    """A ListKeys answer that lacks a member and lists texts."""

    keys: tuple[str, ...]
    next_marker: int


ALIAS_PATTERN = "^[a-zA-Z0-9:/_-]+$"
DRIFTS = {
    "request": (
        request_differences("Encrypt", DriftedEncrypt),
        [
            "Encrypt: members lack DryRun",
            "Encrypt: members have Surprise, not in the model",
            "Encrypt: required lack KeyId",
            "Encrypt: required lack Plaintext",
            "Encrypt.EncryptionAlgorithm: enum lack RSAES_OAEP_SHA_1",
            "Encrypt.EncryptionAlgorithm: enum lack RSAES_OAEP_SHA_256",
            "Encrypt.EncryptionAlgorithm: enum lack SM2PKE",
            "Encrypt.EncryptionAlgorithm: enum have ROT13, not in the model",
            "Encrypt.EncryptionContext values: type is integer, in the model string",
            "Encrypt.GrantTokens: mark is None, in the model unlogged",
            "Encrypt.GrantTokens[]: max is None, in the model 8192",
            "Encrypt.GrantTokens[]: min is None, in the model 1",
            "Encrypt.KeyId: max is 20, in the model 2048",
            "Encrypt.Plaintext: mark is None, in the model secret",
            "Encrypt.Plaintext: min is None, in the model 1",
        ],
    ),
    "pattern": (
        request_differences("CreateAlias", DriftedAlias),
        [
            f"CreateAlias.AliasName: pattern is {ALIAS_PATTERN} (not the whole value), in the model {ALIAS_PATTERN}",
            "CreateAlias.TargetKeyId: max is 256, in the model 2048",
            f"CreateAlias.TargetKeyId: pattern is {ALIAS_PATTERN}, in the model None",
        ],
    ),
    "response": (
        response_differences("ListKeys", DriftedKeyPage),
        [
            "ListKeys: members lack Truncated",
            "ListKeys.Keys[]: type is string, in the model structure",
            "ListKeys.NextMarker: type is integer, in the model string",
        ],
    ),
    "no response": (
        response_differences("ListKeys", None),
        ["ListKeys: the answer is None, in the model <StructureShape(ListKeysResponse)>"],
    ),
}


@pytest.mark.parametrize("name", DRIFTS)
def test_judge_names_every_drift(name: str) -> None:
    """A type that differs from the model is found, with one line for each difference."""
    found, expected = DRIFTS[name]
    assert expected == found
