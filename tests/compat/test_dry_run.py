"""DryRun through boto3: the answer is always an error, DryRunOperationException where the call would succeed."""

import uuid
from typing import Any

import pytest

from tests.compat.calls import (
    ACCOUNT,
    KEYED,
    KINDS,
    MAC,
    REGION,
    SIGNATURE,
    Given,
    account,
    ask_refused,
    id_of,
    made_by,
    new_key,
    operation_of,
    requests_on,
)
from tests.compat.specs import MODEL, Keys
from tests.support import Server

CONTEXT = {"a": "b"}
DRY = {"DryRun": True}
IGNORING = {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}
NAMES = [name for name in KEYED if "DryRun" in MODEL.operation_model(operation_of(name)).input_shape.members]


def request(operation: str, key: str, blob: bytes) -> dict[str, Any]:
    """A request on a symmetric key that would succeed."""
    requests: dict[str, dict[str, Any]] = {
        "Decrypt": {"KeyId": key, "CiphertextBlob": blob, "EncryptionContext": CONTEXT},
        "Encrypt": {"KeyId": key, "Plaintext": b"x"},
        "GenerateDataKey": {"KeyId": key, "KeySpec": "AES_256"},
        "ReEncrypt": {"DestinationKeyId": key, "CiphertextBlob": blob, "SourceEncryptionContext": CONTEXT},
    }
    return requests[operation]


@pytest.fixture
def blob(kms: Any, key: str) -> bytes:
    """A ciphertext under CONTEXT."""
    sealed: bytes = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=CONTEXT)["CiphertextBlob"]
    return sealed


@pytest.mark.parametrize("name", NAMES)
def test_a_dry_run_of_every_operation(server: Server, kms: Any, name: str) -> None:
    """What would succeed is not done, and the error says so; else the real error comes: by key, caller, state."""
    key, operation = new_key(kms, **KINDS.get(name, {})), operation_of(name)
    given = Given(made_by(kms, key, name), "", "", key)
    wanted = requests_on(key, given)[name] | DRY
    assert ask_refused(kms, operation, wanted).code == "DryRunOperationException"
    missing = requests_on(str(uuid.uuid4()), given)[name] | DRY
    assert ask_refused(kms, operation, missing).code == "NotFoundException"
    foreign = ask_refused(server.client(access_key=account()), operation, wanted)
    assert foreign.code == "AccessDeniedException"
    kms.disable_key(KeyId=key)
    assert ask_refused(kms, operation, wanted).code == "DisabledException"
    kms.schedule_key_deletion(KeyId=key)
    assert ask_refused(kms, operation, wanted).code == "KMSInvalidStateException"


def test_every_cryptographic_operation_on_a_key_has_a_dry_run() -> None:
    """AWS's model has DryRun on each of them."""
    assert {operation_of(name) for name in NAMES} == {
        "Decapsulate", "Decrypt", "DeriveSharedSecret", "Encapsulate", "Encrypt", "GenerateDataKey",
        "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext",
        "GenerateMac", "ReEncrypt", "Sign", "Verify", "VerifyMac",
    }  # fmt: skip


BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    "a context that is not the ciphertext's": ("Decrypt", {"EncryptionContext": {}}, "InvalidCiphertext"),
    "a source context that is not": ("ReEncrypt", {"SourceEncryptionContext": {}}, "InvalidCiphertext"),
    "garbage": ("Decrypt", {"CiphertextBlob": b"garbage"}, "InvalidCiphertext"),
    "garbage to re-encrypt": ("ReEncrypt", {"CiphertextBlob": b"garbage"}, "InvalidCiphertext"),
    "an algorithm that does not fit": ("Encrypt", {"EncryptionAlgorithm": "SM2PKE"}, "InvalidKeyUsage"),
    "two sizes": ("GenerateDataKey", {"NumberOfBytes": 32}, "Validation"),
    "a large context": ("Encrypt", {"EncryptionContext": {"a": "b" * 9000}}, "Validation"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_dry_run_of_a_bad_argument(kms: Any, key: str, blob: bytes, case: str) -> None:
    """Arguments are checked, and so are the ciphertext and its context, unless a modifier says otherwise."""
    operation, more, code = BAD[case]
    assert ask_refused(kms, operation, request(operation, key, blob) | DRY | more).code == f"{code}Exception"


BAD_ELSEWHERE: dict[str, tuple[str, str, str, dict[str, Any], str]] = {
    "a plaintext that is too long": (
        "RSA_2048", "ENCRYPT_DECRYPT", "Encrypt",
        {"Plaintext": bytes(191), "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}, "Validation",
    ),
    "a digest that is too short": (
        "ECC_NIST_P256", "SIGN_VERIFY", "Sign", SIGNATURE | {"MessageType": "DIGEST"}, "Validation",
    ),
    "another curve's algorithm": (
        "ECC_NIST_P256", "SIGN_VERIFY", "Sign", SIGNATURE | {"SigningAlgorithm": "ECDSA_SHA_384"}, "InvalidKeyUsage",
    ),
    "another usage": ("ECC_NIST_P256", "KEY_AGREEMENT", "Sign", SIGNATURE, "InvalidKeyUsage"),
    "another size's algorithm": ("HMAC_512", "GENERATE_VERIFY_MAC", "GenerateMac", MAC, "InvalidKeyUsage"),
    "a key that makes no data keys": (
        "RSA_2048", "ENCRYPT_DECRYPT", "GenerateDataKeyPair", {"KeyPairSpec": "RSA_2048"}, "InvalidKeyUsage",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_ELSEWHERE)
def test_a_dry_run_of_what_does_not_fit_the_key(kms: Any, keys: Keys, case: str) -> None:
    """What goes wrong between arguments and key goes wrong in a dry run, too."""
    spec, usage, operation, more, code = BAD_ELSEWHERE[case]
    wanted = {"KeyId": keys(spec, usage)} | more
    assert ask_refused(kms, operation, wanted).code == f"{code}Exception"
    assert ask_refused(kms, operation, wanted | DRY).code == f"{code}Exception"


def test_a_dry_run_with_the_wrong_key(kms: Any, blob: bytes) -> None:
    """A KeyId that names another key is IncorrectKeyException in a dry run, too."""
    wanted = request("Decrypt", new_key(kms), blob)
    assert ask_refused(kms, "Decrypt", wanted | DRY).code == "IncorrectKeyException"


def test_no_dry_run_is_the_call_itself(kms: Any, key: str) -> None:
    """DryRun false is as if it were left out."""
    assert kms.encrypt(KeyId=key, Plaintext=b"x", DryRun=False)["KeyId"] == key


@pytest.mark.parametrize("sent", [None, b"garbage", "the ciphertext"])
def test_a_dry_run_that_ignores_the_ciphertext(kms: Any, key: str, blob: bytes, sent: bytes | str | None) -> None:
    """IGNORE_CIPHERTEXT checks the key alone: the ciphertext may be missing, no ciphertext, or another key's."""
    given = {} if sent is None else {"CiphertextBlob": blob if isinstance(sent, str) else sent}
    other = new_key(kms)
    for target in (key, other):
        assert ask_refused(kms, "Decrypt", IGNORING | given | {"KeyId": target}).code == "DryRunOperationException"
        both = {"SourceKeyId": target, "DestinationKeyId": other}
        assert ask_refused(kms, "ReEncrypt", IGNORING | given | both).code == "DryRunOperationException"


def test_ignoring_the_ciphertext_needs_a_key_id(kms: Any, key: str, blob: bytes) -> None:
    """Without a ciphertext that counts, the key must be named."""
    assert ask_refused(kms, "Decrypt", IGNORING).code == "ValidationException"
    assert ask_refused(kms, "Decrypt", IGNORING | {"CiphertextBlob": blob}).code == "ValidationException"
    assert ask_refused(kms, "ReEncrypt", IGNORING | {"DestinationKeyId": key}).code == "ValidationException"


def test_ignoring_the_ciphertext_still_asks_for_the_key(kms: Any, key: str) -> None:
    """A key that is missing or disabled refuses such a dry run as well."""
    missing = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{uuid.uuid4()}"
    assert ask_refused(kms, "Decrypt", IGNORING | {"KeyId": missing}).code == "NotFoundException"
    kms.disable_key(KeyId=id_of(key))
    assert ask_refused(kms, "Decrypt", IGNORING | {"KeyId": key}).code == "DisabledException"


def test_a_modifier_that_is_none(kms: Any, key: str, blob: bytes) -> None:
    """DryRunModifiers holds AWS's values only."""
    wanted = request("Decrypt", key, blob) | DRY | {"DryRunModifiers": ["IGNORE_ALL"]}
    assert ask_refused(kms, "Decrypt", wanted).code == "ValidationException"
