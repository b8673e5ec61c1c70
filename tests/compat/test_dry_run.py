"""DryRun through boto3: the answer is always an error, DryRunOperationException where the call would succeed."""

import uuid
from typing import Any

import pytest

from tests.compat.calls import ACCOUNT, REGION, account, ask_refused, id_of, new_key
from tests.support import Server

OPERATIONS = ("Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncrypt")
CONTEXT = {"a": "b"}
DRY = {"DryRun": True}
IGNORING = {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}


def request(operation: str, key: str, blob: bytes) -> dict[str, Any]:
    """A request that would succeed."""
    requests: dict[str, dict[str, Any]] = {
        "Decrypt": {"KeyId": key, "CiphertextBlob": blob, "EncryptionContext": CONTEXT},
        "Encrypt": {"KeyId": key, "Plaintext": b"x"},
        "GenerateDataKey": {"KeyId": key, "KeySpec": "AES_256"},
        "GenerateDataKeyWithoutPlaintext": {"KeyId": key, "NumberOfBytes": 32},
        "ReEncrypt": {"DestinationKeyId": key, "CiphertextBlob": blob, "SourceEncryptionContext": CONTEXT},
    }
    return requests[operation]


@pytest.fixture
def blob(kms: Any, key: str) -> bytes:
    """A ciphertext under CONTEXT."""
    sealed: bytes = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=CONTEXT)["CiphertextBlob"]
    return sealed


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_dry_run_of_what_would_succeed(kms: Any, key: str, blob: bytes, operation: str) -> None:
    """The call is not made, and the error says that it would have succeeded."""
    wanted = request(operation, key, blob)
    assert ask_refused(kms, operation, wanted | DRY).code == "DryRunOperationException"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_dry_run_of_what_would_fail(server: Server, kms: Any, key: str, blob: bytes, operation: str) -> None:
    """The real error comes where the call would fail: by its state, its key, its caller."""
    wanted = request(operation, key, blob)
    name = "DestinationKeyId" if operation == "ReEncrypt" else "KeyId"
    missing = ask_refused(kms, operation, wanted | DRY | {name: str(uuid.uuid4())})
    assert missing.code == "NotFoundException"
    foreign = ask_refused(server.client(access_key=account()), operation, wanted | DRY)
    assert foreign.code == "AccessDeniedException"
    kms.disable_key(KeyId=key)
    assert ask_refused(kms, operation, wanted | DRY).code == "DisabledException"
    kms.schedule_key_deletion(KeyId=key)
    assert ask_refused(kms, operation, wanted | DRY).code == "KMSInvalidStateException"


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
