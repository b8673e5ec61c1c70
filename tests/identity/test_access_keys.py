"""Access keys: dev mode's, and those of the database, as it stands at the moment of the call."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from strongroom.identity import access_keys
from strongroom.identity.access_keys import CREDENTIAL_PURPOSE, DevAccessKeys, KnownKey, StoredAccessKeys
from strongroom.ports import Credential, TamperedStoreError
from tests.core import ACCOUNT, OTHER, Core, open_core, secret_box

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
    """``test`` and every account number are keys with the secret ``test``; nothing else is one."""
    access_key_id, expected = DEV[case]
    assert expected == DevAccessKeys(ACCOUNT).find(access_key_id)


def credential(secret: bytes = SECRET, *, account: str = ACCOUNT, active: bool = True) -> Credential:
    """An access key as ``init`` stores it."""
    sealed = secret_box().seal(CREDENTIAL_PURPOSE, (AKID, account), secret)
    return Credential(AKID, account, sealed, active, 1_700_000_000.0)


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
        name: Credential(name, ACCOUNT, box.seal(CREDENTIAL_PURPOSE, (name, ACCOUNT), name.encode()), True, 1.0)  # noqa: FBT003 - a row
        for name in ids
    }
    keys = StoredAccessKeys(rows.get, box)
    for name in ids + ids:
        assert keys.find(name) == KnownKey(ACCOUNT, name.encode())
        assert len(keys._opened) <= 2
