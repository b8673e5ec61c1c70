"""Encrypt, Decrypt and ReEncrypt through boto3."""

import uuid
from itertools import pairwise
from typing import Any

import pytest

from tests.compat.calls import ACCOUNT, REGION, Refusal, account, id_of, members, new_key, post, refusal
from tests.support import Server

INVALID = Refusal("InvalidCiphertextException", "")
INCORRECT_KEY = Refusal(
    "IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation."
)


def unknown_key(kms: Any, action: str = "kms:Decrypt") -> Refusal:
    """What the root of an account, whose access key is `test` or its number, hears of a ciphertext of no key of its."""
    access_key = kms._request_signer._credentials.access_key
    account_id = ACCOUNT if access_key == "test" else access_key
    return Refusal(
        "AccessDeniedException",
        f"User: arn:aws:iam::{account_id}:root is not authorized to perform: {action} on the resource associated with"
        " this ciphertext because the resource does not exist in this Region, no resource-based policies allow access,"
        " or a resource-based policy explicitly denies access",
    )


# docs/reference/formats.md, "Ciphertext": the form of the key id, the account and the key id. In byte 3, the account's
# first, a change gives a number of more than twelve digits, which names no account.
NAMES_THE_KEY = {2, *range(4, 25)}


def material_of(kms: Any, key: str) -> str:
    """The id of the material that a key encrypts with."""
    return str(kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"])


@pytest.mark.parametrize("size", [1, 2, 15, 16, 17, 1024, 4095, 4096])
def test_round_trip(kms: Any, key: str, size: int) -> None:
    """Up to 4096 bytes come back; both answers have exactly AWS's members."""
    plaintext = bytes(number % 256 for number in range(size))
    sealed = members(kms.encrypt(KeyId=id_of(key), Plaintext=plaintext))
    blob = sealed.pop("CiphertextBlob")
    assert sealed == {"KeyId": key, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}
    assert 1 <= len(blob) <= 6144
    assert members(kms.decrypt(CiphertextBlob=blob)) == {
        "KeyId": key,
        "Plaintext": plaintext,
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "KeyMaterialId": material_of(kms, key),
    }


@pytest.mark.parametrize(
    ("plaintext", "limit"), [("QUFB" * 1365 + "QUE=", "less than or equal to 4096"), ("", "greater than or equal to 1")]
)
def test_plaintext_is_1_to_4096_bytes(server: Server, key: str, plaintext: str, limit: str) -> None:
    """4097 bytes and none break their constraint, and the value is not echoed."""
    answer = post(server, "Encrypt", {"KeyId": key, "Plaintext": plaintext})
    assert (answer.status, answer.fault) == (400, "ValidationException")
    text = "Value at 'plaintext' failed to satisfy constraint: Member must have length " + limit
    assert f"1 validation error detected: {text}" in answer.body.decode()


def test_the_same_plaintext_is_never_the_same_ciphertext(kms: Any, key: str) -> None:
    """Encryption is randomized."""
    blobs = {kms.encrypt(KeyId=key, Plaintext=b"again")["CiphertextBlob"] for _ in range(20)}
    assert len(blobs) == 20


CONTEXTS: dict[str, dict[str, str]] = {
    "none": {},
    "one pair": {"ab": "c"},
    "cut elsewhere": {"a": "bc"},
    "in one": {"abc": ""},
    "swapped": {"c": "ab"},
    "two pairs": {"a": "b", "c": "d"},
    "joined": {"a": "b,c=d"},
    "case of the key": {"AB": "c"},
    "case of the value": {"ab": "C"},
    "one pair more": {"ab": "c", "a": "bc"},
    "empty key": {"": "abc"},
    "not ASCII": {"schlüssel": "漢字 🔑"},
    "decomposed": {"schlu\u0308ssel": "漢字 🔑"},
}


@pytest.mark.parametrize("case", CONTEXTS)
def test_a_ciphertext_opens_under_its_own_context_alone(kms: Any, key: str, case: str) -> None:
    """No two contexts are the same; every other one is InvalidCiphertextException without a message."""
    blob = kms.encrypt(KeyId=key, Plaintext=b"bound", EncryptionContext=CONTEXTS[case])["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXTS[case])["Plaintext"] == b"bound"
    for other, context in CONTEXTS.items():
        if other != case:
            assert refusal(kms.decrypt, CiphertextBlob=blob, EncryptionContext=context) == INVALID
    if case != "none":
        assert refusal(kms.decrypt, CiphertextBlob=blob) == INVALID


def test_the_order_of_a_context_does_not_count(kms: Any, key: str) -> None:
    """Pairs may be given in any order."""
    context = {name: name.upper() for name in ("b", "a", "d", "c")}
    blob = kms.encrypt(KeyId=key, Plaintext=b"bound", EncryptionContext=context)["CiphertextBlob"]
    for names in (sorted(context), sorted(context, reverse=True)):
        again = {name: context[name] for name in names}
        assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=again)["Plaintext"] == b"bound"


def test_a_large_context(kms: Any, key: str) -> None:
    """A context of many pairs works; one that is over 8 KB is ValidationException."""
    context = {f"name {number}": "v" * 50 for number in range(100)}
    blob = kms.encrypt(KeyId=key, Plaintext=b"bound", EncryptionContext=context)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == b"bound"
    too_large = {"name": "v" * 8193}
    assert refusal(kms.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext=too_large).code == "ValidationException"


def test_every_changed_byte_is_refused(kms: Any, key: str) -> None:
    """Whichever byte changes, the answer says nothing but that the ciphertext is invalid.

    Bytes that name the key make it another key's ciphertext: unknown by itself, incorrect beside a KeyId.
    """
    blob = kms.encrypt(KeyId=key, Plaintext=b"sixteen bytes...", EncryptionContext={"a": "b"})["CiphertextBlob"]
    for place in range(len(blob)):
        changed = blob[:place] + bytes([blob[place] ^ 1]) + blob[place + 1 :]
        request = {"CiphertextBlob": changed, "EncryptionContext": {"a": "b"}}
        named = place in NAMES_THE_KEY
        assert refusal(kms.decrypt, **request) == (unknown_key(kms) if named else INVALID), place
        assert refusal(kms.decrypt, **request, KeyId=key) == (INCORRECT_KEY if named else INVALID), place


def test_every_cut_ciphertext_is_refused(kms: Any, key: str) -> None:
    """A ciphertext that is cut anywhere, lengthened, or empty is refused."""
    blob = kms.encrypt(KeyId=key, Plaintext=b"sixteen bytes...")["CiphertextBlob"]
    for length in range(1, len(blob)):
        assert refusal(kms.decrypt, CiphertextBlob=blob[:length]) == INVALID
    for longer in (blob + b"\0", b"\0" + blob, blob + blob, b"x" * 6144):
        assert refusal(kms.decrypt, CiphertextBlob=longer) == INVALID
    assert refusal(kms.decrypt, CiphertextBlob=b"x" * 6145).code == "ValidationException"


def test_an_invalid_ciphertext_has_no_message(server: Server, key: str) -> None:
    """The error body has no message member at all, as AWS's has none."""
    answer = post(server, "Decrypt", {"CiphertextBlob": "AAAA", "KeyId": key})
    assert (answer.status, answer.body) == (400, b'{"__type":"InvalidCiphertextException"}')


def test_decrypt_with_a_key_id(kms: Any, key: str) -> None:
    """KeyId may be left out; given, it must name the key that encrypted."""
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    for value in (key, id_of(key)):
        assert kms.decrypt(CiphertextBlob=blob, KeyId=value)["KeyId"] == key
    assert refusal(kms.decrypt, CiphertextBlob=blob, KeyId=new_key(kms)) == INCORRECT_KEY


def test_a_ciphertext_of_another_region_names_no_key(server: Server, kms: Any, key: str) -> None:
    """The key of a ciphertext is looked up in the Region of the call."""
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    elsewhere = server.client("eu-west-1")
    assert refusal(elsewhere.decrypt, CiphertextBlob=blob) == unknown_key(elsewhere)
    assert refusal(elsewhere.decrypt, CiphertextBlob=blob, KeyId=new_key(elsewhere)) == INCORRECT_KEY


def test_decrypt_needs_a_ciphertext(server: Server, key: str) -> None:
    """Without CiphertextBlob, and without a dry run that ignores it, Decrypt and ReEncrypt are ValidationException."""
    for operation, request in (("Decrypt", {}), ("Decrypt", {"KeyId": key}), ("ReEncrypt", {"DestinationKeyId": key})):
        answer = post(server, operation, request)
        assert answer.fault == "ValidationException"
        assert b"'ciphertextBlob' failed to satisfy constraint: Member must not be null" in answer.body


@pytest.mark.parametrize("algorithm", ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE"])
def test_algorithms_of_other_specs_do_not_fit(kms: Any, key: str, algorithm: str) -> None:
    """A symmetric key knows SYMMETRIC_DEFAULT alone."""
    blob = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionAlgorithm="SYMMETRIC_DEFAULT")["CiphertextBlob"]
    misfit = Refusal(
        "InvalidKeyUsageException", f"Algorithm {algorithm} is incompatible with key spec SYMMETRIC_DEFAULT."
    )
    assert refusal(kms.encrypt, KeyId=key, Plaintext=b"x", EncryptionAlgorithm=algorithm) == misfit
    assert refusal(kms.decrypt, KeyId=key, CiphertextBlob=blob, EncryptionAlgorithm=algorithm) == misfit
    both = {"CiphertextBlob": blob, "SourceKeyId": key, "DestinationKeyId": key}
    assert refusal(kms.re_encrypt, **both, SourceEncryptionAlgorithm=algorithm) == misfit
    assert refusal(kms.re_encrypt, **both, DestinationEncryptionAlgorithm=algorithm) == misfit


@pytest.mark.parametrize("named", [False, True])
def test_re_encrypt_across_keys_and_contexts(kms: Any, key: str, named: bool) -> None:  # noqa: FBT001 - a case
    """ReEncrypt moves a ciphertext to another key and context; its answer names both keys and materials."""
    other = new_key(kms)
    old, new = {"place": "old"}, {"place": "new", "by": "re-encryption"}
    blob = kms.encrypt(KeyId=key, Plaintext=b"moved", EncryptionContext=old)["CiphertextBlob"]
    request = {
        "CiphertextBlob": blob,
        "SourceEncryptionContext": old,
        "DestinationKeyId": id_of(other),
        "DestinationEncryptionContext": new,
    }
    answer = members(kms.re_encrypt(**request, **({"SourceKeyId": id_of(key)} if named else {})))
    moved = answer.pop("CiphertextBlob")
    assert answer == {
        "SourceKeyId": key,
        "KeyId": other,
        "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "SourceKeyMaterialId": material_of(kms, key),
        "DestinationKeyMaterialId": material_of(kms, other),
    }
    opened = kms.decrypt(CiphertextBlob=moved, EncryptionContext=new)
    assert (opened["Plaintext"], opened["KeyId"]) == (b"moved", other)
    assert refusal(kms.decrypt, CiphertextBlob=moved, EncryptionContext=old) == INVALID
    assert refusal(kms.re_encrypt, **request | {"SourceEncryptionContext": new}) == INVALID
    assert refusal(kms.re_encrypt, **request, SourceKeyId=other) == INCORRECT_KEY


def test_re_encrypt_under_the_same_key(kms: Any, key: str) -> None:
    """A chain of re-encryptions gives a new ciphertext each time, and all of them open."""
    blobs = [kms.encrypt(KeyId=key, Plaintext=b"chain")["CiphertextBlob"]]
    for _ in range(5):
        blobs.append(kms.re_encrypt(CiphertextBlob=blobs[-1], DestinationKeyId=key)["CiphertextBlob"])
    assert all(one != next_ for one, next_ in pairwise(blobs))
    assert {kms.decrypt(CiphertextBlob=blob)["Plaintext"] for blob in blobs} == {b"chain"}


def test_the_largest_plaintext_can_be_re_encrypted(kms: Any, key: str) -> None:
    """A ciphertext of 4096 bytes of plaintext is small enough for ReEncrypt and Decrypt."""
    blob = kms.encrypt(KeyId=key, Plaintext=b"p" * 4096)["CiphertextBlob"]
    moved = kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=new_key(kms))["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=moved)["Plaintext"] == b"p" * 4096


def test_a_ciphertext_of_a_key_that_never_was(server: Server, kms: Any, key: str) -> None:
    """A ciphertext of an unknown key, own account or not, is refused with one text."""
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    own = blob[:9] + uuid.uuid4().bytes + blob[25:]
    foreign = server.client(REGION, account())
    for caller, unknown in ((kms, own), (foreign, blob), (foreign, own)):
        assert refusal(caller.decrypt, CiphertextBlob=unknown) == unknown_key(caller)
        destination = new_key(caller)
        refused = refusal(caller.re_encrypt, CiphertextBlob=unknown, DestinationKeyId=destination)
        assert refused == unknown_key(caller, "kms:ReEncryptFrom")


def test_grant_tokens_of_nobody_are_refused(kms: Any, key: str) -> None:
    """A grant token that no grant has is InvalidGrantTokenException; none at all is fine."""
    kms.encrypt(KeyId=key, Plaintext=b"x", GrantTokens=[])
    refused = refusal(kms.encrypt, KeyId=key, Plaintext=b"x", GrantTokens=["made up"])
    assert refused.code == "InvalidGrantTokenException"
