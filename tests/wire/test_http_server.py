"""The HTTP server around its handler: delayed answers, faults, lost clients, drain, listening."""

import asyncio
import errno
import logging
import os
import socket
from pathlib import Path

import pytest

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


def test_an_answer_in_the_moment_of_the_cut_goes_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """A connection that is cut, and does not know it yet, takes the answer without a complaint."""
    later = Later()
    with Live(later, ROOMY) as live, live.client() as client:
        client.send(GET)
        live.until(lambda: len(later.waiting) == 1)
        (connection,) = live.server.connections
        live.call(lambda: (connection.abort(), later.answer()))  # type: ignore[func-returns-value] # one after the other
        assert client.closed()
    assert caplog.records == []


def test_requests_that_come_during_an_answer_wait() -> None:
    """What arrives while the handler works is served afterwards, in order."""
    later = Later()
    with Live(later, ROOMY) as live, live.client() as client:
        client.send(path(b"a"))
        live.until(lambda: len(later.waiting) == 1)
        client.send(path(b"b") + path(b"c"))
        (connection,) = live.server.connections
        live.until(lambda: connection._reader.buffered == len(path(b"b") + path(b"c")))
        for name in (b"/a", b"/b", b"/c"):
            live.until(lambda: len(later.waiting) == 1)
            live.call(later.answer)
            assert client.answer().body == name


def test_a_bad_request_of_a_half_closed_client_is_still_refused() -> None:
    """After the answers to what was good, the client that has sent its last byte reads what was bad, and the end."""
    later = Later()
    with Live(later, ROOMY) as live, live.client() as client:
        client.send(path(b"a") + b"BAD\r\n\r\n")
        client.half_close()
        live.until(lambda: len(later.waiting) == 1)
        (connection,) = live.server.connections
        live.until(lambda: connection._eof)
        live.call(later.answer)
        assert [answer.status for answer in client.answers_to_the_end()] == [200, 400]


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


@pytest.mark.parametrize("turns", range(5))
def test_drain_in_any_moment_of_a_beginning_connection(turns: int) -> None:
    """However far a connection has come since it was accepted, a drain ends it and is not held up by it."""

    async def scenario(live: Live) -> int:
        with socket.create_connection(("127.0.0.1", live.port)):
            live.listeners[0]._accept()
            for _ in range(turns):
                await asyncio.sleep(0)
            assert len(live.server.handshaking) + len(live.server.connections) == 1
            return await live.server.drain(5)

    with Live(limits=ROOMY) as live:
        assert live.start(scenario(live))() == 0
        live.until(lambda: not live.server.connections and not live.server.handshaking)


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


class Exhausted(socket.socket):
    """A socket whose first accept finds no descriptor."""

    exhausted = True

    def accept(self) -> tuple[socket.socket, object]:
        """Fail once."""
        if self.exhausted:
            self.exhausted = False
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return super().accept()


def test_accepting_rests_when_descriptors_run_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without descriptors the listener pauses instead of spinning, and serves again afterwards."""
    sock = Exhausted()
    sock.bind(("127.0.0.1", 0))
    monkeypatch.setattr(listener, "_REST", 0.1)
    with Live() as live:
        live.listen(sock)
        with Client(sock.getsockname()[1]) as client:
            client.send(GET)
            assert client.answer().status == 200
    assert "EMFILE" in caplog.text


def test_a_resting_listener_can_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing during the pause ends the pause, too."""
    monkeypatch.setattr(listener, "_REST", 0.05)
    sock = Exhausted()
    sock.bind(("127.0.0.1", 0))
    with Live() as live:
        resting = live.listen(sock)
        with Client(sock.getsockname()[1]):
            live.until(lambda: resting._resting is not None)
            timer = resting._resting
            live.call(resting.close)
            live.listeners.remove(resting)
            assert timer is not None
            assert timer.cancelled()


def test_many_connections_at_once() -> None:
    """A burst larger than what one turn of the loop accepts is served all the same."""
    with Live() as live:
        clients = live.call(lambda: [live.client() for _ in range(100)])
        for client in clients:
            client.send(GET)
        assert [client.answer().status for client in clients] == [200] * 100
        for client in clients:
            client.sock.close()


def test_counters_begin_at_zero() -> None:
    """Every reason has its counter from the start, so that a metric exists before its first event."""
    server = HttpServer(echo)
    assert set(server.refused.values()) == {0}
    assert {"malformed", "header_timeout", "too_many_connections", "tls_handshake"} <= set(server.refused)
