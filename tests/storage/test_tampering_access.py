"""The same attacker at who may do what: principals and what belongs to them, and grants."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from strongroom.model.policy import BoundPolicy
from strongroom.ports import TamperedStoreError
from strongroom.storage.store import SqlStore
from tests.storage.support import (
    ACCOUNT,
    AK1,
    AK2,
    ALICE,
    BOB,
    DENY,
    G1,
    G2,
    G3,
    K1,
    K2,
    REALM,
    RICH_GRANT,
    make_credential,
    make_grant,
    make_key,
    make_role,
    make_stored,
    make_user,
    outsider,
    put_back,
    rows,
)
from tests.storage.tampering import (
    Edit,
    PutBack,
    check,
    read_credential,
    read_grant,
    read_k1,
    read_role,
    read_root,
    read_user,
    require_edit_found,
    require_older_row_found,
    use_grants,
)

ADD_USER = """INSERT INTO principals SELECT {}, kind, 'mallory', path, unique_id, created_at, description,
        trust_document, trust_bindings, max_session_seconds, set_nonce, set_sum, version, mac
        FROM principals WHERE name = 'alice'"""
COPY_ALLOW_TO_BOB = """INSERT INTO principal_policies SELECT account, kind, 'bob', policy_name, document, version, mac
        FROM principal_policies WHERE policy_name = 'may'"""
SAME_GRANT_TWICE = f"""INSERT INTO grants SELECT account, region, key_id, '{"9" * 64}', name, created_at, grantee,
        grantee_token, retiring, retiring_token, issuing_account, operations, constraints, bucket, version, mac
        FROM grants WHERE grant_id = '{G1}'"""  # noqa: S608 - a constant
TO_BOBS_BUCKET = f"UPDATE grants SET bucket = (SELECT bucket FROM grants WHERE grant_id = '{G3}')"  # noqa: S608
TO_ANOTHER_KEY = f"UPDATE grants SET key_id = '{K2}' WHERE grant_id = '{G1}'"  # noqa: S608

EDITS: dict[str, Edit] = {
    "a policy's bindings edited": Edit("UPDATE policies SET bindings = '[]' WHERE name = 'extra'", read_k1, "policies"),
    "an access key edited": Edit("UPDATE credentials SET active = 0", read_credential, "credentials"),
    "an access key given to another account": Edit(
        "UPDATE credentials SET account = '210987654321'", read_credential, "credentials"
    ),
    "a user's access key made the root's": Edit(
        f"UPDATE credentials SET kind = 'root', name = '' WHERE access_key_id = '{AK2}'",  # noqa: S608
        lambda store: store.credential(AK2),
        "credentials",
    ),
    "an access key deleted": Edit("DELETE FROM credentials", read_root, "principals"),
    "another access key of the principal deleted": Edit(
        f"DELETE FROM credentials WHERE access_key_id = '{AK2}'",  # noqa: S608
        read_user,
        "principals",
    ),
    "a principal of an access key deleted": Edit("DELETE FROM principals", read_credential, "principals"),
    "an account deleted": Edit("DELETE FROM accounts", read_credential, "accounts"),
    "an account without access keys deleted": Edit(
        "DELETE FROM accounts WHERE account = '210987654321'", check, "registry"
    ),
    "a user edited": Edit("UPDATE principals SET unique_id = 'AIDABOB'", read_user, "principals"),
    "a user renamed": Edit(
        "UPDATE principals SET name = 'ace' WHERE name = 'alice'",
        lambda store: store.principals(ACCOUNT, make_user("").kind, "", 9),
        "principals",
    ),
    "a user edited, bound": Edit(
        "UPDATE principals SET unique_id = 'AIDABOB' WHERE name = 'alice'",
        lambda store: store.principal_named(ACCOUNT, make_user("").kind, "alice"),
        "principals",
    ),
    "a user edited, shown": Edit(
        f"UPDATE principals SET name = 'ace' WHERE unique_id = '{ALICE}'",  # noqa: S608
        lambda store: store.principal_of_id(ALICE),
        "principals",
    ),
    "a user added": Edit(ADD_USER.format("account"), check, "accounts"),
    "a user added to an account that is none": Edit(ADD_USER.format("'000000000000'"), check, "principals"),
    "a user deleted": Edit("DELETE FROM principals WHERE name = 'alice'", check, "accounts"),
    "another principal deleted": Edit("DELETE FROM principals WHERE name = 'bob'", read_user, "accounts"),
    "a user moved to an account that is none": Edit(
        "UPDATE principals SET account = '000000000000' WHERE account = '210987654321'", check, "accounts"
    ),
    "an account edited, listed": Edit(
        "UPDATE accounts SET created_at = 1", lambda store: store.account_names("", 9), "accounts"
    ),
    "a trust policy edited": Edit(
        "UPDATE principals SET trust_document = '{}' WHERE kind = 'role'", read_role, "principals"
    ),
    "a trust policy's bindings edited": Edit(
        "UPDATE principals SET trust_bindings = '[]' WHERE kind = 'role'", read_role, "principals"
    ),
    "a user's policy edited": Edit("UPDATE principal_policies SET document = '{}'", read_user, "principal_policies"),
    "a user's Deny deleted": Edit(
        "DELETE FROM principal_policies WHERE policy_name = 'may not'", read_user, "principals"
    ),
    "a user's Deny deleted, for the access key": Edit(
        "DELETE FROM principal_policies WHERE policy_name = 'may not'",
        lambda store: store.credential(AK2),
        "principals",
    ),
    "a policy copied to another user": Edit(
        COPY_ALLOW_TO_BOB, lambda store: store.principal(ACCOUNT, make_user("").kind, "bob"), "principal_policies"
    ),
    "a grant edited": Edit("UPDATE grants SET operations = 'Encrypt Decrypt'", use_grants, "grants"),
    "a grant's constraints removed": Edit(
        "UPDATE grants SET constraints = '{}'", lambda store: store.grants(REALM, K1, "", 9), "grants"
    ),
    "a grant given to another": Edit(
        "UPDATE grants SET retiring_token = 'AIDAMALLORY'",
        lambda store: store.retirable_grants(REALM.region, "AIDAMALLORY", "", 9) or check,
        "grants",
    ),
    "a grant deleted": Edit(f"DELETE FROM grants WHERE grant_id = '{G2}'", use_grants, "grant_index"),  # noqa: S608
    "another grant of the grantee deleted": Edit(
        f"DELETE FROM grants WHERE grant_id = '{G2}'",  # noqa: S608
        read_grant,
        "grant_index",
    ),
    "a grant doubled": Edit(SAME_GRANT_TWICE, use_grants, "grants"),
    "a grant moved to another bucket": Edit(TO_BOBS_BUCKET, read_grant, "grants"),
    "a grant moved to another key": Edit(
        TO_ANOTHER_KEY, lambda store: store.grants(REALM, K2, "", 9) or check, "grants"
    ),
    "the index edited": Edit("UPDATE grant_index SET buckets = x''", use_grants, "grant_index"),
    "the index edited, counted": Edit(
        "UPDATE grant_index SET buckets = x''", lambda store: store.grant_count(REALM, K1), "grant_index"
    ),
    "the index deleted": Edit("DELETE FROM grant_index", use_grants, "keys"),
    "the index deleted, for the key": Edit("DELETE FROM grant_index", read_k1, "keys"),
    "the key of a grant deleted": Edit(f"DELETE FROM keys WHERE key_id = '{K1}'", read_grant, "grant_index"),  # noqa: S608
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edit_is_found(full: SqlStore, path: Path, edit: Edit) -> None:
    """By the call that would use the row."""
    require_edit_found(full, path, edit)


PUT_BACK: dict[str, PutBack] = {
    "the bindings of a key's policy": PutBack(
        "policies",
        lambda tx: tx.put_policy(make_key(K1), "extra", BoundPolicy(DENY.document, ((DENY.bindings[0][0], ALICE),))),
        read_k1,
        "keys",
    ),
    "an access key": PutBack(
        "credentials", lambda tx: tx.put_credential(make_credential(AK1, active=False)), read_credential, "principals"
    ),
    "a removed access key": PutBack(
        "credentials", lambda tx: tx.delete_credential(make_credential(AK1)), read_credential, "principals"
    ),
    "an access key of another principal now": PutBack(
        "credentials",
        lambda tx: tx.put_credential(make_credential(AK1, owner=make_user("alice"))),
        read_credential,
        "principals",
    ),
    "a root": PutBack(
        "principals", lambda tx: tx.put_credential(make_credential("AK9")), read_credential, "principals"
    ),
    "an account": PutBack("accounts", lambda tx: tx.put_principal(make_user("carol")), read_credential, "accounts"),
    "an account, for the whole": PutBack(
        "accounts", lambda tx: tx.put_principal(make_user("carol")), check, "registry"
    ),
    "a user": PutBack(
        "principals", lambda tx: tx.put_principal(make_user("alice", unique_id="AIDA9")), read_user, "accounts"
    ),
    "a removed user": PutBack("principals", lambda tx: tx.delete_principal(make_user("bob")), check, "accounts"),
    "a removed user, read": PutBack(
        "principals", lambda tx: tx.delete_principal(make_user("bob")), read_user, "accounts"
    ),
    "a user that was not there": PutBack(
        "principals", lambda tx: tx.put_principal(make_user("carol")), read_user, "accounts"
    ),
    "a trust policy": PutBack(
        "principals", lambda tx: tx.put_principal(replace(make_role("worker"), trust=DENY)), read_role, "accounts"
    ),
    "a removed Allow": PutBack(
        "principal_policies", lambda tx: tx.delete_principal_policy(make_user("alice"), "may"), read_user, "principals"
    ),
    "a user without a Deny that came": PutBack(
        "principal_policies",
        lambda tx: tx.put_principal_policy(make_user("alice"), "never", '{"Effect":"Deny"}'),
        read_user,
        "principals",
    ),
    "a replaced policy": PutBack(
        "principal_policies",
        lambda tx: tx.put_principal_policy(make_user("alice"), "may", "{}"),
        read_user,
        "principals",
    ),
    "a revoked grant": PutBack("grants", lambda tx: tx.delete_grant(make_grant(G1)), use_grants, "grant_index"),
    "a revoked grant, by its id": PutBack(
        "grants", lambda tx: tx.delete_grant(make_grant(G1)), read_grant, "grant_index"
    ),
    "an older index": PutBack("grant_index", lambda tx: tx.delete_grant(make_grant(G1)), use_grants, "keys"),
    "an older index, for the key": PutBack("grant_index", lambda tx: tx.delete_grant(RICH_GRANT), read_k1, "keys"),
    "an older index, for others": PutBack(
        "grant_index", lambda tx: tx.put_grant(make_grant("9" * 64, BOB)), use_grants, "keys"
    ),
    "a key's row of before a grant": PutBack("keys", lambda tx: tx.put_grant(make_grant("9" * 64)), use_grants, "keys"),
}


@pytest.mark.parametrize("case", PUT_BACK.values(), ids=PUT_BACK.keys())
def test_an_older_row_is_found(full: SqlStore, path: Path, case: PutBack) -> None:
    """Rows that were once right, and still have a right MAC, are found when they are put back."""
    require_older_row_found(full, path, case)


def test_a_revoked_grant_with_its_index_is_found(full: SqlStore, path: Path) -> None:
    """Grants and index put back together fit each other; the key knows better."""
    with outsider(path) as connection:
        old = {table: rows(connection, table) for table in ("grants", "grant_index")}
    full.run(lambda tx: tx.delete_grant(make_grant(G1)))
    with outsider(path) as connection:
        for table, before in old.items():
            put_back(connection, table, before)
    for find in (use_grants, read_grant, read_k1):
        with pytest.raises(TamperedStoreError, match=r"^keys\b"):
            find(full)


def test_grants_of_a_deleted_key_do_not_come_back(full: SqlStore, path: Path) -> None:
    """Not with a key of the same id, such as a replica made again, and not by themselves."""
    with outsider(path) as connection:
        old = rows(connection, "grants")
    full.run(lambda tx: tx.delete_key(make_key(K1), 1.0))
    with outsider(path) as connection:
        put_back(connection, "grants", old)
    for find in (use_grants, read_grant):
        with pytest.raises(TamperedStoreError, match=r"^grant_index\b"):
            find(full)
    full.run(lambda tx: tx.insert_key(make_stored(K1)))
    for find in (use_grants, read_grant):
        with pytest.raises(TamperedStoreError, match=r"^grant_index\b"):
            find(full)


def test_an_attackers_grant_is_not_forgotten_with_the_last_of_its_bucket(full: SqlStore, path: Path) -> None:
    """A bucket is left by its last grant only where nothing else is in its sum."""
    full.run(lambda tx: tx.delete_grant(make_grant(G2)))
    with outsider(path) as connection:
        old = rows(connection, "grants")
    full.run(lambda tx: tx.delete_grant(make_grant(G1)))
    full.run(lambda tx: tx.put_grant(make_grant("9" * 64)))
    with outsider(path) as connection:
        put_back(connection, "grants", old)
    with pytest.raises(TamperedStoreError, match=r"^grant_index\b"):
        full.run(lambda tx: tx.delete_grant(make_grant(G1)))


def test_a_grant_without_any_index_is_not_revoked_either(full: SqlStore, path: Path) -> None:
    """An attacker's grant on a key that has none is found by the write, too."""
    full.run(lambda tx: tx.put_grant(make_grant(G1, key_id=K2)))
    with outsider(path) as connection:
        old = rows(connection, "grants")
    full.run(lambda tx: tx.delete_grant(make_grant(G1, key_id=K2)))
    with outsider(path) as connection:
        put_back(connection, "grants", old)
    with pytest.raises(TamperedStoreError, match=r"^grant_index\b"):
        full.run(lambda tx: tx.delete_grant(make_grant(G1, key_id=K2)))


