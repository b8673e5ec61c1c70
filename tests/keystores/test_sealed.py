"""Sealed records: bound to their facts, their kind and their root version."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.keystores.root import RootKeys
from strongroom.keystores.sealed import RecordKind, Sealer
from strongroom.keystores.secretbox import SecretBox
from strongroom.ports import TamperedStoreError
from tests import support_formats as other
from tests.keystores.samples import ROOT, ROOTS

BOX = SecretBox(ROOTS)
PARTS = ("AKIAIOSFODNN7EXAMPLE", "012345678901")
FACTS = st.lists(st.text(max_size=12), max_size=4).map(tuple)


@given(FACTS, st.binary(max_size=64), st.sampled_from(RecordKind))
def test_second_reader_and_writer_agree(facts: tuple[str, ...], secret: bytes, kind: RecordKind) -> None:
    """A record has the documented form: the second reader opens ours, and we open the second writer's."""
    sealer = Sealer(ROOTS, kind)
    assert other.open_record(sealer.seal(facts, secret), ROOT, kind, facts) == secret
    assert sealer.unseal(facts, other.seal_record(secret, ROOT, kind, facts, bytes(16))) == secret


def test_secret_box_is_a_record_of_purpose_and_parts() -> None:
    """The secret of an access key is sealed beside its purpose, access key id and account."""
    sealed = BOX.seal("access-key", PARTS, b"secret")
    assert other.open_record(sealed, ROOT, 2, ("access-key", *PARTS)) == b"secret"
    assert BOX.open("access-key", PARTS, sealed) == b"secret"


@pytest.mark.parametrize(
    ("purpose", "parts"),
    [
        ("session", PARTS),
        ("access-key", (PARTS[1], PARTS[0])),
        ("access-key", (PARTS[0],)),
        ("access-key", (*PARTS, "")),
        ("access-key", ("".join(PARTS), "")),
        ("access-keyA", (PARTS[0][1:], PARTS[1])),
    ],
    ids=["other purpose", "swapped", "fewer", "more", "joined", "shifted"],
)
def test_other_facts_do_not_open(purpose: str, parts: tuple[str, ...]) -> None:
    """A secret does not open beside any other facts, also not where their text runs together to the same."""
    sealed = BOX.seal("access-key", PARTS, b"secret")
    with pytest.raises(TamperedStoreError):
        BOX.open(purpose, parts, sealed)


@given(FACTS, FACTS)
def test_facts_never_run_together(first: tuple[str, ...], second: tuple[str, ...]) -> None:
    """Only equal facts open a record."""
    sealed = BOX.seal("p", first, b"secret")
    if first == second:
        assert BOX.open("p", second, sealed) == b"secret"
    else:
        with pytest.raises(TamperedStoreError):
            BOX.open("p", second, sealed)


def test_kinds_do_not_open_each_other() -> None:
    """A record of one kind is no record of another, even with its kind byte changed."""
    wrap = Sealer(ROOTS, RecordKind.KEY_MATERIAL).seal(("a",), b"secret")
    for blob in (wrap, wrap[:1] + bytes((RecordKind.CREDENTIAL,)) + wrap[2:]):
        with pytest.raises(TamperedStoreError):
            Sealer(ROOTS, RecordKind.CREDENTIAL).unseal(("a",), blob)


def test_every_changed_byte_is_refused() -> None:
    """No byte of a record can change, and none be missing or added."""
    sealed = BOX.seal("access-key", PARTS, b"secret")
    flipped = [sealed[:at] + bytes((sealed[at] ^ 1,)) + sealed[at + 1 :] for at in range(len(sealed))]
    cut = [sealed[:at] for at in range(len(sealed))]
    for blob in (*flipped, *cut, sealed + b"\0"):
        with pytest.raises(TamperedStoreError) as caught:
            BOX.open("access-key", PARTS, blob)
        assert caught.value.__cause__ is None
        assert "secret" not in str(caught.value)


def test_error_names_the_record_for_the_operator() -> None:
    """The operator learns which record it was."""
    with pytest.raises(TamperedStoreError, match=f"CREDENTIAL access-key {PARTS[0]} {PARTS[1]}"):
        BOX.open("access-key", PARTS, b"")


def test_records_of_an_older_root_open_while_it_is_held() -> None:
    """After a rotation old records open under the old version, and new ones name the new."""
    old = BOX.seal("p", (), b"secret")
    both = RootKeys({ROOT.version: ROOT.root, 8: bytes(32)}, 8)
    assert SecretBox(both).open("p", (), old) == b"secret"
    assert int.from_bytes(SecretBox(both).seal("p", (), b"secret")[2:6], "big") == 8
    with pytest.raises(TamperedStoreError):
        SecretBox(RootKeys({8: bytes(32)}, 8)).open("p", (), old)


def test_version_in_the_record_cannot_be_changed() -> None:
    """A record that claims another version, even one with the same root bytes, does not open."""
    both = RootKeys({1: bytes(32), 2: bytes(32)}, 1)
    sealed = SecretBox(both).seal("p", (), b"secret")
    with pytest.raises(TamperedStoreError):
        SecretBox(both).open("p", (), sealed[:2] + (2).to_bytes(4, "big") + sealed[6:])
