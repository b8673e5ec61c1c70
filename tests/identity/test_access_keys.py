"""Access keys: dev mode's, and those of the database, as it stands at the moment of the call."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from strongroom.identity import access_keys
from strongroom.identity.access_keys import DevAccessKeys, KnownKey, SessionKeys, StoredAccessKeys
from strongroom.keystores.session_tokens import SessionTokens
from strongroom.model.identity import CREDENTIAL_PURPOSE, Credential, PrincipalKind, Session
from strongroom.ports import SessionCredentials, TamperedStoreError
from tests.core import ACCOUNT, OTHER, ROOTS, Core, open_core, secret_box

AKID = "AKIAIOSFODNN7EXAMPLE"
SECRET = b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

DEV: dict[str, tuple[str, KnownKey | None]] = {
    "the default account's": ("test", KnownKey(ACCOUNT, b"test")),
    "another account's": (OTHER, KnownKey(OTHER, b"test")),
    "the default account's by its number": (ACCOUNT, KnownKey(ACCOUNT, b"test")),
    "eleven digits": (OTHER[1:], None),
    "thirteen digits": (OTHER + "0", None),
    "twelve letters": ("abcdefghijkl", None),
    "digits of another script": ("\u0661" * 12, None),
    "superscripts": ("\u00b9" * 12, None),
    "in capitals": ("TEST", None),
    "empty": ("", None),
    "a real one": (AKID, None),
}


@pytest.mark.parametrize("case", DEV)
def test_dev_mode_has_one_key_an_account(case: str) -> None:
    """``test`` and every account number are keys with the secret ``test``; nothing else is one by itself."""
    access_key_id, expected = DEV[case]
    nothing = StoredAccessKeys(lambda _id: None, secret_box())
    assert expected == DevAccessKeys(ACCOUNT, nothing).find(access_key_id)


def test_dev_mode_knows_stored_keys_too() -> None:
    """A user's key works in dev mode; but no row stands for ``test`` or for an account's number."""
    rows = {name: user_key() for name in (AKID, "test", OTHER)}
    keys = DevAccessKeys(ACCOUNT, StoredAccessKeys(rows.get, secret_box()))
    assert keys.find(AKID) == KnownKey(ACCOUNT, SECRET, PrincipalKind.USER, "alice")
    assert keys.find("test") == KnownKey(ACCOUNT, b"test")
    assert keys.find(OTHER) == KnownKey(OTHER, b"test")


def credential(secret: bytes = SECRET, *, account: str = ACCOUNT, active: bool = True) -> Credential:
    """An access key as ``init`` stores it."""
    sealed = secret_box().seal(CREDENTIAL_PURPOSE, (AKID, account), secret)
    return Credential(
        access_key_id=AKID, account=account, sealed_secret=sealed, active=active, created_at=1_700_000_000.0
    )


def user_key() -> Credential:
    """An access key of a user."""
    return replace(credential(), kind=PrincipalKind.USER, name="alice")


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """A core with the access key in its store."""
    with open_core(tmp_path) as opened:
        opened.store.run(lambda tx: tx.put_credential(credential()))
        yield opened


def find(core: Core, keys: StoredAccessKeys) -> KnownKey | None:
    """What a request finds."""
    core.views.refresh()
    return keys.find(AKID)


def test_a_stored_key_has_its_account_and_secret(core: Core) -> None:
    """The sealed secret opens to what was sealed, each time."""
    keys = StoredAccessKeys(core.views.credential, secret_box())
    assert find(core, keys) == find(core, keys) == KnownKey(ACCOUNT, SECRET)
    assert keys.find("AKIAAAAAAAAAAAAAAAAA") is None


def test_a_change_holds_at_once(core: Core) -> None:
    """A new secret replaces the old one; an inactive key is none; made active again it is one again."""
    keys = StoredAccessKeys(core.views.credential, secret_box())
    assert find(core, keys) == KnownKey(ACCOUNT, SECRET)
    core.store.run(lambda tx: tx.put_credential(credential(b"rotated")))
    assert find(core, keys) == KnownKey(ACCOUNT, b"rotated")
    core.store.run(lambda tx: tx.put_credential(credential(b"rotated", active=False)))
    assert find(core, keys) is None
    core.store.run(lambda tx: tx.put_credential(credential(b"rotated")))
    assert find(core, keys) == KnownKey(ACCOUNT, b"rotated")


def test_a_secret_is_bound_to_its_key_and_account() -> None:
    """A sealed secret under another access key id or account, or changed, does not open, and no cache helps it."""
    mine = credential()
    rows = {AKID: mine}
    keys = StoredAccessKeys(rows.get, secret_box())
    assert keys.find(AKID) is not None
    for row in (
        replace(mine, account=OTHER),
        replace(mine, access_key_id="AKIAIOSFODNN7EXAMPLF"),
        replace(mine, sealed_secret=mine.sealed_secret[:-1] + bytes([mine.sealed_secret[-1] ^ 1])),
    ):
        rows[AKID] = row
        with pytest.raises(TamperedStoreError):
            keys.find(AKID)


def test_opened_secrets_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many keys there are, few opened secrets are kept, and all of them go on working."""
    monkeypatch.setattr(access_keys, "_MAX_OPENED", 2)
    ids = [f"AKIA{number:016}" for number in range(5)]
    box = secret_box()
    rows = {
        name: Credential(
            access_key_id=name,
            account=ACCOUNT,
            sealed_secret=box.seal(CREDENTIAL_PURPOSE, (name, ACCOUNT), name.encode()),
            active=True,
            created_at=1.0,
        )
        for name in ids
    }
    keys = StoredAccessKeys(rows.get, box)
    for name in ids + ids:
        assert keys.find(name) == KnownKey(ACCOUNT, name.encode())
        assert len(keys._opened) <= 2


