"""The store against a plain dict: whatever is done in whatever order, both hold the same."""

import tempfile
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from strongroom.model.key import Alias, Key, StoredKey
from strongroom.model.region import Realm
from strongroom.model.state import KeyState
from strongroom.ports import Change, Credential
from strongroom.storage.store import open_store
from strongroom.storage.transaction import SqlTransaction
from tests.storage.support import (
    ACCOUNT,
    OTHER_REALM,
    REALM,
    HmacSeal,
    make_alias,
    make_credential,
    make_stored,
    new_store,
    no_veto,
)

REALMS = st.sampled_from([REALM, OTHER_REALM, Realm(ACCOUNT, "eu-west-2")])
KEY_IDS = st.sampled_from([f"{n:08}-0000-4000-8000-000000000000" for n in range(3)])
ALIAS_NAMES = st.sampled_from(["alias/a", "alias/b", "alias/ä"])
TAG_KEYS = st.sampled_from(["a", "b", "ä", "\U0001f511"])
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
TIMES = st.floats(0, 1e12)

Place = tuple[Realm, str]


class StoreAgainstDict(RuleBasedStateMachine):
    """Random transactions on a store; a dict of StoredKeys is what it must hold."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[Place, StoredKey] = {}
        self.credentials: dict[str, Credential] = {}
        self.cache: dict[Place, StoredKey] = {}

    @initialize()
    def make(self) -> None:
        """A new store."""
        self.folder = tempfile.TemporaryDirectory()
        self.store = new_store(Path(self.folder.name))

    def teardown(self) -> None:
        """At the end the whole checks, in a store opened afresh too."""
        self.reopen()
        self.store.check()
        self.compare()
        self.store.close()
        self.folder.cleanup()

    # --- the model's side ---

    def amend(self, place: Place, **members: Any) -> None:
        """Change a key in the dict."""
        self.keys[place] = msgspec.structs.replace(self.keys[place], **members)

    def key(self, place: Place) -> Key:
        """A key of the dict."""
        return self.keys[place].key

    def point(self, realm: Realm, name: str, alias: Alias | None) -> None:
        """Take an alias away from where it is, and put it where it belongs."""
        for place, stored in self.keys.items():
            if place[0] == realm:
                others = [other for other in stored.aliases if other.name != name]
                mine = [alias] if alias is not None and alias.key_id == place[1] else []
                self.amend(place, aliases=tuple(sorted([*others, *mine], key=lambda other: other.name)))

    # --- what is done ---

    @rule(realm=REALMS, key_id=KEY_IDS, tags=st.dictionaries(TAG_KEYS, TEXT))
    def insert(self, realm: Realm, key_id: str, tags: dict[str, str]) -> None:
        """CreateKey, where the key is not there."""
        if (realm, key_id) not in self.keys:
            stored = make_stored(key_id, realm, tags)
            self.store.run(lambda tx: tx.insert_key(stored))
            self.keys[realm, key_id] = msgspec.structs.replace(stored, tags=dict(sorted(tags.items())))

    @rule(data=st.data(), state=st.sampled_from(KeyState), deletion_at=st.none() | TIMES, description=TEXT)
    def update(self, data: st.DataObject, state: KeyState, deletion_at: float | None, description: str) -> None:
        """DisableKey and its like."""
        if self.keys:
            place = data.draw(st.sampled_from(sorted(self.keys)))
            key = msgspec.structs.replace(
                self.key(place), state=state, deletion_at=deletion_at, description=description
            )
            self.store.run(lambda tx: tx.update_key(key))
            self.amend(place, key=key)

    @rule(data=st.data(), name=st.sampled_from(["default", "x"]), document=TEXT)
    def policy(self, data: st.DataObject, name: str, document: str) -> None:
        """PutKeyPolicy."""
        if self.keys:
            place = data.draw(st.sampled_from(sorted(self.keys)))
            self.store.run(lambda tx: tx.put_policy(self.key(place), name, document))
            self.amend(place, policies=self.keys[place].policies | {name: document})

    @rule(data=st.data(), tags=st.dictionaries(TAG_KEYS, TEXT), gone=st.lists(TAG_KEYS).map(tuple))
    def tags(self, data: st.DataObject, tags: dict[str, str], gone: tuple[str, ...]) -> None:
        """TagResource and UntagResource in one transaction."""
        if self.keys:
            place = data.draw(st.sampled_from(sorted(self.keys)))

            def work(tx: SqlTransaction) -> None:
                tx.put_tags(self.key(place), tags)
                tx.delete_tags(self.key(place), gone)

            self.store.run(work)
            left = {name: value for name, value in (self.keys[place].tags | tags).items() if name not in gone}
            self.amend(place, tags=dict(sorted(left.items())))

    @rule(data=st.data(), name=ALIAS_NAMES, updated_at=TIMES)
    def put_alias(self, data: st.DataObject, name: str, updated_at: float) -> None:
        """CreateAlias or UpdateAlias."""
        if self.keys:
            realm, key_id = data.draw(st.sampled_from(sorted(self.keys)))
            alias = make_alias(name, key_id, realm, updated_at)
            self.store.run(lambda tx: tx.put_alias(alias))
            self.point(realm, name, alias)

    @rule(realm=REALMS, name=ALIAS_NAMES, key_id=KEY_IDS)
    def delete_alias(self, realm: Realm, name: str, key_id: str) -> None:
        """DeleteAlias, whichever key the caller thinks it points at."""
        self.store.run(lambda tx: tx.delete_alias(make_alias(name, key_id, realm)))
        self.point(realm, name, None)

    @rule(
        name=st.sampled_from(["AK1", "AK2"]), account=st.sampled_from([REALM[0], OTHER_REALM[0]]), active=st.booleans()
    )
    def put_credential(self, name: str, account: str, active: bool) -> None:  # noqa: FBT001 - drawn by name
        """A new access key, or another state or account of it."""
        credential = make_credential(name, active=active, account=account)
        self.store.run(lambda tx: tx.put_credential(credential))
        self.credentials[name] = credential

    @rule(realm=REALMS, key_id=KEY_IDS)
    def fail(self, realm: Realm, key_id: str) -> None:
        """A transaction that does a lot and fails does nothing."""

        def work(tx: SqlTransaction) -> None:
            if (realm, key_id) not in self.keys:
                tx.insert_key(make_stored(key_id, realm))
            tx.put_alias(make_alias("alias/a", key_id, realm))
            tx.put_tags(make_stored(key_id, realm).key, {"a": "wrong"})
            tx.put_credential(make_credential("AK1", active=False))
            raise LookupError

        try:
            self.store.run(work)
        except LookupError:
            return
        raise AssertionError

    @rule()
    def reopen(self) -> None:
        """The process ends and comes back."""
        self.store.close()
        self.store = open_store(Path(self.folder.name) / "strongroom.db", HmacSeal(), no_veto)
        self.cache.clear()

    # --- what must hold after each ---

    @invariant()
    def compare(self) -> None:
        """A cache that drops what ``changes`` says holds the same as the dict."""
        changes = self.store.changes()
        assert changes is not None
        for change in changes:
            assert isinstance(change, Change)
            self.cache.pop((Realm(change.account, change.region), change.name), None)
        for place, expected in self.keys.items():
            found = self.cache.get(place) or self.store.key(*place)
            assert found == expected
            assert list(found.tags) == list(expected.tags)
            self.cache[place] = found
            for alias in expected.aliases:
                assert self.store.alias(place[0], alias.name) == alias
        for name, credential in self.credentials.items():
            assert self.store.credential(name) == credential
        for realm in {place[0] for place in self.keys}:
            assert self.store.key_ids(realm, "", 100) == sorted(key_id for at, key_id in self.keys if at == realm)
            aliases = [alias for place, stored in self.keys.items() if place[0] == realm for alias in stored.aliases]
            assert self.store.aliases(realm, "", 100) == sorted(aliases, key=lambda alias: alias.name)


StoreAgainstDict.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestStore = StoreAgainstDict.TestCase
