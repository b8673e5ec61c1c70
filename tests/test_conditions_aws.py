"""Condition keys that every service has, and those of sessions: their values, as policies write them."""

from typing import Any

import pytest
from msgspec.structs import replace

from strongroom.authz.context import Values
from strongroom.operations.kms.keys import CreateKeyRequest
from strongroom.operations.kms.replication import ReplicateKeyRequest
from strongroom.operations.kms.tags import TagResourceRequest, UntagResourceRequest
from strongroom.operations.shapes import Tag
from strongroom.operations.sts import roles
from tests.core import ACCOUNT, ELSEWHERE, OTHER, make_facts
from tests.situations import ROOT, SESSION, USER, value

Changes = dict[str, Any]

_REPLICATE = ReplicateKeyRequest(key_id="k", replica_region=ELSEWHERE, tags=(Tag("t", "v"),))
ROLE = f"arn:aws:iam::{OTHER}:role/bob"
_SESSION_REQUEST = roles.AssumeRoleRequest(
    role_arn=ROLE,
    role_session_name="bob",
    external_id="42",
    source_identity="ann@work",
    tags=(roles.Tag(key="Team", value="payroll"), roles.Tag(key="Stage", value="")),
    transitive_tag_keys=("Team",),
)
_PLAIN_SESSION = roles.AssumeRoleRequest(role_arn=ROLE, role_session_name="bob")
_UNIDENTIFIED = replace(SESSION, session=replace(SESSION.session, source_identity="")) if SESSION.session else SESSION
_PLAIN_HTTP = replace(make_facts(), tls=None, user_agent="")

GLOBAL: list[tuple[Changes, dict[str, Values]]] = [
    (
        {"caller": ROOT, "region": ELSEWHERE, "account": OTHER},
        {
            "CurrentTime": ("2018-12-31T11:59:59Z",),
            "EpochTime": ("1546257599",),
            "MultiFactorAuthPresent": None,
            "PrincipalAccount": (ACCOUNT,),
            "PrincipalArn": (f"arn:aws:iam::{ACCOUNT}:root",),
            "PrincipalIsAWSService": ("false",),
            "PrincipalTag/team": None,
            "PrincipalType": ("Account",),
            "RequestedRegion": (ELSEWHERE,),
            "ResourceAccount": (OTHER,),
            "ResourceTag/TEAM": ("payroll",),
            "ResourceTag/Nothing": None,
            "SecureTransport": ("true",),
            "SourceIdentity": None,
            "SourceIp": ("192.0.2.7",),
            "TokenIssueTime": None,
            "UserAgent": ("tests/1.0",),
            "ViaAWSService": ("false",),
            "userid": (ACCOUNT,),
            "username": None,
        },
    ),
    (
        {"caller": USER},
        {
            "MultiFactorAuthPresent": None,
            "PrincipalAccount": (OTHER,),
            "PrincipalArn": (f"arn:aws:iam::{OTHER}:user/ops/ann",),
            "PrincipalType": ("User",),
            "TokenIssueTime": None,
            "userid": ("AIDAEXAMPLE",),
            "username": ("ann",),
        },
    ),
    (
        {"caller": SESSION},
        {
            "MultiFactorAuthPresent": ("false",),
            "PrincipalArn": (f"arn:aws:iam::{ACCOUNT}:role/ci/Deploy",),
            "PrincipalTag/Cost Center": ("7",),
            "PrincipalTag/TEAM": ("payroll",),
            "PrincipalTag/none": None,
            "PrincipalType": ("AssumedRole",),
            "SourceIdentity": ("ann@example",),
            "TokenIssueTime": ("2018-12-31T11:59:59Z",),
            "userid": ("AROAEXAMPLE:ann",),
            "username": None,
        },
    ),
    ({"caller": _UNIDENTIFIED}, {"SourceIdentity": None}),
    ({"facts": _PLAIN_HTTP}, {"SecureTransport": ("false",), "UserAgent": None}),
    ({"stored": None}, {"ResourceTag/Team": None}),
    (
        {"action": "kms:TagResource", "request": TagResourceRequest(key_id="k", tags=(Tag("Team", "x"), Tag("B", "")))},
        {"RequestTag/team": ("x",), "RequestTag/b": ("",), "RequestTag/c": None, "TagKeys": ("Team", "B")},
    ),
    (
        {"action": "kms:UntagResource", "request": UntagResourceRequest(key_id="k", tag_keys=("Team", "B"))},
        {"RequestTag/team": None, "TagKeys": ("Team", "B")},
    ),
    ({"action": "kms:CreateKey", "request": CreateKeyRequest(), "stored": None}, {"TagKeys": None}),
    ({"action": "kms:CreateKey", "request": _REPLICATE, "stored": None}, {"RequestTag/T": ("v",), "TagKeys": ("t",)}),
    ({"action": "kms:ReplicateKey", "request": _REPLICATE}, {"RequestTag/t": None, "TagKeys": None}),
    (
        {"action": "sts:AssumeRole", "request": _SESSION_REQUEST, "stored": None},
        {"RequestTag/team": ("payroll",), "RequestTag/STAGE": ("",), "TagKeys": ("Team", "Stage")},
    ),
    ({"action": "sts:TagSession", "request": _SESSION_REQUEST, "stored": None}, {"TagKeys": ("Team", "Stage")}),
    ({"action": "sts:SetSourceIdentity", "request": _SESSION_REQUEST, "stored": None}, {"TagKeys": None}),
]


@pytest.mark.parametrize(
    ("changes", "key", "found"), [(changes, key, found) for changes, keys in GLOBAL for key, found in keys.items()]
)
def test_a_key_of_every_service_has_its_value(changes: Changes, key: str, found: Values) -> None:
    """The caller, the connection, the time, the tags: as the IAM user guide says for each kind of principal."""
    assert value(f"aws:{key}", **changes) == found


OF_SESSIONS: list[tuple[str, Changes, dict[str, Values]]] = [
    (
        "AssumeRole",
        {"request": _SESSION_REQUEST},
        {
            "ExternalId": ("42",),
            "RoleSessionName": ("bob",),
            "SourceIdentity": ("ann@work",),
            "TransitiveTagKeys": ("Team",),
        },
    ),
    ("TagSession", {"request": _SESSION_REQUEST}, {"TransitiveTagKeys": ("Team",), "SourceIdentity": None}),
    ("SetSourceIdentity", {"request": _SESSION_REQUEST}, {"SourceIdentity": ("ann@work",), "TransitiveTagKeys": None}),
    (
        "AssumeRole",
        {"request": _PLAIN_SESSION},
        {"ExternalId": None, "SourceIdentity": None, "TransitiveTagKeys": None, "DurationSeconds": None},
    ),
    ("AssumeRole", {"request": _PLAIN_SESSION, "caller": SESSION}, {"SourceIdentity": ("ann@example",)}),
    ("GetCallerIdentity", {"caller": SESSION}, {"SourceIdentity": None, "RoleSessionName": None}),
]


@pytest.mark.parametrize(("action", "changes", "values"), OF_SESSIONS)
def test_a_key_of_sessions_has_its_value(action: str, changes: Changes, values: dict[str, Values]) -> None:
    """What is asked of AssumeRole is there; a source identity goes from session to session."""
    found = {key: value(f"sts:{key}", f"sts:{action}", stored=None, **changes) for key in values}
    assert found == values
