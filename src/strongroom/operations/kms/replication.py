"""Multi-Region keys: ReplicateKey and UpdatePrimaryRegion, and how what they began comes to its end.

All Regions are in one store: what related keys share is changed in all of them by one transaction, and the states
Creating and Updating last until the jobs have seen them.
"""

from msgspec.structs import replace

from strongroom.model.errors import AlreadyExistsException, UnsupportedOperationException
from strongroom.model.key import DEFAULT_POLICY_NAME, Key, StoredKey
from strongroom.model.life import Step
from strongroom.model.region import Realm
from strongroom.model.spec import Origin
from strongroom.model.state import REPLICABLE, USABLE, KeyState
from strongroom.operations import shapes
from strongroom.operations.kms.metadata import KeyMetadata, metadata
from strongroom.operations.kms.policies import require_policy, with_policy
from strongroom.operations.kms.related import update_shared
from strongroom.operations.kms.tags import require_new_tags
from strongroom.operations.life import Life, step
from strongroom.operations.shapes import Request, Response, Tag
from strongroom.operations.table import Call, Echo, Need, WriteCall, key, operation, related
from strongroom.ports import TamperedStoreError


class ReplicateKeyRequest(Request, frozen=True, kw_only=True):
    """Members of ReplicateKey; policy, description and tags are the replica's own."""

    key_id: shapes.KeyId
    replica_region: shapes.Region
    policy: shapes.PolicyDocument | None = None
    bypass_policy_lockout_safety_check: bool = False
    description: shapes.Description = ""
    tags: tuple[Tag, ...] = ()


class ReplicateKeyResponse(Response, frozen=True, kw_only=True):
    """The replica, in state Creating."""

    replica_key_metadata: KeyMetadata
    replica_policy: str
    replica_tags: tuple[Tag, ...]


def _require_primary(key: Key) -> None:
    if not key.multi_region or key.is_replica:
        raise UnsupportedOperationException(f"{key.arn} is not a multi-Region primary key.")


def _require_region(call: Call, key: Key, region: str) -> Realm:
    """The realm of a key's account in a Region where a related key can be; a Region that is not served is none.

    Raises:
        UnsupportedOperationException: The Region is in another partition, or not served.
    """
    realm = Realm(key.realm.account, region)
    if region not in call.regions or realm.partition != key.realm.partition:
        raise UnsupportedOperationException(f"{key.arn} cannot have a replica in Region {region}.")
    return realm


def _check_replicate(request: ReplicateKeyRequest) -> None:
    if request.policy is not None:
        require_policy(request.policy)
    require_new_tags(request.tags)


def _needs_of_replica(_realm: Realm, request: ReplicateKeyRequest) -> tuple[Need, ...]:
    """What is needed in the replica's Region (AWS KMS Developer Guide, "Controlling access to multi-Region keys")."""
    needs = (Need("kms:CreateKey", region=request.replica_region),)
    return (*needs, Need("kms:TagResource", region=request.replica_region)) if request.tags else needs


@operation(
    on=key("key_id", "kms:ReplicateKey"),
    needs=_needs_of_replica,
    states=REPLICABLE,
    writes=True,
    check=_check_replicate,
    fit=lambda _, primary: _require_primary(primary.key),
    echo=Echo("replica_region", "CreateKey"),
    errors="AlreadyExists Disabled InvalidArn KMSInvalidState KMSInternal LimitExceeded MalformedPolicyDocument"
    " NotFound Tag UnsupportedOperation",
)
def replicate_key(call: WriteCall, request: ReplicateKeyRequest, primary: StoredKey) -> ReplicateKeyResponse:
    """Begin a replica of a multi-Region primary key in another Region; the material follows (``settle``)."""
    realm = _require_region(call, primary.key, request.replica_region)
    existing = call.reads.key(realm, primary.key.key_id)
    if existing is not None:
        raise AlreadyExistsException(f"{existing.key.arn} already exists.")
    regions = tuple(sorted((*primary.key.replica_regions, realm.region)))
    imported = primary.key.origin is Origin.EXTERNAL
    replica = replace(
        update_shared(call.tx, primary.key, replica_regions=regions),
        realm=realm,
        state=KeyState.CREATING,
        settles_as=KeyState.PENDING_IMPORT if imported else KeyState.ENABLED,
        description=request.description,
        created_at=call.clocks.key_life(),
        material_id=None,
        valid_to=None,
    )
    tags = {tag.tag_key: tag.tag_value for tag in request.tags}
    bare = StoredKey(key=replica, materials={}, policies={}, tags=tags, aliases=())
    new = with_policy(call, bare, request.policy, bypass=request.bypass_policy_lockout_safety_check)
    call.tx.insert_key(new)
    document = new.policies[DEFAULT_POLICY_NAME].document
    return ReplicateKeyResponse(replica_key_metadata=metadata(new), replica_policy=document, replica_tags=request.tags)


