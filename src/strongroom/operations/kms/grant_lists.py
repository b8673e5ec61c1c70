"""Lists of grants: ListGrants, ListRetirableGrants (AWS KMS Developer Guide, "Viewing grants")."""

import functools
from collections.abc import Callable, Sequence

from strongroom.model.arn import key_arn, root_arn
from strongroom.model.errors import InvalidArnException, ValidationException
from strongroom.model.grant import Grant, GrantOperation
from strongroom.model.identity import SERVICE_TOKEN
from strongroom.model.key import Key, StoredKey
from strongroom.model.region import Realm
from strongroom.operations import shapes
from strongroom.operations.kms.grants import GrantConstraints, require_token
from strongroom.operations.paging import cut, decode_marker, encode_marker, page_size
from strongroom.operations.principals import account_of, shown_principal, token_of
from strongroom.operations.shapes import Request, Response
from strongroom.operations.table import Call, Need, key, operation

SCAN = 1000
"""How many grants of a key one ListGrants for a grantee looks at: its page may hold few, and have a next one."""


class ListGrantsRequest(Request, frozen=True, kw_only=True):
    """Members of ListGrants."""

    limit: shapes.Limit | None = None
    marker: shapes.Marker | None = None
    key_id: shapes.KeyId
    grant_id: shapes.GrantId | None = None
    grantee_principal: shapes.PrincipalId | None = None
    grantee_service_principal: shapes.ServicePrincipal | None = None


class ListRetirableGrantsRequest(Request, frozen=True, kw_only=True):
    """Members of ListRetirableGrants."""

    limit: shapes.Limit | None = None
    marker: shapes.Marker | None = None
    retiring_principal: shapes.PrincipalId | None = None
    retiring_service_principal: shapes.ServicePrincipal | None = None


class GrantListEntry(Response, frozen=True, kw_only=True):
    """One grant of a list; KeyId and IssuingAccount are ARNs, and Name is empty where there is none."""

    key_id: str
    grant_id: str
    name: str
    creation_date: float
    grantee_principal: str | None = None
    retiring_principal: str | None = None
    issuing_account: str
    operations: tuple[GrantOperation, ...]
    constraints: GrantConstraints | None = None
    grantee_service_principal: str | None = None
    retiring_service_principal: str | None = None


class ListGrantsResponse(Response, frozen=True, kw_only=True):
    """A page of grants."""

    grants: tuple[GrantListEntry, ...]
    next_marker: str | None = None
    truncated: bool


def _refuse_service(member: str, value: str | None) -> None:
    """Refuse a filter that AWS lets its services alone use; no caller is one."""
    if value is not None:
        raise ValidationException(f"{member} can only be specified by an AWS service principal.")


@operation(
    on=key("key_id", "kms:ListGrants"),
    cross_account=True,
    check=lambda request: _refuse_service("GranteeServicePrincipal", request.grantee_service_principal),
    errors="NotFound DependencyTimeout InvalidMarker InvalidGrantId InvalidArn KMSInternal KMSInvalidState",
)
def list_grants(call: Call, request: ListGrantsRequest, stored: StoredKey) -> ListGrantsResponse:
    """List the grants on a key in the order of their ids."""
    size = page_size(request.limit, default=50, largest=100)
    after = decode_marker(call.markers, request.marker, "ListGrants", call.realm)
    principal = request.grantee_principal
    found, more = _grants_on(call, request, stored.key, after, size if principal is None else SCAN)
    if principal is not None:
        # Who is gone is asked for by the unique id that lists show.
        token = token_of(call.reads, call.realm.partition, principal) or principal
        page, longer = cut([grant for grant in found if grant.grantee_token == token], size)
    else:
        page, longer = found, False
    last = page[-1] if longer else found[-1] if more else None
    return _response(call, "ListGrants", page, last)


def _grants_on(
    call: Call, request: ListGrantsRequest, found: Key, after: str, count: int
) -> tuple[Sequence[Grant], bool]:
    """Up to ``count`` grants on a key, and whether there are more; or the one that is asked for."""
    if request.grant_id is None:
        return cut(call.reads.grants(found.realm, found.key_id, after, count + 1), count)
    only = call.reads.grant(found.realm, found.key_id, request.grant_id)
    return () if only is None else (only,), False


def _check_retirable(request: ListRetirableGrantsRequest) -> None:
    _refuse_service("RetiringServicePrincipal", request.retiring_service_principal)
    if request.retiring_principal is None:
        raise ValidationException("You must specify either RetiringPrincipal or RetiringServicePrincipal.")


def _needs_to_list(_realm: Realm, request: ListRetirableGrantsRequest) -> tuple[Need, ...]:
    return (Need("kms:ListRetirableGrants", request.retiring_principal or ""),)


@operation(
    needs=_needs_to_list,
    check=_check_retirable,
    errors="DependencyTimeout InvalidMarker InvalidArn NotFound KMSInternal",
)
def list_retirable_grants(call: Call, request: ListRetirableGrantsRequest) -> ListGrantsResponse:
    """List the Region's grants, on keys of all accounts, that name a principal of the caller's account to retire them.

    Raises:
        InvalidArnException: There is no such principal in the caller's account.
    """
    size = page_size(request.limit, default=50, largest=100)
    after = decode_marker(call.markers, request.marker, "ListRetirableGrants", call.realm)
    principal = request.retiring_principal or ""
    if account_of(principal) != call.realm.account:
        raise InvalidArnException(f"{principal} is not a principal of account {call.realm.account}.")
    token = require_token(call, principal)
    page, more = cut(call.reads.retirable_grants(call.realm.region, token, after, size + 1), size)
    return _response(call, "ListRetirableGrants", page, page[-1] if more else None)


def _response(call: Call, name: str, page: Sequence[Grant], last: Grant | None) -> ListGrantsResponse:
    """A page of grants; the next one begins behind ``last``."""
    partition = call.realm.partition
    show = functools.cache(functools.partial(shown_principal, call.reads, partition))
    return ListGrantsResponse(
        grants=tuple(_entry(grant, partition, show) for grant in page),
        next_marker=encode_marker(call.markers, name, call.realm, last.grant_id) if last is not None else None,
        truncated=last is not None,
    )


def _entry(grant: Grant, partition: str, show: Callable[[str, str], str]) -> GrantListEntry:
    grantee, grantee_service = _named(grant.grantee, grant.grantee_token, show)
    retiring, retiring_service = _named(grant.retiring, grant.retiring_token, show)
    limits = grant.constraints
    constraints = GrantConstraints(limits.subset, limits.equals, limits.source_arn)
    return GrantListEntry(
        key_id=key_arn(grant.realm, grant.key_id),
        grant_id=grant.grant_id,
        name=grant.name,
        creation_date=grant.created_at,
        grantee_principal=grantee,
        retiring_principal=retiring,
        issuing_account=root_arn(grant.issuing_account, partition),
        operations=grant.operations,
        constraints=constraints if constraints != GrantConstraints() else None,
        grantee_service_principal=grantee_service,
        retiring_service_principal=retiring_service,
    )


def _named(written: str | None, token: str | None, show: Callable[[str, str], str]) -> tuple[str | None, str | None]:
    """Who is named in a grant: a principal, or a service."""
    if written is None or token is None:
        return None, None
    return (None, written) if token.startswith(SERVICE_TOKEN) else (show(written, token), None)
