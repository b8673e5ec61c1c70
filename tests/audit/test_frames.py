"""The format of spool files."""

import struct
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.audit.frames import (
    BadHeaderError,
    BrokenChainError,
    Chain,
    Frame,
    SpoolError,
    TornTailError,
    read,
    read_header,
)
from tests.audit.reader import mac, read_strictly

KEY = bytes(range(32))
HEADER_END = 114


def spool_file(batches: list[list[bytes]], chain: Chain | None = None) -> tuple[bytes, list[int]]:
    """A file of batches, each durable before the next; and where each batch ends, the header's first."""
    chain = chain or Chain(3, 7, 2, KEY)
    data, ends = chain.header(chain.sequence), []
    for batch in batches:
        ends.append(len(data))
        durable = chain.sequence
        data += b"".join([chain.frame(payload, durable) for payload in batch])
    return data, [*ends, len(data)]


def frames_and_fault(data: bytes, key: bytes | None = KEY) -> tuple[list[Frame], SpoolError | None]:
    """The frames before the first fault, and the fault."""
    frames: list[Frame] = []
    try:
        frames.extend(read(data, key))  # extend keeps what came before the fault
    except SpoolError as error:
        return frames, error
    return frames, None


def with_crc(data: bytes, start: int, end: int) -> bytes:
    """The data with the CRC of the header or frame from ``start`` to ``end`` made right, as an attacker would."""
    at, body = (start + 8, start + 12) if start == 0 else (start + 4, start + 8)
    return data[:at] + struct.pack(">I", zlib.crc32(data[body:end])) + data[at + 4 :]


def flipped(data: bytes, at: int) -> bytes:
    """The data with one bit changed."""
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


PAYLOADS = st.lists(st.binary(max_size=200), max_size=6)


@given(st.lists(PAYLOADS, max_size=4), st.binary(min_size=32, max_size=32))
def test_second_reader_agrees(batches: list[list[bytes]], key: bytes) -> None:
    """What is written is read back by this reader and, byte for byte as documented, by the tests' own."""
    chain = Chain(3, 7, 2, key)
    sequence = 0
    for _ in range(3):  # three files of one chain
        data, _ = spool_file(batches, chain)
        mine, fault = frames_and_fault(data, key)
        links = read_strictly(data, key)
        assert fault is None
        assert [payload for batch in batches for payload in batch] == [link.payload for link in links]
        assert [(f.sequence, f.durable, f.payload, f.mac) for f in mine] == links
        assert [link.sequence for link in links] == list(range(sequence + 1, sequence + 1 + len(links)))
        sequence += len(links)


def test_file_is_built_as_documented() -> None:
    """A file of one frame equals one put together by hand from the documentation."""
    chain = Chain(3, 7, 2, KEY)
    chain.header(0)
    data, _ = spool_file([[b"[1]"]], chain)  # file 2
    key = mac(mac(KEY, b"file"), b"link")
    before = mac(mac(KEY, b"link"), bytes(32) + struct.pack(">HIQIIQQ", 1, 3, 7, 1, 2, 1, 0))
    fields = struct.pack(">HIQIIQQ", 1, 3, 7, 2, 2, 1, 0)
    header = fields + before + mac(key, before + fields)
    body = struct.pack(">IQQ", 3, 1, 0) + b"[1]"
    frame = body + mac(mac(key, b"evolve"), header[-32:] + body)
    assert data == (
        b"\x89SRSPOOL"
        + struct.pack(">I", zlib.crc32(header))
        + header
        + b"\xf5SRF"
        + struct.pack(">I", zlib.crc32(frame))
        + frame
    )


def test_header_tells_what_the_file_is() -> None:
    """Worker, epoch, number, root version and place in the chain can be read without a key."""
    chain = Chain(3, 7, 2, KEY)
    _, _ = spool_file([[b"a", b"b"]], chain)
    previous = chain.mac
    header = read_header(chain.header(1))
    assert (header.worker, header.epoch, header.number, header.root_version) == (3, 7, 2, 2)
    assert (header.first_sequence, header.durable) == (3, 1)
    assert (header.previous_mac, header.mac) == (previous, chain.mac)


DATA, ENDS = spool_file([[b'["one"]', b'["two"]'], [b'["three"]'], [b'["four"]', b'["five"]']])
FRAMES = list(read(DATA, KEY))


@pytest.mark.parametrize("key", [KEY, None], ids=["with the key", "without"])
def test_every_flipped_byte_is_found(key: bytes | None) -> None:
    """One changed bit anywhere is found, and no frame at or behind it is given out."""
    for at in range(len(DATA)):
        frames, fault = frames_and_fault(flipped(DATA, at), key)
        assert fault is not None, at
        assert frames == [frame for frame in FRAMES if frame.end <= at]
        if at < HEADER_END:
            assert isinstance(fault, BadHeaderError)
        else:
            # only damage in the last write, which nothing says was durable, can pass for a torn tail
            assert isinstance(fault, BrokenChainError if at < ENDS[-2] else TornTailError), at
            assert fault.offset == max(frame.offset for frame in FRAMES if frame.offset <= at)


