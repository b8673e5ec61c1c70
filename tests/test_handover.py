"""The hand-over of settings and root keys from the supervisor to a worker."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.handover import Handover, receive, send
from strongroom.settings import Settings

ROOTS = bytes(range(200))
PLAIN = Handover(Settings(), ROOTS, 1, 2)
FULL = Handover(
    Settings(
        data_dir=Path("/data/\u00fc"),
        seal_file=Path("/seal"),
        regions=("eu-west-1", "x" * 300_000),
        tls_cert=Path("/cert"),
        tls_key=Path("/key"),
        dev=True,
        drain_seconds=0.25,
    ),
    b"",
    256,
    2**40,
)


@pytest.fixture
def pipe() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The supervisor's end and the worker's."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.mark.parametrize("handover", [PLAIN, FULL], ids=["plain", "larger than the pipe"])
def test_a_worker_gets_what_was_sent(pipe: tuple[socket.socket, socket.socket], handover: Handover) -> None:
    """Every setting, paths as paths, the root keys, number and epoch; what follows is left in the pipe."""
    ours, theirs = pipe

    def supervisor() -> None:
        send(ours, handover)
        ours.sendall(b"more")

    sender = threading.Thread(target=supervisor)
    sender.start()
    assert receive(theirs) == handover
    sender.join()
    assert theirs.recv(10) == b"more"


@pytest.mark.parametrize("kept", [0, 1, 3, 4, 5, -1])
def test_a_supervisor_that_ends_leaves_no_half(pipe: tuple[socket.socket, socket.socket], kept: int) -> None:
    """A hand-over that breaks off anywhere is none."""
    ours, theirs = pipe
    send(ours, PLAIN)
    whole = theirs.recv(1 << 20)
    ours.sendall(whole[:kept])
    ours.close()
    assert receive(theirs) is None


def test_no_key_is_shown() -> None:
    """A repr says to whom, and nothing of the keys."""
    assert repr(PLAIN) == "<Handover to worker 1>"
    assert f"{[PLAIN]}" == "[<Handover to worker 1>]"
