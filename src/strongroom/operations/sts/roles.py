"""AssumeRole: a session of a role, with temporary credentials.

Nothing of a session is kept: its token holds all of it, sealed. Rules: AWS STS API Reference, "AssumeRole"; IAM User
Guide, "Passing session tags in AWS STS" and "Monitor and control actions taken with assumed roles".
"""

import math
from typing import Annotated

import msgspec
from msgspec import Meta

from strongroom.authz.policy import PolicyError, PolicyKind, parse
from strongroom.ids import new_access_key_id, new_secret_key
from strongroom.model.arn import session_arn
from strongroom.model.errors import (
    AccessDeniedException,
    MalformedPolicyDocumentException,
    PackedPolicyTooLargeException,
    ValidationException,
)
from strongroom.model.identity import Caller, Principal, PrincipalKind, Session, StoredPrincipal
from strongroom.operations import request as requests
from strongroom.operations.shapes import SECRET, UNLOGGED, Request, Response, full_pattern, unicode_pattern
from strongroom.operations.sts.service import STS
from strongroom.operations.table import Call, PrincipalTarget, operation
from strongroom.ports import SessionCredentials

DEFAULT_SECONDS = 3600
MAX_CHAINED_SECONDS = 3600
"""The longest session that a session can assume."""

MAX_TAGS = 50
MAX_POLICY_LENGTH = 2048
MAX_TOKEN_LENGTH = 4096

