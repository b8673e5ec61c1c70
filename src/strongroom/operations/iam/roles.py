"""Roles: CreateRole, GetRole, ListRoles, UpdateRole, UpdateRoleDescription, UpdateAssumeRolePolicy, DeleteRole."""

from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from strongroom.ids import new_unique_id
from strongroom.model.errors import InvalidInputException
from strongroom.model.identity import Principal, PrincipalKind, StoredPrincipal
from strongroom.model.policy import BoundPolicy
from strongroom.model.region import Realm
from strongroom.operations.iam import principals
from strongroom.operations.iam.documents import trust
from strongroom.operations.iam.service import (
    IAM,
    Arn,
    Document,
    ListRequest,
    ListResponse,
    NewName,
    Path,
    PathPrefix,
    RoleRequest,
    Tags,
    encoded,
    need,
    refuse_unsupported,
    role,
)
from strongroom.operations.principals import shown
from strongroom.operations.shapes import Request, Response, full_pattern
from strongroom.operations.table import Call, Need, WriteCall, operation

Description = Annotated[
    str, Meta(max_length=1000, pattern=full_pattern(r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*"))
]
SessionSeconds = Annotated[int, Meta(ge=3600, le=43200)]
SigninSeconds = Annotated[int, Meta(ge=3600, le=7_776_000)]


class Role(Response, frozen=True, kw_only=True):
    """A role.

    Attributes:
        create_date: Epoch seconds on the machine's clock.
        assume_role_policy_document: Its trust policy, URL-encoded; principals that are gone by their unique ids.
        max_session_duration: Seconds.
    """

    path: str
    role_name: str
    role_id: str
    arn: str
    create_date: float
    assume_role_policy_document: str
    description: str = ""
    max_session_duration: int


def _shown(call: Call, principal: Principal) -> Role:
    partition, policy = call.realm.partition, principal.trust or BoundPolicy("")
    return Role(
        path=principal.path,
        role_name=principal.name,
        role_id=principal.unique_id,
        arn=principal.arn(partition),
        create_date=principal.created_at,
        assume_role_policy_document=encoded(shown(call.reads, partition, policy)),
        description=principal.description,
        max_session_duration=principal.max_session_seconds,
    )


def _refuse_signin(seconds: int | None) -> None:
    if seconds is not None:
        raise InvalidInputException("This service has no sign-in sessions.")


class CreateRoleRequest(Request, frozen=True, kw_only=True):
    """Members of CreateRole."""

    path: Path = "/"
    role_name: NewName
    assume_role_policy_document: Document
    description: Description = ""
    max_session_duration: SessionSeconds = 3600
    max_signin_session_duration: SigninSeconds | None = None
    permissions_boundary: Arn | None = None
    tags: Tags = ()


class RoleResponse(Response, frozen=True, kw_only=True):
    """One role."""

    role: Role


def _check_new(request: CreateRoleRequest) -> None:
    refuse_unsupported(request.permissions_boundary, request.tags)
    _refuse_signin(request.max_signin_session_duration)


def _needs_of_new(realm: Realm, request: CreateRoleRequest) -> tuple[Need, ...]:
    return need("iam:CreateRole", realm, PrincipalKind.ROLE, request.path, request.role_name)


@operation(
    service=IAM,
    needs=_needs_of_new,
    check=_check_new,
    writes=True,
    errors="LimitExceeded InvalidInput EntityAlreadyExists MalformedPolicyDocument ConcurrentModification"
    " ServiceFailure",
)
def create_role(call: WriteCall, request: CreateRoleRequest) -> RoleResponse:
    """Create a role that those may assume whom its trust policy names."""
    new = Principal(
        account=call.realm.account,
        kind=PrincipalKind.ROLE,
        name=request.role_name,
        path=request.path,
        unique_id=new_unique_id("AROA"),
        created_at=call.clocks.machine(),
        description=request.description,
        trust=trust(call, request.assume_role_policy_document),
        max_session_seconds=request.max_session_duration,
    )
    principals.add(call, new)
    return RoleResponse(role=_shown(call, new))


@operation(service=IAM, on=role("iam:GetRole"), errors="NoSuchEntity ServiceFailure")
def get_role(call: Call, request: RoleRequest, stored: StoredPrincipal) -> RoleResponse:
    """Tell about a role and its trust policy."""
    return RoleResponse(role=_shown(call, stored.principal))


class ListRolesRequest(ListRequest, frozen=True, kw_only=True):
    """Members of ListRoles."""

    path_prefix: PathPrefix = "/"


class ListRolesResponse(ListResponse, frozen=True, kw_only=True):
    """A page of roles."""

    roles: tuple[Role, ...]


def _needs_of_list(realm: Realm, request: ListRolesRequest) -> tuple[Need, ...]:
    return need("iam:ListRoles", realm, PrincipalKind.ROLE, request.path_prefix)


@operation(service=IAM, needs=_needs_of_list, errors="ServiceFailure")
def list_roles(call: Call, request: ListRolesRequest) -> ListRolesResponse:
    """List the account's roles, in the order of their names."""
    found, marker = principals.listed(call, request, "ListRoles", PrincipalKind.ROLE, request.path_prefix)
    return ListRolesResponse(
        roles=tuple(_shown(call, principal) for principal in found), is_truncated=marker is not None, marker=marker
    )


class UpdateRoleRequest(Request, frozen=True, kw_only=True):
    """Members of UpdateRole."""

    role_name: NewName
    description: Description | None = None
    max_session_duration: SessionSeconds | None = None
    max_signin_session_duration: SigninSeconds | None = None
    reset_max_signin_session_duration: bool | None = None


class UpdateRoleResponse(Response, frozen=True, kw_only=True):
    """Nothing."""


@operation(
    service=IAM,
    on=role("iam:UpdateRole"),
    check=lambda request: _refuse_signin(request.max_signin_session_duration),
    writes=True,
    errors="UnmodifiableEntity NoSuchEntity InvalidInput ServiceFailure",
)
def update_role(call: WriteCall, request: UpdateRoleRequest, stored: StoredPrincipal) -> UpdateRoleResponse:
    """Replace a role's description, and how long its sessions may last; what is left out stays."""
    old = stored.principal
    new = replace(
        old,
        description=old.description if request.description is None else request.description,
        max_session_seconds=request.max_session_duration or old.max_session_seconds,
    )
    call.tx.put_principal(new)
    return UpdateRoleResponse()


class UpdateRoleDescriptionRequest(Request, frozen=True, kw_only=True):
    """Members of UpdateRoleDescription."""

    role_name: NewName
    description: Description


@operation(
    service=IAM,
    on=role("iam:UpdateRoleDescription"),
    writes=True,
    errors="NoSuchEntity UnmodifiableEntity ServiceFailure",
)
def update_role_description(
    call: WriteCall, request: UpdateRoleDescriptionRequest, stored: StoredPrincipal
) -> RoleResponse:
    """Replace a role's description."""
    new = replace(stored.principal, description=request.description)
    call.tx.put_principal(new)
    return RoleResponse(role=_shown(call, new))


class UpdateAssumeRolePolicyRequest(Request, frozen=True, kw_only=True):
    """Members of UpdateAssumeRolePolicy."""

    role_name: NewName
    policy_document: Document


@operation(
    service=IAM,
    on=role("iam:UpdateAssumeRolePolicy"),
    writes=True,
    errors="NoSuchEntity MalformedPolicyDocument LimitExceeded UnmodifiableEntity ServiceFailure",
)
def update_assume_role_policy(call: WriteCall, request: UpdateAssumeRolePolicyRequest, stored: StoredPrincipal) -> None:
    """Replace a role's trust policy; sessions that were assumed under the old one go on."""
    call.tx.put_principal(replace(stored.principal, trust=trust(call, request.policy_document)))


@operation(
    service=IAM,
    on=role("iam:DeleteRole"),
    writes=True,
    errors="NoSuchEntity DeleteConflict LimitExceeded UnmodifiableEntity ConcurrentModification ServiceFailure",
)
def delete_role(call: WriteCall, request: RoleRequest, stored: StoredPrincipal) -> None:
    """Delete a role that has no policies any more; its sessions end."""
    principals.delete(call, stored)
