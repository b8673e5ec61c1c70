"""ML-KEM against another implementation, both ways, and what a ciphertext that is not ours gives."""

import os

import pytest

from strongroom.crypto import kem, private_keys
from strongroom.crypto.errors import DecryptionError
from strongroom.model.spec import KeySpec
from tests.crypto.support_keys import ENCAPSULATING, other, other_key, pair

CIPHERTEXT_BYTES = {KeySpec.ML_KEM_768: 1088, KeySpec.ML_KEM_1024: 1568}  # FIPS 203, table 3


@pytest.mark.parametrize("spec", ENCAPSULATING)
def test_another_implementation_decapsulates(spec: KeySpec) -> None:
    """PyCryptodome gets our secret out of our ciphertext, and so do we."""
    secret, ciphertext = kem.encapsulate(pair(spec))
    assert (len(secret), len(ciphertext)) == (32, CIPHERTEXT_BYTES[spec])
    assert other(spec)._decaps(ciphertext) == secret
    assert kem.decapsulate(pair(spec), ciphertext) == secret


@pytest.mark.parametrize("spec", ENCAPSULATING)
def test_another_implementations_ciphertext_decapsulates(spec: KeySpec) -> None:
    """We get PyCryptodome's secret out of its ciphertext to our public key."""
    secret, ciphertext = other_key(spec, pair(spec).spki)._encaps()
    assert kem.decapsulate(pair(spec), ciphertext) == secret


@pytest.mark.parametrize("spec", ENCAPSULATING)
def test_secrets_differ(spec: KeySpec) -> None:
    """Two encapsulations have neither secret nor ciphertext in common."""
    first, second = kem.encapsulate(pair(spec)), kem.encapsulate(pair(spec))
    assert first[0] != second[0]
    assert first[1] != second[1]


@pytest.mark.parametrize("spec", ENCAPSULATING)
def test_rejection_is_implicit(spec: KeySpec) -> None:
    """A changed, foreign or made-up ciphertext gives 32 bytes: always the same, and those that FIPS 203 says."""
    secret, ciphertext = kem.encapsulate(pair(spec))
    size = CIPHERTEXT_BYTES[spec]
    changed = ciphertext[:-1] + bytes([ciphertext[-1] ^ 1])
    foreign = kem.encapsulate(private_keys.generate(spec))[1]
    for bad in (changed, foreign, bytes(size), b"\xff" * size, os.urandom(size)):
        rejected = kem.decapsulate(pair(spec), bad)
        assert rejected == other(spec)._decaps(bad)
        assert rejected == kem.decapsulate(pair(spec), bad)
        assert rejected != secret


@pytest.mark.parametrize("spec", ENCAPSULATING)
def test_a_wrong_length_is_refused(spec: KeySpec) -> None:
    """A ciphertext of another length is refused, without text and cause."""
    size = CIPHERTEXT_BYTES[spec]
    lengths = {0, 1, size - 1, size + 1, 2 * size, 768, *CIPHERTEXT_BYTES.values()} - {size}
    for length in lengths:
        with pytest.raises(DecryptionError) as caught:
            kem.decapsulate(pair(spec), bytes(length))
        assert str(caught.value) == ""
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
