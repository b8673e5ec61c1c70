"""Keys, aliases and access keys as the hot path sees them: kept until the change log says that they changed."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from strongroom.model.key import Alias, StoredKey
from strongroom.model.region import Realm
from strongroom.ports import Change, Credential, Store

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

    def refresh(self) -> bool:
        """Drop what changed since the last call; one cheap probe when nobody wrote.

        Returns:
            Whether anything changed.
        """
        changes = self._store.changes()
        if changes is None:
            self._keys.clear()
            self._aliases.clear()
            self._credentials.clear()
        else:
            for change in changes:
                self._drop(change)
        self._follow(changes)
        return changes != []

    def _drop(self, change: Change) -> None:
        place = (Realm(change.account, change.region), change.name)
        if change.kind == "key":
            self._keys.pop(place, None)
        elif change.kind == "alias":
            self._aliases.pop(place, None)
        elif change.kind == "credential":
            self._credentials.pop(change.name, None)

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
