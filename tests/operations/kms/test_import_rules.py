"""Which material a key takes when, and what becomes of the key: ImportKeyMaterial, DeleteImportedKeyMaterial."""

import json
from base64 import b64encode
from typing import Any

import pytest

from strongroom.model.state import KeyState
from tests import wrapping
from tests.core import MISSING, Answer, Core
from tests.jobs import run_jobs
from tests.operations.kms.importing import (
    DAY,
    FOR_EVER,
    delete,
    known,
    metadata,
    parcel,
    put,
    put_refused,
    state,
    use_known_wrapping_keys,
)

FIRST, SECOND, THIRD = (bytes([number]) * 32 for number in (1, 2, 3))
NEW, EXISTING = "NEW_KEY_MATERIAL", "EXISTING_KEY_MATERIAL"
INCORRECT, UNSUPPORTED = "IncorrectKeyMaterialException", "UnsupportedOperationException"


@pytest.fixture(autouse=True)
def _known_wrapping_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    use_known_wrapping_keys(monkeypatch)


@pytest.fixture
def key(core: Core) -> str:
    """The ARN of a symmetric key that awaits its first import."""
    return core.new_key(Origin="EXTERNAL")


@pytest.fixture
def hmac(core: Core) -> str:
    """The ARN of an HMAC key that awaits its import."""
    return core.new_key(**wrapping.external("HMAC_256"))


def rotate(core: Core, key: str, material: bytes) -> str:
    """Import new material and make it the current one; its id."""
    material_id = put(core, key, material, ImportType=NEW)
    core.ok("RotateKeyOnDemand", KeyId=key)
    run_jobs(core)
    assert metadata(core, key)["CurrentKeyMaterialId"] == material_id
    return material_id


# --- when it expires ---


def import_until(core: Core, key: str, valid_to: object) -> Answer:
    """Import the first material with a ValidTo as it stands in JSON, which botocore would not always send."""
    request = {
        name: value if isinstance(value, str) else b64encode(value).decode()
        for name, value in parcel(core, key, FIRST).items()
    }
    return core.send("ImportKeyMaterial", json.dumps(request | {"ValidTo": valid_to}).encode())


@pytest.mark.parametrize("seconds", [0.001, 1, 364 * DAY, 365 * DAY])
def test_an_end_within_a_year_is_taken(core: Core, key: str, seconds: float) -> None:
    """ValidTo is kept and told as it came; that material expires is the default."""
    valid_to = core.clock.key_life + seconds
    answer = import_until(core, key, valid_to)
    assert answer.status == 200, (answer.code, answer.message)
    told = json.loads(core.call("DescribeKey", KeyId=key).body)["KeyMetadata"]
    assert (told["ValidTo"], told["ExpirationModel"]) == (valid_to, "KEY_MATERIAL_EXPIRES")
    assert core.stored(key).key.valid_to == valid_to


@pytest.mark.parametrize("seconds", [-1e300, -1e12, -DAY, -0.001, 0, 365 * DAY + 0.001, 1e12, 1e300])
def test_an_end_in_the_past_or_too_far_is_refused(core: Core, key: str, seconds: float) -> None:
    """Whatever number it is, the refusal is audited."""
    answer = import_until(core, key, core.clock.key_life + seconds)
    assert (answer.status, answer.code) == (400, "ValidationException")
    assert answer.message == "ValidTo must be in the future, and at most 365 days ahead."
    assert "validTo" in answer.record["requestParameters"]
    assert state(core, key) == "PendingImport"


@pytest.mark.parametrize(
    ("value", "token"), [("2030-01-01T00:00:00Z", "STRING_VALUE"), ("1821536000", "STRING_VALUE"), (True, "TRUE_VALUE")]
)
def test_a_time_is_a_number(core: Core, key: str, value: object, token: str) -> None:
    """Anything else is refused in the words of AWS's framework."""
    answer = import_until(core, key, value)
    assert answer.code == "SerializationException"
    assert answer.message == f"{token} can not be converted to milliseconds since epoch"


