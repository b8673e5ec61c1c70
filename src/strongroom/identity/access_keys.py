"""Access keys: from an access key id to an account and a secret."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from strongroom.ports import Credential, SecretBox

DEV_SECRET = b"test"
DEV_ACCESS_KEY = "test"
CREDENTIAL_PURPOSE = "access-key"
_ACCOUNT_DIGITS = 12
_MAX_OPENED = 1024


class KnownKey(NamedTuple):
    """What an access key id stands for."""

    account: str
    secret: bytes


class AccessKeys(Protocol):
    """Where access keys are known."""

    def find(self, access_key_id: str) -> KnownKey | None:
        """The key, or None if it is not known or not active."""
        ...


class DevAccessKeys:
    """Dev mode's keys: ``test`` is the root of the default account, twelve digits are the root of that account.

    The secret of all of them is ``test``; signatures are checked as ever.
    """

    def __init__(self, default_account: str) -> None:
        self._default = KnownKey(default_account, DEV_SECRET)

    def find(self, access_key_id: str) -> KnownKey | None:
        """The key, or None."""
        if access_key_id == DEV_ACCESS_KEY:
            return self._default
        if len(access_key_id) == _ACCOUNT_DIGITS and access_key_id.isascii() and access_key_id.isdigit():
            return KnownKey(access_key_id, DEV_SECRET)
        return None


class StoredAccessKeys:
    """The keys of the database; a secret is opened once and kept while its row stays the same."""

    def __init__(self, credential: Callable[[str], Credential | None], box: SecretBox) -> None:
        self._credential = credential
        self._box = box
        self._opened: dict[Credential, bytes] = {}

    def find(self, access_key_id: str) -> KnownKey | None:
        """The key, or None.

        Raises:
            TamperedStoreError: The row is not what this service wrote.
        """
        row = self._credential(access_key_id)
        if row is None or not row.active:
            return None
        secret = self._opened.get(row)
        if secret is None:
            secret = self._box.open(CREDENTIAL_PURPOSE, (row.access_key_id, row.account), row.sealed_secret)
            if len(self._opened) >= _MAX_OPENED:
                self._opened.clear()
            self._opened[row] = secret
        return KnownKey(row.account, secret)
