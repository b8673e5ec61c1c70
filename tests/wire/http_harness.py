"""A live HTTP server in a thread and a raw client, for the tests of the HTTP layer."""

import asyncio
import contextlib
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, Self, TypeVar

import msgspec
import uvloop

from strongroom.wire.http import Handler, HttpRequest, HttpResponse, HttpServer, Limits, Respond
from strongroom.wire.listener import Listener, serve

T = TypeVar("T")
PATIENCE = 20.0  # seconds until a test that waits for the other side gives up
GET = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"


class Answer(NamedTuple):
    """A response as the client reads it; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def type(self) -> str:
        """The ``__type`` of a JSON error."""
        return str(msgspec.json.decode(self.body)["__type"])


def echo(request: HttpRequest, respond: Respond) -> None:
    """Answer with the body that came."""
    respond(HttpResponse(200, b"application/octet-stream", request.body, ((b"x-path", request.path),)))


class Live:
    """A server in a thread of its own; ``seen`` holds the requests that reached the handler."""

    def __init__(
        self, handler: Handler = echo, limits: Limits | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.seen: list[HttpRequest] = []
        self.loop_errors: list[dict[str, Any]] = []
        self.listeners: list[Listener] = []
        self._handler = handler
        self._limits = limits
        self._tls = tls
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: uvloop.run(self._main()))
        self.loop: asyncio.AbstractEventLoop
        self.server: HttpServer
        self.port = 0
        self._stop: asyncio.Event

    def _handle(self, request: HttpRequest, respond: Respond) -> None:
        self.seen.append(request)
        self._handler(request, respond)

    async def _main(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.loop.set_exception_handler(lambda _, context: self.loop_errors.append(context))
        self._stop = asyncio.Event()
        sock = socket.create_server(("127.0.0.1", 0))
        self.port = sock.getsockname()[1]
        self.server = HttpServer(self._handle, self._limits)
        self.listeners.append(await serve(self.server, sock, self._tls))
        self._ready.set()
        await self._stop.wait()
        for listener in self.listeners:
            listener.close()
        await self.server.drain(0)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(PATIENCE)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        if kind is None:
            assert self.loop_errors == []

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Callable[[], T]:
        """Run a coroutine on the server's loop; the returned function waits for its result."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        return lambda: future.result(PATIENCE)

    def call(self, function: Callable[[], T]) -> T:
        """Run a function on the server's loop and wait for its result."""

        async def run() -> T:
            return function()

        return self.start(run())()

    def listen(self, sock: socket.socket) -> Listener:
        """Serve one more socket."""
        listener = self.start(serve(self.server, sock))()
        self.listeners.append(listener)
        return listener

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds on the server's loop."""
        end = time.monotonic() + PATIENCE
        while not self.call(condition):
            assert time.monotonic() < end, "the condition never held"

    def client(self, context: ssl.SSLContext | None = None, receive_buffer: int = 0) -> "Client":
        """A new connection."""
        return Client(self.port, context, receive_buffer)

    def ask(self, data: bytes) -> list[Answer]:
        """Send bytes on a new connection, and read what comes until the server closes it."""
        with self.client() as client:
            client.send(data)
            return client.answers_to_the_end()


class Client:
    """A raw connection."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None, receive_buffer: int = 0) -> None:
        sock = socket.socket()
        sock.settimeout(PATIENCE)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock: socket.socket = sock
        try:
            sock.connect(("127.0.0.1", port))
            if context is not None:
                self.sock = context.wrap_socket(sock, server_hostname="localhost")
        except OSError:
            sock.close()
            raise
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        """Send all, or what the server still takes before it closes."""
        with contextlib.suppress(ConnectionError):
            self.sock.sendall(data)

    def half_close(self) -> None:
        """Say that no more will be sent."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Drop the connection the hard way."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _receive(self) -> bytes:
        try:
            return self.sock.recv(1 << 16)
        except ConnectionError:
            return b""

    def line_head(self) -> bytes:
        """Read up to and with the next empty line."""
        while b"\r\n\r\n" not in self._buffer:
            data = self._receive()
            assert data, f"closed after {self._buffer[:200]!r}"
            self._buffer += data
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def answer(self, *, bodiless: bool = False) -> Answer:
        """Read one response."""
        lines = self.line_head().decode("ascii").split("\r\n")[:-2]
        version, status, _ = lines[0].split(" ", 2)
        assert version == "HTTP/1.1"
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(": ")
            assert name.lower() not in headers
            headers[name.lower()] = value
        length = 0 if bodiless else int(headers.get("content-length", 0))
        while len(self._buffer) < length:
            data = self._receive()
            assert data, "closed inside a body"
            self._buffer += data
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return Answer(int(status), headers, body)

    def closed(self) -> bool:
        """Wait for what comes next: whether it is the end, with nothing before it."""
        return not self._buffer and self._receive() == b""

    def answers_to_the_end(self) -> list[Answer]:
        """Read responses until the server closes."""
        answers = []
        while not self.at_end():
            answers.append(self.answer())
        return answers

    def at_end(self) -> bool:
        """Whether nothing more comes before the end; what comes is kept."""
        self._buffer = self._buffer or self._receive()
        return not self._buffer

    def quiet(self, seconds: float) -> bool:
        """Whether nothing comes, not even the end, for so long."""
        return not select.select([self.sock], [], [], seconds)[0]

    def await_reset(self) -> bool:
        """Wait, without reading, until the server has cut the connection."""
        poll = select.poll()
        poll.register(self.sock, select.POLLERR | select.POLLHUP)
        return bool(poll.poll(PATIENCE * 1000))