def test_a_whole_number_of_seconds_is_a_time(core: Core, key: str) -> None:
    """So botocore sends times; beside a null member it is read all the same."""
    core.clock.key_life = 1_790_000_000.0
    assert import_until(core, key, 1_790_000_001).status == 200
    request = parcel(core, key, FIRST)
    tokens = {name: b64encode(request[name]).decode() for name in ("ImportToken", "EncryptedKeyMaterial")}
    body = {"KeyId": key, "ValidTo": 1_790_000_002, "ImportType": None} | tokens
    assert core.send("ImportKeyMaterial", json.dumps(body).encode()).status == 200
    assert core.stored(key).key.valid_to == 1_790_000_002


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"ExpirationModel": "KEY_MATERIAL_EXPIRES"},
        {"ExpirationModel": FOR_EVER, "ValidTo": 1_790_000_100},
        {"ExpirationModel": FOR_EVER, "ImportType": NEW, "KeyMaterialId": "0" * 64},
    ],
)
def test_members_that_do_not_go_together(core: Core, members: dict[str, Any]) -> None:
    """They are refused before the key is looked for."""
    request = {"KeyId": MISSING, "ImportToken": b"x", "EncryptedKeyMaterial": b"x"} | members
    assert core.refused("ImportKeyMaterial", **request)[0] == "ValidationException"


def test_reimport_changes_the_end(core: Core, key: str) -> None:
    """The same material with another end, or with none, has it from then on."""
    put(core, key, FIRST, ValidTo=core.clock.key_life + DAY)
    put(core, key, FIRST, ValidTo=core.clock.key_life + 2 * DAY)
    assert core.stored(key).key.valid_to == core.clock.key_life + 2 * DAY
    put(core, key, FIRST)
    assert metadata(core, key)["ExpirationModel"] == FOR_EVER
    assert core.stored(key).key.valid_to is None


# --- which material ---


def test_the_first_material_is_for_good(core: Core, key: str) -> None:
    """It becomes current; after that only the same is existing material, and any other is new."""
    first = put(core, key, FIRST, ImportType=NEW)
    assert known(core, key) == [(first, 1, False, True)]
    for members in ({}, {"ImportType": EXISTING}, {"KeyMaterialId": first}):
        assert put(core, key, FIRST, **members) == first
        assert put_refused(core, key, SECOND, **members)[0] == INCORRECT
    assert put_refused(core, key, FIRST, ImportType=NEW)[0] == INCORRECT
    assert known(core, key) == [(first, 1, False, True)]


@pytest.mark.parametrize("members", [{"ImportType": EXISTING}, {"KeyMaterialId": "0" * 64}])
def test_there_is_nothing_existing_before_the_first(core: Core, key: str, members: dict[str, str]) -> None:
    """A key that never had material takes none as existing."""
    assert put_refused(core, key, FIRST, **members)[0] == INCORRECT
    assert (known(core, key), state(core, key)) == ([], "PendingImport")


def test_new_material_waits_for_its_rotation(core: Core, key: str) -> None:
    """It is pending and changes neither state nor current material; a second one is refused until it is gone."""
    first = put(core, key, FIRST)
    second = put(core, key, SECOND, ImportType=NEW, KeyMaterialDescription="second")
    assert known(core, key) == [(first, 1, False, True), (second, 2, True, True)]
    found = metadata(core, key)
    assert (found["KeyState"], found["CurrentKeyMaterialId"]) == ("Enabled", first)
    assert core.ok("Encrypt", KeyId=key, Plaintext=b"x")["KeyId"] == key
    code, text = put_refused(core, key, THIRD, ImportType=NEW)
    assert (code, text) == ("KMSInvalidStateException", f"{key} has new key material already that is pending rotation.")
    assert put_refused(core, key, SECOND, ImportType=NEW)[0] == INCORRECT
    assert put(core, key, SECOND, ImportType=EXISTING, ValidTo=core.clock.key_life + DAY) == second
    assert known(core, key)[1] == (second, 2, True, True)
    assert delete(core, key, second) == {"KeyId": key, "KeyMaterialId": second}
    assert known(core, key) == [(first, 1, False, True)]
    assert (state(core, key), core.stored(key).key.valid_to) == ("Enabled", None)
    third = put(core, key, THIRD, ImportType=NEW)
    assert known(core, key)[1] == (third, 2, True, True)


