"""A second reader of the rows, with nothing but the docs, sqlite3 and hmac; and what it must find."""

import hashlib
import hmac
import json
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from strongroom.storage.store import SqlStore
from tests.storage.support import (
    AK1,
    AK2,
    G1,
    G3,
    K1,
    K2,
    LATER,
    MAC_KEY,
    REALM,
    SET_KEY,
    TRUST,
    disabled,
    make_credential,
    make_grant,
    make_key,
    make_user,
    outsider,
)

# docs/reference/storage.md: the columns of each table in order, the primary key first, and their kinds.
COLUMNS: dict[str, str] = {
    "registry": "name:text set_nonce:bytes set_sum:bytes version:int",
    "meta": "name:text value:text version:int",
    "accounts": "account:text created_at:float set_nonce:bytes set_sum:bytes version:int",
    "realms": "account:text region:text set_nonce:bytes set_sum:bytes version:int",
    "audit_heads": "worker:int epoch:int sequence:int chain_mac:bytes created_at:float version:int",
    "principals": "account:text kind:text name:text path:text unique_id:text created_at:float description:text "
    "trust_document:text trust_bindings:text max_session_seconds:int set_nonce:bytes set_sum:bytes version:int",
    "principal_policies": "account:text kind:text name:text policy_name:text document:text version:int",
    "credentials": "access_key_id:text account:text kind:text name:text sealed_secret:bytes active:bool "
    "created_at:float version:int",
    "keys": "account:text region:text key_id:text spec:text usage:text origin:text manager:text state:text "
    "description:text created_at:float settles_as:text deletion_at:float pending_window_days:int primary_region:text "
    "replica_regions:text material_id:text valid_to:float rotation_period_days:int next_rotation_at:float "
    "on_demand_rotations:int on_demand_started_at:float due_at:float set_nonce:bytes set_sum:bytes version:int",
    "tombstones": "account:text region:text key_id:text deleted_at:float version:int",
    "materials": "account:text region:text key_id:text material_id:text wrapped:bytes created_at:float number:int "
    "pending:bool rotated_at:float rotation_type:text description:text valid_to:float version:int",
    "policies": "account:text region:text key_id:text name:text document:text bindings:text version:int",
    "tags": "account:text region:text key_id:text tag_key:text tag_value:text version:int",
    "aliases": "account:text region:text name:text key_id:text created_at:float updated_at:float version:int",
    "grant_index": "account:text region:text key_id:text buckets:bytes version:int",
    "grants": "account:text region:text key_id:text grant_id:text name:text created_at:float grantee:text "
    "grantee_token:text retiring:text retiring_token:text issuing_account:text operations:text constraints:text "
    "bucket:int version:int",
    "leases": "name:text holder:text valid_to:float version:int",
    "change_log": "seq:int kind:text account:text region:text name:text previous:bytes",
}

# Child tables of each parent, and the columns of the child that hold the parent's key.
CHILDREN: dict[str, dict[str, tuple[str, ...]]] = {
    "keys": dict.fromkeys(("materials", "policies", "tags", "aliases", "grant_index"), ("account", "region", "key_id")),
    "realms": dict.fromkeys(("keys", "tombstones"), ("account", "region")),
    "principals": dict.fromkeys(("principal_policies", "credentials"), ("account", "kind", "name")),
    "accounts": {"principals": ("account",)},
    "registry": dict.fromkeys(("meta", "accounts", "realms", "audit_heads"), ()),
}


def typed(kind: str, value: Any) -> bytes:
    """One value with its type byte."""
    if value is None:
        return b"\0"
    encoders: dict[str, tuple[bytes, Callable[[Any], bytes]]] = {
        "int": (b"\1", lambda number: struct.pack(">q", number)),
        "text": (b"\2", str.encode),
        "bytes": (b"\3", bytes),
        "float": (b"\4", lambda number: struct.pack(">d", number)),
        "bool": (b"\5", lambda flag: bytes([flag])),
    }
    type_byte, encode = encoders[kind]
    return type_byte + encode(value)


def expected_mac(table: str, row: sqlite3.Row) -> bytes:
    """The MAC that a row should have."""
    parts = [table.encode()]
    for column in COLUMNS[table].split():
        name, kind = column.split(":")
        parts.append(typed(kind, row[name]))
    encoding = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hmac.new(MAC_KEY, encoding, "sha256").digest()


def number(prefix: bytes, data: bytes) -> int:
    """A share of a set hash."""
    return int(hmac.new(SET_KEY, prefix + data, "sha256").hexdigest(), 16)


def read_all(path: Path) -> dict[str, list[sqlite3.Row]]:
    """Every row of every table under a MAC."""
    with outsider(path) as connection:
        connection.row_factory = sqlite3.Row
        return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in COLUMNS}  # noqa: S608 - ours


