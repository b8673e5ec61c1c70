"""Key states and which operations they allow: one table (AWS KMS Developer Guide, "Key states of AWS KMS keys")."""

from enum import StrEnum

from strongroom.model.errors import DisabledException, Fault, KMSInvalidStateException


class KeyState(StrEnum):
    """The state of a KMS key."""

    CREATING = "Creating"
    ENABLED = "Enabled"
    DISABLED = "Disabled"
    PENDING_DELETION = "PendingDeletion"
    PENDING_IMPORT = "PendingImport"
    PENDING_REPLICA_DELETION = "PendingReplicaDeletion"
    UNAVAILABLE = "Unavailable"
    UPDATING = "Updating"


_S = KeyState
_PENDING = frozenset({_S.PENDING_DELETION, _S.PENDING_REPLICA_DELETION})

# The states in which an operation succeeds. An operation's row names one of these.
ANY = frozenset(KeyState)
USABLE = frozenset({_S.ENABLED, _S.UPDATING})  # cryptographic use
SWITCHABLE = frozenset({_S.ENABLED, _S.DISABLED, _S.UNAVAILABLE})  # EnableKey, DisableKey
NOT_PENDING_DELETION = ANY - _PENDING  # aliases, tags, description
SCHEDULABLE = NOT_PENDING_DELETION - {_S.UPDATING}  # ScheduleKeyDeletion
CANCELLABLE = _PENDING  # CancelKeyDeletion
CREATED = ANY - {_S.CREATING}  # ImportKeyMaterial, which refuses an imported key that is pending deletion itself
SETTLED = CREATED - {_S.UPDATING}  # GetParametersForImport, which does so, too; DeleteImportedKeyMaterial
REPLICABLE = frozenset({_S.ENABLED})  # ReplicateKey
ROTATABLE = frozenset(
    {_S.ENABLED, _S.UPDATING, _S.UNAVAILABLE}
)  # RotateKeyOnDemand, but for no key that is unavailable
GRANTING = ROTATABLE  # CreateGrant
SCHEDULES_ROTATION = ROTATABLE | {_S.PENDING_IMPORT}  # EnableKeyRotation, DisableKeyRotation; not for imported material

# One refusal for each state. Where AWS documents that either of two may come for a key pending deletion,
# KMSInvalidStateException is the choice.
_REFUSALS: dict[KeyState, tuple[type[Fault], str]] = {
    _S.CREATING: (KMSInvalidStateException, "is creating."),
    _S.DISABLED: (DisabledException, "is disabled."),
    _S.PENDING_DELETION: (KMSInvalidStateException, "is pending deletion."),
    _S.PENDING_IMPORT: (KMSInvalidStateException, "is pending import."),
    _S.PENDING_REPLICA_DELETION: (KMSInvalidStateException, "is pending replica deletion."),
    _S.UNAVAILABLE: (KMSInvalidStateException, "is unavailable."),
    _S.UPDATING: (KMSInvalidStateException, "is updating."),
}


def require_state(allowed: frozenset[KeyState], state: KeyState, arn: str) -> None:
    """Refuse a key whose state is not among ``allowed``.

    Raises:
        DisabledException: The key is disabled.
        KMSInvalidStateException: The key is in another state that does not fit.
    """
    if state in allowed:
        return
    if allowed is CANCELLABLE:
        raise KMSInvalidStateException(f"{arn} is not pending deletion")
    fault, text = _REFUSALS[state]
    raise fault(f"{arn} {text}")
