"""Session tokens: all of a session, sealed and given to the caller, so that nothing of it is kept here."""

from base64 import b64decode, b64encode

import msgspec

from strongroom.keystores.root import KeyHolder, RootKeys
from strongroom.keystores.sealed import OVERHEAD, RecordKind, Sealer
from strongroom.ports import SessionCredentials, TamperedStoreError

_decode = msgspec.json.Decoder(SessionCredentials).decode


class SessionTokens(KeyHolder):
    """A ports.SessionTokens: sealed records of kind SESSION (docs: formats, "Session token")."""

    __slots__ = ("_records",)

    def __init__(self, roots: RootKeys) -> None:
        self._records = Sealer(roots, RecordKind.SESSION)

    def issue(self, credentials: SessionCredentials, least_length: int = 0) -> str:
        """The token of a session, base64, at least so many characters long."""
        contents = msgspec.json.encode(credentials).ljust(-(-least_length // 4) * 3 - OVERHEAD)
        return b64encode(self._records.seal((), contents)).decode()

    def open(self, token: str) -> SessionCredentials | None:
        """What is in a token, expired or not; None where it was not made here."""
        try:
            return _decode(self._records.unseal((), b64decode(token, validate=True)))
        except (ValueError, TamperedStoreError):  # no base64, or none of ours
            return None
