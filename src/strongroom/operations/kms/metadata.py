"""What AWS tells of a key: KeyMetadata, the answer of DescribeKey and of whatever makes keys."""

from enum import StrEnum
from typing import Any

import msgspec

from strongroom.model.arn import key_arn
from strongroom.model.key import ExpirationModelType, Key, StoredKey
from strongroom.model.region import Realm
from strongroom.model.spec import (
    SPECS,
    CustomerMasterKeySpec,
    EncapsulationAlgorithm,
    EncryptionAlgorithm,
    KeyAgreementAlgorithm,
    KeyManager,
    KeySpec,
    KeyUsage,
    Kind,
    MacAlgorithm,
    Origin,
    SigningAlgorithm,
)
from strongroom.model.state import KeyState
from strongroom.operations.shapes import Response


class MultiRegionKeyType(StrEnum):
    """Which of related multi-Region keys a key is."""

    PRIMARY = "PRIMARY"
    REPLICA = "REPLICA"


class MultiRegionKey(Response, frozen=True, kw_only=True):
    """Where a related key is."""

    arn: str
    region: str


class MultiRegionConfiguration(Response, frozen=True, kw_only=True):
    """A multi-Region key and all keys related to it, itself among them."""

    multi_region_key_type: MultiRegionKeyType
    primary_key: MultiRegionKey
    replica_keys: tuple[MultiRegionKey, ...]


class KeyMetadata(Response, frozen=True, kw_only=True):
    """All that AWS tells of a key (AWS KMS API Reference, "KeyMetadata")."""

    aws_account_id: str = msgspec.field(name="AWSAccountId")
    key_id: str
    arn: str
    creation_date: float
    enabled: bool
    description: str
    key_usage: KeyUsage
    key_state: KeyState
    deletion_date: float | None = None
    valid_to: float | None = None
    origin: Origin
    expiration_model: ExpirationModelType | None = None
    key_manager: KeyManager
    customer_master_key_spec: CustomerMasterKeySpec | None = None
    key_spec: KeySpec
    encryption_algorithms: tuple[EncryptionAlgorithm, ...] | None = None
    signing_algorithms: tuple[SigningAlgorithm, ...] | None = None
    mac_algorithms: tuple[MacAlgorithm, ...] | None = None
    key_agreement_algorithms: tuple[KeyAgreementAlgorithm, ...] | None = None
    encapsulation_algorithms: tuple[EncapsulationAlgorithm, ...] | None = None
    multi_region: bool
    multi_region_configuration: MultiRegionConfiguration | None = None
    pending_deletion_window_in_days: int | None = None
    current_key_material_id: str | None = None


OLD_SPECS = {spec.value: spec for spec in CustomerMasterKeySpec}
_ALGORITHM_MEMBERS = {
    KeyUsage.ENCRYPT_DECRYPT: "encryption_algorithms",
    KeyUsage.SIGN_VERIFY: "signing_algorithms",
    KeyUsage.GENERATE_VERIFY_MAC: "mac_algorithms",
    KeyUsage.KEY_AGREEMENT: "key_agreement_algorithms",
    KeyUsage.ENCAPSULATE_DECAPSULATE: "encapsulation_algorithms",
}


def algorithms(key: Key) -> dict[str, Any]:
    """The one member of an answer that lists the algorithms of a key: which one it is depends on the key's usage."""
    return {_ALGORITHM_MEMBERS[key.usage]: SPECS[key.spec].algorithms[key.usage]}


def metadata(stored: StoredKey) -> KeyMetadata:
    """The metadata of a key as AWS shows it: members that do not apply are left out."""
    key = stored.key
    pending_replicas = key.state is KeyState.PENDING_REPLICA_DELETION
    return KeyMetadata(
        aws_account_id=key.realm.account,
        key_id=key.key_id,
        arn=key.arn,
        creation_date=key.created_at,
        enabled=key.state is KeyState.ENABLED,
        description=key.description,
        key_usage=key.usage,
        key_state=key.state,
        deletion_date=key.deletion_at,
        origin=key.origin,
        key_manager=key.manager,
        customer_master_key_spec=OLD_SPECS.get(key.spec.value),
        key_spec=key.spec,
        multi_region=key.multi_region,
        multi_region_configuration=_multi_region_configuration(key),
        pending_deletion_window_in_days=key.pending_window_days if pending_replicas else None,
        current_key_material_id=key.material_id if SPECS[key.spec].kind is Kind.SYMMETRIC else None,
        **_expiration(stored),
        **algorithms(key),
    )


def _expiration(stored: StoredKey) -> dict[str, Any]:
    """ExpirationModel and ValidTo of imported material: of a key that has all of its materials."""
    materials = [material for material in stored.materials.values() if not material.pending]
    if stored.key.origin is not Origin.EXTERNAL or not materials or not all(each.present for each in materials):
        return {}
    valid_to = min((each.valid_to for each in materials if each.valid_to is not None), default=None)
    expires = valid_to is not None
    model = ExpirationModelType.KEY_MATERIAL_EXPIRES if expires else ExpirationModelType.KEY_MATERIAL_DOES_NOT_EXPIRE
    return {"valid_to": valid_to, "expiration_model": model}


def _multi_region_configuration(key: Key) -> MultiRegionConfiguration | None:
    if key.primary_region is None:
        return None
    return MultiRegionConfiguration(
        multi_region_key_type=MultiRegionKeyType.REPLICA if key.is_replica else MultiRegionKeyType.PRIMARY,
        primary_key=_place(key, key.primary_region),
        replica_keys=tuple(_place(key, region) for region in key.replica_regions),
    )


def _place(key: Key, region: str) -> MultiRegionKey:
    return MultiRegionKey(arn=key_arn(Realm(key.realm.account, region), key.key_id), region=region)
