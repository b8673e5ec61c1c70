"""The bytes of a spool file (docs/reference/audit.md, "The spool file"); pure.

A file is a header and frames. All are links of one chain, which runs through all files of one worker in one epoch: each
has a MAC that covers the MAC of the link before, under a key of its own. Integers are big-endian::

    header  offset  bytes                       frame  offset  bytes
                 0      8  magic                            0      4  magic
                 8      4  CRC-32 of all after              4      4  CRC-32 of all after
                12      2  version, 1                       8      4  length n of the payload
                14      4  worker                          12      8  sequence
                18      8  epoch                           20      8  durable sequence
                26      4  file number, from 1             28      n  payload
                30      4  root key version              28+n     32  MAC
                34      8  first sequence
                42      8  durable sequence
                50     32  MAC of the link before
                82     32  MAC

The keys go one way: K_1 is given, K_(n+1) = HMAC(K_n, "file") is the next file's; within file n the header has
k_0 = HMAC(K_n, "link") and each link after it k_(i+1) = HMAC(k_i, "evolve"). A link's MAC is
HMAC(k_i, MAC before || fields after the CRC || payload), all with SHA-256.
"""

import hmac
import struct
import zlib
from collections.abc import Iterator

import msgspec

from strongroom.crypto.macs import hmac_sha256

VERSION = 1
KEY_BYTES = 32
MAC_BYTES = 32
NO_MAC = bytes(MAC_BYTES)
MAX_PAYLOAD_BYTES = 1 << 20
MAX_FILES = 1 << 24  # a reader makes as many keys as the header says files came before

FILE_MAGIC = b"\x89SRSPOOL"
FRAME_MAGIC = b"\xf5SRF"  # its first byte is in no UTF-8 text, so no payload holds it

_FILE_START = struct.Struct(">8sI")
_FILE_FIELDS = struct.Struct(">HIQIIQQ")
_FRAME_START = struct.Struct(">4sI")
_FRAME_FIELDS = struct.Struct(">IQQ")

_FRAME_HEAD_BYTES = _FRAME_START.size + _FRAME_FIELDS.size
HEADER_BYTES = _FILE_START.size + _FILE_FIELDS.size + 2 * MAC_BYTES


class SpoolError(Exception):
    """A spool file is not whole.

    Attributes:
        offset: Where what is wrong begins; everything before it is whole.
    """

    def __init__(self, offset: int, fault: str) -> None:
        super().__init__(f"{fault} at byte {offset}")
        self.offset = offset


class TornTailError(SpoolError):
    """The file ends in a write that was never acknowledged as durable."""


class BrokenChainError(SpoolError):
    """A frame is damaged, missing, out of place or not written by the holder of the key."""


class BadHeaderError(SpoolError):
    """The header is damaged, of an unknown version or not written by the holder of the key."""


class Header(msgspec.Struct, frozen=True):
    """The header of a spool file.

    Attributes:
        number: The file's number within its worker and epoch, from 1; numbers may be left out.
        root_version: The version of the root key from which the chain key is derived.
        first_sequence: The sequence of the file's first frame.
        durable: The last sequence on the disk when the file was begun. Those between it and ``first_sequence`` were
            never acknowledged and may be missing.
        previous_mac: The MAC of the link before, a frame or (where a file had no frame) a header.
        mac: The MAC of this link.
    """

    worker: int
    epoch: int
    number: int
    root_version: int
    first_sequence: int
    durable: int
    previous_mac: bytes
    mac: bytes


class Frame(msgspec.Struct, frozen=True):
    """One frame.

    Attributes:
        offset: Where it begins in its file.
        durable: The last sequence that was durable when it was written.
        payload: A JSON array of one or two CloudTrail records.
    """

    offset: int
    sequence: int
    durable: int
    payload: bytes
    mac: bytes

    @property
    def end(self) -> int:
        """Where the next frame begins."""
        return self.offset + _FRAME_HEAD_BYTES + len(self.payload) + MAC_BYTES


class Head(msgspec.Struct, frozen=True):
    """The last durable frame of a chain; sequence 0 with no MAC before the first."""

    worker: int
    epoch: int
    sequence: int
    mac: bytes


class Chain:
    """The writing end: makes headers and frames, and forgets each key once it is used."""

    def __init__(self, worker: int, epoch: int, root_version: int, chain_key: bytes) -> None:
        """Begin the chain of one worker in one epoch with its own 32-byte key."""
        self._worker, self._epoch, self._root_version = worker, epoch, root_version
        self._file_key = chain_key
        self._key = b""
        self.number = 0
        self.sequence = 0
        self.mac = NO_MAC

    def header(self, durable: int) -> bytes:
        """Begin the next file; ``durable`` is the last sequence on the disk.

        Raises:
            OverflowError: The chain has MAX_FILES files.
        """
        if self.number == MAX_FILES:
            raise OverflowError("this epoch can have no more files; a restart begins another")
        self._key, self._file_key = _first_link_key(self._file_key), _next_file_key(self._file_key)
        self.number += 1
        fields = _FILE_FIELDS.pack(
            VERSION, self._worker, self._epoch, self.number, self._root_version, self.sequence + 1, durable
        )
        previous = self.mac
        rest = b"".join((fields, previous, self._link(fields)))
        return _FILE_START.pack(FILE_MAGIC, zlib.crc32(rest)) + rest

    def frame(self, payload: bytes, durable: int) -> bytes:
        """The next frame of the file; ``durable`` is the last sequence on the disk."""
        self.sequence += 1
        body = _FRAME_FIELDS.pack(len(payload), self.sequence, durable) + payload
        rest = body + self._link(body)
        return _FRAME_START.pack(FRAME_MAGIC, zlib.crc32(rest)) + rest

    def _link(self, body: bytes) -> bytes:
        self.mac = _link_mac(self._key, self.mac, body)
        self._key = _next_link_key(self._key)
        return self.mac


