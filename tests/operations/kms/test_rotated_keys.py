"""What a rotated key encrypts and decrypts with: in one Region, in several, and with imported material."""

from typing import Any

import pytest
from msgspec.structs import replace

from strongroom.model.key import Material
from strongroom.model.life import Step
from strongroom.operations.life import Life, take_step
from tests import support_formats as formats
from tests.core import ACCOUNT, ELSEWHERE, REALM, REGION, Core, key_id_of
from tests.jobs import run_jobs
from tests.operations.kms.rotations import (
    events,
    import_material,
    imported_pair,
    lose_material,
    materials_of,
    pair,
    rotate,
)

CONTEXT = {"purpose": "a test"}
ROOT = formats.Root(1, bytes(range(32)))
HEADER_MATERIAL = slice(25, 57)


def encrypt(core: Core, key: str, region: str = REGION, plaintext: bytes = b"x") -> bytes:
    """A ciphertext of a key."""
    answer = core.ok("Encrypt", KeyId=key, Plaintext=plaintext, EncryptionContext=CONTEXT, region=region)
    return bytes(answer["CiphertextBlob"])


def decrypt(core: Core, blob: bytes, region: str = REGION) -> tuple[bytes, str]:
    """What is in a ciphertext, and the id of the material that opened it."""
    answer = core.ok("Decrypt", CiphertextBlob=blob, EncryptionContext=CONTEXT, region=region)
    return answer["Plaintext"], answer["KeyMaterialId"]


def unwrapped(material: Material, key: str, region: str = REGION, origin: str = "AWS_KMS") -> bytes:
    """The raw material, opened by the second reader of the formats."""
    facts = formats.wrap_facts(ACCOUNT, region, key_id_of(key), material.material_id)
    return formats.open_record(material.wrapped, ROOT, 1, (*facts[:-1], origin))


# --- in one Region ---


def test_the_new_material_is_what_encrypts(core: Core, key: str) -> None:
    """By a second reader of the formats: the header names it, and it alone opens what was encrypted since."""
    before = encrypt(core, key)
    rotate(core, key)
    after = encrypt(core, key)
    old, new = (unwrapped(material, key) for material in materials_of(core, key))
    assert old != new
    for blob, own, other in ((before, old, new), (after, new, old)):
        assert blob[HEADER_MATERIAL].hex() == formats.material_id(own, key_id_of(key))
        assert formats.open_ciphertext(blob, own, CONTEXT) == b"x"
        with pytest.raises(AssertionError):
            formats.open_ciphertext(blob, other, CONTEXT)


def test_old_ciphertexts_open_with_their_own_material(core: Core, key: str) -> None:
    """After any number of rotations, and the answer and the record say which it was."""
    blobs = {}
    for number in range(4):
        blobs[core.stored(key).key.material_id] = encrypt(core, key, plaintext=b"%d" % number)
        rotate(core, key)
    for number, (material_id, blob) in enumerate(blobs.items()):
        answer = core.call("Decrypt", CiphertextBlob=blob, EncryptionContext=CONTEXT)
        assert (answer.members["Plaintext"], answer.members["KeyMaterialId"]) == (b"%d" % number, material_id)
        assert answer.record["additionalEventData"] == {"keyMaterialId": material_id}


USES: dict[str, tuple[str, dict[str, Any]]] = {
    "GenerateDataKey": ("KeyMaterialId", {"KeySpec": "AES_256"}),
    "GenerateDataKeyWithoutPlaintext": ("KeyMaterialId", {"KeySpec": "AES_256"}),
    "GenerateDataKeyPair": ("KeyMaterialId", {"KeyPairSpec": "ECC_NIST_P256"}),
    "GenerateDataKeyPairWithoutPlaintext": ("KeyMaterialId", {"KeyPairSpec": "ECC_NIST_P256"}),
}


@pytest.mark.parametrize("operation", USES)
def test_data_keys_are_of_the_new_material(core: Core, key: str, operation: str) -> None:
    """Answer, record and ciphertext name it."""
    new = rotate(core, key).material_id
    member, request = USES[operation]
    answer = core.call(operation, KeyId=key, EncryptionContext=CONTEXT, **request)
    assert answer.members[member] == new
    assert answer.record["additionalEventData"] == {"keyMaterialId": new}
    blob = answer.members.get("CiphertextBlob") or answer.members["PrivateKeyCiphertextBlob"]
    assert decrypt(core, blob)[1] == new


