"""The operation table: one row for each operation, made by ``@operation`` beside the function itself.

A row is data; ``dispatch`` is the only code that walks the table. What a row says is checked there for every operation
alike, so no handler authorizes, parses, checks state or audits.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, get_type_hints

import msgspec

from strongroom.authz.grants import Child
from strongroom.model.identity import Caller, Principal, PrincipalKind
from strongroom.model.key import StoredKey
from strongroom.model.region import Realm
from strongroom.model.spec import KeyUsage
from strongroom.model.state import ANY, KeyState
from strongroom.operations.protocol import JSON11, Protocol
from strongroom.operations.shapes import Request, Response
from strongroom.ports import (
    AuditEvent,
    Clocks,
    GrantTokens,
    KeyStores,
    LastUsage,
    MarkerSeal,
    Reads,
    SecretBox,
    SessionTokens,
    Transaction,
)

# Operations of the model that are still to come, by name. Nothing is stubbed: they answer UnknownOperationException.
TO_COME = frozenset({
    "ConnectCustomKeyStore", "CreateCustomKeyStore", "DeleteCustomKeyStore", "DescribeCustomKeyStores",
    "DisconnectCustomKeyStore", "UpdateCustomKeyStore",
})  # fmt: skip


class Service(msgspec.Struct, frozen=True):
    """A service, and its part of the table.

    Attributes:
        scope: The service that credentials must be scoped to, which is also what its actions begin with.
        event_source: CloudTrail's eventSource.
        protocol: How its requests and answers are written.
        target_prefix: JSON: what its operations' names follow in the X-Amz-Target header.
        version: Query: the API version that requests name.
        home_regions: Regions that credentials may be scoped to beside those that are served: a service without Regions
            has one in each partition.
        operations: Its rows, by name.
    """

    scope: str
    event_source: str
    protocol: Protocol = JSON11
    target_prefix: str = ""
    version: str = ""
    home_regions: frozenset[str] = frozenset()
    operations: dict[str, "Operation"] = {}


class Call(msgspec.Struct, frozen=True):
    """What a handler gets beside its request and its keys.

    Attributes:
        realm: The caller's account and the Region of the endpoint.
        reads: Rows as of now; inside a writing operation, of its transaction.
        regions: The Regions that are served.
        last_usage: The last usage of a key, flushed or not, or None.
        grant_tokens: Makes and opens grant tokens.
        secrets: Seals the secrets of access keys.
        session_tokens: Makes the tokens of sessions.
        would_allow: Whether a key, as it will be, would let the caller do an action on it later; for the check that
            nobody locks himself out.
    """

    realm: Realm
    caller: Caller
    keystores: KeyStores
    clocks: Clocks
    markers: MarkerSeal
    reads: Reads
    regions: frozenset[str]
    last_usage: Callable[[Realm, str], LastUsage | None]
    grant_tokens: GrantTokens
    secrets: SecretBox
    session_tokens: SessionTokens
    would_allow: Callable[[StoredKey, str], bool]


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
        context_member: The attribute that holds the encryption context used with this key.
        grant_member: The attribute that holds the id of a grant on the key, where the grant itself decides who may
            (RetireGrant).
        token_member: The attribute that holds a grant token, which names key and grant in place of the two.
        child: Of a request for a grant, what the grant would permit.
    """

    action: str
    key_member: str | None = None
    aliases: bool = False
    blob_member: str | None = None
    alias_member: str | None = None
    algorithm: str | None = None
    any_state: bool = False
    region_member: str | None = None
    context_member: str = "encryption_context"
    grant_member: str | None = None
    token_member: str | None = None
    child: Callable[[Any], Child] | None = None


class PrincipalTarget(msgspec.Struct, frozen=True):
    """How an operation finds a user or a role, and the action that it needs on it.

    Attributes:
        action: The action, such as ``iam:GetUser``.
        kind: What is meant.
        member: The request's attribute that holds its name, or its ARN; without a name, the caller is meant.
        trusting: Whether the principal is named by its ARN, may be another account's, and its trust policy decides,
            too (sts:AssumeRole).
        also: ``(caller, request)``: further actions that it needs on it, or None.
        becomes: ``(request, principal)``: what the principal is renamed to, on whose ARN the action is needed, too
            (UpdateUser); None where it keeps its ARN.
    """

    action: str
    kind: PrincipalKind
    member: str
    trusting: bool = False
    also: Callable[[Caller, Any], tuple[str, ...]] | None = None
    becomes: Callable[[Any, Principal], Principal] | None = None


