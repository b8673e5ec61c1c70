"""What users and roles have in common: new names, quotas, lists, and the end of one."""

from strongroom.model.errors import DeleteConflictException, EntityAlreadyExistsException, LimitExceededException
from strongroom.model.identity import Principal, PrincipalKind, StoredPrincipal
from strongroom.operations.iam.service import ListRequest, page, start
from strongroom.operations.table import Call, WriteCall
from strongroom.ports import Reads

# IAM User Guide, "IAM and AWS STS quotas": AWS's default quotas.
_QUOTAS = {PrincipalKind.USER: ("UsersPerAccount", 5000), PrincipalKind.ROLE: ("RolesPerAccount", 1000)}


def add(call: WriteCall, principal: Principal) -> None:
    """Put a new user or role; its account, too, if this is the first that is heard of it (dev mode).

    Raises:
        EntityAlreadyExistsException: As of ``require_free``.
        LimitExceededException: The account has as many as it may.
    """
    require_free(call.reads, principal.account, principal.kind, principal.name)
    quota, most = _QUOTAS[principal.kind]
    if len(call.reads.principals(principal.account, principal.kind, "", most)) == most:
        raise LimitExceededException(f"Cannot exceed quota for {quota}: {most}")
    call.tx.put_account(principal.account, principal.created_at)
    call.tx.put_principal(principal)


def require_free(reads: Reads, account: str, kind: PrincipalKind, name: str, but: str = "") -> None:
    """Refuse a name that is taken; names that differ in letter case only are one (IAM User Guide, "IAM identifiers").

    Args:
        reads: Rows as of now.
        account: Whose names.
        kind: Users and roles have names of their own.
        name: The name.
        but: A name that does not count: that of who is renamed.

    Raises:
        EntityAlreadyExistsException: It is taken.
    """
    _, most = _QUOTAS[kind]
    taken = {found.name.lower() for found in reads.principals(account, kind, "", most) if found.name != but}
    if name.lower() in taken:
        raise EntityAlreadyExistsException(f"{kind.capitalize()} with name {name} already exists.")


def listed(
    call: Call, request: ListRequest, operation: str, kind: PrincipalKind, path_prefix: str
) -> tuple[list[Principal], str | None]:
    """A page of the users or roles whose path begins in a way, and the marker of the next."""
    after, size = start(call, request, operation), request.max_items + 1
    found: list[Principal] = []
    while len(found) < size:
        batch = call.reads.principals(call.realm.account, kind, after, size)
        found += [principal for principal in batch if principal.path.startswith(path_prefix)]
        if len(batch) < size:
            break
        after = batch[-1].name
    shown, marker = page(call, request, operation, found, lambda principal: principal.name)
    return list(shown), marker


def delete(call: WriteCall, stored: StoredPrincipal) -> None:
    """Delete a user or a role that has nothing any more.

    Raises:
        DeleteConflictException: It has inline policies or access keys.
    """
    if stored.policies:
        raise DeleteConflictException("Cannot delete entity, must delete policies first.")
    if stored.credentials:
        raise DeleteConflictException("Cannot delete entity, must delete access keys first.")
    call.tx.delete_principal(stored.principal)
