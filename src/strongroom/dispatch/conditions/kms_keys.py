"""The keys of AWS KMS: of the key, and of what is asked of it.

Sources: AWS KMS Developer Guide, "Condition keys for AWS KMS"; Service Authorization Reference, "Actions, resources,
and condition keys for AWS Key Management Service".
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from strongroom.authz.context import AMBIGUOUS, Values
from strongroom.dispatch.conditions.situation import Family, Pairs, Situation, Source, asked, one, some
from strongroom.model.key import StoredKey
from strongroom.model.spec import EncryptionAlgorithm
from strongroom.operations.kms.aliases import MAX_ALIASES
from strongroom.operations.kms.deletion import SECONDS_PER_DAY
from strongroom.operations.kms.keys import CreateKeyRequest, requested_spec, requested_usage
from strongroom.operations.kms.metadata import MultiRegionKeyType

# --- of the key ---

_CREATING = frozenset({"kms:CreateKey", "kms:TagResource"})
_ON_NO_KEY = frozenset({"kms:GenerateRandom", "kms:ListAliases", "kms:ListKeys", "kms:ListRetirableGrants"})
_NAMED_BY_ALIAS = frozenset({
    "kms:Decapsulate", "kms:Decrypt", "kms:DeriveSharedSecret", "kms:DescribeKey", "kms:Encapsulate", "kms:Encrypt",
    "kms:GenerateDataKey", "kms:GenerateDataKeyPair", "kms:GenerateDataKeyPairWithoutPlaintext",
    "kms:GenerateDataKeyWithoutPlaintext", "kms:GenerateMac", "kms:GetPublicKey", "kms:ReEncryptFrom",
    "kms:ReEncryptTo", "kms:Sign", "kms:Verify", "kms:VerifyMac",
})  # fmt: skip


def _caller_account(situation: Situation) -> Values:
    if not situation.action.startswith("kms:") or situation.action in _ON_NO_KEY:
        return None
    return (situation.facts.caller.account,)


def _wanted(situation: Situation) -> CreateKeyRequest | None:
    """The request for a key that is to be made, while an action is about that key."""
    request = situation.request
    return request if situation.action in _CREATING and isinstance(request, CreateKeyRequest) else None


def _key_source(existing: Callable[[StoredKey], object], wanted: Callable[[CreateKeyRequest], object]) -> Source:
    """A property of a key, or of the one that is to be made; a replica is as its primary."""

    def source(situation: Situation) -> Values:
        stored = situation.stored or situation.primary
        if stored is not None:
            return one(existing(stored))
        request = _wanted(situation)
        return None if request is None else one(wanted(request))

    return source


def _multi_region_type(situation: Situation) -> Values:
    request = _wanted(situation)
    if situation.stored is None and situation.primary is None:
        return one(MultiRegionKeyType.PRIMARY) if request is not None and request.multi_region else None
    if situation.stored is None or situation.stored.key.is_replica:
        return one(MultiRegionKeyType.REPLICA)
    return one(MultiRegionKeyType.PRIMARY) if situation.stored.key.multi_region else None


def _request_alias(situation: Situation) -> Values:
    return one(situation.alias) if situation.action in _NAMED_BY_ALIAS else None


def _resource_aliases(situation: Situation) -> Values:
    """The aliases of a key; where it has more than AWS's quota, a permission that rests on them is none."""
    aliases = situation.stored.aliases if situation.stored else ()
    return AMBIGUOUS if len(aliases) > MAX_ALIASES else some(alias.name for alias in aliases)


_RESTING = frozenset({"kms:DisableKey", "kms:ScheduleKeyDeletion"})


