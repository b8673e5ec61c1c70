"""Tags through boto3: TagResource, UntagResource, ListResourceTags, and the Tags of CreateKey."""

from typing import Any

import pytest

from tests.compat.calls import members, new_key, refusal


def tags_of(kms: Any, arn: str) -> dict[str, str]:
    """All tags of a key."""
    pages = kms.get_paginator("list_resource_tags").paginate(KeyId=arn)
    return {tag["TagKey"]: tag["TagValue"] for page in pages for tag in page["Tags"]}


def as_tags(tags: dict[str, str]) -> list[dict[str, str]]:
    """Tags as requests have them."""
    return [{"TagKey": name, "TagValue": value} for name, value in tags.items()]


ODD = {"k" * 128: "v" * 256, "empty": "", "Case": "1", "case": "2", "ü 漢:/=+-@": "é ß", "awsome": "fine"}


def test_tags_of_create_key_are_listed(kms: Any) -> None:
    """A key shows the tags that it was created with, to the letter."""
    assert tags_of(kms, new_key(kms, Tags=as_tags(ODD))) == ODD


def test_tag_and_untag(kms: Any, key: str) -> None:
    """Tags are added, replaced and removed; the answers are empty, and unknown tag keys are passed over."""
    assert members(kms.list_resource_tags(KeyId=key)) == {"Tags": [], "Truncated": False}
    assert members(kms.tag_resource(KeyId=key, Tags=as_tags(ODD))) == {}
    assert members(kms.tag_resource(KeyId=key, Tags=as_tags({"case": "3", "new": "4"}))) == {}
    assert tags_of(kms, key) == ODD | {"case": "3", "new": "4"}
    assert members(kms.untag_resource(KeyId=key, TagKeys=["new", "Case", "nobody has it"])) == {}
    assert tags_of(kms, key) == {name: value for name, value in ODD.items() if name != "Case"} | {"case": "3"}


def test_a_key_has_at_most_50_tags(kms: Any, key: str) -> None:
    """The 51st tag is over the quota; replacing and making room work, and a refused call changes nothing."""
    fifty = {f"tag {number:02}": "v" for number in range(50)}
    kms.tag_resource(KeyId=key, Tags=as_tags(fifty))
    for more in ({"one more": ""}, {"tag 00": "w", "one more": ""}):
        assert refusal(kms.tag_resource, KeyId=key, Tags=as_tags(more)).code == "LimitExceededException"
    assert tags_of(kms, key) == fifty
    kms.tag_resource(KeyId=key, Tags=as_tags({"tag 00": "w"}))
    kms.untag_resource(KeyId=key, TagKeys=["tag 01"])
    kms.tag_resource(KeyId=key, Tags=as_tags({"one more": ""}))
    assert len(tags_of(kms, key)) == 50


REFUSED: dict[str, tuple[list[dict[str, str]], str]] = {
    "a tag key twice": ([*as_tags({"a": "1"}), *as_tags({"a": "1"})], "TagException"),
    "aws:": (as_tags({"aws:x": ""}), "TagException"),
    "aws: in capitals": (as_tags({"AWS:x": ""}), "TagException"),
    "aws: in mixed letters": (as_tags({"fine": "", "aWs:": ""}), "TagException"),
    "tag key of 129": (as_tags({"k" * 129: ""}), "ValidationException"),
    "tag value of 257": (as_tags({"k": "v" * 257}), "ValidationException"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_tags(kms: Any, key: str, case: str) -> None:
    """Tags that cannot be are refused as a whole."""
    tags, code = REFUSED[case]
    assert refusal(kms.tag_resource, KeyId=key, Tags=tags).code == code
    assert tags_of(kms, key) == {}


def test_the_place_of_a_bad_tag_is_named(kms: Any, key: str) -> None:
    """The message says which tag is wrong, as AWS counts and spells."""
    tags = as_tags({"fine": "", "k" * 129: "v" * 257})
    message = refusal(kms.tag_resource, KeyId=key, Tags=tags).message
    assert message.startswith("2 validation errors detected: ")
    assert (
        "at 'tags.2.member.tagKey' failed to satisfy constraint: Member must have length less than or equal to 128"
        in (message)
    )
    assert (
        "at 'tags.2.member.tagValue' failed to satisfy constraint: Member must have length less than or equal to 256"
        in (message)
    )


def test_list_resource_tags_pages_through_all_once(kms: Any) -> None:
    """The paginator meets each tag once; a page has at most 50."""
    tags = {f"{number}": f"v{number}" for number in range(50)}
    arn = new_key(kms, Tags=as_tags(tags))
    for size, pages in ((1, 50), (20, 3), (50, 1)):
        found = list(kms.get_paginator("list_resource_tags").paginate(KeyId=arn, PaginationConfig={"PageSize": size}))
        assert len(found) == pages
        assert sorted((tag["TagKey"], tag["TagValue"]) for page in found for tag in page["Tags"]) == sorted(
            tags.items()
        )
        assert [page["Truncated"] for page in found] == [True] * (pages - 1) + [False]
    assert refusal(kms.list_resource_tags, KeyId=arn, Limit=51).code == "ValidationException"
    assert refusal(kms.list_resource_tags, KeyId=arn, Marker="tag 7").code == "InvalidMarkerException"
