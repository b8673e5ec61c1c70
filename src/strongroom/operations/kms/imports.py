"""Imported key material: GetParametersForImport, ImportKeyMaterial, DeleteImportedKeyMaterial, and its expiry.

Sources: AWS KMS Developer Guide, "Importing key material" and its chapters; AWS KMS API Reference.
"""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from strongroom.model.errors import (
    IncorrectKeyMaterialException,
    KMSInvalidStateException,
    NotFoundException,
    UnsupportedOperationException,
    ValidationException,
)
from strongroom.model.key import ExpirationModelType, Key, Material, StoredKey
from strongroom.model.life import Step, state_at
from strongroom.model.spec import SPECS, Kind, Origin
from strongroom.model.state import CREATED, NOT_PENDING_DELETION, SETTLED, KeyState, require_state
from strongroom.model.wrapping import AlgorithmSpec, ImportType, WrappingKeySpec, can_wrap
from strongroom.operations import shapes
from strongroom.operations.kms.deletion import SECONDS_PER_DAY
from strongroom.operations.kms.key_materials import require_origin
from strongroom.operations.kms.related import related_keys
from strongroom.operations.life import Life, step
from strongroom.operations.shapes import Request, Response
from strongroom.operations.table import Call, WriteCall, key, operation
from strongroom.ports import Transaction

TOKEN_SECONDS = SECONDS_PER_DAY
"""How long import token and wrapping key are good for."""

LONGEST_VALIDITY = 365 * SECONDS_PER_DAY
"""How far ahead ValidTo may be."""

_IMPORTED = frozenset({Origin.EXTERNAL})
_TRANSIENT = frozenset({KeyState.CREATING, KeyState.UPDATING})
_ERRORS = "NotFound InvalidArn DependencyTimeout KMSInternal KMSInvalidState UnsupportedOperation"


def _require_importing(found: Key) -> None:
    """Refuse a key into which nothing can be imported.

    Raises:
        UnsupportedOperationException: Its material is not imported at all.
        KMSInvalidStateException: It is pending deletion.
    """
    require_origin(found, _IMPORTED)
    require_state(NOT_PENDING_DELETION, found.state, found.arn)


# --- GetParametersForImport ---


class GetParametersForImportRequest(Request, frozen=True, kw_only=True):
    """Members of GetParametersForImport."""

    key_id: shapes.KeyId
    wrapping_algorithm: AlgorithmSpec
    wrapping_key_spec: WrappingKeySpec


class GetParametersForImportResponse(Response, frozen=True, kw_only=True):
    """What material is wrapped with, and the token to send with it; KeyId is the ARN."""

    key_id: str
    import_token: bytes
    public_key: bytes
    parameters_valid_to: float


def _fit_parameters(request: GetParametersForImportRequest, stored: StoredKey) -> None:
    _require_importing(stored.key)
    spec = stored.key.spec
    if not can_wrap(spec, request.wrapping_algorithm, request.wrapping_key_spec):
        raise UnsupportedOperationException(
            f"WrappingAlgorithm {request.wrapping_algorithm} with WrappingKeySpec {request.wrapping_key_spec} is not"
            f" supported for key material of KeySpec {spec}."
        )


@operation(
    on=key("key_id", "kms:GetParametersForImport"),
    states=SETTLED,
    fit=_fit_parameters,
    slow=lambda *_: True,
    errors=_ERRORS,
)
def get_parameters_for_import(
    call: Call, request: GetParametersForImportRequest, stored: StoredKey
) -> GetParametersForImportResponse:
    """Make a public key to wrap key material with, and a token that is good for this key and 24 hours."""
    valid_to = call.clocks.key_life() + TOKEN_SECONDS
    public_key, token = call.keystores.of(stored.key).import_parameters(
        stored.key, request.wrapping_algorithm, request.wrapping_key_spec, valid_to
    )
    return GetParametersForImportResponse(
        key_id=stored.key.arn, import_token=token, public_key=public_key, parameters_valid_to=valid_to
    )


# --- ImportKeyMaterial ---


class ImportKeyMaterialRequest(Request, frozen=True, kw_only=True):
    """Members of ImportKeyMaterial; the last three are for symmetric encryption keys alone.

    No ExpirationModel means KEY_MATERIAL_EXPIRES, but policies can tell the two apart.
    """

    key_id: shapes.KeyId
    import_token: shapes.Ciphertext
    encrypted_key_material: shapes.Ciphertext
    valid_to: float | None = None
    expiration_model: ExpirationModelType | None = None
    import_type: ImportType | None = None
    key_material_description: shapes.KeyMaterialDescription | None = None
    key_material_id: shapes.KeyMaterialId | None = None


class KeyMaterialResponse(Response, frozen=True, kw_only=True):
    """Which key material of which key it was; KeyId is the ARN."""

    key_id: str
    key_material_id: str | None = None


def _answer(found: Key, material_id: str | None) -> KeyMaterialResponse:
    symmetric = SPECS[found.spec].kind is Kind.SYMMETRIC
    return KeyMaterialResponse(key_id=found.arn, key_material_id=material_id if symmetric else None)