def _days_unused(situation: Situation) -> Values:
    """Full days since the last use; usage is tracked since the key's creation, and counts from there."""
    if situation.stored is None or situation.action not in _RESTING:
        return None
    created, last = situation.stored.key.created_at, situation.last_usage()
    since = created if last is None else max(created, last.used_at)
    return one(int((situation.key_life - since) // SECONDS_PER_DAY))


# --- of the request ---

_ALGORITHMS: dict[str, str | None] = {
    "kms:Decrypt": "encryption_algorithm",
    "kms:Encrypt": "encryption_algorithm",
    "kms:GenerateDataKey": None,
    "kms:GenerateDataKeyPair": None,
    "kms:GenerateDataKeyPairWithoutPlaintext": None,
    "kms:GenerateDataKeyWithoutPlaintext": None,
    "kms:ReEncryptFrom": "source_encryption_algorithm",
    "kms:ReEncryptTo": "destination_encryption_algorithm",
}
"""Where an action's encryption algorithm stands in its request; None where there is no choice."""


def _encryption_algorithm(situation: Situation) -> Values:
    if situation.action not in _ALGORITHMS:
        return None
    attribute = _ALGORITHMS[situation.action]
    return one(getattr(situation.request, attribute, None) if attribute else EncryptionAlgorithm.SYMMETRIC_DEFAULT)


def _bypass(situation: Situation) -> Values:
    """Absent where it is not asked for, so that ``Null`` can forbid it."""
    bypasses = getattr(situation.request, "bypass_policy_lockout_safety_check", False)
    return ("true",) if bypasses and situation.action in {"kms:CreateKey", "kms:PutKeyPolicy"} else None


def _constraints(situation: Situation) -> Any:
    """The constraints of a grant that is to be made; None for any other action."""
    return getattr(situation.request, "constraints", None) if situation.action == "kms:CreateGrant" else None


def _context_pairs(situation: Situation) -> Pairs:
    """The encryption context; of a grant that is to be made, the one of its constraints."""
    constraints = _constraints(situation)
    if constraints is None:
        return (situation.encryption_context or {}).items()
    return (constraints.encryption_context_equals or constraints.encryption_context_subset or {}).items()


def _context_keys(situation: Situation) -> Values:
    return some(name for name, _ in _context_pairs(situation))


def _constraint_type(situation: Situation) -> Values:
    constraints = _constraints(situation)
    if constraints is None:
        return None
    if constraints.encryption_context_equals is not None:
        return ("EncryptionContextEquals",)
    return None if constraints.encryption_context_subset is None else ("EncryptionContextSubset",)


def _constraint_source(situation: Situation) -> Values:
    constraints = _constraints(situation)
    return None if constraints is None else one(constraints.source_arn)


def _grant_operations(situation: Situation) -> Values:
    return some(getattr(situation.request, "operations", ())) if situation.action == "kms:CreateGrant" else None


def _grant_for_service(situation: Situation) -> Values:
    return ("false",) if situation.action in {"kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"} else None


def _attested(situation: Situation) -> Pairs:
    """What an attestation document proved: registers in lower-case hexadecimal digits, and the image of an enclave."""
    recipient = situation.recipient
    if recipient is None:
        return
    prefix = "NitroTPMPCR" if recipient.nitro_tpm else "PCR"
    for number, value in recipient.pcrs.items():
        yield f"{prefix}{number}", value.hex()
    if not recipient.nitro_tpm and 0 in recipient.pcrs:
        yield "ImageSha384", recipient.pcrs[0].hex()


_KEY_SPEC = _key_source(lambda stored: stored.key.spec, requested_spec)
_KEY_USAGE = _key_source(lambda stored: stored.key.usage, requested_usage)

KEYS: Final[Mapping[str, Source]] = {
    "kms:BypassPolicyLockoutSafetyCheck": _bypass,
    "kms:CallerAccount": _caller_account,
    "kms:CustomerMasterKeySpec": _KEY_SPEC,
    "kms:CustomerMasterKeyUsage": _KEY_USAGE,
    "kms:DataKeyPairSpec": asked("key_pair_spec", "kms:GenerateDataKeyPair kms:GenerateDataKeyPairWithoutPlaintext"),
    "kms:EncryptionAlgorithm": _encryption_algorithm,
    "kms:EncryptionContextKeys": _context_keys,
    "kms:ExpirationModel": asked("expiration_model", "kms:ImportKeyMaterial"),
    "kms:GrantConstraintSourceArn": _constraint_source,
    "kms:GrantConstraintType": _constraint_type,
    "kms:GrantIsForAWSResource": _grant_for_service,
    "kms:GrantOperations": _grant_operations,
    "kms:GranteePrincipal": asked("grantee_principal", "kms:CreateGrant"),
    "kms:GranteeServicePrincipal": asked("grantee_service_principal", "kms:CreateGrant"),
    "kms:KeyAgreementAlgorithm": asked("key_agreement_algorithm", "kms:DeriveSharedSecret"),
    "kms:KeyOrigin": _key_source(lambda stored: stored.key.origin, lambda request: request.origin),
    "kms:KeySpec": _KEY_SPEC,
    "kms:KeyUsage": _KEY_USAGE,
    "kms:MacAlgorithm": asked("mac_algorithm", "kms:GenerateMac kms:VerifyMac"),
    "kms:MessageType": asked("message_type", "kms:Sign kms:Verify"),
    "kms:MultiRegion": _key_source(lambda stored: stored.key.multi_region, lambda request: request.multi_region),
    "kms:MultiRegionKeyType": _multi_region_type,
    "kms:PolicyName": asked("policy_name", "kms:GetKeyPolicy kms:PutKeyPolicy"),
    "kms:PrimaryRegion": asked("primary_region", "kms:UpdatePrimaryRegion"),
    "kms:ReEncryptOnSameKey": lambda situation: one(situation.same_key),
    "kms:ReplicaRegion": asked("replica_region", "kms:ReplicateKey"),
    "kms:RequestAlias": _request_alias,
    "kms:ResourceAliases": _resource_aliases,
    "kms:RetiringPrincipal": asked("retiring_principal", "kms:CreateGrant"),
    "kms:RetiringServicePrincipal": asked("retiring_service_principal", "kms:CreateGrant"),
    "kms:RotationPeriodInDays": asked("rotation_period_in_days", "kms:EnableKeyRotation"),
    "kms:ScheduleKeyDeletionPendingWindowInDays": asked("pending_window_in_days", "kms:ScheduleKeyDeletion"),
    "kms:SigningAlgorithm": asked("signing_algorithm", "kms:Sign kms:Verify"),
    "kms:TrailingDaysWithoutKeyUsage": _days_unused,
    "kms:ValidTo": asked("valid_to", "kms:ImportKeyMaterial"),
    "kms:WrappingAlgorithm": asked("wrapping_algorithm", "kms:GetParametersForImport"),
    "kms:WrappingKeySpec": asked("wrapping_key_spec", "kms:GetParametersForImport"),
}

FAMILIES: Final[Mapping[str, Family]] = {
    "kms:EncryptionContext:": _context_pairs,
    "kms:RecipientAttestation:": _attested,
}
