"""The hand-over from the supervisor to a worker: settings and root keys, over an inherited pipe and nowhere else."""

import socket
from collections.abc import Callable

import msgspec

from strongroom.settings import Settings

_LENGTH_BYTES = 4


class Handover(msgspec.Struct, frozen=True):
    """What a worker needs from the supervisor; a repr shows no key.

    Attributes:
        roots: The raw root keys (docs: formats, "Root hand-over").
        worker: The worker's number, from 1.
        epoch: The audit epoch of this start of this worker.
    """

    settings: Settings
    roots: bytes
    worker: int
    epoch: int

    def __repr__(self) -> str:
        return f"<Handover to worker {self.worker}>"


def send(control: socket.socket, handover: Handover) -> None:
    """Write a hand-over to a worker's pipe."""
    body = msgspec.msgpack.encode(handover, enc_hook=str)
    control.sendall(len(body).to_bytes(_LENGTH_BYTES, "big") + body)


def receive(control: socket.socket) -> Handover | None:
    """Wait for the hand-over; None if the supervisor ended before."""
    with control.makefile("rb", buffering=0) as pipe:
        length = int.from_bytes(_exactly(pipe.read, _LENGTH_BYTES), "big")
        body = _exactly(pipe.read, length)
    if not body:
        return None
    return msgspec.msgpack.decode(body, type=Handover, dec_hook=lambda wanted, value: wanted(value))


def _exactly(read: Callable[[int], bytes], count: int) -> bytes:
    """``count`` bytes, or none at all where the pipe ends before."""
    parts = b""
    while len(parts) < count:
        part = read(count - len(parts))
        if not part:
            return b""
        parts += part
    return parts
