"""A PKI built like AWS's for Nitro attestation, an enclave that makes documents under it, and a reader of its answers.

The reader is independent of the product: its own BER, and pycryptodome.
"""

import functools
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import cbor2
from Crypto.Cipher import AES, PKCS1_OAEP
from Crypto.Hash import SHA256
from Crypto.PublicKey import RSA
from Crypto.Util.Padding import unpad
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

ABSENT = object()  # a member to leave out
ES384 = {1: -35}
CA_USAGE, LEAF_USAGE = "key_cert_sign", "digital_signature"
_USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


class Holder(NamedTuple):
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        """The certificate, DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        """The certificate, PEM."""
        return self.certificate.public_bytes(Encoding.PEM)


def key_usage(*names: str) -> x509.KeyUsage:
    """A key usage extension with exactly these bits."""
    return x509.KeyUsage(**{usage: usage in names for usage in _USAGES})


def issue(
    name: str,
    issuer: Holder | None,
    at: float,
    *,
    constraints: x509.BasicConstraints | None,
    usage: x509.KeyUsage | None,
    lifetime: tuple[float, float] = (-3600, 3600),
    extra: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    curve: ec.EllipticCurve | None = None,
    issuer_name: str | None = None,
) -> Holder:
    """Issue a certificate.

    Args:
        name: The subject's common name.
        issuer: Who signs; None for a root, which signs itself.
        at: Epoch seconds that ``lifetime`` counts from.
        constraints: Basic constraints, critical; None leaves them out.
        usage: Key usage, critical; None leaves it out.
        lifetime: First and last moment.
        extra: Further extensions, each with whether it is critical.
        curve: P-384 unless another is told.
        issuer_name: The issuer that the certificate names, if it is not the one that signs.
    """
    key = ec.generate_private_key(curve or ec.SECP384R1())
    start = datetime.fromtimestamp(at, UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer_name) if issuer_name else issuer.certificate.subject if issuer else _name(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start + timedelta(seconds=lifetime[0]))
        .not_valid_after(start + timedelta(seconds=lifetime[1]))
    )
    extensions = [(extension, True) for extension in (constraints, usage) if extension is not None]
    for extension, critical in (*extensions, *extra):
        builder = builder.add_extension(extension, critical=critical)
    return Holder(builder.sign(issuer.key if issuer else key, hashes.SHA384()), key)


def authority(name: str, issuer: Holder | None, at: float, *, path_length: int | None = None, **changes: Any) -> Holder:
    """A certification authority; ``changes`` are those of ``issue``."""
    settled = {"constraints": x509.BasicConstraints(ca=True, path_length=path_length), "usage": key_usage(CA_USAGE)}
    return issue(name, issuer, at, **{**settled, **changes})


def signer(issuer: Holder | None, at: float, **changes: Any) -> Holder:
    """The certificate that a hypervisor signs documents with; ``changes`` are those of ``issue``."""
    settled = {"constraints": x509.BasicConstraints(ca=False, path_length=None), "usage": key_usage(LEAF_USAGE)}
    return issue("signer", issuer, at, **{**settled, **changes})


def sign1(
    payload: bytes, key: ec.EllipticCurvePrivateKey, *, protected: bytes | None = None, unprotected: Any = None
) -> bytes:
    """A COSE_Sign1 structure, untagged (RFC 9052, section 4.2)."""
    header = cbor2.dumps(ES384) if protected is None else protected
    signed = cbor2.dumps(["Signature1", header, b"", payload])
    r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA384())))
    signature = r.to_bytes(48, "big") + s.to_bytes(48, "big")
    return cbor2.dumps([header, {} if unprotected is None else unprotected, payload, signature])


@functools.cache
def rsa_key(bits: int = 2048, exponent: int = 65537) -> rsa.RSAPrivateKey:
    """An RSA key, made once for all tests of a process: making one is slow."""
    return rsa.generate_private_key(exponent, bits)


def spki(key: Any) -> bytes:
    """The public half of a private key, DER SubjectPublicKeyInfo."""
    public: bytes = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return public


class Enclave:
    """A Nitro enclave: root, regional, zonal and instance authority above its signer, as AWS has them.

    Args:
        at: Epoch seconds of the documents; the certificates hold from an hour before until an hour after.
        nitro_tpm: An instance with NitroTPM instead.
    """

    def __init__(self, at: float, *, nitro_tpm: bool = False) -> None:
        root = authority("aws.nitro-enclaves", None, at)
        region = authority("region", root, at, path_length=2)
        zone = authority("zone", region, at, path_length=1)
        instance = authority("instance", zone, at, path_length=0)
        self.chain = (root, region, zone, instance)
        self.signer = signer(instance, at)
        self.key = rsa_key()
        self._at = at
        self._kind, self._pcrs = ("tpm", "nitrotpm_pcrs") if nitro_tpm else ("enc", "pcrs")

    @property
    def roots(self) -> bytes:
        """The root certificate, PEM: what the service is told to trust."""
        return self.chain[0].pem

    @property
    def pcrs(self) -> dict[int, bytes]:
        """Sixteen registers, each with a value of its own."""
        return {number: bytes([number + 1]) * 48 for number in range(16)}

    def members(self, **changes: Any) -> dict[str, Any]:
        """The members of a document; a change replaces one, or takes it out (ABSENT)."""
        members = {
            "module_id": f"i-0123456789abcdef0-{self._kind}0123456789abcdef",
            "digest": "SHA384",
            "timestamp": int(self._at * 1000),
            self._pcrs: self.pcrs,
            "certificate": self.signer.der,
            "cabundle": [holder.der for holder in self.chain],
            "public_key": spki(self.key),
            "user_data": None,
            "nonce": None,
        }
        return {name: value for name, value in (members | changes).items() if value is not ABSENT}

    def document(self, **changes: Any) -> bytes:
        """A document, with changes as for ``members``, signed by the signer."""
        return sign1(cbor2.dumps(self.members(**changes)), self.signer.key)

    def open(self, envelope: bytes) -> bytes:
        """What an answer to this enclave holds."""
        return opened(envelope, self.key)


def opened(envelope: bytes, key: rsa.RSAPrivateKey) -> bytes:
    """Decrypt a CMS EnvelopedData with one recipient, whichever way its lengths are written."""
    (_, (_, (_, ((_, enveloped),)))), rest = _ber(envelope)
    assert rest == b""
    _version, (_, ((_, recipient),)), (_, content) = enveloped
    (_, encrypted_key), (_, (_, (_, parameters))), (_, pieces) = recipient[-1], content[1], content[-1]
    secret = RSA.import_key(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    content_key = PKCS1_OAEP.new(secret, hashAlgo=SHA256).decrypt(encrypted_key)
    ciphertext = pieces if isinstance(pieces, bytes) else b"".join(piece for _, piece in pieces)
    return unpad(AES.new(content_key, AES.MODE_CBC, iv=parameters).decrypt(ciphertext), 16)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _ber(data: bytes) -> tuple[Any, bytes]:
    """The first value of ``data`` as (tag, content or list of values), and what follows it (X.690, section 8.1)."""
    tag, size, data = data[0], data[1], data[2:]
    values: list[Any] = []
    if size == 0x80:
        while not data.startswith(b"\0\0"):
            value, data = _ber(data)
            values.append(value)
        return (tag, values), data[2:]
    if size & 0x80:
        count = size & 0x7F
        size, data = int.from_bytes(data[:count], "big"), data[count:]
    content, data = data[:size], data[size:]
    assert len(content) == size
    if not tag & 0x20:
        return (tag, content), data
    while content:
        value, content = _ber(content)
        values.append(value)
    return (tag, values), data
