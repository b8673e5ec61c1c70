"""GetKeyLastUsage through boto3, and that uses outlive the service: SIGTERM loses none, SIGKILL those of a period."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.compat.calls import id_of, new_alias, new_key, post, refusal
from tests.compat.records import all_records, database
from tests.support import Server, soon


def written(data: Path) -> int:
    """How many keys have their last use in the database."""
    with closing(sqlite3.connect(f"file:{database(data)}?mode=ro", uri=True)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM key_usage").fetchone()
        return int(count)


def last(kms: Any, key: str) -> dict[str, Any]:
    """What is told of the last use of a key."""
    found: dict[str, Any] = kms.get_key_last_usage(KeyId=key)["KeyLastUsage"]
    return found


def test_a_key_and_its_last_use(kms: Any, key: str) -> None:
    """A new key was never used; then the last call that succeeded is told, with the request id that its caller got."""
    fresh = kms.get_key_last_usage(KeyId=key)
    made = kms.describe_key(KeyId=key)["KeyMetadata"]["CreationDate"]
    assert (fresh["KeyId"], fresh["KeyLastUsage"]) == (id_of(key), {})
    assert fresh["TrackingStartDate"] == fresh["KeyCreationDate"] == made
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    answer = kms.decrypt(CiphertextBlob=blob)
    found = last(kms, id_of(key))
    assert (found["Operation"], found["KmsRequestId"]) == ("Decrypt", answer["ResponseMetadata"]["RequestId"])
    assert abs(found["Timestamp"] - datetime.now(UTC)) < timedelta(seconds=30)


def test_an_alias_names_no_key_here(kms: Any, key: str) -> None:
    """Key id or key ARN: AWS takes no alias for this call."""
    name = new_alias()
    kms.create_alias(AliasName=name, TargetKeyId=key)
    assert refusal(kms.get_key_last_usage, KeyId=name).code == "NotFoundException"
    alias_arn = key.replace(f"key/{id_of(key)}", name)
    assert refusal(kms.get_key_last_usage, KeyId=alias_arn).code == "InvalidArnException"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_use_right_before_the_end_is_known_after_it(tmp_path: Path, workers: int) -> None:
    """SIGTERM loses nothing that only memory held; what is told names a record that is in the audit."""
    with Server(tmp_path / "data", "--workers", str(workers)) as server:
        keys = [new_key(server.client()) for _ in range(6)]
        used = {}
        for key in keys:  # each on a connection of its own, which either worker may get
            answer = post(server, "Encrypt", {"KeyId": key, "Plaintext": "eA=="})
            assert answer.status == 200
            used[key] = answer.headers["x-amzn-requestid"]
        assert written(server.data_dir) == 0
        assert server.stop() == 0
    assert written(tmp_path / "data") == len(keys)
    with Server(tmp_path / "data") as again:
        found = {key: last(again.client(), key) for key in keys}
        assert again.stop() == 0
    assert {key: usage["KmsRequestId"] for key, usage in found.items()} == used
    records = {record["eventID"]: record for record in all_records(tmp_path / "data")}
    for key, usage in found.items():
        record = records[usage["CloudTrailEventId"]]
        assert (record["eventName"], record["requestID"], record["resources"][0]["ARN"]) == ("Encrypt", used[key], key)


def test_a_use_is_written_down_in_its_time(tmp_path: Path) -> None:
    """Each ``usage_seconds`` what was used is written; then even SIGKILL does not lose it."""
    environment = {"STRONGROOM_USAGE_SECONDS": "0.05"}
    with Server(tmp_path / "data", environment=environment) as server:
        key = new_key(server.client())
        answer = server.client().encrypt(KeyId=key, Plaintext=b"x")
        assert soon(lambda: written(server.data_dir) == 1)
        server.kill()
    with Server(tmp_path / "data") as again:
        assert last(again.client(), key)["KmsRequestId"] == answer["ResponseMetadata"]["RequestId"]
        assert again.stop() == 0
