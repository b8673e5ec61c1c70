"""GenerateDataKey, GenerateDataKeyWithoutPlaintext and GenerateRandom through boto3."""

from typing import Any

import pytest

from tests.compat.calls import Refusal, id_of, members, post, refusal
from tests.support import Server

SIZES: dict[str, tuple[dict[str, Any], int]] = {
    "AES_256": ({"KeySpec": "AES_256"}, 32),
    "AES_128": ({"KeySpec": "AES_128"}, 16),
    "1": ({"NumberOfBytes": 1}, 1),
    "64": ({"NumberOfBytes": 64}, 64),
    "1024": ({"NumberOfBytes": 1024}, 1024),
}


@pytest.mark.parametrize("case", SIZES)
def test_generate_data_key(kms: Any, key: str, case: str) -> None:
    """A data key comes in the clear and encrypted; Decrypt under its context gives it back."""
    wanted, size = SIZES[case]
    context = {"for": case}
    answer = members(kms.generate_data_key(KeyId=id_of(key), EncryptionContext=context, **wanted))
    blob, plaintext = answer.pop("CiphertextBlob"), answer.pop("Plaintext")
    material_id = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    assert answer == {"KeyId": key, "KeyMaterialId": material_id}
    assert len(plaintext) == size
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == plaintext
    assert refusal(kms.decrypt, CiphertextBlob=blob) == Refusal("InvalidCiphertextException", "")


@pytest.mark.parametrize("case", SIZES)
def test_generate_data_key_without_plaintext(kms: Any, key: str, case: str) -> None:
    """A data key comes encrypted only; Decrypt gives as many bytes as were asked for."""
    wanted, size = SIZES[case]
    answer = members(kms.generate_data_key_without_plaintext(KeyId=key, **wanted))
    assert set(answer) == {"CiphertextBlob", "KeyId", "KeyMaterialId"}
    assert answer["KeyId"] == key
    assert len(kms.decrypt(CiphertextBlob=answer["CiphertextBlob"])["Plaintext"]) == size


def test_no_two_data_keys_are_the_same(kms: Any, key: str) -> None:
    """Data keys are random."""
    assert len({kms.generate_data_key(KeyId=key, KeySpec="AES_128")["Plaintext"] for _ in range(20)}) == 20


WRONG_SIZES: dict[str, dict[str, Any]] = {
    "neither": {},
    "both": {"KeySpec": "AES_256", "NumberOfBytes": 32},
    "none": {"NumberOfBytes": 0},
    "negative": {"NumberOfBytes": -1},
    "1025": {"NumberOfBytes": 1025},
    "no such spec": {"KeySpec": "AES_512"},
    "both, one wrong": {"KeySpec": "AES_256", "NumberOfBytes": 1025},
}


@pytest.mark.parametrize("operation", ["GenerateDataKey", "GenerateDataKeyWithoutPlaintext"])
@pytest.mark.parametrize("case", WRONG_SIZES)
def test_exactly_one_size_is_given(server: Server, key: str, operation: str, case: str) -> None:
    """KeySpec or NumberOfBytes of 1 to 1024, and not both; else ValidationException."""
    answer = post(server, operation, {"KeyId": key} | WRONG_SIZES[case])
    assert (answer.status, answer.fault) == (400, "ValidationException")


@pytest.mark.parametrize("size", [1, 32, 1024])
def test_generate_random(kms: Any, size: int) -> None:
    """Random bytes come in the number that was asked for, and not twice."""
    answer = members(kms.generate_random(NumberOfBytes=size))
    assert (list(answer), len(answer["Plaintext"])) == (["Plaintext"], size)
    if size > 1:
        assert kms.generate_random(NumberOfBytes=size)["Plaintext"] != answer["Plaintext"]


@pytest.mark.parametrize("request_", [{}, {"NumberOfBytes": 0}, {"NumberOfBytes": 1025}, {"NumberOfBytes": None}])
def test_generate_random_needs_a_number(server: Server, request_: dict[str, Any]) -> None:
    """NumberOfBytes is required and 1 to 1024."""
    assert post(server, "GenerateRandom", request_).fault == "ValidationException"


def test_generate_random_in_a_store_that_is_not_there(kms: Any) -> None:
    """A custom key store that nobody made is not found."""
    refused = refusal(kms.generate_random, NumberOfBytes=1, CustomKeyStoreId="cks-1234567890abcdef0")
    assert refused.code == "CustomKeyStoreNotFoundException"
