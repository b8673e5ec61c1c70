"""The CloudTrail record of one call (docs/reference/audit.md, "The record"); pure.

Source of the members and their limits: CloudTrail User Guide, "CloudTrail record contents" and "CloudTrail userIdentity
element", version 1.11; KMS Developer Guide, "Logging AWS KMS API calls with AWS CloudTrail".
"""

import functools
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from strongroom.model.identity import Caller, PrincipalKind, Session
from strongroom.ports import AuditEvent

TEXT_BYTES = 1024
"""The most that userAgent, errorMessage and clientProvidedHostHeader may hold, in UTF-8."""

OBJECT_BYTES = {
    "request_parameters": ("requestParameters", 100 * 1024),
    "response_elements": ("responseElements", 100 * 1024),
    "additional_event_data": ("additionalEventData", 28 * 1024),
}
"""The most that each object may hold, as JSON; a larger one is replaced by a note of its size, as CloudTrail does."""

_SCALARS = frozenset((str, int, float, bool, type(None)))
_SMALLEST_LIMIT = min(limit for _, limit in OBJECT_BYTES.values())


class _Issuer(msgspec.Struct, frozen=True, rename="camel"):
    type: str
    principal_id: str
    arn: str
    account_id: str
    user_name: str


class _Attributes(msgspec.Struct, frozen=True, rename="camel"):
    creation_date: str
    mfa_authenticated: str


class _SessionContext(msgspec.Struct, frozen=True, rename="camel"):
    session_issuer: _Issuer
    attributes: _Attributes
    source_identity: str | UnsetType


class _Identity(msgspec.Struct, frozen=True, rename="camel"):
    type: str | UnsetType
    principal_id: str | UnsetType
    arn: str | UnsetType
    account_id: str
    access_key_id: str | UnsetType
    user_name: str | UnsetType = UNSET
    session_context: _SessionContext | UnsetType = UNSET
    invoked_by: str | UnsetType = UNSET


class _Resource(msgspec.Struct, frozen=True, rename={"account_id": "accountId", "arn": "ARN"}):
    account_id: str
    type: str
    arn: str


class _Tls(msgspec.Struct, frozen=True, rename="camel"):
    tls_version: str
    cipher_suite: str
    client_provided_host_header: str


_NAMES = {
    "source_ip_address": "sourceIPAddress",
    "request_id": "requestID",
    "event_id": "eventID",
    "shared_event_id": "sharedEventID",
}


def _member(field: str) -> str:
    head, *tail = field.split("_")
    return _NAMES.get(field, head + "".join(map(str.capitalize, tail)))


class _Record(msgspec.Struct, frozen=True, rename=_member):
    """The members in the order in which they are written; UNSET ones are absent, None is null."""

    event_version: str
    user_identity: _Identity
    event_time: str
    event_source: str
    event_name: str
    aws_region: str
    source_ip_address: str
    user_agent: str
    error_code: str | UnsetType
    error_message: str | UnsetType
    request_parameters: Mapping[str, Any] | None
    response_elements: Mapping[str, Any] | None
    additional_event_data: Mapping[str, Any] | UnsetType
    request_id: str | UnsetType
    event_id: str
    read_only: bool
    resources: list[_Resource]
    event_type: str
    management_event: bool
    recipient_account_id: str
    service_event_details: Mapping[str, Any] | UnsetType
    shared_event_id: str | UnsetType
    event_category: str
    tls_details: _Tls | UnsetType


_encode = msgspec.json.Encoder(enc_hook=dict).encode  # the hook sees mappings alone, all else is refused before


def encode(*events: AuditEvent) -> bytes:
    """The records of one call as a JSON array: one event, or the two of a cross-account pair.

    Raises:
        TypeError: A member holds what JSON does not, above all bytes: they are never logged, not even as base64.
    """
    for event in events:
        _refuse_bytes(event.request_parameters)
        _refuse_bytes(event.response_elements)
        _refuse_bytes(event.additional_event_data)
        _refuse_bytes(event.service_event_details)
    payload = _encode([_record(event) for event in events])
    if len(payload) > _SMALLEST_LIMIT:
        payload = _encode([_record(_bounded(event)) for event in events])
    return payload


