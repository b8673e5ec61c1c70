"""Threads for what must not run on the event loop: a bounded lane for each kind of long work."""

import asyncio
import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Mapping
from queue import SimpleQueue

from strongroom.dispatch import Work

Step = Callable[[], None]

# How many may be in a lane, at work or waiting, before more are turned away: so that the last of them still gets its
# answer within the time that clients wait.
LIMITS: dict[Work, int] = {Work.LONG: 1024, Work.GENERATION: 64}


class Lane:
    """Some threads and the work that waits for them, given and answered on the event loop's thread.

    What is finished while the loop has not yet woken up is answered with one wake-up. The standard library's executor
    wakes it for each, and makes a future for each: 50 us of CPU a signature more, measured with RSA-2048.

    Args:
        threads: How many.
        limit: How much may be in the lane, at work or waiting.
        loop: The event loop.
    """

    def __init__(self, threads: int, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        self._limit = limit
        self._loop = loop
        self._inside = 0
        self._closed = False
        self._waiting: SimpleQueue[tuple[Step, Step] | None] = SimpleQueue()
        self._finished: deque[Step] = deque()
        self._woken = False
        self._threads = [threading.Thread(target=self._work, name="lane", daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def take(self, work: Step, then: Step) -> bool:
        """Do ``work``, which never raises, on a thread, and then ``then`` on the loop.

        Returns:
            False where the lane is full; then nothing was done.
        """
        if self._inside >= self._limit:
            return False
        self._inside += 1
        self._waiting.put((work, then))
        return True

    def close(self) -> None:
        """Give up what has not begun."""
        self._closed = True
        for _ in self._threads:
            self._waiting.put(None)

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None and not self._closed:
            work, then = item
            work()
            self._finished.append(then)
            # Whoever still reads True here is answered by the wake-up that has not begun: it begins with False.
            if not self._woken:
                self._woken = True
                with contextlib.suppress(RuntimeError):  # the loop is closed, and with it all who waited are gone
                    self._loop.call_soon_threadsafe(self._answer)

    def _answer(self) -> None:
        self._woken = False
        while self._finished:
            self._inside -= 1
            self._loop.call_soon(self._finished.popleft())  # each by itself: one that fails must not keep the others


Lanes = Mapping[Work, Lane]


def open_lanes(loop: asyncio.AbstractEventLoop) -> Lanes:
    """The lanes of a worker.

    Long work has as many threads as there are processors, since OpenSSL lets go of the interpreter meanwhile. Keys are
    generated one after the other: on a lane of their own, so that seconds of that never stand before a signature.
    """
    threads = {Work.LONG: len(os.sched_getaffinity(0)), Work.GENERATION: 1}
    return {work: Lane(threads[work], limit, loop) for work, limit in LIMITS.items()}
