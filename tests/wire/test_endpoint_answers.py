"""The answers of the AWS JSON 1.1 endpoint, and the records that each of them waits for."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from strongroom.ports import AuditUnavailableError, StoreUnavailableError
from strongroom.wire.messages import HttpRequest
from tests.core import MISSING, REALM, open_core
from tests.wire.rim import HeldTrail, Rim, call, open_rim, post, reply

JSON = b"application/x-amz-json-1.1"
SECRET_WORD = b"a plaintext that must not leave"


@pytest.fixture
def rim(tmp_path: Path) -> Iterator[Rim]:
    """An endpoint of the test's own."""
    with open_rim(tmp_path) as opened:
        yield opened


def test_an_answer_is_json_11(rim: Rim) -> None:
    """Status, type and body are AWS's, for what works, what answers nothing, and what is refused."""
    made = rim.call("CreateKey")
    key = made.json["KeyMetadata"]["KeyId"]
    nothing = rim.call("DisableKey", KeyId=key)
    refused = rim.call("Encrypt", KeyId=key, Plaintext=b"x")
    arn = made.json["KeyMetadata"]["Arn"]
    assert [(item.status, item.content_type) for item in (made, nothing, refused)] == [
        (200, JSON),
        (200, JSON),
        (400, JSON),
    ]
    assert nothing.body == b""
    assert refused.json == {"__type": "DisabledException", "message": f"{arn} is disabled."}
    assert rim.counted() == {
        ("CreateKey", "OK"): 1,
        ("DisableKey", "OK"): 1,
        ("Encrypt", "DisabledException"): 1,
    }


def test_what_another_process_wrote_is_seen_by_the_next_request(rim: Rim) -> None:
    """A key that another worker disabled is disabled here, though it is in the cache."""
    key = rim.call("CreateKey").json["KeyMetadata"]["KeyId"]
    assert rim.call("Encrypt", KeyId=key, Plaintext=b"x").status == 200
    with open_core(rim.core.folder, worker=2) as other:
        other.ok("DisableKey", KeyId=key)
        assert rim.call("Encrypt", KeyId=key, Plaintext=b"x").json["__type"] == "DisabledException"
        other.ok("EnableKey", KeyId=key)
        assert rim.call("Encrypt", KeyId=key, Plaintext=b"x").status == 200


def test_where_a_record_goes(rim: Rim) -> None:
    """A committed write's is in the outbox, every other in the spool, each once."""
    committed = {rim.call("CreateKey").request_id}
    spooled = {
        rim.call("ListKeys").request_id,
        rim.call("DescribeKey", KeyId=MISSING).request_id,
        rim.call("CreateAlias", AliasName="alias/x", TargetKeyId=MISSING).request_id,
        rim.post(b"{}", target="TrentService.Nothing").request_id,
        rim.post(b"no json").request_id,
    }
    assert {records[0]["requestID"] for records in rim.core.outbox().values()} == committed
    assert sorted(records[0]["requestID"] for records in rim.core.spooled()) == sorted(spooled)


def test_a_write_that_is_refused_in_its_transaction(rim: Rim) -> None:
    """What only the transaction finds out is answered and recorded as any refusal."""
    key = rim.call("CreateKey").json["KeyMetadata"]["KeyId"]
    rim.call("CreateAlias", AliasName="alias/app", TargetKeyId=key)
    answer = rim.call("CreateAlias", AliasName="alias/app", TargetKeyId=key)
    assert answer.json["__type"] == "AlreadyExistsException"
    assert rim.core.spooled()[-1][0]["requestID"] == answer.request_id
    assert rim.counted()["CreateAlias", "AlreadyExistsException"] == 1