Arn = Annotated[
    str,
    Meta(
        min_length=20,
        max_length=2048,
        pattern=full_pattern(r"[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+"),
    ),
]
SessionName = Annotated[str, Meta(min_length=2, max_length=64, pattern=full_pattern(r"[\w+=,.@-]*"))]
SessionPolicy = Annotated[str, Meta(min_length=1, pattern=full_pattern(r"[\u0009\u000A\u000D\u0020-\u00FF]+"))]
DurationSeconds = Annotated[int, Meta(ge=900, le=43200)]
TagKey = Annotated[str, Meta(min_length=1, max_length=128, pattern=unicode_pattern(r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+"))]
TagValue = Annotated[str, Meta(max_length=256, pattern=unicode_pattern(r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*"))]
ExternalId = Annotated[str, Meta(min_length=2, max_length=1224, pattern=full_pattern(r"[\w+=,.@:\/-]*"))]
SerialNumber = Annotated[str, Meta(min_length=9, max_length=256, pattern=full_pattern(r"[\w+=/:,.@-]*"))]
TokenCode = Annotated[str, Meta(min_length=6, max_length=6, pattern=full_pattern(r"[\d]*"), extra=UNLOGGED)]
SourceIdentity = Annotated[str, Meta(min_length=2, max_length=256, pattern=full_pattern(r"[\w+=,.@-]*"))]
TokenSize = Annotated[int, Meta(ge=0, le=MAX_TOKEN_LENGTH)]


class Tag(Request, frozen=True, kw_only=True):
    """A session tag."""

    key: TagKey
    value: TagValue


class PolicyDescriptorType(Request, frozen=True, kw_only=True):
    """A managed policy."""

    arn: Arn | None = msgspec.field(default=None, name="arn")  # the model's own case


class ProvidedContext(Request, frozen=True, kw_only=True):
    """What a context provider says."""

    provider_arn: Arn | None = None
    context_assertion: Annotated[str, Meta(min_length=4, max_length=3072)] | None = None


class AssumeRoleRequest(Request, frozen=True, kw_only=True):
    """Members of AssumeRole."""

    role_arn: Arn
    role_session_name: SessionName
    policy_arns: tuple[PolicyDescriptorType, ...] | None = None
    policy: SessionPolicy | None = None
    duration_seconds: DurationSeconds | None = None
    tags: Annotated[tuple[Tag, ...], Meta(max_length=MAX_TAGS)] = ()
    transitive_tag_keys: Annotated[tuple[TagKey, ...], Meta(max_length=MAX_TAGS)] = ()
    external_id: ExternalId | None = None
    serial_number: SerialNumber | None = None
    token_code: TokenCode | None = None
    source_identity: SourceIdentity | None = None
    provided_contexts: Annotated[tuple[ProvidedContext, ...], Meta(min_length=1, max_length=5)] | None = None
    minimum_session_token_size: TokenSize | None = None


class Credentials(Response, frozen=True, kw_only=True):
    """What signs for a session."""

    access_key_id: str
    secret_access_key: Annotated[str, Meta(extra=SECRET)]
    session_token: Annotated[str, Meta(extra=SECRET)]
    expiration: float


class AssumedRoleUser(Response, frozen=True, kw_only=True):
    """How policies and records name a session."""

    assumed_role_id: str
    arn: str


class AssumeRoleResponse(Response, frozen=True, kw_only=True):
    """A session, and how much of the room of a session token it takes, in percent."""

    credentials: Credentials
    assumed_role_user: AssumedRoleUser
    packed_policy_size: int | None = None
    source_identity: str | None = None
    session_token_utilization: int
    session_token_size: int


def _further_actions(caller: Caller, request: AssumeRoleRequest) -> tuple[str, ...]:
    """Tags and a source identity need actions of their own on the role, inherited ones as well."""
    session = caller.session
    tagged = request.tags or (session is not None and session.transitive_tags)
    identified = request.source_identity or (session is not None and session.source_identity)
    return ("sts:TagSession",) * bool(tagged) + ("sts:SetSourceIdentity",) * bool(identified)


def _check(request: AssumeRoleRequest) -> None:
    _refuse_what_is_not_here(request)
    if request.policy is not None:
        _check_policy(request.policy)
    keys = [tag.key.lower() for tag in request.tags]
    if len(keys) > len(set(keys)):
        raise ValidationException("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if any(key.startswith("aws:") for key in keys):
        raise ValidationException("Tag keys that begin with aws: are reserved.")
    if not {key.lower() for key in request.transitive_tag_keys} <= set(keys):
        raise ValidationException("The specified transitive tag key must be included in the requested tags.")


def _refuse_what_is_not_here(request: AssumeRoleRequest) -> None:
    """What is silently passed over would be missed: a limit of the session, or a proof."""
    if request.policy_arns:
        raise ValidationException("PolicyArns cannot be used: there are no managed policies here.")
    if request.provided_contexts is not None:
        raise ValidationException("ProvidedContexts cannot be used: there are no context providers here.")
    if request.serial_number is not None or request.token_code is not None:
        raise AccessDeniedException(
            "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is "
            "valid and associated with this user."
        )


def _check_policy(policy: str) -> None:
    if len(policy) > MAX_POLICY_LENGTH:
        constraint = f"Member must have length less than or equal to {MAX_POLICY_LENGTH}"
        raise requests.invalid(requests.fault("policy", constraint, policy))
    try:
        parse(policy, PolicyKind.SESSION)
    except PolicyError as error:
        raise MalformedPolicyDocumentException(str(error)) from None


@operation(
    service=STS,
    on=PrincipalTarget("sts:AssumeRole", PrincipalKind.ROLE, "role_arn", trusting=True, also=_further_actions),
    check=_check,
    cross_account=True,
    shows_answer=True,
    errors="MalformedPolicyDocument PackedPolicyTooLarge RegionDisabled ExpiredToken InvalidContextAssertion",
)
def assume_role(call: Call, request: AssumeRoleRequest, found: StoredPrincipal) -> AssumeRoleResponse:
    """Begin a session of a role for whom its trust policy names."""
    role = found.principal
    credentials = SessionCredentials(
        new_access_key_id("ASIA"), new_secret_key(), role.account, role.name, _session(call, request, role)
    )
    token = call.session_tokens.issue(credentials, request.minimum_session_token_size or 0)
    used = math.ceil(100 * len(token) / MAX_TOKEN_LENGTH)
    packed = request.policy is not None or bool(credentials.session.tags)
    if len(token) > MAX_TOKEN_LENGTH:
        raise _too_large(request, used)
    return _answer(call, credentials, token, used, packed=packed)


def _session(call: Call, request: AssumeRoleRequest, role: Principal) -> Session:
    """The new session; times are whole seconds, so that the one that is told is the one that holds."""
    before = call.caller.session
    now = float(math.floor(call.clocks.key_life()))
    tags, transitive = _tags(before, request)
    return Session(
        name=request.role_session_name,
        role_id=role.unique_id,
        issued_at=now,
        expires_at=now + _seconds(before, request, role),
        policy=request.policy,
        tags=tags,
        transitive_tags=transitive,
        source_identity=_source_identity(before, request),
    )


def _seconds(before: Session | None, request: AssumeRoleRequest, role: Principal) -> int:
    seconds = request.duration_seconds or DEFAULT_SECONDS
    if before is not None and seconds > MAX_CHAINED_SECONDS:
        raise ValidationException(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        )
    if seconds > role.max_session_seconds:
        raise ValidationException("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    return seconds


def _tags(before: Session | None, request: AssumeRoleRequest) -> tuple[dict[str, str], tuple[str, ...]]:
    """The tags of a session, those that it inherits first, and the keys of those that it will pass on."""
    inherited = {} if before is None else {key: before.tags[key] for key in before.transitive_tags}
    own = {tag.key: tag.value for tag in request.tags}
    if {key.lower() for key in own} & {key.lower() for key in inherited}:
        raise ValidationException("One of the specified tags is inherited from the calling session.")
    if len(own) + len(inherited) > MAX_TAGS:
        raise ValidationException(f"A session has {MAX_TAGS} tags at most, inherited ones included.")
    passed_on = {key.lower() for key in request.transitive_tag_keys}
    return inherited | own, (*inherited, *(key for key in own if key.lower() in passed_on))


def _source_identity(before: Session | None, request: AssumeRoleRequest) -> str:
    """Who is behind a session: said once, it stays so through all sessions that follow."""
    asked = request.source_identity or ""
    inherited = "" if before is None else before.source_identity
    if inherited and asked not in {"", inherited}:
        raise AccessDeniedException("The source identity of the calling session cannot be changed.")
    return inherited or asked


def _too_large(request: AssumeRoleRequest, used: int) -> PackedPolicyTooLargeException:
    if request.policy is None:
        return PackedPolicyTooLargeException(f"Packed size of session tags consumes {used}% of allotted space.")
    return PackedPolicyTooLargeException(
        f"Packed policy consumes {used}% of allotted space, please use smaller policy."
    )


def _answer(call: Call, credentials: SessionCredentials, token: str, used: int, *, packed: bool) -> AssumeRoleResponse:
    session = credentials.session
    return AssumeRoleResponse(
        credentials=Credentials(
            access_key_id=credentials.access_key_id,
            secret_access_key=credentials.secret,
            session_token=token,
            expiration=session.expires_at,
        ),
        assumed_role_user=AssumedRoleUser(
            assumed_role_id=f"{session.role_id}:{session.name}",
            arn=session_arn(credentials.account, credentials.role_name, session.name, call.realm.partition),
        ),
        packed_policy_size=used if packed else None,
        source_identity=session.source_identity or None,
        session_token_utilization=used,
        session_token_size=len(token),
    )
