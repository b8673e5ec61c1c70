"""An attacker who can write to the file, and has no key: what they do is found by the call that would use it."""

from pathlib import Path

import pytest

from strongroom.model.policy import BoundPolicy
from strongroom.ports import TamperedStoreError
from strongroom.storage.rows import AuditHead
from strongroom.storage.store import SqlStore
from tests.storage.support import (
    ALIAS,
    DENY,
    K1,
    K2,
    OTHER_REALM,
    REALM,
    disabled,
    make_alias,
    make_key,
    make_stored,
    outsider,
    put_back,
    rows,
)
from tests.storage.tampering import (
    Edit,
    PutBack,
    check,
    read_alias,
    read_k1,
    read_k2,
    require_edit_found,
    require_older_row_found,
)

SWAP = f"""UPDATE materials SET wrapped = (SELECT wrapped FROM materials AS other WHERE other.rowid != materials.rowid
        AND other.region = '{REALM.region}') WHERE region = '{REALM.region}'"""  # noqa: S608 - a constant
COPY_DENY_TO_K2 = f"""INSERT INTO policies SELECT account, region, '{K2}', name, document, bindings, version, mac
        FROM policies WHERE name = 'extra'"""  # noqa: S608 - a constant

EDITS: dict[str, Edit] = {
    "a policy edited": Edit("UPDATE policies SET document = '{}' WHERE name = 'extra'", read_k1, "policies"),
    "a state edited": Edit("UPDATE keys SET state = 'Disabled'", read_k1, "keys"),
    "a key moved to another realm": Edit("UPDATE keys SET region = 'eu-west-2'", check, "realms"),
    "an integer where text was": Edit("UPDATE keys SET description = x'00'", read_k1, "keys"),
    "text where a blob was": Edit("UPDATE materials SET wrapped = 'text'", read_k1, "materials"),
    "a MAC shortened": Edit("UPDATE keys SET mac = x''", read_k1, "keys"),
    "a MAC as text": Edit("UPDATE keys SET mac = 'é'", read_k1, "keys"),
    "a column emptied": Edit("UPDATE keys SET material_id = NULL", read_k1, "keys"),
    "an unknown state": Edit("UPDATE keys SET state = 'Superb'", read_k1, "keys"),
    "wrapped materials swapped": Edit(SWAP, read_k1, "materials"),
    "a material deleted": Edit("DELETE FROM materials", read_k1, "keys"),
    "a policy deleted": Edit("DELETE FROM policies WHERE name = 'extra'", read_k1, "keys"),
    "a policy copied to another key": Edit(COPY_DENY_TO_K2, read_k2, "policies"),
    "a tag deleted": Edit("DELETE FROM tags WHERE tag_key = 'env'", read_k1, "keys"),
    "a tag edited": Edit("UPDATE tags SET tag_value = 'dev' WHERE tag_key = 'env'", read_k1, "tags"),
    "a tag renamed": Edit("UPDATE tags SET tag_key = 'Env' WHERE tag_key = 'env'", read_k1, "tags"),
    "an alias deleted": Edit("DELETE FROM aliases WHERE name = 'alias/app'", read_k1, "keys"),
    "an alias pointed elsewhere": Edit(f"UPDATE aliases SET key_id = '{K2}'", read_alias, "aliases"),  # noqa: S608
    "an alias edited, listed": Edit(
        "UPDATE aliases SET updated_at = 1", lambda store: store.aliases(REALM, "", 10), "aliases"
    ),
    "a key edited, listed": Edit("UPDATE keys SET created_at = 1", lambda store: store.key_ids(REALM, "", 9), "keys"),
    "a key deleted": Edit(f"DELETE FROM keys WHERE key_id = '{K1}'", check, "realms"),  # noqa: S608
    "a realm's keys deleted": Edit("DELETE FROM keys WHERE account = '210987654321'", check, "realms"),
    "a realm deleted": Edit("DELETE FROM realms WHERE region = 'us-east-1'", check, "registry"),
    "all realms deleted": Edit("DELETE FROM realms", check, "registry"),
    "the mode edited": Edit("UPDATE meta SET value = 'dev'", lambda store: store.read_meta("mode"), "meta"),
    "the mode deleted": Edit("DELETE FROM meta", check, "registry"),
    "an audit head edited": Edit(
        "UPDATE audit_heads SET sequence = 5", lambda store: store.audit_heads(), "audit_heads"
    ),
    "an audit head deleted": Edit("DELETE FROM audit_heads", check, "registry"),
    "the registry deleted": Edit("DELETE FROM registry", check, "registry"),
    "the change log emptied": Edit("DELETE FROM change_log", check, "change_log"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edit_is_found(full: SqlStore, path: Path, edit: Edit) -> None:
    """By the call that would use the row."""
    require_edit_found(full, path, edit)


PUT_BACK: dict[str, PutBack] = {
    "a policy": PutBack(
        "policies", lambda tx: tx.put_policy(make_key(K1), "extra", BoundPolicy("{}")), read_k1, "keys"
    ),
    "a policy put twice the same": PutBack(
        "policies", lambda tx: tx.put_policy(make_key(K1), "extra", DENY), read_k1, "keys"
    ),
    "a tag": PutBack("tags", lambda tx: tx.put_tags(make_key(K1), {"env": "dev"}), read_k1, "keys"),
    "a deleted tag": PutBack("tags", lambda tx: tx.delete_tags(make_key(K1), ("env",)), read_k1, "keys"),
    "a tag that was not there": PutBack("tags", lambda tx: tx.put_tags(make_key(K1), {"n": "1"}), read_k1, "keys"),
    "an alias, on its new key": PutBack("aliases", lambda tx: tx.put_alias(make_alias(ALIAS, K2)), read_k2, "keys"),
    "an alias, on its old key": PutBack("aliases", lambda tx: tx.put_alias(make_alias(ALIAS, K2)), read_alias, "keys"),
    "an alias of the same key": PutBack(
        "aliases", lambda tx: tx.put_alias(make_alias(ALIAS, K1, updated_at=9.0)), read_alias, "keys"
    ),
    "a deleted alias": PutBack("aliases", lambda tx: tx.delete_alias(make_alias(ALIAS, K1)), read_alias, "keys"),
    "a key's own row": PutBack("keys", lambda tx: tx.update_key(disabled(make_key(K1))), check, "realms"),
    "a key's own row after new tags": PutBack(
        "keys", lambda tx: tx.put_tags(make_key(K1), {"env": "dev"}), read_k1, "keys"
    ),
    "a key that was not there": PutBack("keys", lambda tx: tx.insert_key(make_stored("99")), check, "realms"),
    "a realm": PutBack("realms", lambda tx: tx.update_key(disabled(make_key(K1))), check, "registry"),
    "the registry": PutBack("registry", lambda tx: tx.update_key(disabled(make_key(K1))), check, "registry"),
    "a fact of the store": PutBack("meta", lambda tx: tx.put_meta("mode", "dev"), check, "registry"),
    "an audit head": PutBack(
        "audit_heads", lambda tx: tx.checkpoint_head(AuditHead(1, 1, 20, b"d" * 32, 1.0)), check, "registry"
    ),
}


@pytest.mark.parametrize("case", PUT_BACK.values(), ids=PUT_BACK.keys())
def test_an_older_row_is_found(full: SqlStore, path: Path, case: PutBack) -> None:
    """Rows that were once right, and still have a right MAC, are found when they are put back."""
    require_older_row_found(full, path, case)


TREE = ("keys", "materials", "policies", "tags", "aliases", "grants", "grant_index")


def test_a_key_put_back_with_all_that_belongs_to_it_is_found(full: SqlStore, path: Path) -> None:
    """A whole older key is right in itself; the check of the whole, and so ``changes``, finds it under its realm."""
    with outsider(path) as connection:
        old = {table: rows(connection, table) for table in TREE}
    full.run(lambda tx: tx.put_policy(make_key(K1), "extra", BoundPolicy("{}")))
    full.run(lambda tx: tx.insert_key(make_stored("99", OTHER_REALM)))
    assert full.changes()
    with outsider(path) as connection:
        for table in TREE:
            put_back(connection, table, old[table])
    assert read_k1(full).policies["extra"] == DENY
    with pytest.raises(TamperedStoreError, match=r"^realms\b"):
        full.changes()


def test_a_write_does_not_heal_what_an_attacker_did(full: SqlStore, path: Path) -> None:
    """What was deleted stays missed, though the service itself then writes to the same key."""
    with outsider(path) as connection:
        connection.execute("DELETE FROM policies WHERE name = 'extra'")
    full.run(lambda tx: tx.put_tags(make_key(K1), {"env": "dev"}))
    full.run(lambda tx: tx.put_policy(make_key(K1), "extra", BoundPolicy("{}")))
    with pytest.raises(TamperedStoreError, match=r"^keys\b"):
        read_k1(full)


def test_a_job_reads_checked_rows(full: SqlStore, path: Path) -> None:
    """Inside a transaction the same checks hold, for reads and for what a write goes by."""
    with outsider(path) as connection:
        connection.execute("UPDATE policies SET document = '{}' WHERE name = 'extra'")
    with pytest.raises(TamperedStoreError, match=r"^policies\b"):
        full.run(lambda tx: tx.key(REALM, K1))
    with pytest.raises(TamperedStoreError, match=r"^policies\b"):
        full.run(lambda tx: tx.put_policy(make_key(K1), "extra", BoundPolicy("{}")))


def test_rows_of_a_parent_that_does_not_exist_are_found(full: SqlStore, path: Path) -> None:
    """A key in a realm that was never made is found by the check of the whole."""
    with outsider(path) as connection:
        old = rows(connection, "keys")
        put_back(connection, "keys", [*old, ("another account", *old[0][1:])])
    with pytest.raises(TamperedStoreError, match=r"^keys\b"):
        full.check()
