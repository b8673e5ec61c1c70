"""What the service must say of a key, by the model."""

from datetime import datetime
from typing import Any

from tests.core import ACCOUNT
from tests.soak.life_model import PENDING, Life, Material, Member

_SHOWN = (
    "Arn", "CreationDate", "Enabled", "KeyState", "DeletionDate", "PendingDeletionWindowInDays", "ValidTo",
    "ExpirationModel", "CurrentKeyMaterialId", "MultiRegionConfiguration",
)  # fmt: skip


def arn_of(life: Life, region: str) -> str:
    """The key ARN in a Region."""
    return f"arn:aws:kms:{region}:{ACCOUNT}:key/{life.key_id}"


def plain(value: Any) -> Any:
    """An answer with times in epoch seconds, to the millisecond."""
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def _present(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def shown(metadata: dict[str, Any]) -> dict[str, Any]:
    """The members of KeyMetadata that change."""
    return {name: plain(value) for name, value in metadata.items() if name in _SHOWN}


def metadata_of(life: Life, region: str) -> dict[str, Any]:
    """The same by the model."""
    member = life.members[region]
    current = life.current if life.rotatable and member.settled else None
    return _present(
        Arn=arn_of(life, region),
        CreationDate=member.created_at,
        Enabled=member.state == "Enabled",
        KeyState=member.state,
        DeletionDate=member.deletion_at,
        PendingDeletionWindowInDays=member.window if member.state == "PendingReplicaDeletion" else None,
        CurrentKeyMaterialId=current.material_id if current else None,
        MultiRegionConfiguration=_relations(life, region) if life.multi_region else None,
        **(_expiration(life, member) if life.imported and life.complete(region) else {}),
    )


def _relations(life: Life, region: str) -> dict[str, Any]:
    places = {each: {"Arn": arn_of(life, each), "Region": each} for each in sorted(life.members)}
    return {
        "MultiRegionKeyType": "PRIMARY" if region == life.primary else "REPLICA",
        "PrimaryKey": places.pop(life.primary),
        "ReplicaKeys": list(places.values()),
    }


def _expiration(life: Life, member: Member) -> dict[str, Any]:
    """The earliest expiry of the materials that the key has for good."""
    expiries = [member.expiries[material.number] for material in life.permanent()]
    dates = [expiry for expiry in expiries if expiry is not None]
    if not dates:
        return {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    return {"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": min(dates)}


def rotation_of(life: Life, region: str) -> dict[str, Any]:
    """What GetKeyRotationStatus answers."""
    enabled = life.period is not None and life.members[region].state not in PENDING
    return _present(
        KeyId=life.key_id,
        KeyRotationEnabled=enabled,
        RotationPeriodInDays=life.period if enabled else None,
        NextRotationDate=life.next_rotation if enabled else None,
        OnDemandRotationStartDate=life.on_demand,
    )


def materials_of(life: Life, region: str) -> list[dict[str, Any]]:
    """What ListKeyRotations answers of all key materials."""
    return [_entry(life, region, material) for material in life.materials]


def _entry(life: Life, region: str, material: Material) -> dict[str, Any]:
    of_import = {}
    if life.imported:
        expiries = life.members[region].expiries
        present = material.number in expiries
        expiry = expiries.get(material.number)
        of_import = {
            "KeyMaterialDescription": material.description,
            "ImportState": "IMPORTED" if present else "PENDING_IMPORT",
            "ValidTo": expiry,
        }
        if present:
            of_import["ExpirationModel"] = f"KEY_MATERIAL_{'DOES_NOT_EXPIRE' if expiry is None else 'EXPIRES'}"
    return _present(
        KeyId=life.key_id,
        KeyMaterialId=material.material_id,
        KeyMaterialState=_material_state(life, material),
        RotationDate=material.rotated_at,
        RotationType=material.rotation_type,
        **of_import,
    )


def _material_state(life: Life, material: Material) -> str:
    if not material.pending:
        return "CURRENT" if material is life.current else "NON_CURRENT"
    everywhere = all(material.number in member.expiries for member in life.members.values())
    return "PENDING_ROTATION" if everywhere else "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"
