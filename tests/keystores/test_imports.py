"""Import tokens, and the way of imported material into the software key store."""

import struct
from typing import Any

import pytest
from Crypto.PublicKey import RSA

from strongroom.keystores.imports import ImportTokens
from strongroom.keystores.root import RootKeys
from strongroom.keystores.software import SoftwareKeyStore
from strongroom.model.errors import (
    ExpiredImportTokenException,
    Fault,
    IncorrectKeyMaterialException,
    InvalidCiphertextException,
    InvalidImportTokenException,
)
from strongroom.model.region import Realm
from strongroom.model.spec import KeySpec, KeyUsage, Origin
from strongroom.model.wrapping import AlgorithmSpec, WrappingKeySpec
from tests import support_formats as other
from tests import wrapping
from tests.keystores.samples import ACCOUNT, MRK, REGION, ROOT, ROOTS, UUID, make_key

STORE = SoftwareKeyStore(ROOTS)
TOKENS = ImportTokens(ROOTS)
KEY = make_key(origin=Origin.EXTERNAL)
FACTS = (ACCOUNT, REGION, UUID, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
VALID_TO = 1_700_086_400.25
NOW = VALID_TO - 1
OAEP, WRAP = AlgorithmSpec.RSAES_OAEP_SHA_256, AlgorithmSpec.RSA_AES_KEY_WRAP_SHA_1
MATERIAL = bytes(range(32))


@pytest.fixture(scope="module")
def issued() -> tuple[bytes, bytes]:
    """A public key and its token."""
    return STORE.import_parameters(KEY, OAEP, WrappingKeySpec.RSA_2048, VALID_TO)


@pytest.mark.parametrize("number", range(4))
def test_a_token_is_the_documented_record(number: int) -> None:
    """The second reader finds in it the end of its time, the algorithm, and the private half of the public key."""
    algorithm = AlgorithmSpec(wrapping.ALGORITHMS[number])
    public_key, token = STORE.import_parameters(KEY, algorithm, WrappingKeySpec.RSA_2048, VALID_TO)
    content = other.open_record(token, ROOT, 3, FACTS)
    assert content[:10] == struct.pack(">d", VALID_TO) + bytes((number, 0))
    private = RSA.import_key(content[10:])
    assert private.has_private()
    assert private.size_in_bits() == 2048
    assert private.public_key() == RSA.import_key(public_key)


@pytest.mark.parametrize("number", range(3))
def test_every_wrapping_key_fits_a_token(number: int) -> None:
    """A token is at most 2,450 bytes, where AWS's model takes 6,144."""
    spec = WrappingKeySpec(wrapping.WRAPPING_SPECS[number])
    public_key, token = STORE.import_parameters(KEY, WRAP, spec, VALID_TO)
    assert RSA.import_key(public_key).size_in_bits() == int(spec[-4:])
    assert len(token) <= 2450
    assert other.open_record(token, ROOT, 3, FACTS)[8:10] == bytes((2, number))
    algorithm, pair = TOKENS.open(KEY, token, NOW)
    assert (algorithm, pair.spki) == (WRAP, public_key)


def test_no_two_wrapping_keys_are_the_same(issued: tuple[bytes, bytes]) -> None:
    """Each call makes another."""
    again = STORE.import_parameters(KEY, OAEP, WrappingKeySpec.RSA_2048, VALID_TO)
    assert again[0] != issued[0]
    assert again[1] != issued[1]


OTHER_KEYS: dict[str, dict[str, Any]] = {
    "account": {"realm": Realm("210987654321", REGION)},
    "Region": {"realm": Realm(ACCOUNT, "eu-west-1")},
    "key id": {"key_id": MRK},
    "spec": {"spec": KeySpec.HMAC_256},
    "usage": {"usage": KeyUsage.SIGN_VERIFY},
}


@pytest.mark.parametrize("fact", OTHER_KEYS)
def test_a_token_serves_its_key_alone(issued: tuple[bytes, bytes], fact: str) -> None:
    """With anything of the key changed it is no token, even when its time is over."""
    for now in (NOW, VALID_TO + 1):
        with pytest.raises(InvalidImportTokenException):
            TOKENS.open(make_key(origin=Origin.EXTERNAL, **OTHER_KEYS[fact]), issued[1], now)


def test_bytes_that_are_no_token(issued: tuple[bytes, bytes]) -> None:
    """Cut, lengthened, with any bit flipped, records of other kinds and of another root: all the same fault."""
    token = issued[1]
    bad = [b"", b"\0", bytes(2000), token[:-1], token[:22], token + b"\0", token[1:]]
    bad += [token[:place] + bytes([token[place] ^ 1]) + token[place + 1 :] for place in (*range(40), 700, -1)][:-1]
    bad += [other.seal_record(bytes(1300), ROOT, kind, FACTS, bytes(16)) for kind in (1, 2)]
    elsewhere = SoftwareKeyStore(RootKeys({ROOT.version: bytes(32)}, ROOT.version))
    bad.append(elsewhere.import_parameters(KEY, OAEP, WrappingKeySpec.RSA_2048, VALID_TO)[1])
    texts = set()
    for each in bad:
        with pytest.raises(InvalidImportTokenException) as caught:
            TOKENS.open(KEY, each, NOW)
        texts.add(str(caught.value))
    assert len(texts) == 1


def test_a_token_ends(issued: tuple[bytes, bytes]) -> None:
    """At the time that it was given for it is over, and not before."""
    assert TOKENS.open(KEY, issued[1], VALID_TO - 0.001)[1].spki == issued[0]
    for now in (VALID_TO, VALID_TO + 1e9):
        with pytest.raises(ExpiredImportTokenException):
            TOKENS.open(KEY, issued[1], now)


def test_a_token_outlives_a_rotation_of_the_root(issued: tuple[bytes, bytes]) -> None:
    """It opens for as long as its root is held."""
    rotated = ImportTokens(RootKeys({ROOT.version: ROOT.root, 8: bytes(range(32, 64))}, 8))
    assert rotated.open(KEY, issued[1], NOW)[1].spki == issued[0]
    with pytest.raises(InvalidImportTokenException):
        ImportTokens(RootKeys({8: ROOT.root}, 8)).open(KEY, issued[1], NOW)


def test_imported_material_is_stored_as_any_other(issued: tuple[bytes, bytes]) -> None:
    """The second reader unwraps it and computes its id; it is dated now, and a token may be used again."""
    wrapped = wrapping.by_pycryptodome(issued[0], OAEP, MATERIAL)
    for _ in range(2):
        material = STORE.import_material(KEY, issued[1], wrapped, NOW)
        assert material.material_id == other.material_id(MATERIAL, UUID)
        assert material.created_at == NOW
        facts = (ACCOUNT, REGION, UUID, material.material_id, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "EXTERNAL")
        assert other.open_record(material.wrapped, ROOT, 1, facts) == MATERIAL


def fault_of(token: bytes, wrapped: bytes, now: float = NOW) -> Fault:
    """How an import fails."""
    with pytest.raises(Fault) as caught:
        STORE.import_material(KEY, token, wrapped, now)
    assert caught.value.__cause__ is None
    return caught.value


def test_faults_come_in_order(issued: tuple[bytes, bytes]) -> None:
    """The token first, then its time, then the wrap, then the material."""
    public_key, token = issued
    good, short = (wrapping.by_pycryptodome(public_key, OAEP, each) for each in (MATERIAL, MATERIAL[1:]))
    assert isinstance(fault_of(token[:-1], b"x", VALID_TO), InvalidImportTokenException)
    assert isinstance(fault_of(token, b"x", VALID_TO), ExpiredImportTokenException)
    damaged = fault_of(token, good[:-1])
    assert isinstance(damaged, InvalidCiphertextException)
    assert str(damaged) == ""
    assert isinstance(fault_of(token, short), IncorrectKeyMaterialException)


def test_a_store_of_tokens_shows_nothing() -> None:
    """As all that holds keys."""
    assert repr(TOKENS) == "<ImportTokens>"
