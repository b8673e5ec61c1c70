"""GetCallerIdentity."""

import json
from collections.abc import Callable

import pytest

from strongroom.model.identity import Caller
from tests.core import ACCOUNT
from tests.operations.sts.scenes import Document, Scene, allow

DENY_ALL: Document = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}],
}


def root(_scene: Scene) -> Caller | None:
    """The account's root."""
    return None


def user(scene: Scene) -> Caller | None:
    """A user who may nothing."""
    return scene.user("alice", DENY_ALL)


def session(scene: Scene) -> Caller | None:
    """A session that may nothing, of a role that may nothing."""
    boss = scene.user("boss")
    role = scene.role("reader", allow("sts:AssumeRole", principal={"AWS": boss.arn}), DENY_ALL)
    return scene.session(boss, role, Policy=json.dumps(DENY_ALL))


@pytest.mark.parametrize("who", [root, user, session])
def test_everybody_learns_who_they_are(scene: Scene, who: Callable[[Scene], Caller | None]) -> None:
    """Whatever is denied to a caller, it gets its id, account and ARN; and the call is recorded."""
    caller = who(scene)
    answer = scene.core.call("sts:GetCallerIdentity", caller=caller)
    arn = f"arn:aws:iam::{ACCOUNT}:root" if caller is None else caller.arn
    user_id = ACCOUNT if caller is None else caller.principal_id
    assert answer.members == {"UserId": user_id, "Account": ACCOUNT, "Arn": arn}
    assert (answer.record["eventName"], answer.record["userIdentity"]["arn"]) == ("GetCallerIdentity", arn)
    assert (answer.record["requestParameters"], answer.record["readOnly"]) == (None, True)
