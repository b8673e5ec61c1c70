"""The cache of what decides access: never older than what was acknowledged, and bounded."""

from collections.abc import Callable, Iterator
from operator import methodcaller
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from strongroom import keyview
from strongroom.model.grant import Grant, GrantOperation
from strongroom.model.identity import Credential, PrincipalKind, StoredPrincipal
from strongroom.model.key import StoredKey
from strongroom.model.region import Realm
from strongroom.ports import Change, TamperedStoreError
from tests.actors import policy, put_policies, remove, role, statement, user
from tests.core import ACCOUNT, DATABASE, ELSEWHERE, MISSING, OTHER, REALM, Core, key_id_of, open_core
from tests.operations.kms.access import put_grant
from tests.policies import open_policy
from tests.storage.support import outsider

AKID = "AKIAIOSFODNN7EXAMPLE"


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """A core whose store has an access key."""
    with open_core(tmp_path) as opened:
        opened.store.run(lambda tx: tx.put_credential(credential()))
        yield opened


@pytest.fixture
def second(core: Core) -> Iterator[Core]:
    """Another process on the same store."""
    with open_core(core.folder, worker=2) as opened:
        yield opened


@pytest.fixture
def key(core: Core) -> str:
    """A key with the alias ``alias/app`` and a tag."""
    arn = core.new_key(Tags=[{"TagKey": "a", "TagValue": "b"}])
    core.ok("CreateAlias", AliasName="alias/app", TargetKeyId=arn)
    return arn


def credential(sealed: bytes = b"sealed") -> Credential:
    """An access key."""
    return Credential(access_key_id=AKID, account=ACCOUNT, sealed_secret=sealed, active=True, created_at=1.0)


def view(core: Core, arn: str) -> StoredKey:
    """The cached view of a key."""
    found = core.views.key(REALM, key_id_of(arn))
    assert found is not None
    return found


def test_what_is_not_written_is_read_once(core: Core, key: str) -> None:
    """Between writes a key, an alias and an access key are the very objects that were read first."""
    views = core.views
    views.refresh()
    first = (view(core, key), views.alias(REALM, "alias/app"), views.credential(AKID))
    views.refresh()
    second = (view(core, key), views.alias(REALM, "alias/app"), views.credential(AKID))
    assert None not in first
    assert all(one is two for one, two in zip(first, second, strict=True))
    assert view(core, key) == core.stored(key)


WRITES: dict[str, tuple[str, dict[str, Any]]] = {
    "state": ("DisableKey", {"KeyId": "KEY"}),
    "description": ("UpdateKeyDescription", {"KeyId": "KEY", "Description": "new"}),
    "deletion": ("ScheduleKeyDeletion", {"KeyId": "KEY"}),
    "policy": ("PutKeyPolicy", {"KeyId": "KEY", "Policy": open_policy()}),
    "new tag": ("TagResource", {"KeyId": "KEY", "Tags": [{"TagKey": "c", "TagValue": "d"}]}),
    "tag gone": ("UntagResource", {"KeyId": "KEY", "TagKeys": ["a"]}),
    "new alias": ("CreateAlias", {"AliasName": "alias/new", "TargetKeyId": "KEY"}),
    "alias gone": ("DeleteAlias", {"AliasName": "alias/app"}),
    "alias moved away": ("UpdateAlias", {"AliasName": "alias/app", "TargetKeyId": "OTHER"}),
    "alias moved here": ("UpdateAlias", {"AliasName": "alias/other", "TargetKeyId": "KEY"}),
}


@pytest.mark.parametrize("own", [True, False], ids=["own", "another process's"])
@pytest.mark.parametrize("case", WRITES)
def test_every_write_is_seen(core: Core, second: Core, key: str, case: str, *, own: bool) -> None:
    """After a refresh the view is what the store has, whoever wrote; a key that nobody touched is not read again."""
    other, bystander = core.new_key(), core.new_key()
    core.ok("CreateAlias", AliasName="alias/other", TargetKeyId=other)
    core.views.refresh()
    before = {arn: view(core, arn) for arn in (key, other, bystander)}
    names = ("alias/app", "alias/other", "alias/new")
    for name in names:
        core.views.alias(REALM, name)
    operation, members = WRITES[case]
    named = {"KEY": key, "OTHER": other}
    (core if own else second).ok(operation, **{name: named.get(str(value), value) for name, value in members.items()})
    core.views.refresh()
    assert view(core, key) != before[key]
    for arn in (key, other):
        assert view(core, arn) == core.stored(arn)
    for name in names:
        assert core.views.alias(REALM, name) == core.store.alias(REALM, name)
    assert view(core, bystander) is before[bystander]


