"""DeriveSharedSecret through boto3: both sides agree, and no peer that is not on the curve is taken."""

import base64
import os
from typing import Any

import pytest
from Crypto.PublicKey import ECC
from Crypto.Util.asn1 import DerBitString, DerSequence

from tests.compat import independent
from tests.compat.calls import new_key, post
from tests.compat.specs import Keys, with_usage
from tests.support import Server

USAGE = "KEY_AGREEMENT"
SPECS = with_usage(USAGE)
FIELD_BYTES = {"ECC_NIST_P256": 32, "ECC_NIST_P384": 48, "ECC_NIST_P521": 66}


def derive(kms: Any, key: str, peer: bytes) -> bytes:
    """The secret with a peer."""
    answer = kms.derive_shared_secret(KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=peer)
    secret: bytes = answer["SharedSecret"]
    return secret


@pytest.mark.parametrize("spec", SPECS)
def test_two_keys_agree(kms: Any, keys: Keys, spec: str) -> None:
    """Each of two keys derives the same secret from the other's public key, and the same each time."""
    one, two = keys(spec, USAGE), new_key(kms, KeySpec=spec, KeyUsage=USAGE)
    public = {key: kms.get_public_key(KeyId=key)["PublicKey"] for key in (one, two)}
    secret = derive(kms, one, public[two])
    assert derive(kms, two, public[one]) == derive(kms, one, public[two]) == secret
    assert derive(kms, one, public[one]) != secret


@pytest.mark.parametrize("spec", SPECS)
def test_a_leading_zero_stays(kms: Any, keys: Keys, spec: str) -> None:
    """A secret that begins with a zero byte is as long as every other (NIST SP 800-56A, section 5.7.1.2)."""
    public_key = keys.public(spec, USAGE)
    while True:
        peer = independent.new_private_key(spec)
        secret = independent.agree(peer, public_key)
        if secret[0] == 0:
            break
    assert derive(kms, keys(spec, USAGE), independent.public_der(peer)) == secret


def foreign_keys(keys: Keys) -> dict[str, bytes]:
    """Public keys of other kinds, of which every spec refuses all but its own."""
    found = {spec: independent.public_der(independent.new_private_key(spec)) for spec in independent.CURVES}
    found["P-224"] = independent.public_der(ECC.generate(curve="P-224"))
    found["X25519"] = independent.public_der(ECC.generate(curve="Curve25519"))
    found["RSA"] = keys.public("RSA_2048", "SIGN_VERIFY")
    found["ML-KEM"] = keys.public("ML_KEM_768", "ENCAPSULATE_DECAPSULATE")
    return found


def malformed_keys(spec: str) -> dict[str, bytes]:
    """What is not a public key on the curve of a spec, though it looks much like one."""
    private = independent.new_private_key(spec)
    good, size = independent.public_der(private), FIELD_BYTES[spec]
    head, x, y = good[: -2 * size], good[-2 * size : -size], good[-size:]
    algorithm = DerSequence().decode(good)[0]
    return {
        "off the curve": head + x + bytes([*y[:-1], y[-1] ^ 1]),
        "x and y swapped": head + y + x,
        "the point (0, 0)": head + bytes(2 * size),
        "coordinates above the prime": head + b"\xff" * (2 * size),
        "the point at infinity": DerSequence([algorithm, DerBitString(b"\0")]).encode(),
        "no point": DerSequence([algorithm, DerBitString(b"")]).encode(),
        "a compressed point": private.public_key().export_key(format="DER", compress=True),
        "a hybrid point": head[:-1] + bytes([6 | (y[-1] & 1)]) + x + y,
        "an unknown form of point": head[:-1] + b"\x05" + x + y,
        "one byte short": good[:-1],
        "one byte long": good + b"\0",
        "the point alone": good[-2 * size - 1 :],
        "x alone": x,
        "a private key": private.export_key(format="DER", use_pkcs8=True),
        "PEM": private.public_key().export_key(format="PEM").encode(),
        "base64 of DER": base64.b64encode(good),
        "one byte": b"0",
        "zeros": bytes(len(good)),
        "random bytes": os.urandom(len(good)),
        "as long as can be": b"0" * 8192,
    }


@pytest.mark.parametrize("spec", SPECS)
def test_peers_that_are_refused(server: Server, keys: Keys, spec: str) -> None:
    """Keys of other curves and kinds, points off the curve and malformed keys have one and the same answer."""
    bad = foreign_keys(keys) | malformed_keys(spec)
    del bad[spec]
    body = {"KeyId": keys(spec, USAGE), "KeyAgreementAlgorithm": "ECDH"}
    answers = {
        case: post(server, "DeriveSharedSecret", body | {"PublicKey": base64.b64encode(peer).decode()})
        for case, peer in bad.items()
    }
    assert {(answer.status, answer.fault) for answer in answers.values()} == {(400, "ValidationException")}, {
        case: answer.body for case, answer in answers.items()
    }
    assert len({answer.body for answer in answers.values()}) == 1


@pytest.mark.parametrize(("size", "limit"), [(0, "greater than or equal to 1"), (8193, "less than or equal to 8192")])
def test_the_length_of_a_public_key(server: Server, keys: Keys, size: int, limit: str) -> None:
    """A public key has 1 to 8192 bytes."""
    body = {"KeyId": keys("ECC_NIST_P256", USAGE), "KeyAgreementAlgorithm": "ECDH"}
    answer = post(server, "DeriveSharedSecret", body | {"PublicKey": base64.b64encode(bytes(size)).decode()})
    assert (answer.status, answer.fault) == (400, "ValidationException")
    assert f"'publicKey' failed to satisfy constraint: Member must have length {limit}" in answer.body.decode()