def test_re_encrypt_moves_to_the_new_material(core: Core, key: str) -> None:
    """Within one key: from the material of the old ciphertext to the current one."""
    old, blob = core.stored(key).key.material_id, encrypt(core, key)
    new = rotate(core, key).material_id
    answer = core.ok(
        "ReEncrypt",
        CiphertextBlob=blob,
        SourceEncryptionContext=CONTEXT,
        DestinationKeyId=key,
        DestinationEncryptionContext=CONTEXT,
    )
    assert (answer["SourceKeyMaterialId"], answer["DestinationKeyMaterialId"]) == (old, new)
    assert decrypt(core, answer["CiphertextBlob"]) == (b"x", new)


def test_nothing_else_of_the_key_changes(core: Core) -> None:
    """Id, policy, aliases, tags and description stay."""
    key = core.new_key(Description="mine", Tags=[{"TagKey": "a", "TagValue": "b"}])
    core.ok("CreateAlias", AliasName="alias/mine", TargetKeyId=key)
    before = core.stored(key)
    new = rotate(core, key)
    after = core.stored(key)
    assert after.key == replace(before.key, material_id=new.material_id, on_demand_rotations=1)
    assert (after.policies, after.tags, after.aliases) == (before.policies, before.tags, before.aliases)


# --- in several Regions ---


def test_related_keys_get_the_same_material(core: Core) -> None:
    """Both encrypt with it, and each opens what the other made, old and new; their wraps are of their own Region."""
    primary, replica = pair(core)
    old = encrypt(core, replica, ELSEWHERE)
    new = rotate(core, primary)
    here, there = materials_of(core, primary)[1], materials_of(core, replica)[1]
    assert replace(there, wrapped=here.wrapped) == here == new
    assert unwrapped(here, primary) == unwrapped(there, replica, ELSEWHERE)
    for region, key, other in ((REGION, primary, ELSEWHERE), (ELSEWHERE, replica, REGION)):
        assert decrypt(core, encrypt(core, key, region), other) == (b"x", new.material_id)
        assert core.ok("DescribeKey", KeyId=key, region=region)["KeyMetadata"]["CurrentKeyMaterialId"] == (
            new.material_id
        )
        assert decrypt(core, old, region)[0] == b"x"


def test_each_region_has_its_record(core: Core) -> None:
    """RotateKey where the primary key is, SynchronizeMultiRegionKey where a replica is."""
    primary, replica = pair(core)
    made = len(events(core, "SynchronizeMultiRegionKey"))
    rotate(core, primary)
    (rotated,) = events(core, "RotateKey")
    (synchronized,) = events(core, "SynchronizeMultiRegionKey")[made:]
    assert (rotated["awsRegion"], rotated["serviceEventDetails"]["keyId"]) == (REGION, key_id_of(primary))
    assert (synchronized["awsRegion"], synchronized["serviceEventDetails"]) == (
        ELSEWHERE,
        {"keyId": key_id_of(replica)},
    )


@pytest.mark.parametrize("call", ["DisableKey", "ScheduleKeyDeletion"])
def test_a_replica_that_is_out_of_use_gets_the_material_too(core: Core, call: str) -> None:
    """It has it when it comes back."""
    primary, replica = pair(core)
    core.ok(call, KeyId=replica, region=ELSEWHERE)
    new = rotate(core, primary)
    stored = core.stored(replica)
    assert stored.key.material_id == new.material_id
    assert stored.materials[new.material_id].present


def test_a_replica_that_is_enabled_leaves_the_schedule(core: Core) -> None:
    """Only its primary key being enabled lets a rotation that was missed begin."""
    primary, replica = pair(core)
    core.ok("EnableKeyRotation", KeyId=primary)
    core.ok("DisableKey", KeyId=primary)
    date = core.stored(primary).key.next_rotation_at
    assert date is not None
    core.clock.key_life = date + 5
    core.ok("EnableKey", KeyId=replica, region=ELSEWHERE)
    assert {core.stored(key).key.next_rotation_at for key in (primary, replica)} == {date}
    core.ok("EnableKey", KeyId=primary)
    assert {core.stored(key).key.next_rotation_at for key in (primary, replica)} == {date + 5}
    run_jobs(core)
    assert len(materials_of(core, replica)) == 2


