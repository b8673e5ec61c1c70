"""Recovery of torn files, and the check of whole chains."""

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.audit.frames import Chain, Head
from strongroom.audit.recovery import Recovered, recover, verify
from strongroom.audit.spool import Spool, file_name
from strongroom.ports import AuditUnavailableError
from tests.audit.conftest import CHAIN_KEY, Answers
from tests.audit.reader import read_folder, read_strictly

MakeSpool = Callable[..., Spool]
NAME = file_name(1, 1, 1)


def write_file(folder: Path, chain: Chain, batches: list[list[bytes]]) -> list[int]:
    """Write a chain's next file, unfinished as after a crash; where each batch ends, the header's end first."""
    folder.mkdir(exist_ok=True)
    data, ends = chain.header(chain.sequence), []
    for batch in batches:
        ends.append(len(data))
        durable = chain.sequence
        data += b"".join([chain.frame(payload, durable) for payload in batch])
    (folder / file_name(1, 1, chain.number)).write_bytes(data)
    return [*ends, len(data)]


def new_chain() -> Chain:
    """The chain of worker 1 in epoch 1."""
    return Chain(1, 1, 1, CHAIN_KEY)


def mode(path: Path) -> int:
    """A file's permissions."""
    return stat.S_IMODE(path.stat().st_mode)


BATCHES = st.lists(st.lists(st.binary(max_size=60), min_size=1, max_size=4), min_size=1, max_size=3)


@given(BATCHES, st.data())
def test_crash_loses_nothing_acknowledged(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[bytes]], data: st.DataObject
) -> None:
    """Wherever the last write is torn, recovery keeps all before it, and of it the whole frames; the rest is cut."""
    folder = tmp_path_factory.mktemp("spool")
    ends = write_file(folder, new_chain(), batches)
    length = data.draw(st.integers(ends[-2], ends[-1]))
    os.truncate(folder / NAME, length)
    (report,) = recover(folder)
    links = read_folder(folder, CHAIN_KEY)
    acknowledged = [payload for batch in batches[:-1] for payload in batch]
    written = acknowledged + batches[-1]
    held = [link.payload for link in links]
    assert held[: len(acknowledged)] == acknowledged
    assert held == written[: len(held)]
    assert report.fault is None
    assert report.last_sequence == len(held)
    assert report.cut_bytes == length - (folder / NAME).stat().st_size
    assert length - report.cut_bytes + 60 + (len(written[len(held)]) if len(held) < len(written) else 0) > length
    assert verify(folder, lambda _: CHAIN_KEY) == []


def test_every_torn_byte_is_cut(tmp_path: Path) -> None:
    """The same for every single byte of a last write, and once recovered a file is finished and left alone."""
    for cut in range(1, 400):
        folder = tmp_path / str(cut)
        ends = write_file(folder, new_chain(), [[b"a", b"b"], [b"c" * 50, b"d" * 50, b"e" * 100]])
        length = ends[-1] - cut
        if length < ends[-2]:
            return
        os.truncate(folder / NAME, length)
        (report,) = recover(folder)
        assert (report.fault, report.path) == (None, folder / NAME)
        links = read_strictly((folder / NAME).read_bytes(), CHAIN_KEY)
        assert [link.payload for link in links][:2] == [b"a", b"b"]
        assert mode(folder / NAME) == 0o400
        assert recover(folder) == []
    pytest.fail("the last write was longer than thought")


def test_report_of_a_torn_tail(tmp_path: Path) -> None:
    """The report says whose file it was, what is left and how much was cut."""
    write_file(tmp_path, new_chain(), [[b"a"], [b"b"]])
    os.truncate(tmp_path / NAME, (tmp_path / NAME).stat().st_size - 1)
    (report,) = recover(tmp_path)
    assert report.header is not None
    assert (report.header.worker, report.header.epoch, report.header.number) == (1, 1, 1)
    assert (report.last_sequence, report.cut_bytes) == (1, 60)


def test_file_torn_in_its_header_is_removed(tmp_path: Path) -> None:
    """A file whose header is not whole was never acknowledged in any part, and leaves the disk."""
    for length in range(114):
        write_file(tmp_path, new_chain(), [])
        os.truncate(tmp_path / NAME, length)
        assert recover(tmp_path) == [Recovered(tmp_path / NAME, None, 0, length, None)]
        assert list(tmp_path.iterdir()) == []


