"""Encapsulate and Decapsulate through boto3: fresh secrets, and ciphertexts that were not made for the key."""

import base64
import os
from typing import Any

import pytest

from tests.compat import independent
from tests.compat.calls import Refusal, new_key, post, refusal
from tests.compat.specs import Keys, with_usage
from tests.support import Server

USAGE = "ENCAPSULATE_DECAPSULATE"
SPECS = with_usage(USAGE)
INVALID = Refusal("InvalidCiphertextException", "")
OTHER_BYTES = {768, 1088, 1568}


def request_of(keys: Keys, spec: str) -> dict[str, Any]:
    """A request of Encapsulate."""
    return {"KeyId": keys(spec, USAGE), "EncapsulationAlgorithm": "ML_KEM"}


@pytest.mark.parametrize("spec", SPECS)
def test_every_secret_is_fresh(kms: Any, keys: Keys, spec: str) -> None:
    """No two calls give the same secret or ciphertext."""
    answers = [kms.encapsulate(**request_of(keys, spec)) for _ in range(10)]
    for member in ("SharedSecret", "SharedSecretCiphertextBlob"):
        assert len({answer[member] for answer in answers}) == 10


@pytest.mark.parametrize("spec", SPECS)
def test_altered_ciphertexts_are_rejected_implicitly(kms: Any, keys: Keys, spec: str) -> None:
    """A changed ciphertext gives another secret of 32 bytes, the same each time (FIPS 203, section 6.3)."""
    request = request_of(keys, spec)
    secret, blob = independent.encapsulate(keys.public(spec, USAGE))
    secrets = {secret}
    altered = [blob[:place] + bytes([blob[place] ^ 1]) + blob[place + 1 :] for place in range(0, len(blob), 100)]
    altered += [bytes(len(blob)), b"\xff" * len(blob), os.urandom(len(blob))]
    for ciphertext in altered:
        found = {kms.decapsulate(**request, SharedSecretCiphertextBlob=ciphertext)["SharedSecret"] for _ in range(2)}
        assert {len(value) for value in found} == {32}
        assert len(found) == 1
        secrets |= found
    assert len(secrets) == len(altered) + 1
    assert kms.decapsulate(**request, SharedSecretCiphertextBlob=blob)["SharedSecret"] == secret


@pytest.mark.parametrize("spec", SPECS)
def test_a_ciphertext_for_another_key(kms: Any, keys: Keys, spec: str) -> None:
    """A ciphertext for another key of the spec gives another secret, too: nothing tells whose it is."""
    other = new_key(kms, KeySpec=spec, KeyUsage=USAGE)
    secret, blob = independent.encapsulate(kms.get_public_key(KeyId=other)["PublicKey"])
    here = kms.decapsulate(**request_of(keys, spec), SharedSecretCiphertextBlob=blob)["SharedSecret"]
    assert len(here) == 32
    assert here != secret


@pytest.mark.parametrize("spec", SPECS)
def test_ciphertexts_of_other_lengths(server: Server, kms: Any, keys: Keys, spec: str) -> None:
    """A ciphertext that is not as long as the spec's is InvalidCiphertextException, without a message."""
    request = request_of(keys, spec)
    size = len(kms.encapsulate(**request)["SharedSecretCiphertextBlob"])
    for length in {1, 32, size - 1, size + 1, 2 * size, 6144} | OTHER_BYTES - {size}:
        assert refusal(kms.decapsulate, **request, SharedSecretCiphertextBlob=bytes(length)) == INVALID
    answer = post(server, "Decapsulate", request | {"SharedSecretCiphertextBlob": "AAAA"})
    assert answer.body == b'{"__type":"InvalidCiphertextException"}'


@pytest.mark.parametrize(("size", "limit"), [(0, "greater than or equal to 1"), (6145, "less than or equal to 6144")])
def test_the_length_of_any_ciphertext(server: Server, keys: Keys, size: int, limit: str) -> None:
    """A ciphertext has 1 to 6144 bytes."""
    body = request_of(keys, "ML_KEM_768") | {"SharedSecretCiphertextBlob": base64.b64encode(bytes(size)).decode()}
    answer = post(server, "Decapsulate", body)
    assert (answer.status, answer.fault) == (400, "ValidationException")
    text = "'sharedSecretCiphertextBlob' failed to satisfy constraint: Member must have length " + limit
    assert text in answer.body.decode()
