"""The software key store: round trips, what it refuses, and that a second reader agrees."""

from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.crypto import aead
from strongroom.keystores.root import RootKeys
from strongroom.keystores.software import SoftwareKeyStore
from strongroom.model.ciphertext import OVERHEAD, parse_header
from strongroom.model.errors import InvalidCiphertextException
from strongroom.model.key import Key, Material
from strongroom.model.region import Realm
from strongroom.model.spec import KeySpec, KeyUsage, Origin
from strongroom.ports import KeyStore, TamperedStoreError
from tests import support_formats as other
from tests.keystores.samples import ACCOUNT, MRK, REGION, ROOT, ROOTS, UUID, make_key

STORE: KeyStore = SoftwareKeyStore(ROOTS)
KEY = make_key()
MATERIAL = STORE.generate(KEY)
CONTEXT = {"purpose": "test", "tenant": "42"}
CONTEXTS = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4)
PLAINTEXTS = st.binary(min_size=1, max_size=300)
KEY_IDS = st.sampled_from([UUID, MRK])


def raw_material(key: Key, material: Material) -> bytes:
    """The material, as the second reader finds it in the wrap."""
    facts = other.wrap_facts(*key.realm, key.key_id, material.material_id)
    return other.open_record(material.wrapped, ROOT, 1, facts)


def decrypt(blob: bytes, context: Mapping[str, str], key: Key = KEY, material: Material = MATERIAL) -> bytes:
    """Decrypt as the service does: the header is parsed first."""
    return STORE.decrypt(key, material, parse_header(blob), blob, context)


def assert_refused(
    blob: bytes, context: Mapping[str, str] = CONTEXT, key: Key = KEY, material: Material = MATERIAL
) -> None:
    """The blob is refused, and nothing says why."""
    with pytest.raises(InvalidCiphertextException) as caught:
        decrypt(blob, context, key, material)
    assert caught.value.message == str(caught.value) == ""
    assert caught.value.args in {(), ("",)}
    assert caught.value.__cause__ is None


@given(PLAINTEXTS, CONTEXTS, KEY_IDS)
def test_round_trip(plaintext: bytes, context: dict[str, str], key_id: str) -> None:
    """What is encrypted opens to the same, and is as much longer as documented."""
    key = make_key(key_id=key_id)
    material = STORE.generate(key)
    blob = STORE.encrypt(key, material, plaintext, context)
    assert len(blob) == len(plaintext) + OVERHEAD == len(plaintext) + 121
    assert decrypt(blob, context, key, material) == plaintext


@given(PLAINTEXTS, CONTEXTS, KEY_IDS)
def test_second_reader_opens_ours(plaintext: bytes, context: dict[str, str], key_id: str) -> None:
    """Wrap, material id and ciphertext have the documented form."""
    key = make_key(key_id=key_id)
    material = STORE.generate(key)
    raw = raw_material(key, material)
    assert other.material_id(raw, key_id) == material.material_id
    assert other.open_ciphertext(STORE.encrypt(key, material, plaintext, context), raw, context) == plaintext


@given(PLAINTEXTS, CONTEXTS, st.binary(min_size=16, max_size=16), KEY_IDS)
def test_we_open_the_second_writers(plaintext: bytes, context: dict[str, str], salt: bytes, key_id: str) -> None:
    """A wrap and a ciphertext made from the documentation alone are opened."""
    raw = bytes(range(32))
    material_id = other.material_id(raw, key_id)
    facts = other.wrap_facts(ACCOUNT, REGION, key_id, material_id)
    material = Material(material_id, other.seal_record(raw, ROOT, 1, facts, salt), 0.0)
    blob = other.make_ciphertext(other.encode_header(ACCOUNT, key_id, material_id, salt), raw, plaintext, context)
    assert decrypt(blob, context, make_key(key_id=key_id), material) == plaintext


def test_generated_material() -> None:
    """Material is 32 random bytes with an id of 64 lower-case hex digits, dated as its key."""
    again = STORE.generate(KEY)
    assert len(raw_material(KEY, MATERIAL)) == 32
    assert raw_material(KEY, MATERIAL) != raw_material(KEY, again)
    assert MATERIAL.material_id != again.material_id
    assert MATERIAL.material_id == bytes.fromhex(MATERIAL.material_id).hex()
    assert len(MATERIAL.material_id) == 64
    assert MATERIAL.created_at == KEY.created_at


def test_two_encryptions_differ() -> None:
    """The same plaintext gives another salt, commitment and ciphertext each time."""
    first, second = (STORE.encrypt(KEY, MATERIAL, b"same text", CONTEXT) for _ in range(2))
    assert first[:57] == second[:57]
    for part in (slice(57, 73), slice(73, 105), slice(105, -16), slice(-16, None)):
        assert first[part] != second[part]


def test_every_changed_byte_is_refused() -> None:
    """No bit of a blob can change: header, commitment, ciphertext, tag."""
    blob = STORE.encrypt(KEY, MATERIAL, b"some text", CONTEXT)
    for at in range(len(blob)):
        for bit in (1, 128):
            assert_refused(blob[:at] + bytes((blob[at] ^ bit,)) + blob[at + 1 :])


def test_cut_and_longer_blobs_are_refused() -> None:
    """No byte can be missing at the end, or added."""
    blob = STORE.encrypt(KEY, MATERIAL, b"some text", CONTEXT)
    for changed in (*(blob[:at] for at in range(len(blob))), blob + b"\0"):
        assert_refused(changed)


