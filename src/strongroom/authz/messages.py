"""AWS's texts of a denial, word for word: clients match on them.

IAM User Guide, "Troubleshoot access denied error messages"; the texts about other accounts stand in public logs.
"""

from strongroom.authz.decide import Reason

_REASONS = {
    Reason.EXPLICIT_RESOURCE: "with an explicit deny in a resource-based policy",
    Reason.EXPLICIT_IDENTITY: "with an explicit deny in an identity-based policy",
    Reason.EXPLICIT_SESSION: "with an explicit deny in a session policy",
    Reason.IMPLICIT_RESOURCE: "because no resource-based policy allows the {} action",
    Reason.IMPLICIT_IDENTITY: "because no identity-based policy allows the {} action",
    Reason.IMPLICIT_SESSION: "because no session policy allows the {} action",
}
# One text for every reason on a key of another account, so that "missing" and "denied" look the same.
_ELSEWHERE = (
    "because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based"
    " policy explicitly denies access"
)
_OF_CIPHERTEXT = "the resource associated with this ciphertext"


def denied(arn: str, action: str, resource: str, reason: Reason) -> str:
    """A denial in the caller's own account.

    Args:
        arn: The caller's.
        action: Such as ``kms:Decrypt``.
        resource: Its ARN; ``*`` is not named.
        reason: What decided.
    """
    on = "" if resource == "*" else f" on resource: {resource}"
    return f"User: {arn} is not authorized to perform: {action}{on} {_REASONS[reason].format(action)}"


def denied_by_ciphertext(arn: str, action: str, reason: Reason) -> str:
    """A denial in the caller's own account, where a ciphertext alone named the key."""
    return f"User: {arn} is not authorized to perform: {action} on {_OF_CIPHERTEXT} {_REASONS[reason].format(action)}"


def denied_elsewhere(arn: str, action: str, *, by_ciphertext: bool) -> str:
    """A denial in another account, whatever the reason."""
    resource = _OF_CIPHERTEXT if by_ciphertext else "this resource"
    return f"User: {arn} is not authorized to perform: {action} on {resource} {_ELSEWHERE}"
