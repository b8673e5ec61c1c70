"""Inline policies of users and roles: Put..., Get..., List... and Delete..., each of UserPolicy and of RolePolicy."""

from collections.abc import Sequence

from strongroom.model.errors import NoSuchEntityException
from strongroom.model.identity import StoredPrincipal
from strongroom.operations.iam.documents import require_identity_policy, require_room
from strongroom.operations.iam.service import (
    IAM,
    Document,
    ListRequest,
    ListResponse,
    Name,
    NewName,
    encoded,
    page,
    role,
    start,
    user,
)
from strongroom.operations.shapes import Request, Response
from strongroom.operations.table import Call, WriteCall, operation


def _put(call: WriteCall, stored: StoredPrincipal, name: str, document: str) -> None:
    require_room(stored, name, document)
    call.tx.put_principal_policy(stored.principal, name, document)


def _require(stored: StoredPrincipal, name: str) -> str:
    document = stored.policies.get(name)
    if document is None:
        raise NoSuchEntityException(f"The {stored.principal.kind} policy with name {name} cannot be found.")
    return document


def _delete(call: WriteCall, stored: StoredPrincipal, name: str) -> None:
    _require(stored, name)
    call.tx.delete_principal_policy(stored.principal, name)


def _names(
    call: Call, request: ListRequest, operation_name: str, stored: StoredPrincipal
) -> tuple[Sequence[str], str | None]:
    after = start(call, request, operation_name)
    return page(call, request, operation_name, [name for name in stored.policies if name > after], str)


class PolicyNamesResponse(ListResponse, frozen=True, kw_only=True):
    """A page of names of inline policies."""

    policy_names: tuple[str, ...]


# --- of users ---


class PutUserPolicyRequest(Request, frozen=True, kw_only=True):
    """Members of PutUserPolicy."""

    user_name: Name
    policy_name: Name
    policy_document: Document


@operation(
    service=IAM,
    on=user("iam:PutUserPolicy"),
    check=lambda request: require_identity_policy(request.policy_document),
    writes=True,
    errors="LimitExceeded MalformedPolicyDocument NoSuchEntity ServiceFailure",
)
def put_user_policy(call: WriteCall, request: PutUserPolicyRequest, stored: StoredPrincipal) -> None:
    """Add or replace an inline policy of a user."""
    _put(call, stored, request.policy_name, request.policy_document)


class UserPolicyRequest(Request, frozen=True, kw_only=True):
    """A request that names an inline policy of a user."""

    user_name: Name
    policy_name: Name


class GetUserPolicyResponse(Response, frozen=True, kw_only=True):
    """An inline policy, URL-encoded."""

    user_name: str
    policy_name: str
    policy_document: str


@operation(service=IAM, on=user("iam:GetUserPolicy"), errors="NoSuchEntity ServiceFailure")
def get_user_policy(call: Call, request: UserPolicyRequest, stored: StoredPrincipal) -> GetUserPolicyResponse:
    """Show an inline policy of a user."""
    return GetUserPolicyResponse(
        user_name=stored.principal.name,
        policy_name=request.policy_name,
        policy_document=encoded(_require(stored, request.policy_name)),
    )


class ListUserPoliciesRequest(ListRequest, frozen=True, kw_only=True):
    """Members of ListUserPolicies."""

    user_name: Name


@operation(service=IAM, on=user("iam:ListUserPolicies"), errors="NoSuchEntity ServiceFailure")
def list_user_policies(call: Call, request: ListUserPoliciesRequest, stored: StoredPrincipal) -> PolicyNamesResponse:
    """List the names of a user's inline policies."""
    shown, marker = _names(call, request, "ListUserPolicies", stored)
    return PolicyNamesResponse(policy_names=tuple(shown), is_truncated=marker is not None, marker=marker)


@operation(
    service=IAM, on=user("iam:DeleteUserPolicy"), writes=True, errors="NoSuchEntity LimitExceeded ServiceFailure"
)
def delete_user_policy(call: WriteCall, request: UserPolicyRequest, stored: StoredPrincipal) -> None:
    """Delete an inline policy of a user."""
    _delete(call, stored, request.policy_name)


# --- of roles ---


class PutRolePolicyRequest(Request, frozen=True, kw_only=True):
    """Members of PutRolePolicy."""

    role_name: NewName
    policy_name: Name
    policy_document: Document


@operation(
    service=IAM,
    on=role("iam:PutRolePolicy"),
    check=lambda request: require_identity_policy(request.policy_document),
    writes=True,
    errors="LimitExceeded MalformedPolicyDocument NoSuchEntity UnmodifiableEntity ServiceFailure",
)
def put_role_policy(call: WriteCall, request: PutRolePolicyRequest, stored: StoredPrincipal) -> None:
    """Add or replace an inline policy of a role."""
    _put(call, stored, request.policy_name, request.policy_document)


class RolePolicyRequest(Request, frozen=True, kw_only=True):
    """A request that names an inline policy of a role."""

    role_name: NewName
    policy_name: Name


class GetRolePolicyResponse(Response, frozen=True, kw_only=True):
    """An inline policy, URL-encoded."""

    role_name: str
    policy_name: str
    policy_document: str


@operation(service=IAM, on=role("iam:GetRolePolicy"), errors="NoSuchEntity ServiceFailure")
def get_role_policy(call: Call, request: RolePolicyRequest, stored: StoredPrincipal) -> GetRolePolicyResponse:
    """Show an inline policy of a role."""
    return GetRolePolicyResponse(
        role_name=stored.principal.name,
        policy_name=request.policy_name,
        policy_document=encoded(_require(stored, request.policy_name)),
    )


class ListRolePoliciesRequest(ListRequest, frozen=True, kw_only=True):
    """Members of ListRolePolicies."""

    role_name: NewName


@operation(service=IAM, on=role("iam:ListRolePolicies"), errors="NoSuchEntity ServiceFailure")
def list_role_policies(call: Call, request: ListRolePoliciesRequest, stored: StoredPrincipal) -> PolicyNamesResponse:
    """List the names of a role's inline policies."""
    shown, marker = _names(call, request, "ListRolePolicies", stored)
    return PolicyNamesResponse(policy_names=tuple(shown), is_truncated=marker is not None, marker=marker)


@operation(
    service=IAM,
    on=role("iam:DeleteRolePolicy"),
    writes=True,
    errors="NoSuchEntity LimitExceeded UnmodifiableEntity ServiceFailure",
)
def delete_role_policy(call: WriteCall, request: RolePolicyRequest, stored: StoredPrincipal) -> None:
    """Delete an inline policy of a role."""
    _delete(call, stored, request.policy_name)
