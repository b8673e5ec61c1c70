"""Condition keys: none is forgotten, each is there for the actions that it applies to, and case never decides."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

import strongroom.operations.kms  # noqa: F401 - fills the table
from strongroom.authz.context import AMBIGUOUS
from strongroom.dispatch.conditions import FAMILIES, KEYS, context_of
from strongroom.model.grant import GrantOperation
from strongroom.operations.kms.keys import CreateKeyRequest
from strongroom.operations.shapes import Tag
from strongroom.operations.table import KMS, Target
from strongroom.ports import Recipient
from tests.situations import PRIMARY, SESSION, STORED, situation, value

# --- which keys there are: AWS KMS Developer Guide, IAM User Guide, Service Authorization Reference ---

OF_KMS = """
BypassPolicyLockoutSafetyCheck CallerAccount CustomerMasterKeySpec CustomerMasterKeyUsage DataKeyPairSpec
EncryptionAlgorithm EncryptionContextKeys ExpirationModel GrantConstraintSourceArn GrantConstraintType
GrantIsForAWSResource GrantOperations GranteePrincipal GranteeServicePrincipal KeyAgreementAlgorithm KeyOrigin KeySpec
KeyUsage MacAlgorithm MessageType MultiRegion MultiRegionKeyType PolicyName PrimaryRegion ReEncryptOnSameKey
ReplicaRegion RequestAlias ResourceAliases RetiringPrincipal RetiringServicePrincipal RotationPeriodInDays
ScheduleKeyDeletionPendingWindowInDays SigningAlgorithm TrailingDaysWithoutKeyUsage ValidTo ViaService WrappingAlgorithm
WrappingKeySpec
"""
OF_ALL = """
CalledVia CalledViaFirst CalledViaLast CurrentTime EpochTime FederatedProvider MultiFactorAuthAge MultiFactorAuthPresent
PrincipalAccount PrincipalArn PrincipalIsAWSService PrincipalOrgID PrincipalOrgPaths PrincipalServiceName PrincipalType
Referer RequestedRegion ResourceAccount ResourceOrgID SecureTransport SourceAccount SourceArn SourceIdentity SourceIp
SourceOrgID SourceVpc SourceVpce TagKeys TokenIssueTime UserAgent ViaAWSService VpcSourceIp userid username
"""
OF_STS = "ExternalId RoleSessionName SourceIdentity TransitiveTagKeys"
OF_NAMES = {
    "aws:PrincipalTag/", "aws:RequestTag/", "aws:ResourceTag/", "kms:EncryptionContext:", "kms:RecipientAttestation:",
}  # fmt: skip

# What nobody has: the keys of services that call, of VPC endpoints, organizations, identity providers and MFA devices.
NOBODYS = {
    "aws:CalledVia", "aws:CalledViaFirst", "aws:CalledViaLast", "aws:FederatedProvider", "aws:MultiFactorAuthAge",
    "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:PrincipalServiceName", "aws:Referer", "aws:ResourceOrgID",
    "aws:SourceAccount", "aws:SourceArn", "aws:SourceOrgID", "aws:SourceVpc", "aws:SourceVpce", "aws:VpcSourceIp",
    "kms:ViaService",
}  # fmt: skip


def _named(prefix: str, names: str) -> set[str]:
    return {f"{prefix}:{name}" for name in names.split()}


def test_no_key_is_forgotten() -> None:
    """Every key of AWS's lists has a source or is known to be absent, and there are no others."""
    every = _named("kms", OF_KMS) | _named("aws", OF_ALL) | _named("sts", OF_STS)
    assert every >= NOBODYS
    assert KEYS.keys() == every - NOBODYS
    assert FAMILIES.keys() == OF_NAMES


@pytest.mark.parametrize("key", sorted(NOBODYS | {"aws:Unheard", "s3:prefix", "kms:EncryptionContext", "aws:", ""}))
def test_what_nobody_has_is_absent(key: str) -> None:
    """A key without a source is absent."""
    assert value(key, "kms:CreateGrant", request=WHOLE) is None


