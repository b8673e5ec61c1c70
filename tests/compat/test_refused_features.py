"""What is not built is refused by name: operations and kinds of keys still to come, unknown targets."""

from typing import Any

import pytest

from tests.compat.calls import post, refusal
from tests.compat.specs import MODEL
from tests.support import Server

# The operations of this version.
BUILT = {
    "CancelKeyDeletion", "CreateAlias", "CreateGrant", "CreateKey", "Decapsulate", "Decrypt",
    "DeleteAlias", "DeleteImportedKeyMaterial", "DeriveSharedSecret", "DescribeKey", "DisableKey", "DisableKeyRotation",
    "EnableKey", "EnableKeyRotation", "Encapsulate", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext", "GenerateMac", "GenerateRandom",
    "GetKeyLastUsage", "GetKeyPolicy", "GetKeyRotationStatus", "GetParametersForImport", "GetPublicKey",
    "ImportKeyMaterial", "ListAliases", "ListGrants", "ListKeyPolicies", "ListKeyRotations", "ListKeys",
    "ListResourceTags", "ListRetirableGrants", "PutKeyPolicy", "ReEncrypt", "ReplicateKey", "RetireGrant",
    "RevokeGrant", "RotateKeyOnDemand", "ScheduleKeyDeletion", "Sign", "TagResource", "UntagResource",
    "UpdateAlias", "UpdateKeyDescription", "UpdatePrimaryRegion", "Verify", "VerifyMac",
}  # fmt: skip


def test_the_model_has_every_built_operation() -> None:
    """50 of AWS's 56 operations are built."""
    assert (len(BUILT), len(MODEL.operation_names), BUILT - set(MODEL.operation_names)) == (50, 56, set())


@pytest.mark.parametrize("operation", sorted(set(MODEL.operation_names) - BUILT))
def test_operations_to_come_are_unknown(server: Server, operation: str) -> None:
    """An operation of AWS's that is not built is as one that AWS does not know."""
    answer = post(server, operation, {})
    assert (answer.status, answer.fault) == (400, "UnknownOperationException")


@pytest.mark.parametrize("operation", sorted(BUILT))
def test_built_operations_are_known(server: Server, operation: str) -> None:
    """No built operation answers that it is unknown."""
    answer = post(server, operation, b"[]")
    assert (answer.status, answer.fault) == (400, "SerializationException")


@pytest.mark.parametrize(
    "target",
    [
        "TrentService.Nothing",
        "TrentService.encrypt",
        "TrentService.",
        "TrentService",
        "Encrypt",
        "",
        "KMS.Encrypt",
        "x" * 999,
    ],
)
def test_unknown_targets(server: Server, target: str) -> None:
    """A target that names no operation is UnknownOperationException."""
    answer = post(server, "", {}, headers={"X-Amz-Target": target})
    assert (answer.status, answer.fault) == (400, "UnknownOperationException")


CREATE_KEY: dict[str, dict[str, Any]] = {
    "in a custom key store": {"Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": "cks-1234567890abcdef0"},
}


@pytest.mark.parametrize("case", CREATE_KEY)
def test_kinds_of_keys_to_come_are_refused(lonely: Any, case: str) -> None:
    """A kind of key that is not built is UnsupportedOperationException, never a key of another kind."""
    assert refusal(lonely.create_key, **CREATE_KEY[case]).code == "UnsupportedOperationException"
    assert lonely.list_keys()["Keys"] == []