def _check_import(request: ImportKeyMaterialRequest) -> None:
    expires = request.expiration_model is not ExpirationModelType.KEY_MATERIAL_DOES_NOT_EXPIRE
    if expires and request.valid_to is None:
        raise ValidationException("ValidTo is required when ExpirationModel is KEY_MATERIAL_EXPIRES.")
    if not expires and request.valid_to is not None:
        raise ValidationException("ValidTo must be omitted when ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE.")
    if request.import_type is ImportType.NEW_KEY_MATERIAL and request.key_material_id is not None:
        raise ValidationException("KeyMaterialId must be omitted when ImportType is NEW_KEY_MATERIAL.")


def _fit_import(request: ImportKeyMaterialRequest, stored: StoredKey) -> None:
    found = stored.key
    _require_importing(found)
    named = (request.import_type, request.key_material_description, request.key_material_id)
    if SPECS[found.spec].kind is not Kind.SYMMETRIC and any(member is not None for member in named):
        raise UnsupportedOperationException(
            f"{found.arn} key spec is {found.spec}, for which ImportType, KeyMaterialDescription and KeyMaterialId are"
            " not supported."
        )
    if found.is_replica and request.import_type is ImportType.NEW_KEY_MATERIAL:
        raise UnsupportedOperationException(f"{found.arn} is a replica key. Import new key material into its primary.")
    if found.is_replica and request.key_material_description is not None:
        raise UnsupportedOperationException(f"{found.arn} is a replica key. Describe key material in its primary.")


def _unwrap(call: Call, request: ImportKeyMaterialRequest, stored: StoredKey) -> Material:
    """The material, fit for the key, though perhaps not the one that is wanted.

    Raises:
        ValidationException: It would expire at once, or too late.
        Fault: It does not unwrap, or is no material of the key's spec.
    """
    now = call.clocks.key_life()
    if request.valid_to is not None and not now < request.valid_to <= now + LONGEST_VALIDITY:
        raise ValidationException("ValidTo must be in the future, and at most 365 days ahead.")
    return call.keystores.of(stored.key).import_material(
        stored.key, request.import_token, request.encrypted_key_material, now
    )


@operation(
    on=key("key_id", "kms:ImportKeyMaterial"),
    states=CREATED,
    writes=True,
    check=_check_import,
    fit=_fit_import,
    ahead=_unwrap,
    slow=lambda _, stored: SPECS[stored.key.spec].kind is Kind.RSA,
    errors=f"{_ERRORS} InvalidCiphertext IncorrectKeyMaterial ExpiredImportToken InvalidImportToken",
)
def import_key_material(
    call: WriteCall, request: ImportKeyMaterialRequest, stored: StoredKey, unwrapped: Material
) -> KeyMaterialResponse:
    """Give a key the material that somebody wrapped for it: its first, one that it lacks, or one to rotate to."""
    known = stored.materials.get(unwrapped.material_id)
    _require_wanted(request, stored, unwrapped.material_id)
    valid_to = None if request.valid_to is None else round(request.valid_to, 3)
    if known is None:
        material = replace(
            unwrapped,
            number=1 + max((each.number for each in stored.materials.values()), default=0),
            pending=bool(stored.materials),
            description=request.key_material_description,
            valid_to=valid_to,
        )
    else:
        description = request.key_material_description or known.description
        material = replace(known, wrapped=unwrapped.wrapped, description=description, valid_to=valid_to)
    now = call.clocks.key_life()
    _put_material(call.tx, stored, material, now)
    if not stored.key.is_replica:
        _tell_replicas(call.tx, stored.key, material, now)
    return _answer(stored.key, material.material_id)


def _require_wanted(request: ImportKeyMaterialRequest, stored: StoredKey, material_id: str) -> None:
    """Refuse material that the key must know and does not, or the other way round.

    Raises:
        IncorrectKeyMaterialException: As said.
        KMSInvalidStateException: It is new, and so is one that was imported before and waits for its rotation.
    """
    arn = stored.key.arn
    named = request.key_material_id is not None
    default = ImportType.EXISTING_KEY_MATERIAL if stored.materials or named else ImportType.NEW_KEY_MATERIAL
    new = (request.import_type or default) is ImportType.NEW_KEY_MATERIAL
    if new and material_id in stored.materials:
        raise IncorrectKeyMaterialException(f"The key material is already associated with {arn}.")
    if not new and (material_id not in stored.materials or request.key_material_id not in {None, material_id}):
        raise IncorrectKeyMaterialException(f"The key material is not the one that was imported into {arn} before.")
    if new and any(each.pending for each in stored.materials.values()):
        raise KMSInvalidStateException(f"{arn} has new key material already that is pending rotation.")


