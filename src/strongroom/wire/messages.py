"""HTTP requests and responses as values, and the refusals that the HTTP layer itself answers.

Status codes and fields are those of RFC 9110; a refusal has the body of an AWS JSON 1.1 error.
"""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import msgspec

from strongroom.ids import new_uuid

JSON: Final = b"application/x-amz-json-1.1"
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode("ascii") for status in HTTPStatus
}
_NO_CONTENT: Final = frozenset({204, 304})  # RFC 9110, sections 15.3.5 and 15.4.5: never with content
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class HttpRequest(msgspec.Struct, gc=False):
    """One request, complete and inside the limits.

    Attributes:
        method: As sent, in capitals.
        path: The target up to the first ``?``, not decoded.
        query: What follows the first ``?``, not decoded; empty when there is none.
        headers: Names in lower case, values without the blanks around them, in the order of arrival.
        body: With the chunked coding taken off.
        peer: The IP address of the socket's other end; empty on a Unix socket.
        tls: Protocol version and cipher suite, such as ``("TLSv1.3", "TLS_AES_256_GCM_SHA384")``; None without TLS.
    """

    method: bytes
    path: bytes
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    peer: str
    tls: tuple[str, str] | None

    def header(self, name: bytes) -> bytes | None:
        """The value of the first header of that name, which is given in lower case; None when there is none."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


class HttpResponse(msgspec.Struct, frozen=True, gc=False):
    """One answer. Content-Length, Date and Connection are the server's to add; an empty content type is left out."""

    status: int
    content_type: bytes
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


Respond = Callable[[HttpResponse], None]
Handler = Callable[[HttpRequest, Respond], None]


class Reason(msgspec.Struct, frozen=True):
    """Why the HTTP layer ends a connection: the name of its counter, and the answer that it gives.

    ``status`` is 0 where the connection is closed without an answer.
    """

    name: str
    status: int = 0
    type: str = ""
    message: str = ""


MALFORMED: Final = Reason("malformed", 400, "BadRequestException", "The request is not valid HTTP/1.1.")
HEADER_TIMEOUT: Final = Reason(
    "header_timeout", 408, "RequestTimeoutException", "The request's head did not arrive in time."
)
BODY_TIMEOUT: Final = Reason(
    "body_timeout", 408, "RequestTimeoutException", "The request's body did not arrive in time."
)
BODY_TOO_LARGE: Final = Reason(
    "body_too_large", 413, "RequestEntityTooLargeException", "The request's body is over the limit."
)
EXPECTATION: Final = Reason(
    "expectation", 417, "ExpectationFailedException", "The only expectation that is met is 100-continue."
)
HEADER_TOO_LARGE: Final = Reason(
    "header_too_large", 431, "RequestHeaderFieldsTooLargeException", "The request's head is over the limit."
)
TOO_MANY_HEADERS: Final = Reason(
    "too_many_headers", 431, "RequestHeaderFieldsTooLargeException", "The request has too many headers."
)
INTERNAL: Final = Reason(
    "handler_error",
    500,
    "KMSInternalException",
    "The request was rejected because an internal exception occurred. The request can be retried.",
)
NOT_HTTP: Final = Reason("not_http")
TRUNCATED: Final = Reason("truncated")
IDLE: Final = Reason("idle_timeout")
WRITE_TIMEOUT: Final = Reason("write_timeout")
TOO_MANY_CONNECTIONS: Final = Reason("too_many_connections")
DRAINING: Final = Reason("draining")
TLS_HANDSHAKE: Final = Reason("tls_handshake")

REASONS: Final = (
    MALFORMED,
    HEADER_TIMEOUT,
    BODY_TIMEOUT,
    BODY_TOO_LARGE,
    EXPECTATION,
    HEADER_TOO_LARGE,
    TOO_MANY_HEADERS,
    INTERNAL,
    NOT_HTTP,
    TRUNCATED,
    IDLE,
    WRITE_TIMEOUT,
    TOO_MANY_CONNECTIONS,
    DRAINING,
    TLS_HANDSHAKE,
)


class Refusal(Exception):  # noqa: N818 - a verdict on the request, not an error of the program
    """The bytes received cannot become a request; ``message`` is for the client and never repeats its input."""

    def __init__(self, reason: Reason, message: str = "") -> None:
        super().__init__(reason.name)
        self.reason = reason
        self.message = message or reason.message


def refusal_response(reason: Reason, message: str) -> HttpResponse:
    """The answer to a refused request: an AWS JSON 1.1 error under a request id of its own."""
    body = msgspec.json.encode({"__type": reason.type, "message": message})
    request_id = new_uuid().encode("ascii")
    return HttpResponse(reason.status, JSON, body, ((b"x-amzn-RequestId", request_id),))


class DateLine:
    """The Date header (RFC 9110, section 6.6.1), made once a second."""

    __slots__ = ("_line", "_second")

    def __init__(self) -> None:
        self._second = -1
        self._line = b""

    def current(self) -> bytes:
        """The header line of this second, with its line end."""
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._line = date_line(second)
        return self._line


def date_line(second: int) -> bytes:
    """The Date header line of a Unix time, in the fixed English form of RFC 9110, whatever the locale."""
    t = time.gmtime(second)
    day = f"{_DAYS[t.tm_wday]}, {t.tm_mday:02} {_MONTHS[t.tm_mon - 1]} {t.tm_year}"
    return f"Date: {day} {t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} GMT\r\n".encode("ascii")


def encode(response: HttpResponse, *, date: bytes, connection: bytes, bodiless: bool) -> bytes:
    """The bytes of a response.

    Args:
        response: What to send.
        date: The Date header line.
        connection: The Connection header line, or nothing.
        bodiless: The answer to HEAD: its Content-Length is the body's, but the body stays away.

    Raises:
        ValueError: The status is unknown, or a header would break its line (response splitting).
    """
    status_line = _STATUS_LINES.get(response.status)
    if status_line is None:
        raise ValueError(f"unknown status {response.status}")
    body = response.body
    lines = [status_line, date, connection]
    if response.content_type:
        lines.append(b"Content-Type: %b\r\n" % response.content_type)
    if response.status in _NO_CONTENT:
        bodiless = True
    else:
        lines.append(b"Content-Length: %d\r\n" % len(body))
    lines += [b"%b: %b\r\n" % header for header in response.headers]
    lines.append(b"\r\n")
    head = b"".join(lines)
    line_ends = len(lines) - (not connection)
    if not head.count(b"\n") == head.count(b"\r") == line_ends:
        raise ValueError("a header holds a line end")
    return head if bodiless else head + body
