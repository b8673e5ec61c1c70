"""Accounts, users and roles, and what belongs to them: what is read back, and what goes with what."""

import pytest
from msgspec.structs import replace

from strongroom.model.identity import PrincipalKind, StoredPrincipal
from strongroom.ports import TamperedStoreError
from strongroom.storage.store import SqlStore
from strongroom.storage.transaction import SqlTransaction
from tests.storage.support import (
    ACCOUNT,
    AK1,
    AK2,
    ALICE,
    BOB,
    OTHER_ACCOUNT,
    make_credential,
    make_role,
    make_user,
)

USER, ROLE, ROOT = PrincipalKind.USER, PrincipalKind.ROLE, PrincipalKind.ROOT


def test_a_user_is_read_back_with_all_that_belongs_to_it(full: SqlStore) -> None:
    """Its inline policies in the order of their names, its access keys in that of their ids."""
    alice = make_user("alice")
    full.run(lambda tx: tx.put_credential(make_credential("AKIA0", owner=alice)))
    stored = full.principal(ACCOUNT, USER, "alice")
    assert stored == StoredPrincipal(
        alice,
        {"may": '{"Effect":"Allow"}', "may not": '{"Effect":"Deny"}'},
        (make_credential("AKIA0", owner=alice), make_credential(AK2, owner=alice)),
    )
    assert list(stored.policies) == ["may", "may not"]


def test_a_roles_members_are_read_back(full: SqlStore) -> None:
    """All columns, its trust policy with the bindings too."""
    assert full.principal(ACCOUNT, ROLE, "worker") == StoredPrincipal(make_role("worker"), {}, ())


def test_an_account_comes_with_its_root(full: SqlStore) -> None:
    """Made with the account, without a name; access keys may be its."""
    stored = full.principal(ACCOUNT, ROOT, "")
    assert stored is not None
    assert (stored.principal.unique_id, stored.principal.path, stored.policies) == (ACCOUNT, "/", {})
    assert stored.principal.arn("aws") == f"arn:aws:iam::{ACCOUNT}:root"
    assert stored.credentials == (make_credential(AK1),)
    assert full.principal("000000000009", ROOT, "") is None


def test_names_are_of_a_kind_and_an_account(full: SqlStore) -> None:
    """A role may be called as a user is, and as one in another account."""
    assert full.principal(ACCOUNT, ROLE, "alice") is None
    assert full.principal(OTHER_ACCOUNT, USER, "alice") is None
    full.run(lambda tx: tx.put_principal(make_role("alice")))
    full.run(lambda tx: tx.put_principal(make_user("alice", OTHER_ACCOUNT, "AIDAOTHER")))
    found = full.principal(ACCOUNT, USER, "alice")
    assert found is not None
    assert found.principal == make_user("alice")


def test_pages_go_on_after_the_last_name(full: SqlStore) -> None:
    """Users and roles are listed apart, in the order of their names; accounts as well."""
    assert full.principals(ACCOUNT, USER, "", 1) == [make_user("alice")]
    assert full.principals(ACCOUNT, USER, "alice", 10) == [make_user("bob", unique_id=BOB)]
    assert full.principals(ACCOUNT, ROLE, "", 10) == [make_role("worker")]
    assert full.principals(OTHER_ACCOUNT, USER, "", 10) == []
    assert full.account_names("", 1) == [ACCOUNT]
    assert full.account_names(ACCOUNT, 10) == [OTHER_ACCOUNT]


def test_a_principals_own_row_is_found_by_name_and_by_id(full: SqlStore) -> None:
    """As policies are bound, and as what was bound is shown; who is gone has no id any more."""
    assert full.principal_named(ACCOUNT, USER, "alice") == make_user("alice")
    assert full.principal_named(ACCOUNT, ROLE, "alice") is None
    assert full.principal_of_id(ALICE) == make_user("alice")
    assert full.principal_of_id("AROAROLE") == make_role("worker")
    full.run(lambda tx: tx.delete_principal(make_user("alice")))
    assert full.principal_of_id(ALICE) is None


