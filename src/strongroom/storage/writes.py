"""What the writes of all kinds of rows share: parents follow, and what is left to do before the commit."""

from collections import Counter
from typing import TypeVar

from strongroom.model.region import Realm
from strongroom.ports import Change, RowSeal
from strongroom.storage import changes
from strongroom.storage.checked import CheckedRows
from strongroom.storage.database import Database, Row
from strongroom.storage.rows import DESTROYED, KEYS, META, REALMS, REGISTRY, REGISTRY_NAME
from strongroom.storage.sealed import SET_HASH, SealedRows, SealedTable

P = TypeVar("P")


class Pending:
    """What the jobs of a batch leave to the end of it: shares of the upper set hashes, and change log entries.

    So the rows that all jobs share, of realms and the registry, are written once in a batch.
    """

    def __init__(self) -> None:
        self.changes: dict[Change, None] = {}
        self.realms: Counter[Realm] = Counter()
        self.registry = 0
        self.destroys = False

    def merge(self, other: "Pending") -> None:
        """Take over what a job left."""
        self.changes.update(other.changes)
        for realm, share in other.realms.items():
            self.realms[realm] += share
        self.registry += other.registry
        self.destroys |= other.destroys

    def settle(self, rows: SealedRows) -> None:
        """Write it all down; the last thing before the commit."""
        registry = self.registry
        for realm, share in self.realms.items():
            old = rows.find(REALMS, *realm)
            hashes = rows.set_hash(share) if old is None else rows.shifted(old[SET_HASH], share)
            registry += rows.write(REALMS, old, (*realm, *hashes))
        if self.destroys:
            old = rows.find(META, DESTROYED)
            registry += rows.write(META, old, (DESTROYED, str(1 if old is None else int(old[1]) + 1)))
        if registry:
            old = rows.require(REGISTRY, REGISTRY_NAME)
            rows.write(REGISTRY, old, (REGISTRY_NAME, *rows.shifted(old[SET_HASH], registry)))
        self.changes.pop(changes.NOTHING, None)
        changes.append(rows, changes.head(rows), self.changes or (changes.NOTHING,))


class Writes(CheckedRows):
    """Somebody who writes rows whose parents must follow."""

    def __init__(self, database: Database, seal: RowSeal) -> None:
        super().__init__(database, seal)
        self.pending = Pending()

    def _put(self, table: SealedTable, values: Row) -> int:
        """Add a row or replace the one of its key; the row's share in its parent."""
        return self._rows.write(table, self._rows.find(table, *values[: len(table.keys)]), values)

    def _parts(self, share: int, parent: P, old: Row | None, old_parent: P | None) -> dict[P, int]:
        """Divide the share of a replaced row between its new parent and the one that it was under before."""
        if old is None or old_parent is None or old_parent == parent:
            return {parent: share}
        gone = self._rows.seal.element(old[-1])
        return {old_parent: -gone, parent: share + gone}

    def _rewrite_key(self, realm: Realm, key_id: str, share: int, values: Row | None = None) -> None:
        """Let a key follow, and tell the caches."""
        self._rewrite_key_row(realm, key_id, share, values)
        self._changed("key", realm, key_id)

    def _rewrite_key_row(self, realm: Realm, key_id: str, share: int, values: Row | None = None) -> None:
        old = self._rows.require(KEYS, *realm, key_id)
        hashes = self._rows.shifted(old[SET_HASH], share)
        self.pending.realms[realm] += self._rows.write(KEYS, old, (*(values or old[:-4]), *hashes))

    def _hang(self, share: int) -> None:
        """Take note of a row right under the registry."""
        self.pending.registry += share
        self.pending.changes[changes.NOTHING] = None

    def _changed(self, kind: str, realm: Realm, name: str) -> None:
        self.pending.changes[Change(kind, realm.account, realm.region, name)] = None
