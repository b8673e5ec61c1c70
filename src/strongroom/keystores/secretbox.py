"""Seals the small secrets that the database holds beside key material, such as the secrets of access keys."""

from strongroom.keystores.root import KeyHolder, RootKeys
from strongroom.keystores.sealed import RecordKind, Sealer


class SecretBox(KeyHolder):
    """Sealed records of kind CREDENTIAL."""

    __slots__ = ("_records",)

    def __init__(self, roots: RootKeys) -> None:
        self._records = Sealer(roots, RecordKind.CREDENTIAL)

    def seal(self, purpose: str, parts: tuple[str, ...], secret: bytes) -> bytes:
        """Seal a secret; it opens only for the same purpose and parts.

        Args:
            purpose: What the secret is, such as ``access-key``.
            parts: The columns that it belongs to, such as access key id and account.
            secret: What to seal.
        """
        return self._records.seal((purpose, *parts), secret)

    def open(self, purpose: str, parts: tuple[str, ...], sealed: bytes) -> bytes:
        """Open what ``seal`` made.

        Raises:
            TamperedStoreError: It is not what was sealed for this purpose and these parts.
        """
        return self._records.unseal((purpose, *parts), sealed)