@given(CONTEXTS, CONTEXTS)
def test_only_the_same_context_opens(first: dict[str, str], second: dict[str, str]) -> None:
    """A blob opens under an equal context, in any order, and under no other."""
    blob = STORE.encrypt(KEY, MATERIAL, b"x", first)
    assert decrypt(blob, dict(reversed(first.items()))) == b"x"
    if first != second:
        assert_refused(blob, second)


@pytest.mark.parametrize(
    ("sealed", "given_context"),
    [
        ({"ab": "c"}, {"a": "bc"}),
        ({"a": "b", "c": "d"}, {"a": "bcd"}),
        ({"a": "b"}, {}),
        ({}, {"": ""}),
        ({"a": "b"}, {"A": "b"}),
        ({"a": "b"}, {"a": "B"}),
        ({"a": "b"}, {"b": "a"}),
        ({"\u00e9": ""}, {"e\u0301": ""}),
    ],
    ids=["shifted", "joined", "left out", "empty pair", "case of key", "case of value", "swapped", "normal form"],
)
def test_context_that_looks_the_same_is_refused(sealed: dict[str, str], given_context: dict[str, str]) -> None:
    """Contexts whose text runs together, or that differ in case or form only, are different contexts."""
    assert_refused(STORE.encrypt(KEY, MATERIAL, b"x", sealed), given_context)


def test_header_of_another_blob_does_not_help() -> None:
    """The header given must be the blob's own."""
    first, second = (STORE.encrypt(KEY, MATERIAL, b"x", {}) for _ in range(2))
    with pytest.raises(InvalidCiphertextException):
        STORE.decrypt(KEY, MATERIAL, parse_header(first), second, {})


def test_same_material_in_another_key_does_not_open() -> None:
    """Two keys with the same raw material cannot read each other's ciphertext."""
    key_id = "0" * 8 + UUID[8:]
    raw = raw_material(KEY, MATERIAL)
    material_id = other.material_id(raw, key_id)
    facts = other.wrap_facts(ACCOUNT, REGION, key_id, material_id)
    twin = Material(material_id, other.seal_record(raw, ROOT, 1, facts, bytes(16)), 0.0)
    blob = STORE.encrypt(KEY, MATERIAL, b"x", {})
    assert material_id != MATERIAL.material_id
    assert_refused(blob, {}, make_key(key_id=key_id), twin)


def test_ciphertext_of_older_material_does_not_open_with_newer() -> None:
    """A blob that names one material of a key is refused with another."""
    assert_refused(STORE.encrypt(KEY, MATERIAL, b"x", {}), {}, KEY, STORE.generate(KEY))


@pytest.mark.parametrize(
    "changes",
    [
        {"realm": Realm("999999999999", REGION)},
        {"realm": Realm(ACCOUNT, "eu-west-1")},
        {"key_id": MRK},
        {"spec": KeySpec.HMAC_256},
        {"usage": KeyUsage.GENERATE_VERIFY_MAC},
        {"origin": Origin.EXTERNAL},
    ],
    ids=["account", "Region", "key id", "spec", "usage", "origin"],
)
def test_wrap_is_bound_to_its_key(changes: dict[str, object]) -> None:
    """Material moved to another account, Region, key, spec, usage or origin is found out as tampering."""
    with pytest.raises(TamperedStoreError, match=MATERIAL.material_id):
        STORE.encrypt(make_key(**changes), MATERIAL, b"x", {})


def test_swapped_materials_are_found_out() -> None:
    """Wraps exchanged between two keys, or two materials of a key, open neither for encryption nor decryption."""
    elsewhere = STORE.generate(make_key(key_id=MRK))
    newer = STORE.generate(KEY)
    blob = STORE.encrypt(KEY, MATERIAL, b"x", {})
    for foreign in (elsewhere, newer):
        swapped = msgspec.structs.replace(MATERIAL, wrapped=foreign.wrapped)
        with pytest.raises(TamperedStoreError):
            STORE.encrypt(KEY, swapped, b"x", {})
        with pytest.raises(TamperedStoreError):
            decrypt(blob, {}, KEY, swapped)


def test_every_changed_byte_of_a_wrap_is_found_out() -> None:
    """Damage to stored material is not taken for a bad ciphertext of the caller's."""
    blob = STORE.encrypt(KEY, MATERIAL, b"x", {})
    wrapped = MATERIAL.wrapped
    for at in range(len(wrapped)):
        changed = wrapped[:at] + bytes((wrapped[at] ^ 1,)) + wrapped[at + 1 :]
        with pytest.raises(TamperedStoreError):
            decrypt(blob, {}, KEY, Material(MATERIAL.material_id, changed, 0.0))


def test_another_root_opens_nothing() -> None:
    """A key store with another root key cannot use the material."""
    stranger = SoftwareKeyStore(RootKeys({ROOT.version: bytes(32)}, ROOT.version))
    with pytest.raises(TamperedStoreError):
        stranger.encrypt(KEY, MATERIAL, b"x", {})


def test_commitment_is_checked_before_the_ciphertext_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a wrong commitment GCM never runs on the caller's ciphertext."""
    blob = STORE.encrypt(KEY, MATERIAL, b"some text", {})
    opened: list[bytes] = []
    unseal = aead.unseal

    def watched(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        opened.append(sealed)
        return unseal(key, nonce, sealed, aad)

    monkeypatch.setattr(aead, "unseal", watched)
    assert_refused(blob[:73] + bytes(32) + blob[105:], {})
    assert opened == []
    assert decrypt(blob, {}) == b"some text"
    assert opened == [blob[105:]]


@pytest.mark.parametrize("count", [1, 32, 1024])
def test_random_bytes(count: int) -> None:
    """Random bytes have the length asked for and do not repeat."""
    assert len(STORE.random(count)) == count
    assert STORE.random(count * 16) != STORE.random(count * 16)
