"""The store against a plain dict: whatever is done in whatever order, both hold the same."""

import tempfile
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from strongroom.model.grant import Grant
from strongroom.model.identity import Credential, Principal, PrincipalKind
from strongroom.model.key import Alias, Key, StoredKey
from strongroom.model.policy import BoundPolicy
from strongroom.model.region import Realm
from strongroom.model.state import KeyState
from strongroom.ports import Change
from strongroom.storage.store import open_store
from strongroom.storage.transaction import SqlTransaction
from tests.storage.support import (
    ACCOUNT,
    OTHER_ACCOUNT,
    OTHER_REALM,
    REALM,
    HmacSeal,
    make_alias,
    make_credential,
    make_grant,
    make_stored,
    make_user,
    new_store,
    no_veto,
)

REALMS = st.sampled_from([REALM, OTHER_REALM, Realm(ACCOUNT, "eu-west-2")])
KEY_IDS = st.sampled_from([f"{n:08}-0000-4000-8000-000000000000" for n in range(3)])
ALIAS_NAMES = st.sampled_from(["alias/a", "alias/b", "alias/ä"])
TAG_KEYS = st.sampled_from(["a", "b", "ä", "\U0001f511"])
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
TIMES = st.floats(0, 1e12)

TOKEN_NAMES, ACCOUNT_NAMES, ACCESS_KEYS = ("AIDA1", "AIDA2", "ünï"), (ACCOUNT, OTHER_ACCOUNT), ("AK1", "AK2")
TOKENS, ACCOUNTS, USERS = st.sampled_from(TOKEN_NAMES), st.sampled_from(ACCOUNT_NAMES), st.sampled_from(["a", "b"])
GRANT_IDS = st.sampled_from([f"{n:064x}" for n in range(4)])

Place = tuple[Realm, str]


def owner_of(held: Principal | Credential) -> tuple[str, str, str]:
    """Which principal it is, or whose access key."""
    return held.account, held.kind, held.name


