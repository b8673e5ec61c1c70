"""Keys themselves: CreateKey, DescribeKey, ListKeys, EnableKey, DisableKey, UpdateKeyDescription."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from strongroom.ids import new_uuid
from strongroom.model.errors import UnsupportedOperationException, ValidationException
from strongroom.model.key import Key, Material, StoredKey
from strongroom.model.region import Realm
from strongroom.model.spec import (
    SPECS,
    CustomerMasterKeySpec,
    KeyManager,
    KeySpec,
    KeyUsage,
    Kind,
    Origin,
)
from strongroom.model.state import NOT_PENDING_DELETION, SWITCHABLE, KeyState
from strongroom.operations import shapes
from strongroom.operations.kms.metadata import KeyMetadata, metadata
from strongroom.operations.kms.policies import require_policy, with_policy
from strongroom.operations.kms.related import update_shared
from strongroom.operations.kms.tags import require_new_tags
from strongroom.operations.paging import cut, decode_marker, encode_marker, page_size
from strongroom.operations.shapes import Request, Response, Tag
from strongroom.operations.table import Call, Need, WriteCall, key, operation


class CreateKeyRequest(Request, frozen=True, kw_only=True):
    """Members of CreateKey; KeySpec and CustomerMasterKeySpec are one parameter with two names."""

    policy: shapes.PolicyDocument | None = None
    description: shapes.Description = ""
    key_usage: KeyUsage | None = None
    customer_master_key_spec: CustomerMasterKeySpec | None = None
    key_spec: KeySpec | None = None
    origin: Origin = Origin.AWS_KMS
    custom_key_store_id: shapes.CustomKeyStoreId | None = None
    bypass_policy_lockout_safety_check: bool = False
    tags: tuple[Tag, ...] = ()
    multi_region: bool = False
    xks_key_id: shapes.XksKeyId | None = None


class CreateKeyResponse(Response, frozen=True, kw_only=True):
    """The new key."""

    key_metadata: KeyMetadata


def requested_spec(request: CreateKeyRequest) -> KeySpec:
    """The spec that a CreateKey asks for, by either of its names or by saying nothing.

    Raises:
        ValidationException: It uses both names.
    """
    old = request.customer_master_key_spec
    if old is not None and request.key_spec is not None:
        raise ValidationException("You cannot specify KeySpec and CustomerMasterKeySpec in the same request.")
    return KeySpec(old) if old is not None else request.key_spec or KeySpec.SYMMETRIC_DEFAULT


def requested_usage(request: CreateKeyRequest) -> KeyUsage:
    """The usage that a CreateKey asks for, or that of its spec where that has but one.

    Raises:
        ValidationException: It asks for none and there are several, or for one that the spec does not have.
    """
    spec = requested_spec(request)
    row = SPECS[spec]
    usage = request.key_usage or row.default_usage
    if usage is None:
        raise ValidationException(
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."
        )
    if usage not in row.algorithms:
        raise ValidationException(f"KeyUsage {usage} is not compatible with KeySpec {spec}")
    return usage


def is_slow_to_make(spec: KeySpec) -> bool:
    """Whether a key of a spec takes up to seconds to generate: two large primes have to be found."""
    return spec in SPECS and SPECS[spec].kind is Kind.RSA


def require_in_partition(spec: KeySpec, realm: Realm) -> None:
    """Refuse a spec that does not exist in the Regions of a realm's partition.

    Raises:
        UnsupportedOperationException: As said.
    """
    if realm.partition not in SPECS[spec].partitions:
        raise UnsupportedOperationException(f"KeySpec {spec} is not supported in this Region.")


_ORIGINS = frozenset({Origin.AWS_KMS, Origin.EXTERNAL})


def _check_create_key(request: CreateKeyRequest) -> None:
    spec = requested_spec(request)
    if request.origin not in _ORIGINS or request.custom_key_store_id or request.xks_key_id:
        raise UnsupportedOperationException("This service creates keys of Origin AWS_KMS and EXTERNAL only.")
    if spec not in SPECS:
        raise UnsupportedOperationException(f"KeySpec {spec} is not supported.")
    if request.origin is Origin.EXTERNAL and not SPECS[spec].importable:
        raise UnsupportedOperationException(f"KeySpec {spec} is not supported for Origin {request.origin}.")
    requested_usage(request)
    if request.policy is not None:
        require_policy(request.policy)
    require_new_tags(request.tags)


def _make_key(call: Call, request: CreateKeyRequest) -> tuple[Key, tuple[Material, ...]]:
    """A new key and its material, both of nobody yet; material of origin EXTERNAL is still to be imported.

    Raises:
        UnsupportedOperationException: The spec does not exist in the Region.
    """
    spec = requested_spec(request)
    require_in_partition(spec, call.realm)
    imported = request.origin is Origin.EXTERNAL
    empty = Key(
        realm=call.realm,
        key_id=f"mrk-{new_uuid().replace('-', '')}" if request.multi_region else new_uuid(),
        spec=spec,
        usage=requested_usage(request),
        origin=request.origin,
        manager=KeyManager.CUSTOMER,
        state=KeyState.PENDING_IMPORT if imported else KeyState.ENABLED,
        description=request.description,
        created_at=call.clocks.key_life(),
        primary_region=call.realm.region if request.multi_region else None,
    )
    if imported:
        return empty, ()
    material = call.keystores.of(empty).generate(empty)
    return replace(empty, material_id=material.material_id), (material,)


def _needs_of_new_key(_realm: Realm, request: CreateKeyRequest) -> tuple[Need, ...]:
    return (Need("kms:CreateKey"), Need("kms:TagResource")) if request.tags else (Need("kms:CreateKey"),)


@operation(
    needs=_needs_of_new_key,
    writes=True,
    check=_check_create_key,
    ahead=_make_key,
    slow=lambda request: request.origin is Origin.AWS_KMS and is_slow_to_make(requested_spec(request)),
    errors="MalformedPolicyDocument DependencyTimeout InvalidArn UnsupportedOperation KMSInternal LimitExceeded Tag"
    " CustomKeyStoreNotFound CustomKeyStoreInvalidState CloudHsmClusterInvalidConfiguration XksKeyInvalidConfiguration"
    " XksKeyAlreadyInUse XksKeyNotFound",
)
def create_key(call: WriteCall, request: CreateKeyRequest, made: tuple[Key, tuple[Material, ...]]) -> CreateKeyResponse:
    """Create a KMS key with new material, or ready for import, with its policy and its tags."""
    key, materials = made
    bare = StoredKey(
        key=key,
        materials={material.material_id: material for material in materials},
        policies={},
        tags={tag.tag_key: tag.tag_value for tag in request.tags},
        aliases=(),
    )
    new = with_policy(call, bare, request.policy, bypass=request.bypass_policy_lockout_safety_check)
    call.tx.insert_key(new)
    return CreateKeyResponse(key_metadata=metadata(new))


class DescribeKeyRequest(Request, frozen=True, kw_only=True):
    """Members of DescribeKey."""

    key_id: shapes.KeyId
    grant_tokens: shapes.GrantTokens = ()


class DescribeKeyResponse(Response, frozen=True, kw_only=True):
    """The key's metadata."""

    key_metadata: KeyMetadata


