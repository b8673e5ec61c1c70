"""Encryption and decryption: Encrypt, Decrypt, ReEncrypt."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, field

from strongroom.model.ciphertext import parse_header
from strongroom.model.context import MAX_CONTEXT_BYTES, canonical_size
from strongroom.model.errors import (
    InvalidCiphertextException,
    UnsupportedOperationException,
    ValidationException,
)
from strongroom.model.key import Material, StoredKey
from strongroom.model.spec import EncryptionAlgorithm, KeyUsage
from strongroom.model.state import USABLE
from strongroom.operations import shapes
from strongroom.operations.request import fault, invalid
from strongroom.operations.shapes import Request, Response
from strongroom.operations.table import Call, ciphertext, key, operation

DEFAULT = EncryptionAlgorithm.SYMMETRIC_DEFAULT


class KeyEncryptionMechanism(StrEnum):
    """How an answer for an attested recipient is encrypted."""

    RSAES_OAEP_SHA_256 = "RSAES_OAEP_SHA_256"


class RecipientInfo(Request, frozen=True, kw_only=True):
    """An attestation document, and how to encrypt the answer to its key."""

    key_encryption_algorithm: KeyEncryptionMechanism | None = None
    attestation_document: Annotated[bytes, Meta(min_length=1, max_length=262144, extra=shapes.UNLOGGED)] | None = None


class DryRunModifier(StrEnum):
    """What a dry run leaves unchecked."""

    IGNORE_CIPHERTEXT = "IGNORE_CIPHERTEXT"


DryRunModifiers = tuple[DryRunModifier, ...]


def require_context(context: Mapping[str, str]) -> None:
    """Refuse an encryption context that is too large.

    Raises:
        ValidationException: Over 8,192 bytes in its canonical encoding.
    """
    if context and canonical_size(context) > MAX_CONTEXT_BYTES:
        raise ValidationException(f"The encryption context is larger than {MAX_CONTEXT_BYTES} bytes.")


def refuse_recipient(recipient: RecipientInfo | None) -> None:
    """Refuse a request for an attested recipient: without attestation its plaintext would leave in the clear.

    Raises:
        UnsupportedOperationException: A recipient was given.
    """
    if recipient is not None:
        raise UnsupportedOperationException("Recipient is not supported.")


def current_material(stored: StoredKey) -> Material:
    """The material that a key encrypts with."""
    return stored.materials[stored.key.material_id or ""]


def seal(call: Call, stored: StoredKey, plaintext: bytes, context: Mapping[str, str]) -> bytes:
    """Encrypt under the current material of a symmetric key."""
    return call.keystores.of(stored.key).encrypt(stored.key, current_material(stored), plaintext, context)


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
    check=lambda request: require_context(request.encryption_context),
    errors="NotFound Disabled KeyUnavailable DependencyTimeout InvalidKeyUsage InvalidGrantToken KMSInternal"
    " KMSInvalidState DryRunOperation",
)
def encrypt(call: Call, request: EncryptRequest, stored: StoredKey) -> EncryptResponse:
    """Encrypt up to 4096 bytes under a key; the encryption context is bound as additional data."""
    blob = seal(call, stored, request.plaintext, request.encryption_context)
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
    recipient: RecipientInfo | None = None
    dry_run: bool = False
    dry_run_modifiers: DryRunModifiers | None = None


class DecryptResponse(Response, frozen=True, kw_only=True):
    """The plaintext and what opened it."""

    key_id: str
    plaintext: bytes
    encryption_algorithm: EncryptionAlgorithm
    key_material_id: str


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
    require_context(request.encryption_context)
    refuse_recipient(request.recipient)


def unseal(call: Call, stored: StoredKey, blob: bytes, context: Mapping[str, str]) -> tuple[bytes, str]:
    """Open a symmetric ciphertext: the plaintext and the id of the material that made it.

    Raises:
        InvalidCiphertextException: Anything does not fit.
    """
    header = parse_header(blob)
    material = stored.materials.get(header.material_id)
    if material is None:
        raise InvalidCiphertextException
    opened = call.keystores.of(stored.key).decrypt(stored.key, material, header, blob, context)
    return opened, material.material_id


@operation(
    on=ciphertext("ciphertext_blob", "key_id", "kms:Decrypt", algorithm="encryption_algorithm"),
    usage=KeyUsage.ENCRYPT_DECRYPT,
    states=USABLE,
    cross_account=True,
    grantable=True,
    check=_check_decrypt,
    errors="NotFound Disabled InvalidCiphertext KeyUnavailable IncorrectKey InvalidKeyUsage DependencyTimeout"
    " InvalidGrantToken KMSInternal KMSInvalidState DryRunOperation",
)
def decrypt(call: Call, request: DecryptRequest, stored: StoredKey) -> DecryptResponse:
    """Decrypt a ciphertext that Encrypt, ReEncrypt or a GenerateDataKey operation made."""
    plaintext, material_id = unseal(call, stored, request.ciphertext_blob or b"", request.encryption_context)
    return DecryptResponse(
        key_id=stored.key.arn,
        plaintext=plaintext,
        encryption_algorithm=request.encryption_algorithm,
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
    source_key_material_id: str
    destination_key_material_id: str


def _check_re_encrypt(request: ReEncryptRequest) -> None:
    ignored = _ignores_ciphertext(request)
    _check_blob(request.ciphertext_blob, request.source_key_id, request.source_encryption_algorithm, ignored=ignored)
    require_context(request.source_encryption_context)
    require_context(request.destination_encryption_context)


@operation(
    on=(
        ciphertext("ciphertext_blob", "source_key_id", "kms:ReEncryptFrom", algorithm="source_encryption_algorithm"),
        key("destination_key_id", "kms:ReEncryptTo", aliases=True, algorithm="destination_encryption_algorithm"),
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
    plaintext, source_material_id = unseal(
        call, source, request.ciphertext_blob or b"", request.source_encryption_context
    )
    blob = seal(call, destination, plaintext, request.destination_encryption_context)
    return ReEncryptResponse(
        ciphertext_blob=blob,
        source_key_id=source.key.arn,
        key_id=destination.key.arn,
        source_encryption_algorithm=request.source_encryption_algorithm,
        destination_encryption_algorithm=request.destination_encryption_algorithm,
        source_key_material_id=source_material_id,
        destination_key_material_id=current_material(destination).material_id,
    )
