"""Encryption and decryption: Encrypt, Decrypt, ReEncrypt."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import field

from strongroom.model.ciphertext import parse_header
from strongroom.model.context import MAX_CONTEXT_BYTES, canonical_size
from strongroom.model.errors import InvalidCiphertextException, ValidationException
from strongroom.model.key import Material, StoredKey
from strongroom.model.spec import EncryptionAlgorithm, KeySpec, KeyUsage, max_plaintext
from strongroom.model.state import USABLE
from strongroom.operations import shapes
from strongroom.operations.kms.recipients import Recipient, require_whole
from strongroom.operations.request import fault, invalid
from strongroom.operations.shapes import Request, Response
from strongroom.operations.table import Call, ciphertext, key, operation

DEFAULT = EncryptionAlgorithm.SYMMETRIC_DEFAULT


class DryRunModifier(StrEnum):
    """What a dry run leaves unchecked."""

    IGNORE_CIPHERTEXT = "IGNORE_CIPHERTEXT"


DryRunModifiers = tuple[DryRunModifier, ...]


def require_context(context: Mapping[str, str], algorithm: EncryptionAlgorithm = DEFAULT) -> None:
    """Refuse an encryption context that is too large, or that the algorithm cannot bind.

    Raises:
        ValidationException: Over 8,192 bytes in its canonical encoding; or the algorithm is asymmetric.
    """
    if not context:
        return
    if algorithm is not DEFAULT:
        raise ValidationException("EncryptionContext is not supported when encrypting/decrypting with asymmetric CMKs.")
    if canonical_size(context) > MAX_CONTEXT_BYTES:
        raise ValidationException(f"The encryption context is larger than {MAX_CONTEXT_BYTES} bytes.")


def require_size(spec: KeySpec, algorithm: EncryptionAlgorithm, plaintext: bytes) -> None:
    """Refuse a plaintext that the algorithm cannot encrypt under a key of a spec.

    Raises:
        ValidationException: It is too long.
    """
    most = max_plaintext(spec, algorithm)
    if len(plaintext) > most:
        raise ValidationException(
            f"Algorithm {algorithm} and key spec {spec} cannot encrypt data larger than {most} bytes."
        )


def current_material(stored: StoredKey) -> Material:
    """The material that a key encrypts with."""
    return stored.materials[stored.key.material_id or ""]


def seal(
    call: Call, stored: StoredKey, algorithm: EncryptionAlgorithm, plaintext: bytes, context: Mapping[str, str]
) -> bytes:
    """Encrypt under the current material of a symmetric key, or to the public key of an asymmetric one.

    Raises:
        ValidationException: The plaintext is too long for algorithm and key.
    """
    key, material, store = stored.key, current_material(stored), call.keystores.of(stored.key)
    if algorithm is DEFAULT:
        return store.encrypt(key, material, plaintext, context)
    require_size(key.spec, algorithm, plaintext)
    return store.encrypt_to(key, material, algorithm, plaintext)


class EncryptRequest(Request, frozen=True, kw_only=True):
    """Members of Encrypt."""

    key_id: shapes.KeyId
    plaintext: shapes.Plaintext
    encryption_context: shapes.EncryptionContext = field(default_factory=dict)
    grant_tokens: shapes.GrantTokens = ()
    encryption_algorithm: EncryptionAlgorithm = DEFAULT
    dry_run: bool = False


class EncryptResponse(Response, frozen=True, kw_only=True):
    """The ciphertext, which names its key."""

    ciphertext_blob: bytes
    key_id: str
    encryption_algorithm: EncryptionAlgorithm


@operation(
    on=key("key_id", "kms:Encrypt", aliases=True, algorithm="encryption_algorithm"),
    usage=KeyUsage.ENCRYPT_DECRYPT,
    states=USABLE,
    cross_account=True,
    grantable=True,
    check=lambda request: require_context(request.encryption_context, request.encryption_algorithm),
    fit=lambda request, stored: require_size(stored.key.spec, request.encryption_algorithm, request.plaintext),
    errors="NotFound Disabled KeyUnavailable DependencyTimeout InvalidKeyUsage InvalidGrantToken KMSInternal"
    " KMSInvalidState DryRunOperation",
)
def encrypt(call: Call, request: EncryptRequest, stored: StoredKey) -> EncryptResponse:
    """Encrypt up to 4096 bytes under a symmetric key, its encryption context as additional data; or by RSA."""
    blob = seal(call, stored, request.encryption_algorithm, request.plaintext, request.encryption_context)
    return EncryptResponse(
        ciphertext_blob=blob, key_id=stored.key.arn, encryption_algorithm=request.encryption_algorithm
    )


class DecryptRequest(Request, frozen=True, kw_only=True):
    """Members of Decrypt; CiphertextBlob may be left out of a dry run that ignores it."""

    ciphertext_blob: shapes.Ciphertext | None = None
    encryption_context: shapes.EncryptionContext = field(default_factory=dict)
    grant_tokens: shapes.GrantTokens = ()
    key_id: shapes.KeyId | None = None
    encryption_algorithm: EncryptionAlgorithm = DEFAULT
    recipient: Recipient | None = None
    dry_run: bool = False
    dry_run_modifiers: DryRunModifiers | None = None


class DecryptResponse(Response, frozen=True, kw_only=True):
    """The plaintext and what opened it."""

    key_id: str
    plaintext: bytes | None = None
    encryption_algorithm: EncryptionAlgorithm
    ciphertext_for_recipient: bytes | None = None
    key_material_id: str | None = None


def _check_blob(blob: bytes | None, key_id: str | None, algorithm: EncryptionAlgorithm, *, ignored: bool) -> None:
    if blob is None and not ignored:
        raise invalid(fault("ciphertextBlob", "Member must not be null"))
    if key_id is None and (ignored or algorithm is not DEFAULT):
        raise invalid(fault("keyId", "Member must not be null"))


def _ignores_ciphertext(request: "DecryptRequest | ReEncryptRequest") -> bool:
    if request.dry_run_modifiers and not request.dry_run:
        raise ValidationException("DryRunModifiers can only be used with DryRun.")
    return bool(request.dry_run_modifiers)


def _check_decrypt(request: DecryptRequest) -> None:
    ignored = _ignores_ciphertext(request)
    _check_blob(request.ciphertext_blob, request.key_id, request.encryption_algorithm, ignored=ignored)
    require_context(request.encryption_context, request.encryption_algorithm)
    require_whole(request.recipient)


def unseal(
    call: Call, stored: StoredKey, algorithm: EncryptionAlgorithm, blob: bytes, context: Mapping[str, str]
) -> tuple[bytes, str | None]:
    """Open a ciphertext: the plaintext and, for a symmetric key, the id of the material that made it.

    Raises:
        InvalidCiphertextException: Anything does not fit.
    """
    store = call.keystores.of(stored.key)
    if algorithm is not DEFAULT:
        return store.decrypt_with(stored.key, current_material(stored), algorithm, blob), None
    header = parse_header(blob)
    material = stored.materials.get(header.material_id)
    if material is None:
        raise InvalidCiphertextException
    return store.decrypt(stored.key, material, header, blob, context), material.material_id


@operation(
    on=ciphertext("ciphertext_blob", "key_id", "kms:Decrypt", algorithm="encryption_algorithm"),
    usage=KeyUsage.ENCRYPT_DECRYPT,
    states=USABLE,
    cross_account=True,
    grantable=True,
    check=_check_decrypt,
    secret=("plaintext", "key_material_id"),
    errors="NotFound Disabled InvalidCiphertext KeyUnavailable IncorrectKey InvalidKeyUsage DependencyTimeout"
    " InvalidGrantToken KMSInternal KMSInvalidState DryRunOperation",
)
def decrypt(call: Call, request: DecryptRequest, stored: StoredKey) -> DecryptResponse:
    """Decrypt a ciphertext that Encrypt, ReEncrypt or a GenerateDataKey operation made."""
    algorithm, blob = request.encryption_algorithm, request.ciphertext_blob or b""
    plaintext, material_id = unseal(call, stored, algorithm, blob, request.encryption_context)
    return DecryptResponse(
        key_id=stored.key.arn,
        plaintext=plaintext,
        encryption_algorithm=algorithm,
        key_material_id=material_id,
    )


class ReEncryptRequest(Request, frozen=True, kw_only=True):
    """Members of ReEncrypt."""

    ciphertext_blob: shapes.Ciphertext | None = None
    source_encryption_context: shapes.EncryptionContext = field(default_factory=dict)
    source_key_id: shapes.KeyId | None = None
    destination_key_id: shapes.KeyId
    destination_encryption_context: shapes.EncryptionContext = field(default_factory=dict)
    source_encryption_algorithm: EncryptionAlgorithm = DEFAULT
    destination_encryption_algorithm: EncryptionAlgorithm = DEFAULT
    grant_tokens: shapes.GrantTokens = ()
    dry_run: bool = False
    dry_run_modifiers: DryRunModifiers | None = None


class ReEncryptResponse(Response, frozen=True, kw_only=True):
    """The new ciphertext, and both keys."""

    ciphertext_blob: bytes
    source_key_id: str
    key_id: str
    source_encryption_algorithm: EncryptionAlgorithm
    destination_encryption_algorithm: EncryptionAlgorithm
    source_key_material_id: str | None = None
    destination_key_material_id: str | None = None


def _check_re_encrypt(request: ReEncryptRequest) -> None:
    ignored = _ignores_ciphertext(request)
    _check_blob(request.ciphertext_blob, request.source_key_id, request.source_encryption_algorithm, ignored=ignored)
    require_context(request.source_encryption_context, request.source_encryption_algorithm)
    require_context(request.destination_encryption_context, request.destination_encryption_algorithm)


@operation(
    on=(
        ciphertext(
            "ciphertext_blob",
            "source_key_id",
            "kms:ReEncryptFrom",
            algorithm="source_encryption_algorithm",
            context="source_encryption_context",
        ),
        key(
            "destination_key_id",
            "kms:ReEncryptTo",
            aliases=True,
            algorithm="destination_encryption_algorithm",
            context="destination_encryption_context",
        ),
    ),
    usage=KeyUsage.ENCRYPT_DECRYPT,
    states=USABLE,
    cross_account=True,
    grantable=True,
    check=_check_re_encrypt,
    errors="NotFound Disabled InvalidCiphertext KeyUnavailable IncorrectKey DependencyTimeout InvalidKeyUsage"
    " InvalidGrantToken KMSInternal KMSInvalidState DryRunOperation",
)
def re_encrypt(call: Call, request: ReEncryptRequest, source: StoredKey, destination: StoredKey) -> ReEncryptResponse:
    """Decrypt and encrypt again under another key or context; the plaintext never leaves."""
    sealed, sealing = request.source_encryption_algorithm, request.destination_encryption_algorithm
    plaintext, source_material_id = unseal(
        call, source, sealed, request.ciphertext_blob or b"", request.source_encryption_context
    )
    blob = seal(call, destination, sealing, plaintext, request.destination_encryption_context)
    return ReEncryptResponse(
        ciphertext_blob=blob,
        source_key_id=source.key.arn,
        key_id=destination.key.arn,
        source_encryption_algorithm=sealed,
        destination_encryption_algorithm=sealing,
        source_key_material_id=source_material_id,
        destination_key_material_id=current_material(destination).material_id if sealing is DEFAULT else None,
    )
