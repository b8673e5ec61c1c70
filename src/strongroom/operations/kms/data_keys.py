"""Data keys and data key pairs: GenerateDataKey, GenerateDataKeyPair, and both without plaintext."""

from msgspec import field
from msgspec.structs import asdict

from strongroom.model.errors import UnsupportedOperationException, ValidationException
from strongroom.model.key import StoredKey
from strongroom.model.spec import DATA_KEY_BYTES, SPECS, DataKeyPairSpec, DataKeySpec, KeySpec, KeyUsage
from strongroom.model.state import USABLE
from strongroom.operations import shapes
from strongroom.operations.kms.encryption import DEFAULT, current_material, require_context, seal
from strongroom.operations.kms.keys import is_slow_to_make, require_in_partition
from strongroom.operations.kms.recipients import Recipient, require_whole
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

    recipient: Recipient | None = None


class GenerateDataKeyWithoutPlaintextResponse(Response, frozen=True, kw_only=True):
    """The data key, encrypted only."""

    ciphertext_blob: bytes
    key_id: str
    key_material_id: str | None = None


class GenerateDataKeyResponse(GenerateDataKeyWithoutPlaintextResponse, frozen=True, kw_only=True):
    """The data key, encrypted and in the clear."""

    plaintext: bytes | None = None
    ciphertext_for_recipient: bytes | None = None


def _check(request: GenerateDataKeyWithoutPlaintextRequest) -> None:
    if (request.key_spec is None) == (request.number_of_bytes is None):
        raise ValidationException("Please specify either number of bytes or key spec.")
    require_context(request.encryption_context)


def _check_generate(request: GenerateDataKeyRequest) -> None:
    _check(request)
    require_whole(request.recipient)


def _new_key(call: Call, request: GenerateDataKeyWithoutPlaintextRequest, stored: StoredKey) -> tuple[bytes, bytes]:
    """A fresh data key, in the clear and encrypted."""
    size = DATA_KEY_BYTES[request.key_spec] if request.key_spec else request.number_of_bytes or 0
    plaintext = call.keystores.of(stored.key).random(size)
    return plaintext, seal(call, stored, DEFAULT, plaintext, request.encryption_context)


_ERRORS = (
    "NotFound Disabled KeyUnavailable DependencyTimeout InvalidKeyUsage InvalidGrantToken KMSInternal"
    " KMSInvalidState DryRunOperation"
)


@operation(
    on=key("key_id", "kms:GenerateDataKey", aliases=True),
    usage=KeyUsage.ENCRYPT_DECRYPT,
    symmetric_only=True,
    states=USABLE,
    cross_account=True,
    grantable=True,
    check=_check_generate,
    secret=("plaintext", "key_material_id"),
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
    symmetric_only=True,
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


class GenerateDataKeyPairWithoutPlaintextRequest(Request, frozen=True, kw_only=True):
    """Members of GenerateDataKeyPairWithoutPlaintext."""

    encryption_context: shapes.EncryptionContext = field(default_factory=dict)
    key_id: shapes.KeyId
    key_pair_spec: DataKeyPairSpec
    grant_tokens: shapes.GrantTokens = ()
    dry_run: bool = False


class GenerateDataKeyPairRequest(GenerateDataKeyPairWithoutPlaintextRequest, frozen=True, kw_only=True):
    """Members of GenerateDataKeyPair."""

    recipient: Recipient | None = None


class GenerateDataKeyPairWithoutPlaintextResponse(Response, frozen=True, kw_only=True):
    """The public key as DER SubjectPublicKeyInfo; the private key, DER PKCS#8, encrypted only."""

    private_key_ciphertext_blob: bytes
    public_key: bytes
    key_id: str
    key_pair_spec: DataKeyPairSpec
    key_material_id: str


class GenerateDataKeyPairResponse(GenerateDataKeyPairWithoutPlaintextResponse, frozen=True, kw_only=True):
    """The same, and the private key in the clear."""

    private_key_plaintext: bytes | None = None
    ciphertext_for_recipient: bytes | None = None


def _check_pair(request: GenerateDataKeyPairWithoutPlaintextRequest) -> None:
    if _spec(request) not in SPECS:
        raise UnsupportedOperationException(f"KeyPairSpec {request.key_pair_spec} is not supported.")
    require_context(request.encryption_context)


def _check_generate_pair(request: GenerateDataKeyPairRequest) -> None:
    _check_pair(request)
    require_whole(request.recipient)


def _fit_pair(request: GenerateDataKeyPairWithoutPlaintextRequest, stored: StoredKey) -> None:
    require_in_partition(_spec(request), stored.key.realm)


def _spec(request: GenerateDataKeyPairWithoutPlaintextRequest) -> KeySpec:
    return KeySpec(request.key_pair_spec)


def _new_pair(
    call: Call, request: GenerateDataKeyPairWithoutPlaintextRequest, stored: StoredKey
) -> tuple[bytes, GenerateDataKeyPairWithoutPlaintextResponse]:
    """A fresh private key in the clear, and the answer that has it encrypted."""
    public_key, private_key = call.keystores.of(stored.key).key_pair(_spec(request))
    return private_key, GenerateDataKeyPairWithoutPlaintextResponse(
        private_key_ciphertext_blob=seal(call, stored, DEFAULT, private_key, request.encryption_context),
        public_key=public_key,
        key_id=stored.key.arn,
        key_pair_spec=request.key_pair_spec,
        key_material_id=current_material(stored).material_id,
    )


@operation(
    on=key("key_id", "kms:GenerateDataKeyPair", aliases=True),
    usage=KeyUsage.ENCRYPT_DECRYPT,
    symmetric_only=True,
    states=USABLE,
    cross_account=True,
    grantable=True,
    check=_check_generate_pair,
    fit=_fit_pair,
    slow=lambda request, _: is_slow_to_make(_spec(request)),
    secret=("private_key_plaintext",),
    errors=f"{_ERRORS} UnsupportedOperation",
)
def generate_data_key_pair(
    call: Call, request: GenerateDataKeyPairRequest, stored: StoredKey
) -> GenerateDataKeyPairResponse:
    """Make a key pair for use outside, its private key in the clear and encrypted under the key."""
    private_key, without = _new_pair(call, request, stored)
    return GenerateDataKeyPairResponse(private_key_plaintext=private_key, **asdict(without))


@operation(
    on=key("key_id", "kms:GenerateDataKeyPairWithoutPlaintext", aliases=True),
    usage=KeyUsage.ENCRYPT_DECRYPT,
    symmetric_only=True,
    states=USABLE,
    cross_account=True,
    grantable=True,
    check=_check_pair,
    fit=_fit_pair,
    slow=lambda request, _: is_slow_to_make(_spec(request)),
    errors=f"{_ERRORS} UnsupportedOperation",
)
def generate_data_key_pair_without_plaintext(
    call: Call, request: GenerateDataKeyPairWithoutPlaintextRequest, stored: StoredKey
) -> GenerateDataKeyPairWithoutPlaintextResponse:
    """Make a key pair for later use, its private key encrypted only."""
    _, response = _new_pair(call, request, stored)
    return response
