"""Two workers share one state: an acknowledged change holds on the very next request, whichever worker gets it."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.compat.calls import Answer, new_alias, new_key, post
from tests.policies import open_policy
from tests.support import SOAK, Server

ROUNDS = 1000 if SOAK else 200
PLAINTEXT = "c2hhcmVk"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service with two workers; at the end each must have had a good part of the calls."""
    data = tmp_path_factory.mktemp("pair") / "data"
    with Server(data, "--workers", "2") as running:
        yield running
        assert running.stop() == 0


def call(server: Server, operation: str, **members: Any) -> Answer:
    """One call on a fresh connection, which the kernel gives to either worker."""
    return post(server, operation, members)


def done(server: Server, operation: str, **members: Any) -> None:
    """A call that must succeed."""
    assert call(server, operation, **members).status == 200


def share_of_each_worker(server: Server) -> Counter[str]:
    """Bytes of audit that each worker has written; the supervisor's own is number 0."""
    written: Counter[str] = Counter()
    for path in (server.data_dir / "audit").glob("*.spool"):
        written[path.name.partition("-")[0]] += path.stat().st_size
    return written


@pytest.mark.soak
def test_a_disabled_key_is_disabled_everywhere_at_once(pair: Server) -> None:
    """After DisableKey no Encrypt succeeds, after EnableKey none is refused; both workers take part."""
    key = new_key(pair.client())
    for _ in range(ROUNDS):
        assert call(pair, "Encrypt", KeyId=key, Plaintext=PLAINTEXT).status == 200
        done(pair, "DisableKey", KeyId=key)
        assert call(pair, "Encrypt", KeyId=key, Plaintext=PLAINTEXT).fault == "DisabledException"
        done(pair, "EnableKey", KeyId=key)
    shares = share_of_each_worker(pair)
    del shares["00000"]
    assert len(shares) == 2
    assert min(shares.values()) > max(shares.values()) / 3


def test_a_moved_alias_is_moved_everywhere_at_once(pair: Server) -> None:
    """The request after UpdateAlias encrypts under the new key."""
    kms = pair.client()
    name, keys = new_alias(), [new_key(kms), new_key(kms)]
    done(pair, "CreateAlias", AliasName=name, TargetKeyId=keys[1])
    for turn in range(50):
        done(pair, "UpdateAlias", AliasName=name, TargetKeyId=keys[turn % 2])
        assert keys[turn % 2].encode() in call(pair, "DescribeKey", KeyId=name).body
    done(pair, "DeleteAlias", AliasName=name)
    assert call(pair, "DescribeKey", KeyId=name).fault == "NotFoundException"


def test_what_is_made_is_there_at_once(pair: Server) -> None:
    """A new key, its tags, its policy and its description are seen by the next request."""
    for turn in range(25):
        key = new_key(pair.client())
        done(pair, "TagResource", KeyId=key, Tags=[{"TagKey": "turn", "TagValue": f"tag {turn}"}])
        assert f"tag {turn}".encode() in call(pair, "ListResourceTags", KeyId=key).body
        done(pair, "PutKeyPolicy", KeyId=key, Policy=open_policy(f"policy {turn}"))
        assert f"policy {turn}".encode() in call(pair, "GetKeyPolicy", KeyId=key).body
        done(pair, "UpdateKeyDescription", KeyId=key, Description=f"text {turn}")
        assert f"text {turn}".encode() in call(pair, "DescribeKey", KeyId=key).body


def test_writers_in_both_workers_lose_nothing(pair: Server) -> None:
    """Tags that are put at once through many connections are all there afterwards."""
    key = new_key(pair.client())

    def tag(number: int) -> Answer:
        return call(pair, "TagResource", KeyId=key, Tags=[{"TagKey": f"tag {number}", "TagValue": ""}])

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(tag, range(60)))
    kept = sum(answer.status == 200 for answer in answers)
    refused = [answer.fault for answer in answers if answer.status != 200]
    assert (kept, refused) == (50, ["LimitExceededException"] * 10)
    found = pair.client().list_resource_tags(KeyId=key)["Tags"]
    assert {tag["TagKey"] for tag in found} == {
        f"tag {number}" for number, answer in enumerate(answers) if answer.status == 200
    }
