"""CreateKey, DescribeKey, ListKeys, EnableKey, DisableKey, UpdateKeyDescription."""

import json
import re
from typing import Any

import pytest

from strongroom.model.state import KeyState
from tests.core import ACCOUNT, ELSEWHERE, MISSING, OTHER, REGION, Core, key_id_of
from tests.policies import open_policy

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
MATERIAL_ID = re.compile(r"[0-9a-f]{64}")


def metadata(core: Core, key: str) -> dict[str, Any]:
    """The metadata of a key as DescribeKey tells it, times as the wire has them."""
    answer = core.call("DescribeKey", KeyId=key)
    assert answer.status == 200
    found: dict[str, Any] = json.loads(answer.body)["KeyMetadata"]
    return found


def test_a_new_key_has_awss_defaults(core: Core) -> None:
    """A call without members makes an enabled symmetric key of the caller's account, created now."""
    answer = core.call("CreateKey")
    made = json.loads(answer.body)["KeyMetadata"]
    key_id = made["KeyId"]
    assert UUID.fullmatch(key_id)
    assert MATERIAL_ID.fullmatch(made["CurrentKeyMaterialId"])
    assert made == {
        "AWSAccountId": ACCOUNT,
        "KeyId": key_id,
        "Arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key_id}",
        "CreationDate": core.clock.key_life,
        "Enabled": True,
        "Description": "",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": "Enabled",
        "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "MultiRegion": False,
        "CurrentKeyMaterialId": made["CurrentKeyMaterialId"],
    }
    assert metadata(core, key_id) == made


def test_a_new_key_is_what_was_asked_for(core: Core) -> None:
    """Description, policy and tags are kept; they, and an explicit default, change nothing else."""
    plain = metadata(core, core.new_key())
    key = core.new_key(
        Description="for\u00fc all \u2603",
        Policy=open_policy(),
        Tags=[{"TagKey": "b", "TagValue": ""}, {"TagKey": "a", "TagValue": "1"}],
        KeySpec="SYMMETRIC_DEFAULT",
        KeyUsage="ENCRYPT_DECRYPT",
        Origin="AWS_KMS",
        MultiRegion=False,
        BypassPolicyLockoutSafetyCheck=True,
    )
    own = {"KeyId", "Arn", "CurrentKeyMaterialId", "Description"}
    made = metadata(core, key)
    assert made["Description"] == "for\u00fc all \u2603"
    assert {name: value for name, value in made.items() if name not in own} == {
        name: value for name, value in plain.items() if name not in own
    }
    assert core.ok("GetKeyPolicy", KeyId=key)["Policy"] == open_policy()
    assert core.ok("ListResourceTags", KeyId=key)["Tags"] == [
        {"TagKey": "a", "TagValue": "1"},
        {"TagKey": "b", "TagValue": ""},
    ]


def test_no_two_keys_are_alike(core: Core) -> None:
    """Each has an id and a material of its own."""
    made = [metadata(core, core.new_key()) for _ in range(3)]
    assert len({item["KeyId"] for item in made}) == len({item["CurrentKeyMaterialId"] for item in made}) == 3


