"""Requests and answers keep what they hold to themselves."""

import copy
import pickle
from typing import Any

import msgspec
import pytest

import strongroom.operations.kms  # noqa: F401 - fills the table
from strongroom.operations.kms.data_keys import GenerateDataKeyResponse
from strongroom.operations.kms.encryption import EncryptRequest
from strongroom.operations.table import OPERATIONS

SECRET = "a-secret"
REQUEST = EncryptRequest(key_id=SECRET, plaintext=SECRET.encode(), encryption_context={SECRET: SECRET})
ANSWER = GenerateDataKeyResponse(
    ciphertext_blob=SECRET.encode(), plaintext=SECRET.encode(), key_id=SECRET, key_material_id=SECRET
)


@pytest.mark.parametrize("value", [REQUEST, ANSWER], ids=["request", "answer"])
def test_a_repr_shows_no_value(value: Any) -> None:
    """Whoever logs one, alone or inside something, logs its type."""
    assert SECRET not in f"{value!r} {value} {[value]}"
    assert repr(value) == f"<{type(value).__name__}>"


@pytest.mark.parametrize("value", [REQUEST, ANSWER], ids=["request", "answer"])
def test_none_is_pickled(value: Any) -> None:
    """What may hold secrets is not turned into bytes by the way."""
    with pytest.raises(TypeError, match="secrets"):
        pickle.dumps(value)
    with pytest.raises(TypeError, match="secrets"):
        copy.deepcopy(value)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_speaks_by_such_types(name: str) -> None:
    """All requests and answers are frozen, and none has a repr of its own."""
    row = OPERATIONS[name]
    for struct in filter(None, (row.request, row.response)):
        assert struct.__struct_config__.frozen
        assert "__repr__" not in vars(struct) or struct.__module__.endswith("shapes")
        assert issubclass(struct, msgspec.Struct)