def change_something(store: SqlStore) -> None:
    """Replace and remove rows, so that versions and sums have moved."""
    store.run(lambda tx: tx.update_key(disabled(make_key(K1))))
    store.run(lambda tx: tx.put_tags(make_key(K1), {"team": "blue", "ünï": "", "": "\U0001f511"}))
    store.run(lambda tx: tx.delete_tags(make_key(K1), ("env",)))
    store.run(lambda tx: tx.put_policy(make_key(K1), "extra", TRUST))
    store.run(lambda tx: tx.put_principal(make_user("bob", unique_id="AIDANEW")))
    store.run(lambda tx: tx.delete_principal_policy(make_user("alice"), "may"))
    store.run(lambda tx: tx.put_credential(make_credential(AK1, owner=make_user("bob"))))
    store.run(lambda tx: tx.delete_credential(make_credential(AK2)))
    store.run(lambda tx: tx.delete_grant(make_grant(G1)))
    store.run(lambda tx: tx.put_grant(make_grant("9" * 64, "service:s3.amazonaws.com")))
    store.run(lambda tx: tx.put_material(make_key(K1), replace(LATER, wrapped=b"once more")))
    store.run(lambda tx: tx.delete_key(make_key(K2), 1_700_000_060.5))
    store.run(lambda tx: tx.take_lease("jobs", "tests", 1_700_000_000.0, 1_700_000_030.5))


def test_the_second_reader_agrees_on_every_mac(full: SqlStore, path: Path) -> None:
    """Each stored MAC is the documented function of the row."""
    change_something(full)
    tables = read_all(path)
    for table, rows in tables.items():
        assert rows, table
        for row in rows:
            assert row["mac"] == expected_mac(table, row), (table, tuple(row)[:4])


def test_the_second_reader_agrees_on_every_set_hash(full: SqlStore, path: Path) -> None:
    """Each stored set hash is the documented function of nonce and child rows."""
    change_something(full)
    tables = read_all(path)
    for table, children in CHILDREN.items():
        for parent in tables[table]:
            total = number(b"\0", parent["set_nonce"])
            for child, columns in children.items():
                for row in tables[child]:
                    if all(row[column] == parent[column] for column in columns):
                        total += number(b"\1", row["mac"])
            assert parent["set_sum"] == (total % 2**256).to_bytes(32, "big"), (table, tuple(parent)[:3])


def test_the_second_reader_agrees_on_the_index_of_grants(full: SqlStore, path: Path) -> None:
    """Each entry of an index has a bucket's number, how many grants lie in it, and their set hash; no other has any."""
    change_something(full)
    tables = read_all(path)
    (index,) = tables["grant_index"]
    assert len(index["buckets"]) % 54 == 0
    entries = [index["buckets"][at : at + 54] for at in range(0, len(index["buckets"]), 54)]
    buckets = [int.from_bytes(entry[:2], "big") for entry in entries]
    assert buckets == sorted({row["bucket"] for row in tables["grants"]})
    for bucket, entry in zip(buckets, entries, strict=True):
        grants = [row for row in tables["grants"] if row["bucket"] == bucket]
        assert int.from_bytes(entry[2:6], "big") == len(grants)
        total = number(b"\0", entry[6:22]) + sum(number(b"\1", row["mac"]) for row in grants)
        assert entry[22:] == (total % 2**256).to_bytes(32, "big")
    for row in tables["grants"]:
        assert row["bucket"] == hashlib.sha256(row["grantee_token"].encode()).digest()[0]


def test_the_second_reader_reads_what_is_written_as_json(full: SqlStore, path: Path) -> None:
    """Bindings are pairs; constraints are an object with three members, its pairs in the order of their keys."""
    change_something(full)
    tables = read_all(path)
    (policy,) = (row for row in tables["policies"] if row["name"] == "extra")
    assert json.loads(policy["bindings"]) == [list(pair) for pair in TRUST.bindings]
    (role,) = (row for row in tables["principals"] if row["kind"] == "role")
    assert json.loads(role["trust_bindings"]) == [list(pair) for pair in TRUST.bindings]
    (grant,) = (row for row in tables["grants"] if row["grant_id"] == G3)
    assert grant["constraints"] == '{"equals":{"a":"1","b":"2"},"subset":{},"source_arn":"arn:aws:s3:::bucket"}'
    assert grant["operations"] == "Encrypt RetireGrant"


def test_the_second_reader_agrees_on_the_chain(full: SqlStore, path: Path) -> None:
    """Change log entries are numbered from 1 and each names the MAC of the one before."""
    change_something(full)
    log = sorted(read_all(path)["change_log"], key=lambda entry: entry["seq"])
    assert [entry["seq"] for entry in log] == list(range(1, len(log) + 1))
    assert [entry["previous"] for entry in log] == [b"", *(entry["mac"] for entry in log[:-1])]


def test_nonces_and_versions_move_with_each_write(full: SqlStore, path: Path) -> None:
    """A replaced row has the next version, and every parent above it a fresh nonce."""

    def look() -> dict[str, tuple[int, bytes]]:
        tables = read_all(path)
        mine = {
            "keys": [row for row in tables["keys"] if row["key_id"] == K1],
            "realms": [row for row in tables["realms"] if row["region"] == REALM.region],
            "registry": tables["registry"],
        }
        return {table: (row["version"], row["set_nonce"]) for table, (row,) in mine.items()}

    before = look()
    full.run(lambda tx: tx.update_key(make_key(K1)))
    after = look()
    for table in before:
        assert after[table][0] == before[table][0] + 1
        assert after[table][1] != before[table][1]
        assert len(after[table][1]) == 16