def _tell_replicas(tx: Transaction, primary: Key, material: Material, now: float) -> None:
    """Let the replicas of a primary key know of a material and its description; they lack it until it is imported.

    A replica that is still being created knows of no material yet: it learns of all of them when it is settled.
    """
    for stored in related_keys(tx, primary):
        if stored.materials:
            known = stored.materials.get(material.material_id, _absent(material))
            _put_material(tx, stored, replace(known, description=material.description), now)


# --- DeleteImportedKeyMaterial, and expiry ---


class DeleteImportedKeyMaterialRequest(Request, frozen=True, kw_only=True):
    """Members of DeleteImportedKeyMaterial; KeyMaterialId is for symmetric encryption keys alone."""

    key_id: shapes.KeyId
    key_material_id: shapes.KeyMaterialId | None = None


def _fit_delete(request: DeleteImportedKeyMaterialRequest, stored: StoredKey) -> None:
    found = stored.key
    require_origin(found, _IMPORTED)
    if request.key_material_id is not None and SPECS[found.spec].kind is not Kind.SYMMETRIC:
        raise UnsupportedOperationException(
            f"{found.arn} key spec is {found.spec}, for which KeyMaterialId is not supported."
        )


@operation(
    on=key("key_id", "kms:DeleteImportedKeyMaterial"),
    states=SETTLED,
    writes=True,
    fit=_fit_delete,
    errors=_ERRORS,
)
def delete_imported_key_material(
    call: WriteCall, request: DeleteImportedKeyMaterialRequest, stored: StoredKey
) -> KeyMaterialResponse:
    """Delete a material, by default the current one, until it is imported again; one that is not here stays so."""
    material_id = request.key_material_id or stored.key.material_id
    if material_id is not None:
        if material_id not in stored.materials:
            raise NotFoundException(f"Key material {material_id} of {stored.key.arn} does not exist.")
        _delete(call.tx, stored, [material_id], call.clocks.key_life())
    return _answer(stored.key, material_id)


@step(Step.EXPIRE)
def expire(life: Life, stored: StoredKey) -> None:
    """Delete the materials whose time is over, with a service event for each."""
    over = [each for each in stored.materials.values() if each.valid_to is not None and each.valid_to <= life.now]
    _delete(life.tx, stored, [each.material_id for each in over], life.now)
    found = stored.key
    for each in over:
        of_material = {"keyMaterialId": each.material_id} if SPECS[found.spec].kind is Kind.SYMMETRIC else {}
        life.record("DeleteExpiredKeyMaterial", found, {"keyId": found.key_id} | of_material)


def _delete(tx: Transaction, stored: StoredKey, material_ids: Iterable[str], now: float) -> None:
    """Delete materials of a key.

    The key goes on knowing them, but for one that is pending in a key that is no replica: that one vanishes, from the
    replicas as well.
    """
    left = dict(stored.materials)
    for material_id in material_ids:
        material = left[material_id]
        if material.pending and not stored.key.is_replica:
            del left[material_id]
            tx.delete_material(stored.key, material_id)
            for replica in related_keys(tx, stored.key):
                _forget(tx, replica, material_id, now)
        elif material.present:
            left[material_id] = _absent(material)
            tx.put_material(stored.key, left[material_id])
    _put_key(tx, stored, left, now)


def _forget(tx: Transaction, replica: StoredKey, material_id: str, now: float) -> None:
    """Let a replica forget a material; one that is still being created may not know it yet."""
    left = dict(replica.materials)
    if left.pop(material_id, None) is not None:
        tx.delete_material(replica.key, material_id)
        _put_key(tx, replica, left, now)


# --- what an import, a deletion and an expiry have in common ---


def _absent(material: Material) -> Material:
    return replace(material, wrapped=b"", valid_to=None)


def _put_material(tx: Transaction, stored: StoredKey, material: Material, now: float) -> None:
    tx.put_material(stored.key, material)
    _put_key(tx, stored, stored.materials | {material.material_id: material}, now)


def _put_key(tx: Transaction, stored: StoredKey, materials: Mapping[str, Material], now: float) -> None:
    """Write what follows for a key's own row from the materials that it has from now on.

    A key that awaits import is enabled once all are here that are associated with it for good; while one of them is
    missing, every key in use awaits import. Pending deletion stays what it is.
    """
    found = stored.key
    associated = [each for each in materials.values() if not each.pending]
    complete = bool(associated) and all(_is_usable(each, now) for each in associated)
    state = (found.settles_as if found.state in _TRANSIENT else None) or found.state
    if not complete and state in NOT_PENDING_DELETION:
        state = KeyState.PENDING_IMPORT
    elif complete and KeyState.PENDING_IMPORT in {state, state_at(stored, now)}:
        state = KeyState.ENABLED
    changed = replace(
        found,
        material_id=found.material_id or (associated[0].material_id if associated else None),
        valid_to=min((each.valid_to for each in materials.values() if each.valid_to is not None), default=None),
    )
    at_rest = found.state not in _TRANSIENT
    tx.update_key(replace(changed, state=state) if at_rest else replace(changed, settles_as=state))


def _is_usable(material: Material, now: float) -> bool:
    return material.present and (material.valid_to is None or material.valid_to > now)
