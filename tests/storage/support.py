"""What the storage tests share: a seal, values, a store in a folder, and a plain connection for the attacker."""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from hmac import digest
from pathlib import Path
from typing import Any

import msgspec

from strongroom.model.grant import Constraints, Grant, GrantOperation
from strongroom.model.identity import Credential, Principal, PrincipalKind
from strongroom.model.key import Alias, Key, Material, RotationType, StoredKey
from strongroom.model.policy import BoundPolicy
from strongroom.model.region import Realm
from strongroom.model.spec import KeyManager, KeySpec, KeyUsage, Origin
from strongroom.model.state import KeyState
from strongroom.storage.create import create_store
from strongroom.storage.rows import AuditHead, RootKeyRow
from strongroom.storage.store import SqlStore, open_store
from strongroom.storage.transaction import SqlTransaction

MAC_KEY = b"m" * 32
SET_KEY = b"s" * 32

ACCOUNT = "123456789012"
OTHER_ACCOUNT = "210987654321"
REALM = Realm(ACCOUNT, "eu-west-1")
OTHER_REALM = Realm(OTHER_ACCOUNT, "us-east-1")

K1 = "11111111-0000-4000-8000-000000000000"
K2 = "22222222-0000-4000-8000-000000000000"
K3 = "33333333-0000-4000-8000-000000000000"
ALIAS = "alias/app"
AK1, AK2 = "AKIAAAAAAAAAAAAAAAA1", "AKIAAAAAAAAAAAAAAAA2"
G1, G2, G3 = "1" * 64, "2" * 64, "3" * 64
ALICE, BOB = "AIDAALICE", "AIDABOB"
"""Two grantees; their grants lie in different buckets."""


class HmacSeal:
    """ports.RowSeal with two keys at hand, as docs/reference/formats.md words it."""

    def mac(self, row: bytes) -> bytes:
        """MAC of a row."""
        return digest(MAC_KEY, row, "sha256")

    def element(self, row_mac: bytes) -> int:
        """Element of a set hash."""
        return int.from_bytes(digest(SET_KEY, b"\1" + row_mac, "sha256"), "big")

    def mask(self, nonce: bytes) -> int:
        """Mask of a set hash."""
        return int.from_bytes(digest(SET_KEY, b"\0" + nonce, "sha256"), "big")


def make_key(key_id: str, realm: Realm = REALM, description: str = "") -> Key:
    """A key as CreateKey makes it."""
    return Key(
        realm=realm,
        key_id=key_id,
        spec=KeySpec.SYMMETRIC_DEFAULT,
        usage=KeyUsage.ENCRYPT_DECRYPT,
        origin=Origin.AWS_KMS,
        manager=KeyManager.CUSTOMER,
        state=KeyState.ENABLED,
        description=description,
        created_at=1_700_000_000.25,
        material_id=key_id[:8] * 8,
    )


def make_stored(key_id: str, realm: Realm = REALM, tags: dict[str, str] | None = None) -> StoredKey:
    """A new key with material, default policy and tags."""
    key = make_key(key_id, realm)
    material_id = key.material_id or ""
    material = Material(material_id, os.urandom(70), key.created_at)
    return StoredKey(key, {material_id: material}, {"default": BoundPolicy(f'{{"Id":"{key_id}"}}')}, tags or {}, ())


def make_credential(
    access_key_id: str, *, active: bool = True, account: str = ACCOUNT, owner: Principal | None = None
) -> Credential:
    """An access key, of an account's root where no owner is named."""
    return Credential(
        access_key_id=access_key_id,
        account=account if owner is None else owner.account,
        kind=PrincipalKind.ROOT if owner is None else owner.kind,
        name="" if owner is None else owner.name,
        sealed_secret=b"sealed " + access_key_id.encode(),
        active=active,
        created_at=1_700_000_000.0,
    )


def make_user(name: str, account: str = ACCOUNT, unique_id: str = ALICE) -> Principal:
    """A user as CreateUser makes it."""
    return Principal(
        account=account,
        kind=PrincipalKind.USER,
        name=name,
        path="/",
        unique_id=unique_id,
        created_at=1_700_000_000.5,
    )


TRUST = BoundPolicy('{"Statement":[]}', (("arn:aws:iam::123456789012:user/alice", ALICE), ("ünï", "AIDA2")))
DENY = BoundPolicy('{"Effect":"Deny"}', (("arn:aws:iam::123456789012:user/bob", BOB),))


