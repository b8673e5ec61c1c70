"""The lock between the writers of several processes."""

import fcntl
import os
import threading
from pathlib import Path

from strongroom.storage.sqlite import FileLock


def test_the_lock_goes_in_turn(path: Path) -> None:
    """Who lets go and asks again at once comes after the one who was waiting."""
    ours, theirs = FileLock(path), FileLock(path)
    order: list[str] = []

    def wait_for_it() -> None:
        with theirs:
            order.append("theirs")

    waiting = threading.Thread(target=wait_for_it)
    with ours:
        waiting.start()
        turn = os.open(f"{path}-turn", os.O_RDWR)
        while not _held(turn):
            pass
    with ours:
        order.append("ours")
    waiting.join()
    assert order == ["theirs", "ours"]
    os.close(turn)
    ours.close()
    theirs.close()


def _held(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False
