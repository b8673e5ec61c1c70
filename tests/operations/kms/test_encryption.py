"""Encrypt, Decrypt, ReEncrypt."""

from typing import Any

import pytest

from tests.core import ACCOUNT, ELSEWHERE, MISSING, OTHER, REGION, Core, key_id_of

CONTEXT = {"purpose": "test", "tenant": "\u00fc"}
UNKNOWN = (
    "User: arn:aws:iam::{account}:root is not authorized to perform: {action} on the resource associated with this"
    " ciphertext because the resource does not exist in this Region, no resource-based policies allow access, or a"
    " resource-based policy explicitly denies access"
)


def unknown_key(account: str = ACCOUNT, action: str = "kms:Decrypt") -> tuple[str, str]:
    """The refusal of a ciphertext that names no key of the caller's."""
    return "AccessDeniedException", UNKNOWN.format(account=account, action=action)


WRONG_KEY = (
    "IncorrectKeyException",
    "The key ID in the request does not identify a CMK that can perform this operation.",
)
INVALID = ("InvalidCiphertextException", "")


def encrypt(core: Core, key: str, plaintext: bytes = b"secret", **members: Any) -> bytes:
    """A ciphertext."""
    blob: bytes = core.ok("Encrypt", KeyId=key, Plaintext=plaintext, **members)["CiphertextBlob"]
    return blob


