"""Sealed records: small secrets, each bound to its facts; they lie in the database, or come back from a caller."""

import struct
from enum import IntEnum

from strongroom.crypto import aead
from strongroom.keystores.root import KeyHolder, Purpose, RootKeys
from strongroom.ports import TamperedStoreError

_FORMAT = 1
_HEAD = struct.Struct(">BBI")  # format version, record kind, root version

OVERHEAD = _HEAD.size + aead.MESSAGE_OVERHEAD
"""How many bytes longer a record is than its secret."""


class RecordKind(IntEnum):
    """What a sealed record holds."""

    KEY_MATERIAL = 1
    CREDENTIAL = 2
    IMPORT_TOKEN = 3
    SESSION = 4
    GRANT_TOKEN = 5


_PURPOSES = {
    RecordKind.KEY_MATERIAL: Purpose.WRAP,
    RecordKind.CREDENTIAL: Purpose.CREDENTIAL,
    RecordKind.IMPORT_TOKEN: Purpose.IMPORT_TOKEN,
    RecordKind.SESSION: Purpose.SESSION,
    RecordKind.GRANT_TOKEN: Purpose.GRANT_TOKEN,
}


class Sealer(KeyHolder):
    """Seals and opens the records of one kind (docs: formats, "Sealed record").

    A record is sealed under a fresh key, derived from the kind's key of the current root version. It names that
    version, so that records of older versions open as long as their root is held.
    """

    __slots__ = ("_current", "_keys", "_kind")

    def __init__(self, roots: RootKeys, kind: RecordKind) -> None:
        self._kind = kind
        self._keys = {version: roots.derive(_PURPOSES[kind], version) for version in roots.versions}
        self._current = roots.current

    def seal(self, facts: tuple[str, ...], secret: bytes) -> bytes:
        """Seal a secret so that it opens only beside the same facts."""
        head = _HEAD.pack(_FORMAT, self._kind, self._current)
        return head + aead.seal_message(self._keys[self._current], secret, head + _encode(facts))

    def unseal(self, facts: tuple[str, ...], sealed: bytes) -> bytes:
        """Open a record.

        Raises:
            TamperedStoreError: It is not what ``seal`` made of these facts; the text names the facts.
        """
        head, body = sealed[: _HEAD.size], sealed[_HEAD.size :]
        key = self._keys.get(int.from_bytes(head[2:], "big"))
        if key is not None and head[:2] == bytes((_FORMAT, self._kind)):
            try:
                return aead.unseal_message(key, body, head + _encode(facts))
            except aead.InvalidTagError:
                pass
        raise TamperedStoreError(f"a sealed record does not open: {self._kind.name} {' '.join(facts)}")


def _encode(facts: tuple[str, ...]) -> bytes:
    """Each fact as a 4-byte big-endian length and its UTF-8 bytes."""
    encoded = [fact.encode() for fact in facts]
    return b"".join(len(fact).to_bytes(4, "big") + fact for fact in encoded)