def test_a_named_material_must_be_the_one(core: Core, key: str) -> None:
    """KeyMaterialId is compared with what the material gives, and must be known."""
    first, second = put(core, key, FIRST), rotate(core, key, SECOND)
    assert put(core, key, FIRST, KeyMaterialId=first) == first
    assert put_refused(core, key, FIRST, KeyMaterialId=second)[0] == INCORRECT
    assert put_refused(core, key, THIRD, KeyMaterialId=first)[0] == INCORRECT
    assert put_refused(core, key, THIRD, KeyMaterialId="0" * 64)[0] == INCORRECT


def test_descriptions_are_kept(core: Core, key: str) -> None:
    """One that is left out at a reimport stays, another one takes its place."""

    def description() -> str | None:
        (material,) = core.stored(key).materials.values()
        return material.description

    put(core, key, FIRST, KeyMaterialDescription="one: a/b_c.d-e")
    put(core, key, FIRST)
    assert description() == "one: a/b_c.d-e"
    put(core, key, FIRST, KeyMaterialDescription="two")
    delete(core, key)
    put(core, key, FIRST)
    assert description() == "two"


@pytest.mark.parametrize("text", ["", "x" * 257, "semi;colon", "\u00fc"])
def test_descriptions_have_awss_characters(core: Core, text: str) -> None:
    """Others are refused in the words of the model."""
    request = {"KeyId": MISSING, "ImportToken": b"x", "EncryptedKeyMaterial": b"x", "ExpirationModel": FOR_EVER}
    code, message = core.refused("ImportKeyMaterial", **request, KeyMaterialDescription=text)
    assert code == "ValidationException"
    assert "keyMaterialDescription" in message


def test_other_keys_have_one_material(core: Core, hmac: str) -> None:
    """An HMAC key takes the same again and no other; what names or describes materials is refused; no id is told."""
    for _ in range(2):
        assert put(core, hmac, FIRST) == ""
    assert put_refused(core, hmac, SECOND)[0] == INCORRECT
    names = (
        {"ImportType": NEW},
        {"ImportType": EXISTING},
        {"KeyMaterialDescription": "x"},
        {"KeyMaterialId": "0" * 64},
    )
    for members in names:
        assert put_refused(core, hmac, FIRST, **members)[0] == UNSUPPORTED
    assert core.refused("DeleteImportedKeyMaterial", KeyId=hmac, KeyMaterialId="0" * 64)[0] == UNSUPPORTED
    assert delete(core, hmac) == {"KeyId": hmac}
    assert state(core, hmac) == "PendingImport"
    assert put_refused(core, hmac, SECOND)[0] == INCORRECT
    put(core, hmac, FIRST)
    assert state(core, hmac) == "Enabled"


# --- deletion ---


