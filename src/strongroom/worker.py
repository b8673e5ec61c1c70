"""A worker process: takes the root key from the supervisor's pipe, serves one socket, drains and ends.

Started as ``python -m strongroom.worker CONTROL_FD LISTEN_FD``. The supervisor starts it early, so that its imports run
while the supervisor opens the store; it then waits for the hand-over.
"""

import asyncio
import signal
import socket
import sys
from typing import TYPE_CHECKING

import uvloop

from strongroom import handover as handovers
from strongroom import logs
from strongroom.handover import Handover
from strongroom.hardening import harden

if TYPE_CHECKING:
    from strongroom.bootstrap import Service

READY = b"R"


def main(arguments: list[str]) -> int:
    """Run one worker until the supervisor or SIGTERM ends it; the exit code."""
    harden()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor hears it and tells the workers
    control = socket.socket(fileno=int(arguments[0]))
    listener = socket.socket(fileno=int(arguments[1]))
    from strongroom.bootstrap import Service  # noqa: PLC0415 - slow imports, while the supervisor opens the store

    handover = handovers.receive(control)
    if handover is None:
        return 1
    logs.configure(handover.settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(Service, handover, control, listener))
    return 0


async def _serve(make: "type[Service]", handover: Handover, control: socket.socket, listener: socket.socket) -> None:
    """Serve until SIGTERM or the end of the supervisor, then drain."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    control.setblocking(False)  # noqa: FBT003 - the socket's own interface
    service = make(handover, loop)
    await service.start(listener)
    await loop.sock_sendall(control, READY)
    # Nothing more comes over the pipe: it becomes readable when the supervisor is gone.
    loop.add_reader(control, over.set)
    await over.wait()
    loop.remove_reader(control)
    await service.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
