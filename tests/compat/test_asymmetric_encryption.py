"""Encrypt, Decrypt and ReEncrypt with RSA keys through boto3: limits, and one answer to every bad ciphertext."""

import base64
import os
from typing import Any

import pytest
from Crypto.Cipher import PKCS1_OAEP, PKCS1_v1_5
from Crypto.Hash import SHA1, SHA256

from tests.compat import independent
from tests.compat.calls import Refusal, members, new_key, post, refusal
from tests.compat.specs import RSA_ENCRYPTION, Keys
from tests.compat.test_encryption import INCORRECT_KEY
from tests.support import Server

USAGE = "ENCRYPT_DECRYPT"
INVALID = Refusal("InvalidCiphertextException", "")
# AWS KMS API Reference, "Encrypt": the most bytes for each key spec and algorithm.
LIMITS = {
    ("RSA_2048", "RSAES_OAEP_SHA_1"): 214,
    ("RSA_2048", "RSAES_OAEP_SHA_256"): 190,
    ("RSA_3072", "RSAES_OAEP_SHA_1"): 342,
    ("RSA_3072", "RSAES_OAEP_SHA_256"): 318,
    ("RSA_4096", "RSAES_OAEP_SHA_1"): 470,
    ("RSA_4096", "RSAES_OAEP_SHA_256"): 446,
}


@pytest.fixture(scope="module")
def rsa(keys: Keys) -> str:
    """The ARN of an RSA_2048 key."""
    return keys("RSA_2048", USAGE)


@pytest.mark.parametrize(("spec", "algorithm"), LIMITS)
def test_the_longest_plaintext(kms: Any, keys: Keys, spec: str, algorithm: str) -> None:
    """As many bytes as AWS says can be encrypted, and come back; one more is refused, in a dry run, too."""
    most = LIMITS[spec, algorithm]
    request = {"KeyId": keys(spec, USAGE), "EncryptionAlgorithm": algorithm}
    for size in (1, most):
        plaintext = os.urandom(size)
        blob = kms.encrypt(**request, Plaintext=plaintext)["CiphertextBlob"]
        assert kms.decrypt(**request, CiphertextBlob=blob)["Plaintext"] == plaintext
    for size in (most + 1, 4096):
        refused = refusal(kms.encrypt, **request, Plaintext=bytes(size))
        assert refused.code == "ValidationException"
        assert refusal(kms.encrypt, **request, Plaintext=bytes(size), DryRun=True) == refused


@pytest.mark.parametrize("algorithm", RSA_ENCRYPTION)
def test_what_is_random(kms: Any, rsa: str, algorithm: str) -> None:
    """The same plaintext is never the same ciphertext."""
    request = {"KeyId": rsa, "EncryptionAlgorithm": algorithm, "Plaintext": b"again"}
    assert len({kms.encrypt(**request)["CiphertextBlob"] for _ in range(5)}) == 5


def bad_ciphertexts(kms: Any, keys: Keys, algorithm: str) -> dict[str, bytes]:
    """Ciphertexts that RSA_2048 does not open, each wrong in its own way."""
    public_key = independent.load(keys.public("RSA_2048", USAGE))
    good = independent.encrypt(keys.public("RSA_2048", USAGE), algorithm, b"plaintext")
    (other_algorithm,) = set(RSA_ENCRYPTION) - {algorithm}
    hashes = (SHA1, SHA256) if algorithm.endswith("SHA_1") else (SHA256, SHA1)
    foreign = new_key(kms, KeySpec="RSA_2048", KeyUsage=USAGE)
    number = int.from_bytes(good, "big")
    return {
        "changed": good[:100] + bytes([good[100] ^ 1]) + good[101:],
        "one byte short": good[:-1],
        "without its first byte": good[1:],
        "one byte long": good + b"\0",
        "one zero before": b"\0" + good,
        "twice": good + good,
        "of the largest size": bytes(6144),
        "one byte": b"x",
        "zero": bytes(256),
        "one": bytes(255) + b"\1",
        "the modulus": public_key.n.to_bytes(256, "big"),
        "the modulus less one": (public_key.n - 1).to_bytes(256, "big"),
        "above the modulus": b"\xff" * 256,
        "the modulus added": (number + public_key.n).to_bytes(257, "big"),
        "random": b"\0" + os.urandom(255),
        "to another key": kms.encrypt(KeyId=foreign, EncryptionAlgorithm=algorithm, Plaintext=b"p")["CiphertextBlob"],
        "to a larger key": independent.encrypt(keys.public("RSA_3072", USAGE), algorithm, b"plaintext"),
        "by the other algorithm": independent.encrypt(keys.public("RSA_2048", USAGE), other_algorithm, b"plaintext"),
        "by PKCS #1 v1.5": PKCS1_v1_5.new(public_key).encrypt(b"plaintext"),
        "with a label": PKCS1_OAEP.new(public_key, hashes[0], label=b"label").encrypt(b"plaintext"),
        "with another mask": PKCS1_OAEP.new(
            public_key, hashes[0], mgfunc=lambda seed, size: independent.mask(seed, size, hashes[1])
        ).encrypt(b"plaintext"),
        "of a symmetric key": kms.encrypt(KeyId=keys("SYMMETRIC_DEFAULT", USAGE), Plaintext=b"p")["CiphertextBlob"],
    }