def test_damage_is_reported_and_never_cut(tmp_path: Path) -> None:
    """A byte changed in what was durable, header or frame, leaves the file exactly as it is, at every start again."""
    ends = write_file(tmp_path, new_chain(), [[b"a", b"b"], [b"c"]])
    whole = (tmp_path / NAME).read_bytes()
    for at in range(ends[1]):
        damaged = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        (tmp_path / NAME).write_bytes(damaged)
        for _ in range(2):
            (report,) = recover(tmp_path)
            assert report.fault is not None
            assert report.fault.startswith("damaged")
            assert (tmp_path / NAME).read_bytes() == damaged


def test_living_writer_is_passed_over(folder: Path, make_spool: MakeSpool, answers: Answers) -> None:
    """Recovery at the start of one worker does not touch what another is writing."""
    spool = make_spool()
    spool.append(b"[1]", answers.of(1))
    answers.wait(1)
    assert recover(folder) == []
    (path,) = folder.iterdir()
    assert mode(path) == 0o600
    spool.append(b"[2]", answers.of(2))
    spool.close()
    assert [link.payload for link in read_folder(folder, CHAIN_KEY)] == [b"[1]", b"[2]"]
    assert recover(folder) == []


def test_recovery_says_when_it_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be cut is no reason to go on as if it were."""
    write_file(tmp_path, new_chain(), [[b"a"]])

    def refuse(_fd: int) -> None:
        raise OSError(5, "I/O error")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(AuditUnavailableError, match="cannot be recovered"):
        recover(tmp_path)


def test_nothing_to_recover(tmp_path: Path) -> None:
    """A folder that is missing or holds other things needs no recovery."""
    assert recover(tmp_path / "none") == []
    (tmp_path / "note.spool").write_text("x")
    assert recover(tmp_path) == []
    assert (tmp_path / "note.spool").read_text() == "x"


# --- whole chains ---


@pytest.fixture
def three_files(tmp_path: Path) -> tuple[Path, Head]:
    """A folder of three whole files, two records each, and the head of their chain."""
    folder, chain = tmp_path / "spool", new_chain()
    for number in range(3):
        write_file(folder, chain, [[b"[%d]" % number], [b"[%d]" % (10 + number)]])
    return folder, Head(1, 1, chain.sequence, chain.mac)


def faults(folder: Path, *heads: Head) -> list[str]:
    """What ``verify`` finds, in words."""
    return [f"{fault.path.name}: {fault.fault}" for fault in verify(folder, lambda _: CHAIN_KEY, heads)]


def older_copy(folder: Path) -> None:
    """Put the second file back as it was before its last record."""
    path = folder / file_name(1, 1, 2)
    os.truncate(path, path.stat().st_size - 64)


def last_frame_off(folder: Path) -> None:
    """Take the last record of the last file away."""
    path = folder / file_name(1, 1, 3)
    os.truncate(path, path.stat().st_size - 64)


def renamed(folder: Path) -> None:
    """Put the second file in the third one's place."""
    (folder / file_name(1, 1, 2)).replace(folder / file_name(1, 1, 3))


def other_epoch(folder: Path) -> None:
    """Put a file of the same number, written under another epoch's key, in the second one's place."""
    chain = Chain(1, 1, 1, bytes(32))
    for _ in range(2):
        write_file(folder.parent / "other", chain, [[b"[1]"], [b"[11]"]])
    shutil.copy(folder.parent / "other" / file_name(1, 1, 2), folder)


def other_history(folder: Path) -> None:
    """Put another second file, written under the same keys, in its place: as after a machine was rolled back."""
    chain = new_chain()
    for _ in range(2):
        write_file(folder.parent / "other", chain, [[b"[5]"], [b"[15]"]])
    shutil.copy(folder.parent / "other" / file_name(1, 1, 2), folder)


def flipped_in_the_middle(folder: Path) -> None:
    """Change one byte of a payload."""
    path = folder / file_name(1, 1, 2)
    path.write_bytes(path.read_bytes().replace(b"[1]", b"[7]"))