@pytest.mark.parametrize("own", [True, False], ids=["own", "another process's"])
def test_an_access_key_that_changes_is_seen(core: Core, second: Core, key: str, *, own: bool) -> None:
    """A new secret is the next one found; keys stay in the cache."""
    core.views.refresh()
    assert core.views.credential(AKID) == credential()
    before = view(core, key)
    (core if own else second).store.run(lambda tx: tx.put_credential(credential(b"rotated")))
    core.views.refresh()
    assert core.views.credential(AKID) == credential(b"rotated")
    assert view(core, key) is before


def test_what_is_not_there_is_not_remembered(core: Core, second: Core) -> None:
    """A key, alias or access key that is made later is found then, without any change of what was cached."""
    core.views.refresh()
    absent = (core.views.key(REALM, MISSING), core.views.alias(REALM, "alias/app"), core.views.credential("AKIA"))
    assert absent == (None, None, None)
    made = second.new_key()
    second.ok("CreateAlias", AliasName="alias/app", TargetKeyId=made)
    core.views.refresh()
    found = core.views.alias(REALM, "alias/app")
    assert found is not None
    assert found.key_id == key_id_of(made)


def test_accounts_and_regions_are_kept_apart(core: Core) -> None:
    """One name in three places is three aliases, and a change of one leaves the others where they are."""
    places: list[dict[str, str]] = [{}, {"region": ELSEWHERE}, {"account": OTHER}]
    for place in places:
        core.ok("CreateAlias", AliasName="alias/app", TargetKeyId=core.new_key(**place), **place)
    realms = [REALM, REALM._replace(region=ELSEWHERE), REALM._replace(account=OTHER)]
    core.views.refresh()
    before = [core.views.alias(realm, "alias/app") for realm in realms]
    assert len({found.key_id for found in before if found is not None}) == 3
    core.ok("DeleteAlias", AliasName="alias/app")
    core.views.refresh()
    after = [core.views.alias(realm, "alias/app") for realm in realms]
    assert after[0] is None
    assert after[1] is before[1] is not None
    assert after[2] is before[2] is not None


def test_a_commit_that_is_not_explained_empties_the_cache(core: Core, key: str) -> None:
    """Where somebody else's program wrote, everything is read, and so checked, again."""
    core.views.refresh()
    before = (view(core, key), core.views.alias(REALM, "alias/app"), core.views.credential(AKID))
    with outsider(core.folder / DATABASE) as connection:
        connection.execute("CREATE TABLE mine (x)")
    core.views.refresh()
    after = (view(core, key), core.views.alias(REALM, "alias/app"), core.views.credential(AKID))
    assert after == before
    assert all(one is not two for one, two in zip(after, before, strict=True))


def test_a_tampered_key_is_not_served_from_the_cache(core: Core, key: str) -> None:
    """An edit behind the service's back is found by the next request."""
    core.views.refresh()
    view(core, key)
    with outsider(core.folder / DATABASE) as connection:
        connection.execute("UPDATE policies SET document = '{}'")
    core.views.refresh()
    with pytest.raises(TamperedStoreError):
        view(core, key)