def test_every_flipped_byte_is_found_when_the_crc_is_made_right() -> None:
    """Who repairs the CRC as well is caught by the MAC, in the header and in every frame."""
    for start, end in [(0, HEADER_END), *((frame.offset, frame.end) for frame in FRAMES)]:
        kind = BadHeaderError if start == 0 else BrokenChainError
        for at in range(start + (12 if start == 0 else 8), end):
            if start <= at < start + 14 or start + 8 <= at < start + 12:
                continue  # the version and a frame's length are no forgeries: the layout is another
            frames, fault = frames_and_fault(with_crc(flipped(DATA, at), start, end))
            assert isinstance(fault, kind), at
            assert frames == [frame for frame in FRAMES if frame.end <= start]


def cut(first: int, last: int) -> bytes:
    """The file without the frames from one number to another."""
    return DATA[: FRAMES[first].offset] + DATA[FRAMES[last].end :]


def swapped(one: int, other: int) -> bytes:
    """The file with two frames in each other's place."""
    pieces = [DATA[frame.offset : frame.end] for frame in FRAMES]
    pieces[one], pieces[other] = pieces[other], pieces[one]
    return DATA[:HEADER_END] + b"".join(pieces)


TAMPERED: dict[str, Callable[[], bytes]] = {
    "first frame dropped": lambda: cut(0, 0),
    "frame dropped": lambda: cut(2, 2),
    "middle cut out": lambda: cut(1, 3),
    "frames swapped": lambda: swapped(1, 2),
    "frame doubled": lambda: DATA[: FRAMES[1].end] + DATA[FRAMES[1].offset :],
    "frame added": lambda: DATA + Chain(3, 7, 2, KEY).frame(b"forged", 5),
    "header of another file": lambda: spool_file([], Chain(3, 8, 2, bytes(32)))[0] + DATA[HEADER_END:],
    "frame of another file": lambda: DATA[: FRAMES[4].offset] + other_fifth(),
}


def other_fifth() -> bytes:
    """A frame with the right sequence, from a file of another epoch."""
    data, _ = spool_file([[b"x"] * 5], Chain(3, 8, 2, KEY[::-1]))
    return data[list(read(data))[4].offset :]


@pytest.mark.parametrize("tampered", TAMPERED.values(), ids=TAMPERED)
def test_tampering_is_found(tampered: Callable[[], bytes]) -> None:
    """Frames cannot be dropped, moved, doubled, added or brought in: a whole frame never passes as torn."""
    _, fault = frames_and_fault(tampered())
    assert isinstance(fault, BrokenChainError | BadHeaderError)


def test_dropped_frame_is_found_without_a_key() -> None:
    """Recovery, which checks no MAC, must not take what follows a missing frame for a torn tail and cut it."""
    with pytest.raises(BrokenChainError, match="sequence 4 in place of 3"):
        list(read(cut(2, 2)))


def test_wrong_key_is_found() -> None:
    """A chain under another key is refused at the header, before any frame is given out."""
    frames, fault = frames_and_fault(DATA, bytes(32))
    assert (frames, type(fault)) == ([], BadHeaderError)


def test_unknown_version_is_a_bad_header() -> None:
    """A format that is not known is never read, nor taken for a torn tail."""
    newer = with_crc(DATA[:12] + b"\0\2" + DATA[14:], 0, HEADER_END)
    with pytest.raises(BadHeaderError, match="unknown version 2"):
        read_header(newer)


def test_files_of_an_epoch_are_counted() -> None:
    """A reader never makes more keys than a writer could have used; a writer stops at that number."""
    for number in (0, (1 << 24) + 1, 0xFFFFFFFF):
        forged = with_crc(DATA[:26] + struct.pack(">I", number) + DATA[30:], 0, HEADER_END)
        with pytest.raises(BadHeaderError, match=f"file number {number} "):
            read_header(forged)
    chain = Chain(3, 7, 2, KEY)
    chain.number = 1 << 24
    with pytest.raises(OverflowError):
        chain.header(0)


def test_every_length_ends_in_a_torn_tail() -> None:
    """A file cut at any byte gives its whole frames and says where the rest begins."""
    for length in range(len(DATA)):
        frames, fault = frames_and_fault(DATA[:length])
        assert frames == [frame for frame in FRAMES if frame.end <= length]
        whole = max([0, *(end for end in [HEADER_END, *(frame.end for frame in FRAMES)] if end <= length)])
        if whole == length > 0:
            assert fault is None
        else:
            assert isinstance(fault, TornTailError)
            assert fault.offset == whole


def test_hole_in_the_last_write_is_a_torn_tail() -> None:
    """A power cut may leave the end of the last write and not its beginning: nothing of it was acknowledged."""
    hole = FRAMES[3]
    data = DATA[: hole.offset] + bytes(hole.end - hole.offset) + DATA[hole.end :]
    frames, fault = frames_and_fault(data)
    assert isinstance(fault, TornTailError)
    assert (fault.offset, frames) == (hole.offset, FRAMES[:3])


def test_absurd_length_hides_no_later_frame() -> None:
    """A damaged length that points past the end does not make the rest of the file a torn tail."""
    frame = FRAMES[1]
    for length in (0xFFFFFFFF, len(DATA), 0):
        data = DATA[: frame.offset + 8] + struct.pack(">I", length) + DATA[frame.offset + 12 :]
        _, fault = frames_and_fault(data)
        assert isinstance(fault, BrokenChainError)


def test_errors_name_the_place() -> None:
    """An operator reads from the error what is wrong and at which byte."""
    _, fault = frames_and_fault(DATA[:-1])
    assert str(fault) == f"torn tail at byte {FRAMES[-1].offset}"
