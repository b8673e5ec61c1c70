"""MACs of rows and the set hash."""

from functools import partial
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.keystores.root import RootKeyError, RootKeys
from strongroom.keystores.rowseal import RowSeal
from strongroom.ports import RowSeal as RowSealPort
from tests import support_formats as other
from tests.keystores.samples import ROOT, ROOTS

SEAL: RowSealPort = RowSeal(ROOTS, ROOT.version)
NONCE = bytes(range(16))
MAC_LISTS = st.lists(st.binary(min_size=32, max_size=32), max_size=6)


def set_hash(nonce: bytes, macs: list[bytes]) -> int:
    """The set hash as storage adds it up."""
    return (SEAL.mask(nonce) + sum(map(SEAL.element, macs))) % 2**256


@given(st.binary(max_size=300))
def test_mac_is_the_documented_one(row: bytes) -> None:
    """The second implementation computes the same MAC of a row."""
    assert SEAL.mac(row) == other.row_mac(ROOT, row)


@given(st.binary(min_size=16, max_size=16), MAC_LISTS)
def test_set_hash_is_the_documented_one(nonce: bytes, macs: list[bytes]) -> None:
    """Elements and mask add up to the set hash of the second implementation."""
    assert set_hash(nonce, macs) == other.set_hash(ROOT, nonce, macs)


@given(MAC_LISTS, MAC_LISTS, st.randoms(use_true_random=False))
def test_set_hash_tells_multisets_apart(first: list[bytes], second: list[bytes], random: Random) -> None:
    """Order does not matter; any other set, also one with a member doubled, has another hash."""
    shuffled = random.sample(first, len(first))
    assert set_hash(NONCE, shuffled) == set_hash(NONCE, first)
    assert (set_hash(NONCE, first) == set_hash(NONCE, second)) == (sorted(first) == sorted(second))
    doubled = [*first, *first]
    assert (set_hash(NONCE, doubled) == set_hash(NONCE, first)) == (not first)


def test_mask_is_no_element() -> None:
    """A nonce that looks like a MAC does not stand for a member."""
    assert SEAL.mask(bytes(32)) != SEAL.element(bytes(32))
    assert SEAL.mask(NONCE) != SEAL.mask(bytes(16))


@pytest.mark.parametrize("name", ["mac", "element", "mask"])
def test_root_version_matters(name: str) -> None:
    """Another version of the root gives other values, even with the same root bytes."""
    roots = RootKeys({1: ROOT.root, 2: ROOT.root}, 1)
    first, second = (partial(getattr(RowSeal(roots, version), name), b"x" * 32) for version in (1, 2))
    assert first() != second()


def test_missing_root_version_is_told() -> None:
    """A database that names a version which is not held is an error of ours."""
    with pytest.raises(RootKeyError):
        RowSeal(ROOTS, 1)
