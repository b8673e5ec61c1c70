"""What the HTTP server takes, and how it answers."""

import re
from collections.abc import Iterator
from email.utils import formatdate, parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.wire.http import HttpRequest, HttpResponse, Limits, Respond
from strongroom.wire.messages import date_line
from tests.wire.http_harness import GET, Live, echo


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """One server for the tests that need no limits of their own."""
    with Live() as server:
        yield server


def test_the_handler_sees_the_request_as_sent(live: Live) -> None:
    """Method, raw path and query, headers in order with lower-case names and bare values, body and peer arrive."""
    with live.client() as client:
        client.send(
            b"POST /a%2Fb//c;d?x=1&y=%20?z HTTP/1.1\r\nHost: kms.example:8080\r\nX-B: \t two words \t\r\nx-a:1\r\n"
            b"X-B: again\r\nX-Empty:\r\nX-High: \xe9\r\nContent-Length: 5\r\n\r\nhello"
        )
        assert client.answer().body == b"hello"
    assert live.seen[-1] == HttpRequest(
        method=b"POST",
        path=b"/a%2Fb//c;d",
        query=b"x=1&y=%20?z",
        headers=[
            (b"host", b"kms.example:8080"),
            (b"x-b", b"two words"),
            (b"x-a", b"1"),
            (b"x-b", b"again"),
            (b"x-empty", b""),
            (b"x-high", b"\xe9"),
            (b"content-length", b"5"),
        ],
        body=b"hello",
        peer="127.0.0.1",
        tls=None,
    )
    assert live.seen[-1].header(b"x-b") == b"two words"
    assert live.seen[-1].header(b"x-none") is None


def test_an_answer_is_complete(live: Live) -> None:
    """Content-Length, Content-Type, a Date that clients can read and the handler's headers, and nothing that closes."""
    with live.client() as client:
        client.send(GET)
        answer = client.answer()
    assert (answer.status, answer.body) == (200, b"")
    assert sorted(answer.headers) == ["content-length", "content-type", "date", "x-path"]
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", answer.headers["date"])
    assert parsedate_to_datetime(answer.headers["date"]).year >= 2024


CHUNKED = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"


@given(st.integers(0, 4_000_000_000))
def test_dates_are_those_of_the_standard(second: int) -> None:
    """The Date header has the form of RFC 9110 for any second, as the standard library writes it."""
    assert date_line(second) == f"Date: {formatdate(second, usegmt=True)}\r\n".encode()


