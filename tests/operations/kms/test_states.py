"""Every operation on a key in every state, against AWS's table of key states."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from strongroom.model.state import KeyState
from strongroom.operations.table import OPERATIONS
from tests.core import Answer, Core
from tests.operations.kms.kinds import Zoo

# AWS KMS Developer Guide, "Key states of AWS KMS keys". A column for each state, the numbers are the page's footnotes;
# where either of two may come for a key pending deletion, the third is the choice.
COLUMNS = (
    "Enabled", "Disabled", "PendingDeletion", "PendingReplicaDeletion", "PendingImport", "Unavailable", "Creating",
    "Updating",
)  # fmt: skip
CRYPTOGRAPHIC = "ok 1  3  3  5  11 14 ok"
READING = "      ok ok ok ok ok ok ok ok"
MARKING = "      ok ok 3  3  ok ok ok ok"
SWITCHING = "    ok ok 3  3  5  ok 14 15"
TABLE = {
    "CancelKeyDeletion": "4  4  ok ok 4  4  4  4",
    "CreateAlias": MARKING,
    "Decapsulate": CRYPTOGRAPHIC,
    "Decrypt": CRYPTOGRAPHIC,
    "DeleteAlias": READING,
    "DeriveSharedSecret": CRYPTOGRAPHIC,
    "DescribeKey": READING,
    "DisableKey": SWITCHING,
    "EnableKey": SWITCHING,
    "Encapsulate": CRYPTOGRAPHIC,
    "Encrypt": CRYPTOGRAPHIC,
    "GenerateDataKey": CRYPTOGRAPHIC,
    "GenerateDataKeyPair": CRYPTOGRAPHIC,
    "GenerateDataKeyPairWithoutPlaintext": CRYPTOGRAPHIC,
    "GenerateDataKeyWithoutPlaintext": CRYPTOGRAPHIC,
    "GenerateMac": CRYPTOGRAPHIC,
    "GetKeyPolicy": READING,
    "GetPublicKey": CRYPTOGRAPHIC,
    "ListAliases": READING,
    "ListKeyPolicies": READING,
    "ListResourceTags": READING,
    "PutKeyPolicy": READING,
    "ReEncrypt from": CRYPTOGRAPHIC,
    "ReEncrypt to": CRYPTOGRAPHIC,
    "ScheduleKeyDeletion": "ok ok 3 3 ok ok ok 15",
    "Sign": CRYPTOGRAPHIC,
    "TagResource": MARKING,
    "UntagResource": MARKING,
    "UpdateAlias from": READING,  # footnote 10
    "UpdateAlias to": MARKING,
    "UpdateKeyDescription": MARKING,
    "Verify": CRYPTOGRAPHIC,
    "VerifyMac": CRYPTOGRAPHIC,
}
# The kind of key, where it is no symmetric one.
KIND_OF = {
    "Decapsulate": "encapsulation", "DeriveSharedSecret": "agreement", "Encapsulate": "encapsulation",
    "GenerateMac": "HMAC", "GetPublicKey": "signing", "Sign": "signing", "Verify": "signing", "VerifyMac": "HMAC",
}  # fmt: skip
FOOTNOTES = {
    "1": ("DisabledException", "is disabled."),
    "3": ("KMSInvalidStateException", "is pending deletion."),
    "4": ("KMSInvalidStateException", "is not pending deletion"),
    "5": ("KMSInvalidStateException", "is pending import."),
    "11": ("KMSInvalidStateException", "is unavailable."),
    "14": ("KMSInvalidStateException", "is creating."),
    "15": ("KMSInvalidStateException", "is updating."),
}
CELLS = [
    pytest.param(case, state, cell, id=f"{case}-{state}")
    for case, row in TABLE.items()
    for state, cell in zip(COLUMNS, row.split(), strict=True)
]


class Scene(NamedTuple):
    """What a request may name: the key in question, another one, and what was made while it was enabled."""

    key: str
    other: str
    blob: bytes
    other_blob: bytes


REQUESTS: dict[str, Callable[[Scene], dict[str, Any]]] = {
    "CancelKeyDeletion": lambda it: {"KeyId": it.key},
    "CreateAlias": lambda it: {"AliasName": "alias/new", "TargetKeyId": it.key},
    "Decrypt": lambda it: {"CiphertextBlob": it.blob},
    "DeleteAlias": lambda _: {"AliasName": "alias/key"},
    "DescribeKey": lambda it: {"KeyId": it.key},
    "DisableKey": lambda it: {"KeyId": it.key},
    "EnableKey": lambda it: {"KeyId": it.key},
    "Encrypt": lambda it: {"KeyId": it.key, "Plaintext": b"x"},
    "GenerateDataKey": lambda it: {"KeyId": it.key, "KeySpec": "AES_256"},
    "GenerateDataKeyPair": lambda it: {"KeyId": it.key, "KeyPairSpec": "ECC_NIST_P256"},
    "GenerateDataKeyPairWithoutPlaintext": lambda it: {"KeyId": it.key, "KeyPairSpec": "ECC_NIST_P256"},
    "GenerateDataKeyWithoutPlaintext": lambda it: {"KeyId": it.key, "KeySpec": "AES_128"},
    "GetKeyPolicy": lambda it: {"KeyId": it.key},
    "ListAliases": lambda it: {"KeyId": it.key},
    "ListKeyPolicies": lambda it: {"KeyId": it.key},
    "ListResourceTags": lambda it: {"KeyId": it.key},
    "PutKeyPolicy": lambda it: {"KeyId": it.key, "Policy": "{}"},
    "ReEncrypt from": lambda it: {"CiphertextBlob": it.blob, "DestinationKeyId": it.other},
    "ReEncrypt to": lambda it: {"CiphertextBlob": it.other_blob, "DestinationKeyId": it.key},
    "ScheduleKeyDeletion": lambda it: {"KeyId": it.key},
    "TagResource": lambda it: {"KeyId": it.key, "Tags": [{"TagKey": "a", "TagValue": "b"}]},
    "UntagResource": lambda it: {"KeyId": it.key, "TagKeys": ["a"]},
    "UpdateAlias from": lambda it: {"AliasName": "alias/key", "TargetKeyId": it.other},
    "UpdateAlias to": lambda it: {"AliasName": "alias/other", "TargetKeyId": it.key},
    "UpdateKeyDescription": lambda it: {"KeyId": it.key, "Description": "new"},
}


@pytest.fixture
def scene(core: Core, key: str) -> Scene:
    """Two keys, each with an alias and a ciphertext."""
    other = core.new_key()
    blobs = []
    for name, arn in (("alias/key", key), ("alias/other", other)):
        core.ok("CreateAlias", AliasName=name, TargetKeyId=arn)
        blobs.append(core.ok("Encrypt", KeyId=arn, Plaintext=b"x")["CiphertextBlob"])
    return Scene(key, other, *blobs)


def check(answer: Answer, key: str, state: str, cell: str) -> None:
    """What a call was answered is what a cell of the table says."""
    if cell == "ok":
        assert answer.status == 200, (answer.code, answer.message)
    else:
        code, text = FOOTNOTES[cell]
        wanted = text.replace("pending", "pending replica") if cell == "3" and "Replica" in state else text
        assert (answer.status, answer.code, answer.message) == (400, code, f"{key} {wanted}")


@pytest.mark.parametrize(("case", "state", "cell"), [cell for cell in CELLS if cell.values[0] not in KIND_OF])
def test_a_state_allows_what_awss_table_says(core: Core, scene: Scene, case: str, state: str, cell: str) -> None:
    """Where the table says so the call succeeds; else it has the fault and the words of its footnote."""
    core.put_state(scene.key, KeyState(state))
    check(core.call(case.split(maxsplit=1)[0], **REQUESTS[case](scene)), scene.key, state, cell)


@pytest.mark.parametrize(("case", "state", "cell"), [cell for cell in CELLS if cell.values[0] in KIND_OF])
def test_a_state_of_another_kind_of_key(zoo: Zoo, case: str, state: str, cell: str) -> None:
    """The same for keys that are not symmetric; what the call needs was made while the key was enabled."""
    kind = KIND_OF[case]
    members, key = zoo.members(case, kind), zoo.keys[kind]
    zoo.core.put_state(key, KeyState(state))
    answer = zoo.core.call(case, **members)
    zoo.core.put_state(key, KeyState.ENABLED)
    check(answer, key, state, cell)


def test_the_table_is_whole() -> None:
    """Every operation on a key has its row."""
    keyless = {"CreateKey", "GenerateRandom", "ListKeys"}
    assert {case.split(maxsplit=1)[0] for case in TABLE} == OPERATIONS.keys() - keyless


@pytest.mark.parametrize("state", sorted(KeyState))
def test_lists_show_keys_in_every_state(core: Core, key: str, state: KeyState) -> None:
    """ListKeys and ListAliases do not look at states."""
    core.ok("CreateAlias", AliasName="alias/key", TargetKeyId=key)
    core.put_state(key, state)
    assert [item["KeyArn"] for item in core.ok("ListKeys")["Keys"]] == [key]
    assert [item["AliasName"] for item in core.ok("ListAliases")["Aliases"]] == ["alias/key"]
