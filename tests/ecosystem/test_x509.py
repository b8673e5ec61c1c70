"""Certificates and requests for them that KMS signed: made and read by cryptography, trusted by OpenSSL's TLS."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.ecosystem.keys import Keys

HOST = "service.example"
CA_USAGE = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


class KmsKey:
    """A private key as cryptography's builders use it: it signs, and has a public half."""

    def __init__(self, keys: Keys, arn: str, algorithm: str) -> None:
        self.keys, self.arn, self.algorithm = keys, arn, algorithm

    def public_key(self) -> Any:
        """The public half."""
        return self.keys.public(self.arn)

    def sign(self, data: bytes, *_: Any) -> bytes:
        """The signature that KMS makes; its algorithm says padding and hash."""
        answer = self.keys.kms.sign(KeyId=self.arn, SigningAlgorithm=self.algorithm, Message=data)
        return bytes(answer["Signature"])


@rsa.RSAPrivateKey.register
class KmsRsaKey(KmsKey):
    """An RSA key."""


@ec.EllipticCurvePrivateKey.register
class KmsEcKey(KmsKey):
    """A key of a NIST curve."""


@ed25519.Ed25519PrivateKey.register
class KmsEdKey(KmsKey):
    """An Ed25519 key."""


CASES: dict[str, tuple[type[KmsKey], str, hashes.SHA256 | hashes.SHA384 | None]] = {
    "RSA_2048": (KmsRsaKey, "RSASSA_PKCS1_V1_5_SHA_256", hashes.SHA256()),
    "ECC_NIST_P256": (KmsEcKey, "ECDSA_SHA_256", hashes.SHA256()),
    "ECC_NIST_P384": (KmsEcKey, "ECDSA_SHA_384", hashes.SHA384()),
    "ECC_NIST_EDWARDS25519": (KmsEdKey, "ED25519_SHA_512", None),
}


def name(common: str) -> x509.Name:
    """A name of one part."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def certificate(subject: str, public: Any, spec: str, issuer: Any, *extensions: x509.ExtensionType) -> x509.Certificate:
    """A certificate of one day, signed by the KMS key of a spec."""
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(issuer_name=name("KMS CA"), subject_name=name(subject), public_key=public)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(minutes=5)).not_valid_after(now + timedelta(days=1))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return builder.sign(issuer, CASES[spec][2])


def handshake(trusted: str, chain: Path) -> str | None:
    """A TLS handshake in memory of a client that trusts one certificate; the protocol, or the client's complaint."""
    server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_context.load_cert_chain(chain)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = ssl.create_default_context(cadata=trusted).wrap_bio(to_client, to_server, server_hostname=HOST)
    for side in (client, server, client):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
    return client.version()


@pytest.mark.parametrize("spec", CASES)
def test_a_request_for_a_certificate(keys: Keys, spec: str) -> None:
    """A request signed by KMS proves that its sender has the key."""
    kind, algorithm, digest = CASES[spec]
    key: Any = kind(keys, keys.arn(spec), algorithm)
    made = x509.CertificateSigningRequestBuilder(name(HOST)).sign(key, digest)
    assert made.is_signature_valid
    assert made.public_key() == key.public_key()


@pytest.mark.parametrize("spec", CASES)
def test_tls_trusts_what_a_ca_in_kms_signed(keys: Keys, spec: str, tmp_path: Path) -> None:
    """A TLS client that trusts a CA in KMS takes a server's certificate by it, and none that another key signed."""
    kind, algorithm, _ = CASES[spec]
    ca, stranger = (kind(keys, keys.arn(spec, name=which), algorithm) for which in ("", "stranger"))
    own_id = x509.SubjectKeyIdentifier.from_public_key(ca.public_key())
    is_ca = x509.BasicConstraints(ca=True, path_length=0)
    root = certificate("KMS CA", ca.public_key(), spec, ca, is_ca, own_id, CA_USAGE)
    local = ec.generate_private_key(ec.SECP256R1())
    secret = local.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    names = x509.SubjectAlternativeName([x509.DNSName(HOST)])
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own_id)
    outcome = {}
    for signer in (ca, stranger):
        leaf = certificate(HOST, local.public_key(), spec, signer, names, issuer_id)
        (tmp_path / "chain.pem").write_bytes(secret + leaf.public_bytes(Encoding.PEM))
        outcome[signer] = handshake(root.public_bytes(Encoding.PEM).decode(), tmp_path / "chain.pem")
    assert outcome == {ca: "TLSv1.3", stranger: "certificate signature failure"}
