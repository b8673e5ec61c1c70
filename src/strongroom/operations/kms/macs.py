"""Message authentication codes: GenerateMac, VerifyMac."""

from hmac import compare_digest

from strongroom.model.errors import KMSInvalidMacException
from strongroom.model.key import StoredKey
from strongroom.model.spec import KeyUsage, MacAlgorithm
from strongroom.model.state import USABLE
from strongroom.operations import shapes
from strongroom.operations.kms.encryption import current_material
from strongroom.operations.shapes import Request, Response
from strongroom.operations.table import Call, key, operation


class GenerateMacRequest(Request, frozen=True, kw_only=True):
    """Members of GenerateMac."""

    message: shapes.Message
    key_id: shapes.KeyId
    mac_algorithm: MacAlgorithm
    grant_tokens: shapes.GrantTokens = ()
    dry_run: bool = False


class VerifyMacRequest(GenerateMacRequest, frozen=True, kw_only=True):
    """Members of VerifyMac."""

    mac: shapes.Mac


class GenerateMacResponse(Response, frozen=True, kw_only=True):
    """The MAC."""

    mac: bytes
    mac_algorithm: MacAlgorithm
    key_id: str


class VerifyMacResponse(Response, frozen=True, kw_only=True):
    """The good news; a bad MAC is a fault."""

    key_id: str
    mac_valid: bool
    mac_algorithm: MacAlgorithm


def _mac(call: Call, request: GenerateMacRequest, stored: StoredKey) -> bytes:
    return call.keystores.of(stored.key).mac(
        stored.key, current_material(stored), request.mac_algorithm, request.message
    )


_ERRORS = "NotFound Disabled KeyUnavailable InvalidKeyUsage InvalidGrantToken KMSInternal KMSInvalidState"


@operation(
    on=key("key_id", "kms:GenerateMac", aliases=True, algorithm="mac_algorithm"),
    usage=KeyUsage.GENERATE_VERIFY_MAC,
    states=USABLE,
    cross_account=True,
    grantable=True,
    errors=f"{_ERRORS} DryRunOperation",
)
def generate_mac(call: Call, request: GenerateMacRequest, stored: StoredKey) -> GenerateMacResponse:
    """Make the HMAC of a message."""
    return GenerateMacResponse(
        mac=_mac(call, request, stored), mac_algorithm=request.mac_algorithm, key_id=stored.key.arn
    )


@operation(
    on=key("key_id", "kms:VerifyMac", aliases=True, algorithm="mac_algorithm"),
    usage=KeyUsage.GENERATE_VERIFY_MAC,
    states=USABLE,
    cross_account=True,
    grantable=True,
    errors=f"{_ERRORS} KMSInvalidMac DryRunOperation",
)
def verify_mac(call: Call, request: VerifyMacRequest, stored: StoredKey) -> VerifyMacResponse:
    """Verify the HMAC of a message, the whole of it and in constant time."""
    if not compare_digest(_mac(call, request, stored), request.mac):
        raise KMSInvalidMacException
    return VerifyMacResponse(key_id=stored.key.arn, mac_valid=True, mac_algorithm=request.mac_algorithm)