def test_the_old_name_of_the_spec_still_counts(core: Core) -> None:
    """CustomerMasterKeySpec is KeySpec; to give both is refused, even alike."""
    key = core.new_key(CustomerMasterKeySpec="SYMMETRIC_DEFAULT")
    assert metadata(core, key)["KeySpec"] == "SYMMETRIC_DEFAULT"
    both = {"CustomerMasterKeySpec": "SYMMETRIC_DEFAULT", "KeySpec": "SYMMETRIC_DEFAULT"}
    assert core.refused("CreateKey", **both) == (
        "ValidationException",
        "You cannot specify KeySpec and CustomerMasterKeySpec in the same request.",
    )


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an SM2 key by its old name": (
        {"CustomerMasterKeySpec": "SM2", "KeyUsage": "SIGN_VERIFY"},
        "UnsupportedOperation",
    ),
    "another usage": ({"KeyUsage": "SIGN_VERIFY"}, "Validation"),
    "imported ML-DSA": (
        {"Origin": "EXTERNAL", "KeySpec": "ML_DSA_44", "KeyUsage": "SIGN_VERIFY"},
        "UnsupportedOperation",
    ),
    "an HSM": ({"Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": "cks-1234567890abcdef0"}, "UnsupportedOperation"),
    "a key store alone": ({"CustomKeyStoreId": "cks-1234567890abcdef0"}, "UnsupportedOperation"),
    "an external key": ({"XksKeyId": "bb8562717f809024"}, "UnsupportedOperation"),
    "no JSON as policy": ({"Policy": "allow all"}, "MalformedPolicyDocument"),
    "a policy over the limit": ({"Policy": '{"a":"' + "b" * 32_768 + '"}'}, "LimitExceeded"),
    "a tag twice": ({"Tags": [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "a", "TagValue": "2"}]}, "Tag"),
    "a reserved tag": ({"Tags": [{"TagKey": "aws:x", "TagValue": "1"}]}, "Tag"),
    "51 tags": ({"Tags": [{"TagKey": str(number), "TagValue": ""} for number in range(51)]}, "Tag"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_created(case: str, core: Core) -> None:
    """What AWS refuses, or what is not here yet, is refused by name, and makes no key."""
    members, code = REFUSED[case]
    assert core.refused("CreateKey", **members)[0] == f"{code}Exception"
    assert core.ok("ListKeys")["Keys"] == []


def test_fifty_tags_fit(core: Core) -> None:
    """The quota itself is no fault."""
    key = core.new_key(Tags=[{"TagKey": str(number), "TagValue": ""} for number in range(50)])
    assert len(core.ok("ListResourceTags", KeyId=key)["Tags"]) == 50


def test_metadata_of_a_key_that_goes(core: Core, key: str) -> None:
    """DeletionDate is there while deletion is pending; the window's days only while its replicas are waited for."""
    core.put_key(key, state=KeyState.PENDING_DELETION, deletion_at=1_800_000_000.0, pending_window_days=9)
    found = metadata(core, key)
    assert (found["Enabled"], found["KeyState"], found["DeletionDate"]) == (False, "PendingDeletion", 1_800_000_000.0)
    assert "PendingDeletionWindowInDays" not in found
    core.put_key(key, state=KeyState.PENDING_REPLICA_DELETION, deletion_at=None)
    found = metadata(core, key)
    assert (found["Enabled"], found["PendingDeletionWindowInDays"]) == (False, 9)
    assert "DeletionDate" not in found


@pytest.mark.parametrize("state", sorted(item for item in KeyState if item is not KeyState.ENABLED))
def test_enabled_means_the_state_enabled(core: Core, key: str, state: KeyState) -> None:
    """``Enabled`` is true in no other state."""
    core.put_state(key, state)
    found = metadata(core, key)
    assert (found["Enabled"], found["KeyState"]) == (False, state.value)


def test_switching_a_key_off_and_on(core: Core, key: str) -> None:
    """Disabled, a key is not used; enabled again it is; neither answers anything, and both may be said twice."""
    for operation, state in (("DisableKey", "Disabled"), ("EnableKey", "Enabled")):
        for _ in range(2):
            answer = core.call(operation, KeyId=key)
            assert (answer.status, answer.body) == (200, b"")
            assert metadata(core, key)["KeyState"] == state


def test_switching_touches_nothing_else(core: Core) -> None:
    """Description, policy, tags and aliases outlive each change of the key's row."""
    key = core.new_key(Description="d", Policy=open_policy(), Tags=[{"TagKey": "a", "TagValue": "b"}])
    core.ok("CreateAlias", AliasName="alias/app", TargetKeyId=key)
    before = core.stored(key)
    core.ok("DisableKey", KeyId=key)
    core.ok("EnableKey", KeyId=key)
    assert core.stored(key) == before


def test_a_description_is_replaced(core: Core, key: str) -> None:
    """The new text stands there, and may be empty."""
    for text in ("one", "\u2603" * 8192, ""):
        assert core.ok("UpdateKeyDescription", KeyId=key, Description=text) == {}
        assert metadata(core, key)["Description"] == text


def test_keys_are_listed_by_pages(core: Core) -> None:
    """Every key is on exactly one page, in the order of the ids, and only the last page says that it is the last."""
    made = sorted(key_id_of(core.new_key()) for _ in range(5))
    found: list[str] = []
    more: dict[str, Any] = {}
    for size in (2, 2, 1):
        page = core.ok("ListKeys", Limit=2, **more)
        assert len(page["Keys"]) == size
        assert page["Truncated"] == (size == 2)
        assert all(entry["KeyArn"].endswith(f":key/{entry['KeyId']}") for entry in page["Keys"])
        found += [entry["KeyId"] for entry in page["Keys"]]
        more = {"Marker": page["NextMarker"]} if page["Truncated"] else {}
        assert ("NextMarker" in page) == page["Truncated"]
    assert found == made


def test_a_full_last_page_is_the_last(core: Core) -> None:
    """As many keys as the page holds leave nothing to come."""
    core.new_key()
    core.new_key()
    page = core.ok("ListKeys", Limit=2)
    assert (len(page["Keys"]), page["Truncated"]) == (2, False)


def test_a_list_is_of_one_account_and_region(core: Core, key: str) -> None:
    """Keys of another Region or account are not listed, nor does a marker lead to them."""
    core.new_key(region=ELSEWHERE)
    core.new_key(account=OTHER)
    core.new_key()
    page = core.ok("ListKeys", Limit=1)
    assert len(core.ok("ListKeys")["Keys"]) == 2
    for place in ({"region": ELSEWHERE}, {"account": OTHER}):
        assert key not in [entry["KeyArn"] for entry in core.ok("ListKeys", **place)["Keys"]]
        assert core.refused("ListKeys", Marker=page["NextMarker"], **place)[0] == "InvalidMarkerException"


@pytest.mark.parametrize(
    ("owners", "count"),
    [(["SELF"], 1), (["SELF", "OTHER_ACCOUNTS_VIA_RAM"], 1), (["OTHER_ACCOUNTS_VIA_RAM"], 0)],
    ids=["own", "both", "shared"],
)
def test_no_key_is_shared(core: Core, key: str, owners: list[str], count: int) -> None:
    """Own keys are listed where they are asked for; keys shared by other accounts there are none."""
    page = core.ok("ListKeys", ResourceOwners=owners)
    assert page["Keys"] == [{"KeyId": key_id_of(key), "KeyArn": key}][:count]
    assert page["Truncated"] is False


def test_a_limit_over_the_documented_range(core: Core) -> None:
    """AWS documents 1 to 1000 for ListKeys."""
    assert core.refused("ListKeys", Limit=1001)[0] == "ValidationException"
    assert core.ok("ListKeys", Limit=1000)["Truncated"] is False


@pytest.mark.parametrize("operation", ["DescribeKey", "EnableKey", "DisableKey", "ScheduleKeyDeletion", "GetKeyPolicy"])
def test_a_key_that_is_not_there(core: Core, operation: str) -> None:
    """A well-formed id of no key is named as the ARN that it would have."""
    arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{MISSING}"
    for value in (MISSING, arn):
        assert core.refused(operation, KeyId=value) == ("NotFoundException", f"Key '{arn}' does not exist")


def test_a_key_of_another_region_is_not_there(core: Core, key: str) -> None:
    """An id is looked up where the request goes; an ARN says its Region, and AWS names that Region."""
    here = f"arn:aws:kms:{ELSEWHERE}:{ACCOUNT}:key/{key_id_of(key)}"
    assert core.refused("DescribeKey", KeyId=key_id_of(key), region=ELSEWHERE) == (
        "NotFoundException",
        f"Key '{here}' does not exist",
    )
    assert core.refused("DescribeKey", KeyId=key, region=ELSEWHERE) == ("NotFoundException", f"Invalid arn {REGION}")
