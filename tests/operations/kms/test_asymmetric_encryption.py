"""Encrypt, Decrypt and ReEncrypt with RSA keys; GetPublicKey."""

from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tests.core import Core
from tests.operations.kms.kinds import MESSAGE, RSA, Zoo

HASHES: dict[str, tuple[hashes.HashAlgorithm, int]] = {
    "RSAES_OAEP_SHA_1": (hashes.SHA1(), 214),  # noqa: S303 - AWS's algorithm
    "RSAES_OAEP_SHA_256": (hashes.SHA256(), 190),
}
INVALID = ("InvalidCiphertextException", "")
KIND = "RSA encryption"


def too_long(algorithm: str) -> tuple[str, str]:
    """The refusal of a plaintext over the limit of an RSA_2048 key."""
    most = HASHES[algorithm][1]
    text = f"Algorithm {algorithm} and key spec RSA_2048 cannot encrypt data larger than {most} bytes."
    return "ValidationException", text


@pytest.mark.parametrize("algorithm", HASHES)
def test_there_and_back(zoo: Zoo, algorithm: str) -> None:
    """A ciphertext is as long as the modulus and opens under its key; no answer has a material id."""
    core, key = zoo.core, zoo.keys[KIND]
    longest = bytes(HASHES[algorithm][1])
    named = {"KeyId": key, "EncryptionAlgorithm": algorithm}
    for plaintext in (b"x", longest):
        made = core.ok("Encrypt", **named, Plaintext=plaintext)
        blob = made.pop("CiphertextBlob")
        assert (made, len(blob)) == (named, 256)
        assert core.ok("Decrypt", **named, CiphertextBlob=blob) == {**named, "Plaintext": plaintext}
        assert core.ok("Encrypt", **named, Plaintext=plaintext)["CiphertextBlob"] != blob


@pytest.mark.parametrize("algorithm", HASHES)
def test_everyone_can_encrypt_with_the_public_key(zoo: Zoo, algorithm: str) -> None:
    """What was encrypted outside, by OAEP with one hash for label and mask, is decrypted here."""
    core, key = zoo.core, zoo.keys[KIND]
    public = load_der_public_key(core.ok("GetPublicKey", KeyId=key)["PublicKey"])
    assert isinstance(public, rsa.RSAPublicKey)
    digest = HASHES[algorithm][0]
    blob = public.encrypt(b"from outside", padding.OAEP(padding.MGF1(digest), digest, None))
    opened = core.ok("Decrypt", KeyId=key, CiphertextBlob=blob, EncryptionAlgorithm=algorithm)
    assert opened["Plaintext"] == b"from outside"


@pytest.mark.parametrize("dry_run", [False, True], ids=["real", "dry"])
@pytest.mark.parametrize("algorithm", HASHES)
def test_a_plaintext_that_is_too_long(zoo: Zoo, algorithm: str, *, dry_run: bool) -> None:
    """One byte over the algorithm's limit is refused in AWS's words, by a dry run, too."""
    plaintext = bytes(HASHES[algorithm][1] + 1)
    members = {"KeyId": zoo.keys[KIND], "EncryptionAlgorithm": algorithm, "DryRun": dry_run}
    assert zoo.core.refused("Encrypt", **members, Plaintext=plaintext) == too_long(algorithm)


@pytest.mark.parametrize("cut", ["bit", "short", "long", "other algorithm", "zeros", "ones", "symmetric"])
def test_every_failure_looks_alike(zoo: Zoo, cut: str) -> None:
    """Whatever is wrong with a ciphertext, the answer is the same fault without a word."""
    members = zoo.members("Decrypt", KIND)
    blob = members["CiphertextBlob"]
    bad: dict[str, dict[str, Any]] = {
        "bit": {"CiphertextBlob": blob[:-1] + bytes([blob[-1] ^ 1])},
        "short": {"CiphertextBlob": blob[:-1]},
        "long": {"CiphertextBlob": blob + b"\0"},
        "other algorithm": {"EncryptionAlgorithm": "RSAES_OAEP_SHA_1"},
        "zeros": {"CiphertextBlob": bytes(256)},
        "ones": {"CiphertextBlob": b"\xff" * 256},
        "symmetric": {"CiphertextBlob": zoo.blob("symmetric")},
    }
    answer = zoo.core.call("Decrypt", **members | bad[cut])
    assert (answer.status, answer.body) == (400, b'{"__type":"InvalidCiphertextException"}')
    assert zoo.core.refused("Decrypt", **members | bad[cut], DryRun=True) == INVALID


