"""The keys of a request: where they are found, and whether they fit the operation."""

from typing import Protocol

from strongroom.model.arn import KeyRef
from strongroom.model.ciphertext import parse_header
from strongroom.model.errors import IncorrectKeyException, InvalidCiphertextException, InvalidKeyUsageException
from strongroom.model.key import Alias, Key, StoredKey
from strongroom.model.life import state_at
from strongroom.model.region import Realm
from strongroom.model.spec import SPECS, Algorithm, EncryptionAlgorithm, Kind
from strongroom.model.state import require_state
from strongroom.operations.shapes import Request
from strongroom.operations.table import Operation, Target
from strongroom.ports import TamperedStoreError


class Lookup(Protocol):
    """Where keys are found: the cached views, or a transaction."""

    def key(self, realm: Realm, key_id: str) -> StoredKey | None:
        """A key, or None."""
        ...

    def alias(self, realm: Realm, name: str) -> Alias | None:
        """An alias, or None."""
        ...


def resolve(ref: KeyRef, lookup: Lookup) -> StoredKey | None:
    """The key that a reference means, or None.

    Raises:
        TamperedStoreError: An alias and its key do not fit.
    """
    if ref.alias is None:
        return lookup.key(ref.realm, ref.key_id or "")
    found = lookup.alias(ref.realm, ref.alias)
    if found is None:
        return None
    stored = lookup.key(ref.realm, found.key_id)
    # The key's set hash covers its aliases: an alias row that the key does not know was put there by somebody else.
    if stored is None or found not in stored.aliases:
        raise TamperedStoreError(f"alias {ref.arn} does not belong to key {found.key_id}")
    return stored


def require_fit(operation: Operation, target: Target, request: Request, stored: StoredKey, now: float) -> None:
    """State; for a symmetric ciphertext of another key, the right key; usage and algorithm.

    The order is the one observed at AWS. A ciphertext that is none of ours comes last: whoever meant another key or
    algorithm learns that.

    Args:
        operation: The row.
        target: Which of its keys.
        request: The request.
        stored: The key.
        now: The time on the key-life clock.

    Raises:
        Fault: The key does not fit.
    """
    key = stored.key
    if not target.any_state:
        require_state(operation.states, state_at(stored, now), key.arn)
    algorithm = getattr(request, target.algorithm) if target.algorithm else None
    ignored = getattr(request, "dry_run_modifiers", None)  # IGNORE_CIPHERTEXT is the only one
    if target.blob_member and not ignored and algorithm is EncryptionAlgorithm.SYMMETRIC_DEFAULT:
        try:
            header = parse_header(getattr(request, target.blob_member))
        except InvalidCiphertextException:
            _require_usage(operation, algorithm, key)
            raise
        if (header.account, header.key_id) != (key.realm.account, key.key_id):
            raise IncorrectKeyException(
                "The key ID in the request does not identify a CMK that can perform this operation."
            )
    _require_usage(operation, algorithm, key)


def _require_usage(operation: Operation, algorithm: Algorithm | None, key: Key) -> None:
    if operation.usage is not None and key.usage is not operation.usage:
        raise InvalidKeyUsageException(f"{key.arn} key usage is {key.usage} which is not valid for {operation.name}.")
    row = SPECS[key.spec]
    if operation.symmetric_only and row.kind is not Kind.SYMMETRIC:
        raise InvalidKeyUsageException(f"{key.arn} key spec is {key.spec} which is not valid for {operation.name}.")
    if algorithm is not None and algorithm not in row.algorithms[key.usage]:
        raise InvalidKeyUsageException(f"Algorithm {algorithm} is incompatible with key spec {key.spec}.")
