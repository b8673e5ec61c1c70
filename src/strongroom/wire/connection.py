"""One HTTP connection on uvloop's transports: its stages, its deadline, one request at a time."""

import asyncio
import contextlib
import logging
import math
import socket
import struct
import traceback
from functools import partial
from typing import Final, Protocol, cast

from strongroom.wire.limits import Limits
from strongroom.wire.messages import (
    BODY_TIMEOUT,
    CONTINUE,
    HEADER_TIMEOUT,
    IDLE,
    INTERNAL,
    TRUNCATED,
    WRITE_TIMEOUT,
    DateLine,
    Handler,
    HttpRequest,
    HttpResponse,
    Reason,
    Refusal,
    encode,
    refusal_response,
)
from strongroom.wire.reader import RequestReader, Waiting

_LOG: Final = logging.getLogger("strongroom.wire")
_CLOSE: Final = b"Connection: close\r\n"
_KEEP_ALIVE: Final = b"Connection: keep-alive\r\n"  # said to HTTP/1.0, where it is not the rule
_NO_LINGER: Final = struct.pack("ii", 1, 0)  # struct linger: on, for 0 seconds


class _Stage(Waiting):
    """What a connection is doing. Each stage has its deadline, but ANSWERING none: the handler takes its time."""

    ANSWERING: Final = "answering"
    # Answered, and not yet back at the input: the client does not read, or other connections have their turn.
    READY: Final = "ready"
    CLOSING: Final = "closing"


class Owner(Protocol):
    """What a connection needs of the server that it belongs to."""

    limits: Limits
    handler: Handler
    date: DateLine
    draining: bool
    timeouts: dict[str, float]

    def count(self, reason: Reason) -> None:
        """Add one to a reason's counter."""

    def connection_opened(self, connection: "HttpConnection", loop: asyncio.AbstractEventLoop) -> None:
        """A connection has begun; it may be closed at once."""

    def connection_closed(self, connection: "HttpConnection") -> None:
        """A connection has ended."""


