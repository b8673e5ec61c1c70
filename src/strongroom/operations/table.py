"""The operation table: one row for each operation, made by ``@operation`` beside the function itself.

A row is data; ``dispatch`` is the only code that walks the table. What a row says is checked there for every operation
alike, so no handler authorizes, parses, checks state or audits.
"""

from collections.abc import Callable
from typing import Any, get_type_hints

import msgspec

from strongroom.model.identity import Caller
from strongroom.model.region import Realm
from strongroom.model.spec import KeyUsage
from strongroom.model.state import ANY, KeyState
from strongroom.operations.shapes import Request, Response
from strongroom.ports import AuditEvent, Clocks, KeyStores, LastUsage, MarkerSeal, Reads, Transaction

# Operations of the model that are still to come, by name. Nothing is stubbed: they answer UnknownOperationException.
TO_COME = frozenset({
    "ConnectCustomKeyStore", "CreateCustomKeyStore", "CreateGrant", "DeleteCustomKeyStore",
    "DescribeCustomKeyStores", "DisconnectCustomKeyStore", "ListGrants", "ListRetirableGrants", "RetireGrant",
    "RevokeGrant", "UpdateCustomKeyStore",
})  # fmt: skip


class Service(msgspec.Struct, frozen=True):
    """A service, and its part of the table.

    Attributes:
        scope: The service that credentials must be scoped to.
        target_prefix: What its operations' names follow in the X-Amz-Target header.
        event_source: CloudTrail's eventSource.
        operations: Its rows, by name.
    """

    scope: str
    target_prefix: str
    event_source: str
    operations: dict[str, "Operation"] = {}


class Call(msgspec.Struct, frozen=True):
    """What a handler gets beside its request and its keys.

    Attributes:
        realm: The caller's account and the Region of the endpoint.
        reads: Rows as of now; inside a writing operation, of its transaction.
        regions: The Regions that are served.
        last_usage: The last usage of a key, flushed or not, or None.
    """

    realm: Realm
    caller: Caller
    keystores: KeyStores
    clocks: Clocks
    markers: MarkerSeal
    reads: Reads
    regions: frozenset[str]
    last_usage: Callable[[Realm, str], LastUsage | None]


class WriteCall(Call, frozen=True):
    """The call of a writing operation: its transaction, and what makes the payload of service events in it."""

    tx: Transaction
    encode: Callable[[AuditEvent], bytes]


class Target(msgspec.Struct, frozen=True):
    """How an operation finds one of its keys, and the action that it needs on it.

    Attributes:
        action: The IAM action, such as ``kms:Encrypt``.
        key_member: The request's attribute that holds a KeyId, or None.
        aliases: Whether that KeyId may be an alias.
        blob_member: The attribute that holds a ciphertext that names its key, where KeyId may be left out.
        alias_member: The attribute that holds an alias name, whose key is meant.
        algorithm: The attribute that holds the algorithm to use with this key, or None.
        any_state: Whether the operation's states are not asked of this key (UpdateAlias: the old target).
        region_member: The attribute that names the Region where the related multi-Region key is meant, or None.
    """

    action: str
    key_member: str | None = None
    aliases: bool = False
    blob_member: str | None = None
    alias_member: str | None = None
    algorithm: str | None = None
    any_state: bool = False
    region_member: str | None = None


def key(member: str, action: str, *, aliases: bool = False, algorithm: str | None = None) -> Target:
    """The key that a KeyId member names."""
    return Target(action, key_member=member, aliases=aliases, algorithm=algorithm)


def ciphertext(blob_member: str, key_member: str, action: str, *, algorithm: str) -> Target:
    """The key that made a ciphertext; a KeyId member may name it, and must then be right."""
    return Target(action, key_member=key_member, aliases=True, blob_member=blob_member, algorithm=algorithm)


def alias(member: str, action: str) -> Target:
    """The key that an existing alias points at."""
    return Target(action, alias_member=member, any_state=True)


def related(member: str, region_member: str, action: str) -> Target:
    """The key of the same multi-Region key in another Region."""
    return Target(action, key_member=member, region_member=region_member)


