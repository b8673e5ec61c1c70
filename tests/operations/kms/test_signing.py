"""Sign, Verify."""

import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from strongroom.model.spec import MESSAGE_BYTES, SigningAlgorithm
from tests.core import Core, open_core
from tests.operations.kms.kinds import Zoo

MESSAGE = b"a message to sign"
INVALID = ("KMSInvalidSignatureException", "")

# A spec for each signing algorithm that is here.
ALGORITHMS = {
    "RSASSA_PKCS1_V1_5_SHA_256": "RSA_2048",
    "RSASSA_PKCS1_V1_5_SHA_384": "RSA_2048",
    "RSASSA_PKCS1_V1_5_SHA_512": "RSA_2048",
    "RSASSA_PSS_SHA_256": "RSA_2048",
    "RSASSA_PSS_SHA_384": "RSA_2048",
    "RSASSA_PSS_SHA_512": "RSA_2048",
    "ECDSA_SHA_256": "ECC_SECG_P256K1",
    "ECDSA_SHA_384": "ECC_NIST_P384",
    "ECDSA_SHA_512": "ECC_NIST_P521",
    "ED25519_SHA_512": "ECC_NIST_EDWARDS25519",
    "ED25519_PH_SHA_512": "ECC_NIST_EDWARDS25519",
    "ML_DSA_SHAKE_256": "ML_DSA_44",
}
CASES = [
    pytest.param(algorithm, message_type.value, id=f"{algorithm}-{message_type}")
    for algorithm in ALGORITHMS
    for message_type in MESSAGE_BYTES[SigningAlgorithm(algorithm)]
]


class Signers:
    """A core with a signing key of each of the specs above."""

    def __init__(self, core: Core) -> None:
        self.core = core
        made = {spec: core.new_key(KeySpec=spec, KeyUsage="SIGN_VERIFY") for spec in sorted({*ALGORITHMS.values()})}
        self.keys = {algorithm: made[spec] for algorithm, spec in ALGORITHMS.items()}

    def members(self, algorithm: str, message_type: str, message: bytes) -> dict[str, Any]:
        """A request of Sign."""
        key = self.keys[algorithm]
        return {"KeyId": key, "Message": message, "MessageType": message_type, "SigningAlgorithm": algorithm}