def _record(event: AuditEvent) -> _Record:
    return _Record(
        "1.11",
        _identity(event),
        _timestamp(int(event.time)),
        event.source,
        event.name,
        event.region,
        event.source_ip,
        _clipped(event.user_agent),
        UNSET if event.error_code is None else event.error_code,
        UNSET if event.error_message is None else _clipped(event.error_message),
        event.request_parameters,
        event.response_elements,
        UNSET if event.additional_event_data is None else event.additional_event_data,
        UNSET if event.request_id is None else event.request_id,
        event.event_id,
        event.read_only,
        [_Resource(account, _resource_type(arn), arn) for account, arn in event.resources],
        "AwsApiCall" if event.caller is not None else "AwsServiceEvent",
        True,  # noqa: FBT003 - managementEvent; positions are twice as fast as names here
        event.recipient,
        UNSET if event.service_event_details is None else event.service_event_details,
        UNSET if event.shared_event_id is None else event.shared_event_id,
        "Management",
        UNSET if event.tls is None else _Tls(event.tls[0], event.tls[1], _clipped(event.host)),
    )


def _identity(event: AuditEvent) -> _Identity:
    """Who called, as the recipient may know it: another account sees neither ARN nor access key."""
    caller = event.caller
    if caller is None:
        return _Identity(UNSET, UNSET, UNSET, event.recipient, UNSET, invoked_by="AWS Internal")
    if caller.account != event.recipient:
        return _Identity("AWSAccount", caller.principal_id, UNSET, caller.account, UNSET)
    return _Identity(
        caller.type,
        caller.principal_id,
        caller.arn,
        caller.account,
        caller.access_key_id,
        caller.name if caller.kind is PrincipalKind.USER else UNSET,
        UNSET if caller.session is None else _session_context(caller, caller.session),
    )


def _session_context(caller: Caller, session: Session) -> _SessionContext:
    """Which role a session is of, and since when on the clock that sessions live by."""
    return _SessionContext(
        _Issuer("Role", session.role_id, caller.role_arn, caller.account, caller.name),
        _Attributes(_timestamp(int(session.issued_at)), "false"),
        session.source_identity or UNSET,
    )


def _resource_type(arn: str) -> str:
    """Roles alone, of AssumeRole, are no keys; aliases have the type of keys in AWS's records, too."""
    return "AWS::IAM::Role" if arn.split(":", 3)[2:3] == ["iam"] else "AWS::KMS::Key"


@functools.lru_cache(maxsize=16)
def _timestamp(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _clipped(text: str) -> str:
    """At most TEXT_BYTES of UTF-8; what UTF-8 cannot hold becomes ``?``."""
    if text.isascii():
        return text[:TEXT_BYTES]
    return text.encode(errors="replace")[:TEXT_BYTES].decode(errors="ignore")


def _refuse_bytes(members: Mapping[str, Any] | None) -> None:
    if members is not None:
        for name, value in members.items():
            if type(name) is not str or type(value) is not str:
                _require_json(name)
                _require_json(value)


def _require_json(value: Any) -> None:
    if isinstance(value, dict | Mapping):  # dict first: the abstract check costs half a microsecond
        _refuse_bytes(value)
    elif isinstance(value, list | tuple):
        for item in value:
            _require_json(item)
    elif type(value) not in _SCALARS and not isinstance(value, StrEnum):
        raise TypeError(f"an audit record holds JSON values only, not {type(value).__name__}")


def _bounded(event: AuditEvent) -> AuditEvent:
    """The event with every object that is over its limit replaced."""
    large = {
        field: {"reason": f"{member} too large", "omitted": True, "originalSize": size}
        for field, (member, limit) in OBJECT_BYTES.items()
        if (size := len(_encode(getattr(event, field)))) > limit
    }
    return msgspec.structs.replace(event, **large)
