"""Policy documents of identities: what may be put, and how large it may be."""

from strongroom.authz.parsing import PolicyError, PolicyKind, parse
from strongroom.model.errors import LimitExceededException, MalformedPolicyDocumentException
from strongroom.model.identity import PrincipalKind, StoredPrincipal
from strongroom.model.policy import BoundPolicy
from strongroom.operations.principals import bind, token_of
from strongroom.operations.table import WriteCall

# IAM User Guide, "IAM and AWS STS quotas": characters without white space, of all inline policies together.
_INLINE_LIMITS = {PrincipalKind.USER: 2048, PrincipalKind.ROLE: 10_240}
_TRUST_LIMIT = 2048


def require_identity_policy(document: str) -> None:
    """Refuse what is no policy of a user or a role.

    Raises:
        MalformedPolicyDocumentException: As said.
    """
    try:
        parse(document, PolicyKind.IDENTITY)
    except PolicyError as error:
        raise MalformedPolicyDocumentException(str(error)) from None


def require_room(stored: StoredPrincipal, policy_name: str, document: str) -> None:
    """Refuse an inline policy that is too large with those that are there.

    Raises:
        LimitExceededException: As said.
    """
    after = stored.policies | {policy_name: document}
    owner = stored.principal
    most = _INLINE_LIMITS[owner.kind]
    if sum(map(_size, after.values())) > most:
        raise LimitExceededException(f"Maximum policy size of {most} bytes exceeded for {owner.kind} {owner.name}")


def trust(call: WriteCall, document: str) -> BoundPolicy:
    """A trust policy with its principals bound to who they are now.

    Raises:
        LimitExceededException: It is too large.
        MalformedPolicyDocumentException: It is no trust policy, or names somebody who does not exist.
    """
    if _size(document) > _TRUST_LIMIT:
        raise LimitExceededException(f"Cannot exceed quota for ACLSizePerRole: {_TRUST_LIMIT}")
    try:
        parsed = parse(document, PolicyKind.TRUST)
    except PolicyError as error:
        raise MalformedPolicyDocumentException(str(error)) from None
    partition = call.realm.partition
    for principal in sorted(parsed.principals):
        if token_of(call.reads, partition, principal) is None:
            raise MalformedPolicyDocumentException(f'Invalid principal in policy: "AWS":"{principal}"')
    return bind(call.reads, partition, document, parsed)


def _size(document: str) -> int:
    return len("".join(document.split()))
