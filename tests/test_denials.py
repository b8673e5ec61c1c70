"""Denials: kept for a while, within bounds, for nobody's trouble."""

import errno
import json
import os
import stat
from pathlib import Path

import pytest

from strongroom import denials
from strongroom.denials import MOST_BYTES, SEGMENT_BYTES, DenialLog, find

NOW = 1_780_000_000.25
HOUR = 3600.0


def segments(folder: Path) -> list[str]:
    """The names of the segments."""
    return sorted(path.name for path in folder.iterdir())


def kept(folder: Path, request_id: str) -> list[object]:
    """What was kept of a request."""
    return [json.loads(each) for each in find(folder, request_id)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that is not there yet."""
    return tmp_path / "denials"


def test_what_is_kept_is_found(folder: Path) -> None:
    """All of a request's denials, in the order of their times, whichever worker kept them; and no other's."""
    first, second = DenialLog(folder, 1, HOUR), DenialLog(folder, 2, HOUR)
    first.keep("a", NOW + 2, b'{"n":2}')
    second.keep("a", NOW + 1, b'{"n":1}')
    first.keep("b", NOW + 3, b'{"n":"a"}')
    second.keep("a", NOW + 4, b'{"n":4}')
    assert kept(folder, "a") == [{"n": 1}, {"n": 2}, {"n": 4}]
    assert kept(folder, "b") == [{"n": "a"}]
    assert kept(folder, "c") == kept(folder, "") == []


def test_nothing_was_denied(folder: Path) -> None:
    """There is no folder before there is something to keep."""
    DenialLog(folder, 1, HOUR).close()
    assert not folder.exists()
    assert find(folder, "a") == []


def test_it_is_for_the_service_alone(folder: Path) -> None:
    """Folder and files are closed to others; a name says worker and begin."""
    DenialLog(folder, 3, HOUR).keep("a", NOW, b"{}")
    assert segments(folder) == ["worker-3-1780000000250.jsonl"]
    (path,) = folder.iterdir()
    assert [stat.S_IMODE(each.stat().st_mode) for each in (folder, path)] == [0o700, 0o600]


def test_a_segment_ends_after_a_quarter_of_the_time(folder: Path) -> None:
    """Not before; and what is over is removed when another begins, the rest stays."""
    log = DenialLog(folder, 1, HOUR)
    for minutes in (0, 15, 16, 40, 60, 90):
        log.keep(str(minutes), NOW + minutes * 60, b"{}")
    found = [minutes for minutes in (0, 15, 16, 40, 60, 90) if kept(folder, str(minutes))]
    assert found == [16, 40, 60, 90]
    assert len(segments(folder)) == 4


def test_a_denial_stays_for_its_time(folder: Path) -> None:
    """Whenever it falls in its segment, and whoever begins new ones meanwhile."""
    log = DenialLog(folder, 1, HOUR)
    for minute in range(300):
        log.keep(str(minute), NOW + minute * 60, b"{}")
        assert kept(folder, str(max(0, minute - 60)))
    assert not kept(folder, "100")
    assert len(segments(folder)) < 8


def test_a_segment_ends_when_it_is_full(folder: Path) -> None:
    """No file is larger than its bound."""
    log, large = DenialLog(folder, 1, HOUR), json.dumps("x" * (SEGMENT_BYTES // 3)).encode()
    for second in range(4):
        log.keep(str(second), NOW + second, large)
    assert [len(kept(folder, str(second))) for second in range(4)] == [1, 1, 1, 1]
    sizes = [path.stat().st_size for path in folder.iterdir()]
    assert len(sizes) == 2
    assert max(sizes) <= SEGMENT_BYTES


def test_all_segments_together_have_a_bound(folder: Path) -> None:
    """The oldest go, of whatever worker, so that there is room for one more; those in the bound stay."""
    folder.mkdir()
    for place in range(20):
        with (folder / f"worker-{place}-{int(NOW * 1000) - place}.jsonl").open("wb") as segment:
            segment.truncate(SEGMENT_BYTES)
    DenialLog(folder, 30, HOUR).keep("a", NOW + 1, b"{}")
    names = segments(folder)
    assert len(names) == MOST_BYTES // SEGMENT_BYTES
    assert {f"worker-{place}-{int(NOW * 1000) - place}.jsonl" for place in range(15)} < set(names)


def test_other_files_are_left_alone(folder: Path) -> None:
    """Neither read nor removed, whatever their names are like."""
    folder.mkdir()
    strange = ["worker-1-x.jsonl", "worker--1.jsonl", "worker-1-1.jsonl.old", "notes"]
    for name in strange:
        (folder / name).write_text('\n{"request_id":"a","time":1,"explanation":{}}')
    DenialLog(folder, 1, HOUR).keep("b", NOW, b"{}")
    assert set(strange) < set(segments(folder))
    assert kept(folder, "a") == []


def test_a_torn_line_spoils_no_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a full disk cut off is passed over; what is kept after it is found."""
    log, write = DenialLog(folder, 1, HOUR), os.write
    log.keep("a", NOW, b'{"n":1}')
    monkeypatch.setattr("strongroom.denials.os.write", lambda fd, line: write(fd, line[:-9]))
    log.keep("a", NOW, b'{"n":2}')
    monkeypatch.undo()
    log.keep("a", NOW, b'{"n":3}')
    assert kept(folder, "a") == [{"n": 1}, {"n": 3}]


def test_a_disk_that_fails_fails_nobody(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told once, and once again if it fails again after it worked."""
    log = DenialLog(folder, 1, HOUR)

    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr("strongroom.denials.os.write", fail)
            log.keep("a", NOW, b"{}")
            log.keep("a", NOW, b"{}")
        log.keep("b", NOW, b"{}")
    assert [record.getMessage() for record in caplog.records] == ["denials cannot be kept: No space left on device"] * 2
    assert len(kept(folder, "b")) == 2


def test_a_folder_that_cannot_be_made_fails_nobody(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nor one that is no folder."""
    folder.write_text("")
    DenialLog(folder, 1, HOUR).keep("a", NOW, b"{}")
    assert "denials cannot be kept" in caplog.text


def test_a_segment_that_goes_meanwhile_is_no_trouble(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers remove each other's segments; who was about to look at one goes on."""
    DenialLog(folder, 1, HOUR).keep("a", NOW, b"{}")
    (path,) = folder.iterdir()
    ghost = folder / "worker-2-1.jsonl"
    monkeypatch.setattr(Path, "glob", lambda *_: [ghost, path])
    assert len(kept(folder, "a")) == 1
    monkeypatch.setattr(denials, "_segments", lambda _: [(1.0, ghost, 1), (2.0, path, 1)])
    assert len(kept(folder, "a")) == 1
    DenialLog(folder, 3, HOUR).keep("a", NOW + 1, b"{}")


def test_a_worker_that_starts_again_goes_on(folder: Path) -> None:
    """What it kept before stays, even in the same moment."""
    for number in range(2):
        log = DenialLog(folder, 1, HOUR)
        log.keep("a", NOW, json.dumps(number).encode())
        log.close()
        log.close()
    assert kept(folder, "a") == [0, 1]
