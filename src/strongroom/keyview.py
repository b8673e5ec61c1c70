"""What decides access, as the hot path sees it: kept until the change log says that it changed."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from strongroom.model.grant import Grant
from strongroom.model.identity import Credential, PrincipalKind, StoredPrincipal
from strongroom.model.key import Alias, StoredKey
from strongroom.model.region import Realm
from strongroom.ports import Change, Store

MAX_VIEWS = 10_000

_K = TypeVar("_K")
_V = TypeVar("_V")


class KeyViews:
    """A bounded cache of checked rows over a store, for the event loop's thread alone.

    ``refresh`` is called at the start of each request; after it, what was acknowledged anywhere before is seen here.

    Args:
        store: The store.
        follow: Who else is to know of changes: the clocks.
    """

    def __init__(self, store: Store, follow: Callable[[Sequence[Change] | None], None]) -> None:
        self._store = store
        self._follow = follow
        self._keys: dict[tuple[Realm, str], StoredKey] = {}
        self._aliases: dict[tuple[Realm, str], Alias] = {}
        self._credentials: dict[str, Credential] = {}
        self._principals: dict[tuple[str, str], StoredPrincipal] = {}
        self._grants: dict[tuple[Realm, str], tuple[Grant, ...]] = {}

    def refresh(self) -> bool:
        """Drop what changed since the last call; one cheap probe when nobody wrote.

        Returns:
            Whether anything changed.
        """
        changes = self._store.changes()
        if changes is None:
            for cache in (self._keys, self._aliases, self._credentials, self._principals, self._grants):
                cache.clear()
        else:
            for change in changes:
                self._drop(change)
        self._follow(changes)
        return changes != []

    def _drop(self, change: Change) -> None:
        place = (Realm(change.account, change.region), change.name)
        if change.kind == "key":
            self._keys.pop(place, None)
        elif change.kind == "grants":
            self._drop_grants(place)
        elif change.kind == "principal":
            self._principals.pop((change.account, change.name), None)
        elif change.kind == "alias":
            self._aliases.pop(place, None)
        elif change.kind == "credential":
            self._credentials.pop(change.name, None)

    def _drop_grants(self, place: tuple[Realm, str]) -> None:
        realm, name = place
        if " " in name:
            self._grants.pop(place, None)
        else:
            for known in [known for known in self._grants if known[0] == realm and known[1].startswith(name)]:
                del self._grants[known]

    def key(self, realm: Realm, key_id: str) -> StoredKey | None:
        """A key with all that belongs to it, or None; keys that do not exist are not remembered."""
        place = (realm, key_id)
        found = self._keys.get(place)
        if found is None:
            found = self._store.key(realm, key_id)
            if found is not None:
                _keep(self._keys, place, found)
        return found

    def alias(self, realm: Realm, name: str) -> Alias | None:
        """An alias, or None."""
        place = (realm, name)
        found = self._aliases.get(place)
        if found is None:
            found = self._store.alias(realm, name)
            if found is not None:
                _keep(self._aliases, place, found)
        return found

    def grants_of(self, realm: Realm, key_id: str, grantee_token: str) -> tuple[Grant, ...]:
        """The grants on a key for one grantee; that there are none is remembered, too."""
        place = (realm, f"{key_id} {grantee_token}")
        found = self._grants.get(place)
        if found is None:
            found = self._store.grants_of(realm, key_id, grantee_token)
            _keep(self._grants, place, found)
        return found

    def grant(self, realm: Realm, key_id: str, grant_id: str) -> Grant | None:
        """A grant as it is stored now, or None; never remembered."""
        return self._store.grant(realm, key_id, grant_id)

    def principal(self, account: str, kind: PrincipalKind, name: str) -> StoredPrincipal | None:
        """The root, a user or a role of an account, or None; those that do not exist are not remembered."""
        place = (account, f"{kind} {name}")
        found = self._principals.get(place)
        if found is None:
            found = self._store.principal(account, kind, name)
            if found is not None:
                _keep(self._principals, place, found)
        return found

    def credential(self, access_key_id: str) -> Credential | None:
        """An access key, or None."""
        found = self._credentials.get(access_key_id)
        if found is None:
            found = self._store.credential(access_key_id)
            if found is not None:
                _keep(self._credentials, access_key_id, found)
        return found


def _keep(cache: dict[_K, _V], place: _K, value: _V) -> None:
    if len(cache) >= MAX_VIEWS:
        del cache[next(iter(cache))]
    cache[place] = value