def test_a_replica_in_the_making_gets_all_materials_at_its_end(core: Core) -> None:
    """A rotation that falls between ReplicateKey and its end leaves it alone: it has no material, nor shows one."""
    primary = core.new_key(MultiRegion=True)
    core.ok("ReplicateKey", KeyId=primary, ReplicaRegion=ELSEWHERE)
    replica = primary.replace(REGION, ELSEWHERE)
    core.ok("RotateKeyOnDemand", KeyId=primary)
    assert take(core, primary) is Step.ROTATE
    assert materials_of(core, replica) == []
    assert "CurrentKeyMaterialId" not in core.ok("DescribeKey", KeyId=replica, region=ELSEWHERE)["KeyMetadata"]
    assert events(core, "SynchronizeMultiRegionKey") == []
    run_jobs(core)
    assert core.stored(replica).materials.keys() == core.stored(primary).materials.keys()
    assert decrypt(core, encrypt(core, primary), ELSEWHERE)[0] == b"x"


def take(core: Core, key: str) -> Step | None:
    """Take the next step of one key, as the jobs do, and of no other."""
    core.views.refresh()

    def step(tx: Any) -> Step | None:
        life = Life(
            tx=tx,
            keystores=core.dispatcher.keystores,
            now=core.clock.key_life,
            machine_now=core.clock.machine,
            encode=core.spool.encode,
        )
        return take_step(life, REALM, key_id_of(key))

    return core.store.run(step)


def test_a_new_primary_key_goes_on_with_the_rotations(core: Core) -> None:
    """Schedule and count are shared: after UpdatePrimaryRegion the new primary key rotates, for both."""
    primary, replica = pair(core)
    core.ok("EnableKeyRotation", KeyId=primary, RotationPeriodInDays=90)
    rotate(core, primary)
    core.ok("UpdatePrimaryRegion", KeyId=primary, PrimaryRegion=ELSEWHERE)
    run_jobs(core)
    core.clock.key_life += 90 * 86_400
    run_jobs(core)
    assert [record["awsRegion"] for record in events(core, "RotateKey")] == [REGION, ELSEWHERE]
    assert core.stored(primary).key.material_id == core.stored(replica).key.material_id
    assert core.stored(replica).key.on_demand_rotations == 1
    assert len(materials_of(core, primary)) == 3


# --- with imported material ---


@pytest.fixture
def imported(core: Core) -> str:
    """A key of origin EXTERNAL with its first material."""
    key = core.new_key(Origin="EXTERNAL")
    import_material(core, key)
    return key


def test_imported_material_becomes_the_current_one(core: Core, imported: str) -> None:
    """As it was imported, description and expiry included; the old one still opens its ciphertexts."""
    old = encrypt(core, imported)
    valid_to = core.clock.key_life + 1000
    pending = import_material(core, imported, pending=True, description="the second", valid_to=valid_to)
    assert encrypt(core, imported)[HEADER_MATERIAL] == old[HEADER_MATERIAL]
    rotate(core, imported)
    assert materials_of(core, imported)[1] == replace(
        pending, pending=False, rotated_at=core.clock.key_life, rotation_type="ON_DEMAND"
    )
    new = encrypt(core, imported)
    raw = unwrapped(pending, imported, origin="EXTERNAL")
    assert formats.open_ciphertext(new, raw, CONTEXT) == b"x"
    assert decrypt(core, new) == (b"x", pending.material_id)
    assert decrypt(core, old)[1] == materials_of(core, imported)[0].material_id
    (record,) = events(core, "RotateKey")
    assert record["serviceEventDetails"]["keyOrigin"] == "EXTERNAL"
    assert record["serviceEventDetails"]["currentKeyMaterialId"] == pending.material_id


