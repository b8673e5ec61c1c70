"""Public keys: GetPublicKey."""

from strongroom.model.errors import UnsupportedOperationException
from strongroom.model.key import StoredKey
from strongroom.model.spec import (
    SPECS,
    CustomerMasterKeySpec,
    EncapsulationAlgorithm,
    EncryptionAlgorithm,
    KeyAgreementAlgorithm,
    KeySpec,
    KeyUsage,
    SigningAlgorithm,
)
from strongroom.model.state import USABLE
from strongroom.operations import shapes
from strongroom.operations.kms.encryption import current_material
from strongroom.operations.kms.metadata import OLD_SPECS, algorithms
from strongroom.operations.shapes import Request, Response
from strongroom.operations.table import Call, key, operation


class GetPublicKeyRequest(Request, frozen=True, kw_only=True):
    """Members of GetPublicKey."""

    key_id: shapes.KeyId
    grant_tokens: shapes.GrantTokens = ()


class GetPublicKeyResponse(Response, frozen=True, kw_only=True):
    """The public key as DER SubjectPublicKeyInfo, and what the key is for."""

    key_id: str
    public_key: bytes
    customer_master_key_spec: CustomerMasterKeySpec | None = None
    key_spec: KeySpec
    key_usage: KeyUsage
    encryption_algorithms: tuple[EncryptionAlgorithm, ...] | None = None
    signing_algorithms: tuple[SigningAlgorithm, ...] | None = None
    key_agreement_algorithms: tuple[KeyAgreementAlgorithm, ...] | None = None
    encapsulation_algorithms: tuple[EncapsulationAlgorithm, ...] | None = None


@operation(
    on=key("key_id", "kms:GetPublicKey", aliases=True),
    states=USABLE,
    cross_account=True,
    grantable=True,
    errors="NotFound Disabled KeyUnavailable DependencyTimeout UnsupportedOperation InvalidArn InvalidGrantToken"
    " InvalidKeyUsage KMSInternal KMSInvalidState",
)
def get_public_key(call: Call, request: GetPublicKeyRequest, stored: StoredKey) -> GetPublicKeyResponse:
    """Give out the public key of an asymmetric key."""
    found, spec = stored.key, stored.key.spec
    if not SPECS[spec].asymmetric:
        raise UnsupportedOperationException(f"{found.arn} key spec is {spec} which is not valid for GetPublicKey.")
    return GetPublicKeyResponse(
        key_id=found.arn,
        public_key=call.keystores.of(found).public_key(found, current_material(stored)),
        customer_master_key_spec=OLD_SPECS.get(spec.value),
        key_spec=spec,
        key_usage=found.usage,
        **algorithms(found),
    )
