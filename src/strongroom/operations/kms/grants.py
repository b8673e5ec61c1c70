"""Grants: CreateGrant, RetireGrant, RevokeGrant.

Source: AWS KMS Developer Guide, "Grants in AWS KMS" and its chapters. In a module of its own: their lists.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from strongroom.authz.grants import Child
from strongroom.ids import new_grant_id
from strongroom.model.errors import (
    InvalidArnException,
    LimitExceededException,
    NotFoundException,
    ValidationException,
)
from strongroom.model.grant import Constraints, Grant, GrantOperation
from strongroom.model.identity import SERVICE_TOKEN
from strongroom.model.key import Key, StoredKey
from strongroom.model.spec import SPECS, KeyUsage, Kind
from strongroom.model.state import GRANTING
from strongroom.operations import shapes
from strongroom.operations.principals import token_of
from strongroom.operations.shapes import Request, Response
from strongroom.operations.table import Call, Target, WriteCall, key, operation
from strongroom.ports import GrantPointer

MAX_GRANTS = 50_000
MAX_PAIRS = 8
MAX_VALUE = 384

_O = GrantOperation
_ANY_KEY = frozenset({_O.CREATE_GRANT, _O.RETIRE_GRANT, _O.DESCRIBE_KEY})
_BY_USAGE: dict[KeyUsage, frozenset[GrantOperation]] = {
    KeyUsage.ENCRYPT_DECRYPT: frozenset({_O.ENCRYPT, _O.DECRYPT, _O.RE_ENCRYPT_FROM, _O.RE_ENCRYPT_TO}),
    KeyUsage.SIGN_VERIFY: frozenset({_O.SIGN, _O.VERIFY}),
    KeyUsage.GENERATE_VERIFY_MAC: frozenset({_O.GENERATE_MAC, _O.VERIFY_MAC}),
    KeyUsage.KEY_AGREEMENT: frozenset({_O.DERIVE_SHARED_SECRET}),
    KeyUsage.ENCAPSULATE_DECAPSULATE: frozenset({_O.ENCAPSULATE, _O.DECAPSULATE}),
}
_SYMMETRIC = frozenset({
    _O.GENERATE_DATA_KEY, _O.GENERATE_DATA_KEY_WITHOUT_PLAINTEXT,
    _O.GENERATE_DATA_KEY_PAIR, _O.GENERATE_DATA_KEY_PAIR_WITHOUT_PLAINTEXT,
})  # fmt: skip
_ASYMMETRIC = frozenset({_O.GET_PUBLIC_KEY})


GrantToken = Annotated[shapes.GrantToken, Meta(extra=shapes.UNLOGGED)]


class GrantConstraints(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """Constraints as callers send and get them."""

    encryption_context_subset: shapes.EncryptionContext | None = None
    encryption_context_equals: shapes.EncryptionContext | None = None
    source_arn: shapes.GrantSourceArn | None = None


# --- CreateGrant ---


class CreateGrantRequest(Request, frozen=True, kw_only=True):
    """Members of CreateGrant."""

    key_id: shapes.KeyId
    grantee_principal: shapes.PrincipalId | None = None
    retiring_principal: shapes.PrincipalId | None = None
    operations: tuple[GrantOperation, ...]
    constraints: GrantConstraints = GrantConstraints()
    grant_tokens: shapes.GrantTokens = ()
    name: shapes.GrantName | None = None
    dry_run: bool = False
    grantee_service_principal: shapes.ServicePrincipal | None = None
    retiring_service_principal: shapes.ServicePrincipal | None = None


class CreateGrantResponse(Response, frozen=True, kw_only=True):
    """The grant's id, and a token to use it at once."""

    grant_token: GrantToken
    grant_id: str