@pytest.mark.parametrize(
    ("sql", "found_by", "named"),
    [
        ("DELETE FROM principal_policies WHERE policy_name = 'may not'", read_user, "principals"),
        (f"DELETE FROM grants WHERE grant_id = '{G2}'", use_grants, "grant_index"),  # noqa: S608 - a constant
        ("DELETE FROM principals WHERE name = 'bob'", read_user, "accounts"),
    ],
    ids=["policy", "grant", "principal"],
)
def test_a_write_does_not_heal_what_an_attacker_did(
    full: SqlStore, path: Path, sql: str, found_by: object, named: str
) -> None:
    """What was deleted stays missed, though the service itself then writes beside it."""
    assert callable(found_by)
    with outsider(path) as connection:
        connection.execute(sql)
    full.run(lambda tx: tx.put_principal_policy(make_user("alice"), "more", "{}"))
    full.run(lambda tx: tx.put_grant(make_grant("9" * 64)))
    full.run(lambda tx: tx.put_principal(make_user("carol")))
    with pytest.raises(TamperedStoreError, match=f"^{named}\\b"):
        found_by(full)


def test_an_account_that_was_deleted_is_missed_by_new_users(full: SqlStore, path: Path) -> None:
    """A deleted account does not come back by a write under it."""
    with outsider(path) as connection:
        connection.execute(f"DELETE FROM accounts WHERE account = '{ACCOUNT}'")  # noqa: S608 - a constant
    with pytest.raises(TamperedStoreError, match=r"^accounts\b.*missing"):
        full.run(lambda tx: tx.put_principal(make_user("carol")))
