"""The spool: the audit of one process, in files that are durable before any answer (docs/reference/audit.md)."""

import asyncio
import contextlib
import errno
import fcntl
import functools
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from strongroom.audit import record
from strongroom.audit.frames import MAX_PAYLOAD_BYTES, NO_MAC, Chain, Head
from strongroom.ports import AuditEvent, AuditUnavailableError

Done = Callable[[AuditUnavailableError | None], None]
_Item = tuple[bytes, Done]

CROWD = 16
"""After a group of so many the next one gathers before it is written, for ``GATHER_SECONDS``."""

GATHER_SECONDS = 0.0004

FINISHED_MODE = 0o400
"""The mode of a file that is complete: nothing will be written to it, and recovery passes it over."""

_log = logging.getLogger(__name__)


class Spool:
    """Writes payloads to the disk in the order of ``append``, in groups that grow with the load (``ports.Trail``).

    One thread takes all that waits, frames it, writes it with one write, syncs it with one fdatasync, and answers all
    with one wake-up of the loop. After a group that was a crowd it waits a moment for the next one: that saves a tenth
    of each request's CPU and more, and few callers never wait (docs: ADR 4).

    A failed or short write and a failed sync end the file for good: it is never written or synced again, as the kernel
    may have dropped what it could not write and then call the next sync good. Those who waited get the error; the next
    append, or within ``retry_seconds`` the thread itself, tries a new file.
    """

    def __init__(
        self,
        folder: Path,
        worker: int,
        epoch: int,
        chain_key: bytes,
        *,
        loop: asyncio.AbstractEventLoop | None,
        root_version: int,
        max_file_bytes: int = 64 << 20,
        max_waiting_bytes: int = 32 << 20,
        retry_seconds: float = 1.0,
    ) -> None:
        """Begin the first file and start the thread.

        Args:
            folder: Where the files go; made if missing, closed to all but its owner.
            worker: Tells apart the processes of one epoch.
            epoch: Counts the starts of the service; a pair of worker and epoch is used once.
            chain_key: 32 bytes, of this worker and epoch alone.
            loop: Where ``done`` is called; without it, on the spool's thread.
            root_version: The version of the root key from which ``chain_key`` comes.
            max_file_bytes: A file that has grown to this size is followed by a new one.
            max_waiting_bytes: With more payload than this not yet durable, ``append`` refuses.
            retry_seconds: After a failure, how often a new file is tried without being asked.

        Raises:
            AuditUnavailableError: The first file cannot be made.
        """
        self._folder, self._loop = folder, loop
        self._max_file_bytes, self._max_waiting_bytes = max_file_bytes, max_waiting_bytes
        self._retry_seconds = retry_seconds
        self._chain = Chain(worker, epoch, root_version, chain_key)
        self._head = Head(worker, epoch, 0, NO_MAC)
        self._file: _File | None = None
        self._fault: str | None = None
        self._queue: queue.SimpleQueue[list[_Item] | None] = queue.SimpleQueue()
        self._turn: list[_Item] = []
        self._lock = threading.Lock()
        self._waiting_bytes = 0
        self._closed = False
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            sync_folder(folder.parent)
            self._file = self._begin_file()
        except OSError as error:
            raise AuditUnavailableError(_fault_text(error)) from error
        self._thread = threading.Thread(target=self._run, name="audit-spool", daemon=True)
        self._thread.start()

    def encode(self, *events: AuditEvent) -> bytes:
        """Make one frame's payload of one record, or of the two of a call in two accounts or two Regions."""
        return record.encode(*events)

    def append(self, payload: bytes, done: Done) -> None:
        """Write a payload; ``done`` is called once, with None when it is durable, else with the error.

        With a loop, it is called on the loop's thread, and what one turn of the loop appends is handed to the writing
        thread together at the end of the turn: waking the thread for each alone would cost more than all else here.
        Without a loop, it may be called on any thread.

        A payload is refused at once where the queue is full, the payload is over MAX_PAYLOAD_BYTES or the spool is
        closed: ``done`` is called on the loop too, without one before this returns.
        """
        size = len(payload)
        with self._lock:
            accepted = (
                not self._closed and size <= MAX_PAYLOAD_BYTES and self._waiting_bytes + size <= self._max_waiting_bytes
            )
            if accepted:
                self._waiting_bytes += size
                self._turn.append((payload, done))
                if self._loop is None:
                    self._hand_over()
        if not accepted:
            self._answer([done], "the audit spool is closed, or too much waits for the disk")
        elif self._loop is not None and len(self._turn) == 1:
            with contextlib.suppress(RuntimeError):  # the loop is closed: ``close`` hands over what is left
                self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        turn, self._turn = self._turn, []
        if turn:
            self._queue.put(turn)

    def require_writable(self) -> None:
        """Pass unless the last write failed; the thread keeps trying, so this passes again when a new file can be made.

        Raises:
            AuditUnavailableError: The spool cannot be written, or is closed.
        """
        fault = "the audit spool is closed" if self._closed else self._fault
        if fault is not None:
            raise AuditUnavailableError(fault)

    def head(self) -> Head:
        """The last durable frame."""
        return self._head

    def close(self) -> None:
        """Write what waits, stop the thread and finish the file; later appends are refused."""
        with self._lock:
            first, self._closed = not self._closed, True
        if first:
            self._hand_over()
            self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        running, gathering = True, False
        while running:
            try:
                turns = [self._queue.get(timeout=None if self._fault is None else self._retry_seconds)]
            except queue.Empty:
                turns = []
            if gathering:
                time.sleep(GATHER_SECONDS)
            turns.extend(self._queue.get() for _ in range(self._queue.qsize()))
            running = None not in turns
            batch = [item for turn in turns if turn is not None for item in turn]
            gathering = len(batch) >= CROWD
            if batch or running:
                self._write_and_answer(batch)
        if self._file is not None:
            self._file.finish()

    def _write_and_answer(self, batch: Sequence[_Item]) -> None:
        payloads = [payload for payload, _ in batch]
        try:
            self._write(payloads)
        except Exception as error:  # noqa: BLE001 - whatever it is, callers wait for an answer and the thread must live
            self._set_fault(_fault_text(error))
            if self._file is not None:
                self._file.abandon()
                self._file = None
        else:
            self._set_fault(None)
        with self._lock:
            self._waiting_bytes -= sum(map(len, payloads))
        if batch:
            self._answer([done for _, done in batch], self._fault)

    def _set_fault(self, fault: str | None) -> None:
        """Remember whether the last attempt failed; a change is logged, and not each retry of a long failure."""
        if fault is not None and self._fault is None:
            _log.error("%s", fault)
        elif fault is None and self._fault is not None:
            _log.warning("the audit spool can be written again")
        self._fault = fault

    def _write(self, payloads: Sequence[bytes]) -> None:
        """Make payloads durable; with none, see to it that there is a file."""
        if self._file is None:
            self._file = self._begin_file()
        if payloads:
            durable = self._head.sequence
            self._file.append(b"".join([self._chain.frame(payload, durable) for payload in payloads]))
            self._file.holds_records = True
            self._head = Head(self._head.worker, self._head.epoch, self._chain.sequence, self._chain.mac)
        if self._file.size >= self._max_file_bytes:
            self._file.finish()
            self._file = None

    def _begin_file(self) -> "_File":
        header = self._chain.header(self._head.sequence)
        return _File(self._folder, file_name(self._head.worker, self._head.epoch, self._chain.number), header)

    def _answer(self, dones: Sequence[Done], fault: str | None) -> None:
        call = functools.partial(_call, dones, fault)
        if self._loop is None:
            call()
            return
        with contextlib.suppress(RuntimeError):  # the loop is closed, and with it all who waited are gone
            self._loop.call_soon_threadsafe(call)


