"""Answers for attested recipients: the request member that Decrypt, DeriveSharedSecret and others share.

The attestation document is checked, and the answer encrypted for its recipient, by the dispatcher: a row's ``secret``
names what of the response the recipient alone gets.
"""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from strongroom.operations import shapes
from strongroom.operations.request import fault, invalid
from strongroom.operations.shapes import Request


class KeyEncryptionMechanism(StrEnum):
    """How an answer for an attested recipient is encrypted."""

    RSAES_OAEP_SHA_256 = "RSAES_OAEP_SHA_256"


class RecipientInfo(Request, frozen=True, kw_only=True):
    """An attestation document, and how to encrypt the answer to its key."""

    key_encryption_algorithm: KeyEncryptionMechanism | None = None
    attestation_document: shapes.AttestationDocument | None = None


# CloudTrail's records show what an attestation document proved, not the member of the request.
Recipient = Annotated[RecipientInfo, Meta(extra=shapes.UNLOGGED)]


def require_whole(recipient: RecipientInfo | None) -> None:
    """Refuse a recipient that lacks a member: its answer must not leave in the clear.

    Raises:
        ValidationException: Algorithm or document are missing.
    """
    if recipient is None:
        return
    members = {
        "recipient.keyEncryptionAlgorithm": recipient.key_encryption_algorithm,
        "recipient.attestationDocument": recipient.attestation_document,
    }
    missing = [fault(path, "Member must not be null") for path, member in members.items() if member is None]
    if missing:
        raise invalid(*missing)
