"""The spool on a disk that works."""

import asyncio
import stat
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from strongroom.audit.spool import CROWD, GATHER_SECONDS, Spool
from strongroom.ports import AuditUnavailableError
from tests.audit.conftest import CHAIN_KEY, PATIENCE, Answers, Disk
from tests.audit.reader import read_folder
from tests.audit.test_record import FULL, MINIMAL

MakeSpool = Callable[..., Spool]


def payload(number: int) -> bytes:
    """A payload that tells its number."""
    return b'[{"eventID":"%d"}]' % number


def payloads(folder: Path) -> list[bytes]:
    """All payloads of the folder, by the second reader."""
    return [link.payload for link in read_folder(folder, CHAIN_KEY)]


def hold(disk: Disk, spool: Spool, answers: Answers) -> None:
    """Append payload 0 and stop the disk in the middle of its sync."""
    disk.gate.clear()
    disk.syncing.clear()
    spool.append(payload(0), answers.of(0))
    assert disk.syncing.wait(PATIENCE)


def test_records_are_written_in_order(folder: Path, make_spool: MakeSpool, answers: Answers) -> None:
    """What is appended is on the disk in that order, under sequences without a gap, and so callers are told."""
    spool = make_spool()
    for number in range(100):
        spool.append(payload(number), answers.of(number))
    spool.close()
    assert answers.told == [(number, None) for number in range(100)]
    links = read_folder(folder, CHAIN_KEY)
    assert [link.payload for link in links] == [payload(number) for number in range(100)]
    assert [link.sequence for link in links] == list(range(1, 101))


def test_events_become_frames(folder: Path, make_spool: MakeSpool, answers: Answers) -> None:
    """The two records of a cross-account call are one frame."""
    spool = make_spool()
    both = spool.encode(FULL, MINIMAL)
    spool.append(both, answers.of("pair"))
    spool.close()
    assert payloads(folder) == [both]
    assert both == b"[" + spool.encode(FULL)[1:-1] + b"," + spool.encode(MINIMAL)[1:-1] + b"]"


def test_nobody_is_told_before_the_sync(disk: Disk, make_spool: MakeSpool) -> None:
    """A caller hears "durable" only after its bytes were written, and a sync begun after that write has returned."""
    spool = make_spool()
    history = disk.calls

    def done_of(number: int) -> Callable[[AuditUnavailableError | None], None]:
        return lambda error: history.append(("done" if error is None else "failed", str(number), b""))

    for number in range(300):
        spool.append(payload(number), done_of(number))
    spool.close()
    for number in range(300):
        told = history.index(("done", str(number), b""))
        written = next(at for at, (kind, _, data) in enumerate(history) if kind == "write" and payload(number) in data)
        assert any(kind == "fdatasync" for kind, _, _ in history[written:told]), number


def test_new_file_is_listed_before_its_first_answer(disk: Disk, folder: Path, make_spool: MakeSpool) -> None:
    """Every new file is synced, and the folder that lists it as well, before a record in it is acknowledged."""
    spool = make_spool(max_file_bytes=1)
    for number in range(3):
        told = threading.Event()
        spool.append(payload(number), lambda _error, told=told: told.set())  # type: ignore[misc]
        assert told.wait(PATIENCE)
    names = [f"00001-0000000001-{number:06d}.spool" for number in (1, 2, 3)]
    expected: list[tuple[str, str]] = []
    for file in names:
        expected += [("open", file), ("write", file), ("fdatasync", file), ("fsync", folder.name)]
        expected += [("write", file), ("fdatasync", file)]
    assert [(kind, file) for kind, file, _ in disk.calls] == expected


def test_what_gathers_during_a_sync_is_one_group(disk: Disk, make_spool: MakeSpool, answers: Answers) -> None:
    """While a sync is under way records gather; they share the next write and the next sync."""
    spool = make_spool()
    before = len(disk.calls)
    hold(disk, spool, answers)
    for number in range(1, 51):
        spool.append(payload(number), answers.of(number))
    assert answers.told == []
    disk.gate.set()
    answers.wait(51)
    assert [kind for kind, _, _ in disk.calls[before:]] == ["write", "fdatasync", "write", "fdatasync"]
    assert answers.good == list(range(51))


