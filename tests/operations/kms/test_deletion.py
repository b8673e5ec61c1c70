"""ScheduleKeyDeletion and CancelKeyDeletion."""

import json
from typing import Any

import pytest

from tests.core import Core, key_id_of

DAY = 86_400


@pytest.mark.parametrize(("asked", "days"), [(None, 30), (7, 7), (8, 8), (30, 30)])
def test_the_window_is_seven_to_thirty_days(core: Core, key: str, asked: int | None, days: int) -> None:
    """The key goes that many days from now, by default 30; the answer has its ARN, whatever was sent."""
    window: dict[str, Any] = {} if asked is None else {"PendingWindowInDays": asked}
    answer = core.call("ScheduleKeyDeletion", KeyId=key_id_of(key), **window)
    assert json.loads(answer.body) == {
        "KeyId": key,
        "DeletionDate": core.clock.key_life + days * DAY,
        "KeyState": "PendingDeletion",
        "PendingWindowInDays": days,
    }
    stored = core.stored(key).key
    assert (stored.state, stored.deletion_at) == ("PendingDeletion", core.clock.key_life + days * DAY)


@pytest.mark.parametrize("days", [1, 6, 31, 365])
def test_a_window_outside_is_refused(core: Core, key: str, days: int) -> None:
    """AWS's model would let 1 to 365 pass; its documentation says 7 to 30."""
    assert core.refused("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=days)[0] == "ValidationException"
    assert core.stored(key).key.state == "Enabled"


@pytest.mark.parametrize("days", [0, 366, -1])
def test_a_window_outside_the_model_is_a_broken_constraint(core: Core, key: str, days: int) -> None:
    """What the model itself excludes is worded as a constraint."""
    code, text = core.refused("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=days)
    assert code == "ValidationException"
    assert f"Value '{days}' at 'pendingWindowInDays' failed to satisfy constraint" in text


def test_a_key_that_is_to_go_may_stay(core: Core, key: str) -> None:
    """Cancelled, it is Disabled, with no date; the answer has its ARN. Enabled, it opens what it sealed before."""
    blob = core.ok("Encrypt", KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    core.ok("ScheduleKeyDeletion", KeyId=key)
    assert core.ok("CancelKeyDeletion", KeyId=key_id_of(key)) == {"KeyId": key}
    stored = core.stored(key).key
    assert (stored.state, stored.deletion_at, stored.pending_window_days) == ("Disabled", None, None)
    assert core.refused("Decrypt", CiphertextBlob=blob)[0] == "DisabledException"
    core.ok("EnableKey", KeyId=key)
    assert core.ok("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"x"


def test_the_date_is_by_the_clock_of_key_life(core: Core, key: str) -> None:
    """Moving that clock moves the date; the machine's clock does not."""
    core.clock.key_life += 5 * DAY
    core.clock.machine -= 5 * DAY
    answer = core.call("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    assert json.loads(answer.body)["DeletionDate"] == core.clock.key_life + 7 * DAY