def _check_create(request: CreateGrantRequest) -> None:
    service, retiring_service = request.grantee_service_principal, request.retiring_service_principal
    if (request.grantee_principal is None) == (service is None):
        raise ValidationException("You must specify either GranteePrincipal or GranteeServicePrincipal, but not both.")
    if request.retiring_principal is not None and retiring_service is not None:
        raise ValidationException("You can specify either RetiringPrincipal or RetiringServicePrincipal, but not both.")
    if service is not None and (
        request.constraints.source_arn is None or (request.retiring_principal or retiring_service) is None
    ):
        raise ValidationException(
            "A grant for a GranteeServicePrincipal must have a SourceArn constraint, and a RetiringPrincipal or a"
            " RetiringServicePrincipal."
        )
    if not request.operations:
        raise ValidationException("You must specify at least one grant operation.")
    if set(request.operations) == {GrantOperation.CREATE_GRANT}:
        raise ValidationException("Grants must not contain only the CreateGrant operation.")
    _check_context(request.constraints)


def _check_context(constraints: GrantConstraints) -> None:
    equals, subset = constraints.encryption_context_equals, constraints.encryption_context_subset
    if equals is not None and subset is not None:
        raise ValidationException("More than one constraint supplied")
    pairs = equals or subset or {}
    if len(pairs) > MAX_PAIRS or any(len(value) > MAX_VALUE for value in pairs.values()):
        raise ValidationException(
            f"A grant constraint can have at most {MAX_PAIRS} encryption context pairs, with values of at most"
            f" {MAX_VALUE} characters."
        )


def _fit_create(request: CreateGrantRequest, stored: StoredKey) -> None:
    found = stored.key
    unfit = [operation for operation in request.operations if operation not in _operations_of(found)]
    if unfit:
        raise ValidationException(
            f"Grant operation {unfit[0]} is not supported for a key of KeySpec {found.spec} and KeyUsage {found.usage}."
        )
    constraints = request.constraints
    constrained = constraints.encryption_context_equals is not None or constraints.encryption_context_subset is not None
    if constrained and SPECS[found.spec].kind is not Kind.SYMMETRIC:
        raise ValidationException(
            f"An encryption context constraint is not supported for a key of KeySpec {found.spec}."
        )


def _operations_of(found: Key) -> frozenset[GrantOperation]:
    """The operations that a grant on a key can permit (same guide, "Grant operations")."""
    row = SPECS[found.spec]
    extra = _SYMMETRIC if row.kind is Kind.SYMMETRIC else _ASYMMETRIC if row.asymmetric else frozenset()
    return _ANY_KEY | _BY_USAGE[found.usage] | extra


def _child(request: CreateGrantRequest) -> Child:
    """What the new grant would permit, where another grant is to allow that."""
    return request.operations, _constraints(request)


def _constraints(request: CreateGrantRequest) -> Constraints:
    asked = request.constraints
    return Constraints(
        equals=asked.encryption_context_equals, subset=asked.encryption_context_subset, source_arn=asked.source_arn
    )


@operation(
    on=Target("kms:CreateGrant", key_member="key_id", child=_child),
    states=GRANTING,
    cross_account=True,
    grantable=True,
    writes=True,
    check=_check_create,
    fit=_fit_create,
    errors="NotFound Disabled DependencyTimeout InvalidArn KMSInternal InvalidGrantToken LimitExceeded KMSInvalidState"
    " DryRunOperation",
)
def create_grant(call: WriteCall, request: CreateGrantRequest, stored: StoredKey) -> CreateGrantResponse:
    """Make a grant, unless the key has one of that name with the same parameters; then that is the one."""
    grant = _asked_for(call, request, stored.key)
    same = next((each for each in _of_name(call, grant) if _identical(each, grant)), None)
    if same is None:
        if call.reads.grant_count(grant.realm, grant.key_id) >= MAX_GRANTS:
            raise LimitExceededException(f"{stored.key.arn} already has {MAX_GRANTS} grants.")
        call.tx.put_grant(grant)
    grant_id = (same or grant).grant_id
    token = call.grant_tokens.issue(GrantPointer(grant.realm, grant.key_id, grant_id))
    return CreateGrantResponse(grant_token=token, grant_id=grant_id)


