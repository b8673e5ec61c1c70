"""Sign and Verify through boto3: bad signatures, limits, what is random, and keys that outlive a restart."""

import base64
from pathlib import Path
from typing import Any

import pytest
from Crypto.Util.asn1 import DerSequence

from tests.compat import independent
from tests.compat.calls import Refusal, new_key, post, refusal
from tests.compat.specs import Keys
from tests.support import Server

MESSAGE = b"a message to sign"
INVALID = Refusal("KMSInvalidSignatureException", "")
# One spec for each way to sign, with the message type that both can do.
SCHEMES: dict[str, tuple[str, str]] = {
    "RSASSA_PSS_SHA_256": ("RSA_2048", "RAW"),
    "RSASSA_PSS_SHA_512": ("RSA_2048", "RAW"),
    "RSASSA_PKCS1_V1_5_SHA_256": ("RSA_2048", "RAW"),
    "RSASSA_PKCS1_V1_5_SHA_512": ("RSA_2048", "RAW"),
    "ECDSA_SHA_256": ("ECC_NIST_P256", "RAW"),
    "ECDSA_SHA_384": ("ECC_NIST_P384", "RAW"),
    "ECDSA_SHA_512": ("ECC_NIST_P521", "RAW"),
    "ED25519_SHA_512": ("ECC_NIST_EDWARDS25519", "RAW"),
    "ED25519_PH_SHA_512": ("ECC_NIST_EDWARDS25519", "DIGEST"),
    "ML_DSA_SHAKE_256": ("ML_DSA_44", "RAW"),
}
DETERMINISTIC = {name for name in SCHEMES if name.startswith(("RSASSA_PKCS1", "ED25519"))}


def request_of(keys: Keys, algorithm: str, message: bytes = MESSAGE) -> dict[str, Any]:
    """A request of Sign."""
    spec, message_type = SCHEMES[algorithm]
    sent = independent.digest(algorithm, message) if message_type == "DIGEST" else message
    return {
        "KeyId": keys(spec, "SIGN_VERIFY"),
        "SigningAlgorithm": algorithm,
        "MessageType": message_type,
        "Message": sent,
    }


