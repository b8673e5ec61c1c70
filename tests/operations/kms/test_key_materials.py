"""ListKeyRotations: which key materials are listed, and what is said of each."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from strongroom.model.key import RotationType
from strongroom.model.spec import Origin
from strongroom.model.state import KeyState
from tests.core import ELSEWHERE, REGION, Core, key_id_of
from tests.jobs import run_jobs
from tests.operations.kms.kinds import KINDS, Zoo
from tests.operations.kms.rotations import import_material, imported_pair, lose_material, materials_of, rotate

DAY = 86_400


def rotations(core: Core, key: str, region: str = REGION, **members: Any) -> list[dict[str, Any]]:
    """The entries of ListKeyRotations as they are on the wire; all of them are on one page."""
    answer = core.call("ListKeyRotations", KeyId=key, region=region, **members)
    decoded = json.loads(answer.body)
    assert (decoded["Truncated"], decoded.keys()) == (False, {"Rotations", "Truncated"})
    listed: list[dict[str, Any]] = decoded["Rotations"]
    return listed


def everything(core: Core, key: str, region: str = REGION) -> list[dict[str, Any]]:
    """The entries of all key materials."""
    return rotations(core, key, region, IncludeKeyMaterial="ALL_KEY_MATERIAL")


def test_a_new_key_has_one_material_and_no_rotation(core: Core, key: str) -> None:
    """The first material is listed only where all are asked for, without date and type."""
    assert rotations(core, key) == []
    assert everything(core, key) == [
        {
            "KeyId": key_id_of(key),
            "KeyMaterialId": core.stored(key).key.material_id,
            "KeyMaterialState": "CURRENT",
        }
    ]


def test_rotations_are_listed_in_order(core: Core, key: str) -> None:
    """Each with its material, its date and its type; ROTATIONS_ONLY is the default."""
    core.ok("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    start = core.clock.key_life
    rotate(core, key)
    core.clock.key_life += 91 * DAY
    run_jobs(core)
    ids = [each.material_id for each in materials_of(core, key)]
    assert rotations(core, key) == [
        {
            "KeyId": key_id_of(key),
            "KeyMaterialId": ids[1],
            "KeyMaterialState": "NON_CURRENT",
            "RotationDate": start,
            "RotationType": "ON_DEMAND",
        },
        {
            "KeyId": key_id_of(key),
            "KeyMaterialId": ids[2],
            "KeyMaterialState": "CURRENT",
            "RotationDate": start + 91 * DAY,
            "RotationType": "AUTOMATIC",
        },
    ]
    assert rotations(core, key, IncludeKeyMaterial="ROTATIONS_ONLY") == rotations(core, key)
    assert everything(core, key)[0] == {
        "KeyId": key_id_of(key),
        "KeyMaterialId": ids[0],
        "KeyMaterialState": "NON_CURRENT",
    }
    assert everything(core, key)[1:] == rotations(core, key)


# --- imported material ---


def test_imported_material_tells_of_its_import(core: Core) -> None:
    """Description, whether it is here, and when it expires; what is to become current is last and no rotation."""
    key = core.new_key(Origin="EXTERNAL")
    valid_to = core.clock.key_life + DAY
    gone = import_material(core, key, description="the first")
    second = import_material(core, key, rotated_at=5.5, rotation_type=RotationType.ON_DEMAND)
    pending = import_material(core, key, pending=True, description="the next", valid_to=valid_to)
    lose_material(core, key, gone.material_id)
    first_entry, second_entry, pending_entry = everything(core, key)
    assert first_entry == {
        "KeyId": key_id_of(key),
        "KeyMaterialId": gone.material_id,
        "KeyMaterialDescription": "the first",
        "ImportState": "PENDING_IMPORT",
        "KeyMaterialState": "NON_CURRENT",
    }
    assert second_entry == {
        "KeyId": key_id_of(key),
        "KeyMaterialId": second.material_id,
        "ImportState": "IMPORTED",
        "KeyMaterialState": "CURRENT",
        "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
        "RotationDate": 5.5,
        "RotationType": "ON_DEMAND",
    }
    assert pending_entry == {
        "KeyId": key_id_of(key),
        "KeyMaterialId": pending.material_id,
        "KeyMaterialDescription": "the next",
        "ImportState": "IMPORTED",
        "KeyMaterialState": "PENDING_ROTATION",
        "ExpirationModel": "KEY_MATERIAL_EXPIRES",
        "ValidTo": valid_to,
    }
    assert rotations(core, key) == [second_entry]


@pytest.mark.parametrize(
    ("present", "state"),
    [
        ((True, True), "PENDING_ROTATION"),
        ((True, False), "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"),
        ((False, True), "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"),
    ],
)
def test_material_is_ready_when_it_is_in_every_region(core: Core, present: tuple[bool, bool], state: str) -> None:
    """Each Region says the same of it, and of itself whether it is there."""
    primary, replica = imported_pair(core)
    pending = import_material(core, primary, pending=True)
    import_material(core, replica, like=pending)
    for key, here in zip((primary, replica), present, strict=True):
        if not here:
            lose_material(core, key, pending.material_id)
    for key, region, here in ((primary, REGION, present[0]), (replica, ELSEWHERE, present[1])):
        entry = everything(core, key, region)[1]
        assert entry["KeyMaterialState"] == state
        assert entry["ImportState"] == ("IMPORTED" if here else "PENDING_IMPORT")


def test_material_that_a_replica_does_not_know_is_not_ready(core: Core) -> None:
    """The primary key says that it is missing somewhere; the replica does not list it."""
    primary, replica = imported_pair(core)
    import_material(core, primary, pending=True)
    assert [entry["KeyMaterialState"] for entry in everything(core, primary)] == [
        "CURRENT",
        "PENDING_MULTI_REGION_IMPORT_AND_ROTATION",
    ]
    assert [entry["KeyMaterialState"] for entry in everything(core, replica, ELSEWHERE)] == ["CURRENT"]


def test_material_of_one_region_waits_for_its_rotation_alone(core: Core) -> None:
    """Even while it is missing, as AWS keeps the other state for multi-Region keys."""
    key = core.new_key(Origin="EXTERNAL")
    import_material(core, key, pending=True, wrapped=b"")
    (entry,) = everything(core, key)
    assert (entry["KeyMaterialState"], entry["ImportState"]) == ("PENDING_ROTATION", "PENDING_IMPORT")


# --- pages ---


def with_rotations(core: Core, count: int) -> tuple[str, list[str]]:
    """A key that seems to have rotated so often; its ARN and the ids of those materials."""
    key = core.new_key()
    stored = core.stored(key)
    (first,) = stored.materials.values()
    later = [
        replace(first, material_id=f"{number:064x}", number=number, rotated_at=float(number))
        for number in range(2, count + 2)
    ]

    def put(tx: Any) -> None:
        for material in later:
            tx.put_material(stored.key, material)

    core.store.run(put)
    core.views.refresh()
    return key, [material.material_id for material in later]


@pytest.mark.parametrize(("limit", "sizes"), [(None, [100, 3]), (1000, [103]), (103, [103]), (50, [50, 50, 3])])
def test_long_histories_come_in_pages(core: Core, limit: int | None, sizes: list[int]) -> None:
    """Of 100, or as many as were asked for; together they have every rotation once, in order."""
    key, wanted = with_rotations(core, 103)
    members: dict[str, Any] = {"KeyId": key} if limit is None else {"KeyId": key, "Limit": limit}
    found, pages = [], []
    while True:
        page = core.ok("ListKeyRotations", **members)
        pages.append(len(page["Rotations"]))
        found += [entry["KeyMaterialId"] for entry in page["Rotations"]]
        assert page["Truncated"] == ("NextMarker" in page)
        if not page["Truncated"]:
            break
        members["Marker"] = page["NextMarker"]
    assert (pages, found) == (sizes, wanted)


def test_a_page_of_all_materials_begins_with_the_first(core: Core) -> None:
    """A page may end anywhere."""
    key, wanted = with_rotations(core, 2)
    page = core.ok("ListKeyRotations", KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL", Limit=1)
    assert [entry["KeyMaterialId"] for entry in page["Rotations"]] == [core.stored(key).key.material_id]
    rest = core.ok("ListKeyRotations", KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL", Marker=page["NextMarker"])
    assert [entry["KeyMaterialId"] for entry in rest["Rotations"]] == wanted


@pytest.mark.parametrize("marker", ["x", "AAAA", "2"])
def test_a_marker_that_is_not_ours_is_refused(core: Core, key: str, marker: str) -> None:
    """A number is no marker."""
    assert core.refused("ListKeyRotations", KeyId=key, Marker=marker)[0] == "InvalidMarkerException"


@pytest.mark.parametrize("limit", [0, 1001])
def test_a_limit_outside_is_refused(core: Core, key: str, limit: int) -> None:
    """1 to 1000."""
    assert core.refused("ListKeyRotations", KeyId=key, Limit=limit)[0] == "ValidationException"


# --- which keys ---


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "symmetric"])
@pytest.mark.parametrize("wanted", [{}, {"IncludeKeyMaterial": "ALL_KEY_MATERIAL"}])
def test_only_symmetric_keys_have_rotations(zoo: Zoo, kind: str, wanted: dict[str, str]) -> None:
    """Every other kind is refused."""
    assert zoo.core.refused("ListKeyRotations", KeyId=zoo.keys[kind], **wanted)[0] == "UnsupportedOperationException"


@pytest.mark.parametrize("origin", [Origin.AWS_CLOUDHSM, Origin.EXTERNAL_KEY_STORE])
def test_keys_in_custom_key_stores_have_none(core: Core, key: str, origin: Origin) -> None:
    """They are refused (footnote 7)."""
    core.put_key(key, origin=origin)
    assert core.refused("ListKeyRotations", KeyId=key)[0] == "UnsupportedOperationException"


@pytest.mark.parametrize("state", sorted(KeyState))
def test_the_history_is_told_in_every_state(core: Core, key: str, state: KeyState) -> None:
    """Of a key that is disabled, pending deletion or waiting for material, too."""
    rotate(core, key)
    core.put_state(key, state)
    assert len(rotations(core, key)) == 1


def test_a_key_without_any_material_has_an_empty_history(core: Core) -> None:
    """Before the first import."""
    assert everything(core, core.new_key(Origin="EXTERNAL")) == []
