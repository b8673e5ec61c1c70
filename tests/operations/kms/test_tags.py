"""TagResource, UntagResource, ListResourceTags."""

from typing import Any

import pytest

from tests.core import Core

LONG = {"TagKey": "k" * 128, "TagValue": "v" * 256}


def tag(**tags: str) -> list[dict[str, str]]:
    """Tags as AWS writes them."""
    return [{"TagKey": name, "TagValue": value} for name, value in tags.items()]


def tags_of(core: Core, key: str) -> list[dict[str, str]]:
    """A key's tags."""
    found: list[dict[str, str]] = core.ok("ListResourceTags", KeyId=key)["Tags"]
    return found


def test_tags_are_added_and_replaced(core: Core, key: str) -> None:
    """A tag key has one value, the last; tags are listed in the order of their keys; case counts."""
    assert tags_of(core, key) == []
    answer = core.call("TagResource", KeyId=key, Tags=tag(b="1", a="2"))
    assert (answer.status, answer.body) == (200, b"")
    core.ok("TagResource", KeyId=key, Tags=[*tag(b="", A="3"), LONG])
    assert tags_of(core, key) == [*tag(A="3", a="2", b=""), LONG]


def test_tags_are_removed(core: Core, key: str) -> None:
    """Those that are named go; one that is not there is passed over."""
    core.ok("TagResource", KeyId=key, Tags=tag(a="1", b="2", c="3"))
    answer = core.call("UntagResource", KeyId=key, TagKeys=["a", "c", "nobody"])
    assert (answer.status, answer.body) == (200, b"")
    assert tags_of(core, key) == tag(b="2")


REFUSED: dict[str, tuple[list[dict[str, str]], str]] = {
    "a key twice": ([*tag(a="1"), *tag(a="1")], "TagException"),
    "the reserved prefix": ([{"TagKey": "aws:team", "TagValue": ""}], "TagException"),
    "the reserved prefix in capitals": ([{"TagKey": "AwS:team", "TagValue": ""}], "TagException"),
    "an empty key": ([{"TagKey": "", "TagValue": "x"}], "ValidationException"),
    "a long key": ([{"TagKey": "k" * 129, "TagValue": ""}], "ValidationException"),
    "a long value": ([{"TagKey": "k", "TagValue": "v" * 257}], "ValidationException"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_tags_that_no_key_can_have(core: Core, key: str, case: str) -> None:
    """They are refused, and with them all others of the call."""
    tags, code = REFUSED[case]
    assert core.refused("TagResource", KeyId=key, Tags=[*tag(good="1"), *tags])[0] == code
    assert tags_of(core, key) == []


@pytest.mark.parametrize("name", ["aws", "awsome:x", "aws-team", "x-aws:"])
def test_what_only_looks_reserved(core: Core, key: str, name: str) -> None:
    """Only the prefix with its colon is AWS's."""
    core.ok("TagResource", KeyId=key, Tags=[{"TagKey": name, "TagValue": ""}])
    assert tags_of(core, key) == [{"TagKey": name, "TagValue": ""}]


def test_a_key_has_at_most_fifty_tags(core: Core, key: str) -> None:
    """What would make more is refused wholly; replacing a value takes no room."""
    core.ok("TagResource", KeyId=key, Tags=tag(**{f"t{number}": "" for number in range(49)}))
    assert core.refused("TagResource", KeyId=key, Tags=tag(x="1", y="2"))[0] == "LimitExceededException"
    assert len(tags_of(core, key)) == 49
    core.ok("TagResource", KeyId=key, Tags=tag(x="1", t0="new"))
    core.ok("TagResource", KeyId=key, Tags=tag(x="2"))
    assert core.refused("TagResource", KeyId=key, Tags=tag(y="2"))[0] == "LimitExceededException"
    assert len(tags_of(core, key)) == 50


def test_more_than_fifty_at_once(core: Core, key: str) -> None:
    """Fifty-one tags in one call are over the quota as well."""
    many = tag(**{f"t{number}": "" for number in range(51)})
    assert core.refused("TagResource", KeyId=key, Tags=many)[0] == "LimitExceededException"


def test_tags_are_listed_by_pages(core: Core, key: str) -> None:
    """Every tag is on one page; AWS documents 1 to 50 a page."""
    core.ok("TagResource", KeyId=key, Tags=tag(c="3", a="1", b="2"))
    first = core.ok("ListResourceTags", KeyId=key, Limit=2)
    last = core.ok("ListResourceTags", KeyId=key, Limit=2, Marker=first["NextMarker"])
    assert (first["Tags"], first["Truncated"]) == (tag(a="1", b="2"), True)
    assert (last["Tags"], last["Truncated"], "NextMarker" in last) == (tag(c="3"), False, False)
    assert core.refused("ListResourceTags", KeyId=key, Limit=51)[0] == "ValidationException"
    assert core.refused("ListResourceTags", KeyId=key, Marker="bad")[0] == "InvalidMarkerException"


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("TagResource", {"Tags": tag(a="1")}),
        ("UntagResource", {"TagKeys": ["a"]}),
        ("ListResourceTags", {}),
    ],
)
def test_tags_are_a_keys_and_no_aliass(core: Core, key: str, operation: str, members: dict[str, Any]) -> None:
    """An alias in place of the key id is refused."""
    core.ok("CreateAlias", AliasName="alias/app", TargetKeyId=key)
    assert core.refused(operation, KeyId="alias/app", **members) == ("NotFoundException", "Invalid keyId 'alias/app'")
