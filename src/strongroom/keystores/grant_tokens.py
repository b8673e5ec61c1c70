"""Grant tokens: sealed pointers to grants, given to callers; nothing is kept here."""

from base64 import b64decode, b64encode

from strongroom.keystores.root import KeyHolder, RootKeys
from strongroom.keystores.sealed import RecordKind, Sealer
from strongroom.model.errors import InvalidGrantTokenException
from strongroom.model.region import Realm
from strongroom.ports import GrantPointer, TamperedStoreError

_END = "\0"  # in no part of a pointer
_INVALID = "Invalid grant token"


class GrantTokens(KeyHolder):
    """Sealed records of kind GRANT_TOKEN (docs: formats, "Grant token"), about 200 characters of base64."""

    __slots__ = ("_records",)

    def __init__(self, roots: RootKeys) -> None:
        self._records = Sealer(roots, RecordKind.GRANT_TOKEN)

    def issue(self, pointer: GrantPointer) -> str:
        """A new token, each time another."""
        text = _END.join((*pointer.realm, pointer.key_id, pointer.grant_id))
        return b64encode(self._records.seal((), text.encode())).decode()

    def open(self, token: str) -> GrantPointer:
        """What a token points at, for as long as its root version is held.

        Raises:
            InvalidGrantTokenException: ``issue`` did not make it, to the letter.
        """
        try:
            sealed = b64decode(token)
            text = self._records.unseal((), sealed).decode()
        except (ValueError, TamperedStoreError):
            raise InvalidGrantTokenException(_INVALID) from None
        if b64encode(sealed).decode() != token:  # the same bytes, written in another way
            raise InvalidGrantTokenException(_INVALID)
        account, region, key_id, grant_id = text.split(_END)
        return GrantPointer(Realm(account, region), key_id, grant_id)
