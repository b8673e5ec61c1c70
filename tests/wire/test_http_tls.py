"""The HTTP server over TLS."""

import datetime as dt
import ipaddress
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from strongroom.wire.http import Limits
from tests.wire.http_harness import GET, Live


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's context over a certificate made here."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path_factory.mktemp("tls") / "server.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_tls(contexts: tuple[ssl.SSLContext, ssl.SSLContext], version: ssl.TLSVersion) -> None:
    """Over TLS the handler learns protocol version and cipher suite; keep-alive, large bodies and refusals work."""
    server, client_context = contexts
    client_context.maximum_version = client_context.minimum_version = version
    with Live(tls=server) as live, live.client(client_context) as client:
        body = b"x" * 500_000
        for _ in range(3):
            client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\n\r\n" + body)
            assert client.answer().body == body
        assert isinstance(client.sock, ssl.SSLSocket)
        cipher = client.sock.cipher()
        assert cipher is not None
        assert live.seen[0].tls == (client.sock.version(), cipher[0])
        assert live.seen[0].peer == "127.0.0.1"
        client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\n" + body)
        assert client.answer().status == 413


def test_what_is_not_tls_is_closed(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """Plain HTTP and rubbish on a TLS port end the connection, are counted, and harm nobody else."""
    server, client_context = contexts
    with Live(tls=server) as live:
        for data in (GET, b"\x16\x03\x01\x00\x05hello", b"\x00" * 50):
            with live.client() as client:
                client.send(data)
                client.half_close()
                while not client.closed():  # an alert may come first
                    pass
        live.until(lambda: live.server.refused["tls_handshake"] == 3)
        assert live.server.handshaking == {}
        with live.client(client_context) as client:
            client.send(GET)
            assert client.answer().status == 200


def test_a_silent_tls_handshake_ends(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """A client that never says hello is closed when the head's time is up."""
    with Live(tls=contexts[0], limits=Limits(header_timeout=0.2)) as live, live.client() as client:
        assert client.closed()
        live.until(lambda: live.server.refused["tls_handshake"] == 1)


def test_connections_count_before_their_handshake(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """Silent connections to a TLS port use up the limit of connections, not the process's descriptors."""
    server, client_context = contexts
    with Live(tls=server, limits=Limits(max_connections=2, header_timeout=1000)) as live:
        with live.client(), live.client():
            live.until(lambda: len(live.server.handshaking) == 2)
            with live.client() as third:
                assert third.closed()
            assert live.server.refused["too_many_connections"] == 1
        live.until(lambda: not live.server.handshaking)
        with live.client(client_context) as client:
            client.send(GET)
            assert client.answer().status == 200


def test_cutting_what_is_already_gone_does_nothing(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """The sweep may meet a connection whose socket is closed and which does not know it yet."""
    server, client_context = contexts
    with Live(tls=server) as live:
        with live.client(client_context) as client:
            client.send(GET)
            client.answer()
            (connection,) = live.server.connections
        live.until(lambda: not live.server.connections)
        live.call(connection.abort)


def test_drain_ends_handshakes_and_idle_tls_connections(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """A silent handshake and an idle client that does not say goodbye do not hold up a drain."""
    server, client_context = contexts
    roomy = Limits(header_timeout=1000, idle_timeout=1000, linger_timeout=0.2)
    with Live(tls=server, limits=roomy) as live, live.client() as silent, live.client(client_context) as idle:
        idle.send(GET)
        idle.answer()
        live.until(lambda: len(live.server.handshaking) == 1)
        assert live.start(live.server.drain(20))() == 0
        assert silent.closed()