def test_another_keys_ciphertext(core: Core) -> None:
    """An RSA ciphertext names no key, so that of another key just does not open."""
    one, other = (core.new_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT") for _ in range(2))
    blob = core.ok("Encrypt", KeyId=one, Plaintext=b"x", EncryptionAlgorithm=RSA)["CiphertextBlob"]
    assert core.refused("Decrypt", KeyId=other, CiphertextBlob=blob, EncryptionAlgorithm=RSA) == INVALID


@pytest.mark.parametrize("destination", ["symmetric", KIND])
@pytest.mark.parametrize("source", ["symmetric", KIND])
def test_re_encrypt_between_all_kinds(zoo: Zoo, source: str, destination: str) -> None:
    """The plaintext arrives; a material is named where its key is symmetric."""
    core = zoo.core
    blob = zoo.blob(source)
    names = {"SourceEncryptionAlgorithm": source, "DestinationEncryptionAlgorithm": destination}
    algorithms: dict[str, Any] = {member: zoo.algorithm(kind) for member, kind in names.items()}
    answer = core.ok(
        "ReEncrypt",
        CiphertextBlob=blob,
        SourceKeyId=zoo.keys[source],
        DestinationKeyId=zoo.keys[destination],
        **algorithms,
    )
    materials = {"SourceKeyMaterialId": source, "DestinationKeyMaterialId": destination}
    ids = {name: core.stored(zoo.keys[kind]).key.material_id for name, kind in materials.items() if kind != KIND}
    moved = answer.pop("CiphertextBlob")
    assert answer == {"SourceKeyId": zoo.keys[source], "KeyId": zoo.keys[destination], **algorithms, **ids}
    asked = {"KeyId": zoo.keys[destination], "EncryptionAlgorithm": zoo.algorithm(destination)}
    assert core.ok("Decrypt", CiphertextBlob=moved, **asked)["Plaintext"] == MESSAGE


@pytest.mark.parametrize("dry_run", [False, True], ids=["real", "dry"])
@pytest.mark.parametrize("algorithm", HASHES)
def test_re_encrypt_what_is_too_long(zoo: Zoo, algorithm: str, *, dry_run: bool) -> None:
    """What fits the source but not the destination is refused as in Encrypt."""
    size = HASHES[algorithm][1]
    for length, code in ((size, None), (size + 1, "ValidationException")):
        blob = zoo.core.ok("Encrypt", KeyId=zoo.other, Plaintext=bytes(length))["CiphertextBlob"]
        members: dict[str, Any] = {"DestinationKeyId": zoo.keys[KIND], "DestinationEncryptionAlgorithm": algorithm}
        answer = zoo.core.call("ReEncrypt", CiphertextBlob=blob, **members, DryRun=dry_run)
        if code is None:
            assert answer.code == ("DryRunOperationException" if dry_run else None)
        else:
            assert (answer.code, answer.message) == too_long(algorithm)


CONTEXTS = {
    "Encrypt": "EncryptionContext",
    "Decrypt": "EncryptionContext",
    "ReEncrypt from": "SourceEncryptionContext",
    "ReEncrypt to": "DestinationEncryptionContext",
}


@pytest.mark.parametrize("case", CONTEXTS)
def test_a_context_cannot_be_bound(zoo: Zoo, case: str) -> None:
    """RSA has no additional data: a context is refused, not passed over; an empty one is none."""
    members = zoo.members(case, KIND)
    operation = case.split(maxsplit=1)[0]
    assert zoo.core.refused(operation, **members, **{CONTEXTS[case]: {"a": "b"}}) == (
        "ValidationException",
        "EncryptionContext is not supported when encrypting/decrypting with asymmetric CMKs.",
    )
    zoo.core.ok(operation, **members, **{CONTEXTS[case]: {}})


# AWS KMS API Reference, "GetPublicKey": of each kind, the member that lists the algorithms.
LISTS = {
    KIND: ("RSA_2048", "ENCRYPT_DECRYPT", {"EncryptionAlgorithms": ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]}),
    "signing": ("ECC_NIST_P256", "SIGN_VERIFY", {"SigningAlgorithms": ["ECDSA_SHA_256"]}),
    "agreement": ("ECC_NIST_P256", "KEY_AGREEMENT", {"KeyAgreementAlgorithms": ["ECDH"]}),
    "encapsulation": ("ML_KEM_768", "ENCAPSULATE_DECAPSULATE", {"EncapsulationAlgorithms": ["ML_KEM"]}),
}


@pytest.mark.parametrize("kind", LISTS)
def test_what_get_public_key_answers(zoo: Zoo, kind: str) -> None:
    """The key, its spec by both names where the old one has it, its usage and the algorithms of that."""
    spec, usage, algorithms = LISTS[kind]
    answer = zoo.core.ok("GetPublicKey", KeyId=zoo.keys[kind])
    public = answer.pop("PublicKey")
    old = {} if kind == "encapsulation" else {"CustomerMasterKeySpec": spec}
    assert answer == {"KeyId": zoo.keys[kind], "KeySpec": spec, "KeyUsage": usage, **old, **algorithms}
    assert public == zoo.core.ok("GetPublicKey", KeyId=zoo.keys[kind])["PublicKey"]
    assert public[0] == 0x30
