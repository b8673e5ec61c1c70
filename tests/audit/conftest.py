"""A spool on a real folder, its callers, and a disk that fails on order."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.audit.spool import Spool
from strongroom.ports import AuditUnavailableError

CHAIN_KEY = bytes(range(32))
PATIENCE = 60


class Answers:
    """What the callers of a spool were told, in the order in which they were told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, AuditUnavailableError | None]] = []
        self.threads: set[str] = set()
        self._news = threading.Condition()

    def of(self, caller: Any) -> Callable[[AuditUnavailableError | None], None]:
        """A ``done`` for one caller."""

        def done(error: AuditUnavailableError | None) -> None:
            with self._news:
                self.told.append((caller, error))
                self.threads.add(threading.current_thread().name)
                self._news.notify_all()

        return done

    def wait(self, count: int) -> None:
        """Wait until so many were told."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.told) >= count, PATIENCE), self.told

    @property
    def good(self) -> list[Any]:
        """Those who were told that their record is durable."""
        return [caller for caller, error in self.told if error is None]

    @property
    def bad(self) -> list[Any]:
        """Those who got the error."""
        return [caller for caller, error in self.told if error is not None]


class Disk:
    """Stands before the system calls on spool files and their folder: notes them, and fails them on order.

    ``calls`` holds (call, file name, data) for each that was made, noted when it returned or failed. ``faults`` maps a
    call to what happens instead, as long as it is there, if what was written last holds ``marked``. ``gate``, while
    clear, holds ``fdatasync`` back; ``syncing`` is set by the next one that comes.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.calls: list[tuple[str, str, bytes]] = []
        self.faults: dict[str, OSError | str] = {}
        self.marked = b""
        self._last = b""
        self.gate = threading.Event()
        self.gate.set()
        self.syncing = threading.Event()
        self._folder = folder
        for name in ("open", "write", "fdatasync", "fsync"):
            monkeypatch.setattr(os, name, getattr(self, f"_{name}")(getattr(os, name)))

    def names(self, call: str) -> list[str]:
        """The files of all calls of one kind, in order."""
        return [name for kind, name, _ in self.calls if kind == call]

    def _ours(self, path: str | Path) -> bool:
        return Path(path) == self._folder or Path(path).parent == self._folder

    def _open(self, real: Callable[..., int]) -> Callable[..., int]:
        def call(path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
            if isinstance(path, Path) and self._ours(path) and flags & os.O_CREAT:
                self._fail("open", path.name)
                self.calls.append(("open", path.name, b""))
            return real(path, flags, mode, **more)

        return call

    def _write(self, real: Callable[[int, Any], int]) -> Callable[[int, Any], int]:
        def call(fd: int, data: Any) -> int:
            path = Path(f"/proc/self/fd/{fd}").readlink()
            if not self._ours(path):
                return real(fd, data)
            self._last = bytes(data)
            if self.faults.get("write") == "short" and self.marked in self._last:
                self.calls.append(("write failed", path.name, b""))
                return real(fd, data[: len(data) // 2])
            self._fail("write", path.name)
            written = real(fd, data)
            self.calls.append(("write", path.name, bytes(data)))
            return written

        return call

    def _fdatasync(self, real: Callable[[int], None]) -> Callable[[int], None]:
        def call(fd: int) -> None:
            self.syncing.set()
            assert self.gate.wait(PATIENCE)
            self._sync(real, "fdatasync", fd)

        return call

    def _fsync(self, real: Callable[[int], None]) -> Callable[[int], None]:
        return lambda fd: self._sync(real, "fsync", fd)

    def _sync(self, real: Callable[[int], None], kind: str, fd: int) -> None:
        path = Path(f"/proc/self/fd/{fd}").readlink()
        if self._ours(path):
            self._fail(kind, path.name)
        real(fd)
        if self._ours(path):
            self.calls.append((kind, path.name, b""))

    def _fail(self, kind: str, name: str) -> None:
        fault = self.faults.get(kind)
        if isinstance(fault, OSError) and self.marked in self._last:
            self.calls.append((f"{kind} failed", name, b""))
            raise fault


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the spool is; not made yet."""
    return tmp_path / "spool"


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Disk]:
    """A disk under watch. It is whole again at the end, so that spools can close."""
    disk = Disk(monkeypatch, folder)
    yield disk
    disk.faults.clear()
    disk.gate.set()


@pytest.fixture
def answers() -> Answers:
    """The callers."""
    return Answers()


@pytest.fixture
def make_spool(folder: Path) -> Iterator[Callable[..., Spool]]:
    """Makes spools of worker 1, epoch 1, without a loop unless told otherwise, and closes them."""
    spools: list[Spool] = []

    def make(**more: Any) -> Spool:
        settings: dict[str, Any] = {"worker": 1, "epoch": 1, "chain_key": CHAIN_KEY, "loop": None, "root_version": 1}
        spools.append(Spool(folder, **settings | more))
        return spools[-1]

    yield make
    for spool in spools:
        spool.close()
