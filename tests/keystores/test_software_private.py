"""The software key store's private keys and MACs: how they lie in the database, and what is refused."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

from strongroom.crypto import private_keys
from strongroom.keystores.software import SoftwareKeyStore
from strongroom.model.errors import InvalidCiphertextException, ValidationException
from strongroom.model.key import Key, Material
from strongroom.model.spec import (
    SPECS,
    EncryptionAlgorithm,
    KeySpec,
    KeyUsage,
    Kind,
    MacAlgorithm,
    MessageType,
    SigningAlgorithm,
)
from strongroom.ports import KeyStore, TamperedStoreError
from tests import support_formats as other
from tests.keystores.samples import MRK, ROOT, ROOTS, make_key

ASYMMETRIC = [spec for spec, row in SPECS.items() if row.asymmetric]
HMAC = [spec for spec, row in SPECS.items() if row.kind is Kind.HMAC]


def new_key(spec: KeySpec, usage: KeyUsage | None = None) -> tuple[KeyStore, Key, Material]:
    """A store with a key of a spec."""
    store: KeyStore = SoftwareKeyStore(ROOTS)
    key = make_key(spec=spec, usage=usage or next(iter(SPECS[spec].algorithms)))
    return store, key, store.generate(key)


def raw_material(key: Key, material: Material) -> bytes:
    """The material, as the second reader finds it in the wrap."""
    facts = (*key.realm, key.key_id, material.material_id, key.spec.value, key.usage.value, key.origin.value)
    return other.open_record(material.wrapped, ROOT, 1, facts)


@pytest.mark.parametrize("spec", ASYMMETRIC)
def test_a_private_key_is_stored_as_pkcs8(spec: KeySpec) -> None:
    """The wrap holds a DER PKCS#8 private key, whose public key is the one that is told."""
    store, key, material = new_key(spec)
    raw = raw_material(key, material)
    public = load_der_private_key(raw, None).public_key()
    assert store.public_key(key, material) == public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert material.material_id == other.material_id(raw, key.key_id)


@pytest.mark.parametrize("spec", HMAC)
def test_an_hmac_key_is_stored_as_its_bytes(spec: KeySpec) -> None:
    """The wrap holds random bytes, as many as the digest has."""
    _, key, material = new_key(spec)
    assert len(raw_material(key, material)) == int(spec.value[-3:]) // 8


def test_no_two_keys_have_the_same_material() -> None:
    """Each generation is fresh."""
    store = SoftwareKeyStore(ROOTS)
    for spec in (KeySpec.ECC_NIST_P256, KeySpec.HMAC_256, KeySpec.ML_KEM_768):
        key = make_key(spec=spec, usage=next(iter(SPECS[spec].algorithms)))
        raws = {raw_material(key, store.generate(key)) for _ in range(4)}
        assert len(raws) == 4


Use = Callable[[KeyStore, Key, Material], object]

# One use of each method that takes material, with the spec and usage that it needs.
USES: dict[str, tuple[KeySpec, KeyUsage, Use]] = {
    "public_key": (KeySpec.ECC_NIST_P256, KeyUsage.SIGN_VERIFY, lambda store, *it: store.public_key(*it)),
    "encrypt_to": (
        KeySpec.RSA_2048,
        KeyUsage.ENCRYPT_DECRYPT,
        lambda store, *it: store.encrypt_to(*it, EncryptionAlgorithm.RSAES_OAEP_SHA_256, b"x"),
    ),
    "decrypt_with": (
        KeySpec.RSA_2048,
        KeyUsage.ENCRYPT_DECRYPT,
        lambda store, *it: store.decrypt_with(*it, EncryptionAlgorithm.RSAES_OAEP_SHA_256, bytes(256)),
    ),
    "sign": (
        KeySpec.ECC_NIST_P256,
        KeyUsage.SIGN_VERIFY,
        lambda store, *it: store.sign(*it, SigningAlgorithm.ECDSA_SHA_256, MessageType.RAW, b"m"),
    ),
    "verify": (
        KeySpec.ECC_NIST_P256,
        KeyUsage.SIGN_VERIFY,
        lambda store, *it: store.verify(*it, SigningAlgorithm.ECDSA_SHA_256, MessageType.RAW, b"m", signature=b"s"),
    ),
    "mac": (
        KeySpec.HMAC_256,
        KeyUsage.GENERATE_VERIFY_MAC,
        lambda store, *it: store.mac(*it, MacAlgorithm.HMAC_SHA_256, b"m"),
    ),
    "agree": (
        KeySpec.ECC_NIST_P256,
        KeyUsage.KEY_AGREEMENT,
        lambda store, *it: store.agree(*it, private_keys.generate(KeySpec.ECC_NIST_P256).spki),
    ),
    "encapsulate": (
        KeySpec.ML_KEM_768, KeyUsage.ENCAPSULATE_DECAPSULATE, lambda store, *it: store.encapsulate(*it),
    ),
    "decapsulate": (
        KeySpec.ML_KEM_768, KeyUsage.ENCAPSULATE_DECAPSULATE, lambda store, *it: store.decapsulate(*it, bytes(1088)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("method", USES)
def test_material_of_another_key_is_not_used(method: str) -> None:
    """A wrap that was moved to another key is found, whatever the key is asked for."""
    spec, usage, use = USES[method]
    store, key, material = new_key(spec, usage)
    elsewhere = make_key(spec=spec, usage=usage, key_id=MRK)
    with pytest.raises(TamperedStoreError):
        use(store, elsewhere, material)
    if method != "decrypt_with":
        use(store, key, material)


BAD_CIPHERTEXTS: dict[str, Use] = {
    "decrypt_with": lambda store, *it: store.decrypt_with(*it, EncryptionAlgorithm.RSAES_OAEP_SHA_256, bytes(256)),
    "decapsulate": lambda store, *it: store.decapsulate(*it, b"short"),
}


@pytest.mark.parametrize("method", BAD_CIPHERTEXTS)
def test_a_refused_ciphertext_gives_no_reason(method: str) -> None:
    """The fault has no text, and nothing of what went wrong hangs on it."""
    spec, usage, _ = USES[method]
    with pytest.raises(InvalidCiphertextException) as caught:
        BAD_CIPHERTEXTS[method](*new_key(spec, usage))
    assert (caught.value.message, caught.value.__cause__) == ("", None)


def test_a_peer_that_is_no_key_is_refused() -> None:
    """A public key of another curve, or rubbish, is the caller's fault; the text names the key spec alone."""
    store, key, material = new_key(KeySpec.ECC_NIST_P256, KeyUsage.KEY_AGREEMENT)
    for peer in (b"rubbish", private_keys.generate(KeySpec.ECC_NIST_P384).spki):
        with pytest.raises(ValidationException) as caught:
            store.agree(key, material, peer)
        assert caught.value.message == "The public key is not a valid public key of the key spec ECC_NIST_P256."


def test_a_data_key_pair_belongs_together() -> None:
    """The public key is that of the private key."""
    public, private = SoftwareKeyStore(ROOTS).key_pair(KeySpec.ECC_NIST_EDWARDS25519)
    own = load_der_private_key(private, None).public_key()
    assert public == own.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