# name: (what is done, the faults with the head at hand, whether they are found without it)
TAMPERED: dict[str, tuple[Callable[[Path], object], list[str], bool]] = {
    "first file removed": (
        lambda folder: (folder / file_name(1, 1, 1)).unlink(),
        ["000002.spool: records 1 to 2, which it follows, are missing"],
        True,
    ),
    "middle file removed": (
        lambda folder: (folder / file_name(1, 1, 2)).unlink(),
        ["000003.spool: records 3 to 4, which it follows, are missing"],
        True,
    ),
    "older copy": (older_copy, ["000003.spool: records 4 to 4, which it follows, are missing"], True),
    "renamed": (
        renamed,
        [
            "000003.spool: header of another file or chain at byte 0",
            "spool: record 6 of worker 1, epoch 1, is not as checkpointed",
        ],
        True,
    ),
    "file of another epoch": (
        other_epoch,
        ["000002.spool: wrong MAC at byte 0", "000003.spool: records 3 to 4, which it follows, are missing"],
        True,
    ),
    "file of another history": (
        other_history,
        ["000002.spool: does not follow the file before it", "000003.spool: does not follow the file before it"],
        True,
    ),
    "byte changed": (
        flipped_in_the_middle,
        [
            "000002.spool: damaged frame at byte 114",
            "000003.spool: records 3 to 4, which it follows, are missing",
        ],
        True,
    ),
    "last record off": (
        last_frame_off,
        ["spool: record 6 of worker 1, epoch 1, is not as checkpointed"],
        False,
    ),
    "last file removed": (
        lambda folder: (folder / file_name(1, 1, 3)).unlink(),
        ["spool: record 6 of worker 1, epoch 1, is not as checkpointed"],
        False,
    ),
    "all removed": (shutil.rmtree, ["spool: record 6 of worker 1, epoch 1, is not as checkpointed"], False),
}


@pytest.mark.parametrize("case", TAMPERED.values(), ids=TAMPERED)
def test_tampering_with_files_is_found(
    three_files: tuple[Path, Head], case: tuple[Callable[[Path], object], list[str], bool]
) -> None:
    """Files removed, replaced or cut are found: by the files after them, or by the head that was kept elsewhere."""
    folder, head = three_files
    tamper, expected, without_head = case
    assert faults(folder, head) == []
    tamper(folder)
    found = [fault.removeprefix("00001-0000000001-") for fault in faults(folder, head)]
    assert found == expected
    assert bool(faults(folder)) == without_head


def test_missing_chain_is_found(three_files: tuple[Path, Head]) -> None:
    """A head of a worker of which there is no file at all is not met."""
    folder, head = three_files
    other = Head(2, 1, 5, bytes(32))
    assert faults(folder, head, other) == ["spool: record 5 of worker 2, epoch 1, is not as checkpointed"]


def test_head_must_have_the_same_mac(three_files: tuple[Path, Head]) -> None:
    """A chain of the same length but another content is not the one that was checkpointed."""
    folder, head = three_files
    forged = Head(1, 1, head.sequence, bytes(32))
    assert faults(folder, forged) == ["spool: record 6 of worker 1, epoch 1, is not as checkpointed"]


def test_unknown_key_is_a_fault(three_files: tuple[Path, Head]) -> None:
    """A header may claim a root version that there is not; that is a finding, not an accident."""
    folder, _ = three_files
    assert len(verify(folder, lambda _: None)) == 3


def test_heads_without_records_ask_for_nothing(tmp_path: Path) -> None:
    """A worker that was started and had no calls left a head of sequence 0 and no file."""
    assert faults(tmp_path, Head(1, 1, 0, bytes(32))) == []


def test_torn_end_is_a_fault_and_torn_middle_is_not(tmp_path: Path) -> None:
    """A torn tail that a later file shows to be unacknowledged is in order; one at the end needs recovery first."""
    chain = new_chain()
    write_file(tmp_path, chain, [[b"a"]])
    durable = chain.sequence
    torn = chain.frame(b"b", durable)
    with (tmp_path / NAME).open("ab") as file:
        file.write(torn[:-1])
    assert faults(tmp_path) == [f"{NAME}: torn tail at byte 175"]
    header = chain.header(durable)
    (tmp_path / file_name(1, 1, 2)).write_bytes(header + chain.frame(b"c", durable))
    assert faults(tmp_path) == []


def test_chains_are_kept_apart(folder: Path, make_spool: MakeSpool, answers: Answers) -> None:
    """Workers and epochs share a folder, each with its own key, and each is checked by itself."""
    keys = {(worker, epoch): bytes([worker, epoch]) * 16 for worker in (1, 2) for epoch in (9, 10)}
    spools = [make_spool(worker=worker, epoch=epoch, chain_key=key) for (worker, epoch), key in keys.items()]
    for number in range(20):
        spools[number % 4].append(b"[%d]" % number, answers.of(number))
    for spool in spools:
        spool.close()
    heads = [spool.head() for spool in spools]
    assert verify(folder, lambda header: keys.get((header.worker, header.epoch)), heads) == []


def test_unreadable_file_is_said(three_files: tuple[Path, Head], monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be read is not passed over."""

    def refuse(_path: Path) -> bytes:
        raise OSError(5, "I/O error")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(AuditUnavailableError, match="cannot be read"):
        faults(three_files[0])
