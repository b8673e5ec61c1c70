"""Condition keys of AWS KMS: their values, as policies write them."""

from typing import Any

import pytest
from msgspec.structs import replace

from strongroom.authz.context import AMBIGUOUS, Values
from strongroom.model.grant import GrantOperation
from strongroom.model.key import Alias, ExpirationModelType
from strongroom.model.spec import (
    CustomerMasterKeySpec,
    DataKeyPairSpec,
    DataKeySpec,
    EncryptionAlgorithm,
    KeyAgreementAlgorithm,
    KeySpec,
    KeyUsage,
    MacAlgorithm,
    MessageType,
    Origin,
    SigningAlgorithm,
)
from strongroom.model.wrapping import AlgorithmSpec, WrappingKeySpec
from strongroom.operations.kms.agreement import DeriveSharedSecretRequest
from strongroom.operations.kms.data_keys import GenerateDataKeyPairRequest, GenerateDataKeyRequest
from strongroom.operations.kms.deletion import ScheduleKeyDeletionRequest
from strongroom.operations.kms.encryption import DecryptRequest, EncryptRequest, ReEncryptRequest
from strongroom.operations.kms.grants import CreateGrantRequest, GrantConstraints
from strongroom.operations.kms.imports import GetParametersForImportRequest, ImportKeyMaterialRequest
from strongroom.operations.kms.keys import CreateKeyRequest
from strongroom.operations.kms.macs import GenerateMacRequest
from strongroom.operations.kms.policies import GetKeyPolicyRequest, PutKeyPolicyRequest
from strongroom.operations.kms.replication import ReplicateKeyRequest, UpdatePrimaryRegionRequest
from strongroom.operations.kms.rotation import EnableKeyRotationRequest
from strongroom.operations.kms.signing import SignRequest
from strongroom.operations.shapes import Tag
from strongroom.ports import Recipient
from tests.core import ACCOUNT, ELSEWHERE, MISSING, OTHER, REALM
from tests.situations import CREATED, DAY, PRIMARY, REPLICA, STORED, USER, used, value

Changes = dict[str, Any]
ROWS: list[tuple[str, str, Changes, Values]] = []
"""Each row: a key, the action, what the situation has, the value."""


def _rows(action: str, changes: Changes, **values: Values) -> None:
    ROWS.extend((f"kms:{key}", f"kms:{action}", changes, found) for key, found in values.items())


ANN = f"arn:aws:iam::{ACCOUNT}:user/ann"
BOB = f"arn:aws:iam::{OTHER}:role/bob"

# --- of the key, or of the one that is to be made ---

_rows(
    "DescribeKey",
    {"stored": STORED},
    CallerAccount=(ACCOUNT,),
    CustomerMasterKeySpec=("RSA_2048",),
    CustomerMasterKeyUsage=("SIGN_VERIFY",),
    KeyOrigin=("EXTERNAL",),
    KeySpec=("RSA_2048",),
    KeyUsage=("SIGN_VERIFY",),
    MultiRegion=("false",),
    MultiRegionKeyType=None,
    RequestAlias=None,
    ResourceAliases=("alias/one", "alias/two"),
)
_rows("DescribeKey", {"stored": PRIMARY}, MultiRegion=("true",), MultiRegionKeyType=("PRIMARY",))
_rows("DescribeKey", {"stored": REPLICA}, MultiRegion=("true",), MultiRegionKeyType=("REPLICA",))
_rows("DescribeKey", {"caller": USER}, CallerAccount=(OTHER,))
_rows("DescribeKey", {"alias": "alias/two"}, RequestAlias=("alias/two",))
_rows("UpdateAlias", {"alias": "alias/two"}, RequestAlias=None)
_rows("DescribeKey", {"stored": replace(STORED, aliases=())}, ResourceAliases=None)