def read_header(data: bytes, chain_key: bytes | None = None) -> Header:
    """Read a file's header; its MAC is checked with the key of its chain, which it itself says.

    Raises:
        TornTailError: The file was cut short before anything in it was durable.
        BadHeaderError: It is damaged, of an unknown version, its number is not one of a file, or its MAC is wrong.
    """
    magic, crc = _FILE_START.unpack_from(data.ljust(HEADER_BYTES, b"\0"))
    rest = data[_FILE_START.size : HEADER_BYTES]
    if len(data) < HEADER_BYTES or magic != FILE_MAGIC or zlib.crc32(rest) != crc:
        if next(_whole_frames(data, 0), None) is None:
            raise TornTailError(0, "no whole header")
        raise BadHeaderError(0, "damaged header")
    version, worker, epoch, number, root_version, first_sequence, durable = _FILE_FIELDS.unpack_from(rest)
    if version != VERSION:
        raise BadHeaderError(0, f"unknown version {version}")
    if not 0 < number <= MAX_FILES:
        raise BadHeaderError(0, f"file number {number}")
    previous_mac, mac = rest[_FILE_FIELDS.size : -MAC_BYTES], rest[-MAC_BYTES:]
    if chain_key is not None:
        fields = rest[: _FILE_FIELDS.size]
        if not hmac.compare_digest(mac, _link_mac(_header_key(chain_key, number), previous_mac, fields)):
            raise BadHeaderError(0, "wrong MAC")
    return Header(worker, epoch, number, root_version, first_sequence, durable, previous_mac, mac)


def read(data: bytes, chain_key: bytes | None = None) -> Iterator[Frame]:
    """The frames of a file in order; with the key of its chain, each MAC is checked before its frame is given out.

    A frame that is not whole is a torn tail, unless a frame after it says that it was durable.

    Raises:
        BadHeaderError: As ``read_header``.
        TornTailError: The file ends in an unacknowledged write.
        BrokenChainError: A frame is damaged, out of place or has a wrong MAC.
    """
    header = read_header(data, chain_key)
    key = None if chain_key is None else _header_key(chain_key, header.number)
    sequence, mac, offset = header.first_sequence, header.mac, HEADER_BYTES
    while offset < len(data):
        frame = _whole_frame(data, offset)
        if frame is None:
            raise _not_whole(data, offset, sequence)
        if frame.sequence != sequence:
            raise BrokenChainError(offset, f"sequence {frame.sequence} in place of {sequence}")
        if key is not None:
            key = _next_link_key(key)
            body = data[offset + _FRAME_START.size : frame.end - MAC_BYTES]
            if not hmac.compare_digest(frame.mac, _link_mac(key, mac, body)):
                raise BrokenChainError(offset, "wrong MAC")
        yield frame
        sequence, mac, offset = sequence + 1, frame.mac, frame.end


def _not_whole(data: bytes, offset: int, sequence: int) -> SpoolError:
    if any(later.durable >= sequence for later in _whole_frames(data, offset)):
        return BrokenChainError(offset, "damaged frame")
    return TornTailError(offset, "torn tail")


def _whole_frame(data: bytes, offset: int) -> Frame | None:
    """The frame at an offset, or None where there is none or its length or CRC is wrong."""
    body = offset + _FRAME_HEAD_BYTES
    if len(data) < body + MAC_BYTES:
        return None
    magic, crc = _FRAME_START.unpack_from(data, offset)
    length, sequence, durable = _FRAME_FIELDS.unpack_from(data, offset + _FRAME_START.size)
    end = body + length + MAC_BYTES
    if magic != FRAME_MAGIC or end > len(data) or zlib.crc32(data[offset + _FRAME_START.size : end]) != crc:
        return None
    return Frame(offset, sequence, durable, data[body : body + length], data[body + length : end])


def _whole_frames(data: bytes, offset: int) -> Iterator[Frame]:
    """Every whole frame from an offset on, wherever it begins."""
    while (offset := data.find(FRAME_MAGIC, offset)) >= 0:
        frame = _whole_frame(data, offset)
        if frame is not None:
            yield frame
        offset += 1 if frame is None else frame.end - offset


def _link_mac(key: bytes, previous_mac: bytes, body: bytes) -> bytes:
    return hmac_sha256(key, previous_mac + body)


def _header_key(chain_key: bytes, number: int) -> bytes:
    """The link key of the header of a file."""
    for _ in range(number - 1):
        chain_key = _next_file_key(chain_key)
    return _first_link_key(chain_key)


def _next_link_key(key: bytes) -> bytes:
    return hmac_sha256(key, b"evolve")


def _first_link_key(file_key: bytes) -> bytes:
    return hmac_sha256(file_key, b"link")


def _next_file_key(file_key: bytes) -> bytes:
    return hmac_sha256(file_key, b"file")
