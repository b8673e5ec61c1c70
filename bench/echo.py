"""A bare HTTP echo on the service's own stack: the limit that the operations are held against."""

import asyncio
import socket
import sys

import uvloop

from strongroom.wire.http import HttpRequest, HttpResponse, HttpServer, Respond
from strongroom.wire.listener import serve


def _echo(request: HttpRequest, respond: Respond) -> None:
    respond(HttpResponse(200, b"application/x-amz-json-1.1", request.body))


async def _main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    await serve(HttpServer(_echo), listener)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main())
