"""A second reader of spool files, written from docs/reference/audit.md alone."""

import hashlib
import hmac
import struct
import zlib
from pathlib import Path
from typing import NamedTuple


class Link(NamedTuple):
    """One frame as the second reader sees it."""

    sequence: int
    durable: int
    payload: bytes
    mac: bytes


def mac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256 by its definition (FIPS 198-1), keys of up to 64 bytes."""
    block = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + message).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).digest()


def read_strictly(data: bytes, chain_key: bytes) -> list[Link]:
    """The frames of a whole file; ValueError where anything at all is not as documented."""
    number = struct.unpack(">I", data[26:30])[0]
    (first,) = struct.unpack(">Q", data[34:42])
    must(data[:8] == b"\x89SRSPOOL" and data[12:14] == b"\x00\x01")
    must(struct.unpack(">I", data[8:12])[0] == zlib.crc32(data[12:114]))
    key = chain_key
    for _ in range(number - 1):
        key = mac(key, b"file")
    key = mac(key, b"link")
    must(data[82:114] == mac(key, data[50:82] + data[12:50]))
    links: list[Link] = []
    before, at = data[82:114], 114
    while at < len(data):
        key = mac(key, b"evolve")
        must(data[at : at + 4] == b"\xf5SRF")
        crc, n, sequence, durable = struct.unpack(">IIQQ", data[at + 4 : at + 28])
        end = at + 60 + n
        must(end <= len(data) and n <= 1_048_576)
        must(crc == zlib.crc32(data[at + 8 : end]))
        must(sequence == first + len(links))
        before_frame, before = before, data[end - 32 : end]
        must(hmac.compare_digest(before, mac(key, before_frame + data[at + 8 : end - 32])))
        links.append(Link(sequence, durable, data[at + 28 : end - 32], before))
        at = end
    return links


def read_folder(folder: Path, chain_key: bytes) -> list[Link]:
    """All frames of a folder that holds whole files of one worker and epoch."""
    return [link for path in sorted(folder.iterdir()) for link in read_strictly(path.read_bytes(), chain_key)]


def must(holds: bool) -> None:  # noqa: FBT001 - a condition, not a switch
    """Raise ValueError unless it holds."""
    if not holds:
        raise ValueError("not as documented")