class HttpConnection(asyncio.Protocol):
    """One connection: one request at a time is with the handler, what follows it waits as bytes."""

    __slots__ = (
        "_eof",
        "_linger_left",
        "_loop",
        "_owner",
        "_pumping",
        "_reader",
        "_reading_paused",
        "_request",
        "_stage",
        "_tls",
        "_transport",
        "_writing_paused",
        "deadline",
    )

    _loop: asyncio.AbstractEventLoop
    _reader: RequestReader
    _transport: asyncio.Transport
    _tls: tuple[str, str] | None

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._stage: str = _Stage.HEAD
        self._request: HttpRequest | None = None
        self._eof = False
        self._pumping = False
        self._reading_paused = False
        self._writing_paused = False
        self._linger_left = owner.limits.linger_bytes
        self.deadline = math.inf

    # --- what the transport calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: the first head has its time from here."""
        self._transport = cast("asyncio.Transport", transport)
        self._loop = asyncio.get_running_loop()
        self._tls = _tls_of(transport)
        self._reader = RequestReader(self._owner.limits, _peer_of(transport), self._tls)
        self.deadline = self._loop.time() + self._owner.limits.header_timeout
        self._owner.connection_opened(self, self._loop)

    def data_received(self, data: bytes) -> None:
        """Take bytes: serve them, keep them for later, or throw them away on a connection that ends."""
        if self._stage == _Stage.CLOSING:
            self._linger_left -= len(data)
            if self._linger_left < 0:
                self.abort()
            return
        self._reader.feed(data)
        if not self._writing_paused and self._stage != _Stage.ANSWERING:
            self._pump()
        if (
            self._stage in (_Stage.ANSWERING, _Stage.READY)
            and not self._reading_paused
            and self._reader.buffered > self._owner.limits.read_ahead
        ):
            self._reading_paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """The client has sent its last byte: what it sent whole is still answered, except over TLS."""
        if self._stage in (_Stage.ANSWERING, _Stage.READY):
            self._eof = True
            return self._tls is None
        if self._stage != _Stage.CLOSING and self._reader.waiting != _Stage.REQUEST:
            self._owner.count(TRUNCATED)
        self._close()
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - every way to lose it ends alike
        """Forget the connection; an answer that comes later goes nowhere."""
        self._stage = _Stage.CLOSING
        self._request = None
        self.deadline = math.inf
        self._owner.connection_closed(self)

    def pause_writing(self) -> None:
        """The client does not read: take no further request until it does, for a limited time."""
        self._writing_paused = True
        if self._stage != _Stage.CLOSING:
            if self._stage != _Stage.ANSWERING:
                self._stage = _Stage.READY
            self.deadline = self._loop.time() + self._owner.limits.write_timeout

    def resume_writing(self) -> None:
        """The client reads again."""
        self._writing_paused = False
        if self._stage == _Stage.READY:
            self._pump()
        elif self._stage == _Stage.ANSWERING:
            self.deadline = math.inf

    # --- what the server calls ---

    def drain(self) -> None:
        """Close now if nothing is under way; else the answer under way is the last."""
        if self._stage == _Stage.REQUEST or (self._stage == _Stage.HEAD and not self._reader.buffered):
            self._close()

    def abort(self) -> None:
        """Cut the connection by a reset, so that the kernel, too, drops what the client did not take."""
        sock = self._transport.get_extra_info("socket")
        if sock is not None:  # None once the transport has closed it
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._transport.abort()

    def refuse_quietly(self, reason: Reason) -> None:
        """Close without an answer."""
        self._owner.count(reason)
        self._close()

    def expire(self) -> None:
        """The deadline has passed: say so where part of a request came, else just close."""
        if self._stage == _Stage.CLOSING:
            self.abort()
        elif self._writing_paused:
            self._owner.count(WRITE_TIMEOUT)
            self.abort()
        elif self._stage == _Stage.BODY:
            self._refuse(BODY_TIMEOUT)
        elif self._reader.buffered:
            self._refuse(HEADER_TIMEOUT)
        else:
            self.refuse_quietly(IDLE)

    # --- requests and answers ---

    def _pump(self) -> None:
        """Serve the requests that are here, a bounded number at a time, then wait for more bytes."""
        self._pumping = True
        for _ in range(self._owner.limits.max_pipelined):
            if self._writing_paused or self._stage in (_Stage.ANSWERING, _Stage.CLOSING):
                break
            try:
                request = self._reader.next_request()
            except Refusal as refusal:
                self._refuse(refusal.reason, refusal.message)
                break
            if request is None:
                self._await_bytes()
                break
            self._answer(request)
        else:
            self._loop.call_soon(self._pump)
        self._pumping = False

    def _await_bytes(self) -> None:
        stage = self._reader.waiting
        if self._eof or (stage == _Stage.REQUEST and self._owner.draining):
            self._close()
            return
        # Empty lines before a request begin no new silence: the time of the head goes on.
        if stage != self._stage and not (stage == _Stage.REQUEST and self._stage == _Stage.HEAD):
            self._stage = stage
            self.deadline = self._loop.time() + self._owner.timeouts[stage]
        if self._reading_paused:
            self._reading_paused = False
            self._transport.resume_reading()
        if self._reader.continue_due():
            self._transport.write(CONTINUE)

    def _answer(self, request: HttpRequest) -> None:
        self._stage = _Stage.ANSWERING
        self.deadline = math.inf
        self._request = request
        try:
            self._owner.handler(request, partial(self._respond, request))
        except Exception as error:  # noqa: BLE001 - whatever the handler lacks, the client gets an answer
            _log_failure("the handler failed", error)
            if self._request is request:
                self._refuse(INTERNAL)
            else:
                self._owner.count(INTERNAL)

    def _respond(self, request: HttpRequest, response: HttpResponse) -> None:
        if request is not self._request:
            if self._stage != _Stage.CLOSING:
                _LOG.error("a handler answered a request a second time")
            return
        if self._transport.is_closing():
            return
        self._request = None
        reader = self._reader
        last = self._owner.draining or not reader.keep_alive
        connection = _CLOSE if last else _KEEP_ALIVE if reader.old else b""
        date = self._owner.date.current()
        try:
            data = encode(response, date=date, connection=connection, bodiless=reader.bodiless)
        except ValueError as error:
            _log_failure("the handler's response cannot be sent", error)
            self._refuse(INTERNAL)
            return
        self._stage = _Stage.READY
        self._transport.write(data)
        if last:
            self._finish()
        elif not self._pumping:
            self._pump()

    # --- the end ---

    def _refuse(self, reason: Reason, message: str = "") -> None:
        """Answer for the HTTP layer itself, and end the connection."""
        self._request = None
        if not reason.status:
            self.refuse_quietly(reason)
            return
        self._owner.count(reason)
        response = refusal_response(reason, message or reason.message)
        date = self._owner.date.current()
        self._transport.write(encode(response, date=date, connection=_CLOSE, bodiless=self._reader.bodiless))
        self._linger()

    def _finish(self) -> None:
        if self._reader.buffered or self._reading_paused:
            self._linger()
        else:
            self._close()

    def _linger(self) -> None:
        """End the writing and read on for a while.

        A socket closed with unread input is reset, and a reset can overtake the answer (RFC 9112, section 9.6).
        """
        if self._eof:
            self._close()
            return
        self._begin_closing()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        if self._reading_paused:
            self._reading_paused = False
            self._transport.resume_reading()

    def _close(self) -> None:
        """Close once what waits is written."""
        self._begin_closing()
        self._transport.close()

    def _begin_closing(self) -> None:
        """Set the deadline for a client that does not take what waits for it, or does not close its side."""
        self._stage = _Stage.CLOSING
        limits = self._owner.limits
        unsent = self._transport.get_write_buffer_size()
        self.deadline = self._loop.time() + (limits.write_timeout if unsent else limits.linger_timeout)


def _peer_of(transport: asyncio.BaseTransport) -> str:
    """The address of the other end; an IPv4 address that a dual-stack socket shows as IPv6 is shown as IPv4."""
    name = transport.get_extra_info("peername")
    address = str(name[0]) if isinstance(name, tuple) else ""
    return address.removeprefix("::ffff:") if "." in address else address


def _tls_of(transport: asyncio.BaseTransport) -> tuple[str, str] | None:
    session = transport.get_extra_info("ssl_object")
    return None if session is None else (session.version(), session.cipher()[0])


def _log_failure(what: str, error: Exception) -> None:
    """Where it failed and the kind of error; not its text, which may hold what the client sent."""
    _LOG.error("%s: %s\n%s", what, type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
