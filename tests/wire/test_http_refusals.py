"""What the HTTP server refuses: malformed and ambiguous requests, and request smuggling."""

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.wire.head import parse_head
from strongroom.wire.http import Limits
from strongroom.wire.messages import REASONS, Refusal
from tests.wire.http_harness import GET, Live

LIMITS = Limits(max_body=1000, max_header_bytes=2000, max_headers=10)
HOST = b"Host: h\r\n"
POST = b"POST / HTTP/1.1\r\nHost: h\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
TAIL = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """One server with small sizes for all refusals."""
    with Live(limits=LIMITS) as server:
        yield server


def line(start: bytes) -> bytes:
    """A request with this request line."""
    return start + b"\r\n" + HOST + b"\r\n"


def get(header: bytes) -> bytes:
    """A GET with one more header line."""
    return b"GET / HTTP/1.1\r\n" + HOST + header + b"\r\n\r\n"


def post(headers: bytes, body: bytes = b"") -> bytes:
    """A POST with these header lines and bytes after its head."""
    return POST + headers + b"\r\n\r\n" + body


MALFORMED = {
    # the request line
    "0.9": b"GET /\r\n\r\n",
    "0.9 with a version": line(b"GET / HTTP/0.9"),
    "1.2": line(b"GET / HTTP/1.2"),
    "2.0": line(b"GET / HTTP/2.0"),
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "11.1": line(b"GET / HTTP/11.1"),
    "lower-case protocol": line(b"GET / http/1.1"),
    "RTSP": line(b"GET / RTSP/1.0"),
    "ICE": line(b"SOURCE / ICE/1.0"),
    "two blanks before the target": line(b"GET  / HTTP/1.1"),
    "two blanks after the target": line(b"GET /  HTTP/1.1"),
    "blank after the version": line(b"GET / HTTP/1.1 "),
    "tab in the request line": line(b"GET\t/ HTTP/1.1"),
    "blank in the target": line(b"GET /a b HTTP/1.1"),
    "lower-case method": line(b"get / HTTP/1.1"),
    "unknown method": line(b"FROB / HTTP/1.1"),
    "CONNECT": line(b"CONNECT h:443 HTTP/1.1"),
    "CONNECT with a path": line(b"CONNECT / HTTP/1.1"),
    "absolute target": line(b"GET http://h/ HTTP/1.1"),
    "asterisk": line(b"OPTIONS * HTTP/1.1"),
    "target without a slash": line(b"GET a HTTP/1.1"),
    "fragment": line(b"GET /a#b HTTP/1.1"),
    "control byte in the target": line(b"GET /\x01 HTTP/1.1"),
    "NUL in the target": line(b"GET /\x00 HTTP/1.1"),
    "high byte in the target": line(b"GET /\xc3\xa9 HTTP/1.1"),
    # line ends
    "LF ends the request line": b"GET / HTTP/1.1\nHost: h\r\n\r\n",
    "LF ends a header": b"GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n",
    "LF everywhere": b"GET / HTTP/1.1\nHost: h\n\n",
    "LF in a value": get(b"X: a\nY: b"),
    "CR ends a header": b"GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n",
    "CR in a value": get(b"X: a\rb"),
    "CR CR LF": get(b"X: a\r"),
    "obs-fold": get(b"X: a\r\n b"),
    "obs-fold with a tab": get(b"X: a\r\n\tb"),
    "blank before the first header": b"GET / HTTP/1.1\r\n Host: h\r\n\r\n",
    # header lines
    "blank before the colon": get(b"X : a"),
    "tab before the colon": get(b"X\t: a"),
    "no colon": get(b"X"),
    "no name": get(b": a"),
    "blank in a name": get(b"X Y: a"),
    "high byte in a name": get(b"X\xff: a"),
    "NUL in a name": get(b"X\x00: a"),
    "parenthesis in a name": get(b"X(: a"),
    "NUL in a value": get(b"X: a\x00b"),
    "control byte in a value": get(b"X: a\x08b"),
    "DEL in a value": get(b"X: a\x7fb"),
    "vertical tab in a value": get(b"X: \x0ba"),
    # Host
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": get(b"Host: h"),
    "two different Hosts": get(b"hOST: other"),
    "two Hosts in 1.0": b"GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n",
    "empty Host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "Host with a user": b"GET / HTTP/1.1\r\nHost: u@h\r\n\r\n",
    "Host with a path": b"GET / HTTP/1.1\r\nHost: h/x\r\n\r\n",
    "Host list": b"GET / HTTP/1.1\r\nHost: h, g\r\n\r\n",
    "Host with a port that is no number": b"GET / HTTP/1.1\r\nHost: h:8o\r\n\r\n",
    "Host with a port too long": b"GET / HTTP/1.1\r\nHost: h:123456\r\n\r\n",
    # other protocols
    "upgrade": get(b"Connection: upgrade\r\nUpgrade: h2c"),
    "websocket": get(b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket"),
    "upgrade without Connection": get(b"Upgrade: h2c"),
}

SMUGGLING = {
    "length and chunked": post(b"Content-Length: 3\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"),
    "chunked and length": post(b"Transfer-Encoding: chunked\r\nContent-Length: 3", b"0\r\n\r\n"),
    "length twice": post(b"Content-Length: 3\r\nContent-Length: 3", b"abc"),
    "two lengths": post(b"Content-Length: 0\r\nContent-Length: 35"),
    "two lengths, other case": post(b"Content-Length: 0\r\ncONTENT-lENGTH: 35"),
    "length list": post(b"Content-Length: 3,3", b"abc"),
    "length list with a blank": post(b"Content-Length: 0, 35"),
    "length with plus": post(b"Content-Length: +3", b"abc"),
    "length with minus": post(b"Content-Length: -3", b"abc"),
    "length in hex": post(b"Content-Length: 0x3", b"abc"),
    "length with a fraction": post(b"Content-Length: 3.0", b"abc"),
    "length with an underscore": post(b"Content-Length: 1_0", b"abc"),
    "length with a blank inside": post(b"Content-Length: 1 0", b"abc"),
    "length with a form feed": post(b"Content-Length: \x0c3", b"abc"),
    "length in quotes": post(b'Content-Length: "3"', b"abc"),
    "length in other digits": post("Content-Length: ٣".encode(), b"abc"),
    "length empty": post(b"Content-Length:"),
    "length over 64 bits": post(b"Content-Length: 18446744073709551617", b"a"),
    "blank before the colon of the length": post(b"Content-Length : 35"),
    "folded length": post(b"Content-Length:\r\n 35"),
    "gzip, chunked": post(b"Transfer-Encoding: gzip, chunked", b"0\r\n\r\n"),
    "chunked, identity": post(b"Transfer-Encoding: chunked, identity", b"0\r\n\r\n"),
    "identity": post(b"Transfer-Encoding: identity", b"abc"),
    "xchunked": post(b"Transfer-Encoding: xchunked", b"0\r\n\r\n"),
    "chunkedx": post(b"Transfer-Encoding: chunkedx", b"0\r\n\r\n"),
    "chunked, chunked": post(b"Transfer-Encoding: chunked, chunked", b"0\r\n\r\n"),
    "chunked twice": post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"),
    "identity, then chunked": post(b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"),
    "chunked with a parameter": post(b"Transfer-Encoding: chunked;q=1", b"0\r\n\r\n"),
    "chunked in quotes": post(b'Transfer-Encoding: "chunked"', b"0\r\n\r\n"),
    "a comma before chunked": post(b"Transfer-Encoding: ,chunked", b"0\r\n\r\n"),
    "coding empty": post(b"Transfer-Encoding:", b"0\r\n\r\n"),
    "vertical tab before chunked": post(b"Transfer-Encoding: \x0bchunked", b"0\r\n\r\n"),
    "CR before chunked": post(b"Transfer-Encoding: \rchunked", b"0\r\n\r\n"),
    "blank before the colon of the coding": post(b"Transfer-Encoding : chunked", b"0\r\n\r\n"),
    "folded coding": post(b"Transfer-Encoding:\r\n chunked", b"0\r\n\r\n"),
    "coding after a bare LF": post(b"X: y\nTransfer-Encoding: chunked", b"0\r\n\r\n"),
    "chunked in 1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunk size with 0x": CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n",
    "chunk size with plus": CHUNKED + b"+3\r\nabc\r\n0\r\n\r\n",
    "chunk size with minus": CHUNKED + b"-0\r\n\r\n",
    "chunk size with a blank after": CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n",
    "chunk size with a blank before": CHUNKED + b" 3\r\nabc\r\n0\r\n\r\n",
    "chunk size empty": CHUNKED + b"\r\nabc\r\n0\r\n\r\n",
    "chunk size of nine digits": CHUNKED + b"100000003\r\nabc\r\n0\r\n\r\n",
    "chunk size over 64 bits": CHUNKED + b"10000000000000003\r\nabc\r\n0\r\n\r\n",
    "chunk size ends with LF": CHUNKED + b"3\nabc\r\n0\r\n\r\n",
    "chunk size ends with CR": CHUNKED + b"3\rabc\r\n0\r\n\r\n",
    "chunk longer than its size": CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n",
    "chunk shorter than its size": CHUNKED + b"4\r\nabc\r\n0\r\n\r\n",
    "chunk data ends with LF": CHUNKED + b"3\r\nabc\n0\r\n\r\n",
    "no line end after chunk data": CHUNKED + b"3\r\nabc0\r\n\r\n",
    "chunk extension without a name": CHUNKED + b"3;\r\nabc\r\n0\r\n\r\n",
    "chunk extension with LF": CHUNKED + b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "chunk extension with CR": CHUNKED + b"3;a\rb\r\nabc\r\n0\r\n\r\n",
    "chunk extension with an open quote": CHUNKED + b'3;a="b\r\nabc\r\n0\r\n\r\n',
    "chunk extension with NUL": CHUNKED + b"3;a=\x00\r\nabc\r\n0\r\n\r\n",
    "trailer field": CHUNKED + b"3\r\nabc\r\n0\r\nX: y\r\n\r\n",
    "Content-Length as a trailer": CHUNKED + b"0\r\nContent-Length: 35\r\n\r\n",
    "last chunk ends with LF": CHUNKED + b"0\r\n\n",
}

OTHERS = {
    "expectation": (get(b"Expect: a-miracle"), 417, "ExpectationFailedException", "expectation"),
    "two expectations": (get(b"Expect: 100-continue, x"), 417, "ExpectationFailedException", "expectation"),
    "empty expectation": (get(b"Expect:"), 417, "ExpectationFailedException", "expectation"),
    "declared length": (post(b"Content-Length: 1001"), 413, "RequestEntityTooLargeException", "body_too_large"),
    "declared length, held back": (
        post(b"Expect: 100-continue\r\nContent-Length: 1001"),
        413,
        "RequestEntityTooLargeException",
        "body_too_large",
    ),
    "declared length of 20 digits": (
        post(b"Content-Length: 10000000000000000000"),
        413,
        "RequestEntityTooLargeException",
        "body_too_large",
    ),
    "one chunk": (CHUNKED + b"3e9\r\n", 413, "RequestEntityTooLargeException", "body_too_large"),
    "many chunks": (
        CHUNKED + b"5\r\nhello\r\n" * 200 + b"1\r\n",
        413,
        "RequestEntityTooLargeException",
        "body_too_large",
    ),
    "long target": (
        line(b"GET /" + b"a" * 2000 + b" HTTP/1.1"),
        431,
        "RequestHeaderFieldsTooLargeException",
        "header_too_large",
    ),
    "long header": (get(b"X: " + b"a" * 2000), 431, "RequestHeaderFieldsTooLargeException", "header_too_large"),
    "long header without an end": (
        b"GET / HTTP/1.1\r\nX: " + b"a" * 2000,
        431,
        "RequestHeaderFieldsTooLargeException",
        "header_too_large",
    ),
    "many headers": (get(b"A: b\r\n" * 9 + b"A: b"), 431, "RequestHeaderFieldsTooLargeException", "too_many_headers"),
    "long chunk extension": (CHUNKED + b"1;a=" + b"b" * 1100, 400, "BadRequestException", "malformed"),
    "many chunk extensions": (
        CHUNKED + (b"1;a=" + b"b" * 500 + b"\r\nx\r\n") * 4 + b"0\r\n\r\n",
        400,
        "BadRequestException",
        "malformed",
    ),
}

REFUSED = (
    {name: (data, 400, "BadRequestException", "malformed") for name, data in MALFORMED.items()}
    | {name: (data, 400, "BadRequestException", "malformed") for name, data in SMUGGLING.items()}
    | OTHERS
)


def test_no_case_is_lost() -> None:
    """The three tables share no name."""
    assert len(REFUSED) == len(MALFORMED) + len(SMUGGLING) + len(OTHERS)


@pytest.mark.parametrize(("data", "status", "kind", "reason"), REFUSED.values(), ids=list(REFUSED))
def test_refused(live: Live, data: bytes, status: int, kind: str, reason: str) -> None:
    """One JSON fault and the end: neither the bad request nor one hidden behind it reaches the handler."""
    before = len(live.seen)
    counted = dict(live.server.refused)
    answers = live.ask(data + TAIL)
    assert [answer.status for answer in answers] == [status]
    answer = answers[0]
    assert answer.type == kind
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert answer.headers["connection"] == "close"
    assert uuid.UUID(answer.headers["x-amzn-requestid"]).version == 4
    assert len(live.seen) == before
    counted[reason] += 1
    assert live.server.refused == counted


@pytest.mark.parametrize("data", [data for data, *_ in REFUSED.values()], ids=list(REFUSED))
def test_refused_after_a_good_request(live: Live, data: bytes) -> None:
    """A good request before a bad one is still answered, first; a limit of the head counts from the head's start."""
    answers = live.ask(GET + data + TAIL)
    assert [answer.status for answer in answers] == [200, REFUSED_STATUS[data]]


REFUSED_STATUS = {data: status for data, status, *_ in REFUSED.values()}

AT_ONCE = {
    "bare LF": b"GET / HTTP/1.1\nHost: h\n",
    "head too large": b"GET / HTTP/1.1\r\nX: " + b"a" * 2000,
    "declared length": post(b"Content-Length: 1001"),
    "chunk size": CHUNKED + b"3e9\r\n",
    "chunk data": CHUNKED + b"3\r\nabcd",
    "chunk line too long": CHUNKED + b"3" * 1024,
}


@pytest.mark.parametrize("data", AT_ONCE.values(), ids=list(AT_ONCE))
def test_refused_at_once(data: bytes) -> None:
    """What can never become good is refused when it shows, not when the request ends or its time is up."""
    patient = Limits(max_body=1000, max_header_bytes=2000, header_timeout=1000, body_timeout=1000)
    with Live(limits=patient) as live, live.client() as client:
        client.send(data)
        assert client.answer().status in (400, 413, 431)


NOT_HTTP = {
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "NUL": b"\x00" * 10,
    "blank": b" GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "LF": b"\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "CR": b"\rGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "high byte": b"\xff",
    "brace": b'{"a": 1}',
}


@pytest.mark.parametrize("data", NOT_HTTP.values(), ids=list(NOT_HTTP))
def test_what_is_not_http_is_closed_without_a_word(live: Live, data: bytes) -> None:
    """A first byte that begins no method closes the connection at once."""
    counted = live.server.refused["not_http"]
    with live.client() as client:
        client.send(data)
        assert client.closed()
    assert live.server.refused["not_http"] == counted + 1


TRUNCATED = {
    "head": b"GET / HTTP/1.1\r\nHo",
    "body": post(b"Content-Length: 10", b"abc"),
    "chunk": CHUNKED + b"3\r\na",
    "end of chunks": CHUNKED + b"3\r\nabc\r\n0\r\n",
}


@pytest.mark.parametrize("data", TRUNCATED.values(), ids=list(TRUNCATED))
def test_a_request_cut_short_is_not_served(live: Live, data: bytes) -> None:
    """When the client ends inside a request, the connection is closed and the request dropped."""
    before = len(live.seen)
    counted = live.server.refused["truncated"]
    with live.client() as client:
        client.send(data)
        client.half_close()
        assert client.closed()
    assert len(live.seen) == before
    assert live.server.refused["truncated"] == counted + 1


def test_the_refusal_arrives_although_the_client_goes_on_sending(live: Live) -> None:
    """An upload over the limit is taken to its end, so that no reset stops it or its 413."""
    for _ in range(5):
        with live.client() as client:
            client.sock.sendall(post(b"Content-Length: 5000000"))
            for _ in range(50):
                client.sock.sendall(b"x" * 100_000)
            assert client.answer().status == 413


def test_a_head_that_has_no_end_is_none() -> None:
    """Should llhttp wait for more where a head is taken to be whole, the two disagree, and it is refused."""
    with pytest.raises(Refusal):
        parse_head(b"GET / HTTP/1.1\r\nHost: h\r\n", LIMITS)


def test_a_refusal_says_nothing_of_the_input(live: Live) -> None:
    """No part of a refused request comes back in the answer."""
    for data in (get(b"X: SECRET\x01"), line(b"SECRET / HTTP/1.1"), get(b"Expect: SECRET"), get(b"SECRET : 1")):
        assert b"SECRET" not in live.ask(data)[0].body


def test_the_docs_give_every_refusal() -> None:
    """The page on HTTP has a row for each answer of this layer: its status and type."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "http.md").read_text()
    rows = {(int(status), kind) for status, kind in re.findall(r"^\| (\d+) \| `(\w+)` \|", page, re.MULTILINE)}
    assert rows == {(reason.status, reason.type) for reason in REASONS if reason.status}
