"""What CloudTrail sees of cryptographic calls with keys of all kinds."""

import base64
from typing import Any

import pytest

from strongroom.operations.table import OPERATIONS
from tests.core import ACCOUNT, Core
from tests.operations.kms.kinds import MESSAGE, RSA, Zoo
from tests.operations.kms.test_records import CASES

# AWS KMS Developer Guide, examples of "Logging AWS KMS API calls with AWS CloudTrail". Of each operation, the kind of
# key, the request parameters beside keyId, and by which name the material of the key is told, if at all.
KEY_CASES: dict[str, tuple[str, dict[str, Any], str | None]] = {
    "Decapsulate": ("encapsulation", {"encapsulationAlgorithm": "ML_KEM"}, None),
    "Decrypt": ("RSA encryption", {"encryptionAlgorithm": RSA}, None),
    "DeriveSharedSecret": ("agreement", {"keyAgreementAlgorithm": "ECDH"}, None),
    "Encapsulate": ("encapsulation", {"encapsulationAlgorithm": "ML_KEM"}, None),
    "Encrypt": ("RSA encryption", {"encryptionAlgorithm": RSA}, None),
    "GenerateDataKeyPair": ("symmetric", {"keyPairSpec": "ECC_NIST_P256"}, "keyMaterialId"),
    "GenerateDataKeyPairWithoutPlaintext": ("symmetric", {"keyPairSpec": "ECC_NIST_P256"}, "keyMaterialId"),
    "GenerateMac": ("HMAC", {"macAlgorithm": "HMAC_SHA_256"}, None),
    "GetPublicKey": ("signing", {}, None),
    "Sign": ("signing", {"messageType": "RAW", "signingAlgorithm": "ECDSA_SHA_256"}, None),
    "Verify": ("signing", {"messageType": "RAW", "signingAlgorithm": "ECDSA_SHA_256"}, None),
    "VerifyMac": ("HMAC", {"macAlgorithm": "HMAC_SHA_256"}, None),
}
ELSEWHERE = {
    "CreateGrant", "CreateKey", "DeleteImportedKeyMaterial", "GetParametersForImport", "ImportKeyMaterial",
    "ListGrants", "ListRetirableGrants", "ReplicateKey", "RetireGrant", "RevokeGrant", "UpdatePrimaryRegion",
}  # fmt: skip


@pytest.mark.parametrize("operation", KEY_CASES)
def test_a_record_holds_what_awss_do(zoo: Zoo, operation: str) -> None:
    """Key, algorithm and message type are shown, no message, key or signature; a material only of a symmetric key."""
    kind, parameters, named = KEY_CASES[operation]
    key = zoo.keys[kind]
    (record,) = zoo.core.call(operation, **zoo.members(operation, kind)).records
    assert (record["eventName"], record["readOnly"]) == (operation, True)
    assert record["requestParameters"] == {"keyId": key, **parameters}
    assert record["responseElements"] is None
    material = zoo.core.stored(key).key.material_id
    assert record.get("additionalEventData") == (None if named is None else {named: material})
    assert record["resources"] == [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": key}]


@pytest.mark.parametrize(
    ("case", "named"),
    [("ReEncrypt from", "destinationKeyMaterialId"), ("ReEncrypt to", "sourceKeyMaterialId")],
)
def test_re_encrypt_names_symmetric_materials_alone(zoo: Zoo, case: str, named: str) -> None:
    """Between an RSA key and a symmetric one there is one material to tell."""
    answer = zoo.core.call("ReEncrypt", **zoo.members(case, "RSA encryption"))
    symmetric = zoo.other if case == "ReEncrypt from" else zoo.keys["symmetric"]
    assert answer.record["additionalEventData"] == {named: zoo.core.stored(symmetric).key.material_id}


def test_the_context_of_a_pair_is_shown(zoo: Zoo) -> None:
    """As that of a data key."""
    members = zoo.members("GenerateDataKeyPair", "symmetric") | {"EncryptionContext": {"a": "b"}}
    parameters = zoo.core.call("GenerateDataKeyPair", **members).record["requestParameters"]
    assert parameters["encryptionContext"] == {"a": "b"}


@pytest.mark.parametrize("operation", KEY_CASES)
def test_no_secret_is_recorded(zoo: Zoo, operation: str) -> None:
    """No bytes of request or answer are in the record, in whatever form."""
    members = zoo.members(operation, KEY_CASES[operation][0])
    answer = zoo.core.call(operation, **members)
    secrets = [value for value in (*members.values(), *answer.members.values(), MESSAGE) if isinstance(value, bytes)]
    for secret in secrets:
        for form in (secret.decode("latin-1"), secret.hex(), base64.b64encode(secret).decode().rstrip("=")):
            assert form not in str(answer.records)


def test_the_record_of_a_new_asymmetric_key(core: Core) -> None:
    """It tells the algorithms, and no material id."""
    answer = core.call("CreateKey", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    parameters, elements = answer.record["requestParameters"], answer.record["responseElements"]["keyMetadata"]
    assert (parameters["keySpec"], parameters["keyUsage"]) == ("ECC_NIST_P256", "SIGN_VERIFY")
    assert elements["signingAlgorithms"] == ["ECDSA_SHA_256"]
    assert "currentKeyMaterialId" not in elements
    assert answer.record["resources"][0]["ARN"] == answer.members["KeyMetadata"]["Arn"]


def test_every_operation_has_its_case() -> None:
    """The tables of both files name each operation; RSA keys are told apart where the operation takes both kinds.

    Those that need more than an enabled key of this service's making have their records tested beside their family.
    """
    assert CASES.keys() | KEY_CASES.keys() | ELSEWHERE == OPERATIONS.keys()
    assert CASES.keys() & KEY_CASES.keys() == {"Decrypt", "Encrypt"}
