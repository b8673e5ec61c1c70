"""Key encapsulation: Encapsulate, Decapsulate."""

from strongroom.model.key import StoredKey
from strongroom.model.spec import EncapsulationAlgorithm, KeyUsage
from strongroom.model.state import USABLE
from strongroom.operations import shapes
from strongroom.operations.kms.encryption import current_material
from strongroom.operations.shapes import Request, Response
from strongroom.operations.table import Call, key, operation


class EncapsulateRequest(Request, frozen=True, kw_only=True):
    """Members of Encapsulate."""

    key_id: shapes.KeyId
    encapsulation_algorithm: EncapsulationAlgorithm
    grant_tokens: shapes.GrantTokens = ()
    dry_run: bool = False


class DecapsulateRequest(EncapsulateRequest, frozen=True, kw_only=True):
    """Members of Decapsulate."""

    shared_secret_ciphertext_blob: shapes.Ciphertext


class DecapsulateResponse(Response, frozen=True, kw_only=True):
    """The secret of 32 bytes."""

    key_id: str
    shared_secret: bytes
    encapsulation_algorithm: EncapsulationAlgorithm


class EncapsulateResponse(DecapsulateResponse, frozen=True, kw_only=True):
    """The secret, and what the holder of the private key gets it from."""

    shared_secret_ciphertext_blob: bytes


_ERRORS = (
    "NotFound Disabled KeyUnavailable DependencyTimeout InvalidGrantToken InvalidKeyUsage KMSInternal"
    " KMSInvalidState DryRunOperation"
)


@operation(
    on=key("key_id", "kms:Encapsulate", aliases=True, algorithm="encapsulation_algorithm"),
    usage=KeyUsage.ENCAPSULATE_DECAPSULATE,
    states=USABLE,
    cross_account=True,
    grantable=True,
    errors=_ERRORS,
)
def encapsulate(call: Call, request: EncapsulateRequest, stored: StoredKey) -> EncapsulateResponse:
    """Make a fresh shared secret, and encapsulate it to the public key."""
    secret, blob = call.keystores.of(stored.key).encapsulate(stored.key, current_material(stored))
    return EncapsulateResponse(
        key_id=stored.key.arn,
        shared_secret=secret,
        shared_secret_ciphertext_blob=blob,
        encapsulation_algorithm=request.encapsulation_algorithm,
    )


@operation(
    on=key("key_id", "kms:Decapsulate", aliases=True, algorithm="encapsulation_algorithm"),
    usage=KeyUsage.ENCAPSULATE_DECAPSULATE,
    states=USABLE,
    cross_account=True,
    grantable=True,
    errors=f"{_ERRORS} InvalidCiphertext",
)
def decapsulate(call: Call, request: DecapsulateRequest, stored: StoredKey) -> DecapsulateResponse:
    """Get the shared secret back; a ciphertext that was not made for the key gives another one (FIPS 203)."""
    secret = call.keystores.of(stored.key).decapsulate(
        stored.key, current_material(stored), request.shared_secret_ciphertext_blob
    )
    return DecapsulateResponse(
        key_id=stored.key.arn, shared_secret=secret, encapsulation_algorithm=request.encapsulation_algorithm
    )