_rows(
    "CreateKey",
    {"stored": None, "request": CreateKeyRequest()},
    BypassPolicyLockoutSafetyCheck=None,
    CallerAccount=(ACCOUNT,),
    CustomerMasterKeySpec=("SYMMETRIC_DEFAULT",),
    CustomerMasterKeyUsage=("ENCRYPT_DECRYPT",),
    KeyOrigin=("AWS_KMS",),
    KeySpec=("SYMMETRIC_DEFAULT",),
    KeyUsage=("ENCRYPT_DECRYPT",),
    MultiRegion=("false",),
    MultiRegionKeyType=None,
    ResourceAliases=None,
)
_WANTED = CreateKeyRequest(
    customer_master_key_spec=CustomerMasterKeySpec.RSA_3072,
    key_usage=KeyUsage.SIGN_VERIFY,
    origin=Origin.EXTERNAL,
    multi_region=True,
    bypass_policy_lockout_safety_check=True,
    tags=(Tag("Team", "payroll"),),
)
for _action in ("CreateKey", "TagResource"):
    _rows(
        _action,
        {"stored": None, "request": _WANTED},
        KeyOrigin=("EXTERNAL",),
        KeySpec=("RSA_3072",),
        KeyUsage=("SIGN_VERIFY",),
        MultiRegion=("true",),
        MultiRegionKeyType=("PRIMARY",),
    )
_rows("CreateKey", {"stored": None, "request": _WANTED}, BypassPolicyLockoutSafetyCheck=("true",))
_HMAC = CreateKeyRequest(key_spec=KeySpec.HMAC_256, key_usage=KeyUsage.GENERATE_VERIFY_MAC)
_rows("CreateKey", {"stored": None, "request": _HMAC}, KeySpec=("HMAC_256",), KeyUsage=("GENERATE_VERIFY_MAC",))

_REPLICATE = ReplicateKeyRequest(
    key_id="k", replica_region=ELSEWHERE, bypass_policy_lockout_safety_check=True, tags=(Tag("t", "v"),)
)
_rows("ReplicateKey", {"stored": PRIMARY, "request": _REPLICATE}, ReplicaRegion=(ELSEWHERE,))
_rows(
    "CreateKey",
    {"stored": None, "primary": PRIMARY, "request": _REPLICATE},
    BypassPolicyLockoutSafetyCheck=("true",),
    KeyOrigin=("EXTERNAL",),
    KeySpec=("RSA_2048",),
    KeyUsage=("SIGN_VERIFY",),
    MultiRegion=("true",),
    MultiRegionKeyType=("REPLICA",),
    ReplicaRegion=None,
    ResourceAliases=None,
)
_rows("ListKeys", {"stored": None}, CallerAccount=None, KeySpec=None, MultiRegion=None, MultiRegionKeyType=None)

# --- of the request: cryptography ---

_OAEP = EncryptionAlgorithm.RSAES_OAEP_SHA_256
_rows("Encrypt", {"request": EncryptRequest(key_id="k", plaintext=b"x")}, EncryptionAlgorithm=("SYMMETRIC_DEFAULT",))
_rows("Decrypt", {"request": DecryptRequest(encryption_algorithm=_OAEP)}, EncryptionAlgorithm=("RSAES_OAEP_SHA_256",))
_RE_ENCRYPT = ReEncryptRequest(destination_key_id="k", source_encryption_algorithm=_OAEP)
_rows(
    "ReEncryptFrom",
    {"request": _RE_ENCRYPT, "same_key": True},
    EncryptionAlgorithm=("RSAES_OAEP_SHA_256",),
    ReEncryptOnSameKey=("true",),
)
_rows(
    "ReEncryptTo",
    {"request": _RE_ENCRYPT, "same_key": False},
    EncryptionAlgorithm=("SYMMETRIC_DEFAULT",),
    ReEncryptOnSameKey=("false",),
)
_rows(
    "GenerateDataKey",
    {"request": GenerateDataKeyRequest(key_id="k", key_spec=DataKeySpec.AES_256)},
    EncryptionAlgorithm=("SYMMETRIC_DEFAULT",),
    DataKeyPairSpec=None,
    KeySpec=("RSA_2048",),
)
_PAIR = GenerateDataKeyPairRequest(key_id="k", key_pair_spec=DataKeyPairSpec.ECC_NIST_P256)
_rows("GenerateDataKeyPair", {"request": _PAIR}, DataKeyPairSpec=("ECC_NIST_P256",))
_rows(
    "DeriveSharedSecret",
    {
        "request": DeriveSharedSecretRequest(
            key_id="k", key_agreement_algorithm=KeyAgreementAlgorithm.ECDH, public_key=b""
        )
    },
    KeyAgreementAlgorithm=("ECDH",),
)
_rows(
    "GenerateMac",
    {"request": GenerateMacRequest(key_id="k", message=b"", mac_algorithm=MacAlgorithm.HMAC_SHA_384)},
    MacAlgorithm=("HMAC_SHA_384",),
)
_SIGN = SignRequest(key_id="k", message=b"", signing_algorithm=SigningAlgorithm.ECDSA_SHA_256)
_rows("Sign", {"request": _SIGN}, MessageType=("RAW",), SigningAlgorithm=("ECDSA_SHA_256",))
_rows("Verify", {"request": replace(_SIGN, message_type=MessageType.DIGEST)}, MessageType=("DIGEST",))

