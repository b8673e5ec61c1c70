"""Rotation over HTTP with boto3: on demand, by the schedule, of multi-Region keys and of imported material."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import support_formats as formats
from tests.compat import independent
from tests.compat.calls import id_of, new_key, post, refusal, rotated
from tests.compat.test_multi_region import settled
from tests.guides import DOCS, python_examples, run_python, silent
from tests.support import Server

DAY = 86_400
PLAINTEXT, CONTEXT = b"a plaintext", {"purpose": "a test"}
WRAPPING = "RSAES_OAEP_SHA_256"
ELSEWHERE = "eu-west-1"


@pytest.fixture(scope="module")
def timed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A dev service of two workers, whose clock of keys these tests may move."""
    with Server(tmp_path_factory.mktemp("rotation") / "data", "--workers", "2") as running:
        yield running
        assert running.stop() == 0


def advance(server: Server, days: float) -> None:
    """Let time pass for the keys of a dev service."""
    answer = post(server, "", {"Seconds": days * DAY}, headers={"X-Amz-Target": "StrongroomDev.AdvanceClock"})
    assert answer.status == 200, answer.body


def rotate(kms: Any, key: str) -> str:
    """Rotate a key on demand; the id of its new material."""
    kms.rotate_key_on_demand(KeyId=key)
    rotated(kms, key)
    return current(kms, key)


def current(kms: Any, key: str) -> str:
    """The id of a key's current material."""
    return str(kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"])


def encrypt(kms: Any, key: str) -> bytes:
    """A ciphertext of a key."""
    blob: bytes = kms.encrypt(KeyId=key, Plaintext=PLAINTEXT, EncryptionContext=CONTEXT)["CiphertextBlob"]
    return blob


def opened_with(kms: Any, blob: bytes) -> str:
    """The id of the material that opens a ciphertext."""
    answer = kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)
    assert answer["Plaintext"] == PLAINTEXT
    return str(answer["KeyMaterialId"])


def import_material(kms: Any, key: str, material: bytes, **members: Any) -> str:
    """Import key material as a user does, wrapped by another implementation of RSAES-OAEP; its id."""
    parameters = kms.get_parameters_for_import(KeyId=key, WrappingAlgorithm=WRAPPING, WrappingKeySpec="RSA_2048")
    answer = kms.import_key_material(
        KeyId=key,
        ImportToken=parameters["ImportToken"],
        EncryptedKeyMaterial=independent.encrypt(parameters["PublicKey"], WRAPPING, material),
        ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE",
        **members,
    )
    return str(answer["KeyMaterialId"])


def states(kms: Any, key: str) -> dict[str, str]:
    """The state of each of a key's materials, by its id, in the order of the list."""
    entries = kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    return {entry["KeyMaterialId"]: entry["KeyMaterialState"] for entry in entries}


def test_a_rotation_on_demand(kms: Any, key: str) -> None:
    """The service does it by itself: what is encrypted from then on has the new material, all ciphertexts open."""
    old, before = current(kms, key), encrypt(kms, key)
    new = rotate(kms, key)
    assert new != old
    assert (opened_with(kms, before), opened_with(kms, encrypt(kms, key))) == (old, new)
    assert kms.generate_data_key(KeyId=key, KeySpec="AES_256")["KeyMaterialId"] == new
    (entry,) = kms.list_key_rotations(KeyId=key)["Rotations"]
    assert (entry["KeyId"], entry["KeyMaterialId"], entry["RotationType"]) == (id_of(key), new, "ON_DEMAND")
    moved = kms.re_encrypt(
        CiphertextBlob=before,
        SourceEncryptionContext=CONTEXT,
        DestinationKeyId=key,
        DestinationEncryptionContext=CONTEXT,
    )
    assert (moved["SourceKeyMaterialId"], moved["DestinationKeyMaterialId"]) == (old, new)


def test_another_worker_knows_at_once(timed: Server) -> None:
    """Whichever worker is asked once the rotation is done, it encrypts with the new material."""
    kms = timed.client()
    key = new_key(kms)
    new = rotate(kms, key)
    for _ in range(8):  # each on a connection of its own, which the kernel gives to either worker
        client = timed.client()
        assert opened_with(client, encrypt(client, key)) == new


def test_the_schedule(timed: Server) -> None:
    """A key rotates after each of its periods, and no more once rotation is turned off."""
    kms = timed.client()
    key = new_key(kms)
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    first = kms.get_key_rotation_status(KeyId=key)
    assert (first["KeyRotationEnabled"], first["RotationPeriodInDays"]) == (True, 90)
    advance(timed, 200)
    later = kms.get_key_rotation_status(KeyId=key)["NextRotationDate"]
    assert (later - first["NextRotationDate"]).days == 180
    entries = kms.list_key_rotations(KeyId=key)["Rotations"]
    assert [entry["RotationType"] for entry in entries] == ["AUTOMATIC"] * 2
    assert entries[0]["RotationDate"] == first["NextRotationDate"]
    kms.disable_key_rotation(KeyId=key)
    advance(timed, 200)
    assert len(kms.list_key_rotations(KeyId=key)["Rotations"]) == 2