@pytest.mark.parametrize("algorithm", RSA_ENCRYPTION)
def test_every_bad_ciphertext_has_the_same_answer(
    server: Server, kms: Any, keys: Keys, rsa: str, algorithm: str
) -> None:
    """Whatever is wrong with a ciphertext, Decrypt and ReEncrypt say nothing but that it is invalid."""
    symmetric = keys("SYMMETRIC_DEFAULT", USAGE)
    for case, blob in bad_ciphertexts(kms, keys, algorithm).items():
        body = {"CiphertextBlob": base64.b64encode(blob).decode()}
        for operation, names in (
            ("Decrypt", {"KeyId": rsa, "EncryptionAlgorithm": algorithm}),
            (
                "ReEncrypt",
                {"SourceKeyId": rsa, "SourceEncryptionAlgorithm": algorithm, "DestinationKeyId": symmetric},
            ),
        ):
            answer = post(server, operation, body | names)
            assert (answer.status, answer.body) == (400, b'{"__type":"InvalidCiphertextException"}'), case


@pytest.mark.parametrize("algorithm", RSA_ENCRYPTION)
def test_there_is_no_encryption_context(kms: Any, keys: Keys, rsa: str, algorithm: str) -> None:
    """RSA can bind no context, so one is refused on either side; an empty one is none."""
    symmetric = keys("SYMMETRIC_DEFAULT", USAGE)
    request = {"KeyId": rsa, "EncryptionAlgorithm": algorithm}
    blob = kms.encrypt(**request, Plaintext=b"x", EncryptionContext={})["CiphertextBlob"]
    assert kms.decrypt(**request, CiphertextBlob=blob, EncryptionContext={})["Plaintext"] == b"x"
    context = {"a": "b"}
    source = {"SourceKeyId": rsa, "SourceEncryptionAlgorithm": algorithm, "CiphertextBlob": blob}
    destination = {"DestinationKeyId": rsa, "DestinationEncryptionAlgorithm": algorithm}
    sealed = kms.encrypt(KeyId=symmetric, Plaintext=b"x")["CiphertextBlob"]
    for call, members_ in (
        (kms.encrypt, {**request, "Plaintext": b"x", "EncryptionContext": context}),
        (kms.decrypt, {**request, "CiphertextBlob": blob, "EncryptionContext": context}),
        (kms.re_encrypt, {**source, "DestinationKeyId": symmetric, "SourceEncryptionContext": context}),
        (kms.re_encrypt, {**destination, "CiphertextBlob": sealed, "DestinationEncryptionContext": context}),
    ):
        assert refusal(call, **members_).code == "ValidationException"


