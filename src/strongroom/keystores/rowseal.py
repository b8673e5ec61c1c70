"""MACs over database rows, and the keyed set hash over the rows of a parent."""

from strongroom.crypto.macs import hmac_sha256
from strongroom.keystores.root import KeyHolder, Purpose, RootKeys

_MASK, _ELEMENT = b"\0", b"\1"


class RowSeal(KeyHolder):
    """A ports.RowSeal under one version of the root key (docs: formats, "Rows").

    A stored MAC is 32 bytes and does not name the version: all rows of a database are under one. Rotation of the root
    computes every MAC anew, with a second RowSeal, in one transaction.

    Args:
        roots: The root keys.
        version: The version that the rows are under.

    Raises:
        RootKeyError: That version is not held.
    """

    __slots__ = ("_mac_key", "_set_key")

    def __init__(self, roots: RootKeys, version: int) -> None:
        self._mac_key = roots.derive(Purpose.ROW_MAC, version)
        self._set_key = roots.derive(Purpose.ROW_SET, version)

    def mac(self, row: bytes) -> bytes:
        """HMAC-SHA-256 over a row's canonical encoding, 32 bytes; compare in constant time."""
        return hmac_sha256(self._mac_key, row)

    def element(self, row_mac: bytes) -> int:
        """What a row adds to the set hash of its parent, modulo 2^256.

        The set hash is MSet-Add-Hash (Clarke, Devadas, van Dijk, Gassend, Suh: "Incremental Multiset Hash Functions and
        Their Application to Memory Integrity Checking", ASIACRYPT 2003): a keyed element for each member, added up, so
        that a row comes and goes with one addition.
        """
        return int.from_bytes(hmac_sha256(self._set_key, _ELEMENT + row_mac), "big")

    def mask(self, nonce: bytes) -> int:
        """What hides the sum of the elements: a number for a fresh 16-byte nonce, modulo 2^256."""
        return int.from_bytes(hmac_sha256(self._set_key, _MASK + nonce), "big")