# --- which actions a key applies to ---

GRANTING = "CreateGrant"
ENCRYPTING = (
    "Decrypt Encrypt GenerateDataKey GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext"
    " GenerateDataKeyWithoutPlaintext ReEncryptFrom ReEncryptTo"
)
CRYPTOGRAPHIC = f"{ENCRYPTING} Decapsulate DeriveSharedSecret Encapsulate GenerateMac Sign Verify VerifyMac"
MANAGING = (
    "CancelKeyDeletion CreateAlias DeleteAlias DeleteImportedKeyMaterial DescribeKey DisableKey DisableKeyRotation"
    " EnableKey EnableKeyRotation GetKeyLastUsage GetKeyPolicy GetKeyRotationStatus GetParametersForImport GetPublicKey"
    " ImportKeyMaterial ListGrants ListKeyPolicies ListKeyRotations ListResourceTags PutKeyPolicy ReplicateKey"
    " RetireGrant RevokeGrant RotateKeyOnDemand ScheduleKeyDeletion TagResource UntagResource UpdateAlias"
    " UpdateKeyDescription UpdatePrimaryRegion"
)
ON_KEYS = f"{CRYPTOGRAPHIC} {MANAGING} {GRANTING}"
ON_NO_KEY = "CreateKey GenerateRandom ListAliases ListKeys ListRetirableGrants"
ACTIONS = f"{ON_KEYS} {ON_NO_KEY}".split()

APPLIES = {
    "aws:RequestTag/t": "CreateKey TagResource",
    "aws:ResourceTag/stage": ON_KEYS,
    "aws:TagKeys": "CreateKey TagResource UntagResource",
    "kms:BypassPolicyLockoutSafetyCheck": "CreateKey PutKeyPolicy",
    "kms:CallerAccount": f"{ON_KEYS} CreateKey",
    "kms:CustomerMasterKeySpec": f"{ON_KEYS} CreateKey",
    "kms:CustomerMasterKeyUsage": f"{ON_KEYS} CreateKey",
    "kms:DataKeyPairSpec": "GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext",
    "kms:EncryptionAlgorithm": ENCRYPTING,
    "kms:EncryptionContext:app": f"{ENCRYPTING} {GRANTING}",
    "kms:EncryptionContextKeys": f"{ENCRYPTING} {GRANTING}",
    "kms:ExpirationModel": "ImportKeyMaterial",
    "kms:GrantConstraintSourceArn": GRANTING,
    "kms:GrantConstraintType": GRANTING,
    "kms:GrantIsForAWSResource": f"{GRANTING} ListGrants RevokeGrant",
    "kms:GrantOperations": GRANTING,
    "kms:GranteePrincipal": GRANTING,
    "kms:GranteeServicePrincipal": GRANTING,
    "kms:KeyAgreementAlgorithm": "DeriveSharedSecret",
    "kms:KeyOrigin": f"{ON_KEYS} CreateKey",
    "kms:KeySpec": f"{ON_KEYS} CreateKey",
    "kms:KeyUsage": f"{ON_KEYS} CreateKey",
    "kms:MacAlgorithm": "GenerateMac VerifyMac",
    "kms:MessageType": "Sign Verify",
    "kms:MultiRegion": f"{ON_KEYS} CreateKey",
    "kms:MultiRegionKeyType": f"{ON_KEYS} CreateKey",
    "kms:PolicyName": "GetKeyPolicy PutKeyPolicy",
    "kms:PrimaryRegion": "UpdatePrimaryRegion",
    "kms:ReEncryptOnSameKey": "ReEncryptFrom ReEncryptTo",
    "kms:RecipientAttestation:PCR1": "Decrypt DeriveSharedSecret GenerateDataKey GenerateDataKeyPair GenerateRandom",
    "kms:ReplicaRegion": "ReplicateKey",
    "kms:RequestAlias": f"{CRYPTOGRAPHIC} DescribeKey GetPublicKey",
    "kms:ResourceAliases": ON_KEYS,
    "kms:RetiringPrincipal": GRANTING,
    "kms:RetiringServicePrincipal": GRANTING,
    "kms:RotationPeriodInDays": "EnableKeyRotation",
    "kms:ScheduleKeyDeletionPendingWindowInDays": "ScheduleKeyDeletion",
    "kms:SigningAlgorithm": "Sign Verify",
    "kms:TrailingDaysWithoutKeyUsage": "DisableKey ScheduleKeyDeletion",
    "kms:ValidTo": "ImportKeyMaterial",
    "kms:WrappingAlgorithm": "GetParametersForImport",
    "kms:WrappingKeySpec": "GetParametersForImport",
}


