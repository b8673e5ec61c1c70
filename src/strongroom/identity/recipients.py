"""Attested recipients: who proves to be a Nitro enclave or an instance with NitroTPM, and how it alone gets answers."""

from collections.abc import Callable

from strongroom.crypto import attestation, cms
from strongroom.model.errors import ValidationException
from strongroom.ports import AdapterError, Recipient

_NO_ROOTS = "No attestation root is configured, so no attestation document can be verified."


class AttestedRecipients:
    """Recipients whose attestation documents lead to one of the operator's roots.

    Args:
        roots: Root certificates, PEM; None if there are none, and then every document is refused.
        max_age: Seconds that a document's timestamp may be away from the clock.
        clock: The machine's clock, epoch seconds.

    Raises:
        AdapterError: The roots are not certificates that a document could lead to.
    """

    def __init__(self, roots: bytes | None, max_age: float, clock: Callable[[], float]) -> None:
        try:
            self._roots = None if roots is None else attestation.load_roots(roots)
        except attestation.RootsError as error:
            raise AdapterError(f"the file of attestation_roots holds {error}") from None
        self._max_age = max_age
        self._clock = clock

    def attested(self, document: bytes) -> Recipient:
        """Check an attestation document in full, and that the key in it is one to encrypt to.

        Raises:
            ValidationException: It does not hold, or none can be checked here.
        """
        if self._roots is None:
            raise ValidationException(_NO_ROOTS)
        try:
            found = attestation.verify(document, self._roots, self._clock(), self._max_age)
            if found.public_key is None:
                raise _refused("it has no public key")
            cms.recipient_key(found.public_key)
        except attestation.AttestationError as error:
            raise _refused(str(error)) from None
        except cms.RecipientKeyError:
            raise _refused(
                f"its public key is not an RSA key of {cms.MIN_KEY_BITS} to {cms.MAX_KEY_BITS} bits"
            ) from None
        return Recipient(found.module_id, found.public_key, found.pcrs, found.nitro_tpm)

    def envelop(self, recipient: Recipient, plaintext: bytes) -> bytes:
        """Encrypt for a recipient alone: CMS EnvelopedData (RFC 5652), encoded as AWS KMS does."""
        return cms.envelop(plaintext, recipient.public_key)


def _refused(reason: str) -> ValidationException:
    return ValidationException(f"The attestation document is not accepted: {reason}.")
