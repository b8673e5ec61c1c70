"""The key derivation against NIST's vectors and against another implementation."""

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode
from hypothesis import given
from hypothesis import strategies as st

from strongroom.crypto import kdf
from strongroom.crypto.macs import MacKey
from strongroom.model.spec import MacAlgorithm

VECTORS = Path(__file__).parents[1] / "vectors" / "kbkdf" / "hmac_sha256.txt"
CASES = {
    f"count {count}": (int(bits), bytes.fromhex(key), bytes.fromhex(fixed), bytes.fromhex(output))
    for count, bits, key, fixed, output in re.findall(
        r"COUNT=(\d+)\nL = (\d+)\nKI = (\w+)\nFixedInputData = (\w+)\nKO = (\w+)\n", VECTORS.read_text()
    )
}
LABELS = st.binary(min_size=1, max_size=40).map(lambda label: label.replace(b"\0", b"x"))


@pytest.mark.parametrize("name", CASES)
def test_nist_vectors(name: str) -> None:
    """The KDF gives the outputs that NIST publishes."""
    bits, key, fixed, output = CASES[name]
    assert kdf.counter_mode(key, fixed, bits // 8) == output


def test_every_vector_is_read() -> None:
    """No vector of the file falls through the parser."""
    assert len(CASES) == VECTORS.read_text().count("COUNT=") == 9


@given(st.binary(min_size=16, max_size=80), LABELS, st.binary(max_size=150), st.integers(1, 130))
def test_label_and_context_are_placed_as_in_sp_800_108(key: bytes, label: bytes, context: bytes, length: int) -> None:
    """Another implementation of SP 800-108 derives the same from label and context, at any length."""
    other = KBKDFHMAC(SHA256(), Mode.CounterMode, length, 4, 4, CounterLocation.BeforeFixed, label, context, None)
    assert kdf.derive(key, label, context, length) == other.derive(key)


@given(st.binary(min_size=16, max_size=80), LABELS, st.binary(max_size=150))
def test_a_key_ready_for_hmac_derives_the_same(key: bytes, label: bytes, context: bytes) -> None:
    """One block from a loaded key is what the key itself gives."""
    loaded = MacKey(key, MacAlgorithm.HMAC_SHA_256)
    assert kdf.derive_block(loaded, label, context) == kdf.derive(key, label, context)
