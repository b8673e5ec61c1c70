"""Random bytes: GenerateRandom."""

from strongroom.model.errors import CustomKeyStoreNotFoundException
from strongroom.operations import shapes
from strongroom.operations.kms.recipients import Recipient, require_whole
from strongroom.operations.request import fault, invalid
from strongroom.operations.shapes import Request, Response
from strongroom.operations.table import Call, operation


class GenerateRandomRequest(Request, frozen=True, kw_only=True):
    """Members of GenerateRandom; NumberOfBytes has no default."""

    number_of_bytes: shapes.NumberOfBytes | None = None
    custom_key_store_id: shapes.CustomKeyStoreId | None = None
    recipient: Recipient | None = None


class GenerateRandomResponse(Response, frozen=True, kw_only=True):
    """The bytes."""

    plaintext: bytes | None = None
    ciphertext_for_recipient: bytes | None = None


def _check(request: GenerateRandomRequest) -> None:
    if request.number_of_bytes is None:
        raise invalid(fault("numberOfBytes", "Member must not be null"))
    require_whole(request.recipient)


@operation(
    needs="kms:GenerateRandom",
    check=_check,
    secret=("plaintext",),
    errors="DependencyTimeout KMSInternal UnsupportedOperation CustomKeyStoreNotFound CustomKeyStoreInvalidState",
)
def generate_random(call: Call, request: GenerateRandomRequest) -> GenerateRandomResponse:
    """Make 1 to 1024 random bytes."""
    if request.custom_key_store_id is not None:
        raise CustomKeyStoreNotFoundException(f"Custom key store '{request.custom_key_store_id}' does not exist.")
    return GenerateRandomResponse(plaintext=call.keystores.default.random(request.number_of_bytes or 0))