@pytest.mark.parametrize("algorithm", SCHEMES)
def test_altered_signatures(kms: Any, keys: Keys, algorithm: str) -> None:
    """A signature that is cut, lengthened, zero or changed in any place is refused, and nothing else is said."""
    request = request_of(keys, algorithm)
    good = kms.sign(**request)["Signature"]
    assert kms.verify(**request, Signature=good)["SignatureValid"] is True
    altered = [
        good[:-1], good[1:], good[:1], good[: len(good) // 2],
        good + b"\0", b"\0" + good, good + good,
        bytes(len(good)), b"\xff" * len(good), b"\0", good[::-1],
    ]  # fmt: skip
    places = range(0, len(good), max(1, len(good) // 30))
    altered += [good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :] for place in places]
    for signature in altered:
        assert refusal(kms.verify, **request, Signature=signature) == INVALID


@pytest.mark.parametrize("algorithm", SCHEMES)
def test_signatures_of_something_else(kms: Any, keys: Keys, algorithm: str) -> None:
    """A signature of another message, by another key or by another algorithm of the same key is refused."""
    request = request_of(keys, algorithm)
    other_message = request_of(keys, algorithm, MESSAGE + b"!")
    assert refusal(kms.verify, **request, Signature=kms.sign(**other_message)["Signature"]) == INVALID
    spec, _ = SCHEMES[algorithm]
    other_key = request | {"KeyId": new_key(kms, KeySpec=spec, KeyUsage="SIGN_VERIFY")}
    assert refusal(kms.verify, **request, Signature=kms.sign(**other_key)["Signature"]) == INVALID
    for other in SCHEMES:
        if other != algorithm and SCHEMES[other][0] == spec:
            signature = kms.sign(**request_of(keys, other))["Signature"]
            assert refusal(kms.verify, **request, Signature=signature) == INVALID


@pytest.mark.parametrize("algorithm", SCHEMES)
def test_the_answer_to_a_bad_signature(server: Server, keys: Keys, algorithm: str) -> None:
    """The body of the fault is the same whatever is wrong, and has no message, as AWS's has none."""
    request = request_of(keys, algorithm)
    body = request | {"Message": base64.b64encode(request["Message"]).decode()}
    for signature in ("AAAA", "AA==", base64.b64encode(bytes(6144)).decode()):
        answer = post(server, "Verify", body | {"Signature": signature})
        assert (answer.status, answer.body) == (400, b'{"__type":"KMSInvalidSignatureException"}')


@pytest.mark.parametrize("algorithm", SCHEMES)
def test_what_is_random(kms: Any, keys: Keys, algorithm: str) -> None:
    """PKCS #1 v1.5 and Ed25519 sign the same message the same way; the others never do."""
    request = request_of(keys, algorithm)
    signatures = {kms.sign(**request)["Signature"] for _ in range(5)}
    assert len(signatures) == (1 if algorithm in DETERMINISTIC else 5)


def test_a_digest_is_not_hashed_again(kms: Any, keys: Keys) -> None:
    """A signature of a digest is not one of a message that is as long as a digest."""
    request = {"KeyId": keys("ECC_NIST_P256", "SIGN_VERIFY"), "SigningAlgorithm": "ECDSA_SHA_256"}
    digest = independent.digest("ECDSA_SHA_256", MESSAGE)
    signature = kms.sign(**request, Message=digest, MessageType="DIGEST")["Signature"]
    assert refusal(kms.verify, **request, Message=digest, MessageType="RAW", Signature=signature) == INVALID
    assert kms.verify(**request, Message=MESSAGE, Signature=signature)["SignatureValid"] is True


def encoded(*numbers: int) -> bytes:
    """A DER SEQUENCE of INTEGERs."""
    der: bytes = DerSequence(list(numbers)).encode()
    return der


P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def test_ecdsa_signatures_in_other_forms(kms: Any, keys: Keys) -> None:
    """Zeros, numbers out of range, raw r and s, and encodings that are not DER are refused."""
    request = request_of(keys, "ECDSA_SHA_256")
    good = kms.sign(**request)["Signature"]
    r, s = DerSequence().decode(good)[:]
    numbers = [(0, 0), (0, s), (r, 0), (r, P256_ORDER), (P256_ORDER, s), (r, s + P256_ORDER), (-r, s), (r, -s), (1, 1)]
    forms = [encoded(*pair) for pair in numbers]
    forms += [encoded(r), encoded(r, s, 0), encoded(s, r), r.to_bytes(32, "big") + s.to_bytes(32, "big")]
    forms.append(b"\x30\x81" + good[1:])  # a length in the long form, where the short one does
    forms.append(b"\x30\x80" + good[2:] + b"\0\0")  # of indefinite length, as BER has it
    for signature in forms:
        assert refusal(kms.verify, **request, Signature=signature) == INVALID


def test_an_ed25519_signature_has_one_form(kms: Any, keys: Keys) -> None:
    """A signature whose S is larger than the group's order is refused (RFC 8032, section 5.1.7)."""
    order = 2**252 + 27742317777372353535851937790883648493
    for algorithm in ("ED25519_SHA_512", "ED25519_PH_SHA_512"):
        request = request_of(keys, algorithm)
        good = kms.sign(**request)["Signature"]
        larger = int.from_bytes(good[32:], "little") + order
        assert refusal(kms.verify, **request, Signature=good[:32] + larger.to_bytes(32, "little")) == INVALID
        # R is the neutral element and S is 0: good under small-order keys alone.
        assert refusal(kms.verify, **request, Signature=b"\1" + bytes(63)) == INVALID


def test_an_rsa_signature_is_below_the_modulus(kms: Any, keys: Keys) -> None:
    """A signature is as long as the modulus and smaller; adding the modulus, or cutting a zero, is refused."""
    modulus = independent.load(keys.public("RSA_2048", "SIGN_VERIFY")).n
    for algorithm in ("RSASSA_PSS_SHA_256", "RSASSA_PKCS1_V1_5_SHA_256"):
        request = request_of(keys, algorithm)
        number = int.from_bytes(kms.sign(**request)["Signature"], "big")
        for other in (number + modulus, modulus - number, modulus, modulus - 1, 1):
            signature = other.to_bytes(max(256, (other.bit_length() + 7) // 8), "big")
            assert refusal(kms.verify, **request, Signature=signature) == INVALID


@pytest.mark.parametrize("algorithm", ["RSASSA_PSS_SHA_256", "ECDSA_SHA_256", "ED25519_SHA_512", "ML_DSA_SHAKE_256"])
def test_messages_of_1_to_4096_bytes(server: Server, kms: Any, keys: Keys, algorithm: str) -> None:
    """The shortest and the longest message can be signed; none and 4097 bytes break their constraint."""
    public_key = keys.public(SCHEMES[algorithm][0], "SIGN_VERIFY")
    for message in (b"\0", b"m" * 4096):
        request = request_of(keys, algorithm, message)
        signature = kms.sign(**request)["Signature"]
        assert independent.verifies(public_key, algorithm, message, signature)
        assert kms.verify(**request, Signature=signature)["SignatureValid"] is True
    for message, limit in ((b"", b"greater than or equal to 1"), (b"m" * 4097, b"less than or equal to 4096")):
        body = request_of(keys, algorithm) | {"Message": base64.b64encode(message).decode()}
        for operation, more in (("Sign", {}), ("Verify", {"Signature": "AAAA"})):
            answer = post(server, operation, body | more)
            assert (answer.status, answer.fault) == (400, "ValidationException")
            assert b"'message' failed to satisfy constraint: Member must have length " + limit in answer.body


@pytest.mark.parametrize(
    ("signature", "limit"), [(b"", b"greater than or equal to 1"), (bytes(6145), b"less than or equal to 6144")]
)
def test_signatures_of_1_to_6144_bytes(server: Server, keys: Keys, signature: bytes, limit: bytes) -> None:
    """A signature has 1 to 6144 bytes, whatever the algorithm."""
    body = request_of(keys, "ECDSA_SHA_256") | {"Message": "AAAA", "Signature": base64.b64encode(signature).decode()}
    answer = post(server, "Verify", body)
    assert (answer.status, answer.fault) == (400, "ValidationException")
    assert b"'signature' failed to satisfy constraint: Member must have length " + limit in answer.body


RESTARTED = ("RSASSA_PSS_SHA_256", "ECDSA_SHA_384", "ED25519_SHA_512", "ML_DSA_SHAKE_256")


def test_keys_outlive_a_restart(tmp_path: Path) -> None:
    """Keys of every kind are the same after a restart: their public keys, and what they did before."""
    with Server(tmp_path / "data") as server:
        kms = server.client()
        keys = Keys(kms)
        public = {algorithm: keys.public(SCHEMES[algorithm][0], "SIGN_VERIFY") for algorithm in RESTARTED}
        signatures = {name: kms.sign(**request_of(keys, name))["Signature"] for name in RESTARTED}
        mac = {"KeyId": keys("HMAC_384", "GENERATE_VERIFY_MAC"), "MacAlgorithm": "HMAC_SHA_384", "Message": MESSAGE}
        made = kms.generate_mac(**mac)["Mac"]
        kem = {"KeyId": keys("ML_KEM_768", "ENCAPSULATE_DECAPSULATE"), "EncapsulationAlgorithm": "ML_KEM"}
        sealed = kms.encapsulate(**kem)
        assert server.stop() == 0
    with Server(tmp_path / "data") as server:
        keys._kms = kms = server.client()
        for name in RESTARTED:
            assert keys.public(SCHEMES[name][0], "SIGN_VERIFY") == public[name]
            assert kms.verify(**request_of(keys, name), Signature=signatures[name])["SignatureValid"] is True
            again = kms.sign(**request_of(keys, name))["Signature"]
            assert independent.verifies(public[name], name, MESSAGE, again)
        assert kms.verify_mac(**mac, Mac=made)["MacValid"] is True
        opened = kms.decapsulate(**kem, SharedSecretCiphertextBlob=sealed["SharedSecretCiphertextBlob"])
        assert opened["SharedSecret"] == sealed["SharedSecret"]
        assert server.stop() == 0