@operation(
    on=key("key_id", "kms:DescribeKey", aliases=True),
    cross_account=True,
    grantable=True,
    errors="NotFound InvalidArn DependencyTimeout KMSInternal",
)
def describe_key(call: Call, request: DescribeKeyRequest, stored: StoredKey) -> DescribeKeyResponse:
    """Tell all about a key but its material, policy and tags."""
    return DescribeKeyResponse(key_metadata=metadata(stored))


class ResourceOwner(StrEnum):
    """Whose keys ListKeys lists."""

    SELF = "SELF"
    OTHER_ACCOUNTS_VIA_RAM = "OTHER_ACCOUNTS_VIA_RAM"


class ListKeysRequest(Request, frozen=True, kw_only=True):
    """Members of ListKeys."""

    limit: shapes.Limit | None = None
    marker: shapes.Marker | None = None
    resource_owners: Annotated[tuple[ResourceOwner, ...], Meta(min_length=1, max_length=2)] = (ResourceOwner.SELF,)


class KeyListEntry(Response, frozen=True, kw_only=True):
    """One key of a list."""

    key_id: str
    key_arn: str


class ListKeysResponse(Response, frozen=True, kw_only=True):
    """A page of keys."""

    keys: tuple[KeyListEntry, ...]
    next_marker: str | None = None
    truncated: bool


@operation(needs="kms:ListKeys", errors="DependencyTimeout KMSInternal InvalidMarker")
def list_keys(call: Call, request: ListKeysRequest) -> ListKeysResponse:
    """List the keys of the caller's account and Region; no key is shared with it from other accounts."""
    size = page_size(request.limit, default=100, largest=1000)
    after = decode_marker(call.markers, request.marker, "ListKeys", call.realm)
    if ResourceOwner.SELF not in request.resource_owners:
        return ListKeysResponse(keys=(), truncated=False)
    ids, more = cut(call.reads.key_ids(call.realm, after, size + 1), size)
    arn = f"arn:{call.realm.partition}:kms:{call.realm.region}:{call.realm.account}:key/"
    return ListKeysResponse(
        keys=tuple(KeyListEntry(key_id=key_id, key_arn=arn + key_id) for key_id in ids),
        next_marker=encode_marker(call.markers, "ListKeys", call.realm, ids[-1]) if more else None,
        truncated=more,
    )


class KeyIdRequest(Request, frozen=True, kw_only=True):
    """A request that only names a key."""

    key_id: shapes.KeyId


_SWITCH_ERRORS = "NotFound InvalidArn DependencyTimeout KMSInternal KMSInvalidState"


@operation(on=key("key_id", "kms:EnableKey"), states=SWITCHABLE, writes=True, errors=f"{_SWITCH_ERRORS} LimitExceeded")
def enable_key(call: WriteCall, request: KeyIdRequest, stored: StoredKey) -> None:
    """Make a disabled key usable again; a rotation whose date has passed meanwhile is due now."""
    enabled, now = replace(stored.key, state=KeyState.ENABLED), call.clocks.key_life()
    missed = enabled.next_rotation_at is not None and enabled.next_rotation_at < now
    if missed and not enabled.is_replica:
        update_shared(call.tx, enabled, next_rotation_at=now)
    else:
        call.tx.update_key(enabled)


@operation(on=key("key_id", "kms:DisableKey"), states=SWITCHABLE, writes=True, errors=_SWITCH_ERRORS)
def disable_key(call: WriteCall, request: KeyIdRequest, stored: StoredKey) -> None:
    """Refuse cryptographic use of a key until it is enabled again."""
    call.tx.update_key(replace(stored.key, state=KeyState.DISABLED))


class UpdateKeyDescriptionRequest(Request, frozen=True, kw_only=True):
    """Members of UpdateKeyDescription."""

    key_id: shapes.KeyId
    description: shapes.Description


@operation(
    on=key("key_id", "kms:UpdateKeyDescription"),
    states=NOT_PENDING_DELETION,
    writes=True,
    errors="NotFound InvalidArn DependencyTimeout KMSInternal KMSInvalidState",
)
def update_key_description(call: WriteCall, request: UpdateKeyDescriptionRequest, stored: StoredKey) -> None:
    """Replace a key's description."""
    call.tx.update_key(replace(stored.key, description=request.description))