def test_pages_of_rotations(timed: Server) -> None:
    """boto3's paginator finds all rotations, in order, whatever the size of a page."""
    kms = timed.client()
    key = new_key(kms)
    for _ in range(3):
        rotate(kms, key)
    pages = kms.get_paginator("list_key_rotations").paginate(KeyId=key, PaginationConfig={"PageSize": 2})
    found = [[entry["KeyMaterialId"] for entry in page["Rotations"]] for page in pages]
    assert [len(page) for page in found] == [2, 1]
    assert [material_id for page in found for material_id in page] == list(states(kms, key))[1:]


def test_both_regions_have_the_new_material(server: Server, kms: Any) -> None:
    """Asked for in the Region of the primary key alone; both Regions encrypt with it and open each other's."""
    elsewhere = server.client(ELSEWHERE)
    key_id = id_of(new_key(kms, MultiRegion=True))
    kms.replicate_key(KeyId=key_id, ReplicaRegion=ELSEWHERE)
    assert refusal(elsewhere.rotate_key_on_demand, KeyId=key_id).code in {
        "KMSInvalidStateException",  # it is still being created
        "UnsupportedOperationException",
    }
    new = rotate(kms, key_id)
    assert current(elsewhere, key_id) == new
    assert opened_with(elsewhere, encrypt(kms, key_id)) == new
    assert opened_with(kms, encrypt(elsewhere, key_id)) == new


def test_imported_material(kms: Any) -> None:
    """New material is imported first, and becomes the current one by a rotation; a second reader opens with it."""
    key = new_key(kms, Origin="EXTERNAL")
    raw = [secrets.token_bytes(32), secrets.token_bytes(32)]
    old = import_material(kms, key, raw[0])
    before = encrypt(kms, key)
    assert refusal(kms.rotate_key_on_demand, KeyId=key).code == "KMSInvalidStateException"
    new = import_material(kms, key, raw[1], ImportType="NEW_KEY_MATERIAL", KeyMaterialDescription="the second")
    assert states(kms, key) == {old: "CURRENT", new: "PENDING_ROTATION"}
    assert opened_with(kms, encrypt(kms, key)) == old
    assert rotate(kms, key) == new
    assert states(kms, key) == {old: "NON_CURRENT", new: "CURRENT"}
    after = encrypt(kms, key)
    assert formats.open_ciphertext(before, raw[0], CONTEXT) == PLAINTEXT
    assert formats.open_ciphertext(after, raw[1], CONTEXT) == PLAINTEXT
    assert (opened_with(kms, before), opened_with(kms, after)) == (old, new)


def test_imported_material_of_several_regions(server: Server, kms: Any) -> None:
    """It must be imported into each Region before the key rotates; then both encrypt with it."""
    elsewhere = server.client(ELSEWHERE)
    key_id = id_of(new_key(kms, MultiRegion=True, Origin="EXTERNAL"))
    raw = [secrets.token_bytes(32), secrets.token_bytes(32)]
    old = import_material(kms, key_id, raw[0])
    kms.replicate_key(KeyId=key_id, ReplicaRegion=ELSEWHERE)
    settled(elsewhere, key_id, "PendingImport")
    import_material(elsewhere, key_id, raw[0])
    new = import_material(kms, key_id, raw[1], ImportType="NEW_KEY_MATERIAL")
    assert states(kms, key_id) == {old: "CURRENT", new: "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"}
    assert refusal(kms.rotate_key_on_demand, KeyId=key_id).code == "KMSInvalidStateException"
    import_material(elsewhere, key_id, raw[1])
    for client in (kms, elsewhere):
        assert states(client, key_id) == {old: "CURRENT", new: "PENDING_ROTATION"}
    assert rotate(kms, key_id) == new
    assert states(elsewhere, key_id) == {old: "NON_CURRENT", new: "CURRENT"}
    assert formats.open_ciphertext(encrypt(elsewhere, key_id), raw[1], CONTEXT) == PLAINTEXT
    assert opened_with(elsewhere, encrypt(kms, key_id)) == new


def test_the_guide_works_as_written(server: Server, tmp_path: Path) -> None:
    """Its example in Python runs without a word."""
    (code,) = python_examples((DOCS / "guide" / "rotation.md").read_text())
    assert silent(run_python(code, server, tmp_path))