OF_REQUESTS = """
aws:RequestTag/t aws:TagKeys kms:BypassPolicyLockoutSafetyCheck kms:DataKeyPairSpec kms:ExpirationModel
kms:GrantConstraintSourceArn kms:GrantConstraintType kms:GrantOperations kms:GranteePrincipal
kms:GranteeServicePrincipal kms:KeyAgreementAlgorithm kms:MacAlgorithm kms:MessageType kms:PolicyName kms:PrimaryRegion
kms:ReplicaRegion kms:RetiringPrincipal kms:RetiringServicePrincipal kms:RotationPeriodInDays
kms:ScheduleKeyDeletionPendingWindowInDays kms:SigningAlgorithm kms:ValidTo kms:WrappingAlgorithm kms:WrappingKeySpec
sts:ExternalId sts:RoleSessionName sts:SourceIdentity sts:TransitiveTagKeys
"""


class _Whole(SimpleNamespace):
    """A request that has every member: it says ``x`` where the kind of a value does not matter."""

    def __getattr__(self, _name: str) -> str:
        return "x"


WHOLE = _Whole(
    tags=(Tag("t", "v"),),
    tag_keys=("t",),
    operations=(GrantOperation.SIGN,),
    constraints=_Whole(encryption_context_equals={"app": "x"}),
)


def _whole_situation(action: str) -> dict[str, Any]:
    """All that an action can have; a request's own members are there for every action, and have to be passed over."""
    names_context = action in ENCRYPTING.split()
    creates = action == "CreateKey"
    attests = action in APPLIES["kms:RecipientAttestation:PCR1"].split()
    return {
        "request": CreateKeyRequest(tags=(Tag("t", "v"),), multi_region=True, bypass_policy_lockout_safety_check=True)
        if creates
        else WHOLE,
        "stored": None if action in ON_NO_KEY.split() else PRIMARY,
        "alias": "alias/one",
        "encryption_context": {"app": "x"} if names_context else None,
        "recipient": Recipient("i-1", b"", {1: b"\x01"}, nitro_tpm=False) if attests else None,
        "same_key": False if action.startswith("ReEncrypt") else None,
    }


@pytest.mark.parametrize("action", ACTIONS)
def test_a_key_is_there_for_the_actions_that_it_applies_to(action: str) -> None:
    """A request that says everything has the keys that apply to its action, and no others."""
    context = context_of(situation(f"kms:{action}", **_whole_situation(action)))
    wanted = {key for key, actions in APPLIES.items() if action in actions.split()}
    assert {key for key in APPLIES if context.get(key.lower()) is not None} == wanted


def test_each_key_of_kms_says_what_it_applies_to() -> None:
    """The table above has every key of AWS KMS, and every action that a key can need."""
    own = {key for key in KEYS if key.startswith("kms:")}
    assert own == {key for key in APPLIES if key in KEYS and key.startswith("kms:")}
    needed = {
        target.action
        for operation in KMS.operations.values()
        for target in operation.targets
        if isinstance(target, Target)
    }
    assert needed <= {f"kms:{action}" for action in ON_KEYS.split()}


@pytest.mark.parametrize("action", ["iam:GetUser", "sts:AssumeRole"])
def test_other_services_have_no_keys_of_kms(action: str) -> None:
    """Where another service decides, no key of AWS KMS is there, whatever the request has."""
    context = context_of(situation(action, request=WHOLE, stored=None, alias="alias/one"))
    assert [key for key in APPLIES if key.startswith("kms:") and context.get(key.lower()) is not None] == []


