"""Signatures: Sign, Verify."""

from strongroom.model.errors import KMSInvalidSignatureException, ValidationException
from strongroom.model.key import StoredKey
from strongroom.model.spec import MESSAGE_BYTES, KeyUsage, MessageType, SigningAlgorithm
from strongroom.model.state import USABLE
from strongroom.operations import shapes
from strongroom.operations.kms.encryption import current_material
from strongroom.operations.shapes import Request, Response
from strongroom.operations.table import Call, key, operation


class SignRequest(Request, frozen=True, kw_only=True):
    """Members of Sign."""

    key_id: shapes.KeyId
    message: shapes.Message
    message_type: MessageType = MessageType.RAW
    grant_tokens: shapes.GrantTokens = ()
    signing_algorithm: SigningAlgorithm
    dry_run: bool = False


class VerifyRequest(SignRequest, frozen=True, kw_only=True):
    """Members of Verify."""

    signature: shapes.Signature


class SignResponse(Response, frozen=True, kw_only=True):
    """The signature."""

    key_id: str
    signature: bytes
    signing_algorithm: SigningAlgorithm


class VerifyResponse(Response, frozen=True, kw_only=True):
    """The good news; a bad signature is a fault."""

    key_id: str
    signature_valid: bool
    signing_algorithm: SigningAlgorithm


def _check_message(request: SignRequest) -> None:
    """Refuse a message of a type or length that the algorithm does not take.

    Raises:
        ValidationException: As said.
    """
    algorithm = request.signing_algorithm
    lengths = MESSAGE_BYTES[algorithm]
    if request.message_type not in lengths:
        raise ValidationException(f"Message type {request.message_type} is incompatible with algorithm {algorithm}.")
    if lengths[request.message_type] not in {None, len(request.message)}:
        raise ValidationException(f"Digest is invalid length for algorithm {algorithm}.")


_ERRORS = (
    "NotFound Disabled KeyUnavailable DependencyTimeout InvalidKeyUsage InvalidGrantToken KMSInternal"
    " KMSInvalidState DryRunOperation"
)


@operation(
    on=key("key_id", "kms:Sign", aliases=True, algorithm="signing_algorithm"),
    usage=KeyUsage.SIGN_VERIFY,
    states=USABLE,
    cross_account=True,
    grantable=True,
    check=_check_message,
    errors=_ERRORS,
)
def sign(call: Call, request: SignRequest, stored: StoredKey) -> SignResponse:
    """Sign a message, or its digest, with the private key."""
    signature = call.keystores.of(stored.key).sign(
        stored.key, current_material(stored), request.signing_algorithm, request.message_type, request.message
    )
    return SignResponse(key_id=stored.key.arn, signature=signature, signing_algorithm=request.signing_algorithm)


@operation(
    on=key("key_id", "kms:Verify", aliases=True, algorithm="signing_algorithm"),
    usage=KeyUsage.SIGN_VERIFY,
    states=USABLE,
    cross_account=True,
    grantable=True,
    check=_check_message,
    errors=f"{_ERRORS} KMSInvalidSignature",
)
def verify(call: Call, request: VerifyRequest, stored: StoredKey) -> VerifyResponse:
    """Verify a signature with the public key."""
    good = call.keystores.of(stored.key).verify(
        stored.key,
        current_material(stored),
        request.signing_algorithm,
        request.message_type,
        request.message,
        signature=request.signature,
    )
    if not good:
        raise KMSInvalidSignatureException
    return VerifyResponse(key_id=stored.key.arn, signature_valid=True, signing_algorithm=request.signing_algorithm)
