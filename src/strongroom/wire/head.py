"""The head of an HTTP request: request line and headers (RFC 9112), judged whole.

llhttp, through httptools, parses each head; it keeps nothing from one request to the next. What it lets through and
this server does not (other protocols and versions, transfer codings besides ``chunked``, a second Host, targets that
are no path) is refused here as well.
"""

import re
from typing import Final

import httptools
import msgspec

from strongroom.wire.limits import Limits
from strongroom.wire.messages import BODY_TOO_LARGE, EXPECTATION, MALFORMED, TOO_MANY_HEADERS, Refusal

_HTTP_1_0: Final = b"HTTP/1.0"
_VERSIONS: Final = frozenset({b"HTTP/1.1", _HTTP_1_0})
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]++|\[[0-9A-Fa-f:.]++\])(?::[0-9]{0,5})?")
_SPECIAL: Final = frozenset({b"host", b"content-length", b"transfer-encoding", b"connection", b"expect", b"upgrade"})
_MAX_LENGTH_DIGITS: Final = 20  # of 2**64, which is where llhttp stops too


class Head(msgspec.Struct):
    """What the request line and the headers say. ``length`` is None for a chunked body."""

    method: bytes
    path: bytes
    query: bytes
    headers: list[tuple[bytes, bytes]]
    length: int | None
    keep_alive: bool
    old: bool
    expects_continue: bool


class _Fields:
    """What httptools calls back."""

    __slots__ = ("complete", "pairs")

    def __init__(self) -> None:
        self.pairs: list[tuple[bytes, bytes]] = []
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.pairs.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        self.complete = True


def parse_head(raw: bytes, limits: Limits) -> Head:
    """Judge one head, given whole, from its request line to its empty line.

    Raises:
        Refusal: It is not HTTP/1.1 or 1.0, is ambiguous, or is over a limit.
    """
    method, target, version = _request_line(raw)
    fields = _Fields()
    try:
        httptools.HttpRequestParser(fields).feed_data(raw)
    except httptools.HttpParserUpgrade:
        raise Refusal(MALFORMED, "The connection stays with HTTP/1.1: Upgrade and CONNECT are refused.") from None
    except httptools.HttpParserError as error:
        raise Refusal(MALFORMED, f"The request is not valid HTTP/1.1: {error}.") from None
    if not fields.complete:
        raise Refusal(MALFORMED)
    if len(fields.pairs) > limits.max_headers:
        raise Refusal(TOO_MANY_HEADERS)
    special = _special(fields.pairs)
    old = version == _HTTP_1_0
    _check_host(special.get(b"host"), old=old)
    if b"upgrade" in special:
        raise Refusal(MALFORMED, "The connection stays with HTTP/1.1: Upgrade and CONNECT are refused.")
    path, _, query = target.partition(b"?")
    return Head(
        method=method,
        path=path,
        query=query,
        headers=fields.pairs,
        length=_length(special, old=old, limit=limits.max_body),
        keep_alive=_keep_alive(special.get(b"connection"), old=old),
        old=old,
        expects_continue=_expects_continue(special.get(b"expect"), old=old),
    )


def _request_line(raw: bytes) -> tuple[bytes, bytes, bytes]:
    parts = raw[: raw.index(b"\r\n")].split(b" ")
    if len(parts) != 3 or parts[2] not in _VERSIONS:  # noqa: PLR2004 - method, target and version
        raise Refusal(MALFORMED, "The request line is not METHOD /path HTTP/1.1.")
    method, target, version = parts
    if not target.startswith(b"/") or b"#" in target:
        raise Refusal(MALFORMED, "The request target is not a path.")
    return method, target, version


def _special(pairs: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers that decide how the connection is read; of these only Connection may come twice."""
    special: dict[bytes, bytes] = {}
    for name, value in pairs:
        if name in _SPECIAL:
            if name in special:
                if name != b"connection":
                    raise Refusal(MALFORMED, f"The header {name.decode('ascii')} is repeated.")
                special[name] += b"," + value
            else:
                special[name] = value
    return special


def _check_host(host: bytes | None, *, old: bool) -> None:
    """RFC 9112, section 3.2: exactly one valid Host in HTTP/1.1; HTTP/1.0 may leave it out."""
    if host is None:
        if not old:
            raise Refusal(MALFORMED, "The header host is missing.")
    elif not _HOST.fullmatch(host):
        raise Refusal(MALFORMED, "The header host is not valid.")


def _length(special: dict[bytes, bytes], *, old: bool, limit: int) -> int | None:
    """RFC 9112, section 6.3: the body's length; None when it is chunked. llhttp has seen that it is digits."""
    coding = special.get(b"transfer-encoding")
    declared = special.get(b"content-length")
    if coding is not None:
        if declared is not None or old or coding.lower() != b"chunked":
            raise Refusal(MALFORMED, "The only transfer coding is chunked, in HTTP/1.1, without Content-Length.")
        return None
    if declared is None:
        return 0
    if len(declared) > _MAX_LENGTH_DIGITS or int(declared) > limit:
        raise Refusal(BODY_TOO_LARGE)
    return int(declared)


def _keep_alive(connection: bytes | None, *, old: bool) -> bool:
    """RFC 9112, section 9.3: HTTP/1.1 stays open unless told to close, HTTP/1.0 closes unless told to stay."""
    if connection is None:
        return not old
    options = {option.strip(b" \t") for option in connection.lower().split(b",")}
    return b"close" not in options and (not old or b"keep-alive" in options)


def _expects_continue(expect: bytes | None, *, old: bool) -> bool:
    """RFC 9110, section 10.1.1: 100-continue is the one expectation there is; HTTP/1.0 has none."""
    if expect is None or old:
        return False
    if expect.lower() != b"100-continue":
        raise Refusal(EXPECTATION)
    return True