def material_of(core: Core, key: str) -> str:
    """The current material id of a key."""
    found: str = core.ok("DescribeKey", KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    return found


def test_what_encrypt_answers(core: Core, key: str) -> None:
    """The blob, the ARN and the algorithm, and no material id: AWS's answer has none."""
    answer = core.ok("Encrypt", KeyId=key_id_of(key), Plaintext=b"x")
    assert len(answer.pop("CiphertextBlob")) == 122
    assert answer == {"KeyId": key, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}


@pytest.mark.parametrize("named", [True, False])
def test_what_decrypt_answers(core: Core, key: str, *, named: bool) -> None:
    """The plaintext, and what opened it: the blob names its key, and a KeyId that names it too is right."""
    blob = encrypt(core, key, EncryptionContext=CONTEXT)
    core.ok("CreateAlias", AliasName="alias/app", TargetKeyId=key)
    for value in (key, key_id_of(key), "alias/app") if named else (None,):
        given = {} if value is None else {"KeyId": value}
        assert core.ok("Decrypt", CiphertextBlob=blob, EncryptionContext=CONTEXT, **given) == {
            "KeyId": key,
            "Plaintext": b"secret",
            "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
            "KeyMaterialId": material_of(core, key),
        }


@pytest.mark.parametrize("context", [{}, {"purpose": "test"}, CONTEXT | {"more": ""}, CONTEXT | {"tenant": "u"}])
def test_another_context_does_not_open(core: Core, key: str, context: dict[str, str]) -> None:
    """A context that lacks a pair, has one more, or another value: refused without a word."""
    blob = encrypt(core, key, EncryptionContext=CONTEXT)
    assert core.refused("Decrypt", CiphertextBlob=blob, EncryptionContext=context) == INVALID


@pytest.mark.parametrize("cut", ["garbage", "empty tail", "other material"])
def test_what_is_no_ciphertext_of_the_key(core: Core, key: str, cut: str) -> None:
    """Bytes of another form, a blob without its end, and one under a material that the key does not have."""
    blob = encrypt(core, key)
    bad = {"garbage": b"garbage", "empty tail": blob[:121], "other material": blob[:25] + bytes(32) + blob[57:]}[cut]
    assert core.refused("Decrypt", CiphertextBlob=bad) == INVALID
    assert core.refused("Decrypt", CiphertextBlob=bad, KeyId=key) == INVALID
    assert core.refused("ReEncrypt", CiphertextBlob=bad, DestinationKeyId=key) == INVALID


def test_a_ciphertext_names_a_key_of_its_own_account_and_region(core: Core, key: str) -> None:
    """In another Region, or of another account or a key that is gone, it names no key that the caller may use."""
    blob = encrypt(core, key)
    gone = blob[:9] + bytes(16) + blob[25:]
    assert core.refused("Decrypt", CiphertextBlob=blob, region=ELSEWHERE) == unknown_key()
    assert core.refused("Decrypt", CiphertextBlob=blob, account=OTHER) == unknown_key(OTHER)
    assert core.refused("Decrypt", CiphertextBlob=gone) == unknown_key()
    assert core.refused("Decrypt", CiphertextBlob=gone, account=OTHER) == unknown_key(OTHER)
    assert core.refused("ReEncrypt", CiphertextBlob=gone, DestinationKeyId=key) == unknown_key(
        action="kms:ReEncryptFrom"
    )


def test_a_key_id_that_is_not_the_ciphertexts(core: Core, key: str) -> None:
    """A key that exists but did not make the blob is AWS's IncorrectKeyException."""
    blob, other = encrypt(core, key), core.new_key()
    assert core.refused("Decrypt", CiphertextBlob=blob, KeyId=other) == WRONG_KEY
    wrong_source = {"SourceKeyId": other, "DestinationKeyId": key}
    assert core.refused("ReEncrypt", CiphertextBlob=blob, **wrong_source) == WRONG_KEY


def test_the_same_key_id_in_another_account_is_another_key(core: Core, key: str) -> None:
    """A blob of another account's key is not this account's, though their ids were the same."""
    blob = encrypt(core, key)
    twin = blob[:3] + int(OTHER).to_bytes(6, "big") + blob[9:]
    assert core.refused("Decrypt", CiphertextBlob=twin, KeyId=key) == WRONG_KEY


def test_re_encrypt_answers_with_both_keys(core: Core, key: str) -> None:
    """The new blob opens under the new key and context alone; both ARNs and materials are told."""
    other = core.new_key()
    source = encrypt(core, key, EncryptionContext=CONTEXT)
    answer = core.ok(
        "ReEncrypt",
        CiphertextBlob=source,
        SourceEncryptionContext=CONTEXT,
        DestinationKeyId=key_id_of(other),
        DestinationEncryptionContext={"b": "c"},
    )
    blob = answer.pop("CiphertextBlob")
    assert answer == {
        "SourceKeyId": key,
        "KeyId": other,
        "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "SourceKeyMaterialId": material_of(core, key),
        "DestinationKeyMaterialId": material_of(core, other),
    }
    opened = core.ok("Decrypt", CiphertextBlob=blob, EncryptionContext={"b": "c"})
    assert (opened["Plaintext"], opened["KeyId"]) == (b"secret", other)
    assert core.refused("Decrypt", CiphertextBlob=blob, EncryptionContext=CONTEXT) == INVALID


def test_re_encrypt_opens_under_the_source_context_only(core: Core, key: str) -> None:
    """The destination's context does not stand in for the source's."""
    blob = encrypt(core, key, EncryptionContext=CONTEXT)
    members = {"CiphertextBlob": blob, "DestinationKeyId": key, "DestinationEncryptionContext": CONTEXT}
    assert core.refused("ReEncrypt", **members) == INVALID


# 4 bytes, and 8 more for each pair, beside the pair itself
FITS, TOO_LARGE = {"a": "b" * (8192 - 4 - 8 - 1)}, {"a": "b" * (8192 - 4 - 8)}


def test_a_context_has_a_size(core: Core, key: str) -> None:
    """8,192 bytes in its canonical form, in every place where a context is given; a letter counts by its bytes."""
    blob = encrypt(core, key, EncryptionContext=FITS)
    wide = {"a": "\u00fc" * 4096}
    for context in (TOO_LARGE, wide):
        for operation, members in (
            ("Encrypt", {"KeyId": key, "Plaintext": b"x", "EncryptionContext": context}),
            ("Decrypt", {"CiphertextBlob": blob, "EncryptionContext": context}),
            ("ReEncrypt", {"CiphertextBlob": blob, "DestinationKeyId": key, "SourceEncryptionContext": context}),
            ("ReEncrypt", {"CiphertextBlob": blob, "DestinationKeyId": key, "DestinationEncryptionContext": context}),
        ):
            assert core.refused(operation, **members)[0] == "ValidationException"
    assert core.ok("Decrypt", CiphertextBlob=blob, EncryptionContext=FITS)["Plaintext"] == b"secret"


def test_asymmetric_decryption_needs_a_key_id(core: Core, key: str) -> None:
    """Only symmetric ciphertext names its key: with another algorithm the key must be named."""
    blob = encrypt(core, key)
    asked = {"CiphertextBlob": blob, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    assert core.refused("Decrypt", **asked)[0] == "ValidationException"
    source = {"CiphertextBlob": blob, "SourceEncryptionAlgorithm": "SM2PKE", "DestinationKeyId": key}
    assert core.refused("ReEncrypt", **source)[0] == "ValidationException"


def test_a_ciphertext_is_needed(core: Core, key: str) -> None:
    """Left out, it is worded as a required member."""
    text = (
        "1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy constraint: Member must not be"
        " null"
    )
    assert core.refused("Decrypt", KeyId=key) == ("ValidationException", text)
    assert core.refused("Decrypt", KeyId=key, DryRun=True) == ("ValidationException", text)
    assert core.refused("ReEncrypt", DestinationKeyId=key) == ("ValidationException", text)


def test_a_dry_run_opens_the_ciphertext(core: Core, key: str) -> None:
    """It tells whether the call would succeed, so a context that does not fit is found; nothing of it is answered."""
    blob = encrypt(core, key, EncryptionContext=CONTEXT)
    right: dict[str, Any] = {"CiphertextBlob": blob, "EncryptionContext": CONTEXT}
    passed = core.call("Decrypt", **right, DryRun=True)
    assert (passed.code, passed.members) == ("DryRunOperationException", {})
    assert "additionalEventData" not in passed.record
    assert core.refused("Decrypt", CiphertextBlob=blob, DryRun=True) == INVALID
    source = {"CiphertextBlob": blob, "SourceEncryptionContext": CONTEXT, "DestinationKeyId": key}
    assert core.refused("ReEncrypt", **source, DryRun=True)[0] == "DryRunOperationException"
    assert core.refused("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=key, DryRun=True) == INVALID


IGNORE: dict[str, Any] = {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}


@pytest.mark.parametrize("blob", [None, b"garbage", b"another key's"])
def test_a_dry_run_may_ignore_the_ciphertext(core: Core, key: str, blob: bytes | None) -> None:
    """Then it may be missing or anything, and the key, which must be named, decides alone."""
    if blob == b"another key's":
        blob = encrypt(core, core.new_key())
    given = {} if blob is None else {"CiphertextBlob": blob}
    source = {"SourceKeyId": key, "DestinationKeyId": key}
    assert core.refused("Decrypt", KeyId=key, **given, **IGNORE)[0] == "DryRunOperationException"
    assert core.refused("ReEncrypt", **source, **given, **IGNORE)[0] == "DryRunOperationException"
    assert core.refused("Decrypt", **given, **IGNORE)[0] == "ValidationException"
    assert core.refused("ReEncrypt", DestinationKeyId=key, **given, **IGNORE)[0] == "ValidationException"
    assert core.refused("Decrypt", KeyId=MISSING, **given, **IGNORE)[0] == "NotFoundException"


def test_modifiers_of_a_dry_run_need_a_dry_run(core: Core, key: str) -> None:
    """Nothing is ignored in a real call."""
    blob = encrypt(core, key)
    for flag in ({}, {"DryRun": False}):
        given = {"CiphertextBlob": blob, "KeyId": key, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]} | flag
        assert core.refused("Decrypt", **given)[0] == "ValidationException"


def test_a_key_that_is_named_but_missing(core: Core, key: str) -> None:
    """A named key that is not there is not found, whatever the ciphertext says."""
    arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{MISSING}"
    asked = {"CiphertextBlob": encrypt(core, key), "KeyId": MISSING}
    assert core.refused("Decrypt", **asked) == ("NotFoundException", f"Key '{arn}' does not exist")
