"""Spool files after the process that wrote them: cut what was torn, check chains (docs/reference/audit.md)."""

import fcntl
import os
import re
import stat
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path

import msgspec

from strongroom.audit.frames import NO_MAC, BadHeaderError, Head, Header, SpoolError, TornTailError, read, read_header
from strongroom.audit.spool import FINISHED_MODE, file_name, sync_folder
from strongroom.ports import AuditUnavailableError

_NAME = re.compile(r"(\d+)-(\d+)-(\d+)\.spool")


class Recovered(msgspec.Struct, frozen=True):
    """What recovery did with one unfinished file.

    Attributes:
        header: None where the file was cut short before anything in it was durable; such a file is removed.
        last_sequence: Of the last whole frame; one less than the header's ``first_sequence`` where there is none.
        cut_bytes: How much of a torn tail was cut.
        fault: Why the file was left as it is: damaged at a place that was durable. None where it is whole now.
    """

    path: Path
    header: Header | None
    last_sequence: int
    cut_bytes: int
    fault: str | None


class Fault(msgspec.Struct, frozen=True):
    """One thing found wrong with a chain; ``path`` is the file, or the folder where a file is missing."""

    path: Path
    fault: str


def recover(folder: Path) -> list[Recovered]:
    """Cut the torn tails of files whose process ended without finishing them, and mark them finished.

    Files that a living process is writing to are passed over, and so are finished ones: the work is bounded by what was
    open at the crash. MACs are not checked here; ``verify`` does. Damage before the tail is reported and left as it is.

    Raises:
        AuditUnavailableError: The folder cannot be read or a file not be cut.
    """
    try:
        reports = [report for _, path in _files(folder) if (report := _recover(path)) is not None]
        if reports:
            sync_folder(folder)
    except OSError as error:
        raise AuditUnavailableError(f"the audit spool cannot be recovered: {error}") from error
    return reports


def _recover(path: Path) -> Recovered | None:
    if not path.stat().st_mode & stat.S_IWUSR:
        return None
    with path.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        data = file.read()
        header, last_sequence, error = _scan(data)
        if error is not None and not isinstance(error, TornTailError):
            return Recovered(path, header, last_sequence, 0, str(error))
        if header is None:
            path.unlink()
            return Recovered(path, None, 0, len(data), None)
        end = len(data) if error is None else error.offset
        file.truncate(end)
        os.fsync(file.fileno())
        os.fchmod(file.fileno(), FINISHED_MODE)
        return Recovered(path, header, last_sequence, len(data) - end, None)


def _scan(data: bytes) -> tuple[Header | None, int, SpoolError | None]:
    header, last_sequence = None, 0
    try:
        header = read_header(data)
        last_sequence = header.first_sequence - 1
        for frame in read(data):
            last_sequence = frame.sequence
    except SpoolError as error:
        return header, last_sequence, error
    return header, last_sequence, None


def verify(folder: Path, chain_key: Callable[[Header], bytes | None], heads: Iterable[Head] = ()) -> list[Fault]:
    """Check every chain of a folder from its first frame to its last.

    Args:
        folder: A spool's folder. Without recovery before, a chain may be found to end torn.
        chain_key: Gives the 32-byte key of the chain that a header, not yet proven, claims (worker, epoch, root
            version), or None where there is none such.
        heads: What is known from elsewhere to have been durable; without it, nobody can tell that last frames are gone.

    Returns:
        What is wrong: files damaged, missing or out of place, records lost after they were durable, heads not met.
        Nothing where all is well.

    Raises:
        AuditUnavailableError: A file cannot be read.
    """
    expected = {(head.worker, head.epoch): head for head in heads if head.sequence}
    faults: list[Fault] = []
    try:
        for chain, files in groupby(_files(folder), key=lambda file: file[0][:2]):
            walk = _Walk(chain_key, expected.pop(chain, None))
            for (_, _, number), path in files:
                walk.file(number, path)
            walk.end(folder)
            faults += walk.faults
    except OSError as error:
        raise AuditUnavailableError(f"the audit spool cannot be read: {error}") from error
    return faults + [_unmet(folder, head) for head in expected.values()]


class _Walk:
    """Follows one chain through its files."""

    def __init__(self, chain_key: Callable[[Header], bytes | None], head: Head | None) -> None:
        self.faults: list[Fault] = []
        self._chain_key = chain_key
        self._head = head
        self._number, self._sequence, self._mac = 0, 0, NO_MAC
        self._torn: Fault | None = None

    def file(self, number: int, path: Path) -> None:
        self._torn = None  # a file that follows a torn one says what was durable before it
        try:
            self._read(path)
        except TornTailError as error:
            self._torn = Fault(path, str(error))
        except SpoolError as error:
            self.faults.append(Fault(path, str(error)))
        self._number = number

    def end(self, folder: Path) -> None:
        if self._torn is not None:
            self.faults.append(self._torn)
        if self._head is not None:
            self.faults.append(_unmet(folder, self._head))

    def _read(self, path: Path) -> None:
        data = path.read_bytes()
        header = read_header(data)
        key = self._chain_key(header)
        if key is None or path.name != file_name(header.worker, header.epoch, header.number):
            raise BadHeaderError(0, "header of another file or chain")
        self._follow(read_header(data, key), path)
        self._mac = header.mac
        for frame in read(data, key):
            self._sequence, self._mac = frame.sequence, frame.mac
            if self._head is not None and (frame.sequence, frame.mac) == (self._head.sequence, self._head.mac):
                self._head = None

    def _follow(self, header: Header, path: Path) -> None:
        if header.durable > self._sequence:
            missing = f"{self._sequence + 1} to {header.durable}"
            self.faults.append(Fault(path, f"records {missing}, which it follows, are missing"))
        adjacent = (header.number, header.first_sequence) == (self._number + 1, self._sequence + 1)
        if adjacent and header.previous_mac != self._mac:
            self.faults.append(Fault(path, "does not follow the file before it"))


def _unmet(folder: Path, head: Head) -> Fault:
    return Fault(folder, f"record {head.sequence} of worker {head.worker}, epoch {head.epoch}, is not as checkpointed")


def newest_epoch(folder: Path) -> int:
    """The greatest epoch that a file of the folder has; 0 where there is none.

    Raises:
        AuditUnavailableError: The folder cannot be read.
    """
    try:
        return max((epoch for (_, epoch, _), _ in _files(folder)), default=0)
    except OSError as error:
        raise AuditUnavailableError(f"the audit spool cannot be read: {error}") from error


def _files(folder: Path) -> list[tuple[tuple[int, int, int], Path]]:
    """The files with worker, epoch and number as their names say, in that order."""
    named = ((_NAME.fullmatch(path.name), path) for path in folder.glob("*.spool"))
    return sorted(((int(name[1]), int(name[2]), int(name[3])), path) for name, path in named if name is not None)
