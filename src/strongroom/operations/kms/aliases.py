"""Aliases: CreateAlias, UpdateAlias, DeleteAlias, ListAliases."""

from collections.abc import Callable

from msgspec.structs import replace

from strongroom.model.arn import alias_arn, parse_key_ref
from strongroom.model.errors import (
    AlreadyExistsException,
    InvalidAliasNameException,
    LimitExceededException,
    NotFoundException,
    ValidationException,
)
from strongroom.model.key import Alias, StoredKey
from strongroom.model.region import Realm
from strongroom.model.spec import SPECS
from strongroom.model.state import ANY, NOT_PENDING_DELETION
from strongroom.operations import shapes
from strongroom.operations.paging import cut, decode_marker, encode_marker, page_size
from strongroom.operations.shapes import Request, Response
from strongroom.operations.table import Call, Need, WriteCall, alias, key, operation

MAX_ALIASES = 50
PREFIX = "alias/"
RESERVED_PREFIX = "alias/aws/"


class AliasTargetRequest(Request, frozen=True, kw_only=True):
    """Members of CreateAlias and UpdateAlias."""

    alias_name: shapes.AliasName
    target_key_id: shapes.KeyId


class DeleteAliasRequest(Request, frozen=True, kw_only=True):
    """Members of DeleteAlias."""

    alias_name: shapes.AliasName


def _check_name(request: AliasTargetRequest | DeleteAliasRequest) -> None:
    if not request.alias_name.startswith(PREFIX):
        raise ValidationException(f'Alias must start with the prefix "{PREFIX}".')
    if request.alias_name == PREFIX:
        raise InvalidAliasNameException("Alias name must not be empty.")
    if request.alias_name.startswith(RESERVED_PREFIX):
        raise InvalidAliasNameException(f"Alias names that begin with {RESERVED_PREFIX} are reserved.")


def _require_room(target: StoredKey) -> None:
    if len(target.aliases) >= MAX_ALIASES:
        raise LimitExceededException(f"{target.key.arn} already has {MAX_ALIASES} aliases.")


def _needs(action: str) -> Callable[[Realm, AliasTargetRequest | DeleteAliasRequest], tuple[Need, ...]]:
    """The half of a permission that is on the alias; the other half is on the keys."""
    return lambda realm, request: (Need(action, alias_arn(realm, request.alias_name)),)


@operation(
    on=key("target_key_id", "kms:CreateAlias"),
    needs=_needs("kms:CreateAlias"),
    states=NOT_PENDING_DELETION,
    writes=True,
    check=_check_name,
    errors="DependencyTimeout AlreadyExists NotFound InvalidAliasName KMSInternal LimitExceeded KMSInvalidState",
)
def create_alias(call: WriteCall, request: AliasTargetRequest, target: StoredKey) -> None:
    """Give a key a new name."""
    name = request.alias_name
    if call.reads.alias(call.realm, name) is not None:
        raise AlreadyExistsException(f"An alias with the name {alias_arn(call.realm, name)} already exists")
    _require_room(target)
    now = call.clocks.key_life()
    call.tx.put_alias(Alias(call.realm, name, target.key.key_id, now, now))


@operation(
    on=(alias("alias_name", "kms:UpdateAlias"), key("target_key_id", "kms:UpdateAlias")),
    needs=_needs("kms:UpdateAlias"),
    states=NOT_PENDING_DELETION,
    writes=True,
    check=_check_name,
    errors="DependencyTimeout NotFound KMSInternal LimitExceeded KMSInvalidState",
)
def update_alias(call: WriteCall, request: AliasTargetRequest, current: StoredKey, target: StoredKey) -> None:
    """Point an alias at another key of the same type (symmetric, asymmetric or HMAC) and usage."""
    old, new = current.key, target.key
    # The usage tells HMAC keys from symmetric encryption keys.
    if (SPECS[old.spec].asymmetric, old.usage) != (SPECS[new.spec].asymmetric, new.usage):
        raise ValidationException(f"Alias {request.alias_name} can only be moved to a key of the same type and usage.")
    if old.key_id != new.key_id:
        _require_room(target)
    moved = next(item for item in current.aliases if item.name == request.alias_name)
    call.tx.put_alias(replace(moved, key_id=new.key_id, updated_at=call.clocks.key_life()))


@operation(
    on=alias("alias_name", "kms:DeleteAlias"),
    needs=_needs("kms:DeleteAlias"),
    states=ANY,
    writes=True,
    check=_check_name,
    errors="DependencyTimeout NotFound KMSInternal KMSInvalidState",
)
def delete_alias(call: WriteCall, request: DeleteAliasRequest, current: StoredKey) -> None:
    """Remove an alias; the key stays as it is."""
    call.tx.delete_alias(next(item for item in current.aliases if item.name == request.alias_name))


class ListAliasesRequest(Request, frozen=True, kw_only=True):
    """Members of ListAliases; KeyId (an id or ARN) leaves only that key's aliases."""

    key_id: shapes.KeyId | None = None
    limit: shapes.Limit | None = None
    marker: shapes.Marker | None = None


class AliasListEntry(Response, frozen=True, kw_only=True):
    """One alias of a list."""

    alias_name: str
    alias_arn: str
    target_key_id: str | None = None
    creation_date: float | None = None
    last_updated_date: float | None = None


class ListAliasesResponse(Response, frozen=True, kw_only=True):
    """A page of aliases."""

    aliases: tuple[AliasListEntry, ...]
    next_marker: str | None = None
    truncated: bool


def _aliases_of(call: Call, key_id: str) -> tuple[Alias, ...]:
    ref = parse_key_ref(key_id, call.realm, aliases=False)
    stored = call.reads.key(ref.realm, ref.key_id or "") if ref.realm == call.realm else None
    if stored is None:
        raise NotFoundException(f"Key '{ref.arn}' does not exist")
    return stored.aliases


@operation(needs="kms:ListAliases", errors="DependencyTimeout InvalidMarker KMSInternal InvalidArn NotFound")
def list_aliases(call: Call, request: ListAliasesRequest) -> ListAliasesResponse:
    """List the aliases of the caller's account and Region in the order of their names."""
    size = page_size(request.limit, default=50, largest=100)
    after = decode_marker(call.markers, request.marker, "ListAliases", call.realm)
    if request.key_id is None:
        found = call.reads.aliases(call.realm, after, size + 1)
    else:
        found = [item for item in _aliases_of(call, request.key_id) if item.name > after]
    page, more = cut(found, size)
    return ListAliasesResponse(
        aliases=tuple(
            AliasListEntry(
                alias_name=item.name,
                alias_arn=alias_arn(item.realm, item.name),
                target_key_id=item.key_id,
                creation_date=item.created_at,
                last_updated_date=item.updated_at,
            )
            for item in page
        ),
        next_marker=encode_marker(call.markers, "ListAliases", call.realm, page[-1].name) if more else None,
        truncated=more,
    )
