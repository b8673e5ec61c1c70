"""Imported material of multi-Region keys: what replicas learn of it, and what each Region does alone."""

import pytest

from tests.core import Core
from tests.jobs import run_jobs
from tests.operations.kms.importing import (
    DAY,
    delete,
    known,
    metadata,
    put,
    put_refused,
    state,
    use_known_wrapping_keys,
)
from tests.operations.kms.regions import FAR, HOME, NEAR, at

FIRST, SECOND, THIRD = (bytes([number]) * 32 for number in (1, 2, 3))
NEW, EXISTING = "NEW_KEY_MATERIAL", "EXISTING_KEY_MATERIAL"
UNSUPPORTED = "UnsupportedOperationException"


@pytest.fixture(autouse=True)
def _known_wrapping_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    use_known_wrapping_keys(monkeypatch)


@pytest.fixture
def primary(core: Core) -> str:
    """A primary key with material, and replicas in two Regions without it."""
    key = core.new_key(MultiRegion=True, Origin="EXTERNAL")
    put(core, key, FIRST, KeyMaterialDescription="first")
    for region in (NEAR, FAR):
        core.ok("ReplicateKey", KeyId=key, ReplicaRegion=region)
    run_jobs(core)
    return key


def entries(core: Core, key: str) -> dict[str, str]:
    """What ListKeyRotations tells of each material: its state."""
    listed = core.ok("ListKeyRotations", region=key.split(":")[3], KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")
    return {each["KeyMaterialId"]: each["KeyMaterialState"] for each in listed["Rotations"]}


def descriptions(core: Core, key: str) -> list[str | None]:
    """Those of all materials of a key."""
    return [each.description for each in core.stored(key).materials.values()]


def test_a_replica_takes_the_same_material(core: Core, primary: str) -> None:
    """It knows which, takes no other, and then opens what the primary sealed. Each has an end of its own."""
    first = metadata(core, primary)["CurrentKeyMaterialId"]
    blob = core.ok("Encrypt", KeyId=primary, Plaintext=b"x")["CiphertextBlob"]
    replica = at(primary, NEAR)
    assert (state(core, replica), known(core, replica)) == ("PendingImport", [(first, 1, False, False)])
    assert put_refused(core, replica, SECOND)[0] == "IncorrectKeyMaterialException"
    assert put(core, replica, FIRST, ValidTo=core.clock.key_life + DAY) == first
    assert core.ok("Decrypt", region=NEAR, CiphertextBlob=blob)["Plaintext"] == b"x"
    assert metadata(core, replica)["ExpirationModel"] == "KEY_MATERIAL_EXPIRES"
    assert "ValidTo" not in metadata(core, primary)
    assert descriptions(core, replica) == ["first"]
    assert state(core, at(primary, FAR)) == "PendingImport"


def test_new_material_comes_by_the_primary(core: Core, primary: str) -> None:
    """A replica refuses it as new; once the primary has it, it takes it as existing; with all of them it can rotate."""
    replicas = [at(primary, region) for region in (NEAR, FAR)]
    for replica in replicas:
        put(core, replica, FIRST)
        assert put_refused(core, replica, SECOND, ImportType=NEW)[0] == UNSUPPORTED
    second = put(core, primary, SECOND, ImportType=NEW, KeyMaterialDescription="second")
    for replica in replicas:
        assert known(core, replica)[1] == (second, 2, True, False)
        assert descriptions(core, replica) == ["first", "second"]
        assert (state(core, replica), core.stored(replica).key.valid_to) == ("Enabled", None)
    put(core, replicas[0], SECOND, ImportType=EXISTING)
    assert entries(core, primary)[second] == "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"
    put(core, replicas[1], SECOND)
    assert entries(core, primary)[second] == "PENDING_ROTATION"
    core.ok("RotateKeyOnDemand", KeyId=primary)
    run_jobs(core)
    assert {metadata(core, key)["CurrentKeyMaterialId"] for key in (primary, *replicas)} == {second}


def test_descriptions_are_the_primarys(core: Core, primary: str) -> None:
    """A replica refuses one; the primary's go to all, also while the replica lacks the material."""
    replica = at(primary, NEAR)
    assert put_refused(core, replica, FIRST, KeyMaterialDescription="own")[0] == UNSUPPORTED
    put(core, replica, FIRST)
    put(core, primary, FIRST, KeyMaterialDescription="renamed")
    assert [descriptions(core, at(primary, region)) for region in (HOME, NEAR, FAR)] == [["renamed"]] * 3
    assert [state(core, at(primary, region)) for region in (HOME, NEAR, FAR)] == ["Enabled", "Enabled", "PendingImport"]


def test_pending_material_of_the_primary_goes_everywhere(core: Core, primary: str) -> None:
    """Its deletion takes it from the replicas, and with it the end that it had there; their states stay."""
    replica = at(primary, NEAR)
    put(core, replica, FIRST)
    second = put(core, primary, SECOND, ImportType=NEW)
    put(core, replica, SECOND, ValidTo=core.clock.key_life + DAY)
    assert core.stored(replica).key.valid_to == core.clock.key_life + DAY
    delete(core, primary, second)
    for region in (HOME, NEAR, FAR):
        assert [number for _, number, *_ in known(core, at(primary, region))] == [1]
        assert core.stored(at(primary, region)).key.valid_to is None
    assert [state(core, at(primary, region)) for region in (HOME, NEAR, FAR)] == ["Enabled", "Enabled", "PendingImport"]
    put(core, primary, THIRD, ImportType=NEW)


def test_a_replica_deletes_for_itself(core: Core, primary: str) -> None:
    """Neither its current nor a pending material goes anywhere else, and it goes on knowing both."""
    near, far = at(primary, NEAR), at(primary, FAR)
    for key in (near, far):
        put(core, key, FIRST)
    second = put(core, primary, SECOND, ImportType=NEW)
    for key in (near, far):
        put(core, key, SECOND)
    delete(core, near, second)
    assert (state(core, near), [present for *_, present in known(core, near)]) == ("Enabled", [True, False])
    delete(core, near)
    assert (state(core, near), [present for *_, present in known(core, near)]) == ("PendingImport", [False, False])
    for key in (primary, far):
        assert (state(core, key), [present for *_, present in known(core, key)]) == ("Enabled", [True, True])


def test_the_primary_loses_only_its_own(core: Core, primary: str) -> None:
    """A material that is associated for good goes from the primary alone."""
    replica = at(primary, NEAR)
    put(core, replica, FIRST)
    delete(core, primary)
    assert (state(core, primary), state(core, replica)) == ("PendingImport", "Enabled")
    put(core, primary, FIRST)
    assert (state(core, primary), state(core, replica)) == ("Enabled", "Enabled")


def test_a_replica_in_the_making_catches_up(core: Core, primary: str) -> None:
    """New material, and its deletion, may come while a replica is being created."""
    delete(core, at(primary, NEAR))
    key = core.new_key(MultiRegion=True, Origin="EXTERNAL")
    put(core, key, FIRST)
    core.ok("ReplicateKey", KeyId=key, ReplicaRegion=NEAR)
    put(core, key, FIRST, KeyMaterialDescription="one")
    second = put(core, key, SECOND, ImportType=NEW)
    core.ok("ReplicateKey", KeyId=key, ReplicaRegion=FAR)
    delete(core, key, second)
    third = put(core, key, THIRD, ImportType=NEW)
    run_jobs(core)
    for region in (NEAR, FAR):
        assert [each[0] for each in known(core, at(key, region))] == [each[0] for each in known(core, key)]
        assert known(core, at(key, region))[1] == (third, 2, True, False)
        assert descriptions(core, at(key, region)) == ["one", None]
        assert state(core, at(key, region)) == "PendingImport"


def test_other_kinds_have_replicas_too(core: Core) -> None:
    """A replica of an imported HMAC key takes the primary's material, and makes the same MACs."""
    key = core.new_key(MultiRegion=True, Origin="EXTERNAL", KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    put(core, key, FIRST)
    core.ok("ReplicateKey", KeyId=key, ReplicaRegion=NEAR)
    run_jobs(core)
    replica = at(key, NEAR)
    assert put_refused(core, replica, SECOND)[0] == "IncorrectKeyMaterialException"
    put(core, replica, FIRST)
    request = {"Message": b"x", "MacAlgorithm": "HMAC_SHA_256"}
    macs = {core.ok("GenerateMac", region=at_.split(":")[3], KeyId=at_, **request)["Mac"] for at_ in (key, replica)}
    assert len(macs) == 1


def test_a_replica_in_the_making_shows_no_material(core: Core) -> None:
    """Reimport into the primary meanwhile tells it nothing; it learns of all materials when it is made."""
    key = core.new_key(MultiRegion=True, Origin="EXTERNAL")
    first = put(core, key, FIRST)
    core.ok("ReplicateKey", KeyId=key, ReplicaRegion=NEAR)
    put(core, key, FIRST, KeyMaterialDescription="again")
    replica = at(key, NEAR)
    assert (state(core, replica), known(core, replica)) == ("Creating", [])
    assert "CurrentKeyMaterialId" not in metadata(core, replica)
    run_jobs(core)
    assert (state(core, replica), known(core, replica)) == ("PendingImport", [(first, 1, False, False)])
    assert descriptions(core, replica) == ["again"]
