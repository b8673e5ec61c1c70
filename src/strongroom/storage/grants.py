"""Grants: reads that prove those of one grantee without the others, and writes."""

from collections.abc import Iterable

from sqlalchemy import delete, select, union_all

from strongroom.model.grant import Grant
from strongroom.model.region import Realm
from strongroom.storage import schema
from strongroom.storage.buckets import Bucket, bucket_of, pack, unpack
from strongroom.storage.checked import CheckedRows
from strongroom.storage.database import Row
from strongroom.storage.rows import GRANT_INDEX, GRANTS, KEYS, grant_of, grant_values
from strongroom.storage.statements import OF_KEY, here, key_place, page
from strongroom.storage.writes import Writes

_BUCKET = select(schema.grants).where(*here(schema.grants, *OF_KEY, "bucket"))
_AFTER = page(schema.grants, OF_KEY, "grant_id")
_RETIRABLE = page(schema.grants, ("region", "retiring_token"), "grant_id")
_MACS_OF_KEY = union_all(
    *(
        select(table.c.mac).where(*here(table, *OF_KEY))
        for table in (schema.materials, schema.policies, schema.tags, schema.aliases, schema.grant_index)
    )
)
_REMOVE_ALL = tuple(delete(table).where(*here(table, *OF_KEY)) for table in (schema.grants, schema.grant_index))


class GrantReads(CheckedRows):
    """Reads of grants; each is one snapshot."""

    def grants_of(self, realm: Realm, key_id: str, grantee_token: str) -> tuple[Grant, ...]:
        """The grants on a key for one grantee, oldest first; none where there is no such key.

        The set of the grants in the grantee's bucket is checked, the index that it stands in, and the set of what
        belongs to the key.
        """
        with self._database.snapshot():
            rows = self._bucket(realm, key_id, bucket_of(grantee_token))
        return tuple(_oldest_first(row for row in rows if row[7] == grantee_token))

    def grant(self, realm: Realm, key_id: str, grant_id: str) -> Grant | None:
        """A grant, or None; the set of the grants in its bucket is checked."""
        with self._database.snapshot():
            row = self._rows.find(GRANTS, *realm, key_id, grant_id)
            if row is None:
                return None
            self._bucket(realm, key_id, row[13])
        return grant_of(row)

    def grants(self, realm: Realm, key_id: str, after: str, limit: int) -> list[Grant]:
        """The grants on a key with ids greater than ``after``, in order, at most ``limit``.

        Each row is checked, not the set of them: what is missing or was put back is found by ``grants_of``.
        """
        parameters = {**key_place(realm, key_id), "after": after, "limit": limit}
        with self._database.snapshot():
            return [grant_of(row) for row in self._rows.select(GRANTS, _AFTER, parameters)]

    def retirable_grants(self, region: str, retiring_token: str, after: str, limit: int) -> list[Grant]:
        """A Region's grants, of all accounts, that name a retiring principal: as ``grants``."""
        parameters = {"region": region, "retiring_token": retiring_token, "after": after, "limit": limit}
        with self._database.snapshot():
            return [grant_of(row) for row in self._rows.select(GRANTS, _RETIRABLE, parameters)]

    def grant_count(self, realm: Realm, key_id: str) -> int:
        """How many grants a key has; an older index, put back, passes here."""
        with self._database.snapshot():
            index = self._rows.find(GRANT_INDEX, *realm, key_id)
        return sum(bucket.size for bucket in _buckets(index).values())

    def _bucket(self, realm: Realm, key_id: str, number: int) -> list[Row]:
        """All rows of a bucket, proven from the key's row down; a key that is not there has none."""
        rows, place, parameters = self._rows, (*realm, key_id), key_place(realm, key_id)
        index, key = None, rows.find(KEYS, *place)
        if key is not None:
            index = rows.find(GRANT_INDEX, *place)
            rows.check_set(KEYS, key, rows.share(mac for (mac,) in self._database.rows(_MACS_OF_KEY, parameters)))
        bucket = _buckets(index).get(number) or Bucket(0, rows.set_hash(0))
        grants = rows.select(GRANTS, _BUCKET, {**parameters, "bucket": number})
        rows.check_sum(GRANT_INDEX, place, bucket.hashes, rows.share(row[-1] for row in grants))
        return grants


class GrantWrites(Writes):
    """Writes of grants: each costs the same however many others the key has."""

    def put_grant(self, grant: Grant) -> None:
        """Add a grant.

        Raises:
            StoreUnavailableError: There is one with its id.
        """
        self._shift(grant, self._rows.write(GRANTS, None, grant_values(grant)), 1)

    def delete_grant(self, grant: Grant) -> None:
        """Remove a grant that is there."""
        old = self._rows.require(GRANTS, *grant.realm, grant.key_id, grant.grant_id)
        self._shift(grant, self._rows.remove(GRANTS, old), -1)

    def _shift(self, grant: Grant, share: int, count: int) -> None:
        """Let a grant's bucket, the index that it stands in, and the key follow."""
        rows, place, number = self._rows, (*grant.realm, grant.key_id), bucket_of(grant.grantee_token)
        index = rows.find(GRANT_INDEX, *place)
        buckets = _buckets(index)
        bucket = buckets.pop(number, None) or Bucket(0, rows.set_hash(0))
        bucket = Bucket(bucket.size + count, rows.shifted(bucket.hashes, share))
        if bucket.size > 0:
            buckets[number] = bucket
        else:
            rows.check_sum(GRANT_INDEX, place, bucket.hashes, 0)  # else what is wrong in it would be forgotten
        if buckets:
            part = rows.write(GRANT_INDEX, index, (*place, pack(buckets)))
        else:
            part = rows.remove(GRANT_INDEX, rows.require(GRANT_INDEX, *place))
        self._rewrite_key_row(grant.realm, grant.key_id, part)
        self._changed("grants", grant.realm, f"{grant.key_id} {grant.grantee_token}")

    def _delete_grants(self, realm: Realm, key_id: str) -> None:
        """Remove all grants of a key that is about to go itself; what they summed up to goes with it."""
        for statement in _REMOVE_ALL:
            self._database.run(statement, key_place(realm, key_id))


def _buckets(index: Row | None) -> dict[int, Bucket]:
    return {} if index is None else unpack(index[3])


def _oldest_first(rows: Iterable[Row]) -> list[Grant]:
    return sorted(map(grant_of, rows), key=lambda grant: (grant.created_at, grant.grant_id))