_PAIRS = {"App": "pay roll", "Über": ""}
_rows("Encrypt", {"encryption_context": _PAIRS}, EncryptionContextKeys=("App", "Über"))
_rows("Encrypt", {"encryption_context": {}}, EncryptionContextKeys=None)
_rows("Encrypt", {"encryption_context": None}, EncryptionContextKeys=None)
ROWS.extend(
    (f"kms:EncryptionContext:{name}", "kms:Encrypt", {"encryption_context": _PAIRS}, found)
    for name, found in {"App": ("pay roll",), "APP": ("pay roll",), "über": ("",), "Ap": None, "": None}.items()
)

# --- of the request: attestation ---

_PCRS = {0: bytes.fromhex("0A" * 48), 3: b"\xff" * 48, 12: b"\x01" * 48}
_ENCLAVE, _TPM = Recipient("i-1", b"", _PCRS, nitro_tpm=False), Recipient("i-1", b"", _PCRS, nitro_tpm=True)
_NO_IMAGE = Recipient("i-1", b"", {1: b""}, nitro_tpm=False)
_FF = ("ff" * 48,)
for _recipient, _values in (
    (_ENCLAVE, {"ImageSha384": ("0a" * 48,), "PCR0": ("0a" * 48,), "PCR3": _FF, "pcr12": ("01" * 48,)}),
    (_ENCLAVE, dict.fromkeys(("PCR1", "PCR", "", "NitroTPMPCR0", "NitroTPMPCR3"))),
    (_TPM, {"NitroTPMPCR3": _FF, "PCR3": None, "ImageSha384": None}),
    (_NO_IMAGE, {"ImageSha384": None}),
    (None, {"ImageSha384": None, "PCR0": None}),
):
    ROWS.extend(
        (f"kms:RecipientAttestation:{name}", "kms:Decrypt", {"recipient": _recipient}, found)
        for name, found in _values.items()
    )

# --- of the request: the life of keys ---

_GET, _PUT = GetKeyPolicyRequest(key_id="k"), PutKeyPolicyRequest(key_id="k", policy="{}", policy_name="own")
_rows("GetKeyPolicy", {"request": _GET}, PolicyName=("default",))
_rows("PutKeyPolicy", {"request": _PUT}, PolicyName=("own",), BypassPolicyLockoutSafetyCheck=None)
_rows(
    "UpdatePrimaryRegion",
    {"request": UpdatePrimaryRegionRequest(key_id="k", primary_region=ELSEWHERE)},
    PrimaryRegion=(ELSEWHERE,),
)
_rows("EnableKeyRotation", {"request": EnableKeyRotationRequest(key_id="k")}, RotationPeriodInDays=("365",))
_DELETE = ScheduleKeyDeletionRequest(key_id="k")
_rows("ScheduleKeyDeletion", {"request": _DELETE}, ScheduleKeyDeletionPendingWindowInDays=("30",))
_PARAMETERS = GetParametersForImportRequest(
    key_id="k", wrapping_algorithm=AlgorithmSpec.RSAES_OAEP_SHA_256, wrapping_key_spec=WrappingKeySpec.RSA_4096
)
_rows(
    "GetParametersForImport",
    {"request": _PARAMETERS},
    WrappingAlgorithm=("RSAES_OAEP_SHA_256",),
    WrappingKeySpec=("RSA_4096",),
)
_IMPORT = ImportKeyMaterialRequest(key_id="k", import_token=b"x", encrypted_key_material=b"x")
_rows("ImportKeyMaterial", {"request": _IMPORT}, ExpirationModel=None, ValidTo=None)
_IMPORT = replace(_IMPORT, valid_to=1_546_257_599.0, expiration_model=ExpirationModelType.KEY_MATERIAL_EXPIRES)
_rows("ImportKeyMaterial", {"request": _IMPORT}, ExpirationModel=("KEY_MATERIAL_EXPIRES",), ValidTo=("1546257599.0",))