def test_an_rsa_ciphertext_names_no_key(kms: Any, keys: Keys, rsa: str) -> None:
    """KeyId and algorithm must be given: without the one it is a fault of validation, without the other a misfit."""
    blob = independent.encrypt(keys.public("RSA_2048", USAGE), "RSAES_OAEP_SHA_256", b"x")
    symmetric = keys("SYMMETRIC_DEFAULT", USAGE)
    named = {"EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    assert refusal(kms.decrypt, CiphertextBlob=blob, **named).code == "ValidationException"
    source = {"SourceEncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    assert refusal(kms.re_encrypt, CiphertextBlob=blob, DestinationKeyId=symmetric, **source).code == (
        "ValidationException"
    )
    assert refusal(kms.decrypt, CiphertextBlob=blob) == INVALID
    misfit = Refusal("InvalidKeyUsageException", "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.")
    assert refusal(kms.encrypt, KeyId=rsa, Plaintext=b"x") == misfit
    sealed = kms.encrypt(KeyId=symmetric, Plaintext=b"x")["CiphertextBlob"]
    assert refusal(kms.re_encrypt, CiphertextBlob=sealed, DestinationKeyId=rsa) == misfit
    assert refusal(kms.decrypt, KeyId=rsa, CiphertextBlob=blob) == misfit
    assert refusal(kms.decrypt, KeyId=rsa, CiphertextBlob=sealed) == INCORRECT_KEY
    assert refusal(kms.decrypt, KeyId=rsa, CiphertextBlob=sealed, **named) == INVALID


@pytest.mark.parametrize(("spec", "algorithm"), LIMITS)
def test_re_encryption_into_and_out_of_rsa(kms: Any, keys: Keys, spec: str, algorithm: str) -> None:
    """A plaintext moves from a symmetric key to an RSA key, to another algorithm, and back under a context."""
    symmetric, key = keys("SYMMETRIC_DEFAULT", USAGE), keys(spec, USAGE)
    (other,) = set(RSA_ENCRYPTION) - {algorithm}
    start = kms.encrypt(KeyId=symmetric, Plaintext=b"moved", EncryptionContext={"from": "here"})
    into = members(
        kms.re_encrypt(
            CiphertextBlob=start["CiphertextBlob"],
            SourceEncryptionContext={"from": "here"},
            DestinationKeyId=key,
            DestinationEncryptionAlgorithm=algorithm,
        )
    )
    blob = into.pop("CiphertextBlob")
    assert into == {
        "SourceKeyId": symmetric,
        "KeyId": key,
        "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "DestinationEncryptionAlgorithm": algorithm,
        "SourceKeyMaterialId": kms.describe_key(KeyId=symmetric)["KeyMetadata"]["CurrentKeyMaterialId"],
    }
    across = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceKeyId=key,
        SourceEncryptionAlgorithm=algorithm,
        DestinationKeyId=key,
        DestinationEncryptionAlgorithm=other,
    )
    assert not {"SourceKeyMaterialId", "DestinationKeyMaterialId"} & set(across)
    back = members(
        kms.re_encrypt(
            CiphertextBlob=across["CiphertextBlob"],
            SourceKeyId=key,
            SourceEncryptionAlgorithm=other,
            DestinationKeyId=symmetric,
            DestinationEncryptionContext={"to": "there"},
        )
    )
    assert "SourceKeyMaterialId" not in back
    opened = kms.decrypt(CiphertextBlob=back["CiphertextBlob"], EncryptionContext={"to": "there"})
    assert (opened["Plaintext"], opened["KeyMaterialId"]) == (b"moved", back["DestinationKeyMaterialId"])


def test_re_encryption_of_what_is_too_long_for_rsa(kms: Any, keys: Keys, rsa: str) -> None:
    """A plaintext that the destination cannot hold is refused as Encrypt would refuse it."""
    symmetric = keys("SYMMETRIC_DEFAULT", USAGE)
    for size, fits in ((190, True), (191, False), (4096, False)):
        blob = kms.encrypt(KeyId=symmetric, Plaintext=bytes(size))["CiphertextBlob"]
        request = {
            "CiphertextBlob": blob,
            "DestinationKeyId": rsa,
            "DestinationEncryptionAlgorithm": "RSAES_OAEP_SHA_256",
        }
        if fits:
            assert kms.re_encrypt(**request)["KeyId"] == rsa
        else:
            assert refusal(kms.re_encrypt, **request).code == "ValidationException"
