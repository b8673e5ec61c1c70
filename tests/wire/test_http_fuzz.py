"""Arbitrary and mutated bytes against the HTTP layer, with llhttp's own reading of whole streams as the oracle."""

import contextlib
import itertools
import string
from collections.abc import Iterator

import httptools
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strongroom.wire.http import Limits
from strongroom.wire.messages import Refusal
from strongroom.wire.reader import RequestReader
from tests.wire.http_harness import GET, Live

LIMITS = Limits(max_body=300, max_header_bytes=600, max_headers=8, header_timeout=5, body_timeout=5)
REFUSALS = {
    400: "BadRequestException",
    408: "RequestTimeoutException",
    413: "RequestEntityTooLargeException",
    417: "ExpectationFailedException",
    431: "RequestHeaderFieldsTooLargeException",
}
SEEDS = (
    GET,
    b'POST /x?y=z HTTP/1.1\r\nHost: kms:80\r\nX-Amz-Target: TrentService.Encrypt\r\nContent-Length: 7\r\n\r\n{"a":1}',
    b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;e=f\r\nx\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
)
PIECES = (
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"=",
    b'"',
    b"\x00",
    b"\x0b",
    b"\xff",
    b"#",
    b"0",
    b"1",
    b"3",
    b"+",
    b"-",
    b"\r\n\r\n",
    b"0\r\n\r\n",
    b"HTTP/1.0",
    b"HTTP/2.0",
    b"Content-Length: 3\r\n",
    b"Content-Length: 0\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Connection: close\r\n",
    b"Upgrade: h2c\r\n",
    b"Host: g\r\n",
    b"Expect: x\r\n",
    b"X: " + b"y" * 700 + b"\r\n",
)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """A few good requests in a row, cut, doubled and seeded with the bytes that matter to a parser."""
    data = bytearray(b"".join(draw(st.lists(st.sampled_from(SEEDS), min_size=1, max_size=4))))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 20)))
        kind = draw(st.sampled_from(("insert", "replace", "delete", "double", "byte")))
        if kind == "insert":
            data[start:start] = draw(st.sampled_from(PIECES))
        elif kind == "replace":
            data[start:end] = draw(st.sampled_from(PIECES))
        elif kind == "delete":
            del data[start:end]
        elif kind == "double":
            data[start:start] = data[start:end]
        else:
            data[start:start] = draw(st.binary(min_size=1, max_size=3))
    return bytes(data)


ANYTHING = st.one_of(streams(), st.binary(max_size=200), st.text(string.printable, max_size=200).map(str.encode))


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """One server that must outlive all that is thrown at it."""
    with Live(limits=LIMITS) as server:
        yield server


@given(data=ANYTHING, pieces=st.integers(1, 3))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_comes_the_answers_are_clean(live: Live, data: bytes, pieces: int) -> None:
    """Answers are 200 or one last well-formed 4xx fault, then the end; the server serves the next client as ever."""
    with live.client() as client:
        for piece in range(pieces):
            client.send(data[piece * len(data) // pieces : (piece + 1) * len(data) // pieces])
        client.half_close()
        received = []
        while not client.at_end():
            answer = client.answer()
            if answer.status != 100:
                received.append(answer)
    assert all(answer.status == 200 for answer in received[:-1])
    for answer in received[-1:]:
        if answer.status != 200:
            assert answer.type == REFUSALS[answer.status]
            assert answer.headers["connection"] == "close"
    with live.client() as client:
        client.send(GET)
        assert client.answer().status == 200


Reading = tuple[bytes, bytes, bytes, list[tuple[bytes, bytes]], bytes]


def ours(data: bytes, cuts: list[int]) -> tuple[list[Reading], bool]:
    """The requests that the reader finds in a stream cut into pieces, up to the last one of a connection.

    And whether it refused what came then.
    """
    reader = RequestReader(LIMITS, "", None)
    requests: list[Reading] = []
    edges = [0, *sorted(cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        reader.feed(data[start:end])
        try:
            while (request := reader.next_request()) is not None:
                requests.append((request.method, request.path, request.query, request.headers, request.body))
                if not reader.keep_alive:
                    return requests, False
        except Refusal:
            return requests, True
    return requests, False


class Theirs:
    """llhttp's reading of a whole stream, its own framing of bodies included."""

    def __init__(self, data: bytes) -> None:
        self.requests: list[Reading] = []
        self._parser = httptools.HttpRequestParser(self)
        with contextlib.suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._target = self._body = b""
        self._headers: list[tuple[bytes, bytes]] = []

    def on_url(self, url: bytes) -> None:
        """Note the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note a header."""
        self._headers.append((name.lower(), value.strip(b" \t")))

    def on_body(self, body: bytes) -> None:
        """Note a piece of the body."""
        self._body += body

    def on_message_complete(self) -> None:
        """End a request."""
        path, _, query = self._target.partition(b"?")
        self.requests.append((self._parser.get_method(), path, query, self._headers, self._body))


@given(data=streams())
@settings(max_examples=1500, deadline=None)
def test_what_is_accepted_is_what_llhttp_reads(data: bytes) -> None:
    """Every request taken is one that llhttp, reading the stream whole and strictly, sees in the same place."""
    accepted, _ = ours(data, [])
    assert accepted == Theirs(data).requests[: len(accepted)]


@given(data=ANYTHING, cuts=st.lists(st.integers(0, 400), max_size=6))
@settings(max_examples=1000, deadline=None)
def test_packets_do_not_matter(data: bytes, cuts: list[int]) -> None:
    """However a stream is cut into packets, it holds the same requests and meets the same end."""
    cut = [min(place, len(data)) for place in cuts]
    assert ours(data, cut) == ours(data, [])


@given(
    body=st.binary(max_size=200),
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=20),
    zeros=st.integers(0, 5),
    cuts=st.lists(st.integers(0, 500), max_size=6),
)
def test_chunked_bodies_come_back_whole(body: bytes, sizes: list[int], zeros: int, cuts: list[int]) -> None:
    """Any body in chunks of any sizes is put together again, and the next request begins right after it."""
    encoded = b""
    rest = body
    for number in range(len(body)):
        size = min(sizes[number % len(sizes)], len(rest))
        if not size:
            break
        encoded += b"%b%x\r\n%b\r\n" % (b"0" * zeros, size, rest[:size])
        rest = rest[size:]
    data = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + encoded + b"0\r\n\r\n" + GET
    requests, refused = ours(data, [min(place, len(data)) for place in cuts])
    assert not refused
    assert [(request[0], request[-1]) for request in requests] == [(b"POST", body), (b"GET", b"")]
