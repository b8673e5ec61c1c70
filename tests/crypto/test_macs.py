"""HMAC against RFC 4231 and against another implementation."""

from typing import Any

import pytest
from Crypto.Hash import HMAC, SHA224, SHA256, SHA384, SHA512
from hypothesis import given
from hypothesis import strategies as st

from strongroom.crypto import macs
from strongroom.model.spec import MacAlgorithm
from tests.crypto.support_vectors import rfc_4231

HASHES: dict[MacAlgorithm, Any] = {
    MacAlgorithm.HMAC_SHA_224: SHA224,
    MacAlgorithm.HMAC_SHA_256: SHA256,
    MacAlgorithm.HMAC_SHA_384: SHA384,
    MacAlgorithm.HMAC_SHA_512: SHA512,
}


@pytest.mark.parametrize("algorithm", MacAlgorithm)
def test_rfc_4231(algorithm: MacAlgorithm) -> None:
    """The six codes of RFC 4231 that are not truncated come out."""
    cases = rfc_4231(algorithm[-3:])
    assert len(cases) == 6
    for key, message, code in cases:
        assert macs.MacKey(key, algorithm).mac(message) == code


@given(st.sampled_from(MacAlgorithm), st.binary(min_size=28, max_size=64), st.binary(max_size=4096))
def test_another_implementation(algorithm: MacAlgorithm, key: bytes, message: bytes) -> None:
    """PyCryptodome computes the same code, whatever key and message; a key that was used gives the same again."""
    loaded, expected = macs.MacKey(key, algorithm), HMAC.new(key, message, HASHES[algorithm]).digest()
    assert loaded.mac(message) == loaded.mac(message) == expected
    if algorithm is MacAlgorithm.HMAC_SHA_256:
        assert macs.hmac_sha256(key, message) == expected


def test_a_loaded_key_shows_nothing_and_is_not_pickled() -> None:
    """What holds a key is in no repr and in no file."""
    loaded = macs.MacKey(b"a key of some length, not to be seen", MacAlgorithm.HMAC_SHA_256)
    assert "not to be seen" not in f"{loaded!r} {loaded}"
    with pytest.raises(TypeError):
        loaded.__reduce__()
