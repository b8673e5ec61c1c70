"""Explanations of denials, kept for a while in files of JSON lines: best effort, bounded in time and room.

They lie in one folder, in segments ``worker-N-START.jsonl``. A segment is closed when it is full, or after a
quarter of the time for which explanations are kept; when one is begun, those whose time is over are removed, and then
the oldest until there is room. Nothing waits for the disk, and a disk that fails fails no request.
"""

import contextlib
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

SEGMENT_BYTES = 4 << 20
MOST_BYTES = 64 << 20
"""What all segments together may take when another is begun; those that are being written add one each."""

_PARTS = 4  # segments in the time that explanations are kept
_SEGMENT = re.compile(r"worker-[0-9]+-([0-9]+)\.jsonl")

_log = logging.getLogger("strongroom.denials")


class Denied(msgspec.Struct, frozen=True):
    """One line of a segment."""

    request_id: str
    time: float
    explanation: msgspec.Raw


class DenialLog:
    """The denials of one worker.

    Args:
        folder: Where they lie; it is made when there is something to keep.
        worker: The worker's number.
        seconds: How long explanations are kept.
    """

    def __init__(self, folder: Path, worker: int, seconds: float) -> None:
        self._folder = folder
        self._worker = worker
        self._seconds = seconds
        self._segment: int | None = None
        self._started = 0.0
        self._size = 0
        self._failed = False

    def keep(self, request_id: str, time: float, explanation: bytes) -> None:
        """Keep an explanation, if it can be done."""
        # A line begins with its end, so that one torn by a full disk does not spoil the next.
        line = b"\n" + msgspec.json.encode(Denied(request_id, time, msgspec.Raw(explanation)))
        try:
            self._write(line, time)
        except OSError as error:
            if not self._failed:
                _log.warning("denials cannot be kept: %s", error.strerror)
            self._failed = True
        else:
            self._failed = False

    def close(self) -> None:
        """Close the segment."""
        if self._segment is not None:
            os.close(self._segment)
            self._segment = None

    def _write(self, line: bytes, time: float) -> None:
        full = self._size + len(line) > SEGMENT_BYTES
        if self._segment is None or full or time - self._started > self._seconds / _PARTS:
            self.close()
            self._segment = self._begin(time)
        self._size += os.write(self._segment, line)

    def _begin(self, time: float) -> int:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._make_room(time)
        path = self._folder / f"worker-{self._worker}-{int(time * 1000)}.jsonl"
        segment = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._started, self._size = time, os.fstat(segment).st_size
        return segment

    def _make_room(self, time: float) -> None:
        """Remove segments whose time is over, and then the oldest, until there is room for one more."""
        oldest = time - self._seconds * (1 + 1 / _PARTS)
        segments = _segments(self._folder)
        taken = sum(size for _, _, size in segments)
        for started, path, size in segments:
            if started >= oldest and taken <= MOST_BYTES - SEGMENT_BYTES:
                return
            path.unlink(missing_ok=True)
            taken -= size


def find(folder: Path, request_id: str) -> list[bytes]:
    """The explanations of a request's denials that are still there, as they were given, in the order of their times.

    Raises:
        OSError: They cannot be read.
    """
    wanted = request_id.encode()
    found: list[Denied] = []
    for _, path, _ in _segments(folder):
        with contextlib.suppress(FileNotFoundError):  # a worker may just have removed it
            found += [each for each in _lines(path, wanted) if each.request_id == request_id]
    return [bytes(each.explanation) for each in sorted(found, key=lambda each: each.time)]


def _segments(folder: Path) -> list[tuple[float, Path, int]]:
    """Begin, path and size of each segment, the oldest first."""
    found = []
    for path in folder.glob("worker-*.jsonl"):
        name = _SEGMENT.fullmatch(path.name)
        with contextlib.suppress(FileNotFoundError):
            if name:
                found.append((int(name[1]) / 1000, path, path.stat().st_size))
    return sorted(found)


def _lines(path: Path, wanted: bytes) -> Iterator[Denied]:
    """The whole lines of a segment with some bytes in them; one that was torn is passed over."""
    with path.open("rb") as segment:
        for line in segment:
            if wanted in line:
                with contextlib.suppress(msgspec.MsgspecError):
                    yield msgspec.json.decode(line, type=Denied)
