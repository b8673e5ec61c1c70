"""A decision without a request: what would be said to a principal that did an action on a key."""

from collections.abc import Mapping

from msgspec.structs import replace

from strongroom.authz.context import Context, Values
from strongroom.authz.decide import Action, Resource, Subject
from strongroom.authz.explain import explain
from strongroom.authz.explanation import Explanation
from strongroom.authz.policy import Who, WhoKind
from strongroom.dispatch.answers import Facts
from strongroom.dispatch.conditions import Situation, context_of
from strongroom.dispatch.gate import grants_for, resource_of, settled
from strongroom.dispatch.keys import resolve
from strongroom.dispatch.subjects import identity_of
from strongroom.model.arn import KeyRef, parse_key_ref
from strongroom.model.errors import Fault
from strongroom.model.identity import Caller, PrincipalKind, Session, calling_root, calling_session, calling_user
from strongroom.model.key import StoredKey
from strongroom.model.region import Realm
from strongroom.operations.principals import account_of, token_of
from strongroom.operations.table import OPERATIONS, Operation, Target
from strongroom.ports import Clocks, Reads

_SECONDS = 3600.0


class SimulationError(ValueError):
    """The question cannot be answered; the text says what in it is not known here."""


def simulate(
    reads: Reads,
    *,
    principal: str,
    action: str,
    key: str,
    context: Mapping[str, str],
    conditions: Mapping[str, str],
    region: str,
    clocks: Clocks,
    grant_delay: float,
    tls: bool,
) -> Explanation:
    """Decide as for a request, and say why.

    Args:
        reads: Rows as of now.
        principal: The ARN of a user, a role, a role's session or an account's root; a role stands for a session of it.
            Sessions begin now, and have neither a session policy nor tags.
        action: Such as ``kms:Decrypt``.
        key: A key id, key ARN, alias name or alias ARN.
        context: The encryption context.
        conditions: Values of condition keys, in place of what a request would say.
        region: Where the request is made.
        clocks: For conditions and grants.
        grant_delay: Seconds for which a new grant counts with its token only.
        tls: Whether the request comes over TLS.

    Raises:
        SimulationError: The principal, the action or the key is not known here, or the action takes no encryption
            context.
    """
    row, target = _asked(action)
    takes_context = target.context_member in row.request.__struct_fields__
    if context and not takes_context:
        raise SimulationError(f"{action} takes no encryption context")
    now, key_life = clocks.machine(), clocks.key_life()
    caller, subject = _identity(reads, principal, region, key_life)
    ref, stored = _found(reads, key, Realm(caller.account, region))
    resource: Resource = resource_of(stored)
    if row.grantable:
        newest = settled(key_life, grant_delay)
        resource = replace(resource, grants=grants_for(reads, subject.who, stored, (), newest))
    situation = Situation(
        facts=Facts("", caller, region, "", "", ("", "") if tls else None, ""),
        action=action,
        request=None,
        region=region,
        account=stored.key.realm.account,
        stored=stored,
        alias=ref.alias,
        encryption_context=context if takes_context else None,
        recipient=None,
        now=now,
        key_life=key_life,
        last_usage=lambda: reads.last_usage(stored.key.realm, stored.key.key_id),
    )
    asked = Action(action, row.cross_account, situation.encryption_context)
    return explain(subject, resource, asked, _overlaid(context_of(situation), conditions), caller=principal)


def _asked(action: str) -> tuple[Operation, Target]:
    """The operation that needs an action on a key, and on which of its keys."""
    for row in OPERATIONS.values():
        for target in row.key_targets:
            if target.action == action and target.grant_member is None:
                return row, target
    raise SimulationError(f"{action} is no action on a key")


def _found(reads: Reads, key: str, realm: Realm) -> tuple[KeyRef, StoredKey]:
    try:
        ref = parse_key_ref(key, realm, aliases=True)
    except Fault as fault:
        raise SimulationError(str(fault)) from None
    stored = resolve(ref, reads)
    if stored is None:
        raise SimulationError(f"there is no key {ref.arn}")
    return ref, stored


def _identity(reads: Reads, arn: str, region: str, now: float) -> tuple[Caller, Subject]:
    """Who is asked about, as a caller of a Region."""
    account = account_of(arn)
    if account is None:
        raise SimulationError(f"{arn} is not the ARN of a root, a user, a role or a role's session")
    partition = Realm(account, region).partition
    token = token_of(reads, partition, arn)
    if token == account:
        return calling_root(account, partition), Subject(Who(account, WhoKind.ROOT))
    kind, _, named = arn.split(":", 5)[-1].partition("/")
    name = named.partition("/")[0] if kind == "assumed-role" else named.rpartition("/")[2]
    stored = reads.principal(account, PrincipalKind.USER if kind == "user" else PrincipalKind.ROLE, name)
    if token is None or stored is None:
        raise SimulationError(f"there is no {arn}")
    if kind == "user":
        caller = calling_user(stored.principal, partition)
    else:
        role_id, _, session_name = token.partition(":")
        session = Session(name=session_name or "simulated", role_id=role_id, issued_at=now, expires_at=now + _SECONDS)
        caller = calling_session(stored.principal, session, partition)
    return caller, identity_of(caller, stored)


def _overlaid(context: Context, conditions: Mapping[str, str]) -> Context:
    given: dict[str, Values] = {name.lower(): (value,) for name, value in conditions.items()}
    return Context(lambda key: given[key] if key in given else context.get(key))