class StoreAgainstDict(RuleBasedStateMachine):
    """Random transactions on a store; a dict of StoredKeys is what it must hold."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[Place, StoredKey] = {}
        self.credentials: dict[str, Credential] = {}
        self.users: dict[tuple[str, str], Principal] = {}
        self.user_policies: dict[tuple[str, str], dict[str, str]] = {}
        self.grants: dict[Place, dict[str, Grant]] = {}
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
            policy = BoundPolicy(document, ((document, name),))
            self.store.run(lambda tx: tx.put_policy(self.key(place), name, policy))
            self.amend(place, policies=self.keys[place].policies | {name: policy})

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

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """The end of a key, with all that belongs to it."""
        if self.keys:
            place = data.draw(st.sampled_from(sorted(self.keys)))
            self.store.run(lambda tx: tx.delete_key(self.key(place), 1.0))
            del self.keys[place]
            self.grants.pop(place, None)

    @rule(data=st.data(), grant_id=GRANT_IDS, token=TOKENS, created_at=TIMES)
    def grant(self, data: st.DataObject, grant_id: str, token: str, created_at: float) -> None:
        """CreateGrant, where there is none of the id; else RevokeGrant."""
        if self.keys:
            place = data.draw(st.sampled_from(sorted(self.keys)))
            held = self.grants.setdefault(place, {})
            old = held.pop(grant_id, None)
            if old is None:
                new = make_grant(grant_id, token, key_id=place[1], realm=place[0], created_at=created_at)
                self.store.run(lambda tx: tx.put_grant(new))
                held[grant_id] = new
            else:
                self.store.run(lambda tx: tx.delete_grant(old))

    @rule(account=ACCOUNTS, name=USERS, unique_id=TEXT)
    def put_user(self, account: str, name: str, unique_id: str) -> None:
        """CreateUser, or another row of the same user."""
        user = make_user(name, account, unique_id)
        self.store.run(lambda tx: tx.put_principal(user))
        self.users[account, name] = user
        self.user_policies.setdefault((account, name), {})

    @rule(data=st.data())
    def delete_user(self, data: st.DataObject) -> None:
        """DeleteUser, with what it has."""
        if self.users:
            user = self.users.pop(data.draw(st.sampled_from(sorted(self.users))))
            self.store.run(lambda tx: tx.delete_principal(user))
            del self.user_policies[user.account, user.name]
            self.credentials = {key: held for key, held in self.credentials.items() if owner_of(held) != owner_of(user)}

    @rule(data=st.data(), name=st.sampled_from(["p", "q"]), document=TEXT | st.none())
    def user_policy(self, data: st.DataObject, name: str, document: str | None) -> None:
        """PutUserPolicy, or DeleteUserPolicy where there is one."""
        if self.users:
            user = self.users[data.draw(st.sampled_from(sorted(self.users)))]
            policies = self.user_policies[user.account, user.name]
            if document is not None:
                self.store.run(lambda tx: tx.put_principal_policy(user, name, document))
                policies[name] = document
            elif policies.pop(name, None) is not None:
                self.store.run(lambda tx: tx.delete_principal_policy(user, name))

    @rule(data=st.data(), name=st.sampled_from(ACCESS_KEYS), account=ACCOUNTS, active=st.booleans() | st.none())
    def access_key(self, data: st.DataObject, name: str, account: str, active: bool | None) -> None:  # noqa: FBT001 - drawn by name
        """A new access key of a root or a user, another state or owner of it, or its end."""
        owner = data.draw(st.sampled_from([None, *(self.users[place] for place in sorted(self.users))]))
        if active is not None:
            credential = make_credential(name, active=active, account=account, owner=owner)
            self.store.run(lambda tx: tx.put_credential(credential))
            self.credentials[name] = credential
        elif name in self.credentials:
            gone = self.credentials.pop(name)
            self.store.run(lambda tx: tx.delete_credential(gone))

    @rule(realm=REALMS, key_id=KEY_IDS)
    def fail(self, realm: Realm, key_id: str) -> None:
        """A transaction that does a lot and fails does nothing."""

        def work(tx: SqlTransaction) -> None:
            if (realm, key_id) not in self.keys:
                tx.insert_key(make_stored(key_id, realm))
            tx.put_alias(make_alias("alias/a", key_id, realm))
            tx.put_tags(make_stored(key_id, realm).key, {"a": "wrong"})
            tx.put_credential(make_credential("AK1", active=False))
            tx.put_grant(make_grant("f" * 64, key_id=key_id, realm=realm))
            tx.put_principal(make_user("a", realm.account, "wrong"))
            tx.put_principal_policy(make_user("a", realm.account), "p", "wrong")
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
        self.compare_grants()
        self.compare_principals()
        for realm in {place[0] for place in self.keys}:
            assert self.store.key_ids(realm, "", 100) == sorted(key_id for at, key_id in self.keys if at == realm)
            aliases = [alias for place, stored in self.keys.items() if place[0] == realm for alias in stored.aliases]
            assert self.store.aliases(realm, "", 100) == sorted(aliases, key=lambda alias: alias.name)

    def compare_grants(self) -> None:
        """Each grant is found by its id and its grantee; each key knows how many it has."""
        for place, held in self.grants.items():
            expected = sorted(held.values(), key=lambda grant: (grant.created_at, grant.grant_id))
            for token in TOKEN_NAMES:
                mine = tuple(grant for grant in expected if grant.grantee_token == token)
                assert self.store.grants_of(*place, token) == mine
            for grant_id, grant in held.items():
                assert self.store.grant(*place, grant_id) == grant
            assert self.store.grants(*place, "", 100) == [held[grant_id] for grant_id in sorted(held)]
            assert self.store.grant_count(*place) == len(held)

    def compare_principals(self) -> None:
        """Each user has what the dicts say, each access key is found by its id."""
        for name in ACCESS_KEYS:
            assert self.store.credential(name) == self.credentials.get(name)
        for account in ACCOUNT_NAMES:
            users = [user for place, user in sorted(self.users.items()) if place[0] == account]
            assert self.store.principals(account, PrincipalKind.USER, "", 100) == users
        for (account, name), user in self.users.items():
            stored = self.store.principal(account, PrincipalKind.USER, name)
            assert stored is not None
            held = [self.credentials[key] for key in sorted(self.credentials)]
            assert stored.principal == user
            assert stored.policies == self.user_policies[account, name]
            assert list(stored.credentials) == [key for key in held if owner_of(key) == owner_of(user)]


StoreAgainstDict.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestStore = StoreAgainstDict.TestCase
