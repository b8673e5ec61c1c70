"""Keyed functions over rows, markers and small secrets, tokens, and the proof and envelope of attested recipients."""

from typing import NamedTuple, Protocol

import msgspec

from strongroom.model.identity import Session
from strongroom.model.region import Realm


class RowSeal(Protocol):
    """Keyed functions over rows (docs: formats, "Rows")."""

    def mac(self, row: bytes) -> bytes:
        """32 bytes over a row's canonical encoding."""

    def element(self, row_mac: bytes) -> int:
        """A row's share in its parent's set hash, 256 bits."""

    def mask(self, nonce: bytes) -> int:
        """The blinding share of a set hash, 256 bits, for a fresh 16-byte nonce."""


class MarkerSeal(Protocol):
    """A keyed function over pagination markers, so that only our own are taken."""

    def mac(self, text: bytes) -> bytes:
        """32 bytes over a marker's scope and sort key."""


class SecretBox(Protocol):
    """Seals small secrets of the database, each bound to what it is and whose it is."""

    def seal(self, purpose: str, parts: tuple[str, ...], secret: bytes) -> bytes:
        """Seal a secret for a purpose and the columns that it belongs to."""

    def open(self, purpose: str, parts: tuple[str, ...], sealed: bytes) -> bytes:
        """Open a sealed secret.

        Raises:
            TamperedStoreError: It is not one of ours, or was sealed for another purpose or other columns.
        """


class GrantPointer(NamedTuple):
    """What a grant token points at."""

    realm: Realm
    key_id: str
    grant_id: str


class GrantTokens(Protocol):
    """Grant tokens: opaque pointers that only this service can make; each one made is another."""

    def issue(self, pointer: GrantPointer) -> str:
        """A new token, base64."""

    def open(self, token: str) -> GrantPointer:
        """What a token points at, whether or not that is still there.

        Raises:
            InvalidGrantTokenException: It was not made here.
        """


class SessionCredentials(msgspec.Struct, frozen=True):
    """The temporary credentials of a role's session; all of it is in the session token.

    Attributes:
        role_name: The role, of that account.
    """

    access_key_id: str
    secret: str
    account: str
    role_name: str
    session: Session

    def __repr__(self) -> str:
        return f"<SessionCredentials {self.access_key_id}>"


class SessionTokens(Protocol):
    """Session tokens: sealed, so that nothing about a session is kept here."""

    def issue(self, credentials: SessionCredentials, least_length: int = 0) -> str:
        """The token of a session, base64, at least so many characters long."""

    def open(self, token: str) -> SessionCredentials | None:
        """What is in a token, expired or not; None where it was not made here."""


class Recipient(msgspec.Struct, frozen=True):
    """What an attestation document proved.

    Attributes:
        module_id: The enclave or instance that the document is of.
        public_key: Where answers go: an RSA key as DER SubjectPublicKeyInfo.
        pcrs: Measurements by number of the platform configuration register.
        nitro_tpm: Whether the measurements are a NitroTPM's, else they are a Nitro enclave's.
    """

    module_id: str
    public_key: bytes
    pcrs: dict[int, bytes]
    nitro_tpm: bool


class Recipients(Protocol):
    """Who attested recipients are, and how they get their answers. May be called on any thread."""

    def attested(self, document: bytes) -> Recipient:
        """Check an attestation document in full.

        Raises:
            ValidationException: It does not hold, or none can be checked here.
        """

    def envelop(self, recipient: Recipient, plaintext: bytes) -> bytes:
        """Encrypt for a recipient alone: CMS EnvelopedData (RFC 5652), in BER as AWS KMS writes it."""
