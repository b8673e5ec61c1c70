"""Access keys: from an access key id, and a session token where one is sent, to a principal and a secret."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from strongroom.model.identity import CREDENTIAL_PURPOSE, Credential, PrincipalKind, Session
from strongroom.ports import SecretBox, SessionCredentials, SessionTokens

DEV_SECRET = b"test"
DEV_ACCESS_KEY = "test"
_ACCOUNT_DIGITS = 12
_MAX_OPENED = 1024


class KnownKey(NamedTuple):
    """What an access key id stands for.

    Attributes:
        kind: Of its principal.
        name: Of its principal; empty for a root.
        session: What the session token said, where the key is a session's.
    """

    account: str
    secret: bytes
    kind: PrincipalKind = PrincipalKind.ROOT
    name: str = ""
    session: Session | None = None

    def __repr__(self) -> str:
        return f"<KnownKey of {self.account} {self.kind} {self.name}>"


class AccessKeys(Protocol):
    """Where long-term access keys are known."""

    def find(self, access_key_id: str) -> KnownKey | None:
        """The key, or None if it is not known or not active."""
        ...


class DevAccessKeys:
    """Dev mode's keys: ``test`` is the root of the default account, twelve digits are the root of that account.

    The secret of all of them is ``test``; signatures are checked as ever. Every other key is one of the database.
    """

    def __init__(self, default_account: str, stored: AccessKeys) -> None:
        self._default = KnownKey(default_account, DEV_SECRET)
        self._stored = stored

    def find(self, access_key_id: str) -> KnownKey | None:
        """The key, or None.

        Raises:
            AdapterError: The key could not be looked up.
        """
        if access_key_id == DEV_ACCESS_KEY:
            return self._default
        if len(access_key_id) == _ACCOUNT_DIGITS and access_key_id.isascii() and access_key_id.isdigit():
            return KnownKey(access_key_id, DEV_SECRET)
        return self._stored.find(access_key_id)


class StoredAccessKeys:
    """The keys of the database; a secret is opened once and kept while its row stays the same."""

    def __init__(self, credential: Callable[[str], Credential | None], box: SecretBox) -> None:
        self._credential = credential
        self._box = box
        self._opened: dict[Credential, bytes] = {}

    def find(self, access_key_id: str) -> KnownKey | None:
        """The key, or None.

        Raises:
            AdapterError: The key could not be looked up, or its row is not what this service wrote.
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
        return KnownKey(row.account, secret, row.kind, row.name)


class SessionKeys:
    """The keys of sessions, all of which is in their session tokens; an opened token is kept, never a verdict on it."""

    def __init__(self, tokens: SessionTokens) -> None:
        self._tokens = tokens
        self._opened: dict[str, SessionCredentials] = {}

    def find(self, access_key_id: str, token: str) -> KnownKey | None:
        """The key, expired or not; None where the token was not made here, or for another access key."""
        opened = self._opened.get(token) or self._open(token)
        if opened is None or opened.access_key_id != access_key_id:
            return None
        return KnownKey(opened.account, opened.secret.encode(), PrincipalKind.ROLE, opened.role_name, opened.session)

    def _open(self, token: str) -> SessionCredentials | None:
        opened = self._tokens.open(token)
        if opened is not None:
            if len(self._opened) >= _MAX_OPENED:
                self._opened.clear()
            self._opened[token] = opened
        return opened
