"""ListGrants and ListRetirableGrants: order, pages, filters, and whose grants are seen."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

import pytest

from strongroom.model.identity import PrincipalKind
from strongroom.operations.kms import grant_lists as module
from tests.actors import policy, role, root, session_of, statement, user
from tests.core import ACCOUNT, ELSEWHERE, OTHER, Core

IAM = f"arn:aws:iam::{ACCOUNT}"
ROOT = f"{IAM}:root"
VALIDATION = "ValidationException"


def grant_to(core: Core, key: str, principal: str = ROOT, **members: Any) -> str:
    """Create a grant; its id."""
    made = core.ok("CreateGrant", KeyId=key, GranteePrincipal=principal, Operations=["Decrypt"], **members)
    return str(made["GrantId"])


def pages(core: Core, operation: str, **members: Any) -> list[list[str]]:
    """The ids of all pages of a list."""
    found: list[list[str]] = []
    marker: dict[str, str] = {}
    while True:
        answer = core.ok(operation, **members, **marker)
        found.append([grant["GrantId"] for grant in answer["Grants"]])
        assert answer["Truncated"] == ("NextMarker" in answer)
        if not answer["Truncated"]:
            return found
        marker = {"Marker": answer["NextMarker"]}


def joined(found: Iterable[list[str]]) -> list[str]:
    """The ids of all pages in one list."""
    return list(chain.from_iterable(found))


def test_grants_are_listed_by_pages(core: Core, key: str) -> None:
    """In the order of their ids, each once, of one key alone; pages hold 50 unless 1 to 100 are asked for."""
    made = sorted(grant_to(core, key) for _ in range(60))
    grant_to(core, core.new_key())
    found = pages(core, "ListGrants", KeyId=key)
    assert [len(page) for page in found] == [50, 10]
    assert joined(found) == made
    assert pages(core, "ListGrants", KeyId=key, Limit=60) == [made]
    found = pages(core, "ListGrants", KeyId=key, Limit=25)
    assert [len(page) for page in found] == [25, 25, 10]
    assert joined(found) == made
    assert core.refused("ListGrants", KeyId=key, Limit=101)[0] == VALIDATION
    assert core.refused("ListGrants", KeyId=key, Marker="bad")[0] == "InvalidMarkerException"


def test_one_grant_is_asked_for(core: Core, key: str) -> None:
    """By its id; one of another key, or none, is an empty list."""
    made = [grant_to(core, key) for _ in range(3)]
    assert pages(core, "ListGrants", KeyId=key, GrantId=made[1]) == [[made[1]]]
    for missing in (grant_to(core, core.new_key()), "ab" * 32, "x"):
        assert pages(core, "ListGrants", KeyId=key, GrantId=missing) == [[]]


def test_grants_are_asked_for_by_the_grantee(core: Core, key: str) -> None:
    """In each form of the principal; with the id of a grant both must fit; who has none has an empty list."""
    alice, worker = user(core), role(core)
    made = {name: grant_to(core, key, name) for name in (ROOT, alice.arn, worker.arn("aws"), session_of(worker).arn)}
    for name, grant_id in made.items():
        assert pages(core, "ListGrants", KeyId=key, GranteePrincipal=name) == [[grant_id]]
    assert pages(core, "ListGrants", KeyId=key, GranteePrincipal=ACCOUNT) == [[made[ROOT]]]
    assert pages(core, "ListGrants", KeyId=key, GranteePrincipal=user(core, "bob").arn) == [[]]
    assert pages(core, "ListGrants", KeyId=key, GranteePrincipal=f"{IAM}:user/nobody") == [[]]
    assert pages(core, "ListGrants", KeyId=key, GranteePrincipal=ROOT, GrantId=made[ROOT]) == [[made[ROOT]]]
    assert pages(core, "ListGrants", KeyId=key, GranteePrincipal=ROOT, GrantId=made[alice.arn]) == [[]]


def test_a_grantee_who_is_gone(core: Core, key: str) -> None:
    """Is shown, and asked for, by the unique id."""
    alice = user(core)
    made = grant_to(core, key, alice.arn)

    def work(tx: Any) -> None:
        tx.delete_principal(tx.principal(ACCOUNT, PrincipalKind.USER, "alice").principal)

    core.store.run(work)
    (shown,) = core.ok("ListGrants", KeyId=key)["Grants"]
    assert shown["GranteePrincipal"] == alice.principal_id
    assert pages(core, "ListGrants", KeyId=key, GranteePrincipal=alice.principal_id) == [[made]]
    assert pages(core, "ListGrants", KeyId=key, GranteePrincipal=alice.arn) == [[]]


def test_a_filter_reads_so_much_at_a_time(core: Core, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of a filtered list may hold few or none, but a client that goes on finds all, in order, each once."""
    alice = user(core)
    made = sorted(grant_to(core, key, alice.arn if number % 3 == 0 else ROOT) for number in range(20))
    wanted = {name: joined(pages(core, "ListGrants", KeyId=key, GranteePrincipal=name)) for name in (alice.arn, ROOT)}
    assert sorted(joined(wanted.values())) == made
    assert len(wanted[alice.arn]) == 7
    for scan in (1, 2, 5, 19, 20, 21):
        monkeypatch.setattr(module, "SCAN", scan)
        for name, ids in wanted.items():
            for limit in (1, 3, 100):
                found = pages(core, "ListGrants", KeyId=key, GranteePrincipal=name, Limit=limit)
                assert joined(found) == ids
                assert max(map(len, found)) <= min(limit, scan)


