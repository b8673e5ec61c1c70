"""System calls of a service as strace wrote them down, and whether each answer waited for its record."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

CALLS = ("write", "writev", "pwrite64", "pwritev", "sendto", "sendmsg", "fsync", "fdatasync")
STRACE_OPTIONS = ("-f", "--seccomp-bpf", "-yy", "-xx", "-s", "4194304", "-e", f"trace={','.join(CALLS)}")
SYNCS = {"fsync", "fdatasync"}

_LINE = re.compile(r"(\d+) +(.*)")
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>(.*)")
_UNFINISHED = " <unfinished ...>"
_CALL = re.compile(r"(\w+)\(\d+<(.*?)>[,)](.*)")
_RESULT = re.compile(r".*\) += (-?\d+)")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_ANSWER = re.compile(rb"HTTP/1\.1 [24]00 .*?\r\nx-amzn-RequestId: ([0-9a-f-]{36})\r\n", re.DOTALL)
_REQUEST = re.compile(rb'"requestID":"([0-9a-f-]{36})"')

_FRAME_HEAD = 24  # bytes before each page of a write-ahead log; 4 to 7 are 0 unless it ends a transaction


class Call(NamedTuple):
    """One system call on an open file.

    Attributes:
        begun: Where its beginning stands in the order of all events.
        ended: Where its end stands.
        file: The path, or the two ends of a socket.
        data: What is written.
    """

    begun: int
    ended: int
    name: str
    file: str
    data: bytes
    result: int


def read_trace(path: Path) -> list[Call]:
    """The calls of a trace that have ended, in the order of their beginnings.

    strace sees one event at a time, so the order of the lines is the order of the events. Where something of another
    thread comes between the beginning and the end of a call, the two stand on lines of their own.
    """
    calls: list[Call] = []
    open_calls: dict[str, tuple[int, str]] = {}
    with path.open() as lines:
        for number, line in enumerate(lines):
            found = _LINE.match(line)
            assert found, line
            thread, text = found.groups()
            resumed = _RESUMED.match(text)
            if text.endswith(_UNFINISHED):
                open_calls[thread] = (number, text.removesuffix(_UNFINISHED))
            elif resumed:
                begun, beginning = open_calls.pop(thread)
                calls += _call(begun, number, beginning + resumed[1])
            else:
                calls += _call(number, number, text)
    return sorted(calls)


def _call(begun: int, ended: int, text: str) -> Iterator[Call]:
    """The call of a whole line; none where the line tells of a signal, an end, or a call that failed on no file."""
    call, result = _CALL.match(text), _RESULT.match(text)
    if call and result:
        strings = _STRING.findall(call[3])
        yield Call(begun, ended, call[1], _plain(call[2]), b"".join(map(_bytes, strings)), int(result[1]))


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _plain(file: str) -> str:
    return _bytes(file).decode() if file.startswith("\\x") else file


class Sync(NamedTuple):
    """What has to come before an answer: after ``after``, a file's sync."""

    after: int
    file: str


class Traced:
    """A trace, by what matters in it.

    Attributes:
        answers: By request id, where each answer began to leave.
        spooled: By request id, which records stand in a spool file, and the syncs they need.
        stored: The same of the records that stand in the database's write-ahead log.
    """

    def __init__(self, calls: Sequence[Call]) -> None:
        self.answers: dict[str, int] = {}
        self._syncs: dict[str, list[Call]] = defaultdict(list)
        for call in calls:
            if call.file.startswith("TCP") and (answer := _ANSWER.match(call.data)):
                self.answers[answer[1].decode()] = call.begun
            elif call.name in SYNCS and call.result == 0:
                self._syncs[call.file].append(call)
        self.spooled = dict(self._spooled([call for call in calls if call.file.endswith(".spool") and call.data]))
        self.stored = dict(self._stored([call for call in calls if call.file.endswith("-wal") and call.data]))

    def too_early(self, records: dict[str, list[Sync]]) -> list[str]:
        """The answered requests among those of ``records`` whose answers left before their syncs."""
        return [
            request
            for request, syncs in records.items()
            if request in self.answers and not all(self._synced(sync, self.answers[request]) for sync in syncs)
        ]

    def _synced(self, sync: Sync, before: int) -> bool:
        return any(call.begun > sync.after and call.ended < before for call in self._syncs[sync.file])

    def _spooled(self, writes: Iterable[Call]) -> Iterator[tuple[str, list[Sync]]]:
        """A record in a spool file needs the file's sync after it, and the folder's after the file's first write."""
        listed: dict[str, Sync] = {}
        for write in writes:
            folder = listed.setdefault(write.file, Sync(write.ended, str(Path(write.file).parent)))
            for request in self._named(write.data):
                yield request, [Sync(write.ended, write.file), folder]

    def _stored(self, writes: Sequence[Call]) -> Iterator[tuple[str, list[Sync]]]:
        """A record in the log needs the log's sync after the page that ends its transaction; the first copy counts."""
        waiting: dict[str, None] = {}
        seen: set[str] = set()
        for head, page in pairwise(writes):
            if len(head.data) == _FRAME_HEAD:
                waiting |= dict.fromkeys(self._named(page.data) - seen)
                seen |= waiting.keys()
                if head.data[4:8] != bytes(4):
                    yield from ((request, [Sync(page.ended, page.file)]) for request in waiting)
                    waiting = {}

    def _named(self, data: bytes) -> set[str]:
        return {text.decode() for text in _REQUEST.findall(data)} & self.answers.keys()
