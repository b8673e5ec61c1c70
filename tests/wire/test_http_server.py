"""The HTTP server around its handler: delayed answers, faults, lost clients, drain, listening, TLS."""

import datetime as dt
import errno
import ipaddress
import logging
import os
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from strongroom.wire import listener
from strongroom.wire.http import HttpRequest, HttpResponse, HttpServer, Limits, Respond
from tests.wire.http_harness import GET, Client, Live, echo

ROOMY = Limits(header_timeout=1000, body_timeout=1000, idle_timeout=1000)


class Later:
    """A handler that keeps what it is to answer."""

    def __init__(self) -> None:
        self.waiting: list[tuple[HttpRequest, Respond]] = []

    def __call__(self, request: HttpRequest, respond: Respond) -> None:
        """Put the request aside."""
        self.waiting.append((request, respond))

    def answer(self) -> None:
        """Answer the oldest request with its own path."""
        request, respond = self.waiting.pop(0)
        respond(HttpResponse(200, b"", request.path))


def path(name: bytes) -> bytes:
    """A GET for this path."""
    return b"GET /" + name + b" HTTP/1.1\r\nHost: h\r\n\r\n"


# --- the handler ---


def test_delayed_answers_keep_their_order() -> None:
    """One request of a connection is with the handler at a time, and answers come in the order of the requests."""
    later = Later()
    with Live(later, ROOMY) as live, live.client() as client:
        client.send(b"".join(path(b"%d" % number) for number in range(20)))
        for number in range(20):
            live.until(lambda: bool(later.waiting))
            assert len(later.waiting) == 1
            live.call(later.answer)
            assert client.answer().body == b"/%d" % number


def test_connections_do_not_wait_for_each_other() -> None:
    """A request that takes its time holds up its own connection alone."""
    later = Later()
    with Live(later, ROOMY) as live, live.client() as slow, live.client() as quick:
        slow.send(path(b"slow"))
        live.until(lambda: len(later.waiting) == 1)
        quick.send(path(b"quick"))
        live.until(lambda: len(later.waiting) == 2)
        live.call(later.waiting.reverse)
        live.call(later.answer)
        assert quick.answer().body == b"/quick"
        live.call(later.answer)
        assert slow.answer().body == b"/slow"


