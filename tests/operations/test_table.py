"""The rows of the operation table, against what AWS documents of each operation."""

from typing import NamedTuple

import pytest

import strongroom.operations.kms  # noqa: F401 - fills the table
from strongroom.operations.table import OPERATIONS, TO_COME, Operation, Target


class Documented(NamedTuple):
    """A row of AWS KMS Developer Guide, "AWS KMS permissions" and "Key type reference".

    Attributes:
        keys: Of each key that is touched, its action and how it is named: by ``id`` (key id or key ARN), by ``any``
            (an alias as well), by a ``blob`` or any of these, by an ``alias`` alone, or as the ``related`` key in
            another Region.
        cross_account: Whether the key may be another account's.
        grantable: Whether it is a GrantOperation.
        usage: What the key must be for.
        symmetric_only: Whether it must be a symmetric encryption key.
    """

    keys: str = ""
    cross_account: bool = False
    grantable: bool = False
    usage: str | None = None
    symmetric_only: bool = False


def cryptographic(keys: str, usage: str = "ENCRYPT_DECRYPT", *, symmetric_only: bool = False) -> Documented:
    """Grants allow it, and other accounts may be let to it."""
    return Documented(keys, cross_account=True, grantable=True, usage=usage, symmetric_only=symmetric_only)


DOCUMENTED = {
    "CancelKeyDeletion": Documented("kms:CancelKeyDeletion id"),
    "CreateAlias": Documented("kms:CreateAlias id"),
    "CreateKey": Documented(),
    "Decapsulate": cryptographic("kms:Decapsulate any", "ENCAPSULATE_DECAPSULATE"),
    "Decrypt": cryptographic("kms:Decrypt blob"),
    "DeleteAlias": Documented("kms:DeleteAlias alias"),
    "DeleteImportedKeyMaterial": Documented("kms:DeleteImportedKeyMaterial id"),
    "DeriveSharedSecret": cryptographic("kms:DeriveSharedSecret any", "KEY_AGREEMENT"),
    "DescribeKey": Documented("kms:DescribeKey any", cross_account=True, grantable=True),
    "DisableKey": Documented("kms:DisableKey id"),
    "DisableKeyRotation": Documented("kms:DisableKeyRotation id"),
    "EnableKey": Documented("kms:EnableKey id"),
    "EnableKeyRotation": Documented("kms:EnableKeyRotation id"),
    "Encapsulate": cryptographic("kms:Encapsulate any", "ENCAPSULATE_DECAPSULATE"),
    "Encrypt": cryptographic("kms:Encrypt any"),
    "GenerateDataKey": cryptographic("kms:GenerateDataKey any", symmetric_only=True),
    "GenerateDataKeyPair": cryptographic("kms:GenerateDataKeyPair any", symmetric_only=True),
    "GenerateDataKeyPairWithoutPlaintext": cryptographic(
        "kms:GenerateDataKeyPairWithoutPlaintext any", symmetric_only=True
    ),
    "GenerateDataKeyWithoutPlaintext": cryptographic("kms:GenerateDataKeyWithoutPlaintext any", symmetric_only=True),
    "GenerateMac": cryptographic("kms:GenerateMac any", "GENERATE_VERIFY_MAC"),
    "GenerateRandom": Documented(),
    "GetKeyLastUsage": Documented("kms:GetKeyLastUsage id"),
    "GetKeyPolicy": Documented("kms:GetKeyPolicy id"),
    "GetKeyRotationStatus": Documented("kms:GetKeyRotationStatus id", cross_account=True),
    "GetParametersForImport": Documented("kms:GetParametersForImport id"),
    "GetPublicKey": Documented("kms:GetPublicKey any", cross_account=True, grantable=True),
    "ImportKeyMaterial": Documented("kms:ImportKeyMaterial id"),
    "ListAliases": Documented(),
    "ListKeyPolicies": Documented("kms:ListKeyPolicies id"),
    "ListKeyRotations": Documented("kms:ListKeyRotations id"),
    "ListKeys": Documented(),
    "ListResourceTags": Documented("kms:ListResourceTags id"),
    "PutKeyPolicy": Documented("kms:PutKeyPolicy id"),
    "ReEncrypt": cryptographic("kms:ReEncryptFrom blob, kms:ReEncryptTo any"),
    "ReplicateKey": Documented("kms:ReplicateKey id"),
    "RotateKeyOnDemand": Documented("kms:RotateKeyOnDemand id"),
    "ScheduleKeyDeletion": Documented("kms:ScheduleKeyDeletion id"),
    "Sign": cryptographic("kms:Sign any", "SIGN_VERIFY"),
    "TagResource": Documented("kms:TagResource id"),
    "UntagResource": Documented("kms:UntagResource id"),
    "UpdateAlias": Documented("kms:UpdateAlias alias, kms:UpdateAlias id"),
    "UpdateKeyDescription": Documented("kms:UpdateKeyDescription id"),
    "UpdatePrimaryRegion": Documented("kms:UpdatePrimaryRegion id, kms:UpdatePrimaryRegion related"),
    "Verify": cryptographic("kms:Verify any", "SIGN_VERIFY"),
    "VerifyMac": cryptographic("kms:VerifyMac any", "GENERATE_VERIFY_MAC"),
}
# AWS KMS Developer Guide, "Testing your permissions": of the operations that are here, all that use key material.
DRY_RUN = {name for name, row in DOCUMENTED.items() if row.usage is not None}


def naming(target: Target) -> str:
    """How a target finds its key, in the words of the table above."""
    if target.alias_member is not None:
        return f"{target.action} alias"
    if target.blob_member is not None:
        assert target.aliases
        return f"{target.action} blob"
    if target.region_member is not None:
        return f"{target.action} related"
    return f"{target.action} {'any' if target.aliases else 'id'}"


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_a_row_is_as_aws_documents_it(name: str) -> None:
    """Keys, actions, and who may be allowed are AWS's."""
    row = OPERATIONS[name]
    own = Documented(
        ", ".join(naming(target) for target in row.targets),
        row.cross_account,
        row.grantable,
        row.usage,
        row.symmetric_only,
    )
    assert own == DOCUMENTED[name]


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_a_row_has_an_action_for_everything(name: str) -> None:
    """An operation on no key needs the action of its own name; one on keys needs those of its keys.

    ReplicateKey needs CreateKey in the other Region beside that.
    """
    row = OPERATIONS[name]
    own = None if row.targets else f"kms:{name}"
    assert row.action == ("kms:CreateKey" if name == "ReplicateKey" else own)


def test_dry_runs_are_where_aws_has_them() -> None:
    """Only a request with the member can ask for one."""
    assert {name for name, row in OPERATIONS.items() if row.dry_run} == DRY_RUN


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_a_row_names_itself_and_members_of_its_request(name: str) -> None:
    """What the row says of the request is there: a misspelled member would be found by a caller only."""
    row: Operation = OPERATIONS[name]
    assert row.name == name
    assert row.read_only != row.writes
    members = set(row.request.__struct_fields__)
    for target in row.targets:
        named = {target.key_member, target.blob_member, target.alias_member, target.algorithm, target.region_member}
        named -= {None}
        assert named <= members
        assert target.key_member is not None or target.alias_member is not None
    assert set(row.secret) <= set(row.response.__struct_fields__ if row.response else ())


def test_nothing_is_stubbed() -> None:
    """What is still to come has no row."""
    assert not TO_COME & OPERATIONS.keys()
