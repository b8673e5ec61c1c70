"""Grants and two workers on one store: what one is told, the other heeds, at whatever step of its own it is."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from strongroom.model.identity import Caller
from tests.actors import user
from tests.core import Answer, Core, open_core
from tests.operations.kms.access import DENIED


class Pair(NamedTuple):
    """Two workers, a key, and a user to whom nothing but grants allows anything."""

    one: Core
    other: Core
    key: str
    grantee: Caller

    def grant(self, *operations: str, worker: Core | None = None, **members: Any) -> dict[str, Any]:
        """Make a grant for the user on one worker."""
        made = {"KeyId": self.key, "GranteePrincipal": self.grantee.arn, "Operations": list(operations), **members}
        return (worker or self.one).ok("CreateGrant", **made)

    def encrypt(self, worker: Core, *tokens: str, **how: Any) -> Answer:
        """Use the grant on a worker."""
        return worker.call(
            "Encrypt", KeyId=self.key, Plaintext=b"x", GrantTokens=list(tokens), caller=self.grantee, **how
        )

    def revoke(self, grant_id: str) -> None:
        """End a grant on the first worker."""
        self.one.ok("RevokeGrant", KeyId=self.key, GrantId=grant_id)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Both workers have looked the key and the user's grants up already, so that they have something to forget."""
    with open_core(tmp_path) as one, open_core(tmp_path, worker=2) as other:
        made = Pair(one, other, one.new_key(), user(one, "grantee"))
        assert made.encrypt(one).code == made.encrypt(other).code == DENIED
        yield made


def test_a_grant_holds_on_the_other_worker_at_once(pair: Pair) -> None:
    """It is known with and without its token, until it is revoked; then neither helps."""
    made = pair.grant("Encrypt")
    assert pair.encrypt(pair.other).status == pair.encrypt(pair.other, made["GrantToken"]).status == 200
    pair.revoke(made["GrantId"])
    for worker in (pair.one, pair.other):
        assert pair.encrypt(worker).code == pair.encrypt(worker, made["GrantToken"]).code == DENIED


def test_a_token_works_where_the_grant_is_not_known(tmp_path: Path) -> None:
    """While a new grant is still to be heard of, its token makes a worker read its row, and nobody else's."""
    with open_core(tmp_path, grant_delay=60.0) as one, open_core(tmp_path, worker=2, grant_delay=60.0) as other:
        pair = Pair(one, other, one.new_key(), user(one, "grantee"))
        stranger = user(one, "stranger")
        made = pair.grant("Encrypt")
        another = one.ok("CreateGrant", KeyId=one.new_key(), GranteePrincipal=pair.grantee.arn, Operations=["Encrypt"])
        for worker in (one, other):
            assert pair.encrypt(worker).code == DENIED
            assert pair.encrypt(worker, made["GrantToken"]).status == 200
            assert pair.encrypt(worker).code == DENIED
            assert pair.encrypt(worker, another["GrantToken"]).code == DENIED
            assert pair._replace(grantee=stranger).encrypt(worker, made["GrantToken"]).code == DENIED
        for worker in (one, other):
            worker.clock.key_life += 61.0
        assert pair.encrypt(one).status == pair.encrypt(other).status == 200


def test_without_a_delay_no_clock_matters(pair: Pair) -> None:
    """A clock that steps back makes no grant wait."""
    pair.grant("Encrypt")
    pair.other.clock.key_life -= 3600.0
    assert pair.encrypt(pair.other).status == 200


def test_a_token_revives_nothing(pair: Pair) -> None:
    """The token of a revoked grant does not serve a new one of the same name and parameters, and the new one's does."""
    first = pair.grant("Encrypt", Name="same")
    pair.revoke(first["GrantId"])
    assert pair.encrypt(pair.other, first["GrantToken"]).code == DENIED
    second = pair.grant("Encrypt", Name="same", worker=pair.other)
    assert second["GrantId"] != first["GrantId"]
    assert pair.encrypt(pair.other, first["GrantToken"]).status == 200  # by the second grant
    pair.revoke(second["GrantId"])
    assert pair.encrypt(pair.other, first["GrantToken"], second["GrantToken"]).code == DENIED


# Where the other worker is when the grant is revoked.
STEPS: dict[str, Callable[[Pair, str, str], Answer]] = {
    "before it looks": lambda it, grant, token: (it.revoke(grant), child(it, token))[1],
    "between decision and transaction": lambda it, grant, token: child(it, token, between=lambda: it.revoke(grant)),
}


def child(pair: Pair, token: str, **how: Any) -> Answer:
    """Make a narrower grant by the grant, on the second worker."""
    members: dict[str, Any] = {"KeyId": pair.key, "GranteePrincipal": pair.grantee.arn, "Operations": ["Encrypt"]}
    return pair.other.call("CreateGrant", caller=pair.grantee, GrantTokens=[token], **members, **how)


@pytest.mark.parametrize("step", STEPS)
def test_a_writing_use_of_a_revoked_grant_is_refused_at_every_step(pair: Pair, step: str) -> None:
    """Whatever was decided before, the transaction sees that the grant is gone, and nothing is written."""
    made = pair.grant("CreateGrant", "Encrypt")
    answer = STEPS[step](pair, made["GrantId"], made["GrantToken"])
    assert (answer.code, answer.in_outbox) == (DENIED, False)
    assert pair.one.ok("ListGrants", KeyId=pair.key)["Grants"] == []


def test_a_reading_use_that_was_decided_before_the_revocation_ends_as_decided(pair: Pair) -> None:
    """The decision is the moment of the use; the next one is refused."""
    made = pair.grant("Encrypt")
    assert pair.encrypt(pair.other, between=lambda: pair.revoke(made["GrantId"])).status == 200
    assert pair.encrypt(pair.other).code == DENIED


def test_a_child_outlives_its_parent_but_no_key(pair: Pair) -> None:
    """A grant made by a grant stays when that one ends (AWS: each is its own), and ends with its key."""
    made = pair.grant("CreateGrant", "Encrypt", "Decrypt")
    token = child(pair, made["GrantToken"]).members["GrantToken"]
    pair.revoke(made["GrantId"])
    assert pair.encrypt(pair.other).status == 200
    pair.one.ok("ScheduleKeyDeletion", KeyId=pair.key, PendingWindowInDays=7)
    assert pair.encrypt(pair.other, token).code == "KMSInvalidStateException"
