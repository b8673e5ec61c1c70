"""Accounts, their principals, and what belongs to those: inline policies and access keys."""

from sqlalchemy import select

from strongroom.model.identity import Credential, Principal, PrincipalKind, StoredPrincipal
from strongroom.model.region import Realm
from strongroom.storage import schema
from strongroom.storage.checked import CheckedRows
from strongroom.storage.database import Row
from strongroom.storage.rows import (
    ACCOUNTS,
    CREDENTIALS,
    PRINCIPAL_POLICIES,
    PRINCIPALS,
    credential_of,
    credential_values,
    principal_of,
    principal_values,
)
from strongroom.storage.sealed import SET_HASH
from strongroom.storage.statements import OF_PRINCIPAL, here, page
from strongroom.storage.writes import Writes

_ACCOUNTS_AFTER = page(schema.accounts, (), "account")
_PRINCIPALS_AFTER = page(schema.principals, ("account", "kind"), "name")
_POLICIES = select(schema.principal_policies).where(*here(schema.principal_policies, *OF_PRINCIPAL))
_CREDENTIALS = select(schema.credentials).where(*here(schema.credentials, *OF_PRINCIPAL))
_OF_ID = select(schema.principals).where(*here(schema.principals, "unique_id"))
_MACS_OF_ACCOUNT = select(schema.principals.c.mac).where(*here(schema.principals, "account"))


class PrincipalReads(CheckedRows):
    """Reads of accounts and of who is in them; each is one snapshot."""

    def account_names(self, after: str, limit: int) -> list[str]:
        """The accounts known here greater than ``after``, in order, at most ``limit``.

        Each row is checked, not the set of them: what is missing here is found by ``check``.
        """
        with self._database.snapshot():
            return [row[0] for row in self._rows.select(ACCOUNTS, _ACCOUNTS_AFTER, {"after": after, "limit": limit})]

    def principal(self, account: str, kind: PrincipalKind, name: str) -> StoredPrincipal | None:
        """The root (whose name is empty), a user or a role of an account, or None.

        The sets of what belongs to it, and of the principals of its account, are checked.
        """
        with self._database.snapshot():
            row = self._rows.find(PRINCIPALS, account, kind.value, name)
            if row is None:
                return None
            policies, credentials = self._belongings(row)
        return StoredPrincipal(
            principal_of(row),
            {policy[3]: policy[4] for policy in sorted(policies, key=lambda policy: policy[3])},
            tuple(sorted(map(credential_of, credentials), key=lambda credential: credential.access_key_id)),
        )

    def principal_named(self, account: str, kind: PrincipalKind, name: str) -> Principal | None:
        """The own row of a principal, or None; checked as in ``account_names``."""
        with self._database.snapshot():
            row = self._rows.find(PRINCIPALS, account, kind.value, name)
        return None if row is None else principal_of(row)

    def principal_of_id(self, unique_id: str) -> Principal | None:
        """The user or role that has a unique id, or None: as ``principal_named``."""
        with self._database.snapshot():
            rows = self._rows.select(PRINCIPALS, _OF_ID, {"unique_id": unique_id})
        return principal_of(rows[0]) if rows else None

    def principals(self, account: str, kind: PrincipalKind, after: str, limit: int) -> list[Principal]:
        """An account's users or roles with names greater than ``after``, in order, at most ``limit``.

        Checked as in ``account_names``.
        """
        parameters = {"account": account, "kind": kind.value, "after": after, "limit": limit}
        with self._database.snapshot():
            return [principal_of(row) for row in self._rows.select(PRINCIPALS, _PRINCIPALS_AFTER, parameters)]

    def credential(self, access_key_id: str) -> Credential | None:
        """An access key, or None; its principal is checked as in ``principal``."""
        rows = self._rows
        with self._database.snapshot():
            row = rows.find(CREDENTIALS, access_key_id)
            if row is None:
                return None
            self._belongings(rows.require(PRINCIPALS, *row[1:4]))
        return credential_of(row)

    def _belongings(self, principal: Row) -> tuple[list[Row], list[Row]]:
        """Policies and access keys of a checked principal; proven with the principal, from its account down."""
        rows, place = self._rows, dict(zip(OF_PRINCIPAL, principal, strict=False))
        policies = rows.select(PRINCIPAL_POLICIES, _POLICIES, place)
        credentials = rows.select(CREDENTIALS, _CREDENTIALS, place)
        rows.check_set(PRINCIPALS, principal, rows.share(row[-1] for row in (*policies, *credentials)))
        account = rows.require(ACCOUNTS, principal[0])
        macs = self._database.rows(_MACS_OF_ACCOUNT, {"account": principal[0]})
        rows.check_set(ACCOUNTS, account, rows.share(mac for (mac,) in macs))
        return policies, credentials


