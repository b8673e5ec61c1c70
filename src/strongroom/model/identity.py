"""Who there is: principals of accounts, their access keys, and who calls."""

from enum import StrEnum

import msgspec

from strongroom.model.arn import root_arn, session_arn
from strongroom.model.policy import BoundPolicy

SERVICE_TOKEN = "service:"  # noqa: S105 - how policies are told of services, no secret
"""What stands before a service's name where a policy or a grant names one."""

CREDENTIAL_PURPOSE = "access-key"
"""For what the secrets of access keys are sealed (ports.SecretBox)."""


class PrincipalKind(StrEnum):
    """What a principal of an account is."""

    ROOT = "root"
    USER = "user"
    ROLE = "role"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """The root, a user or a role of an account.

    Attributes:
        name: Unique among those of its kind in the account; empty for the root.
        path: ``/`` or ``/division/team/``.
        unique_id: ``AIDA...``, ``AROA...``; the account for its root. Never given out again.
        created_at: Epoch seconds on the machine's clock.
        trust: Who may assume a role; None for others.
        max_session_seconds: How long sessions of a role may last; 0 for others.
    """

    account: str
    kind: PrincipalKind
    name: str
    path: str
    unique_id: str
    created_at: float
    description: str = ""
    trust: BoundPolicy | None = None
    max_session_seconds: int = 0

    def arn(self, partition: str) -> str:
        """The principal's ARN in a partition."""
        if self.kind is PrincipalKind.ROOT:
            return f"arn:{partition}:iam::{self.account}:root"
        return f"arn:{partition}:iam::{self.account}:{self.kind}{self.path}{self.name}"


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """An access key; ``sealed_secret`` is bound to the access key id and account.

    Attributes:
        kind: Of its principal.
        name: Of its principal.
        created_at: Epoch seconds on the machine's clock.
    """

    access_key_id: str
    account: str
    kind: PrincipalKind = PrincipalKind.ROOT
    name: str = ""
    sealed_secret: bytes
    active: bool
    created_at: float


class StoredPrincipal(msgspec.Struct, frozen=True):
    """A principal with all that belongs to it, read in one snapshot and checked.

    Attributes:
        policies: Documents of its inline policies by name, in the order of the names.
        credentials: Its access keys, in the order of their ids.
    """

    principal: Principal
    policies: dict[str, str]
    credentials: tuple[Credential, ...]


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What a role's session is, beside its role.

    Attributes:
        name: The RoleSessionName.
        role_id: The unique id of the role that was assumed; it must still have it.
        issued_at: Epoch seconds on the key-life clock.
        expires_at: The same.
        policy: The session policy, which limits what the role may do; None where there is none.
        tags: Session tags.
        transitive_tags: Keys of those that go over into sessions which this one assumes.
        source_identity: Who was said to be behind it, empty where nobody was.
    """

    name: str
    role_id: str
    issued_at: float
    expires_at: float
    policy: str | None = None
    tags: dict[str, str] = {}
    transitive_tags: tuple[str, ...] = ()
    source_identity: str = ""


class Caller(msgspec.Struct, frozen=True):
    """A proven principal.

    Attributes:
        type: CloudTrail's userIdentity type: ``Root``, ``IAMUser`` or ``AssumedRole``.
        account: The caller's account, 12 digits.
        arn: The principal's ARN; a session's for a role.
        principal_id: The unique id; the account for its root, ``ROLE-ID:session-name`` for a session.
        access_key_id: The access key that signed.
        kind: Of the principal; a role for a session.
        name: Of the user or the role; empty for a root.
        session: The session of a role; None for others.
        role_arn: The ARN of a session's role, which its own ARN does not tell: it has no path.
    """

    type: str
    account: str
    arn: str
    principal_id: str
    access_key_id: str
    kind: PrincipalKind = PrincipalKind.ROOT
    name: str = ""
    session: Session | None = None
    role_arn: str = ""


def calling_root(account: str, partition: str, access_key_id: str = "") -> Caller:
    """The root of an account as a caller."""
    return Caller("Root", account, root_arn(account, partition), account, access_key_id)


def calling_user(user: Principal, partition: str, access_key_id: str = "") -> Caller:
    """A user as a caller."""
    return Caller("IAMUser", user.account, user.arn(partition), user.unique_id, access_key_id, user.kind, user.name)


def calling_session(role: Principal, session: Session, partition: str, access_key_id: str = "") -> Caller:
    """A session of a role as a caller."""
    return Caller(
        "AssumedRole",
        role.account,
        session_arn(role.account, role.name, session.name, partition),
        f"{role.unique_id}:{session.name}",
        access_key_id,
        role.kind,
        role.name,
        session,
        role.arn(partition),
    )