def test_without_new_material_there_is_no_rotation(core: Core, imported: str) -> None:
    """Refused for the key's state, and not counted: nothing was imported, or it is gone."""
    assert core.refused("RotateKeyOnDemand", KeyId=imported)[0] == "KMSInvalidStateException"
    import_material(core, imported, pending=True, wrapped=b"")
    assert core.refused("RotateKeyOnDemand", KeyId=imported)[0] == "KMSInvalidStateException"
    assert core.stored(imported).key.on_demand_rotations == 0


@pytest.mark.parametrize("operation", ["EnableKeyRotation", "DisableKeyRotation"])
def test_imported_material_has_no_schedule(core: Core, imported: str, operation: str) -> None:
    """Automatic rotation is for keys of origin AWS_KMS."""
    text = f"{imported} origin is EXTERNAL which is not valid for this operation."
    assert core.refused(operation, KeyId=imported) == ("UnsupportedOperationException", text)


def test_material_that_vanishes_ends_the_request(core: Core, imported: str) -> None:
    """The key goes on as it was, without a record of a rotation; another can be asked for once there is material."""
    first = core.stored(imported).key.material_id
    pending = import_material(core, imported, pending=True)
    core.ok("RotateKeyOnDemand", KeyId=imported)
    lose_material(core, imported, pending.material_id, known=False)
    run_jobs(core)
    key = core.stored(imported).key
    assert (key.on_demand_started_at, key.material_id) == (None, first)
    assert events(core, "RotateKey") == []
    again = import_material(core, imported, pending=True)
    assert rotate(core, imported).material_id == again.material_id


# Which of both keys has lost the material, and whether it still knows of it.
NOT_IMPORTED = {"primary key": (0, True), "replica": (1, True), "replica, which does not know it": (1, False)}


@pytest.mark.parametrize("where", NOT_IMPORTED)
def test_imported_material_must_be_in_every_region(core: Core, where: str) -> None:
    """Where it is missing in one, the rotation is refused; one that has begun ends without effect."""
    primary, replica = imported_pair(core)
    material = import_material(core, primary, pending=True)
    import_material(core, replica, like=material)
    core.ok("RotateKeyOnDemand", KeyId=primary)
    place, known = NOT_IMPORTED[where]
    lose_material(core, (primary, replica)[place], material.material_id, known=known)
    run_jobs(core)
    assert {core.stored(key).key.material_id for key in (primary, replica)} == {
        materials_of(core, primary)[0].material_id
    }
    assert core.refused("RotateKeyOnDemand", KeyId=primary)[0] == "KMSInvalidStateException"


def test_imported_material_rotates_in_every_region(core: Core) -> None:
    """Once it is in all of them: both encrypt with it and open each other's, and nothing is pending."""
    primary, replica = imported_pair(core)
    material = import_material(core, primary, pending=True)
    import_material(core, replica, like=material)
    rotate(core, primary)
    assert decrypt(core, encrypt(core, primary), ELSEWHERE) == (b"x", material.material_id)
    assert decrypt(core, encrypt(core, replica, ELSEWHERE)) == (b"x", material.material_id)
    for key in (primary, replica):
        assert [each.pending for each in materials_of(core, key)] == [False, False]
        assert materials_of(core, key)[1].rotated_at == core.clock.key_life


def test_the_status_of_a_key_without_its_material(core: Core, imported: str) -> None:
    """It has none while material is to be imported (footnote 6), from the moment that it expires; before, it is off."""
    text = f"{imported} origin is EXTERNAL which is not valid for this operation."
    stored, expires = core.stored(imported), core.clock.key_life + 10
    (first,) = stored.materials.values()
    core.store.run(lambda tx: tx.put_material(stored.key, replace(first, valid_to=expires)))
    core.put_key(imported, valid_to=expires)
    assert core.ok("GetKeyRotationStatus", KeyId=imported)["KeyRotationEnabled"] is False
    core.clock.key_life = expires
    assert core.refused("GetKeyRotationStatus", KeyId=imported) == ("UnsupportedOperationException", text)
    empty = core.new_key(Origin="EXTERNAL")
    assert core.refused("GetKeyRotationStatus", KeyId=empty)[0] == "UnsupportedOperationException"
    assert core.refused("RotateKeyOnDemand", KeyId=empty) == (
        "KMSInvalidStateException",
        f"{empty} is pending import.",
    )
    assert core.refused("EnableKeyRotation", KeyId=empty)[0] == "UnsupportedOperationException"
