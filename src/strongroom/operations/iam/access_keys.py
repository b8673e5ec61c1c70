"""Access keys of users, and of the root: CreateAccessKey, ListAccessKeys, UpdateAccessKey, DeleteAccessKey."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from strongroom.ids import new_access_key_id, new_secret_key
from strongroom.model.errors import InvalidInputException, LimitExceededException, NoSuchEntityException
from strongroom.model.identity import CREDENTIAL_PURPOSE, Credential, StoredPrincipal
from strongroom.operations.iam.service import IAM, ListRequest, ListResponse, Name, page, start, user
from strongroom.operations.shapes import SECRET, Request, Response, full_pattern
from strongroom.operations.table import Call, WriteCall, operation

# IAM User Guide, "IAM and AWS STS quotas"; cannot be raised at AWS, either.
_MOST = 2

AccessKeyId = Annotated[str, Meta(min_length=16, max_length=128, pattern=full_pattern(r"[\w]+"))]


class Status(StrEnum):
    """Whether an access key can be used."""

    ACTIVE = "Active"
    INACTIVE = "Inactive"
    EXPIRED = "Expired"


class CreateAccessKeyRequest(Request, frozen=True, kw_only=True):
    """Members of CreateAccessKey."""

    user_name: Name | None = None


class AccessKey(Response, frozen=True, kw_only=True):
    """A new access key; its secret is shown here and never again."""

    user_name: str | None = None
    access_key_id: str
    status: Status
    secret_access_key: Annotated[str, Meta(extra=SECRET)]
    create_date: float


class CreateAccessKeyResponse(Response, frozen=True, kw_only=True):
    """The new access key."""

    access_key: AccessKey


@operation(service=IAM, on=user("iam:CreateAccessKey"), writes=True, errors="NoSuchEntity LimitExceeded ServiceFailure")
def create_access_key(
    call: WriteCall, request: CreateAccessKeyRequest, stored: StoredPrincipal
) -> CreateAccessKeyResponse:
    """Create an access key; its secret is kept sealed, for signatures alone."""
    if len(stored.credentials) >= _MOST:
        raise LimitExceededException(f"Cannot exceed quota for AccessKeysPerUser: {_MOST}")
    owner, access_key_id, secret = stored.principal, new_access_key_id("AKIA"), new_secret_key()
    new = Credential(
        access_key_id=access_key_id,
        account=owner.account,
        kind=owner.kind,
        name=owner.name,
        sealed_secret=call.secrets.seal(CREDENTIAL_PURPOSE, (access_key_id, owner.account), secret.encode()),
        active=True,
        created_at=call.clocks.machine(),
    )
    call.tx.put_account(owner.account, new.created_at)
    call.tx.put_credential(new)
    return CreateAccessKeyResponse(
        access_key=AccessKey(
            user_name=owner.name or None,
            access_key_id=access_key_id,
            status=Status.ACTIVE,
            secret_access_key=secret,
            create_date=new.created_at,
        )
    )


class ListAccessKeysRequest(ListRequest, frozen=True, kw_only=True):
    """Members of ListAccessKeys."""

    user_name: Name | None = None


class AccessKeyMetadata(Response, frozen=True, kw_only=True):
    """What is shown of an access key after it was made."""

    user_name: str | None = None
    access_key_id: str
    status: Status
    create_date: float


class ListAccessKeysResponse(ListResponse, frozen=True, kw_only=True):
    """A page of access keys."""

    access_key_metadata: tuple[AccessKeyMetadata, ...]


def _metadata(credential: Credential) -> AccessKeyMetadata:
    return AccessKeyMetadata(
        user_name=credential.name or None,
        access_key_id=credential.access_key_id,
        status=Status.ACTIVE if credential.active else Status.INACTIVE,
        create_date=credential.created_at,
    )


@operation(service=IAM, on=user("iam:ListAccessKeys"), errors="NoSuchEntity ServiceFailure")
def list_access_keys(call: Call, request: ListAccessKeysRequest, stored: StoredPrincipal) -> ListAccessKeysResponse:
    """List the access keys of a user."""
    after = start(call, request, "ListAccessKeys")
    rest = [credential for credential in stored.credentials if credential.access_key_id > after]
    shown, marker = page(call, request, "ListAccessKeys", rest, lambda credential: credential.access_key_id)
    return ListAccessKeysResponse(
        access_key_metadata=tuple(map(_metadata, shown)), is_truncated=marker is not None, marker=marker
    )


def _named(stored: StoredPrincipal, access_key_id: str) -> Credential:
    for credential in stored.credentials:
        if credential.access_key_id == access_key_id:
            return credential
    raise NoSuchEntityException(f"The Access Key with id {access_key_id} cannot be found.")


class UpdateAccessKeyRequest(Request, frozen=True, kw_only=True):
    """Members of UpdateAccessKey."""

    user_name: Name | None = None
    access_key_id: AccessKeyId
    status: Status


def _check_status(request: UpdateAccessKeyRequest) -> None:
    if request.status is Status.EXPIRED:
        raise InvalidInputException("An access key can be made Active or Inactive.")


@operation(
    service=IAM,
    on=user("iam:UpdateAccessKey"),
    check=_check_status,
    writes=True,
    errors="NoSuchEntity LimitExceeded ServiceFailure InvalidInput",
)
def update_access_key(call: WriteCall, request: UpdateAccessKeyRequest, stored: StoredPrincipal) -> None:
    """Switch an access key on or off."""
    credential = _named(stored, request.access_key_id)
    call.tx.put_credential(replace(credential, active=request.status is Status.ACTIVE))


class DeleteAccessKeyRequest(Request, frozen=True, kw_only=True):
    """Members of DeleteAccessKey."""

    user_name: Name | None = None
    access_key_id: AccessKeyId


@operation(service=IAM, on=user("iam:DeleteAccessKey"), writes=True, errors="NoSuchEntity LimitExceeded ServiceFailure")
def delete_access_key(call: WriteCall, request: DeleteAccessKeyRequest, stored: StoredPrincipal) -> None:
    """Delete an access key."""
    call.tx.delete_credential(_named(stored, request.access_key_id))
