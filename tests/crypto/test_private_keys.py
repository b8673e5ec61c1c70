"""Private keys: what is made, how it is stored, what is refused, and that nothing of it shows."""

import copy
import pickle
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_der_private_key,
)

from strongroom.crypto import private_keys
from strongroom.crypto.errors import InvalidKeyError
from strongroom.model.spec import SPECS, KeySpec, Kind
from tests.crypto import support_vectors
from tests.crypto.support_keys import ASYMMETRIC, other, other_key, pair

# What PyCryptodome sees in a public key: its curve or parameter set. (RSA: see the test.)
CURVES = {
    KeySpec.ECC_NIST_P256: "NIST P-256",
    KeySpec.ECC_NIST_P384: "NIST P-384",
    KeySpec.ECC_NIST_P521: "NIST P-521",
    KeySpec.ECC_SECG_P256K1: "secp256k1",
    KeySpec.ECC_NIST_EDWARDS25519: "Ed25519",
}
PARAMETER_SETS = {
    KeySpec.ML_DSA_44: "ML-DSA-44",
    KeySpec.ML_DSA_65: "ML-DSA-65",
    KeySpec.ML_DSA_87: "ML-DSA-87",
    KeySpec.ML_KEM_768: "ML-KEM-768",
    KeySpec.ML_KEM_1024: "ML-KEM-1024",
}
# Lengths of PKCS#8 with a seed: 22 bytes around 32 or 64 (RFC 9881 and RFC 9935, section 6).
SEED_FORM = {Kind.ML_DSA: 54, Kind.ML_KEM: 86}


@pytest.mark.parametrize("spec", ASYMMETRIC)
def test_a_new_key_is_of_its_spec(spec: KeySpec) -> None:
    """Another implementation finds in the public key the size and exponent, curve or parameter set of the spec."""
    public = other_key(spec, private_keys.generate(spec).spki)
    assert not public.has_private()
    if SPECS[spec].kind is Kind.RSA:
        assert (public.size_in_bits(), public.e) == (SPECS[spec].size, 65537)
    elif spec in CURVES:
        assert public.curve == CURVES[spec]
    else:
        assert public.param_set.value == PARAMETER_SETS[spec]


@pytest.mark.parametrize("spec", [spec for spec in ASYMMETRIC if SPECS[spec].kind is not Kind.RSA])
def test_new_keys_differ(spec: KeySpec) -> None:
    """No two keys are the same."""
    assert private_keys.generate(spec).spki != private_keys.generate(spec).spki


@pytest.mark.parametrize("spec", ASYMMETRIC)
def test_another_implementation_reads_the_stored_key(spec: KeySpec) -> None:
    """PKCS#8 and SubjectPublicKeyInfo are one key to another implementation, and the loaded key is the same again."""
    stored = private_keys.to_pkcs8(pair(spec))
    assert other(spec).has_private()
    assert other(spec).public_key() == other_key(spec, pair(spec).spki)
    loaded = private_keys.load(spec, stored)
    assert loaded.spki == pair(spec).spki
    assert private_keys.to_pkcs8(loaded) == stored


@pytest.mark.parametrize("spec", ASYMMETRIC)
def test_another_implementations_key_loads(spec: KeySpec) -> None:
    """PKCS#8 as PyCryptodome writes it loads as the same key."""
    key = other(spec)
    options: dict[Kind, dict[str, Any]] = {
        Kind.RSA: {"format": "DER", "pkcs": 8},
        Kind.ECC: {"format": "DER", "use_pkcs8": True},
        Kind.ED25519: {"format": "DER", "use_pkcs8": True},
        Kind.ML_DSA: {"format": "DER"},
        Kind.ML_KEM: {"format": "DER"},
    }
    stored = key.export_key(**options[SPECS[spec].kind])
    assert private_keys.load(spec, stored).spki == pair(spec).spki


@pytest.mark.parametrize("spec", [spec for spec in ASYMMETRIC if SPECS[spec].kind in SEED_FORM])
def test_post_quantum_keys_are_stored_as_seeds(spec: KeySpec) -> None:
    """The stored form has the length of the seed form, whatever the parameter set."""
    assert len(private_keys.to_pkcs8(pair(spec))) == SEED_FORM[SPECS[spec].kind]


@pytest.mark.parametrize("spec", PARAMETER_SETS)
def test_examples_of_the_rfcs(spec: KeySpec) -> None:
    """The seeds that RFC 9881 and RFC 9935 print load, give their public keys, and are written as they print them."""
    folder, rfc = ("MLDSA", "rfc9881") if SPECS[spec].kind is Kind.ML_DSA else ("MLKEM", "rfc9935")
    stem = f"PublicKey/{folder}/{rfc}_{spec.lower()}"
    seed, public = (support_vectors.der(support_vectors.text(f"{stem}_{form}.pem")) for form in ("seed", "public"))
    loaded = private_keys.load(spec, seed)
    assert loaded.spki == public
    assert private_keys.to_pkcs8(loaded) == seed


@pytest.mark.parametrize("spec", ASYMMETRIC)
def test_a_key_of_another_spec_is_refused(spec: KeySpec) -> None:
    """Each spec loads its own keys alone."""
    for wrong in ASYMMETRIC:
        if wrong is not spec:
            with pytest.raises(InvalidKeyError):
                private_keys.load(spec, private_keys.to_pkcs8(pair(wrong)))


@pytest.mark.parametrize("spec", ASYMMETRIC)
def test_what_is_no_key_is_refused(spec: KeySpec) -> None:
    """Nothing, rubbish, half a key, an encrypted key and a public key are one and the same error without a cause."""
    stored = private_keys.to_pkcs8(pair(spec))
    encrypted = load_der_private_key(stored, None, unsafe_skip_rsa_key_validation=True).private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    )
    for bad in (b"", b"\x30", bytes(64), stored[: len(stored) // 2], stored + b"\x00", encrypted, pair(spec).spki):
        with pytest.raises(InvalidKeyError) as caught:
            private_keys.load(spec, bad)
        assert str(caught.value) == ""
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_loading_tests_no_primes() -> None:
    """RSA keys, which come from a sealed record, load in microseconds: twenty in less time than testing one takes."""
    spec = KeySpec.RSA_4096
    stored = private_keys.to_pkcs8(pair(spec))
    started = time.thread_time()
    load_der_private_key(stored, None)
    tested = time.thread_time() - started
    started = time.thread_time()
    for _ in range(20):
        private_keys.load(spec, stored)
    assert time.thread_time() - started < tested


@pytest.mark.parametrize("spec", ASYMMETRIC)
def test_nothing_of_a_key_shows(spec: KeySpec) -> None:
    """A pair's repr says nothing, it cannot be pickled or copied deeply, and it cannot be changed."""
    key = pair(spec)
    assert repr(key) == str(key) == "<KeyPair>"
    for leak in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            leak(key)
    with pytest.raises(AttributeError):
        key.spki = b""  # type: ignore[misc] # the test is that it cannot be