class UpdatePrimaryRegionRequest(Request, frozen=True, kw_only=True):
    """Members of UpdatePrimaryRegion."""

    key_id: shapes.KeyId
    primary_region: shapes.Region


def _check_roles(_: UpdatePrimaryRegionRequest, primary: StoredKey, replica: StoredKey) -> None:
    _require_primary(primary.key)
    if replica.key.realm == primary.key.realm:
        raise UnsupportedOperationException(f"{primary.key.arn} is the primary key already.")


@operation(
    on=(key("key_id", "kms:UpdatePrimaryRegion"), related("key_id", "primary_region", "kms:UpdatePrimaryRegion")),
    states=USABLE,
    writes=True,
    fit=_check_roles,
    echo=Echo("primary_region", "UpdatePrimaryRegion"),
    errors="Disabled InvalidArn KMSInvalidState KMSInternal NotFound UnsupportedOperation",
)
def update_primary_region(
    call: WriteCall, request: UpdatePrimaryRegionRequest, primary: StoredKey, replica: StoredKey
) -> None:
    """Let a primary key and one of its replicas change places."""
    old, new = primary.key, replica.key
    realm = _require_region(call, old, request.primary_region)
    regions = tuple(sorted({*old.replica_regions, old.realm.region} - {realm.region}))
    update_shared(call.tx, old, primary_region=realm.region, replica_regions=regions)
    for changed in (old, new):
        updating = replace(
            changed,
            primary_region=realm.region,
            replica_regions=regions,
            state=KeyState.UPDATING,
            settles_as=changed.settles_as or changed.state,
        )
        call.tx.update_key(updating)


@step(Step.SETTLE)
def settle(life: Life, stored: StoredKey) -> None:
    """End Creating and Updating: a new replica gets what the primary key has.

    A replica whose deletion was scheduled meanwhile gets it, too, so that the deletion can be cancelled.

    Raises:
        TamperedStoreError: A replica has no primary key.
    """
    key = stored.key
    settled = replace(key, state=key.settles_as or key.state, settles_as=None)
    if key.state is not KeyState.UPDATING:
        settled = replace(settled, material_id=_copy_materials(life, key))
        life.record("SynchronizeMultiRegionKey", key, {"keyId": key.key_id})
    life.tx.update_key(settled)


def _copy_materials(life: Life, replica: Key) -> str | None:
    """Copy all materials of the primary key; of imported ones the replica just learns which they are.

    Returns:
        The id of the current one.
    """
    primary = life.tx.key(Realm(replica.realm.account, replica.primary_region or ""), replica.key_id)
    if primary is None:
        raise TamperedStoreError(f"{replica.arn} has no primary key")
    keystore = life.keystores.of(replica)
    for material in primary.materials.values():
        if replica.origin is Origin.EXTERNAL:
            copy = replace(material, wrapped=b"", valid_to=None)
        else:
            copy = keystore.copy(primary.key, material, replica)
        life.tx.put_material(replica, copy)
    return primary.key.material_id
