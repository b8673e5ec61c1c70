"""Which operation works in which key state, and how the others are refused.

The table is AWS's ("Key states of AWS KMS keys", AWS KMS Developer Guide), for the states that a key can be brought
into. Where AWS documents that either of two refusals may come for a key pending deletion, KMSInvalidStateException is
the choice.
"""

from typing import Any

import pytest

from tests.compat.calls import (
    KEYED,
    KINDS,
    Given,
    Refusal,
    ask,
    ask_refused,
    id_of,
    made_by,
    new_alias,
    new_key,
    operation_of,
    requests_on,
)

OK = None
DISABLED = Refusal("DisabledException", "{arn} is disabled.")
PENDING = Refusal("KMSInvalidStateException", "{arn} is pending deletion.")
NOT_PENDING = Refusal("KMSInvalidStateException", "{arn} is not pending deletion")

# Operation: in Enabled, in Disabled, in PendingDeletion.
TABLE: dict[str, tuple[Refusal | None, Refusal | None, Refusal | None]] = {
    "CancelKeyDeletion": (NOT_PENDING, NOT_PENDING, OK),
    "CreateAlias": (OK, OK, PENDING),
    "Decapsulate": (OK, DISABLED, PENDING),
    "Decrypt": (OK, DISABLED, PENDING),
    "DeriveSharedSecret": (OK, DISABLED, PENDING),
    "DescribeKey": (OK, OK, OK),
    "DisableKey": (OK, OK, PENDING),
    "DisableKeyRotation": (OK, DISABLED, PENDING),
    "EnableKey": (OK, OK, PENDING),
    "EnableKeyRotation": (OK, DISABLED, PENDING),
    "Encapsulate": (OK, DISABLED, PENDING),
    "Encrypt": (OK, DISABLED, PENDING),
    "GenerateDataKey": (OK, DISABLED, PENDING),
    "GenerateDataKeyPair": (OK, DISABLED, PENDING),
    "GenerateDataKeyPairWithoutPlaintext": (OK, DISABLED, PENDING),
    "GenerateDataKeyWithoutPlaintext": (OK, DISABLED, PENDING),
    "GenerateMac": (OK, DISABLED, PENDING),
    "GetKeyLastUsage": (OK, OK, OK),
    "GetKeyPolicy": (OK, OK, OK),
    "GetKeyRotationStatus": (OK, OK, OK),
    "GetPublicKey": (OK, DISABLED, PENDING),
    "ListAliases": (OK, OK, OK),
    "ListKeyPolicies": (OK, OK, OK),
    "ListKeyRotations": (OK, OK, OK),
    "ListResourceTags": (OK, OK, OK),
    "PutKeyPolicy": (OK, OK, OK),
    "ReEncrypt from": (OK, DISABLED, PENDING),
    "ReEncrypt to": (OK, DISABLED, PENDING),
    "RotateKeyOnDemand": (OK, DISABLED, PENDING),
    "ScheduleKeyDeletion": (OK, OK, PENDING),
    "Sign": (OK, DISABLED, PENDING),
    "TagResource": (OK, OK, PENDING),
    "UntagResource": (OK, OK, PENDING),
    "UpdateAlias": (OK, OK, PENDING),
    "UpdateKeyDescription": (OK, OK, PENDING),
    "Verify": (OK, DISABLED, PENDING),
    "VerifyMac": (OK, DISABLED, PENDING),
}
STATES = ("Enabled", "Disabled", "PendingDeletion")
AFTER = {
    "DisableKey": "Disabled",
    "EnableKey": "Enabled",
    "ScheduleKeyDeletion": "PendingDeletion",
    "CancelKeyDeletion": "Disabled",
}


def bring(kms: Any, arn: str, state: str) -> None:
    """Bring an enabled key into a state."""
    if state == "Disabled":
        kms.disable_key(KeyId=arn)
    elif state == "PendingDeletion":
        kms.schedule_key_deletion(KeyId=arn)


def state_of(kms: Any, arn: str) -> str:
    """The state of a key."""
    return str(kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"])


def test_the_table_names_every_operation_on_a_key() -> None:
    """No operation that takes a KeyId is left out of the table."""
    assert set(TABLE) == set(KEYED)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", TABLE)
def test_operation_in_state(kms: Any, name: str, state: str) -> None:
    """The operation succeeds or is refused as AWS's table says, and only the switches change the state."""
    key = new_key(kms, **KINDS.get(name, {}))
    given = Given(made_by(kms, key, name), new_alias(), new_alias(), new_key(kms))
    source = key
    if name == "ReEncrypt to":
        source = given.other
        given = given._replace(blob=made_by(kms, source, name))
    kms.create_alias(AliasName=given.taken, TargetKeyId=given.other)
    bring(kms, key, state)
    expected = TABLE[name][STATES.index(state)]
    request = requests_on(id_of(key), given)[name]
    operation = operation_of(name)
    if expected is OK:
        ask(kms, operation, request)
        assert state_of(kms, key) == AFTER.get(operation, state)
    else:
        wanted = expected._replace(message=expected.message.format(arn=key))
        assert ask_refused(kms, operation, request) == wanted
        assert state_of(kms, key) == state


@pytest.mark.parametrize("state", STATES)
def test_an_alias_of_a_key_in_any_state_can_be_moved_and_removed(kms: Any, key: str, state: str) -> None:
    """UpdateAlias asks nothing of the old target's state, DeleteAlias nothing at all."""
    moved, removed, other = new_alias(), new_alias(), new_key(kms)
    for name in (moved, removed):
        kms.create_alias(AliasName=name, TargetKeyId=key)
    bring(kms, key, state)
    kms.update_alias(AliasName=moved, TargetKeyId=other)
    kms.delete_alias(AliasName=removed)
    assert kms.describe_key(KeyId=moved)["KeyMetadata"]["Arn"] == other
    assert kms.list_aliases(KeyId=key)["Aliases"] == []


@pytest.mark.parametrize(("state", "expected"), [("Disabled", DISABLED), ("PendingDeletion", PENDING)])
def test_decrypt_without_a_key_id_asks_for_the_state_too(kms: Any, key: str, state: str, expected: Refusal) -> None:
    """The key that the ciphertext names must be enabled."""
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    bring(kms, key, state)
    wanted = expected._replace(message=expected.message.format(arn=key))
    assert ask_refused(kms, "Decrypt", {"CiphertextBlob": blob}) == wanted