def test_answers_come_on_the_loop(
    disk: Disk, make_spool: MakeSpool, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a loop, callers are told on its thread, a whole group with one wake-up of the loop."""
    wake_ups: list[str] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        wake = loop.call_soon_threadsafe

        def noted(*args: Any, **more: Any) -> asyncio.Handle:
            wake_ups.append(threading.current_thread().name)
            return wake(*args, **more)

        monkeypatch.setattr(loop, "call_soon_threadsafe", noted)
        spool = make_spool(loop=loop)
        disk.gate.clear()
        disk.syncing.clear()
        spool.append(payload(0), answers.of(0))
        assert await asyncio.to_thread(disk.syncing.wait, PATIENCE)
        for number in range(1, 51):
            spool.append(payload(number), answers.of(number))
        disk.gate.set()
        await asyncio.to_thread(answers.wait, 51)

    asyncio.run(run())
    assert answers.good == list(range(51))
    assert answers.threads == {threading.current_thread().name}
    assert wake_ups.count("audit-spool") == 2


def test_a_turn_of_the_loop_is_one_group(disk: Disk, make_spool: MakeSpool, answers: Answers) -> None:
    """What one turn of the loop appends is written with one write and synced once."""

    async def run() -> None:
        spool = make_spool(loop=asyncio.get_running_loop())
        disk.calls.clear()
        for number in range(20):
            spool.append(payload(number), answers.of(number))
        await asyncio.to_thread(answers.wait, 20)

    asyncio.run(run())
    assert [kind for kind, _, _ in disk.calls] == ["write", "fdatasync"]


def test_refusal_comes_on_the_loop(make_spool: MakeSpool, answers: Answers) -> None:
    """A refusal at once is told like any answer, never from inside ``append``."""

    async def run() -> None:
        spool = make_spool(loop=asyncio.get_running_loop())
        spool.append(bytes((1 << 20) + 1), answers.of("over"))
        assert answers.told == []
        await asyncio.sleep(0)
        assert answers.bad == ["over"]

    asyncio.run(run())


def test_many_threads_append(folder: Path, make_spool: MakeSpool, answers: Answers) -> None:
    """Eight threads append at once: all is durable, each thread's records in its order, sequences without a gap."""
    spool = make_spool()
    start = threading.Barrier(8)

    def work(thread: int) -> None:
        start.wait()
        for number in range(2000):
            spool.append(payload(thread * 10_000 + number), answers.of((thread, number)))

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spool.close()
    links = read_folder(folder, CHAIN_KEY)
    assert [link.sequence for link in links] == list(range(1, 16_001))
    assert [link.payload for link in links] == [payload(of * 10_000 + number) for of, number in answers.good]
    for one in range(8):
        assert [number for thread, number in answers.good if thread == one] == list(range(2000))


def test_only_the_owner_can_read(folder: Path, make_spool: MakeSpool, answers: Answers) -> None:
    """Files are 0600 while written and 0400 after, in a folder of 0700, whatever it was before."""
    folder.mkdir(mode=0o755)
    spool = make_spool(max_file_bytes=1)
    for number in range(2):
        spool.append(payload(number), answers.of(number))
        answers.wait(number + 1)

    def modes() -> Counter[int]:
        return Counter(stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.iterdir()])

    assert set(modes()) <= {0o700, 0o600, 0o400}
    spool.close()
    assert modes() == {0o700: 1, 0o400: 2}


def test_open_file_is_private(folder: Path, make_spool: MakeSpool, answers: Answers) -> None:
    """A file that is being written has mode 0600."""
    spool = make_spool()
    spool.append(payload(0), answers.of(0))
    answers.wait(1)
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600]


def test_files_are_followed_by_new_ones(folder: Path, make_spool: MakeSpool, answers: Answers) -> None:
    """A file that has reached its size is followed by the next, in one chain; none is larger by more than a group."""
    spool = make_spool(max_file_bytes=1000)
    for number in range(100):
        spool.append(payload(number), answers.of(number))
        answers.wait(number + 1)
    spool.close()
    assert payloads(folder) == [payload(number) for number in range(100)]
    sizes = [path.stat().st_size for path in sorted(folder.iterdir())]
    assert len(sizes) > 5
    assert all(1000 <= size < 1200 for size in sizes[:-1])


def test_head_is_the_last_durable_frame(disk: Disk, folder: Path, make_spool: MakeSpool, answers: Answers) -> None:
    """The head to be checkpointed names nothing that is not on the disk yet."""
    spool = make_spool(worker=3, epoch=9)
    assert spool.head() == type(spool.head())(3, 9, 0, bytes(32))
    hold(disk, spool, answers)
    assert spool.head().sequence == 0
    disk.gate.set()
    answers.wait(1)
    (link,) = read_folder(folder, CHAIN_KEY)
    assert spool.head() == type(spool.head())(3, 9, 1, link.mac)


def test_close_writes_what_waits(folder: Path, make_spool: MakeSpool, answers: Answers) -> None:
    """Closing loses nothing that was appended; what comes after is refused, and closing again does nothing."""
    spool = make_spool()
    for number in range(1000):
        spool.append(payload(number), answers.of(number))
    spool.close()
    spool.close()
    assert len(answers.good) == 1000
    spool.append(payload(1000), answers.of("late"))
    assert answers.bad == ["late"]
    with pytest.raises(AuditUnavailableError, match="closed"):
        spool.require_writable()
    assert len(payloads(folder)) == 1000


def test_idle_spool_leaves_no_file(folder: Path, make_spool: MakeSpool) -> None:
    """A service that was started and stopped without a call leaves nothing behind."""
    spool = make_spool()
    assert len(list(folder.iterdir())) == 1
    spool.close()
    assert list(folder.iterdir()) == []


