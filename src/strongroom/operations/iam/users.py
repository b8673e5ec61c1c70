"""Users: CreateUser, GetUser, ListUsers, UpdateUser, DeleteUser."""

from msgspec.structs import replace

from strongroom.ids import new_unique_id
from strongroom.model.identity import Principal, PrincipalKind, StoredPrincipal
from strongroom.model.region import Realm
from strongroom.operations.iam import principals
from strongroom.operations.iam.service import (
    IAM,
    Arn,
    ListRequest,
    ListResponse,
    Name,
    NewName,
    Path,
    PathPrefix,
    Tags,
    UserRequest,
    need,
    refuse_unsupported,
    user,
)
from strongroom.operations.shapes import Request, Response
from strongroom.operations.table import Call, Need, PrincipalTarget, WriteCall, operation


class User(Response, frozen=True, kw_only=True):
    """A user; the root of an account has no name and no path.

    Attributes:
        create_date: Epoch seconds on the machine's clock.
    """

    path: str | None = None
    user_name: str | None = None
    user_id: str
    arn: str
    create_date: float


def _shown(call: Call, principal: Principal) -> User:
    return User(
        path=principal.path if principal.name else None,
        user_name=principal.name or None,
        user_id=principal.unique_id,
        arn=principal.arn(call.realm.partition),
        create_date=principal.created_at,
    )


class CreateUserRequest(Request, frozen=True, kw_only=True):
    """Members of CreateUser."""

    path: Path = "/"
    user_name: NewName
    permissions_boundary: Arn | None = None
    tags: Tags = ()


class UserResponse(Response, frozen=True, kw_only=True):
    """One user."""

    user: User


def _needs_of_new(realm: Realm, request: CreateUserRequest) -> tuple[Need, ...]:
    return need("iam:CreateUser", realm, PrincipalKind.USER, request.path, request.user_name)


@operation(
    service=IAM,
    needs=_needs_of_new,
    check=lambda request: refuse_unsupported(request.permissions_boundary, request.tags),
    writes=True,
    errors="LimitExceeded EntityAlreadyExists NoSuchEntity InvalidInput ConcurrentModification ServiceFailure",
)
def create_user(call: WriteCall, request: CreateUserRequest) -> UserResponse:
    """Create a user, who may do nothing yet and has no access key."""
    new = Principal(
        account=call.realm.account,
        kind=PrincipalKind.USER,
        name=request.user_name,
        path=request.path,
        unique_id=new_unique_id("AIDA"),
        created_at=call.clocks.machine(),
    )
    principals.add(call, new)
    return UserResponse(user=_shown(call, new))


class GetUserRequest(Request, frozen=True, kw_only=True):
    """Members of GetUser."""

    user_name: Name | None = None


@operation(service=IAM, on=user("iam:GetUser"), errors="NoSuchEntity ServiceFailure")
def get_user(call: Call, request: GetUserRequest, stored: StoredPrincipal) -> UserResponse:
    """Tell about a user."""
    return UserResponse(user=_shown(call, stored.principal))


class ListUsersRequest(ListRequest, frozen=True, kw_only=True):
    """Members of ListUsers."""

    path_prefix: PathPrefix = "/"


class ListUsersResponse(ListResponse, frozen=True, kw_only=True):
    """A page of users."""

    users: tuple[User, ...]


def _needs_of_list(realm: Realm, request: ListUsersRequest) -> tuple[Need, ...]:
    return need("iam:ListUsers", realm, PrincipalKind.USER, request.path_prefix)


@operation(service=IAM, needs=_needs_of_list, errors="ServiceFailure")
def list_users(call: Call, request: ListUsersRequest) -> ListUsersResponse:
    """List the account's users, in the order of their names."""
    found, marker = principals.listed(call, request, "ListUsers", PrincipalKind.USER, request.path_prefix)
    return ListUsersResponse(
        users=tuple(_shown(call, principal) for principal in found), is_truncated=marker is not None, marker=marker
    )


class UpdateUserRequest(Request, frozen=True, kw_only=True):
    """Members of UpdateUser."""

    user_name: Name
    new_path: Path | None = None
    new_user_name: NewName | None = None


def _renamed(request: UpdateUserRequest, old: Principal) -> Principal:
    return replace(old, name=request.new_user_name or old.name, path=request.new_path or old.path)


@operation(
    service=IAM,
    on=PrincipalTarget("iam:UpdateUser", PrincipalKind.USER, "user_name", becomes=_renamed),
    writes=True,
    errors="NoSuchEntity LimitExceeded EntityAlreadyExists EntityTemporarilyUnmodifiable ConcurrentModification"
    " ServiceFailure",
)
def update_user(call: WriteCall, request: UpdateUserRequest, stored: StoredPrincipal) -> None:
    """Rename a user, or move it to another path; its unique id, policies and access keys stay."""
    old, new = stored.principal, _renamed(request, stored.principal)
    if new.name != old.name:
        principals.require_free(call.reads, new.account, new.kind, new.name, but=old.name)
    call.tx.put_principal(new)
    if new.name == old.name:
        return
    for name, document in stored.policies.items():
        call.tx.put_principal_policy(new, name, document)
    for credential in stored.credentials:
        call.tx.put_credential(replace(credential, name=new.name))
    call.tx.delete_principal(old)


@operation(
    service=IAM,
    on=user("iam:DeleteUser"),
    writes=True,
    errors="LimitExceeded NoSuchEntity DeleteConflict ConcurrentModification ServiceFailure",
)
def delete_user(call: WriteCall, request: UserRequest, stored: StoredPrincipal) -> None:
    """Delete a user who has neither policies nor access keys any more."""
    principals.delete(call, stored)