def test_filters_for_services_are_theirs(core: Core, key: str) -> None:
    """AWS lets callers in a service principal alone use them."""
    service = "backup.example.internal"
    code, text = core.refused("ListGrants", KeyId=key, GranteeServicePrincipal=service)
    assert (code, text) == (VALIDATION, "GranteeServicePrincipal can only be specified by an AWS service principal.")
    assert core.refused("ListRetirableGrants", RetiringServicePrincipal=service)[0] == VALIDATION


# --- what a principal may retire ---


def test_retirable_grants_of_all_accounts(core: Core, key: str) -> None:
    """Those that name the principal, on keys of whatever account, in this Region alone."""
    alice = user(core)
    own = grant_to(core, key, RetiringPrincipal=alice.arn)
    grant_to(core, key)
    grant_to(core, key, alice.arn)
    grant_to(core, key, RetiringPrincipal=ROOT)
    foreign_key = core.new_key(account=OTHER)
    members = {"KeyId": foreign_key, "GranteePrincipal": f"arn:aws:iam::{OTHER}:root", "Operations": ["Decrypt"]}
    foreign = core.ok("CreateGrant", account=OTHER, RetiringPrincipal=alice.arn, **members)["GrantId"]
    far = {"region": ELSEWHERE, "key": core.new_key(region=ELSEWHERE)}
    elsewhere = grant_to(core, **far, RetiringPrincipal=alice.arn)
    assert pages(core, "ListRetirableGrants", RetiringPrincipal=alice.arn) == [sorted([own, foreign])]
    assert pages(core, "ListRetirableGrants", RetiringPrincipal=alice.arn, region=ELSEWHERE) == [[elsewhere]]
    by_page = pages(core, "ListRetirableGrants", RetiringPrincipal=alice.arn, Limit=1)
    assert by_page == [[each] for each in sorted([own, foreign])]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nobody is asked for": ({}, VALIDATION),
    "somebody who does not exist": ({"RetiringPrincipal": f"{IAM}:user/nobody"}, "InvalidArnException"),
    "a principal of another account": ({"RetiringPrincipal": f"arn:aws:iam::{OTHER}:root"}, "InvalidArnException"),
    "another account": ({"RetiringPrincipal": OTHER}, "InvalidArnException"),
    "no principal": ({"RetiringPrincipal": "alice"}, "InvalidArnException"),
    "a page that is too long": ({"RetiringPrincipal": ROOT, "Limit": 101}, VALIDATION),
    "a marker of another list": ({"RetiringPrincipal": ROOT, "Marker": "bad"}, "InvalidMarkerException"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_listed(core: Core, case: str) -> None:
    """A principal must be one of the caller's own account: grants of others are not the caller's to see."""
    members, code = REFUSED[case]
    assert core.refused("ListRetirableGrants", **members)[0] == code


def test_listing_needs_iam_alone(core: Core, key: str) -> None:
    """The resource is the retiring principal; key policies are not asked, neither is who the caller is."""
    alice = user(core)
    made = grant_to(core, key, RetiringPrincipal=alice.arn)
    only_alice = policy(statement("Allow", "kms:ListRetirableGrants") | {"Resource": alice.arn})
    clerk = user(core, "clerk", only_alice)
    (shown,) = core.ok("ListRetirableGrants", caller=clerk, RetiringPrincipal=alice.arn)["Grants"]
    assert shown["GrantId"] == made
    for caller, principal in ((clerk, ROOT), (alice, alice.arn)):
        assert (
            core.refused("ListRetirableGrants", caller=caller, RetiringPrincipal=principal)[0]
            == "AccessDeniedException"
        )
    core.ok("ListRetirableGrants", caller=root(), RetiringPrincipal=alice.arn)