def test_the_cache_is_bounded(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many keys, aliases and access keys are used, few are kept, and each is still found."""
    monkeypatch.setattr(keyview, "MAX_VIEWS", 2)
    arns = [core.new_key() for _ in range(4)]
    for number, arn in enumerate(arns):
        core.ok("CreateAlias", AliasName=f"alias/{number}", TargetKeyId=arn)
        core.store.run(methodcaller("put_credential", replace(credential(), access_key_id=f"AKIA{number}")))
    core.views.refresh()
    for _ in range(2):
        for number, arn in enumerate(arns):
            assert view(core, arn).key.arn == arn
            alias, access_key = core.views.alias(REALM, f"alias/{number}"), core.views.credential(f"AKIA{number}")
            assert alias is not None
            assert access_key is not None
            assert (alias.key_id, access_key.access_key_id) == (key_id_of(arn), f"AKIA{number}")
            for cache in (core.views._keys, core.views._aliases, core.views._credentials):
                assert len(cache) <= 2


def test_the_oldest_leaves_first(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full cache keeps what came last, not what came first."""
    monkeypatch.setattr(keyview, "MAX_VIEWS", 2)
    arns = [core.new_key() for _ in range(3)]
    core.views.refresh()
    views = [view(core, arn) for arn in arns]
    assert view(core, arns[2]) is views[2]
    assert view(core, arns[1]) is views[1]
    assert view(core, arns[0]) is not views[0]


def test_housekeeping_leaves_the_cache_alone(core: Core, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of kind ``none`` drops nothing."""
    core.views.refresh()
    before = (view(core, key), core.views.alias(REALM, "alias/app"), core.views.credential(AKID))
    monkeypatch.setattr(core.store, "changes", lambda: [Change("none", "", "", "")])
    core.views.refresh()
    after = (view(core, key), core.views.alias(REALM, "alias/app"), core.views.credential(AKID))
    assert all(one is two for one, two in zip(after, before, strict=True))


# --- principals and grants ---


def test_principals_are_read_once_and_seen_to_change(core: Core, second: Core) -> None:
    """Until a policy, an access key or the principal itself changes, anywhere; others stay as they are."""
    alice, bob, worker = user(core, "alice"), user(core, "bob"), role(core, "alice")
    changes: list[Callable[[], object]] = [
        lambda: put_policies(second, alice.kind, "alice", ACCOUNT, {"p": policy(statement("Allow", "*"))}),
        lambda: second.ok("iam:UpdateAccessKey", UserName="alice", AccessKeyId=alice.access_key_id, Status="Inactive"),
        lambda: remove(second, alice),
    ]

    def seen(kind: PrincipalKind, name: str) -> StoredPrincipal | None:
        return core.views.principal(ACCOUNT, kind, name)

    for change in changes:
        core.views.refresh()
        before = seen(alice.kind, "alice")
        others = [seen(bob.kind, "bob"), seen(worker.kind, "alice")]
        assert None not in others
        assert seen(alice.kind, "alice") is before is not None
        change()
        core.views.refresh()
        assert seen(alice.kind, "alice") == core.store.principal(ACCOUNT, alice.kind, "alice") != before
        assert [seen(bob.kind, "bob"), seen(worker.kind, "alice")] == others
        assert seen(bob.kind, "bob") is others[0]
        assert seen(worker.kind, "alice") is others[1]
    assert seen(alice.kind, "alice") is None


def test_a_principal_that_is_not_there_is_not_remembered(core: Core, second: Core) -> None:
    """One that is made later is found then."""
    core.views.refresh()
    assert core.views.principal(ACCOUNT, PrincipalKind.USER, "alice") is None
    assert core.views._principals == {}  # many of them would drive out those that there are
    user(second, "alice")
    core.views.refresh()
    assert core.views.principal(ACCOUNT, PrincipalKind.USER, "alice") is not None


def test_grants_are_read_once_and_seen_to_change(core: Core, second: Core, key: str) -> None:
    """By key and grantee: a grant for one leaves what is known of others and of other keys; that there is none, too."""
    alice, bob, other = user(core, "alice"), user(core, "bob"), core.new_key()
    tokens = (alice.principal_id, bob.principal_id)

    def seen() -> list[tuple[Grant, ...]]:
        core.views.refresh()
        return [core.views.grants_of(REALM, key_id_of(arn), token) for arn in (key, other) for token in tokens]

    def stored() -> list[tuple[Grant, ...]]:
        return [core.store.grants_of(REALM, key_id_of(arn), token) for arn in (key, other) for token in tokens]

    before = seen()
    assert before == [()] * 4
    made = [put_grant(second, key, alice, GrantOperation.ENCRYPT, grant_id=f"{number:064}") for number in range(2)]
    after = seen()
    assert (after, after[0]) == (stored(), tuple(made))
    again = seen()
    assert all(one is two for one, two in zip(again, after, strict=True))
    second.store.run(methodcaller("delete_grant", made[0]))
    assert seen() == stored() == [(made[1],), (), (), ()]


def test_grants_are_not_read_anew_for_what_does_not_concern_them(
    core: Core, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One read for a key and a grantee, though other grants and the key itself are written."""
    alice, bob, read = user(core, "alice"), user(core, "bob"), []
    real = core.store.grants_of

    def counted(realm: Realm, key_id: str, token: str) -> tuple[Grant, ...]:
        read.append(token)
        return real(realm, key_id, token)

    monkeypatch.setattr(core.store, "grants_of", counted)
    for write in (lambda: put_grant(core, key, bob, GrantOperation.ENCRYPT), lambda: core.ok("DisableKey", KeyId=key)):
        core.views.refresh()
        core.views.grants_of(REALM, key_id_of(key), alice.principal_id)
        write()
    core.views.refresh()
    core.views.grants_of(REALM, key_id_of(key), alice.principal_id)
    assert read == [alice.principal_id]


def test_a_key_that_is_deleted_takes_its_grants_with_it(core: Core, second: Core) -> None:
    """For all grantees at once; those of other keys stay, and those of related keys in other Regions."""
    alice, bob, other = user(core, "alice"), user(core, "bob"), core.new_key()
    primary = core.new_key(MultiRegion=True)
    replica = core.ok("ReplicateKey", KeyId=primary, ReplicaRegion=ELSEWHERE)["ReplicaKeyMetadata"]["Arn"]
    places = [(replica, alice), (replica, bob), (primary, alice), (other, alice)]
    for number, (arn, caller) in enumerate(places):
        put_grant(core, arn, caller, GrantOperation.ENCRYPT, grant_id=f"{number:064}")

    def seen() -> list[tuple[Grant, ...]]:
        core.views.refresh()
        regions = [REALM._replace(region=arn.split(":")[3]) for arn, _ in places]
        pairs = zip(regions, places, strict=True)
        return [core.views.grants_of(realm, key_id_of(arn), caller.principal_id) for realm, (arn, caller) in pairs]

    before = seen()
    assert [len(grants) for grants in before] == [1, 1, 1, 1]
    stored = second.stored(replica).key
    second.store.run(lambda tx: tx.delete_key(stored, 1.0))
    after = seen()
    assert after[:2] == [(), ()]
    assert all(one is two for one, two in zip(after[2:], before[2:], strict=True))


def test_a_single_grant_is_always_read(core: Core, second: Core, key: str) -> None:
    """What a grant token points at is as it is stored, refreshed or not."""
    made = put_grant(core, key, user(core, "alice"), GrantOperation.ENCRYPT)
    assert core.views.grant(made.realm, made.key_id, made.grant_id) == made
    second.store.run(methodcaller("delete_grant", made))
    assert core.views.grant(made.realm, made.key_id, made.grant_id) is None


def test_what_decides_is_forgotten_with_all_else(core: Core, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a commit is not explained, principals and grants are read again; and they are bounded."""
    alice, bob = user(core, "alice"), user(core, "bob")
    put_grant(core, key, alice, GrantOperation.ENCRYPT)

    def seen() -> tuple[object, ...]:
        views = core.views
        views.refresh()
        grants = views.grants_of(REALM, key_id_of(key), alice.principal_id)
        return views.principal(ACCOUNT, alice.kind, "alice"), grants

    before = seen()
    with outsider(core.folder / DATABASE) as connection:
        connection.execute("CREATE TABLE mine (x)")
    after = seen()
    assert after == before
    assert all(one is not two for one, two in zip(after, before, strict=True))
    monkeypatch.setattr(keyview, "MAX_VIEWS", 1)
    core.views.principal(ACCOUNT, bob.kind, "bob")
    core.views.grants_of(REALM, key_id_of(key), bob.principal_id)
    assert (len(core.views._principals), len(core.views._grants)) == (1, 1)
