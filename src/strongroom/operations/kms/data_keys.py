"""Symmetric data keys: GenerateDataKey, GenerateDataKeyWithoutPlaintext."""

from msgspec import field

from strongroom.model.errors import ValidationException
from strongroom.model.key import StoredKey
from strongroom.model.spec import DATA_KEY_BYTES, DataKeySpec, KeyUsage
from strongroom.model.state import USABLE
from strongroom.operations import shapes
from strongroom.operations.kms.encryption import (
    RecipientInfo,
    current_material,
    refuse_recipient,
    require_context,
    seal,
)
from strongroom.operations.shapes import Request, Response
from strongroom.operations.table import Call, key, operation


class GenerateDataKeyWithoutPlaintextRequest(Request, frozen=True, kw_only=True):
    """Members of GenerateDataKeyWithoutPlaintext; exactly one of KeySpec and NumberOfBytes."""

    key_id: shapes.KeyId
    encryption_context: shapes.EncryptionContext = field(default_factory=dict)
    key_spec: DataKeySpec | None = None
    number_of_bytes: shapes.NumberOfBytes | None = None
    grant_tokens: shapes.GrantTokens = ()
    dry_run: bool = False


class GenerateDataKeyRequest(GenerateDataKeyWithoutPlaintextRequest, frozen=True, kw_only=True):
    """Members of GenerateDataKey."""

    recipient: RecipientInfo | None = None


class GenerateDataKeyWithoutPlaintextResponse(Response, frozen=True, kw_only=True):
    """The data key, encrypted only."""

    ciphertext_blob: bytes
    key_id: str
    key_material_id: str


class GenerateDataKeyResponse(GenerateDataKeyWithoutPlaintextResponse, frozen=True, kw_only=True):
    """The data key, encrypted and in the clear."""

    plaintext: bytes


def _check(request: GenerateDataKeyWithoutPlaintextRequest) -> None:
    if (request.key_spec is None) == (request.number_of_bytes is None):
        raise ValidationException("Please specify either number of bytes or key spec.")
    require_context(request.encryption_context)


def _check_generate(request: GenerateDataKeyRequest) -> None:
    _check(request)
    refuse_recipient(request.recipient)


def _new_key(call: Call, request: GenerateDataKeyWithoutPlaintextRequest, stored: StoredKey) -> tuple[bytes, bytes]:
    """A fresh data key, in the clear and encrypted."""
    size = DATA_KEY_BYTES[request.key_spec] if request.key_spec else request.number_of_bytes or 0
    plaintext = call.keystores.of(stored.key).random(size)
    return plaintext, seal(call, stored, plaintext, request.encryption_context)


_ERRORS = (
    "NotFound Disabled KeyUnavailable DependencyTimeout InvalidKeyUsage InvalidGrantToken KMSInternal"
    " KMSInvalidState DryRunOperation"
)


@operation(
    on=key("key_id", "kms:GenerateDataKey", aliases=True),
    usage=KeyUsage.ENCRYPT_DECRYPT,
    states=USABLE,
    cross_account=True,
    grantable=True,
    check=_check_generate,
    errors=_ERRORS,
)
def generate_data_key(call: Call, request: GenerateDataKeyRequest, stored: StoredKey) -> GenerateDataKeyResponse:
    """Make a data key for use outside, in the clear and encrypted under the key."""
    plaintext, blob = _new_key(call, request, stored)
    return GenerateDataKeyResponse(
        ciphertext_blob=blob,
        plaintext=plaintext,
        key_id=stored.key.arn,
        key_material_id=current_material(stored).material_id,
    )


@operation(
    on=key("key_id", "kms:GenerateDataKeyWithoutPlaintext", aliases=True),
    usage=KeyUsage.ENCRYPT_DECRYPT,
    states=USABLE,
    cross_account=True,
    grantable=True,
    check=_check,
    errors=_ERRORS,
)
def generate_data_key_without_plaintext(
    call: Call, request: GenerateDataKeyWithoutPlaintextRequest, stored: StoredKey
) -> GenerateDataKeyWithoutPlaintextResponse:
    """Make a data key for later use, encrypted only."""
    _, blob = _new_key(call, request, stored)
    return GenerateDataKeyWithoutPlaintextResponse(
        ciphertext_blob=blob, key_id=stored.key.arn, key_material_id=current_material(stored).material_id
    )
