"""The keys that every service has, and those of AWS STS.

Sources: IAM User Guide, "AWS global condition context keys" and "IAM and AWS STS condition context keys"; Service
Authorization Reference, "Actions, resources, and condition keys for AWS Security Token Service".
"""

import time
from collections.abc import Mapping
from typing import Final

from strongroom.authz.context import Values
from strongroom.dispatch.conditions.situation import Family, Pairs, Situation, Source, asked, one, some
from strongroom.model.identity import PrincipalKind

_PRINCIPAL_TYPES = {
    PrincipalKind.ROOT: ("Account",),
    PrincipalKind.USER: ("User",),
    PrincipalKind.ROLE: ("AssumedRole",),
}


def _iso(seconds: float) -> Values:
    return (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)),)


def _principal_arn(situation: Situation) -> Values:
    """For a session its role's, whatever the session is called."""
    caller = situation.facts.caller
    return (caller.role_arn if caller.session else caller.arn,)


def _user_name(situation: Situation) -> Values:
    caller = situation.facts.caller
    return (caller.name,) if caller.kind is PrincipalKind.USER else None


def _token_issue_time(situation: Situation) -> Values:
    session = situation.facts.caller.session
    return None if session is None else _iso(session.issued_at)


def _multi_factor(situation: Situation) -> Values:
    """Absent for long-term credentials, as at AWS; sessions begin without a second factor here."""
    return None if situation.facts.caller.session is None else ("false",)


def _source_identity(situation: Situation) -> Values:
    session = situation.facts.caller.session
    return one(session.source_identity or None) if session else None


def _principal_tags(situation: Situation) -> Pairs:
    session = situation.facts.caller.session
    return session.tags.items() if session else ()


def _resource_tags(situation: Situation) -> Pairs:
    return situation.stored.tags.items() if situation.stored else ()


def _request_tags(situation: Situation) -> Pairs:
    tags = getattr(situation.request, "tags", ())
    if situation.action in {"kms:CreateKey", "kms:TagResource"}:
        return [(tag.tag_key, tag.tag_value) for tag in tags]
    if situation.action in {"sts:AssumeRole", "sts:TagSession"}:
        return [(tag.key, tag.value) for tag in tags]
    return ()


def _tag_keys(situation: Situation) -> Values:
    if situation.action == "kms:UntagResource":
        return some(getattr(situation.request, "tag_keys", ()))
    return some(name for name, _ in _request_tags(situation))


def _set_source_identity(situation: Situation) -> Values:
    """What is asked for, else what the caller's own session hands on."""
    if situation.action not in {"sts:AssumeRole", "sts:SetSourceIdentity"}:
        return None
    return one(getattr(situation.request, "source_identity", None)) or _source_identity(situation)


def _transitive_keys(situation: Situation) -> Values:
    applies = situation.action in {"sts:AssumeRole", "sts:TagSession"}
    return some(getattr(situation.request, "transitive_tag_keys", ())) if applies else None


KEYS: Final[Mapping[str, Source]] = {
    "aws:CurrentTime": lambda situation: _iso(situation.now),
    "aws:EpochTime": lambda situation: one(int(situation.now)),
    "aws:MultiFactorAuthPresent": _multi_factor,
    "aws:PrincipalAccount": lambda situation: (situation.facts.caller.account,),
    "aws:PrincipalArn": _principal_arn,
    "aws:PrincipalIsAWSService": lambda _: ("false",),
    "aws:PrincipalType": lambda situation: _PRINCIPAL_TYPES[situation.facts.caller.kind],
    "aws:RequestedRegion": lambda situation: (situation.region,),
    "aws:ResourceAccount": lambda situation: (situation.account,),
    "aws:SecureTransport": lambda situation: one(situation.facts.tls is not None),
    "aws:SourceIdentity": _source_identity,
    "aws:SourceIp": lambda situation: one(situation.facts.source_ip or None),
    "aws:TagKeys": _tag_keys,
    "aws:TokenIssueTime": _token_issue_time,
    "aws:UserAgent": lambda situation: one(situation.facts.user_agent or None),
    "aws:userid": lambda situation: (situation.facts.caller.principal_id,),
    "aws:username": _user_name,
    "aws:ViaAWSService": lambda _: ("false",),
    "sts:ExternalId": asked("external_id", "sts:AssumeRole"),
    "sts:RoleSessionName": asked("role_session_name", "sts:AssumeRole"),
    "sts:SourceIdentity": _set_source_identity,
    "sts:TransitiveTagKeys": _transitive_keys,
}

FAMILIES: Final[Mapping[str, Family]] = {
    "aws:PrincipalTag/": _principal_tags,
    "aws:RequestTag/": _request_tags,
    "aws:ResourceTag/": _resource_tags,
}
