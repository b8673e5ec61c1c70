"""What somebody who can write to the database file, and has no key, may do to it."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.policies import open_policy
from tests.soak.wire import Wire, blob

TABLES = (
    *("registry", "meta", "accounts", "realms", "audit_heads", "principals", "principal_policies", "credentials"),
    *("keys", "materials", "policies", "tags", "aliases", "grant_index", "grants", "change_log"),
)
Rows = dict[str, list[tuple[Any, ...]]]
Call = tuple[str, dict[str, Any]]


@contextlib.contextmanager
def outsider(database: Path) -> Iterator[sqlite3.Connection]:
    """A plain connection to the file; what it did is committed at the end."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        yield connection


def all_rows(database: Path) -> Rows:
    """Everything that is under a MAC."""
    with outsider(database) as connection:
        return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}  # noqa: S608 - ours


def put_rows(connection: sqlite3.Connection, table: str, rows: list[tuple[Any, ...]]) -> None:
    """Put rows in, over those of the same primary keys."""
    for row in rows:
        connection.execute(f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608 - ours


def put_everything_back(database: Path, rows: Rows) -> None:
    """Make all tables what they were."""
    with outsider(database) as connection:
        for table, old in rows.items():
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - ours
            put_rows(connection, table, old)


class Room(NamedTuple):
    """An account with something in it.

    Attributes:
        key: Has a policy that replaced another, the tag ``stage`` that replaced another, and a tag less than before.
        off: A key that was disabled.
        other: A key that had the alias ``alias/app`` before ``key`` got it.
        old: All rows as they were before that.
    """

    account: str
    key: str
    off: str
    other: str
    old: Rows


def furnish(port: int, account: str, database: Path) -> Room:
    """Make an account's keys, keep a copy of the rows, and change things."""
    with Wire(port, account) as wire:
        key, off, other = (wire.ask("CreateKey", {})["KeyMetadata"]["KeyId"] for _ in range(3))
        wire.ask("PutKeyPolicy", {"KeyId": key, "Policy": open_policy("lax")})
        tags = [{"TagKey": "stage", "TagValue": "test"}, {"TagKey": "trusted", "TagValue": "yes"}]
        wire.ask("TagResource", {"KeyId": key, "Tags": tags})
        wire.ask("CreateAlias", {"AliasName": "alias/app", "TargetKeyId": other})
        old = all_rows(database)
        wire.ask("PutKeyPolicy", {"KeyId": key, "Policy": open_policy("strict")})
        wire.ask("TagResource", {"KeyId": key, "Tags": [{"TagKey": "stage", "TagValue": "production"}]})
        wire.ask("UntagResource", {"KeyId": key, "TagKeys": ["trusted"]})
        wire.ask("UpdateAlias", {"AliasName": "alias/app", "TargetKeyId": key})
        wire.ask("DisableKey", {"KeyId": off})
    return Room(account, key, off, other, old)


# --- calls ---


def use(key_id: str) -> list[Call]:
    """Calls of every kind that read a key: its own row, policy and tags, cryptographic use, and writes."""
    return [
        ("DescribeKey", {"KeyId": key_id}),
        ("GetKeyPolicy", {"KeyId": key_id}),
        ("ListResourceTags", {"KeyId": key_id}),
        ("ListAliases", {"KeyId": key_id}),
        ("Encrypt", {"KeyId": key_id, "Plaintext": blob(b"secret")}),
        ("PutKeyPolicy", {"KeyId": key_id, "Policy": open_policy("strict")}),
        ("TagResource", {"KeyId": key_id, "Tags": [{"TagKey": "stage", "TagValue": "production"}]}),
        ("UpdateKeyDescription", {"KeyId": key_id, "Description": ""}),
    ]


def use_key(room: Room) -> list[Call]:
    """Calls on the key."""
    return use(room.key)


def use_off(room: Room) -> list[Call]:
    """Calls on the disabled key."""
    return use(room.off)


def use_alias(room: Room) -> list[Call]:
    """Calls by the alias."""
    return [
        ("DescribeKey", {"KeyId": "alias/app"}),
        ("Encrypt", {"KeyId": "alias/app", "Plaintext": blob(b"secret")}),
        ("UpdateAlias", {"AliasName": "alias/app", "TargetKeyId": room.key}),
    ]


def use_anything(room: Room) -> list[Call]:
    """Calls on nothing, on the key, and on another."""
    return [
        ("ListKeys", {}),
        ("GenerateRandom", {"NumberOfBytes": 8}),
        ("CreateKey", {}),
        *use(room.key),
        *use(room.other),
    ]


# --- attacks ---

Deed = Callable[[sqlite3.Connection, Room], object]


def sql(text: str) -> Deed:
    """A statement; ``:key`` and the like are what the room has."""
    return lambda connection, room: connection.execute(text, {**room._asdict(), "old": None})


def older(table: str, column: str, member: str) -> Deed:
    """Put older rows of a table back."""

    def put_back(connection: sqlite3.Connection, room: Room) -> None:
        names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        place = names.index(column)
        put_rows(connection, table, [row for row in room.old[table] if row[place] == getattr(room, member)])

    return put_back


def swap_materials(connection: sqlite3.Connection, room: Room) -> None:
    """Give each of two keys the other's wrapped material."""
    wraps = dict(connection.execute("SELECT key_id, wrapped FROM materials WHERE account = ?", (room.account,)))
    for mine, others in ((room.key, room.other), (room.other, room.key)):
        connection.execute("UPDATE materials SET wrapped = ? WHERE key_id = ?", (wraps[others], mine))


class Attack(NamedTuple):
    """One attack.

    Attributes:
        calls: The calls that it touches.
        named: The table that the operator is told.
        whole: Whether it is found by the check of the whole store, and with it at the start.
    """

    deed: Deed
    calls: Callable[[Room], list[Call]]
    named: str
    whole: bool = False


ATTACKS: dict[str, Attack] = {
    "a policy edited": Attack(sql("UPDATE policies SET document = '{}' WHERE key_id = :key"), use_key, "policies"),
    "a policy deleted": Attack(sql("DELETE FROM policies WHERE key_id = :key"), use_key, "keys"),
    "an older policy": Attack(older("policies", "key_id", "key"), use_key, "keys"),
    "a tag edited": Attack(sql("UPDATE tags SET tag_value = 'test' WHERE key_id = :key"), use_key, "tags"),
    "a tag deleted": Attack(sql("DELETE FROM tags WHERE key_id = :key"), use_key, "keys"),
    "older tags, one of them removed": Attack(older("tags", "key_id", "key"), use_key, "keys"),
    "an alias deleted": Attack(sql("DELETE FROM aliases WHERE key_id = :key"), use_key, "keys"),
    "an alias pointed elsewhere": Attack(
        sql("UPDATE aliases SET key_id = :other WHERE key_id = :key"), use_alias, "aliases"
    ),
    "an older alias, by name": Attack(older("aliases", "key_id", "other"), use_alias, "keys"),
    "an older alias, by its key": Attack(older("aliases", "key_id", "other"), use_key, "keys"),
    "a state edited": Attack(sql("UPDATE keys SET state = 'Enabled' WHERE key_id = :off"), use_off, "keys"),
    "materials swapped": Attack(swap_materials, use_key, "materials"),
    "a material deleted": Attack(sql("DELETE FROM materials WHERE key_id = :key"), use_key, "keys"),
    "a key moved to another Region": Attack(
        sql("UPDATE keys SET region = 'eu-west-1' WHERE key_id = :key"), use_anything, "realms", whole=True
    ),
    "an older state": Attack(older("keys", "key_id", "off"), use_anything, "realms", whole=True),
    "a key deleted": Attack(sql("DELETE FROM keys WHERE key_id = :off"), use_anything, "realms", whole=True),
    "a Region's row deleted": Attack(
        sql("DELETE FROM realms WHERE account = :account"), use_anything, "registry", whole=True
    ),
    "an older row of a Region": Attack(older("realms", "account", "account"), use_anything, "registry", whole=True),
    "the mode edited": Attack(
        sql("UPDATE meta SET value = 'production' WHERE name = 'mode'"), use_anything, "meta", whole=True
    ),
    "an account added": Attack(
        sql("INSERT INTO accounts SELECT :account, created_at, set_nonce, set_sum, version, mac FROM accounts"),
        use_anything,
        "accounts",
        whole=True,
    ),
    "the registry deleted": Attack(sql("DELETE FROM registry"), use_anything, "registry", whole=True),
    "the change log emptied": Attack(sql("DELETE FROM change_log"), use_anything, "change_log", whole=True),
    "the change log edited": Attack(
        sql("UPDATE change_log SET name = 'x' WHERE seq = (SELECT max(seq) FROM change_log)"),
        use_anything,
        "change_log",
        whole=True,
    ),
}