def make_role(name: str, account: str = ACCOUNT) -> Principal:
    """A role with a value in every column."""
    return Principal(
        account=account,
        kind=PrincipalKind.ROLE,
        name=name,
        path="/division/team/",
        unique_id="AROAROLE",
        created_at=1_700_000_000.75,
        description="assumed by däemons",
        trust=TRUST,
        max_session_seconds=3600,
    )


def make_grant(
    grant_id: str, grantee_token: str = ALICE, *, key_id: str = K1, realm: Realm = REALM, created_at: float = 1.5
) -> Grant:
    """A grant that names no retiring principal."""
    return Grant(
        realm=realm,
        key_id=key_id,
        grant_id=grant_id,
        name="",
        created_at=created_at,
        grantee=f"arn of {grantee_token}",
        grantee_token=grantee_token,
        retiring=None,
        retiring_token=None,
        issuing_account=ACCOUNT,
        operations=(GrantOperation.DECRYPT,),
        constraints=Constraints(),
    )


RICH_GRANT = msgspec.structs.replace(
    make_grant(G3, BOB, created_at=2.5),
    name="rich",
    retiring="arn of the retiring one",
    retiring_token="AIDARETIRING",
    operations=(GrantOperation.ENCRYPT, GrantOperation.RETIRE_GRANT),
    constraints=Constraints(equals={"b": "2", "a": "1"}, subset={}, source_arn="arn:aws:s3:::bucket"),
)
"""A grant with a value in every column."""


def make_alias(name: str, key_id: str, realm: Realm = REALM, updated_at: float = 1_700_000_000.5) -> Alias:
    """An alias."""
    return Alias(realm, name, key_id, 1_700_000_000.5, updated_at)


def disabled(key: Key) -> Key:
    """The key in state Disabled."""
    return msgspec.structs.replace(key, state=KeyState.DISABLED)


def fill(tx: SqlTransaction) -> None:
    """What a new store begins with."""
    tx.put_root_key(RootKeyRow(1, b"sealed root", 1_700_000_000.0))
    tx.put_account(ACCOUNT, 1_700_000_000.0)
    tx.put_account(OTHER_ACCOUNT, 1_700_000_000.0)
    tx.put_meta("mode", "production")


LATER = Material(
    "ab" * 32,
    b"a later one",
    1_700_000_050.0,
    number=2,
    pending=True,
    rotated_at=1_700_000_055.5,
    rotation_type=RotationType.ON_DEMAND,
    description="second",
    valid_to=1_800_000_000.5,
)
"""A material with a value in every column."""


def populate(tx: SqlTransaction) -> None:
    """Something in every table: K1 with aliases, tags and grants, K2 beside it, K3 elsewhere; users, a role."""
    for stored in (make_stored(K1, tags={"team": "red", "env": "prod"}), make_stored(K2), make_stored(K3, OTHER_REALM)):
        tx.insert_key(stored)
    tx.put_material(make_key(K1), LATER)
    tx.put_policy(make_key(K1), "extra", DENY)
    tx.put_alias(make_alias(ALIAS, K1))
    tx.put_alias(make_alias("alias/spare", K1))
    for principal in (make_user("alice"), make_user("bob", unique_id=BOB), make_role("worker")):
        tx.put_principal(principal)
    tx.put_principal_policy(make_user("alice"), "may", '{"Effect":"Allow"}')
    tx.put_principal_policy(make_user("alice"), "may not", '{"Effect":"Deny"}')
    tx.put_credential(make_credential(AK1))
    tx.put_credential(make_credential(AK2, owner=make_user("alice")))
    for grant in (make_grant(G1), make_grant(G2, created_at=0.5), RICH_GRANT):
        tx.put_grant(grant)
    tx.checkpoint_head(AuditHead(1, 1, 10, b"c" * 32, 1_700_000_000.0))
    tx.add_record("event-1", b"payload 1")


def no_veto() -> None:
    """A ``before_commit`` that never refuses."""


def new_store(folder: Path, before_commit: Callable[[], None] = no_veto) -> SqlStore:
    """Make and open a store in a folder."""
    path = folder / "strongroom.db"
    create_store(path, HmacSeal(), fill)
    return open_store(path, HmacSeal(), before_commit)


@contextlib.contextmanager
def outsider(path: Path) -> Iterator[sqlite3.Connection]:
    """A plain connection to the file, committed at the end: somebody who can write to the file and has no key."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def rows(connection: sqlite3.Connection, table: str) -> list[tuple[Any, ...]]:
    """All of a table."""
    return connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - a table of ours


def put_back(connection: sqlite3.Connection, table: str, old: list[tuple[Any, ...]]) -> None:
    """Make a table what it was."""
    connection.execute(f"DELETE FROM {table}")  # noqa: S608 - a table of ours
    for row in old:
        connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608 - as above
