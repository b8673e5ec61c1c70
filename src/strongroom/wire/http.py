"""The HTTP/1.1 server: all connections of one process, the sweep of their deadlines, and the drain.

It answers bad bytes itself and hands good requests to one synchronous handler. The rules of the messages are in
``reader``, ``head`` and ``chunked``; the refusals and their texts in ``messages``; the bounds in ``limits``; a single
connection in ``connection``; accepting them in ``listener``.
"""

import asyncio

from strongroom.wire.connection import HttpConnection
from strongroom.wire.limits import Limits
from strongroom.wire.messages import (
    DRAINING,
    REASONS,
    TOO_MANY_CONNECTIONS,
    DateLine,
    Handler,
    HttpRequest,
    HttpResponse,
    Reason,
    Respond,
)
from strongroom.wire.reader import Waiting

__all__ = ["Handler", "HttpRequest", "HttpResponse", "HttpServer", "Limits", "Respond"]


class HttpServer:
    """The connections of one process, and what they share: limits, handler, clock, counters.

    The handler is called on the loop's thread with a request and ``respond``; it must call ``respond`` exactly once,
    then or later, on the same thread. An exception from it is answered with KMSInternalException and logged without its
    text.

    Attributes:
        limits: The bounds.
        handler: Gets every request.
        refused: How often each reason ended a connection, by the reason's name; only this layer writes it.
        connections: The open connections.
        handshaking: Connections accepted and not yet open, each with the task that opens it.
        draining: No new request is taken up.
    """

    def __init__(self, handler: Handler, limits: Limits | None = None) -> None:
        self.handler = handler
        self.limits = limits or Limits()
        self.refused: dict[str, int] = {reason.name: 0 for reason in REASONS}
        self.connections: set[HttpConnection] = set()
        self.handshaking: dict[HttpConnection, asyncio.Task[None]] = {}
        self.draining = False
        self.date = DateLine()
        self.timeouts = {
            Waiting.REQUEST: self.limits.idle_timeout,
            Waiting.HEAD: self.limits.header_timeout,
            Waiting.BODY: self.limits.body_timeout,
        }
        self._sweep_interval = self.limits.sweep_interval()
        self._sweeping = False
        self._emptied = asyncio.Event()

    def protocol_factory(self) -> HttpConnection:
        """A connection's protocol, for ``loop.create_server`` and its like."""
        return HttpConnection(self)

    def count(self, reason: Reason) -> None:
        """Add one to a reason's counter."""
        self.refused[reason.name] += 1

    def full(self) -> bool:
        """Whether the limit of connections is reached."""
        return len(self.connections) + len(self.handshaking) >= self.limits.max_connections

    def connection_opened(self, connection: HttpConnection, loop: asyncio.AbstractEventLoop) -> None:
        """Take a connection in, or close it when there are too many or the server drains."""
        self._emptied.clear()
        self.handshaking.pop(connection, None)
        self.connections.add(connection)
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(self._sweep_interval, self._sweep, loop)
        if self.draining:
            connection.refuse_quietly(DRAINING)
        elif len(self.connections) > self.limits.max_connections:
            connection.refuse_quietly(TOO_MANY_CONNECTIONS)

    def connection_closed(self, connection: HttpConnection) -> None:
        """Let a connection go."""
        self.connections.discard(connection)
        if not self.connections:
            self._emptied.set()

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Expire what is over its deadline: one timer for all connections, none when there are none."""
        now = loop.time()
        for connection in [connection for connection in self.connections if connection.deadline <= now]:
            connection.expire()
        self._sweeping = bool(self.connections)
        if self._sweeping:
            loop.call_later(self._sweep_interval, self._sweep, loop)

    async def drain(self, timeout: float) -> int:  # noqa: ASYNC109 - the connections end by it, not the coroutine
        """End all connections: requests under way are finished, idle connections closed, the rest cut at the timeout.

        A request whose first bytes have come is under way. Close the listener first.

        Args:
            timeout: Seconds until what is left is cut.

        Returns:
            How many connections were cut.
        """
        self.draining = True
        for task in self.handshaking.values():
            task.cancel()
        for connection in list(self.connections):
            connection.drain()
        if not self.connections:
            return 0
        try:
            await asyncio.wait_for(self._emptied.wait(), timeout)
        except TimeoutError:
            left = list(self.connections)
            for connection in left:
                connection.abort()
            await self._emptied.wait()
            return len(left)
        return 0
