"""The decisions of one request: each action that it needs, on each resource, on one snapshot of the rows."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

from msgspec.structs import replace

from strongroom.authz.context import Context
from strongroom.authz.decide import Action, Reason, Resource, Subject, decide
from strongroom.authz.grants import may_retire
from strongroom.authz.messages import denied, denied_by_ciphertext, denied_elsewhere
from strongroom.authz.policy import Ask, PolicyKind, Who, compile_policy
from strongroom.dispatch.answers import Facts
from strongroom.dispatch.conditions import Situation, context_of
from strongroom.dispatch.subjects import Principals, subject_of
from strongroom.model.arn import KeyRef
from strongroom.model.errors import AccessDeniedException
from strongroom.model.grant import Grant
from strongroom.model.identity import StoredPrincipal
from strongroom.model.key import DEFAULT_POLICY_NAME, StoredKey
from strongroom.model.region import Realm
from strongroom.operations.table import Need, Operation, Target
from strongroom.ports import Clocks, GrantPointer, LastUsage, Recipient


class Grants(Protocol):
    """Where grants are found."""

    def grants_of(self, realm: Realm, key_id: str, grantee_token: str) -> tuple[Grant, ...]:
        """The grants on a key for one grantee."""
        ...

    def grant(self, realm: Realm, key_id: str, grant_id: str) -> Grant | None:
        """A grant as it is stored now, or None."""
        ...


class Rows(Principals, Grants, Protocol):
    """What decisions read beside keys: the cached views, or a transaction."""


class Denial(NamedTuple):
    """What was denied, for whoever asks why."""

    subject: Subject
    resource: Resource
    action: Action
    context: Context


class Later(NamedTuple):
    """The request that the check for lock-outs asks about: a plain PutKeyPolicy."""

    policy_name: str = DEFAULT_POLICY_NAME


class Gate:
    """The decisions of one request; each refusal is an AccessDeniedException in AWS's words.

    Args:
        rows: Where principals and grants are found.
        facts: Of the request.
        operation: Its row.
        request: The decoded request.
        recipient: Who attested to what it is, or None.
        pointers: What its grant tokens point at.
        clocks: For conditions and grants.
        grant_delay: Seconds for which a new grant counts with its token only.
        last_usage: The last usage of a key.

    Attributes:
        denial: The last refusal, None before there is one.

    Raises:
        UnrecognizedClientException: The caller does not exist any more.
    """

    def __init__(
        self,
        rows: Rows,
        facts: Facts,
        operation: Operation,
        request: Any,
        *,
        recipient: Recipient | None,
        pointers: Sequence[GrantPointer],
        clocks: Clocks,
        grant_delay: float,
        last_usage: Callable[[Realm, str], LastUsage | None],
    ) -> None:
        self._rows = rows
        self._facts = facts
        self._operation = operation
        self._request = request
        self._recipient = recipient
        self._pointers = pointers
        self._now = clocks.machine()
        self._key_life = clocks.key_life()
        self._grant_delay = grant_delay
        self._last_usage = last_usage
        self._same_key: bool | None = None
        self._subject = subject_of(facts.caller, rows)
        self.denial: Denial | None = None

    def note_same_key(self, *, same: bool) -> None:
        """Take note of whether a ReEncrypt's source and destination are one key, for a condition key."""
        self._same_key = same

    def require_key(self, target: Target, ref: KeyRef, stored: StoredKey | None, *, by_ciphertext: bool) -> None:
        """Require a target's action on a key; on one that does not exist, too, so that only who may learns that.

        Raises:
            AccessDeniedException: It is denied.
        """
        owner, caller = ref.realm.account, self._facts.caller
        pairs: Mapping[str, str] | None = getattr(self._request, target.context_member, None)
        child = None if target.child is None else target.child(self._request)
        action = Action(target.action, self._operation.cross_account, pairs, child)
        resource = Resource(ref.arn, owner) if stored is None else resource_of(stored)
        reason = self._decide(resource, action, ref.realm.region, stored, alias=ref.alias)
        if reason is None:
            return
        if owner != caller.account:
            text = denied_elsewhere(caller.arn, action.name, by_ciphertext=by_ciphertext)
        elif by_ciphertext:
            text = denied_by_ciphertext(caller.arn, action.name, reason)
        else:
            text = denied(caller.arn, action.name, resource.arn, reason)
        raise AccessDeniedException(text)

    def require_need(self, need: Need, primary: StoredKey | None = None) -> None:
        """Require an action on what has no policy of its own, in the caller's account.

        Args:
            need: What is needed.
            primary: The primary key of the replica that is to be made, or None.

        Raises:
            AccessDeniedException: It is denied.
        """
        caller = self._facts.caller
        resource, region = Resource(need.resource, caller.account), need.region or self._facts.region
        reason = self._decide(resource, Action(need.action), region, primary=primary)
        if reason is not None:
            raise AccessDeniedException(denied(caller.arn, need.action, need.resource, reason))

    def require_role(
        self, arn: str, account: str, role: StoredPrincipal | None, actions: Sequence[str]
    ) -> StoredPrincipal:
        """Require actions on a role that its trust policy has to allow, too; the text is one, whatever is wrong.

        Raises:
            AccessDeniedException: It is denied, or there is no such role.
        """
        trust = None if role is None else role.principal.trust
        policy = None if trust is None else compile_policy(trust, PolicyKind.TRUST)
        resource, region = Resource(arn, account, policy), self._facts.region
        refused = next(
            (name for name in actions if self._decide(resource, Action(name, cross_account=True), region) is not None),
            None if role is not None else actions[0],
        )
        if role is None or refused is not None:
            text = f"User: {self._facts.caller.arn} is not authorized to perform: {refused} on resource: {arn}"
            raise AccessDeniedException(text)
        return role

    def hidden(self, target: Target) -> AccessDeniedException:
        """The refusal of a ciphertext whose key does not exist: nobody learns that from it."""
        return AccessDeniedException(denied_elsewhere(self._facts.caller.arn, target.action, by_ciphertext=True))

    def require_retirable(self, grant: Grant, stored: StoredKey) -> None:
        """Require that the caller may retire a grant: the key policy has no part in that.

        Raises:
            AccessDeniedException: It is denied.
        """
        caller, action = self._facts.caller, Action("kms:RetireGrant")
        # What has no policy of its own is decided by identity alone.
        resource = Resource(stored.key.arn, caller.account)
        context = context_of(self._situation(action, stored.key.realm, stored))
        reason = decide(self._subject, resource, action, context).reason
        session = self._subject.session
        retires = may_retire(
            grant,
            self._subject.who,
            identity_allows=reason is None,
            session_allows=session is None
            or bool(session.allows(Ask(action.name, resource.arn, self._subject.who, context))),
        )
        if retires and reason not in {Reason.EXPLICIT_IDENTITY, Reason.EXPLICIT_SESSION}:
            return
        self.denial = Denial(self._subject, resource, action, context)
        if stored.key.realm.account != caller.account:
            raise AccessDeniedException(denied_elsewhere(caller.arn, action.name, by_ciphertext=False))
        raise AccessDeniedException(denied(caller.arn, action.name, resource.arn, reason or Reason.IMPLICIT_RESOURCE))

    def would_allow(self, stored: StoredKey, action: str) -> bool:
        """Whether a key, as it will be, would let the caller do an action on it later."""
        asked = Action(action)
        situation = self._situation(asked, stored.key.realm, stored)._replace(request=Later())
        return decide(self._subject, resource_of(stored), asked, context_of(situation)).allowed

    def _decide(
        self,
        resource: Resource,
        action: Action,
        region: str,
        stored: StoredKey | None = None,
        *,
        alias: str | None = None,
        primary: StoredKey | None = None,
    ) -> Reason | None:
        """Decide, with grants where the policies alone do not allow it; a denial is kept."""
        situation = self._situation(action, Realm(resource.account, region), stored, alias, primary)
        context = context_of(situation)
        decision = decide(self._subject, resource, action, context)
        if self._operation.grantable and stored is not None and decision.reason in _NOT_ALLOWED:
            newest = settled(self._key_life, self._grant_delay)
            resource = replace(
                resource, grants=grants_for(self._rows, self._subject.who, stored, self._pointers, newest)
            )
            decision = decide(self._subject, resource, action, context)
        if not decision.allowed:
            self.denial = Denial(self._subject, resource, action, context)
        return decision.reason

    def _situation(
        self,
        action: Action,
        place: Realm,
        stored: StoredKey | None,
        alias: str | None = None,
        primary: StoredKey | None = None,
    ) -> Situation:
        """What condition keys are about: ``place`` is the resource's account, and the Region where it is asked for."""
        key = None if stored is None else stored.key
        return Situation(
            facts=self._facts,
            action=action.name,
            request=self._request,
            region=place.region,
            account=place.account,
            stored=stored,
            alias=alias,
            encryption_context=action.encryption_context,
            recipient=self._recipient,
            now=self._now,
            key_life=self._key_life,
            last_usage=_unused if key is None else partial(self._last_usage, key.realm, key.key_id),
            primary=primary,
            same_key=self._same_key,
        )