def test_a_handler_that_fails_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    """The client gets a plain KMSInternalException and the end; the log says what failed and nothing that was sent."""

    def handler(request: HttpRequest, _: Respond) -> None:
        raise LookupError(f"no such thing as {request.body!r}")

    with Live(handler) as live:
        answers = live.ask(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nSECRET" + GET)
        assert [(answer.status, answer.type) for answer in answers] == [(500, "KMSInternalException")]
        assert answers[0].headers["connection"] == "close"
        assert b"SECRET" not in answers[0].body
        assert live.server.refused["handler_error"] == 1
        assert len(live.seen) == 1
    assert "LookupError" in caplog.text
    assert "in handler" in caplog.text
    assert "SECRET" not in caplog.text
    assert {record.name for record in caplog.records} == {"strongroom.wire"}


def test_a_handler_that_fails_after_answering_changes_nothing_for_the_client(caplog: pytest.LogCaptureFixture) -> None:
    """The answer given stands, the connection goes on, and the failure is logged and counted."""

    def handler(request: HttpRequest, respond: Respond) -> None:
        echo(request, respond)
        raise LookupError

    with Live(handler) as live, live.client() as client:
        client.send(GET + GET)
        assert [client.answer().status, client.answer().status] == [200, 200]
        live.until(lambda: live.server.refused["handler_error"] == 2)
    assert caplog.text.count("failed: LookupError") == 2


SPLITTING = {
    "CR LF in a value": HttpResponse(200, b"text/plain", b"", ((b"x-a", b"1\r\nSet-Cookie: a"),)),
    "LF in a value": HttpResponse(200, b"text/plain", b"", ((b"x-a", b"1\nx"),)),
    "CR in a value": HttpResponse(200, b"text/plain", b"", ((b"x-a", b"1\rx"),)),
    "CR LF in a name": HttpResponse(200, b"text/plain", b"", ((b"x-a\r\nb", b"1"),)),
    "CR LF in the content type": HttpResponse(200, b"text/plain\r\nx: y", b""),
    "unknown status": HttpResponse(299, b"text/plain", b""),
}


@pytest.mark.parametrize("response", SPLITTING.values(), ids=list(SPLITTING))
def test_no_response_splitting(response: HttpResponse, caplog: pytest.LogCaptureFixture) -> None:
    """A response whose headers would break their lines is not sent; the client gets a 500."""
    with Live(lambda _, respond: respond(response)) as live:
        assert [answer.status for answer in live.ask(GET)] == [500]
    assert "cannot be sent" in caplog.text
    assert "Set-Cookie" not in caplog.text


def test_a_second_answer_goes_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """Answering twice is logged, and the later request on the connection gets its own answer only."""
    later = Later()
    with Live(later, ROOMY) as live, live.client() as client:
        client.send(path(b"a"))
        live.until(lambda: len(later.waiting) == 1)
        _, respond = later.waiting[0]
        live.call(later.answer)
        assert client.answer().body == b"/a"
        client.send(path(b"b"))
        live.until(lambda: len(later.waiting) == 1)
        live.call(lambda: respond(HttpResponse(200, b"", b"stray")))
        live.call(later.answer)
        assert client.answer().body == b"/b"
    assert "a second time" in caplog.text


@pytest.mark.parametrize("way", [Client.reset, Client.__exit__], ids=["reset", "closed"])
def test_an_answer_to_a_client_that_left_goes_nowhere(way: object, caplog: pytest.LogCaptureFixture) -> None:
    """The late answer is a no-op: no error, no log, and the server goes on."""
    later = Later()
    with Live(later, ROOMY) as live:
        client = live.client()
        client.send(path(b"a"))
        live.until(lambda: len(later.waiting) == 1)
        way(client)  # type: ignore[operator] # both take the client
        if way is Client.reset:
            live.until(lambda: not live.server.connections)
        live.call(later.answer)
        live.until(lambda: not live.server.connections)
        with live.client() as other:
            other.send(path(b"b"))
            live.until(lambda: len(later.waiting) == 1)
            live.call(later.answer)
            assert other.answer().body == b"/b"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


# --- drain ---


def test_drain_finishes_what_is_under_way() -> None:
    """Idle connections end at once; answers under way and requests half sent are finished, as the last ones."""
    later = Later()
    with Live(later, ROOMY) as live, live.client() as idle, live.client() as busy, live.client() as half:
        fresh = live.client()
        idle.send(path(b"idle"))
        live.until(lambda: len(later.waiting) == 1)
        live.call(later.answer)
        idle.answer()
        busy.send(path(b"busy") + path(b"too late"))
        half.send(path(b"half")[:20])
        live.until(lambda: len(later.waiting) == 1 and len(live.server.connections) == 4)
        live.until(lambda: any(connection._reader.buffered == 20 for connection in live.server.connections))
        drained = live.start(live.server.drain(20))
        assert idle.closed()
        assert fresh.closed()
        live.call(later.answer)
        answer = busy.answer()
        assert (answer.body, answer.headers["connection"]) == (b"/busy", "close")
        assert busy.closed()
        half.send(path(b"half")[20:])
        live.until(lambda: len(later.waiting) == 1)
        live.call(later.answer)
        answer = half.answer()
        assert (answer.body, answer.headers["connection"]) == (b"/half", "close")
        assert half.closed()
        for client in (fresh, busy, half):
            client.sock.close()
        assert drained() == 0


def test_drain_cuts_what_does_not_end() -> None:
    """At the timeout what is left is cut, and its number told."""
    later = Later()
    with Live(later, ROOMY) as live, live.client() as busy, live.client() as half:
        busy.send(GET)
        half.send(GET[:10])
        live.until(lambda: len(later.waiting) == 1 and len(live.server.connections) == 2)
        live.until(lambda: any(connection._reader.buffered == 10 for connection in live.server.connections))
        assert live.start(live.server.drain(0.1))() == 2
        assert busy.closed()
        assert half.closed()
        live.call(later.answer)


def test_drain_with_nothing_to_do_is_done() -> None:
    """Without connections the drain ends at once, and new connections are turned away."""
    with Live(limits=ROOMY) as live:
        assert live.start(live.server.drain(1000))() == 0
        with live.client() as client:
            assert client.closed()
        assert live.server.refused["draining"] == 1


# --- listening ---


def test_a_closed_listener_accepts_no_more() -> None:
    """After close the port is free, and the connections that are open go on."""
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    with Live() as live:
        second = live.listen(sock)
        with Client(port) as client:
            client.send(GET)
            assert client.answer().status == 200
            live.call(second.close)
            live.listeners.remove(second)
            with pytest.raises(ConnectionRefusedError):
                Client(port)
            client.send(GET)
            assert client.answer().status == 200


def test_the_protocol_works_in_the_loops_own_server() -> None:
    """``protocol_factory`` alone keeps the limits, too."""
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    with Live(limits=Limits(max_connections=1)) as live:
        server = live.start(live.loop.create_server(live.server.protocol_factory, sock=sock))()
        with Client(port) as client:
            client.send(GET)
            assert client.answer().status == 200
            with Client(port) as second:
                assert second.closed()
        live.until(lambda: not live.server.connections)
        live.start(live.server.drain(1))()
        with Client(port) as late:
            assert late.closed()
        assert (live.server.refused["too_many_connections"], live.server.refused["draining"]) == (1, 1)
        live.call(server.close)


def test_unix_sockets(tmp_path: Path) -> None:
    """A Unix socket serves as well; its peer has no address."""
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(tmp_path / "http.sock"))
    with Live() as live:
        live.listen(bound)
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(tmp_path / "http.sock"))
            sock.sendall(GET)
            assert sock.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
        assert live.seen[0].peer == ""


def test_a_dual_stack_socket_shows_ipv4_as_ipv4() -> None:
    """The peer is what a policy's aws:SourceIp is compared with: 127.0.0.1, not ::ffff:127.0.0.1."""
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    bound = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    port = bound.getsockname()[1]
    with Live() as live:
        live.listen(bound)
        for address in ("127.0.0.1", "::1"):
            with socket.create_connection((address, port)) as sock:
                sock.sendall(GET)
                sock.recv(1000)
            assert live.seen[-1].peer == address


def test_accepting_rests_when_descriptors_run_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without descriptors the listener pauses instead of spinning, and serves again afterwards."""

    class Exhausted(socket.socket):
        """A socket whose first accept finds no descriptor."""

        tries = 0

        def accept(self) -> tuple[socket.socket, object]:
            Exhausted.tries += 1
            if Exhausted.tries == 1:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            return super().accept()

    sock = Exhausted()
    sock.bind(("127.0.0.1", 0))
    monkeypatch.setattr(listener, "_REST", 0.1)
    with Live() as live:
        live.listen(sock)
        with Client(sock.getsockname()[1]) as client:
            client.send(GET)
            assert client.answer().status == 200
    assert "EMFILE" in caplog.text


# --- TLS ---


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


def test_counters_begin_at_zero() -> None:
    """Every reason has its counter from the start, so that a metric exists before its first event."""
    server = HttpServer(echo)
    assert set(server.refused.values()) == {0}
    assert {"malformed", "header_timeout", "too_many_connections", "tls_handshake"} <= set(server.refused)
