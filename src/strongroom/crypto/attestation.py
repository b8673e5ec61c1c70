"""Attestation documents of Nitro enclaves and NitroTPM: all that has to hold before one is believed.

Sources: AWS, "Verifying the root of trust" (Nitro Enclaves User Guide) and "Nitro Enclaves Attestation Process"
(aws-nitro-enclaves-nsm-api), called AWS below; "Validate a NitroTPM Attestation Document" (EC2 User Guide); COSE_Sign1,
RFC 9052, section 4.2; path validation, RFC 5280, section 6.
"""

import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Never, TypeAlias, cast

import cbor2
import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    DuplicateExtension,
    ExtendedKeyUsage,
    InvalidVersion,
    KeyUsage,
    NameConstraints,
    UnsupportedGeneralNameType,
    load_der_x509_certificate,
    load_pem_x509_certificates,
)
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store, VerificationError
from msgspec import UNSET, Meta, UnsetType

# AWS: a payload has at most 16,384 bytes. Around it are its head, the headers and the signature, some 110 bytes.
# Whatever is longer is not looked at: so refusing it is cheap.
MAX_PAYLOAD_BYTES = 16_384
MAX_DOCUMENT_BYTES = MAX_PAYLOAD_BYTES + 256

_COSE_SIGN1_TAG = b"\xd2"  # 18, which may be left out
_PROTECTED = b"\xa1\x01\x38\x22"  # {1: -35}, algorithm ES384 and nothing else, as every encoder writes it
_COORDINATE_BYTES = 48
_MAX_DEPTH = 2  # a map or list within a map or list: nothing lies deeper, in the structure or in its payload
_PCR_BYTES = (32, 48, 64)

_NOT_COSE = "it is not a COSE_Sign1 structure with algorithm ES384"
_NOT_A_PAYLOAD = "its payload is not a map of an attestation document's members"
_BAD_CHAIN = "its certificates do not lead to a configured root"
_BAD_SIGNATURE = "its signature does not verify"

# What `cryptography` raises over certificates; most of it is about reading them, the rest about where they lead.
_CERTIFICATE_ERRORS = (
    ValueError,
    InvalidVersion,
    DuplicateExtension,
    UnsupportedAlgorithm,
    UnsupportedGeneralNameType,
    VerificationError,
)

Roots: TypeAlias = Mapping[bytes, Certificate]


class AttestationError(Exception):
    """A document does not hold: the text says which rule it breaks, and nothing of what is in it."""


class RootsError(Exception):
    """These are no root certificates."""


class Attestation(msgspec.Struct, frozen=True):
    """What a document that holds says.

    Attributes:
        module_id: The enclave, or the instance with NitroTPM.
        public_key: The enclave's own words, 1 to 1024 bytes; None if it gave no key.
        pcrs: Platform configuration registers, number (0 to 31) to value.
        nitro_tpm: Whether they are a NitroTPM's.
    """

    module_id: str
    public_key: bytes | None
    pcrs: dict[int, bytes]
    nitro_tpm: bool


_CertificateBytes: TypeAlias = Annotated[bytes, Meta(min_length=1, max_length=1024)]
_FreeBytes: TypeAlias = Annotated[bytes, Meta(max_length=1024)]
_Pcrs: TypeAlias = Annotated[
    dict[
        Annotated[int, Meta(ge=0, le=31)],
        Annotated[bytes, Meta(min_length=min(_PCR_BYTES), max_length=max(_PCR_BYTES))],
    ],
    Meta(min_length=1, max_length=32),
]