def test_no_answer_before_its_record_is_durable(tmp_path: Path) -> None:
    """Until the trail says so nothing leaves, refusals and unknown targets included; then it leaves at once."""
    with open_rim(tmp_path) as plain:
        key = plain.call("CreateKey").json["KeyMetadata"]["KeyId"]
        trail = HeldTrail(plain.core.spool)
        plain.core.dispatcher = replace(plain.core.dispatcher, trail=trail)
        held = Rim(plain.core, plain.metrics, None, plain.loop)
        requests = [
            call("Encrypt", KeyId=key, Plaintext=SECRET_WORD),
            call("DescribeKey", KeyId=MISSING),
            post(b"{}", target="TrentService.Nothing"),
        ]
        waiting = [held.begin(request) for request in requests]
        held.turn()
        assert (held.answered, len(trail.held)) == ([], 3)
        trail.held[0](None)
        assert [future.done() for future in waiting] == [True, False, False]
        assert reply(waiting[0].result()).json["KeyId"].endswith(key)
        trail.held[1](None)
        trail.held[2](None)
        assert [reply(future.result()).status for future in waiting] == [200, 400, 400]


REQUESTS: dict[str, Callable[[str], HttpRequest]] = {
    "a plaintext": lambda key: call("GenerateDataKey", KeyId=key, KeySpec="AES_256"),
    "a refusal": lambda _: call("DescribeKey", KeyId=MISSING),
    "an unknown target": lambda _: post(b"{}", target="TrentService.Nothing"),
    "a refused write": lambda key: call("CancelKeyDeletion", KeyId=key),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_no_record_no_answer(rim: Rim, caplog: pytest.LogCaptureFixture, case: str) -> None:
    """Where the record cannot be kept the caller gets an internal fault, and nothing of the answer or the reason."""
    key = rim.call("CreateKey").json["KeyMetadata"]["KeyId"]
    rim.core.spool.close()
    caplog.clear()
    answer = rim.ask(REQUESTS[case](key))
    assert (answer.status, answer.content_type) == (500, JSON)
    assert answer.json == {"__type": "KMSInternalException", "message": "The service cannot write its audit."}
    (entry,) = [entry for entry in caplog.records if entry.name == "strongroom.wire"]
    assert answer.request_id in entry.getMessage()
    assert list(rim.counted()) == [("CreateKey", "OK"), (_operation(case), "KMSInternalException")]


def _operation(case: str) -> str:
    names = {"a plaintext": "GenerateDataKey", "a refusal": "DescribeKey", "a refused write": "CancelKeyDeletion"}
    return names.get(case, "unknown")


def test_no_record_no_write(rim: Rim) -> None:
    """Where the audit cannot be written, a write is refused before its commit and leaves nothing."""
    key = rim.call("CreateKey").json["KeyMetadata"]["KeyId"]
    rim.core.spool.close()
    answer = rim.call("DisableKey", KeyId=key)
    assert (answer.status, answer.json["__type"]) == (500, "KMSInternalException")
    stored = rim.core.store.key(REALM, key)
    assert stored is not None
    assert stored.key.state == "Enabled"


@pytest.mark.parametrize("error", [AuditUnavailableError("full"), StoreUnavailableError("full"), KeyError("bug")])
def test_a_commit_that_fails(tmp_path: Path, error: Exception) -> None:
    """The caller gets an internal fault, the record of the failure goes to the spool."""

    def veto() -> None:
        raise error

    with open_rim(tmp_path, before_commit=veto) as rim:
        answer = rim.call("CreateKey")
        assert (answer.status, answer.json["__type"]) == (500, "KMSInternalException")
        assert rim.core.outbox() == {}
        (record,) = rim.records()
        assert (record["errorCode"], record["requestID"]) == ("KMSInternalException", answer.request_id)


def test_no_secret_is_logged(rim: Rim, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever happens to a plaintext, it is in no log."""
    caplog.set_level(logging.DEBUG)
    key = rim.call("CreateKey").json["KeyMetadata"]["KeyId"]
    rim.call("Encrypt", KeyId=key, Plaintext=SECRET_WORD)
    rim.call("Encrypt", KeyId=MISSING, Plaintext=SECRET_WORD)
    rim.core.spool.close()
    rim.call("Encrypt", KeyId=key, Plaintext=SECRET_WORD)
    assert caplog.text
    assert "plaintext" not in caplog.text