@pytest.fixture(scope="module")
def signers(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The keys, for tests that change nothing."""
    with open_core(tmp_path_factory.mktemp("signers")) as core:
        yield Signers(core)


def message_for(algorithm: str, message_type: str) -> bytes:
    """A message that is of its type's length."""
    size = MESSAGE_BYTES[SigningAlgorithm(algorithm)][MESSAGE_TYPES[message_type]]
    return MESSAGE if size is None else hashlib.shake_256(MESSAGE).digest(size)


MESSAGE_TYPES = {item.value: item for types in MESSAGE_BYTES.values() for item in types}


@pytest.mark.parametrize(("algorithm", "message_type"), CASES)
def test_what_was_signed_is_verified(signers: Signers, algorithm: str, message_type: str) -> None:
    """The signature is good for its message and no other, and no other signature is."""
    core, members = signers.core, signers.members(algorithm, message_type, message_for(algorithm, message_type))
    signed = core.ok("Sign", **members)
    signature = signed.pop("Signature")
    assert signed == {"KeyId": signers.keys[algorithm], "SigningAlgorithm": algorithm}
    assert core.ok("Verify", **members, Signature=signature) == {**signed, "SignatureValid": True}
    message = members["Message"]
    assert (
        core.refused("Verify", **members | {"Message": bytes([message[0] ^ 1]) + message[1:]}, Signature=signature)
        == INVALID
    )
    for bad in (bytes([signature[0] ^ 1]) + signature[1:], signature[:-1], signature + b"\0", b"x", bytes(6144)):
        assert core.refused("Verify", **members, Signature=bad) == INVALID


@pytest.mark.parametrize("algorithm", [name for name in ALGORITHMS if not name.startswith(("ED25519", "ML_DSA"))])
def test_a_message_and_its_digest_are_one(signers: Signers, algorithm: str) -> None:
    """What is signed raw is verified by its digest, and the other way round (AWS KMS API Reference, "Verify")."""
    digest = hashlib.new("sha" + algorithm[-3:], MESSAGE).digest()
    raw, hashed = signers.members(algorithm, "RAW", MESSAGE), signers.members(algorithm, "DIGEST", digest)
    for signed, verified in ((raw, hashed), (hashed, raw)):
        signature = signers.core.ok("Sign", **signed)["Signature"]
        assert signers.core.ok("Verify", **verified, Signature=signature)["SignatureValid"] is True
    again = raw | {"Message": digest}
    assert signers.core.refused("Verify", **again, Signature=signers.core.ok("Sign", **raw)["Signature"]) == INVALID


def test_signatures_are_good_outside(signers: Signers) -> None:
    """With the public key that GetPublicKey gives out, everyone can verify: PSS with a salt as long as the hash."""
    core = signers.core
    for algorithm in ("ECDSA_SHA_384", "RSASSA_PSS_SHA_256"):
        signature = core.ok("Sign", **signers.members(algorithm, "RAW", MESSAGE))["Signature"]
        public = load_der_public_key(core.ok("GetPublicKey", KeyId=signers.keys[algorithm])["PublicKey"])
        if isinstance(public, rsa.RSAPublicKey):
            scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
            public.verify(signature, MESSAGE, scheme, hashes.SHA256())
        else:
            assert isinstance(public, ec.EllipticCurvePublicKey)
            public.verify(signature, MESSAGE, ec.ECDSA(hashes.SHA384()))


def test_a_message_is_raw_by_default(zoo: Zoo) -> None:
    """Without MessageType a digest is a message of its own."""
    key, core = zoo.keys["signing"], zoo.core
    members: dict[str, Any] = {"KeyId": key, "Message": bytes(32), "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = core.ok("Sign", **members)["Signature"]
    assert core.ok("Verify", **members, MessageType="RAW", Signature=signature)["SignatureValid"] is True
    assert core.refused("Verify", **members, MessageType="DIGEST", Signature=signature) == INVALID


REFUSED_TYPES = [
    pytest.param(algorithm, message_type, id=f"{algorithm}-{message_type}")
    for algorithm in sorted(SigningAlgorithm)
    for message_type in ("RAW", "DIGEST", "EXTERNAL_MU")
    if MESSAGE_TYPES[message_type] not in MESSAGE_BYTES[algorithm]
]


@pytest.mark.parametrize(("algorithm", "message_type"), REFUSED_TYPES)
@pytest.mark.parametrize("operation", ["Sign", "Verify"])
def test_a_message_type_of_another_algorithm(zoo: Zoo, operation: str, algorithm: str, message_type: str) -> None:
    """A digest for ML-DSA, mu for all others, and the wrong one for Ed25519 is refused, in a dry run, too."""
    members = {"SigningAlgorithm": algorithm, "MessageType": message_type, "Message": bytes(64), "DryRun": True}
    assert zoo.core.refused(operation, **zoo.members(operation, "signing") | members) == (
        "ValidationException",
        f"Message type {message_type} is incompatible with algorithm {algorithm}.",
    )


LENGTHS = {
    ("RSASSA_PSS_SHA_256", "DIGEST"): 32,
    ("RSASSA_PKCS1_V1_5_SHA_512", "DIGEST"): 64,
    ("ECDSA_SHA_256", "DIGEST"): 32,
    ("ECDSA_SHA_384", "DIGEST"): 48,
    ("ECDSA_SHA_512", "DIGEST"): 64,
    ("ED25519_PH_SHA_512", "DIGEST"): 64,
    ("SM2DSA", "DIGEST"): 32,
    ("ML_DSA_SHAKE_256", "EXTERNAL_MU"): 64,
}


@pytest.mark.parametrize(("algorithm", "message_type"), LENGTHS)
@pytest.mark.parametrize("operation", ["Sign", "Verify"])
def test_a_digest_of_another_length(zoo: Zoo, operation: str, algorithm: str, message_type: str) -> None:
    """One byte more or less is refused in AWS's words."""
    size = LENGTHS[algorithm, message_type]
    for wrong in (size - 1, size + 1, 1, 4096):
        members = {"SigningAlgorithm": algorithm, "MessageType": message_type, "Message": bytes(wrong)}
        assert zoo.core.refused(operation, **zoo.members(operation, "signing") | members) == (
            "ValidationException",
            f"Digest is invalid length for algorithm {algorithm}.",
        )


@pytest.mark.parametrize("size", [0, 4097])
def test_a_message_is_bounded(zoo: Zoo, size: int) -> None:
    """1 to 4096 bytes, as in the model; the text shows nothing of it."""
    for operation in ("Sign", "Verify"):
        code, text = zoo.core.refused(operation, **zoo.members(operation, "signing") | {"Message": b"x" * size})
        assert (code, "xx" in text) == ("ValidationException", False)
    assert zoo.core.ok("Sign", **zoo.members("Sign", "signing") | {"Message": bytes(4096)})["Signature"]


def test_another_keys_signature_is_not_good(core: Core) -> None:
    """A signature is its key's alone."""
    one, other = (core.new_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY") for _ in range(2))
    members: dict[str, Any] = {"Message": MESSAGE, "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = core.ok("Sign", KeyId=one, **members)["Signature"]
    assert core.refused("Verify", KeyId=other, **members, Signature=signature) == INVALID


def test_a_failed_verification_is_recorded(zoo: Zoo) -> None:
    """The record has the fault without a text, as the answer."""
    answer = zoo.core.call("Verify", **zoo.members("Verify", "signing") | {"Message": b"another"})
    assert answer.body == b'{"__type":"KMSInvalidSignatureException"}'
    assert answer.record["errorCode"] == "KMSInvalidSignatureException"
    assert "errorMessage" not in answer.record