class Need(NamedTuple):
    """An action that a request needs on what is no key and has no policy of its own.

    Attributes:
        resource: An ARN, or ``*``.
        region: Where it needs it, if not in the Region of the endpoint.
    """

    action: str
    resource: str = "*"
    region: str | None = None


def key(
    member: str,
    action: str,
    *,
    aliases: bool = False,
    algorithm: str | None = None,
    context: str = "encryption_context",
) -> Target:
    """The key that a KeyId member names."""
    return Target(action, key_member=member, aliases=aliases, algorithm=algorithm, context_member=context)


def ciphertext(
    blob_member: str, key_member: str, action: str, *, algorithm: str, context: str = "encryption_context"
) -> Target:
    """The key that made a ciphertext; a KeyId member may name it, and must then be right."""
    return Target(
        action,
        key_member=key_member,
        aliases=True,
        blob_member=blob_member,
        algorithm=algorithm,
        context_member=context,
    )


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
        function: ``(call, request, *found) -> response``, one key, user or role for each target.
        response: None where the model has no output shape: the body is empty.
        targets: The keys, users and roles it touches, in the order of the function's arguments.
        key_targets: Those of its targets that are keys.
        dry_run: Whether its request has DryRun.
        needs: ``(realm, request)``: what it needs beside its targets, of an operation on no key all that it needs.
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
        shows_answer: Whether its record shows the answer although it changes nothing (sts:AssumeRole).
        secret: The response's attributes that are left out where the request names an attested recipient; the first is
            what the recipient alone gets.
        errors: The faults that AWS's model declares for it, without the suffix ``Exception``.
    """

    name: str
    service: Service
    function: Callable[..., Response | None]
    request: type[Request]
    response: type[Response] | None
    targets: tuple[Target | PrincipalTarget, ...]
    key_targets: tuple[Target, ...]
    dry_run: bool
    needs: Callable[[Realm, Any], tuple[Need, ...]]
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
    shows_answer: bool
    secret: tuple[str, ...]
    errors: frozenset[str]


KMS = Service("kms", "kms.amazonaws.com", target_prefix="TrentService.")
OPERATIONS = KMS.operations

Handler = Callable[..., Response | None]


def operation(
    *,
    errors: str,
    on: Target | PrincipalTarget | tuple[Target | PrincipalTarget, ...] = (),
    needs: str | Callable[[Realm, Any], tuple[Need, ...]] | None = None,
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
    shows_answer: bool = False,
    secret: tuple[str, ...] = (),
    service: Service = KMS,
    name: str | None = None,
) -> Callable[[Handler], Handler]:
    """Put a function into the table as the operation of its name; its annotations name request and response.

    ``needs`` may be the one action that it needs on ``*``; ``name`` is for operations with words all in capitals.
    """

    def add(function: Handler) -> Handler:
        hints = get_type_hints(function)
        named = name or "".join(word.capitalize() for word in function.__name__.split("_"))
        request, response = hints["request"], hints["return"]
        targets = on if isinstance(on, tuple) else (on,)
        service.operations[named] = Operation(
            name=named,
            service=service,
            function=function,
            request=request,
            response=None if response is type(None) else response,
            targets=targets,
            key_targets=tuple(target for target in targets if isinstance(target, Target)),
            dry_run="dry_run" in request.__struct_fields__,
            needs=_needs(needs),
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
            shows_answer=shows_answer,
            secret=secret,
            errors=frozenset(errors.split()),
        )
        return function

    return add


def _needs(needs: str | Callable[[Realm, Any], tuple[Need, ...]] | None) -> Callable[[Realm, Any], tuple[Need, ...]]:
    if callable(needs):
        return needs
    always = () if needs is None else (Need(needs),)
    return lambda _realm, _request: always
