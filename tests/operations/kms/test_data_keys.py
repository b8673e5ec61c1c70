"""GenerateDataKey and GenerateDataKeyWithoutPlaintext."""

from typing import Any

import pytest

from tests.core import Core, key_id_of

BOTH = ["GenerateDataKey", "GenerateDataKeyWithoutPlaintext"]
SIZES: list[tuple[dict[str, Any], int]] = [
    ({"KeySpec": "AES_256"}, 32),
    ({"KeySpec": "AES_128"}, 16),
    ({"NumberOfBytes": 1}, 1),
    ({"NumberOfBytes": 1024}, 1024),
]


@pytest.mark.parametrize(("asked", "size"), SIZES)
@pytest.mark.parametrize("operation", BOTH)
def test_a_data_key(core: Core, key: str, operation: str, asked: dict[str, Any], size: int) -> None:
    """It is as long as was asked for, opens under its context alone, and is told in the clear by one of the two."""
    answer = core.ok(operation, KeyId=key_id_of(key), EncryptionContext={"a": "b"}, **asked)
    blob, plaintext = answer.pop("CiphertextBlob"), answer.pop("Plaintext", None)
    opened = core.ok("Decrypt", CiphertextBlob=blob, EncryptionContext={"a": "b"})
    assert answer == {"KeyId": key, "KeyMaterialId": opened["KeyMaterialId"]}
    assert len(opened["Plaintext"]) == size
    assert plaintext == (opened["Plaintext"] if operation == "GenerateDataKey" else None)
    assert core.refused("Decrypt", CiphertextBlob=blob)[0] == "InvalidCiphertextException"


def test_no_two_data_keys_are_alike(core: Core, key: str) -> None:
    """Each call makes another one."""
    made = {core.ok("GenerateDataKey", KeyId=key, KeySpec="AES_256")["Plaintext"] for _ in range(10)}
    assert len(made) == 10


@pytest.mark.parametrize("operation", BOTH)
def test_one_size_and_only_one(core: Core, key: str, operation: str) -> None:
    """Neither a spec nor a number, or both, is refused; so is a number out of range, or a context that is too large."""
    wrong: list[dict[str, Any]] = [
        {},
        {"KeySpec": "AES_256", "NumberOfBytes": 32},
        {"NumberOfBytes": 0},
        {"NumberOfBytes": 1025},
        {"KeySpec": "AES_512"},
        {"KeySpec": "AES_256", "EncryptionContext": {"a": "b" * 8192}},
    ]
    for members in wrong:
        assert core.refused(operation, KeyId=key, **members)[0] == "ValidationException"