def test_a_replaced_principal_keeps_what_belongs_to_it(full: SqlStore) -> None:
    """UpdateRole and its like touch the principal's own row alone."""
    changed = replace(make_user("alice"), description="moved", path="/elsewhere/")
    before = full.principal(ACCOUNT, USER, "alice")
    full.run(lambda tx: tx.put_principal(changed))
    assert before is not None
    assert full.principal(ACCOUNT, USER, "alice") == replace(before, principal=changed)
    full.check()


def test_a_policy_is_replaced_and_removed(full: SqlStore) -> None:
    """By its name; others stay."""
    alice = make_user("alice")
    full.run(lambda tx: tx.put_principal_policy(alice, "may", "{}"))
    full.run(lambda tx: tx.delete_principal_policy(alice, "may not"))
    stored = full.principal(ACCOUNT, USER, "alice")
    assert stored is not None
    assert stored.policies == {"may": "{}"}


def test_with_a_principal_goes_all_that_belongs_to_it(full: SqlStore) -> None:
    """A namesake made later has none of it; the others keep theirs."""
    alice = make_user("alice")
    full.run(lambda tx: tx.delete_principal(alice))
    assert full.principal(ACCOUNT, USER, "alice") is None
    assert full.credential(AK2) is None
    assert full.credential(AK1) == make_credential(AK1)
    again = make_user("alice", unique_id="AIDANEW")
    full.run(lambda tx: tx.put_principal(again))
    assert full.principal(ACCOUNT, USER, "alice") == StoredPrincipal(again, {}, ())
    full.check()


def test_an_access_key_is_replaced_and_removed(full: SqlStore) -> None:
    """It is read by its id, and with its principal."""
    alice = make_user("alice")
    switched_off = make_credential(AK2, active=False, owner=alice)
    full.run(lambda tx: tx.put_credential(switched_off))
    assert full.credential(AK2) == switched_off
    full.run(lambda tx: tx.delete_credential(switched_off))
    assert full.credential(AK2) is None
    stored = full.principal(ACCOUNT, USER, "alice")
    assert stored is not None
    assert stored.credentials == ()


def test_an_account_that_is_known_stays_as_it_is(full: SqlStore) -> None:
    """Its root keeps the time of its making, its users stay."""
    full.run(lambda tx: tx.put_account(ACCOUNT, 5.0))
    root = full.principal(ACCOUNT, ROOT, "")
    assert root is not None
    assert root.principal.created_at == 1_700_000_000.0
    assert full.principal(ACCOUNT, USER, "alice") is not None


def test_a_job_sees_the_principals_that_it_made(store: SqlStore) -> None:
    """In one transaction: an account, a user in it, a policy and an access key of the user."""

    def work(tx: SqlTransaction) -> StoredPrincipal | None:
        carol = make_user("carol", "000000000003")
        tx.put_account(carol.account, 1.0)
        tx.put_principal(carol)
        tx.put_principal_policy(carol, "p", "{}")
        tx.put_credential(make_credential("AKIA3", owner=carol))
        return tx.principal(carol.account, USER, "carol")

    seen = store.run(work)
    assert seen is not None
    assert (seen.policies, len(seen.credentials)) == ({"p": "{}"}, 1)
    assert store.principal("000000000003", USER, "carol") == seen


@pytest.mark.parametrize(
    "work",
    [
        lambda tx: tx.delete_principal(make_user("none")),
        lambda tx: tx.delete_principal_policy(make_user("alice"), "none"),
        lambda tx: tx.delete_credential(make_credential("AKIANONE")),
    ],
    ids=["principal", "policy", "access key"],
)
def test_what_is_removed_must_be_there(full: SqlStore, work: object) -> None:
    """To remove anything else says that somebody else removed it."""
    with pytest.raises(TamperedStoreError, match="missing"):
        full.run(work)  # type: ignore[arg-type]
    full.check()
