"""When a key was last used: GetKeyLastUsage.

A row of the table with a key usage is a cryptographic operation; the dispatcher notes where one of them succeeded.
"""

from enum import StrEnum

from strongroom.model.key import StoredKey
from strongroom.operations import shapes
from strongroom.operations.shapes import Request, Response
from strongroom.operations.table import Call, key, operation


class KeyLastUsageTrackingOperation(StrEnum):
    """The cryptographic operations, which count as use of a key."""

    DECRYPT = "Decrypt"
    DERIVE_SHARED_SECRET = "DeriveSharedSecret"  # noqa: S105 - the name of an operation
    ENCRYPT = "Encrypt"
    GENERATE_DATA_KEY = "GenerateDataKey"
    GENERATE_DATA_KEY_PAIR = "GenerateDataKeyPair"
    GENERATE_DATA_KEY_PAIR_WITHOUT_PLAINTEXT = "GenerateDataKeyPairWithoutPlaintext"
    GENERATE_DATA_KEY_WITHOUT_PLAINTEXT = "GenerateDataKeyWithoutPlaintext"
    GENERATE_MAC = "GenerateMac"
    RE_ENCRYPT = "ReEncrypt"
    SIGN = "Sign"
    VERIFY = "Verify"
    VERIFY_MAC = "VerifyMac"
    ENCAPSULATE = "Encapsulate"
    DECAPSULATE = "Decapsulate"


class GetKeyLastUsageRequest(Request, frozen=True, kw_only=True):
    """Members of GetKeyLastUsage."""

    key_id: shapes.KeyId


class KeyLastUsageData(Response, frozen=True, kw_only=True):
    """The last use of a key, or nothing at all."""

    operation: KeyLastUsageTrackingOperation | None = None
    timestamp: float | None = None
    cloud_trail_event_id: str | None = None
    kms_request_id: str | None = None


class GetKeyLastUsageResponse(Response, frozen=True, kw_only=True):
    """The last use of a key, and since when uses are known."""

    key_id: str
    key_last_usage: KeyLastUsageData
    tracking_start_date: float
    key_creation_date: float


@operation(on=key("key_id", "kms:GetKeyLastUsage"), errors="NotFound InvalidArn DependencyTimeout KMSInternal")
def get_key_last_usage(call: Call, request: GetKeyLastUsageRequest, stored: StoredKey) -> GetKeyLastUsageResponse:
    """Tell when a key was last used with success, and for what."""
    found = stored.key
    last = call.last_usage(found.realm, found.key_id)
    # A use from before the key was made is one of an earlier replica under the same key id.
    used = last if last is not None and last.used_at >= found.created_at else None
    return GetKeyLastUsageResponse(
        key_id=found.key_id,
        key_last_usage=KeyLastUsageData()
        if used is None
        else KeyLastUsageData(
            operation=KeyLastUsageTrackingOperation(used.operation),
            timestamp=used.used_at,
            cloud_trail_event_id=used.event_id,
            kms_request_id=used.request_id,
        ),
        tracking_start_date=found.created_at,
        key_creation_date=found.created_at,
    )