class Echo(msgspec.Struct, frozen=True):
    """The second record of an operation that changes two Regions.

    Attributes:
        region_member: The request's attribute that names the other Region.
        name: The record's eventName there.
    """

    region_member: str
    name: str


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table.

    Attributes:
        service: Whose it is.
        function: ``(call, request, *keys) -> response``, one key for each target.
        response: None where the model has no output shape: the body is empty.
        targets: The keys it touches, in the order of the function's arguments.
        action: The action that it needs on no key: of an operation on none, or in the Region of its ``echo``.
        usage: The key usage it needs, or None.
        symmetric_only: Whether it needs a symmetric encryption key, not just a key of that usage.
        states: The key states that allow it.
        cross_account: Whether the key of another account can be meant.
        grantable: Whether a grant can allow it.
        writes: Whether it runs in a transaction, with a record in the outbox.
        read_only: CloudTrail's readOnly.
        check: Argument rules that its types cannot say; raises ValidationException and the like before any look-up.
        fit: ``(request, *keys)``: rules between arguments and keys, asked last, after state and usage; a dry run asks
            them, too.
        ahead: ``(call, request, *keys)``: makes, before a transaction, what it needs; the result is the function's last
            argument. So no transaction waits for a key to be generated.
        slow: ``(request, *keys)``: whether it makes keys that take long to make, or tests primes.
        echo: Its record in another Region, or None.
        secret: The response's attributes that are left out where the request names an attested recipient; the first is
            what the recipient alone gets.
        errors: The faults that AWS's model declares for it, without the suffix ``Exception``.
    """

    name: str
    service: Service
    function: Callable[..., Response | None]
    request: type[Request]
    response: type[Response] | None
    targets: tuple[Target, ...]
    action: str | None
    usage: KeyUsage | None
    symmetric_only: bool
    states: frozenset[KeyState]
    cross_account: bool
    grantable: bool
    writes: bool
    read_only: bool
    check: Callable[[Any], None] | None
    fit: Callable[..., None] | None
    ahead: Callable[..., Any] | None
    slow: Callable[..., bool] | None
    echo: Echo | None
    secret: tuple[str, ...]
    errors: frozenset[str]

    @property
    def dry_run(self) -> bool:
        """Whether its request has DryRun."""
        return "dry_run" in self.request.__struct_fields__


KMS = Service("kms", "TrentService.", "kms.amazonaws.com")
OPERATIONS = KMS.operations

Handler = Callable[..., Response | None]


def operation(
    *,
    errors: str,
    on: Target | tuple[Target, ...] = (),
    action: str | None = None,
    usage: KeyUsage | None = None,
    symmetric_only: bool = False,
    states: frozenset[KeyState] = ANY,
    cross_account: bool = False,
    grantable: bool = False,
    writes: bool = False,
    check: Callable[[Any], None] | None = None,
    fit: Callable[..., None] | None = None,
    ahead: Callable[..., Any] | None = None,
    slow: Callable[..., bool] | None = None,
    echo: Echo | None = None,
    secret: tuple[str, ...] = (),
    service: Service = KMS,
) -> Callable[[Handler], Handler]:
    """Put a function into the table as the operation of its name; its annotations name request and response."""

    def add(function: Handler) -> Handler:
        hints = get_type_hints(function)
        name = "".join(word.capitalize() for word in function.__name__.split("_"))
        response: Any = hints["return"]
        service.operations[name] = Operation(
            name=name,
            service=service,
            function=function,
            request=hints["request"],
            response=None if response is type(None) else response,
            targets=(on,) if isinstance(on, Target) else on,
            action=action,
            usage=usage,
            symmetric_only=symmetric_only,
            states=states,
            cross_account=cross_account,
            grantable=grantable,
            writes=writes,
            read_only=not writes,
            check=check,
            fit=fit,
            ahead=ahead,
            slow=slow,
            echo=echo,
            secret=secret,
            errors=frozenset(errors.split()),
        )
        return function

    return add
