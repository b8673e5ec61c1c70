"""Who asks: from a proven caller to what its identity says in policies."""

from typing import Protocol

from strongroom.authz.decide import Named, Subject
from strongroom.authz.policy import PolicyKind, Who, WhoKind, compile_policy
from strongroom.model.errors import UnrecognizedClientException
from strongroom.model.identity import Caller, PrincipalKind, StoredPrincipal
from strongroom.model.policy import BoundPolicy

_GONE = "The security token included in the request is invalid."


class Principals(Protocol):
    """Where principals are found."""

    def principal(self, account: str, kind: PrincipalKind, name: str) -> StoredPrincipal | None:
        """A principal, or None."""
        ...


def subject_of(caller: Caller, principals: Principals) -> Subject:
    """A caller with the policies that it has now.

    Raises:
        UnrecognizedClientException: The user or role is gone, or is another of the same name, or the access key is not
            good any more.
    """
    if caller.kind is PrincipalKind.ROOT:
        return Subject(Who(caller.account, WhoKind.ROOT))
    stored = principals.principal(caller.account, caller.kind, caller.name)
    if stored is None or not _still(stored, caller):
        raise UnrecognizedClientException(_GONE)
    return identity_of(caller, stored)


def identity_of(caller: Caller, stored: StoredPrincipal) -> Subject:
    """What a user, or the session of a role, brings with it."""
    session = caller.session
    policies = tuple(
        Named(name, compile_policy(BoundPolicy(document), PolicyKind.IDENTITY))
        for name, document in stored.policies.items()
    )
    if session is None:
        return Subject(Who(caller.account, WhoKind.USER, (caller.principal_id,)), policies)
    who = Who(caller.account, WhoKind.SESSION, (session.role_id, caller.principal_id))
    limit = None if session.policy is None else compile_policy(BoundPolicy(session.policy), PolicyKind.SESSION)
    return Subject(who, policies, limit)


def _still(stored: StoredPrincipal, caller: Caller) -> bool:
    """Whether a principal is the one that the caller was when its request was proven."""
    if caller.session is not None:
        return stored.principal.unique_id == caller.session.role_id
    return stored.principal.unique_id == caller.principal_id and any(
        credential.active and credential.access_key_id == caller.access_key_id for credential in stored.credentials
    )