# Where policies alone end so, a grant can still allow it.
_NOT_ALLOWED = frozenset({Reason.IMPLICIT_RESOURCE, Reason.IMPLICIT_IDENTITY, Reason.IMPLICIT_SESSION})


def _unused() -> None:
    """No key was ever used."""


def resource_of(stored: StoredKey) -> Resource:
    """A key as policies see it."""
    policy = compile_policy(stored.policies[DEFAULT_POLICY_NAME], PolicyKind.KEY)
    return Resource(stored.key.arn, stored.key.realm.account, policy)


def settled(key_life: float, grant_delay: float) -> float:
    """Until when a grant must have been created to count without its token; without a delay no clock matters."""
    return key_life - grant_delay if grant_delay else math.inf


def grants_for(
    rows: Grants, who: Who, stored: StoredKey, pointers: Sequence[GrantPointer], newest: float
) -> tuple[Grant, ...]:
    """The grants on a key that count for a caller.

    Args:
        rows: Where grants are found.
        who: The caller.
        stored: The key.
        pointers: What the grant tokens of the request point at; a grant that was retired or revoked stays so, and one
            for somebody else is of no use.
        newest: A grant that was created after this time counts with its token only.
    """
    realm, key_id = stored.key.realm, stored.key.key_id
    tokens = (who.account, *who.ids)
    found = [grant for token in tokens for grant in rows.grants_of(realm, key_id, token) if grant.created_at <= newest]
    for pointer in pointers:
        if (pointer.realm, pointer.key_id) == (realm, key_id):
            grant = rows.grant(*pointer)
            if grant is not None and grant.grantee_token in tokens:
                found.append(grant)
    return tuple(found)
