"""TLS: the service with a certificate, its versions, and what its audit says of them."""

import datetime as dt
import ipaddress
import socket
import ssl
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import SSLError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.compat.calls import new_key
from tests.compat.records import all_records
from tests.support import Server


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "strongroom test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Certificate and key."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory, certificate: tuple[Path, Path]) -> Iterator[Server]:
    """A service with TLS."""
    flags = ("--tls-cert", str(certificate[0]), "--tls-key", str(certificate[1]))
    with Server(tmp_path_factory.mktemp("served") / "data", *flags) as running:
        yield running
        assert running.stop() == 0


def test_boto3_over_tls(tls: Server, certificate: tuple[Path, Path]) -> None:
    """boto3 that trusts the certificate works; boto3 that does not, refuses the service."""
    assert tls.ready_line.startswith("Strongroom is ready at https://127.0.0.1:")
    kms = tls.client(verify=str(certificate[0]))
    key = new_key(kms)
    blob = kms.encrypt(KeyId=key, Plaintext=b"over TLS")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"over TLS"
    with pytest.raises(SSLError):
        tls.client().list_keys()


def handshake(server: Server, version: ssl.TLSVersion) -> str | None:
    """Shake hands in one TLS version; the version."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")  # so that it is the server that refuses an old version
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain,
        context.wrap_socket(plain) as secure,
    ):
        return secure.version()


@pytest.mark.parametrize(
    ("version", "name"), [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")]
)
def test_tls_versions_that_are_served(tls: Server, version: ssl.TLSVersion, name: str) -> None:
    """TLS 1.2 and 1.3 are served."""
    assert handshake(tls, version) == name


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_tls_versions_are_refused(tls: Server, version: ssl.TLSVersion) -> None:
    """The server itself refuses what is older than TLS 1.2: it ends the handshake, and goes on with others."""
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version|unexpected.eof"):
        handshake(tls, version)
    assert handshake(tls, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"


def test_plain_http_gets_nothing_from_a_tls_port(tls: Server) -> None:
    """A request in the clear on the TLS port is not answered, and others still are."""
    with socket.create_connection(("127.0.0.1", tls.port), timeout=10) as plain:
        plain.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try:
            answer = plain.recv(1000)
        except ConnectionResetError:
            answer = b""
    assert not answer.startswith(b"HTTP/")
    assert handshake(tls, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"


def test_the_record_names_the_connection(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    """The record has in tlsDetails the version, the cipher suite and the Host header of the call."""
    flags = ("--tls-cert", str(certificate[0]), "--tls-key", str(certificate[1]))
    with Server(tmp_path / "data", *flags) as server:
        server.client(verify=str(certificate[0])).list_keys()
        assert server.stop() == 0
    (record,) = [record for record in all_records(tmp_path / "data") if record["eventName"] == "ListKeys"]
    details = record["tlsDetails"]
    assert (details["tlsVersion"], details["clientProvidedHostHeader"]) == ("TLSv1.3", f"127.0.0.1:{server.port}")
    assert details["cipherSuite"].startswith("TLS_")
    assert set(details) == {"tlsVersion", "cipherSuite", "clientProvidedHostHeader"}