def test_queue_is_bounded(disk: Disk, folder: Path, make_spool: MakeSpool, answers: Answers) -> None:
    """When too much waits for the disk, more is refused at once; when the disk has caught up, all is well."""
    spool = make_spool(max_waiting_bytes=3 * len(payload(0)))
    hold(disk, spool, answers)
    for number in range(1, 5):
        spool.append(payload(number), answers.of(number))
    assert (answers.good, answers.bad) == ([], [3, 4])
    disk.gate.set()
    answers.wait(5)
    spool.append(payload(5), answers.of(5))
    spool.close()
    assert answers.good == [0, 1, 2, 5]
    assert payloads(folder) == [payload(number) for number in (0, 1, 2, 5)]


def test_payload_is_bounded(folder: Path, make_spool: MakeSpool, answers: Answers) -> None:
    """A payload of 1 MiB is written, a larger one refused."""
    spool = make_spool()
    spool.append(b"x" * (1 << 20), answers.of("fits"))
    spool.append(b"x" * ((1 << 20) + 1), answers.of("over"))
    spool.close()
    assert (answers.good, answers.bad) == (["fits"], ["over"])
    assert payloads(folder) == [b"x" * (1 << 20)]


def test_failing_caller_harms_nobody(
    disk: Disk, make_spool: MakeSpool, answers: Answers, caplog: pytest.LogCaptureFixture
) -> None:
    """A caller that raises on its answer takes no answer from the others of its group."""
    spool = make_spool()
    hold(disk, spool, answers)

    def broken(_error: AuditUnavailableError | None) -> None:
        raise LookupError("a caller's own fault")

    spool.append(payload(1), broken)
    spool.append(payload(2), answers.of(2))
    disk.gate.set()
    spool.close()
    assert answers.good == [0, 2]
    assert "a caller's own fault" in caplog.text


def test_closed_loop_stops_nothing(folder: Path, make_spool: MakeSpool) -> None:
    """Records appended when the loop is gone are still written, and the spool can be closed."""
    loop = asyncio.new_event_loop()
    loop.close()
    spool = make_spool(loop=loop)
    spool.append(payload(0), lambda _error: None)
    spool.append(payload(1), lambda _error: None)
    spool.close()
    assert payloads(folder) == [payload(0), payload(1)]


def test_epoch_is_used_once(folder: Path, make_spool: MakeSpool, answers: Answers) -> None:
    """A second spool of the same worker and epoch is refused, and the first one's file stays as it is."""
    spool = make_spool()
    spool.append(payload(0), answers.of(0))
    spool.close()
    with pytest.raises(AuditUnavailableError, match="File exists"):
        make_spool()
    assert payloads(folder) == [payload(0)]


def test_spool_that_cannot_begin_is_refused(folder: Path, make_spool: MakeSpool) -> None:
    """Without a folder to write in there is no spool, so that the service does not start."""
    folder.write_text("not a folder")
    with pytest.raises(AuditUnavailableError, match="cannot be written"):
        make_spool()


def test_file_descriptors_are_given_back(make_spool: MakeSpool, answers: Answers) -> None:
    """Many files later, no more descriptors are open than before."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    spool = make_spool(max_file_bytes=1)
    for number in range(50):
        spool.append(payload(number), answers.of(number))
        answers.wait(number + 1)
    spool.close()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def gathered(monkeypatch: pytest.MonkeyPatch, make_spool: MakeSpool, answers: Answers, disk: Disk, crowd: int) -> int:
    """How often the spool pauses after a group of so many; what is appended in a pause must share the next sync."""
    pauses: list[float] = []
    spool = make_spool()
    hold(disk, spool, answers)

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        spool.append(payload(901), answers.of(901))

    monkeypatch.setattr("strongroom.audit.spool.time.sleep", pause)
    for number in range(1, crowd + 1):
        spool.append(payload(number), answers.of(number))
    disk.gate.set()
    answers.wait(crowd + 1)
    spool.append(payload(900), answers.of(900))
    answers.wait(crowd + 2)
    spool.close()
    assert pauses in ([], [GATHER_SECONDS])
    if pauses:
        (written,) = (data for call, _, data in disk.calls if call == "write" and payload(900) in data)
        assert payload(901) in written
    return len(pauses)


def test_a_crowd_gathers(monkeypatch: pytest.MonkeyPatch, make_spool: MakeSpool, answers: Answers, disk: Disk) -> None:
    """After a large group, what comes within a moment shares the next sync."""
    assert gathered(monkeypatch, make_spool, answers, disk, CROWD) == 1


def test_who_is_not_in_a_crowd_never_waits(
    monkeypatch: pytest.MonkeyPatch, make_spool: MakeSpool, answers: Answers, disk: Disk
) -> None:
    """After a smaller group there is no pause."""
    assert gathered(monkeypatch, make_spool, answers, disk, CROWD - 1) == 0