class _Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The members of a document (AWS, sections 2.2 and 3.2.2).

    An optional member that was not given is left out or null: AWS's text forbids null, AWS's hardware writes it. For
    user_data and nonce, section 3.2.2 has 512 bytes; the definition in 2.2 has 1024, and real documents use them.
    """

    module_id: Annotated[str, Meta(min_length=1)]
    digest: Literal["SHA384"]
    timestamp: Annotated[int, Meta(gt=0)]
    certificate: _CertificateBytes
    cabundle: Annotated[list[_CertificateBytes], Meta(min_length=1)]
    pcrs: _Pcrs | UnsetType = UNSET
    nitrotpm_pcrs: _Pcrs | UnsetType = UNSET
    public_key: Annotated[bytes, Meta(min_length=1, max_length=1024)] | None = None
    user_data: _FreeBytes | None = None
    nonce: _FreeBytes | None = None


def load_roots(pem: bytes) -> Roots:
    """The certificates of a PEM file, by their DER.

    Raises:
        RootsError: There is none, one cannot be read, or one is not of a P-384 key, which no document could chain to.
    """
    try:
        roots = {certificate.public_bytes(Encoding.DER): certificate for certificate in load_pem_x509_certificates(pem)}
        usable = all(map(_is_p384, roots.values()))
    except _CERTIFICATE_ERRORS:
        raise RootsError("no PEM certificates that can be read") from None
    if not usable:
        raise RootsError("a certificate whose key is not on the curve P-384")
    return roots


def verify(document: bytes, roots: Roots, now: float, max_age: float) -> Attestation:
    """Check a document in full.

    In this order: its form, the chain of its certificates to a root, the signature, its time. The public key in it may
    be of any kind: what it is for is between the enclave and whoever asked for the document.

    Args:
        document: As the Nitro Secure Module gave it, tagged or not.
        roots: The roots to trust, from ``load_roots``.
        now: Epoch seconds.
        max_age: Seconds that its timestamp may be away from ``now``, before or after it: clocks differ both ways.

    Raises:
        AttestationError: A rule is broken.
    """
    payload_bytes, signature = _open(document)
    payload, pcrs = _read(payload_bytes)
    key = _verify_chain(payload, roots, now)
    _verify_signature(key, payload_bytes, signature)
    if abs(now - payload.timestamp / 1000) > max_age:
        raise AttestationError(f"its timestamp is more than {max_age:g} seconds away from the service's time")
    return Attestation(payload.module_id, payload.public_key, pcrs, payload.nitrotpm_pcrs is not UNSET)


# --- its form ---


def _open(document: bytes) -> tuple[bytes, bytes]:
    """The payload, and the signature, of a COSE_Sign1 structure."""
    if len(document) > MAX_DOCUMENT_BYTES:
        raise AttestationError(f"it is longer than {MAX_DOCUMENT_BYTES} bytes")
    match _decode(document.removeprefix(_COSE_SIGN1_TAG), _NOT_COSE):
        # Nothing unprotected: AWS writes an empty map, and what is in it would not be signed.
        case [bytes(protected), dict(unprotected), bytes(payload), bytes(signature)] if (
            protected == _PROTECTED
            and not unprotected
            and len(payload) <= MAX_PAYLOAD_BYTES
            and len(signature) == 2 * _COORDINATE_BYTES
        ):
            return payload, signature
        case _:
            raise AttestationError(_NOT_COSE)


def _read(payload: bytes) -> tuple[_Payload, dict[int, bytes]]:
    """The members, and the one map of registers among them."""
    decoded = _decode(payload, _NOT_A_PAYLOAD)
    if type(decoded) is not dict:
        raise AttestationError(_NOT_A_PAYLOAD)
    try:
        members = msgspec.convert(decoded, _Payload, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        # The text names a member of ours, or one that is not and must not be told.
        name = re.search(r"\$\.(\w+)|missing required field `(\w+)`", str(error))
        raise AttestationError(_not_valid(name[1] or name[2]) if name else _NOT_A_PAYLOAD) from None
    match members.pcrs, members.nitrotpm_pcrs:
        case (dict(pcrs), UnsetType()) | (UnsetType(), dict(pcrs)) if all(
            len(pcr) in _PCR_BYTES for pcr in pcrs.values()
        ):
            return members, pcrs
        case _:
            raise AttestationError(_not_valid("pcrs"))


def _not_valid(member: str) -> str:
    return f"its member {member} is missing or not valid"


def _refuse_tag(_value: object, _immutable: object) -> Never:
    raise ValueError


class _NoTags(dict[int, Any]):
    """Refuses whatever is tagged: out of tags cbor2 builds objects of a dozen kinds, some of them big or costly."""

    def __missing__(self, _tag: int) -> object:
        return _refuse_tag


_NO_TAGS = _NoTags()


def _decode(data: bytes, otherwise: str) -> Any:
    """Exactly one CBOR item, without tags or repeated keys. Indefinite lengths are allowed: the hardware uses them."""
    source = io.BytesIO(data)
    decoder = cbor2.CBORDecoder(
        source, semantic_decoders=_NO_TAGS, max_depth=_MAX_DEPTH, allow_duplicate_keys=False, str_errors="strict"
    )
    try:
        item = decoder.decode()
    except cbor2.CBORError:
        raise AttestationError(otherwise) from None
    if source.tell() != len(data):
        raise AttestationError(otherwise)
    return item


# --- its certificates ---

# `cryptography`'s own rules on extensions ask for what these certificates do not have (a subject alternative name, an
# authority key identifier), so they are written out here. Under any rules it refuses an issuer that is no CA, a path
# beyond a CA's limit, and a critical extension that it does not know.


def _require_no_ca(_policy: Policy, _certificate: Certificate, constraints: BasicConstraints) -> None:
    if constraints.ca:
        raise ValueError


def _require_issuing(_policy: Policy, _certificate: Certificate, usage: KeyUsage) -> None:
    if not usage.key_cert_sign:
        raise ValueError


def _require_signing(_policy: Policy, _certificate: Certificate, usage: KeyUsage) -> None:
    if not usage.digital_signature:
        raise ValueError


# A certificate with an extended key usage is for something else, such as TLS; and no names here could be constrained.
_NEITHER = ExtensionPolicy.permit_all().require_not_present(ExtendedKeyUsage).require_not_present(NameConstraints)
_CA = _NEITHER.require_present(BasicConstraints, Criticality.CRITICAL, None).require_present(
    KeyUsage, Criticality.AGNOSTIC, _require_issuing
)
_LEAF = _NEITHER.require_present(BasicConstraints, Criticality.AGNOSTIC, _require_no_ca).require_present(
    KeyUsage, Criticality.AGNOSTIC, _require_signing
)


def _verify_chain(payload: _Payload, roots: Roots, now: float) -> ec.EllipticCurvePublicKey:
    """The key of the leaf, once all of its chain holds: the bundle is root first (AWS, section 3.2.3)."""
    root = roots.get(payload.cabundle[0])
    if root is None:
        raise AttestationError(_BAD_CHAIN)
    try:
        leaf, *issuers = map(load_der_x509_certificate, (payload.certificate, *reversed(payload.cabundle[1:])))
        policy = PolicyBuilder().store(Store([root])).time(datetime.fromtimestamp(now, UTC))
        verifier = policy.extension_policies(ca_policy=_CA, ee_policy=_LEAF).build_client_verifier()
        chain = verifier.verify(leaf, issuers).chain
        # The path found must be the path told: no certificate too many, none in the wrong place.
        if chain == [leaf, *issuers, root] and all(map(_is_p384, chain)):
            return cast("ec.EllipticCurvePublicKey", leaf.public_key())
    except _CERTIFICATE_ERRORS:
        pass
    raise AttestationError(_BAD_CHAIN)


def _is_p384(certificate: Certificate) -> bool:
    key = certificate.public_key()
    return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP384R1)


# --- its signature ---


def _verify_signature(key: ec.EllipticCurvePublicKey, payload: bytes, signature: bytes) -> None:
    """ECDSA with SHA-384 over the Sig_structure (RFC 9052, section 4.4); the signature is r and s (RFC 9053, 2.1)."""
    r, s = (int.from_bytes(half, "big") for half in (signature[:_COORDINATE_BYTES], signature[_COORDINATE_BYTES:]))
    signed = cbor2.dumps(["Signature1", _PROTECTED, b"", payload])
    try:
        key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA384()))
    except InvalidSignature:
        raise AttestationError(_BAD_SIGNATURE) from None
