"""Sessions that assume further roles: what goes over, what does not, and what that needs."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from strongroom.model.identity import Caller, Session
from tests.core import Answer
from tests.operations.sts.scenes import Document, Scene, allow

ASSUME, TAG, IDENTIFY = "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"
ALL = (ASSUME, TAG, IDENTIFY)


def tags(**values: str) -> list[dict[str, str]]:
    """Session tags as a request has them."""
    return [{"Key": key, "Value": value} for key, value in values.items()]


class Chain:
    """A user, and two roles in a row, each of which may assume the next."""

    def __init__(self, scene: Scene, *, second: tuple[str, ...] = ALL, own: tuple[str, ...] = ALL) -> None:
        self.scene = scene
        self.user = scene.user("alice")
        trust = allow(*ALL, principal={"AWS": self.user.arn})
        self.first = scene.role("first", trust, allow(*own), MaxSessionDuration=43200)
        self.second = scene.role("second", allow(*second, principal={"AWS": self.first}), MaxSessionDuration=43200)

    def begin(self, **members: Any) -> Caller:
        """The user's session of the first role."""
        return self.scene.session(self.user, self.first, **members)

    def go_on(self, session: Caller, **members: Any) -> Session:
        """That session's session of the second role."""
        after = self.scene.session(session, self.second, **members).session
        assert after is not None
        return after

    def refused(self, session: Caller, **members: Any) -> Answer:
        """How that session is refused the second role."""
        answer = self.scene.assume(session, self.second, **members)
        assert answer.code is not None
        return answer


@pytest.fixture
def chain(scene: Scene) -> Chain:
    """A chain in which everything is allowed."""
    return Chain(scene)


def test_a_chained_session_lasts_an_hour_at_most(chain: Chain) -> None:
    """Whatever the roles allow, and however long the session before; without a wish it gets the hour."""
    before = chain.begin(DurationSeconds=43200)
    after = chain.go_on(before)
    assert after.expires_at == after.issued_at + 3600
    answer = chain.refused(before, DurationSeconds=3601)
    assert (answer.status, answer.code) == (400, "ValidationError")
    assert answer.message == (
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
    )


def test_a_session_outlives_the_one_before(chain: Chain) -> None:
    """It has its own time, as at AWS."""
    before = chain.begin(DurationSeconds=900)
    assert before.session is not None
    assert chain.go_on(before).expires_at > before.session.expires_at


def test_transitive_tags_go_over_and_others_do_not(chain: Chain) -> None:
    """What goes over goes on going over; case is kept, whatever case the list of keys has."""
    before = chain.begin(Tags=tags(Team="r\u00e4d", run="7"), TransitiveTagKeys=["team"])
    assert before.session is not None
    assert (before.session.tags, before.session.transitive_tags) == ({"Team": "r\u00e4d", "run": "7"}, ("Team",))
    after = chain.go_on(before, Tags=tags(stage="test", job="3"), TransitiveTagKeys=["stage"])
    assert after.tags == {"Team": "r\u00e4d", "stage": "test", "job": "3"}
    assert after.transitive_tags == ("Team", "stage")


def test_an_inherited_tag_cannot_be_set_again(chain: Chain) -> None:
    """Not even to its own value, or in other case; one that does not go over can."""
    before = chain.begin(Tags=tags(team="a", run="7"), TransitiveTagKeys=["team"])
    assert chain.refused(before, Tags=tags(TEAM="a")).message == (
        "One of the specified tags is inherited from the calling session."
    )
    assert chain.go_on(before, Tags=tags(run="8")).tags == {"team": "a", "run": "8"}


def test_a_session_has_fifty_tags_at_most(chain: Chain) -> None:
    """Those that it inherits count."""
    own = tags(**{f"k{number}": "" for number in range(49)})
    before = chain.begin(Tags=tags(a="", b=""), TransitiveTagKeys=["a"])
    assert len(chain.go_on(before, Tags=own).tags) == 50
    assert "50 tags at most" in chain.refused(before, Tags=[*own, *tags(last="")]).message


