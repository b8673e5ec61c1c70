"""Accepts connections for an ``HttpServer`` and shakes hands for TLS.

Accepting is done here and not by ``loop.create_server`` so that a connection counts from its first moment: the loop's
own server shows a TLS connection only after the handshake, so that silent ones could use up the process's file
descriptors, which the audit and the database need too.
"""

import asyncio
import errno
import logging
import socket
import ssl
from functools import partial
from typing import Final

from strongroom.wire.connection import HttpConnection
from strongroom.wire.http import HttpServer
from strongroom.wire.messages import DRAINING, TLS_HANDSHAKE, TOO_MANY_CONNECTIONS

_LOG: Final = logging.getLogger("strongroom.wire")
_BACKLOG: Final = 512
_ACCEPTS_A_TURN: Final = 32
_REST: Final = 1.0  # seconds without accepting once descriptors or memory have run out
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Listener:
    """A listening socket whose connections go to a server. It owns the socket."""

    def __init__(self, server: HttpServer, sock: socket.socket, ssl_context: ssl.SSLContext | None) -> None:
        self._server = server
        self._sock = sock
        self._ssl_context = ssl_context
        self._loop = asyncio.get_running_loop()
        self._resting: asyncio.TimerHandle | None = None
        sock.settimeout(0)
        sock.listen(_BACKLOG)
        self._loop.add_reader(sock, self._accept)

    def close(self) -> None:
        """Accept no more, and close the socket."""
        if self._resting is not None:
            self._resting.cancel()
        self._loop.remove_reader(self._sock)
        self._sock.close()

    def _accept(self) -> None:
        for _ in range(_ACCEPTS_A_TURN):
            try:
                client, _ = self._sock.accept()
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._rest(error)
                return
            self._take(client)

    def _rest(self, error: OSError) -> None:
        """Stop for a moment: the connection that cannot be accepted would wake the loop without end."""
        _LOG.error("no connection can be accepted: %s", errno.errorcode.get(error.errno or 0, "unknown error"))
        self._loop.remove_reader(self._sock)
        self._resting = self._loop.call_later(_REST, self._resume)

    def _resume(self) -> None:
        self._resting = None
        self._loop.add_reader(self._sock, self._accept)

    def _take(self, client: socket.socket) -> None:
        server = self._server
        if server.draining or server.full():
            server.count(DRAINING if server.draining else TOO_MANY_CONNECTIONS)
            client.close()
            return
        client.settimeout(0)
        connection = server.protocol_factory()
        task = self._loop.create_task(self._open(client, connection))
        server.handshaking[connection] = task
        # A task that is cancelled before its first step runs no code of its own, so its end is noted from outside.
        task.add_done_callback(partial(self._opened, client, connection))

    async def _open(self, client: socket.socket, connection: HttpConnection) -> None:
        server = self._server
        try:
            await self._loop.connect_accepted_socket(
                lambda: connection,
                client,
                ssl=self._ssl_context,
                ssl_handshake_timeout=server.limits.header_timeout if self._ssl_context else None,
            )
        except OSError:  # TLS errors, resets and time-outs are all of this kind
            server.count(TLS_HANDSHAKE)

    def _opened(self, client: socket.socket, connection: HttpConnection, task: asyncio.Task[None]) -> None:
        self._server.handshaking.pop(connection, None)
        if task.cancelled():
            # The loop may have shown the connection and then closes it without a word to it.
            self._server.connection_closed(connection)
            client.close()


async def serve(server: HttpServer, sock: socket.socket, ssl_context: ssl.SSLContext | None = None) -> Listener:
    """Listen on a bound socket and serve its connections until the listener is closed.

    Args:
        server: Gets the connections; one server may have several listeners.
        sock: A bound TCP or Unix stream socket; the listener owns it from here.
        ssl_context: For TLS; without it the connections are plain.
    """
    return Listener(server, sock, ssl_context)