for _last, _days in (
    (None, "40"),
    (used(CREATED + 3 * DAY), "37"),
    (used(CREATED + 3 * DAY + 0.001), "36"),
    (used(CREATED + 40 * DAY), "0"),
    (used(CREATED - DAY), "40"),  # of an earlier replica under the same key id
):
    _rows("DisableKey", {"last_usage": lambda last=_last: last}, TrailingDaysWithoutKeyUsage=(_days,))

# --- of the request: grants ---

_GRANT = CreateGrantRequest(key_id="k", grantee_principal=ANN, operations=(GrantOperation.SIGN, GrantOperation.VERIFY))
_rows(
    "CreateGrant",
    {"request": _GRANT},
    GrantConstraintSourceArn=None,
    GrantConstraintType=None,
    GrantIsForAWSResource=("false",),
    GrantOperations=("Sign", "Verify"),
    GranteePrincipal=(ANN,),
    GranteeServicePrincipal=None,
    RetiringPrincipal=None,
    RetiringServicePrincipal=None,
    EncryptionContextKeys=None,
)
_rows("CreateGrant", {"request": replace(_GRANT, retiring_principal=BOB)}, RetiringPrincipal=(BOB,))
_SERVICE = replace(
    _GRANT,
    grantee_principal=None,
    grantee_service_principal="backup.example.internal",
    retiring_service_principal="retire.example.internal",
    constraints=GrantConstraints(source_arn=BOB),
)
_rows(
    "CreateGrant",
    {"request": _SERVICE},
    GranteePrincipal=None,
    GrantConstraintSourceArn=(BOB,),
    GrantConstraintType=None,
    GranteeServicePrincipal=("backup.example.internal",),
    RetiringServicePrincipal=("retire.example.internal",),
)
for _constraints, _kind in (
    (GrantConstraints(encryption_context_equals={"App": "x"}), "EncryptionContextEquals"),
    (GrantConstraints(encryption_context_subset={"App": "x"}), "EncryptionContextSubset"),
):
    _request = replace(_GRANT, constraints=_constraints)
    _rows("CreateGrant", {"request": _request}, EncryptionContextKeys=("App",), GrantConstraintType=(_kind,))
    ROWS.append(("kms:EncryptionContext:app", "kms:CreateGrant", {"request": _request}, ("x",)))


@pytest.mark.parametrize(("key", "action", "changes", "found"), ROWS)
def test_a_key_of_kms_has_its_value(key: str, action: str, changes: Changes, found: Values) -> None:
    """Values come from where AWS takes them, defaults included, and are written as AWS writes them."""
    assert value(key, action, **changes) == found


def test_a_key_with_too_many_aliases_has_none_that_counts() -> None:
    """Over AWS's quota of 50 aliases on a key, no permission that rests on them holds."""
    aliases = tuple(Alias(REALM, f"alias/{number}", MISSING, 0.0, 0.0) for number in range(51))
    assert value("kms:ResourceAliases", stored=replace(STORED, aliases=aliases)) is AMBIGUOUS
    many = value("kms:ResourceAliases", stored=replace(STORED, aliases=aliases[:50]))
    assert many == tuple(f"alias/{number}" for number in range(50))