class PrincipalWrites(Writes):
    """Writes of accounts and of who is in them. What is to be removed, and what something is put under, is there."""

    def put_account(self, account: str, created_at: float) -> None:
        """Add an account with its root, or leave it as it is where it is known."""
        rows = self._rows
        if rows.find(ACCOUNTS, account) is not None:
            return
        root = Principal(
            account=account, kind=PrincipalKind.ROOT, name="", path="/", unique_id=account, created_at=created_at
        )
        share = rows.write(PRINCIPALS, None, (*principal_values(root), *rows.set_hash(0)))
        self._hang(rows.write(ACCOUNTS, None, (account, created_at, *rows.set_hash(share))))
        self._principal_changed(root.account, root.kind, root.name)

    def put_principal(self, principal: Principal) -> None:
        """Add a user or a role, or replace its own row."""
        values = principal_values(principal)
        old = self._rows.find(PRINCIPALS, *values[:3])
        hashes = self._rows.set_hash(0) if old is None else old[SET_HASH]
        self._rewrite_account(principal.account, self._rows.write(PRINCIPALS, old, (*values, *hashes)))
        self._principal_changed(principal.account, principal.kind, principal.name)

    def delete_principal(self, principal: Principal) -> None:
        """Remove a user or a role with all that belongs to it."""
        rows = self._rows
        old = rows.require(PRINCIPALS, principal.account, principal.kind.value, principal.name)
        place = dict(zip(OF_PRINCIPAL, old, strict=False))
        for policy in rows.select(PRINCIPAL_POLICIES, _POLICIES, place):
            rows.remove(PRINCIPAL_POLICIES, policy)
        for credential in rows.select(CREDENTIALS, _CREDENTIALS, place):
            rows.remove(CREDENTIALS, credential)
            self._changed("credential", Realm(principal.account, ""), credential[0])
        self._rewrite_account(principal.account, rows.remove(PRINCIPALS, old))
        self._principal_changed(principal.account, principal.kind, principal.name)

    def put_principal_policy(self, principal: Principal, name: str, document: str) -> None:
        """Add or replace an inline policy of a user or a role."""
        place = (principal.account, principal.kind.value, principal.name)
        self._rewrite_principal(place, self._put(PRINCIPAL_POLICIES, (*place, name, document)))

    def delete_principal_policy(self, principal: Principal, name: str) -> None:
        """Remove an inline policy of a user or a role."""
        place = (principal.account, principal.kind.value, principal.name)
        old = self._rows.require(PRINCIPAL_POLICIES, *place, name)
        self._rewrite_principal(place, self._rows.remove(PRINCIPAL_POLICIES, old))

    def put_credential(self, credential: Credential) -> None:
        """Add or replace an access key of a principal."""
        values = credential_values(credential)
        old = self._rows.find(CREDENTIALS, credential.access_key_id)
        share = self._rows.write(CREDENTIALS, old, values)
        place = (credential.account, credential.kind.value, credential.name)
        for owner, part in self._parts(share, place, old, None if old is None else tuple(old[1:4])).items():
            self._rewrite_principal(owner, part)
        self._changed("credential", Realm(credential.account, ""), credential.access_key_id)

    def delete_credential(self, credential: Credential) -> None:
        """Remove an access key."""
        old = self._rows.require(CREDENTIALS, credential.access_key_id)
        self._rewrite_principal(tuple(old[1:4]), self._rows.remove(CREDENTIALS, old))
        self._changed("credential", Realm(old[1], ""), credential.access_key_id)

    def _rewrite_principal(self, place: tuple[str, ...], share: int) -> None:
        """Let a principal and its account follow, and tell the caches."""
        old = self._rows.require(PRINCIPALS, *place)
        hashes = self._rows.shifted(old[SET_HASH], share)
        self._rewrite_account(place[0], self._rows.write(PRINCIPALS, old, (*old[:-4], *hashes)))
        self._principal_changed(*place)

    def _rewrite_account(self, account: str, share: int) -> None:
        old = self._rows.require(ACCOUNTS, account)
        hashes = self._rows.shifted(old[SET_HASH], share)
        self._hang(self._rows.write(ACCOUNTS, old, (*old[:-4], *hashes)))

    def _principal_changed(self, account: str, kind: str, name: str) -> None:
        self._changed("principal", Realm(account, ""), f"{kind} {name}")