SESSION = Session(name="s1", role_id="AROA1", issued_at=0.0, expires_at=0.0)


def session_token(access_key_id: str) -> str:
    """The token of a role's session."""
    return SessionTokens(ROOTS).issue(SessionCredentials(access_key_id, "secret", OTHER, "reader", SESSION))


def test_a_sessions_key_is_what_its_token_says() -> None:
    """Account, secret, role and session come from the token, each time; whether it is over is not asked here."""
    keys, token = SessionKeys(SessionTokens(ROOTS)), session_token("ASIA1")
    expected = KnownKey(OTHER, b"secret", PrincipalKind.ROLE, "reader", SESSION)
    assert keys.find("ASIA1", token) == keys.find("ASIA1", token) == expected


def test_a_token_goes_with_its_access_key_alone() -> None:
    """With another access key, seen before or not, and with another token, there is no key."""
    keys = SessionKeys(SessionTokens(ROOTS))
    first, second = session_token("ASIA1"), session_token("ASIA2")
    assert keys.find("ASIA2", first) is None
    assert keys.find("ASIA1", first) is not None
    assert keys.find("ASIA2", first) is None
    assert keys.find("ASIA1", second) is None
    assert keys.find("ASIA1", first[:-4]) is None
    assert keys.find("ASIA1", "") is None


def test_opened_tokens_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many sessions there are, few opened tokens are kept, and none of strangers; all sessions work on."""
    monkeypatch.setattr(access_keys, "_MAX_OPENED", 2)
    keys = SessionKeys(SessionTokens(ROOTS))
    tokens = {f"ASIA{number}": session_token(f"ASIA{number}") for number in range(5)}
    for _ in range(2):
        for name, token in tokens.items():
            assert keys.find(name, token) is not None
            assert keys.find(name, f"{token}AAAA") is None
            assert len(keys._opened) <= 2


def test_no_secret_is_shown() -> None:
    """A key in a log tells whose it is and no more."""
    assert repr(KnownKey(ACCOUNT, b"secret", PrincipalKind.USER, "alice")) == f"<KnownKey of {ACCOUNT} user alice>"
