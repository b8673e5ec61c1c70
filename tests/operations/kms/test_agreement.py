"""DeriveSharedSecret, Encapsulate, Decapsulate."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from tests.core import Core
from tests.operations.kms.kinds import Zoo

CURVES: dict[str, tuple[ec.EllipticCurve, int]] = {
    "ECC_NIST_P256": (ec.SECP256R1(), 32),
    "ECC_NIST_P384": (ec.SECP384R1(), 48),
    "ECC_NIST_P521": (ec.SECP521R1(), 66),
}


def spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A public key in DER."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("spec", CURVES)
def test_both_sides_derive_one_secret(core: Core, spec: str) -> None:
    """The raw secret is what the peer computes from our public key, as long as the curve's field."""
    curve, size = CURVES[spec]
    key = core.new_key(KeySpec=spec, KeyUsage="KEY_AGREEMENT")
    peer = ec.generate_private_key(curve)
    answer = core.ok("DeriveSharedSecret", KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=spki(peer))
    ours = load_der_public_key(core.ok("GetPublicKey", KeyId=key)["PublicKey"])
    assert isinstance(ours, ec.EllipticCurvePublicKey)
    secret = peer.exchange(ec.ECDH(), ours)
    assert len(secret) == size
    assert answer == {
        "KeyId": key,
        "SharedSecret": secret,
        "KeyAgreementAlgorithm": "ECDH",
        "KeyOrigin": "AWS_KMS",
    }


@pytest.mark.parametrize("peer", ["another curve", "garbage", "cut", "one byte"])
def test_a_public_key_that_does_not_fit(zoo: Zoo, peer: str) -> None:
    """A key on another curve, or no key at all, is a ValidationException."""
    good = zoo.members("DeriveSharedSecret", "agreement")
    bad = {
        "another curve": spki(ec.generate_private_key(ec.SECP384R1())),
        "garbage": b"garbage",
        "cut": good["PublicKey"][:-1],
        "one byte": b"0",
    }[peer]
    assert zoo.core.refused("DeriveSharedSecret", **good | {"PublicKey": bad})[0] == "ValidationException"


@pytest.mark.parametrize("size", [0, 8193])
def test_a_public_key_is_bounded(zoo: Zoo, size: int) -> None:
    """1 to 8192 bytes, as in the model."""
    members = zoo.members("DeriveSharedSecret", "agreement") | {"PublicKey": bytes(size)}
    code, text = zoo.core.refused("DeriveSharedSecret", **members)
    assert (code, "'publicKey' failed" in text) == ("ValidationException", True)


@pytest.mark.parametrize(("spec", "size"), [("ML_KEM_768", 1088), ("ML_KEM_1024", 1568)])
def test_a_secret_goes_there_and_back(core: Core, spec: str, size: int) -> None:
    """Decapsulate finds the 32 bytes that Encapsulate made, by a ciphertext of the spec's length."""
    key = core.new_key(KeySpec=spec, KeyUsage="ENCAPSULATE_DECAPSULATE")
    named: dict[str, Any] = {"KeyId": key, "EncapsulationAlgorithm": "ML_KEM"}
    made = core.ok("Encapsulate", **named)
    secret, blob = made["SharedSecret"], made["SharedSecretCiphertextBlob"]
    assert made == {**named, "SharedSecret": secret, "SharedSecretCiphertextBlob": blob}
    assert (len(secret), len(blob)) == (32, size)
    assert core.ok("Decapsulate", **named, SharedSecretCiphertextBlob=blob) == {**named, "SharedSecret": secret}
    assert core.ok("Encapsulate", **named)["SharedSecret"] != secret


def test_a_changed_ciphertext_gives_another_secret(zoo: Zoo) -> None:
    """Implicit rejection (FIPS 203): the same wrong secret each time, and no fault."""
    members = zoo.members("Decapsulate", "encapsulation")
    blob = members["SharedSecretCiphertextBlob"]
    right = zoo.core.ok("Decapsulate", **members)["SharedSecret"]
    changed = members | {"SharedSecretCiphertextBlob": bytes([blob[0] ^ 1]) + blob[1:]}
    wrong = zoo.core.ok("Decapsulate", **changed)["SharedSecret"]
    assert wrong == zoo.core.ok("Decapsulate", **changed)["SharedSecret"]
    assert (len(wrong), wrong == right) == (32, False)


def test_a_ciphertext_of_another_length(zoo: Zoo) -> None:
    """That one is refused, without a word."""
    members = zoo.members("Decapsulate", "encapsulation")
    blob = members["SharedSecretCiphertextBlob"]
    for bad in (blob[:-1], blob + b"\0", b"x"):
        refused = zoo.core.refused("Decapsulate", **members | {"SharedSecretCiphertextBlob": bad})
        assert refused == ("InvalidCiphertextException", "")


def test_a_ciphertext_is_not_opened_by_a_dry_run(zoo: Zoo) -> None:
    """It says whether key and permission fit."""
    members = zoo.members("Decapsulate", "encapsulation") | {"SharedSecretCiphertextBlob": b"x", "DryRun": True}
    assert zoo.core.refused("Decapsulate", **members)[0] == "DryRunOperationException"
