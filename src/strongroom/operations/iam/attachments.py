"""What users and roles can have at AWS and nobody has here: managed policies, groups, instance profiles.

Terraform and Ansible ask for them before they change or delete a user or a role; the truth is an empty list.
"""

from typing import Annotated

from msgspec import Meta

from strongroom.model.identity import StoredPrincipal
from strongroom.operations.iam.roles import Role
from strongroom.operations.iam.service import IAM, ListRequest, ListResponse, Name, NewName, role, user
from strongroom.operations.shapes import Response, full_pattern
from strongroom.operations.table import Call, operation

PolicyPath = Annotated[str, Meta(min_length=1, max_length=512, pattern=full_pattern(r"((/[A-Za-z0-9\.,\+@=_-]+)*)/"))]


class AttachedPolicy(Response, frozen=True, kw_only=True):
    """A managed policy of a user or a role."""

    policy_name: str
    policy_arn: str


class AttachedPoliciesResponse(ListResponse, frozen=True, kw_only=True):
    """No managed policies."""

    attached_policies: tuple[AttachedPolicy, ...]


class ListAttachedUserPoliciesRequest(ListRequest, frozen=True, kw_only=True):
    """Members of ListAttachedUserPolicies."""

    user_name: NewName
    path_prefix: PolicyPath = "/"


@operation(service=IAM, on=user("iam:ListAttachedUserPolicies"), errors="NoSuchEntity InvalidInput ServiceFailure")
def list_attached_user_policies(
    call: Call, request: ListAttachedUserPoliciesRequest, stored: StoredPrincipal
) -> AttachedPoliciesResponse:
    """List the managed policies of a user: there are none."""
    return AttachedPoliciesResponse(attached_policies=(), is_truncated=False)


class ListAttachedRolePoliciesRequest(ListRequest, frozen=True, kw_only=True):
    """Members of ListAttachedRolePolicies."""

    role_name: NewName
    path_prefix: PolicyPath = "/"


@operation(service=IAM, on=role("iam:ListAttachedRolePolicies"), errors="NoSuchEntity InvalidInput ServiceFailure")
def list_attached_role_policies(
    call: Call, request: ListAttachedRolePoliciesRequest, stored: StoredPrincipal
) -> AttachedPoliciesResponse:
    """List the managed policies of a role: there are none."""
    return AttachedPoliciesResponse(attached_policies=(), is_truncated=False)


class Group(Response, frozen=True, kw_only=True):
    """A group of users."""

    path: str
    group_name: str
    group_id: str
    arn: str
    create_date: float


class ListGroupsForUserRequest(ListRequest, frozen=True, kw_only=True):
    """Members of ListGroupsForUser."""

    user_name: Name


class ListGroupsForUserResponse(ListResponse, frozen=True, kw_only=True):
    """No groups."""

    groups: tuple[Group, ...]


@operation(service=IAM, on=user("iam:ListGroupsForUser"), errors="NoSuchEntity ServiceFailure")
def list_groups_for_user(
    call: Call, request: ListGroupsForUserRequest, stored: StoredPrincipal
) -> ListGroupsForUserResponse:
    """List the groups that a user is in: there are none."""
    return ListGroupsForUserResponse(groups=(), is_truncated=False)


class InstanceProfile(Response, frozen=True, kw_only=True):
    """What gives a role to a virtual machine."""

    path: str
    instance_profile_name: str
    instance_profile_id: str
    arn: str
    create_date: float
    roles: tuple[Role, ...]


class ListInstanceProfilesForRoleRequest(ListRequest, frozen=True, kw_only=True):
    """Members of ListInstanceProfilesForRole."""

    role_name: NewName


class ListInstanceProfilesForRoleResponse(ListResponse, frozen=True, kw_only=True):
    """No instance profiles."""

    instance_profiles: tuple[InstanceProfile, ...]


@operation(service=IAM, on=role("iam:ListInstanceProfilesForRole"), errors="NoSuchEntity ServiceFailure")
def list_instance_profiles_for_role(
    call: Call, request: ListInstanceProfilesForRoleRequest, stored: StoredPrincipal
) -> ListInstanceProfilesForRoleResponse:
    """List the instance profiles of a role: there are none."""
    return ListInstanceProfilesForRoleResponse(instance_profiles=(), is_truncated=False)
