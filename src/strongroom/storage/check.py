"""The whole of the store against its set hashes."""

from collections import Counter
from typing import Any

from sqlalchemy import select

from strongroom.ports import TamperedStoreError
from strongroom.storage import changes, schema
from strongroom.storage.rows import ACCOUNTS, AUDIT_HEADS, META, REALMS, REGISTRY, REGISTRY_NAME
from strongroom.storage.sealed import SealedRows

_UNDER_REGISTRY = (
    (META, select(schema.meta)),
    (AUDIT_HEADS, select(schema.audit_heads)),
)
_ACCOUNTS = select(schema.accounts)
_REALMS = select(schema.realms)
_UNDER_ACCOUNTS = select(schema.principals.c.account, schema.principals.c.mac)
_UNDER_REALMS = tuple(
    select(table.c.account, table.c.region, table.c.mac) for table in (schema.keys, schema.tombstones)
)


def check(rows: SealedRows) -> None:
    """Require that no row which decides access was added, taken away or put back behind the service's back.

    Reads every row of the registry, meta, accounts, realms and audit heads, the newest change log entry, and of each
    principal, key and tombstone its MAC: the other columns of a principal or a key, and what belongs to it, are checked
    each time that it is read.

    Raises:
        TamperedStoreError: Something is not as it was written.
    """
    with rows.database.snapshot():
        registry = rows.require(REGISTRY, REGISTRY_NAME)
        accounts = rows.select(ACCOUNTS, _ACCOUNTS, {})
        realms = rows.select(REALMS, _REALMS, {})
        share = rows.share(row[-1] for row in (*accounts, *realms))
        for table, statement in _UNDER_REGISTRY:
            share += rows.share(row[-1] for row in rows.select(table, statement, {}))
        rows.check_set(REGISTRY, registry, share)

        principals: Counter[str] = Counter()
        for account, mac in rows.database.stream(_UNDER_ACCOUNTS):
            principals[account] += rows.seal.element(mac)
        for row in accounts:
            rows.check_set(ACCOUNTS, row, principals.pop(row[0], 0))
        _require_none("principals", principals)

        keys: Counter[tuple[str, str]] = Counter()
        for statement in _UNDER_REALMS:
            for account, region, mac in rows.database.stream(statement):
                keys[account, region] += rows.seal.element(mac)
        for row in realms:
            rows.check_set(REALMS, row, keys.pop((row[0], row[1]), 0))
        _require_none("keys", keys)

        changes.head(rows)


def _require_none(table: str, left: Counter[Any]) -> None:
    for place in left:
        raise TamperedStoreError(f"{table}: there are rows under {place}, which does not exist")
