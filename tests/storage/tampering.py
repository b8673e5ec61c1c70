"""What an attacker may do who can write to the file and has no key, and how it must be found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from strongroom.model.identity import PrincipalKind
from strongroom.ports import TamperedStoreError
from strongroom.storage.store import SqlStore
from strongroom.storage.transaction import SqlTransaction
from tests.storage.support import ACCOUNT, AK1, ALIAS, ALICE, G1, K1, K2, REALM, outsider, put_back, rows

Read = Callable[[SqlStore], Any]
Work = Callable[[SqlTransaction], Any]


def read_k1(store: SqlStore) -> Any:
    """Read the key K1."""
    return store.key(REALM, K1)


def read_k2(store: SqlStore) -> Any:
    """Read the key K2."""
    return store.key(REALM, K2)


def read_alias(store: SqlStore) -> Any:
    """Resolve the alias as a request does: the alias, then its key."""
    alias = store.alias(REALM, ALIAS)
    return alias and store.key(REALM, alias.key_id)


def read_credential(store: SqlStore) -> Any:
    """Read an access key."""
    return store.credential(AK1)


def check(store: SqlStore) -> Any:
    """Check the whole."""
    store.check()


def read_root(store: SqlStore) -> Any:
    """Read an account's root."""
    return store.principal(ACCOUNT, PrincipalKind.ROOT, "")


def read_user(store: SqlStore) -> Any:
    """Read the user alice."""
    return store.principal(ACCOUNT, PrincipalKind.USER, "alice")


def read_role(store: SqlStore) -> Any:
    """Read the role worker."""
    return store.principal(ACCOUNT, PrincipalKind.ROLE, "worker")


def use_grants(store: SqlStore) -> Any:
    """Read the grants on K1 that are for alice."""
    return store.grants_of(REALM, K1, ALICE)


def read_grant(store: SqlStore) -> Any:
    """Read one of them by its id."""
    return store.grant(REALM, K1, G1)


class Edit(NamedTuple):
    """SQL of the attacker, and who finds it."""

    sql: str
    found_by: Read
    named: str


class PutBack(NamedTuple):
    """A change by the service; then the table's rows are put back as they were before it."""

    table: str
    work: Work
    found_by: Read
    named: str


def require_edit_found(full: SqlStore, path: Path, edit: Edit) -> None:
    """Before the edit the call answers; after it the call raises and names the table."""
    assert edit.found_by(full) or edit.found_by is check
    with outsider(path) as connection:
        connection.execute(edit.sql)
        assert connection.total_changes
    with pytest.raises(TamperedStoreError, match=f"^{edit.named}\\b") as caught:
        edit.found_by(full)
    assert "sealed" not in str(caught.value)
    assert "Deny" not in str(caught.value)


def require_older_row_found(full: SqlStore, path: Path, case: PutBack) -> None:
    """After a change by the service, the rows of before are put back; then the call raises and names the table."""
    with outsider(path) as connection:
        old = rows(connection, case.table)
    full.run(case.work)
    full.check()
    with outsider(path) as connection:
        put_back(connection, case.table, old)
    with pytest.raises(TamperedStoreError, match=f"^{case.named}\\b"):
        case.found_by(full)