class _File:
    """One file being written. Once ``append`` or the constructor has failed, it may only be abandoned."""

    def __init__(self, folder: Path, name: str, header: bytes) -> None:
        self.size = 0
        self.holds_records = False
        self._path = folder / name
        self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # tells recovery that a living process writes here
            self.append(header)
            sync_folder(folder)
        except BaseException:
            self.abandon()
            raise

    def append(self, data: bytes) -> None:
        written = os.write(self._fd, data)
        if written != len(data):
            raise OSError(errno.EIO, f"short write, {written} of {len(data)} bytes")
        os.fdatasync(self._fd)
        self.size += written

    def finish(self) -> None:
        if not self.holds_records:
            self.abandon()
            return
        with contextlib.suppress(OSError):  # all in it is durable; without the mode, recovery reads it once more
            os.fchmod(self._fd, FINISHED_MODE)
        self._close()

    def abandon(self) -> None:
        """Give the file up; one that holds nothing acknowledged leaves the disk, so that retries do not pile up."""
        if not self.holds_records:
            with contextlib.suppress(OSError):
                self._path.unlink()
        self._close()

    def _close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._fd)


def file_name(worker: int, epoch: int, number: int) -> str:
    """The name of a spool file; names sort as they were written."""
    return f"{worker:05d}-{epoch:010d}-{number:06d}.spool"


def sync_folder(folder: Path) -> None:
    """Make what a folder lists durable.

    Raises:
        OSError: As ``fsync``.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _fault_text(error: Exception) -> str:
    return f"the audit spool cannot be written: {type(error).__name__}: {error}"


def _call(dones: Sequence[Done], fault: str | None) -> None:
    for done in dones:
        try:
            done(None if fault is None else AuditUnavailableError(fault))
        except Exception:  # noqa: BLE001 - one caller's fault must not keep the answer from the others
            _log.exception("a caller failed on its audit's answer")