def test_deleted_material_comes_again(core: Core, key: str) -> None:
    """Without it nothing works; it is known still, and once it is back what was sealed before opens."""
    first = put(core, key, FIRST, KeyMaterialDescription="kept", ValidTo=core.clock.key_life + DAY)
    blob = core.ok("Encrypt", KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    answer = core.call("DeleteImportedKeyMaterial", KeyId=key)
    assert answer.members == {"KeyId": key, "KeyMaterialId": first}
    assert answer.record["requestParameters"] == {"keyId": key}
    assert answer.record["responseElements"] == {"keyId": key, "keyMaterialId": first}
    assert known(core, key) == [(first, 1, False, False)]
    found = metadata(core, key)
    assert (found["KeyState"], found["Enabled"], found["CurrentKeyMaterialId"]) == ("PendingImport", False, first)
    assert not {"ValidTo", "ExpirationModel"} & found.keys()
    assert core.stored(key).key.valid_to is None
    assert core.refused("Decrypt", CiphertextBlob=blob) == ("KMSInvalidStateException", f"{key} is pending import.")
    put(core, key, FIRST)
    assert core.ok("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"x"


def test_all_materials_are_needed(core: Core, key: str) -> None:
    """Without an old one nothing works, either; a key is enabled again with the last that was missing."""
    first, second = put(core, key, FIRST), rotate(core, key, SECOND)
    assert delete(core, key, first) == {"KeyId": key, "KeyMaterialId": first}
    assert state(core, key) == "PendingImport"
    assert delete(core, key)["KeyMaterialId"] == second
    assert known(core, key) == [(first, 1, False, False), (second, 2, False, False)]
    put(core, key, FIRST)
    assert state(core, key) == "PendingImport"
    put(core, key, SECOND)
    assert state(core, key) == "Enabled"


def test_pending_material_is_not_needed(core: Core, key: str) -> None:
    """A key is enabled without it, and not by it."""
    put(core, key, FIRST)
    second = put(core, key, SECOND, ImportType=NEW)
    delete(core, key)
    assert put(core, key, SECOND) == second
    assert state(core, key) == "PendingImport"
    put(core, key, FIRST)
    assert state(core, key) == "Enabled"


def test_deleting_what_is_not_here(core: Core, key: str) -> None:
    """Before the first import and after a deletion it succeeds and changes nothing; an unknown id is not found."""
    assert delete(core, key) == {"KeyId": key}
    first = put(core, key, FIRST)
    for _ in range(2):
        assert delete(core, key, first) == {"KeyId": key, "KeyMaterialId": first}
    assert (known(core, key), state(core, key)) == ([(first, 1, False, False)], "PendingImport")
    code, text = core.refused("DeleteImportedKeyMaterial", KeyId=key, KeyMaterialId="0" * 64)
    assert (code, text) == ("NotFoundException", f"Key material {'0' * 64} of {key} does not exist.")


# --- states ---


def test_a_disabled_key_stays_disabled(core: Core, key: str) -> None:
    """A reimport does not enable it; without its material it awaits import, and with it it is enabled."""
    put(core, key, FIRST)
    core.ok("DisableKey", KeyId=key)
    put(core, key, FIRST)
    put(core, key, SECOND, ImportType=NEW)
    assert state(core, key) == "Disabled"
    delete(core, key)
    assert state(core, key) == "PendingImport"
    put(core, key, FIRST)
    assert state(core, key) == "Enabled"


@pytest.mark.parametrize("with_material", [True, False])
def test_a_key_that_is_to_go_takes_nothing(core: Core, key: str, with_material: bool) -> None:  # noqa: FBT001 - a case
    """It refuses imports, and keeps its state when its material is deleted."""
    request = parcel(core, key, FIRST) | {"ExpirationModel": FOR_EVER}
    if with_material:
        core.ok("ImportKeyMaterial", **request)
    core.ok("ScheduleKeyDeletion", KeyId=key)
    refusal = ("KMSInvalidStateException", f"{key} is pending deletion.")
    assert core.refused("ImportKeyMaterial", **request) == refusal
    wrapped_with = {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}
    assert core.refused("GetParametersForImport", KeyId=key, **wrapped_with) == refusal
    delete(core, key)
    assert state(core, key) == "PendingDeletion"
    assert not any(present for *_, present in known(core, key))
    core.ok("CancelKeyDeletion", KeyId=key)
    assert state(core, key) == "PendingImport"


def test_a_key_that_is_updated_takes_its_material(core: Core, key: str) -> None:
    """What it settles as follows from the import."""
    put(core, key, FIRST)
    request = parcel(core, key, FIRST) | {"ExpirationModel": FOR_EVER}
    delete(core, key)
    core.put_key(key, state=KeyState.UPDATING, settles_as=KeyState.PENDING_IMPORT)
    core.ok("ImportKeyMaterial", **request)
    stored = core.stored(key).key
    assert (stored.state, stored.settles_as) == ("Updating", "Enabled")
    run_jobs(core)
    assert state(core, key) == "Enabled"


def test_an_import_is_decided_on_fresh_rows(core: Core, key: str) -> None:
    """What another call did between decision and transaction counts: a key that got material takes no other first."""
    first, second = (parcel(core, key, each) | {"ExpirationModel": FOR_EVER} for each in (FIRST, SECOND))
    answer = core.call("ImportKeyMaterial", **second, between=lambda: core.ok("ImportKeyMaterial", **first))
    assert answer.code == INCORRECT
    again = core.call("ImportKeyMaterial", **first, between=lambda: core.ok("ScheduleKeyDeletion", KeyId=key))
    assert (again.code, again.message) == ("KMSInvalidStateException", f"{key} is pending deletion.")
