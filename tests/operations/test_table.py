"""The rows of the operation table, against what AWS documents of each operation."""

from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

import strongroom.operations.kms  # noqa: F401 - fills the table
from strongroom.model.region import Realm
from strongroom.operations.table import OPERATIONS, TO_COME, Need, Operation, Target


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
    "CreateGrant": Documented("kms:CreateGrant id", cross_account=True, grantable=True),
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
    "ListGrants": Documented("kms:ListGrants id", cross_account=True),
    "ListKeyPolicies": Documented("kms:ListKeyPolicies id"),
    "ListKeyRotations": Documented("kms:ListKeyRotations id"),
    "ListKeys": Documented(),
    "ListResourceTags": Documented("kms:ListResourceTags id"),
    "ListRetirableGrants": Documented(),
    "PutKeyPolicy": Documented("kms:PutKeyPolicy id"),
    "ReEncrypt": cryptographic("kms:ReEncryptFrom blob, kms:ReEncryptTo any"),
    "ReplicateKey": Documented("kms:ReplicateKey id"),
    "RetireGrant": Documented("kms:RetireGrant id", cross_account=True, grantable=True),
    "RevokeGrant": Documented("kms:RevokeGrant id", cross_account=True),
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
# AWS KMS Developer Guide, "Testing your permissions": all that use key material, and those on grants but lists.
DRY_RUN = {name for name, row in DOCUMENTED.items() if row.usage is not None or name.endswith("Grant")}


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
        ", ".join(naming(target) for target in row.key_targets),
        row.cross_account,
        row.grantable,
        row.usage,
        row.symmetric_only,
    )
    assert own == DOCUMENTED[name]


REALM = Realm("123456789012", "us-east-1")
ALIAS = "arn:aws:kms:us-east-1:123456789012:alias/a"
RETIRING = "arn:aws:iam::123456789012:user/retiring"
# AWS KMS Developer Guide, "AWS KMS permissions": what is needed beside the keys: actions on ``*``, unless told.
BESIDE_KEYS: dict[str, tuple[dict[str, Any], tuple[Need, ...]]] = {
    "CreateAlias": ({"alias_name": "alias/a"}, (Need("kms:CreateAlias", ALIAS),)),
    "CreateKey": ({"tags": ()}, (Need("kms:CreateKey"),)),
    "DeleteAlias": ({"alias_name": "alias/a"}, (Need("kms:DeleteAlias", ALIAS),)),
    "GenerateRandom": ({}, (Need("kms:GenerateRandom"),)),
    "ListAliases": ({}, (Need("kms:ListAliases"),)),
    "ListKeys": ({}, (Need("kms:ListKeys"),)),
    "ListRetirableGrants": ({"retiring_principal": RETIRING}, (Need("kms:ListRetirableGrants", RETIRING),)),
    "ReplicateKey": (
        {"replica_region": "eu-west-1", "tags": ()}, (Need("kms:CreateKey", region="eu-west-1"),),
    ),
    "UpdateAlias": ({"alias_name": "alias/a"}, (Need("kms:UpdateAlias", ALIAS),)),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_what_a_row_needs_beside_keys(name: str) -> None:
    """Whatever touches no key, or an alias, or makes a key, needs an action for that; nothing is free of all."""
    members, needs = BESIDE_KEYS.get(name, ({}, ()))
    assert OPERATIONS[name].needs(REALM, SimpleNamespace(**members)) == needs
    assert needs or OPERATIONS[name].targets


@pytest.mark.parametrize("name", ["CreateKey", "ReplicateKey"])
def test_tags_of_a_new_key_need_the_right_to_tag(name: str) -> None:
    """TagResource is needed where the key will be."""
    members, needs = BESIDE_KEYS[name]
    request = SimpleNamespace(**members | {"tags": ("a tag",)})
    assert OPERATIONS[name].needs(REALM, request) == (*needs, Need("kms:TagResource", region=needs[0].region))


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
    for target in row.key_targets:
        named = {target.key_member, target.blob_member, target.alias_member, target.algorithm, target.region_member}
        named -= {None}
        assert named <= members
        assert target.key_member is not None or target.alias_member is not None
    assert set(row.secret) <= set(row.response.__struct_fields__ if row.response else ())


def test_nothing_is_stubbed() -> None:
    """What is still to come has no row."""
    assert not TO_COME & OPERATIONS.keys()