def _asked_for(call: Call, request: CreateGrantRequest, found: Key) -> Grant:
    grantee = request.grantee_principal or request.grantee_service_principal or ""
    retiring = request.retiring_principal or request.retiring_service_principal
    return Grant(
        realm=found.realm,
        key_id=found.key_id,
        grant_id=new_grant_id(),
        name=request.name or "",
        created_at=call.clocks.key_life(),
        grantee=grantee,
        grantee_token=_token(call, request.grantee_principal, request.grantee_service_principal) or "",
        retiring=retiring,
        retiring_token=_token(call, request.retiring_principal, request.retiring_service_principal),
        issuing_account=call.realm.account,
        operations=tuple(dict.fromkeys(request.operations)),
        constraints=_constraints(request),
    )


def _token(call: Call, principal: str | None, service: str | None) -> str | None:
    """The token of the one that is named; None where nobody is."""
    if principal is not None:
        return require_token(call, principal)
    return None if service is None else SERVICE_TOKEN + service


def require_token(call: Call, principal: str) -> str:
    """The token of a principal.

    Raises:
        InvalidArnException: There is no such principal.
    """
    token = token_of(call.reads, call.realm.partition, principal)
    if token is None:
        raise InvalidArnException(f"ARN does not refer to a valid principal: {principal}")
    return token


def _of_name(call: Call, grant: Grant) -> Sequence[Grant]:
    """The grants on the key for the same grantee that have its name; none where it has no name."""
    found = call.reads.grants_of(grant.realm, grant.key_id, grant.grantee_token) if grant.name else ()
    return [each for each in found if each.name == grant.name]


def _identical(one: Grant, other: Grant) -> bool:
    """Whether two grants of one name were asked for with the same parameters."""
    return _parameters(one) == _parameters(other)


def _parameters(grant: Grant) -> tuple[Any, ...]:
    operations = frozenset(grant.operations)
    return grant.grantee_token, grant.retiring_token, grant.issuing_account, operations, grant.constraints


# --- RetireGrant and RevokeGrant ---


class RetireGrantRequest(Request, frozen=True, kw_only=True):
    """Members of RetireGrant: the token, or key and id."""

    grant_token: GrantToken | None = None
    key_id: shapes.KeyId | None = None
    grant_id: shapes.GrantId | None = None
    dry_run: bool = False


def _check_retire(request: RetireGrantRequest) -> None:
    by_token = (request.grant_token, request.key_id, request.grant_id)
    missing = [member is None for member in by_token]
    if missing not in ([False, True, True], [True, False, False]):
        raise ValidationException("You must specify either GrantToken, or both KeyId and GrantId.")


@operation(
    on=Target("kms:RetireGrant", key_member="key_id", grant_member="grant_id", token_member="grant_token"),  # noqa: S106 - a member's name
    cross_account=True,
    grantable=True,
    writes=True,
    check=_check_retire,
    errors="InvalidArn InvalidGrantToken InvalidGrantId NotFound DependencyTimeout KMSInternal KMSInvalidState"
    " DryRunOperation",
)
def retire_grant(call: WriteCall, request: RetireGrantRequest, stored: StoredKey) -> None:
    """Delete a grant, as the grant itself allows it."""
    if request.grant_token is not None:
        _delete(call, stored, call.grant_tokens.open(request.grant_token).grant_id)
    else:
        _delete(call, stored, request.grant_id or "")


class RevokeGrantRequest(Request, frozen=True, kw_only=True):
    """Members of RevokeGrant."""

    key_id: shapes.KeyId
    grant_id: shapes.GrantId
    dry_run: bool = False


@operation(
    on=key("key_id", "kms:RevokeGrant"),
    cross_account=True,
    writes=True,
    errors="NotFound DependencyTimeout InvalidArn InvalidGrantId KMSInternal KMSInvalidState DryRunOperation",
)
def revoke_grant(call: WriteCall, request: RevokeGrantRequest, stored: StoredKey) -> None:
    """Delete a grant, as policies allow it."""
    _delete(call, stored, request.grant_id)


def _delete(call: WriteCall, stored: StoredKey, grant_id: str) -> None:
    grant = call.reads.grant(stored.key.realm, stored.key.key_id, grant_id)
    if grant is None:
        raise NotFoundException(f"Grant ID {grant_id} not found")
    call.tx.delete_grant(grant)
