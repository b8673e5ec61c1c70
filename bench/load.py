"""A closed-loop HTTP/1.1 load: so many connections, one request in flight on each, prepared bytes round and round."""

import asyncio
import itertools
import os
import statistics
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

import uvloop

_TICKS = os.sysconf("SC_CLK_TCK")


class Figures(NamedTuple):
    """What one load measured; times in microseconds.

    Attributes:
        rate: Answers a second.
        cpu: CPU time of the server's processes for each answer, user and system.
    """

    rate: float
    p50: float
    p99: float
    cpu: float


class _Client(asyncio.Protocol):
    """One connection: sends the next request when the answer to the last is whole."""

    def __init__(self, requests: "itertools.cycle[bytes]", times: list[float], finished: asyncio.Future[None]) -> None:
        self._requests = requests
        self._times = times
        self._finished = finished
        self._buffer = b""
        self._started = 0.0
        self.stopping = False
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._next()

    def _next(self) -> None:
        assert self._transport is not None
        self._started = time.perf_counter()
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self._times.append(time.perf_counter() - self._started)
        self._buffer = b""
        if not head.startswith(b"HTTP/1.1 200"):
            self._fail(f"not a success: {head[:40]!r} {body[:300]!r}")
        elif self.stopping:
            self._close()
        else:
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"connection lost: {exc}")

    def _close(self) -> None:
        if not self._finished.done():
            self._finished.set_result(None)
        assert self._transport is not None
        self._transport.close()

    def _fail(self, text: str) -> None:
        if not self._finished.done():
            self._finished.set_exception(RuntimeError(text))


def _same(client: _Client) -> _Client:
    return client


def cpu_seconds(processes: Sequence[int]) -> float:
    """User and system time that processes have used so far."""
    total = 0
    for pid in processes:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def measure(
    port: int, requests: Sequence[bytes], processes: Sequence[int], *, connections: int = 32, seconds: float = 2.0
) -> Figures:
    """Load a server on loopback and read its CPU time; a tenth of the time before counts as warm-up.

    Raises:
        RuntimeError: An answer is not 200, or a connection is lost.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(port, requests, processes, connections, seconds))


async def _measure(
    port: int, requests: Sequence[bytes], processes: Sequence[int], connections: int, seconds: float
) -> Figures:
    loop = asyncio.get_running_loop()
    times: list[float] = []
    cycle = itertools.cycle(requests)
    futures = [loop.create_future() for _ in range(connections)]
    clients = [_Client(cycle, times, future) for future in futures]
    for client in clients:
        await loop.create_connection(partial(_same, client), "127.0.0.1", port)
    await asyncio.sleep(seconds / 10)
    times.clear()
    cpu, started = cpu_seconds(processes), time.perf_counter()
    await asyncio.sleep(seconds)
    count, wall, used = len(times), time.perf_counter() - started, cpu_seconds(processes) - cpu
    sample = sorted(times[:count])
    for client in clients:
        client.stopping = True
    await asyncio.gather(*futures)
    return Figures(
        rate=count / wall,
        p50=statistics.median(sample) * 1e6,
        p99=sample[int(len(sample) * 0.99)] * 1e6,
        cpu=used / count * 1e6,
    )
