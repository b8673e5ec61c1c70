"""The root key: derivation, seal, hand-over, and that it shows itself nowhere."""

import copy
import pickle
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.keystores.root import (
    KeyHolder,
    Purpose,
    RootKeyError,
    RootKeys,
    SealError,
    WrongSealKeyError,
)
from strongroom.keystores.rowseal import RowSeal
from strongroom.keystores.secretbox import SecretBox
from strongroom.keystores.software import SoftwareKeyStore
from strongroom.ports import AdapterError
from tests import support_formats as other
from tests.keystores.samples import ROOT, ROOTS

SEAL_KEY = bytes(range(100, 132))
HOLDERS: dict[str, Callable[[RootKeys], KeyHolder]] = {
    "root keys": lambda roots: roots,
    "key store": SoftwareKeyStore,
    "row seal": lambda roots: RowSeal(roots, ROOT.version),
    "secret box": SecretBox,
}


@pytest.mark.parametrize("purpose", Purpose)
def test_purpose_keys_are_the_documented_ones(purpose: Purpose) -> None:
    """A purpose key comes from label and version as documented."""
    expected = other.purpose_key(ROOT.root, purpose.value.decode(), ROOT.version)
    assert ROOTS.derive(purpose, ROOT.version) == expected


def test_keys_differ_by_purpose_and_version() -> None:
    """No two purposes or versions share a key, even where the root bytes are the same."""
    roots = RootKeys({1: ROOT.root, 2: ROOT.root}, 2)
    keys = {roots.derive(purpose, version) for purpose in Purpose for version in roots.versions}
    assert len(keys) == 2 * len(Purpose)


def test_unknown_version_is_refused() -> None:
    """A key of a version that is not held is an error of ours."""
    with pytest.raises(RootKeyError, match="version 8"):
        ROOTS.derive(Purpose.WRAP, 8)


@pytest.mark.parametrize(
    ("roots", "current"),
    [({}, 1), ({1: bytes(32)}, 2), ({1: bytes(31)}, 1), ({1: bytes(32), 2: b""}, 1)],
    ids=["none", "current missing", "short", "one short"],
)
def test_incomplete_roots_are_refused(roots: dict[int, bytes], current: int) -> None:
    """Roots of a wrong length, or without the current version, never get into use."""
    with pytest.raises(RootKeyError):
        RootKeys(roots, current)


def test_created_roots_are_random() -> None:
    """Two new roots differ, and begin with version 1."""
    first, second = RootKeys.create(), RootKeys.create()
    assert first.current == second.current == 1
    assert first.derive(Purpose.WRAP, 1) != second.derive(Purpose.WRAP, 1)


def test_sealed_root_opens_with_the_second_reader() -> None:
    """The sealed root has the documented form."""
    assert other.open_sealed_root(ROOTS.seal(SEAL_KEY), SEAL_KEY) == ROOT


def test_sealed_root_opens() -> None:
    """Unsealing gives the root and its version back."""
    roots = RootKeys.unseal(ROOTS.seal(SEAL_KEY), SEAL_KEY)
    assert roots.current == ROOT.version
    assert roots.export_for_worker() == ROOTS.export_for_worker()


def test_two_seals_differ() -> None:
    """Sealing the same root twice never gives the same bytes."""
    assert ROOTS.seal(SEAL_KEY)[6:] != ROOTS.seal(SEAL_KEY)[6:]


def test_every_changed_byte_of_a_sealed_root_is_refused() -> None:
    """No byte of a sealed root can change: format, kind, version, salt, ciphertext, tag."""
    sealed = ROOTS.seal(SEAL_KEY)
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(SealError):
            RootKeys.unseal(bytes(changed), SEAL_KEY)


def test_wrong_seal_key_is_told_plainly() -> None:
    """Another seal file's key gives its own error, whose text holds no key."""
    with pytest.raises(WrongSealKeyError, match="seal file does not open") as caught:
        RootKeys.unseal(ROOTS.seal(SEAL_KEY), bytes(32))
    assert isinstance(caught.value, AdapterError)
    assert SEAL_KEY.hex() not in str(caught.value)


@given(st.binary(max_size=100))
def test_rubbish_is_no_sealed_root(rubbish: bytes) -> None:
    """Arbitrary bytes give an error of ours and no other."""
    with pytest.raises(SealError):
        RootKeys.unseal(rubbish, SEAL_KEY)


@given(st.dictionaries(st.integers(1, 2**32 - 1), st.binary(min_size=32, max_size=32), min_size=1, max_size=4))
def test_hand_over(roots: dict[int, bytes]) -> None:
    """A worker gets every version and the current one, in the documented form."""
    current = max(roots)
    exported = RootKeys(roots, current).export_for_worker()
    received = RootKeys.from_bytes(exported)
    assert other.read_hand_over(exported) == (current, [other.Root(*item) for item in roots.items()])
    assert received.current == current
    assert received.export_for_worker() == exported


def test_damaged_hand_over_is_refused() -> None:
    """A hand-over that is cut short anywhere, or of another format, is refused."""
    exported = ROOTS.export_for_worker()
    for damaged in (*(exported[:at] for at in range(len(exported))), b"\2" + exported[1:], exported + b"\0"):
        with pytest.raises(RootKeyError):
            RootKeys.from_bytes(damaged)


@pytest.mark.parametrize("name", HOLDERS)
def test_holders_of_keys_show_nothing(name: str) -> None:
    """Neither repr nor str of an object with keys in it holds more than its name."""
    holder = HOLDERS[name](ROOTS)
    assert repr(holder) == str(holder) == f"<{type(holder).__name__}>"
    assert not hasattr(holder, "__dict__")


@pytest.mark.parametrize("name", HOLDERS)
def test_holders_of_keys_cannot_be_copied_out(name: str) -> None:
    """Pickle, at any protocol, and copy refuse an object with keys in it."""
    holder = HOLDERS[name](ROOTS)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="holds keys"):
            pickle.dumps(holder, protocol)
    with pytest.raises(TypeError, match="holds keys"):
        copy.deepcopy(holder)
