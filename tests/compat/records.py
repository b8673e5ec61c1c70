"""All audit records of a data folder, read by the documented formats alone (docs/reference/audit.md)."""

import json
import sqlite3
import struct
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

HEADER_BYTES = 114
FRAME_HEAD = struct.Struct(">4sIIQQ")
MAC_BYTES = 32


def spool_payloads(content: bytes) -> Iterator[bytes]:
    """The payloads of one spool file of a service that has stopped in order."""
    assert content.startswith(b"\x89SRSPOOL")
    at = HEADER_BYTES
    while at < len(content):
        magic, crc, length, _, _ = FRAME_HEAD.unpack_from(content, at)
        end = at + FRAME_HEAD.size + length + MAC_BYTES
        assert (magic, crc) == (b"\xf5SRF", zlib.crc32(content[at + 8 : end]))
        yield content[at + FRAME_HEAD.size : end - MAC_BYTES]
        at = end


def database(data: Path) -> Path:
    """The database file of a data folder."""
    (path,) = data.glob("*.db")
    return path


def outbox_payloads(data: Path) -> list[bytes]:
    """The payloads in the database, in order."""
    with closing(sqlite3.connect(f"file:{database(data)}?mode=ro", uri=True)) as connection:
        return [payload for (payload,) in connection.execute("SELECT payload FROM audit_outbox ORDER BY position")]


def all_frames(data: Path) -> list[list[dict[str, Any]]]:
    """Every frame of a stopped service's folder: one record, or the two of a cross-account pair."""
    spools = [path.read_bytes() for path in sorted((data / "audit").glob("*.spool"))]
    payloads = [payload for content in spools for payload in spool_payloads(content)]
    return [json.loads(payload) for payload in payloads + outbox_payloads(data)]


def all_records(data: Path) -> list[dict[str, Any]]:
    """Every record of a stopped service's folder."""
    return [record for frame in all_frames(data) for record in frame]
