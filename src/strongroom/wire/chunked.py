"""The chunked transfer coding of a request's body (RFC 9112, section 7.1)."""

import re
from typing import Final

from strongroom.wire.limits import Limits
from strongroom.wire.messages import BODY_TOO_LARGE, MALFORMED, Refusal

_MAX_LINE: Final = 1024
_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"  # RFC 9110, section 5.6.2
_SIZE_LINE: Final = re.compile(
    rb"([0-9A-Fa-f]{1,8})((?:;" + _TOKEN + rb"(?:=(?:" + _TOKEN + rb'|"[\t !#-\[\]-~]*+"))?+)*+)'
)
_NO_SIZE: Final = -1


class ChunkedBody:
    """Takes the chunked coding off one body (RFC 9112, section 7.1).

    Extensions are checked and forgotten; all of one body together may be ``max_header_bytes`` long. Trailer fields are
    refused: nothing here reads them, and they are a place to hide what another reader takes for headers.
    """

    __slots__ = ("_body", "_extensions_left", "_limit", "_needs_line_end", "_size")

    def __init__(self, limits: Limits) -> None:
        self._body = bytearray()
        self._limit = limits.max_body
        self._extensions_left = limits.max_header_bytes
        self._size = _NO_SIZE  # bytes to come of this chunk; _NO_SIZE while its size line is to come
        self._needs_line_end = False

    def take(self, buffer: bytearray) -> bytes | None:
        """Take what can be taken off the front of ``buffer``; the whole body once its end is reached, else None.

        Raises:
            Refusal: The coding is broken, or the body passes its limit.
        """
        while True:
            if self._needs_line_end and not self._take_line_end(buffer):
                return None
            if self._size == _NO_SIZE and not self._take_size(buffer):
                return None
            if self._size == 0:
                return bytes(self._body) if self._take_line_end(buffer) else None
            if not self._take_data(buffer):
                return None

    def _take_size(self, buffer: bytearray) -> bool:
        end = buffer.find(b"\r\n", 0, _MAX_LINE)
        if end < 0:
            if len(buffer) >= _MAX_LINE:
                raise Refusal(MALFORMED, "A chunk's size line is too long.")
            return False
        line = _SIZE_LINE.fullmatch(buffer[:end])
        if line is None:
            raise Refusal(MALFORMED, "A chunk's size line is not valid.")
        del buffer[: end + 2]
        self._extensions_left -= len(line[2])
        if self._extensions_left < 0:
            raise Refusal(MALFORMED, "The chunk extensions are too long.")
        self._size = int(line[1], 16)
        if len(self._body) + self._size > self._limit:
            raise Refusal(BODY_TOO_LARGE)
        return True

    def _take_data(self, buffer: bytearray) -> bool:
        data = buffer[: self._size]
        del buffer[: len(data)]
        self._body += data
        self._size -= len(data)
        if self._size:
            return False
        self._size = _NO_SIZE
        self._needs_line_end = True
        return True

    def _take_line_end(self, buffer: bytearray) -> bool:
        if not b"\r\n".startswith(buffer[:2]):
            raise Refusal(MALFORMED, "A chunk does not end where its size says, or trailer fields follow.")
        if len(buffer) < 2:  # noqa: PLR2004 - CR and LF
            return False
        del buffer[:2]
        self._needs_line_end = False
        return True
