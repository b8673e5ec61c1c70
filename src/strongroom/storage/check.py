"""The whole of the store against its set hashes."""

from collections import Counter

from sqlalchemy import select

from strongroom.ports import TamperedStoreError
from strongroom.storage import changes, schema
from strongroom.storage.rows import ACCOUNTS, AUDIT_HEADS, CREDENTIALS, META, REALMS, REGISTRY, REGISTRY_NAME
from strongroom.storage.sealed import SealedRows

_UNDER_REGISTRY = (
    (META, select(schema.meta)),
    (AUDIT_HEADS, select(schema.audit_heads)),
)
_ACCOUNTS = select(schema.accounts)
_REALMS = select(schema.realms)
_CREDENTIALS = select(schema.credentials)
_UNDER_REALMS = tuple(
    select(table.c.account, table.c.region, table.c.mac) for table in (schema.keys, schema.tombstones)
)


def check(rows: SealedRows) -> None:
    """Require that no row which decides access was added, taken away or put back behind the service's back.

    Reads every row of the registry, meta, accounts, access keys, realms and audit heads, the newest change log entry,
    and of each key and tombstone its MAC: a key's other columns, and what belongs to it, are checked each time that it
    is read.

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

        credentials: Counter[str] = Counter()
        for row in rows.select(CREDENTIALS, _CREDENTIALS, {}):
            credentials[row[1]] += rows.seal.element(row[-1])
        for account in accounts:
            rows.check_set(ACCOUNTS, account, credentials[account[0]])

        keys: Counter[tuple[str, str]] = Counter()
        for statement in _UNDER_REALMS:
            for account_id, region, mac in rows.database.stream(statement):
                keys[account_id, region] += rows.seal.element(mac)
        for realm in realms:
            rows.check_set(REALMS, realm, keys.pop((realm[0], realm[1]), 0))
        for place in keys:
            raise TamperedStoreError(f"keys: there are rows in {place}, which is no realm")

        changes.head(rows)
