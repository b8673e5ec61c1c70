"""MACs over pagination markers."""

from strongroom.crypto.macs import hmac_sha256
from strongroom.keystores.root import KeyHolder, Purpose, RootKeys


class MarkerSeal(KeyHolder):
    """A ports.MarkerSeal under the current root key; after a rotation of the root, older markers are refused."""

    __slots__ = ("_key",)

    def __init__(self, roots: RootKeys) -> None:
        self._key = roots.derive(Purpose.MARKER, roots.current)

    def mac(self, text: bytes) -> bytes:
        """HMAC-SHA-256 over a marker's scope and sort key, 32 bytes."""
        return hmac_sha256(self._key, text)