NEEDS: dict[str, tuple[Document, Document, str | None]] = {
    "nothing more": ({}, {}, None),
    "tags of its own": ({}, {"Tags": tags(a="1")}, TAG),
    "tags that go over": ({"Tags": tags(a="1"), "TransitiveTagKeys": ["a"]}, {}, TAG),
    "tags that do not go over": ({"Tags": tags(a="1")}, {}, None),
    "a source identity of its own": ({}, {"SourceIdentity": "alice"}, IDENTIFY),
    "one that goes over": ({"SourceIdentity": "alice"}, {}, IDENTIFY),
}


@pytest.mark.parametrize("case", NEEDS)
def test_tags_and_source_identity_need_actions_of_their_own(scene: Scene, case: str) -> None:
    """Inherited ones as well: a role that does not trust the caller with them is not assumed, and the text says why."""
    before, after, action = NEEDS[case]
    chain = Chain(scene, second=(ASSUME,))
    session = chain.begin(**before)
    if action is None:
        chain.go_on(session, **after)
    else:
        answer = chain.refused(session, **after)
        assert (answer.status, answer.code) == (403, "AccessDenied")
        assert answer.message == (
            f"User: {session.arn} is not authorized to perform: {action} on resource: {chain.second}"
        )


@pytest.mark.parametrize(("action", "members"), [(TAG, {"Tags": tags(a="1")}), (IDENTIFY, {"SourceIdentity": "alice"})])
def test_a_deny_of_the_callers_own_counts(scene: Scene, action: str, members: Document) -> None:
    """The trust policy alone does not let a session do what its own policies deny."""
    chain = Chain(scene)
    deny = allow(action)
    deny["Statement"][0]["Effect"] = "Deny"
    scene.put_role_policy("first", deny)
    session = chain.begin(**members)
    assert chain.refused(session, **members).code == "AccessDenied"


def test_a_source_identity_stays(chain: Chain) -> None:
    """It goes over by itself, may be said again, and cannot be changed."""
    before = chain.begin(SourceIdentity="alice")
    assert chain.go_on(before).source_identity == "alice"
    assert chain.go_on(before, SourceIdentity="alice").source_identity == "alice"
    answer = chain.refused(before, SourceIdentity="bob")
    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert answer.message == "The source identity of the calling session cannot be changed."


def test_a_source_identity_is_told(chain: Chain) -> None:
    """In the answer, and in the record of whatever the session does."""
    answer = chain.scene.assumed(chain.user, chain.first, SourceIdentity="alice")
    assert answer["SourceIdentity"] == "alice"
    session = chain.begin(SourceIdentity="alice")
    record = chain.scene.core.call("ListKeys", caller=session).record
    assert record["userIdentity"]["sessionContext"]["sourceIdentity"] == "alice"


def test_a_session_policy_does_not_go_over(chain: Chain) -> None:
    """It limits its own session, also in what that may assume, and not the next."""
    narrow = chain.begin(Policy=json.dumps(allow(ASSUME)))
    assert narrow.session is not None
    assert narrow.session.policy is not None
    assert chain.go_on(narrow).policy is None


def test_all_sessions_of_a_role_can_be_stopped(chain: Chain) -> None:
    """A policy that denies what was begun before a time stops the sessions that there are, and no later ones."""
    before = chain.begin()
    now = chain.scene.core.clock.key_life
    deny = allow("*", DateLessThan={"aws:TokenIssueTime": datetime.fromtimestamp(now + 60, UTC).isoformat()})
    deny["Statement"][0]["Effect"] = "Deny"
    chain.scene.put_role_policy("first", deny)
    assert chain.refused(before).code == "AccessDenied"
    chain.scene.core.clock.key_life = now + 61
    chain.go_on(chain.begin())
