"""The key materials that a key has and had: ListKeyRotations, and which keys are rotated at all."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from strongroom.model.errors import UnsupportedOperationException
from strongroom.model.key import ExpirationModelType, Key, Material, RotationType, StoredKey
from strongroom.model.spec import SPECS, Kind, Origin
from strongroom.operations import shapes
from strongroom.operations.kms.related import related_keys
from strongroom.operations.paging import cut, decode_marker, encode_marker, page_size
from strongroom.operations.shapes import Request, Response
from strongroom.operations.table import Call, key, operation

ROTATED_ORIGINS = frozenset({Origin.AWS_KMS, Origin.EXTERNAL})


def require_origin(found: Key, origins: frozenset[Origin]) -> None:
    """Refuse a key whose material comes from elsewhere.

    Raises:
        UnsupportedOperationException: Its origin is another one.
    """
    if found.origin not in origins:
        raise UnsupportedOperationException(
            f"{found.arn} origin is {found.origin} which is not valid for this operation."
        )


def require_kind(found: Key, origins: frozenset[Origin]) -> None:
    """Refuse a key that cannot be rotated.

    Raises:
        UnsupportedOperationException: It is no symmetric encryption key, or of another origin.
    """
    require_origin(found, origins)
    if SPECS[found.spec].kind is not Kind.SYMMETRIC:
        raise UnsupportedOperationException(
            f"{found.arn} key spec is {found.spec} which is not valid for this operation."
        )


class IncludeKeyMaterial(StrEnum):
    """Which key materials ListKeyRotations lists."""

    ALL_KEY_MATERIAL = "ALL_KEY_MATERIAL"
    ROTATIONS_ONLY = "ROTATIONS_ONLY"


class ImportState(StrEnum):
    """Whether imported key material is here."""

    IMPORTED = "IMPORTED"
    PENDING_IMPORT = "PENDING_IMPORT"


class KeyMaterialState(StrEnum):
    """What a key material is used for: to encrypt and decrypt, only to decrypt, or for nothing yet."""

    NON_CURRENT = "NON_CURRENT"
    CURRENT = "CURRENT"
    PENDING_ROTATION = "PENDING_ROTATION"
    PENDING_MULTI_REGION_IMPORT_AND_ROTATION = "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"


class ListKeyRotationsRequest(Request, frozen=True, kw_only=True):
    """Members of ListKeyRotations."""

    key_id: shapes.KeyId
    include_key_material: IncludeKeyMaterial = IncludeKeyMaterial.ROTATIONS_ONLY
    limit: shapes.Limit | None = None
    marker: shapes.Marker | None = None


class RotationsListEntry(Response, frozen=True, kw_only=True):
    """One key material; the first one, and one whose rotation is still to come, have neither date nor type."""

    key_id: str
    key_material_id: str
    key_material_description: str | None = None
    import_state: ImportState | None = None
    key_material_state: KeyMaterialState
    expiration_model: ExpirationModelType | None = None
    valid_to: float | None = None
    rotation_date: float | None = None
    rotation_type: RotationType | None = None


class ListKeyRotationsResponse(Response, frozen=True, kw_only=True):
    """A page of key materials."""

    rotations: tuple[RotationsListEntry, ...]
    next_marker: str | None = None
    truncated: bool


@operation(
    on=key("key_id", "kms:ListKeyRotations"),
    fit=lambda _, stored: require_kind(stored.key, ROTATED_ORIGINS),
    errors="NotFound InvalidArn InvalidMarker KMSInternal KMSInvalidState UnsupportedOperation",
)
def list_key_rotations(call: Call, request: ListKeyRotationsRequest, stored: StoredKey) -> ListKeyRotationsResponse:
    """List the key materials of a key in the order in which they came, the one whose rotation is to come last."""
    size = page_size(request.limit, default=100, largest=1000)
    after = int(decode_marker(call.markers, request.marker, "ListKeyRotations", call.realm) or 0)
    everything = request.include_key_material is IncludeKeyMaterial.ALL_KEY_MATERIAL
    page, more = cut(
        [
            material
            for material in stored.materials.values()
            if material.number > after and (everything or material.rotated_at is not None)
        ],
        size,
    )
    others = related_keys(call.reads, stored.key) if any(material.pending for material in page) else []
    return ListKeyRotationsResponse(
        rotations=tuple(_entry(stored, material, others) for material in page),
        next_marker=(
            encode_marker(call.markers, "ListKeyRotations", call.realm, str(page[-1].number)) if more else None
        ),
        truncated=more,
    )


def _entry(stored: StoredKey, material: Material, others: list[StoredKey]) -> RotationsListEntry:
    of_import: dict[str, Any] = {}
    if stored.key.origin is Origin.EXTERNAL:
        of_import = {
            "key_material_description": material.description,
            "import_state": ImportState.IMPORTED if material.present else ImportState.PENDING_IMPORT,
            "expiration_model": material.expiration_model,
            "valid_to": material.valid_to,
        }
    return RotationsListEntry(
        key_id=stored.key.key_id,
        key_material_id=material.material_id,
        key_material_state=_material_state(stored, material, others),
        rotation_date=material.rotated_at,
        rotation_type=material.rotation_type,
        **of_import,
    )


def _material_state(stored: StoredKey, material: Material, others: list[StoredKey]) -> KeyMaterialState:
    if not material.pending:
        current = material.material_id == stored.key.material_id
        return KeyMaterialState.CURRENT if current else KeyMaterialState.NON_CURRENT
    if stored.key.multi_region and not is_everywhere(material, (stored, *others)):
        return KeyMaterialState.PENDING_MULTI_REGION_IMPORT_AND_ROTATION
    return KeyMaterialState.PENDING_ROTATION


def is_everywhere(material: Material, keys: Iterable[StoredKey]) -> bool:
    """Whether a material is present in all of several keys."""
    found = (stored.materials.get(material.material_id) for stored in keys)
    return all(each is not None and each.present for each in found)
