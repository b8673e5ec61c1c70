"""Threads for what must not run on the event loop: a bounded lane for each kind of long work."""

import asyncio
import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import NamedTuple

from strongroom.dispatch import Work

Step = Callable[[], None]


class Size(NamedTuple):
    """How a lane is dimensioned.

    Attributes:
        threads: How many work.
        limit: How much may be in the lane, at work or waiting, before more is turned away: so that the last still gets
            its answer within the time that clients wait.
        together: While more waits, so many are answered with one wake-up of the loop.
    """

    threads: int
    limit: int
    together: int


# Long work has as many threads as there are processors, since OpenSSL lets go of the interpreter meanwhile. Keys are
# generated one after the other and answered at once, on a lane of their own: seconds never stand before a signature.
SIZES: dict[Work, Size] = {
    Work.LONG: Size(threads=len(os.sched_getaffinity(0)), limit=1024, together=8),
    Work.GENERATION: Size(threads=1, limit=64, together=1),
}


class Lane:
    """Some threads and the work that waits for them, given and answered on the event loop's thread.

    The standard library's executor wakes the loop for each answer, and makes a future for each: some 50 us of CPU a
    signature more, with RSA-2048 on a noisy machine.

    Args:
        size: How it is dimensioned.
        loop: The event loop.
    """

    def __init__(self, size: Size, loop: asyncio.AbstractEventLoop) -> None:
        self._size = size
        self._loop = loop
        self._inside = 0
        self._closed = False
        self._waiting: SimpleQueue[tuple[Step, Step] | None] = SimpleQueue()
        self._finished: deque[Step] = deque()
        self._woken = False
        self._threads = [threading.Thread(target=self._work, name="lane", daemon=True) for _ in range(size.threads)]
        for thread in self._threads:
            thread.start()

    def take(self, work: Step, then: Step) -> bool:
        """Do ``work``, which never raises, on a thread, and then ``then`` on the loop.

        Returns:
            False where the lane is full; then nothing was done.
        """
        if self._inside >= self._size.limit:
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
            # Whoever still reads True here is answered by the wake-up that has not begun: it begins with False. And who
            # is not answered yet since more waits is answered by whoever does that.
            enough = len(self._finished) >= self._size.together or self._waiting.empty()
            if enough and not self._woken:
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
    """The lanes of a worker."""
    return {work: Lane(size, loop) for work, size in SIZES.items()}