@pytest.mark.parametrize("action", [*(f"kms:{action}" for action in ACTIONS), "sts:AssumeRole", "sts:TagSession"])
def test_without_a_request_nothing_is_asked_for(action: str) -> None:
    """Where there is no request, such as in a simulation, the keys of requests are absent, and none is an accident."""
    context = context_of(situation(action, request=None))
    assert [key for key in OF_REQUESTS.split() if context.get(key.lower()) is not None] == []


# --- names that differ only in case ---

TWINS: dict[str, dict[str, Any]] = {
    "kms:EncryptionContext:": {"encryption_context": {"App": "a", "aPP": "a", "other": "b", "APP": "c"}},
    "aws:RequestTag/": {"request": CreateKeyRequest(tags=(Tag("App", "a"), Tag("app", "a"), Tag("other", "b")))},
    "aws:ResourceTag/": {"stored": replace(STORED, tags={"app": "a", "APP": "b", "other": "b"})},
}


@pytest.mark.parametrize("prefix", TWINS)
def test_twins_in_other_letters_are_ambiguous(prefix: str) -> None:
    """Nobody can say which of them a policy means, not even where they agree; the others stay as they are."""
    action = "kms:CreateKey" if prefix == "aws:RequestTag/" else "kms:Encrypt"
    assert value(f"{prefix}app", action, **TWINS[prefix]) is AMBIGUOUS
    assert value(f"{prefix}other", action, **TWINS[prefix]) == ("b",)


def test_twins_among_a_sessions_tags_are_ambiguous() -> None:
    """As all others."""
    assert SESSION.session is not None
    caller = replace(SESSION, session=replace(SESSION.session, tags={"a": "1", "A": "1"}))
    assert value("aws:PrincipalTag/a", caller=caller) is AMBIGUOUS


def test_names_keep_their_letters_in_lists_of_names() -> None:
    """Lists of names tell twins apart: their values know case."""
    pairs = {"App": "1", "app": "2"}
    assert value("kms:EncryptionContextKeys", "kms:Encrypt", encryption_context=pairs) == ("App", "app")
    request = CreateKeyRequest(tags=(Tag("App", "1"), Tag("app", "2")))
    assert value("aws:TagKeys", "kms:CreateKey", request=request) == ("App", "app")


@given(st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=6), st.text(max_size=3))
def test_a_pair_is_found_whatever_its_letters(pairs: dict[str, str], name: str) -> None:
    """A name without a twin has its own value under any spelling in other letters, a missing one has none."""
    spelled = [text for key, text in pairs.items() if key.lower() == name.lower()]
    found = value(f"kms:EncryptionContext:{name}", "kms:Encrypt", encryption_context=pairs)
    assert found == (None if not spelled else (spelled[0],) if len(spelled) == 1 else AMBIGUOUS)


# --- lookups ---


def test_nothing_is_looked_up_before_it_is_asked_for() -> None:
    """The last usage, which is read from the database, is asked for by its own key alone, and once."""
    asked = []

    def last_usage() -> None:
        asked.append(1)

    context = context_of(situation("kms:DisableKey", last_usage=last_usage))
    for key in KEYS.keys() - {"kms:TrailingDaysWithoutKeyUsage"}:
        context.get(key.lower())
    assert asked == []
    context.get("kms:trailingdayswithoutkeyusage")
    context.get("kms:trailingdayswithoutkeyusage")
    assert asked == [1]


def test_the_encryption_context_is_walked_once() -> None:
    """However many conditions a policy has on it, a long encryption context costs its length but once."""
    walks = []

    class Pairs(dict[str, str]):
        def items(self) -> Any:
            walks.append(1)
            return super().items()

    context = context_of(situation("kms:Encrypt", encryption_context=Pairs(a="1", b="2")))
    assert [context.get(f"kms:encryptioncontext:{name}") for name in "abc"] == [("1",), ("2",), None]
    assert walks == [1]
