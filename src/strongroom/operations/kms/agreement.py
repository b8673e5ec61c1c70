"""Key agreement: DeriveSharedSecret."""

from strongroom.model.key import StoredKey
from strongroom.model.spec import KeyAgreementAlgorithm, KeyUsage, Origin
from strongroom.model.state import USABLE
from strongroom.operations import shapes
from strongroom.operations.kms.encryption import current_material
from strongroom.operations.kms.recipients import Recipient, require_whole
from strongroom.operations.shapes import Request, Response
from strongroom.operations.table import Call, key, operation


class DeriveSharedSecretRequest(Request, frozen=True, kw_only=True):
    """Members of DeriveSharedSecret; PublicKey is the peer's, as DER SubjectPublicKeyInfo."""

    key_id: shapes.KeyId
    key_agreement_algorithm: KeyAgreementAlgorithm
    public_key: shapes.PublicKey
    grant_tokens: shapes.GrantTokens = ()
    dry_run: bool = False
    recipient: Recipient | None = None


class DeriveSharedSecretResponse(Response, frozen=True, kw_only=True):
    """The raw secret: an x coordinate, as long as the curve's field."""

    key_id: str
    shared_secret: bytes | None = None
    ciphertext_for_recipient: bytes | None = None
    key_agreement_algorithm: KeyAgreementAlgorithm
    key_origin: Origin


@operation(
    on=key("key_id", "kms:DeriveSharedSecret", aliases=True, algorithm="key_agreement_algorithm"),
    usage=KeyUsage.KEY_AGREEMENT,
    states=USABLE,
    cross_account=True,
    grantable=True,
    check=lambda request: require_whole(request.recipient),
    secret=("shared_secret",),
    errors="NotFound Disabled KeyUnavailable DependencyTimeout InvalidGrantToken InvalidKeyUsage KMSInternal"
    " KMSInvalidState DryRunOperation",
)
def derive_shared_secret(
    call: Call, request: DeriveSharedSecretRequest, stored: StoredKey
) -> DeriveSharedSecretResponse:
    """Derive the raw ECDH secret of the private key and a peer's public key."""
    secret = call.keystores.of(stored.key).agree(stored.key, current_material(stored), request.public_key)
    return DeriveSharedSecretResponse(
        key_id=stored.key.arn,
        shared_secret=secret,
        key_agreement_algorithm=request.key_agreement_algorithm,
        key_origin=stored.key.origin,
    )
