"""MACs over pagination markers."""

import hmac

from strongroom.keystores.markers import MarkerSeal
from strongroom.keystores.root import RootKeys
from tests.support_formats import purpose_key

ROOT = bytes(range(32))


def test_mac_is_as_documented() -> None:
    """The MAC is HMAC-SHA-256 under the key that the formats page derives from the root."""
    key = purpose_key(ROOT, "strongroom/marker", 1)
    assert MarkerSeal(RootKeys({1: ROOT}, 1)).mac(b"scope") == hmac.digest(key, b"scope", "sha256")


def test_another_root_makes_other_macs() -> None:
    """A marker of one installation is none of another."""
    assert MarkerSeal(RootKeys.create()).mac(b"scope") != MarkerSeal(RootKeys.create()).mac(b"scope")
