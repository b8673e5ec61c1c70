"""Cuts a stream of bytes into HTTP requests (RFC 9112), with no input or output of its own.

Where a message ends is decided here alone, by the first empty line and then by Content-Length or the chunked coding;
the parser of heads gets one head at a time. So no byte is counted to two requests.
"""

from typing import Final

from strongroom.wire.chunked import ChunkedBody
from strongroom.wire.head import Head, parse_head
from strongroom.wire.limits import Limits
from strongroom.wire.messages import HEADER_TOO_LARGE, MALFORMED, NOT_HTTP, HttpRequest, Refusal

_TOKEN_BYTES: Final = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_HEAD_END: Final = b"\r\n\r\n"


class Waiting:
    """What a reader needs next. Plain strings: members of an Enum cost four times as much to reach (Python 3.11)."""

    REQUEST: Final = "request"  # nothing of a request is here
    HEAD: Final = "head"
    BODY: Final = "body"


class RequestReader:
    """The requests in the bytes of one connection, one after the other.

    After a ``Refusal`` the place in the stream is lost, and the reader is of no more use.

    Attributes:
        keep_alive: The connection may stay open after the request last returned.
        old: That request is of HTTP/1.0.
        bodiless: The request last begun is a HEAD: no answer to it has content.
    """

    __slots__ = ("_buffer", "_chunks", "_head", "_limits", "_peer", "_tls", "bodiless", "keep_alive", "old")

    def __init__(self, limits: Limits, peer: str, tls: tuple[str, str] | None) -> None:
        self._limits = limits
        self._peer = peer
        self._tls = tls
        self._buffer = bytearray()
        self._head: Head | None = None
        self._chunks: ChunkedBody | None = None
        self.keep_alive = False
        self.old = False
        self.bodiless = False

    def feed(self, data: bytes) -> None:
        """Add bytes to the end of the stream."""
        self._buffer += data

    @property
    def buffered(self) -> int:
        """How many bytes wait to become part of a request."""
        return len(self._buffer)

    @property
    def waiting(self) -> str:
        """What is needed next, once ``next_request`` returned None; a value of ``Waiting``."""
        if self._head is not None:
            return Waiting.BODY
        return Waiting.HEAD if self._buffer else Waiting.REQUEST

    def continue_due(self) -> bool:
        """Whether the client holds its body back until it reads 100 Continue; true once for a request."""
        head = self._head
        if head is None or not head.expects_continue:
            return False
        head.expects_continue = False
        return not self._buffer

    def next_request(self) -> HttpRequest | None:
        """The next request, or None when more bytes are needed.

        Raises:
            Refusal: What is there can never become a request.
        """
        head = self._head
        if head is None:
            head = self._head = self._next_head()
            if head is None:
                return None
            self._chunks = ChunkedBody(self._limits) if head.length is None else None
        body = self._next_body(head)
        if body is None:
            return None
        self._head = None
        self.keep_alive = head.keep_alive
        self.old = head.old
        return HttpRequest(head.method, head.path, head.query, head.headers, body, self._peer, self._tls)

    def _next_head(self) -> Head | None:
        buffer = self._buffer
        if not buffer:
            return None
        if buffer[0] not in _TOKEN_BYTES and not self._skip_empty_lines():
            return None
        self.bodiless = buffer.startswith(b"HEAD ")
        end = buffer.find(_HEAD_END, 0, self._limits.max_header_bytes)
        if end < 0:
            self._check_partial_head()
            return None
        end += len(_HEAD_END)
        raw = bytes(buffer[:end])
        del buffer[:end]
        return parse_head(raw, self._limits)

    def _skip_empty_lines(self) -> bool:
        """Skip what an old client may send before a request (RFC 9112, section 2.2); whether a request begins then."""
        buffer = self._buffer
        while buffer.startswith(b"\r\n"):
            del buffer[:2]
        if not buffer or buffer == b"\r":
            return False
        if buffer[0] not in _TOKEN_BYTES:
            raise Refusal(NOT_HTTP)
        return True

    def _check_partial_head(self) -> None:
        """Refuse at once what would otherwise wait for an end that cannot come."""
        buffer = self._buffer
        if len(buffer) >= self._limits.max_header_bytes:
            raise Refusal(HEADER_TOO_LARGE)
        if buffer.count(b"\n") != buffer.count(b"\r\n"):
            raise Refusal(MALFORMED, "A line ends without CR LF.")

    def _next_body(self, head: Head) -> bytes | None:
        if self._chunks is not None:
            return self._chunks.take(self._buffer)
        length = head.length
        if not length:
            return b""
        buffer = self._buffer
        if len(buffer) < length:
            return None
        body = bytes(buffer[:length])
        del buffer[:length]
        return body
