"""The decision: may this caller do this action on this resource?

Callers are roots of accounts, and the root of an account may do everything with the keys of its own account and nothing
with those of others.
"""

from strongroom.model.errors import AccessDeniedException
from strongroom.model.identity import Caller

# One text for every reason on a key of another account, so that "missing" and "denied" look the same; clients match on
# it (AWS re:Post and public logs).
_ELSEWHERE = (
    "because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based"
    " policy explicitly denies access"
)
_UNKNOWN_CIPHERTEXT = (
    "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not"
    " allowed to access."
)


def require_allowed(caller: Caller, action: str, owner: str, *, from_ciphertext: bool) -> None:
    """Refuse what is not allowed.

    Args:
        caller: Who asks.
        action: The IAM action, such as ``kms:Encrypt``.
        owner: The account of the resource.
        from_ciphertext: Whether the resource was named by a ciphertext alone.

    Raises:
        AccessDeniedException: Not allowed.
    """
    if caller.account == owner:
        return
    if from_ciphertext:
        raise AccessDeniedException(_UNKNOWN_CIPHERTEXT)
    raise AccessDeniedException(
        f"User: {caller.arn} is not authorized to perform: {action} on this resource {_ELSEWHERE}"
    )


def unknown_ciphertext() -> AccessDeniedException:
    """The refusal of a ciphertext whose key is not known here."""
    return AccessDeniedException(_UNKNOWN_CIPHERTEXT)