ACCEPTED = {
    "GET": (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b""),
    "empty lines before": (b"\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", b""),
    "bracketed host": (b"GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", b""),
    "host with an empty port": (b"GET / HTTP/1.1\r\nHost: h:\r\n\r\n", b""),
    "1.0 without host": (b"GET / HTTP/1.0\r\n\r\n", b""),
    "length 0": (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", b""),
    "length with zeros": (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 003\r\n\r\nabc", b"abc"),
    "GET with a body": (b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
    "a body that looks like a request": (
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 29\r\n\r\n" + GET + b"x",
        GET + b"x",
    ),
    "chunked": (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"abc"),
    "no chunk": (CHUNKED + b"0\r\n\r\n", b""),
    "several chunks": (
        CHUNKED + b"1\r\na\r\n00000002\r\n\r\n\r\nA\r\n0123456789\r\n000\r\n\r\n",
        b"a\r\n0123456789",
    ),
    "chunk extensions": (
        b'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;a;b=c;d="e f;"\r\nx\r\n0;last\r\n\r\n',
        b"x",
    ),
    "hex in both cases": (
        CHUNKED + b"0f\r\n0123456789abcde\r\n0F\r\n0123456789abcde\r\n0\r\n\r\n",
        b"0123456789abcde" * 2,
    ),
}


@pytest.mark.parametrize("data", [data for data, _ in ACCEPTED.values()], ids=list(ACCEPTED))
def test_byte_by_byte_is_the_same_as_at_once(live: Live, data: bytes) -> None:
    """How the bytes are cut into packets changes neither the request nor the answer, which is the body sent."""
    with live.client() as client:
        client.send(data)
        whole = client.answer()
    with live.client() as client:
        for byte in data:
            client.send(bytes((byte,)))
        piecemeal = client.answer()
    assert whole.body == dict(ACCEPTED.values())[data]
    assert (piecemeal.status, piecemeal.body) == (whole.status, whole.body)
    assert live.seen[-1] == live.seen[-2]


def test_requests_sent_together_are_answered_in_order(live: Live) -> None:
    """A pipeline of different body forms comes back one by one, in order."""
    forms = [data for data, _ in ACCEPTED.values() if b"HTTP/1.0" not in data]
    with live.client() as client:
        client.send(b"".join(forms) * 5)
        bodies = [client.answer().body for _ in range(len(forms) * 5)]
    assert bodies == [dict(ACCEPTED.values())[data] for data in forms] * 5


KEEP_ALIVE = {
    "1.1": (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", None),
    "1.1 keep-alive": (b"GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\n\r\n", None),
    "1.1 other options": (b"GET / HTTP/1.1\r\nHost: h\r\nConnection: te, x-closed\r\n\r\n", None),
    "1.1 close": (b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n\r\n", "close"),
    "1.1 close in a list": (b"GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive ,\tclose\r\n\r\n", "close"),
    "1.1 close in a second header": (
        b"GET / HTTP/1.1\r\nHost: h\r\nConnection: te\r\nConnection: close\r\n\r\n",
        "close",
    ),
    "1.0": (b"GET / HTTP/1.0\r\nHost: h\r\n\r\n", "close"),
    "1.0 keep-alive": (b"GET / HTTP/1.0\r\nHost: h\r\nConnection: Keep-Alive\r\n\r\n", "keep-alive"),
    "1.0 both": (b"GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive, close\r\n\r\n", "close"),
    "1.0 other options": (b"GET / HTTP/1.0\r\nHost: h\r\nConnection: te\r\n\r\n", "close"),
}


@pytest.mark.parametrize(("data", "connection"), KEEP_ALIVE.values(), ids=list(KEEP_ALIVE))
def test_keep_alive(live: Live, data: bytes, connection: str | None) -> None:
    """The connection stays or ends as RFC 9112, section 9.3, says, and the answer tells it."""
    with live.client() as client:
        client.send(data)
        assert client.answer().headers.get("connection") == connection
        if connection == "close":
            assert client.closed()
        else:
            client.send(GET)
            assert client.answer().status == 200


def test_what_follows_the_last_request_is_not_served(live: Live) -> None:
    """After Connection: close the rest of a pipeline is dropped, and the answer still arrives."""
    before = len(live.seen)
    answers = live.ask(b"GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + GET * 1000)
    assert [answer.headers["x-path"] for answer in answers] == ["/last"]
    assert len(live.seen) == before + 1


def test_head_is_answered_without_a_body(live: Live) -> None:
    """HEAD gets the length that GET would have, and no content; so does a refusal, and only it."""
    with live.client() as client:
        client.send(b"HEAD / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" + GET)
        assert client.answer(bodiless=True).headers["content-length"] == "5"
        assert client.answer().headers["x-path"] == "/a"
        client.send(b"HEAD / HTTP/1.1\r\n\r\n")
        assert client.answer(bodiless=True).status == 400
        assert client.closed()
    with live.client() as client:
        client.send(b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert client.answer(bodiless=True).status == 200
        client.send(b"BAD\n")
        assert client.answer().type == "BadRequestException"


CONTINUES = {
    "length": (b"Content-Length: 3\r\n", b"abc"),
    "chunked": (b"Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize(("framing", "body"), CONTINUES.values(), ids=list(CONTINUES))
def test_a_client_that_waits_is_told_to_continue_once(live: Live, framing: bytes, body: bytes) -> None:
    """100 Continue goes out when the head is in and the body is not, and once."""
    with live.client() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\n" + framing + b"\r\n")
        assert client.line_head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(body[:2])
        client.send(body[2:])
        answer = client.answer()
    assert (answer.status, answer.body) == (200, b"abc")


NO_CONTINUES = {
    "body already here": b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    "no body": b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n",
    "1.0": b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    "1.0 with what 1.1 refuses": b"POST / HTTP/1.0\r\nExpect: a-miracle\r\n\r\n",
}


@pytest.mark.parametrize("data", NO_CONTINUES.values(), ids=list(NO_CONTINUES))
def test_no_needless_continue(live: Live, data: bytes) -> None:
    """Without need, or to HTTP/1.0, the first answer is the last."""
    with live.client() as client:
        client.send(data)
        assert client.answer().status == 200


def test_no_continue_to_a_client_that_does_not_wait(live: Live) -> None:
    """A client that has begun to send its body is not told to."""
    with live.client() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\na")
        live.until(lambda: any(connection._reader.buffered == 1 for connection in live.server.connections))
        client.send(b"bc")
        assert client.answer().body == b"abc"


def test_a_body_of_the_largest_size_passes() -> None:
    """A body of exactly the limit arrives whole, in both framings."""
    limit = 100_000
    body = bytes(range(250)) * (limit // 250)
    with Live(limits=Limits(max_body=limit)) as live:
        for framing, encoded in (
            (b"Content-Length: %d" % limit, body),
            (b"Transfer-Encoding: chunked", b"%x\r\n%b\r\n0\r\n\r\n" % (limit, body)),
        ):
            with live.client() as client:
                client.send(b"POST / HTTP/1.1\r\nHost: h\r\n" + framing + b"\r\n\r\n" + encoded)
                assert client.answer().body == body


STATUSES = {204: None, 304: None, 200: "3", 404: "3", 503: "3"}


@pytest.mark.parametrize(("status", "length"), STATUSES.items())
def test_content_length_by_status(status: int, length: str | None) -> None:
    """Statuses that never have content get neither a body nor its length (RFC 9110); the next answer is in step."""

    def handler(request: HttpRequest, respond: Respond) -> None:
        if request.path == b"/a":
            echo(request, respond)
        else:
            respond(HttpResponse(status, b"", b"abc"))

    with Live(handler) as live, live.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" + GET)
        answer = client.answer()
        assert (answer.status, answer.headers.get("content-length")) == (status, length)
        assert "content-type" not in answer.headers
        assert client.answer().headers["x-path"] == "/a"


def test_a_half_closed_client_still_gets_its_answers(live: Live) -> None:
    """A client that says it will send no more is served what it sent whole."""
    with live.client() as client:
        client.send(GET * 3)
        client.half_close()
        assert [answer.status for answer in client.answers_to_the_end()] == [200] * 3
