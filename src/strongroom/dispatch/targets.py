"""The keys, users and roles that a request touches: found on one snapshot of the rows, and allowed there."""

import re
from collections.abc import Callable
from typing import Any, Protocol

from strongroom.dispatch.gate import Gate, Rows
from strongroom.dispatch.keys import Lookup, resolve
from strongroom.model.arn import KeyRef, is_multi_region, parse_key_ref
from strongroom.model.ciphertext import parse_header
from strongroom.model.errors import (
    AccessDeniedException,
    Fault,
    InvalidGrantTokenException,
    NoSuchEntityException,
    NotFoundException,
    UnsupportedOperationException,
    ValidationException,
)
from strongroom.model.identity import Caller, Principal, PrincipalKind, StoredPrincipal
from strongroom.model.key import StoredKey
from strongroom.model.region import Realm
from strongroom.operations.table import Need, Operation, PrincipalTarget, Target
from strongroom.ports import AdapterError, GrantPointer

_ROLE_ARN = re.compile(r"arn:([a-z-]+):iam::([0-9]{12}):role(/(?:.*/)?)([^/]+)\Z", re.DOTALL)


class AllRows(Lookup, Rows, Protocol):
    """Where all that decides is found: the cached views, or a transaction."""


class Finder:
    """Finds and allows the targets of one request.

    Args:
        rows: Where all is found.
        gate: Who decides.
        realm: The caller's account and the endpoint's Region.
        request: The decoded request.
        open_token: Reads a grant token.
        report: Takes what is wrong with a key of another account, which is not the caller's to know.

    Attributes:
        foreign: Other accounts whose resources were asked for: the ARN of each, None where there is no such resource.
        retired: The id of the grant that a RetireGrant may end.
    """

    def __init__(
        self,
        rows: AllRows,
        gate: Gate,
        caller: Caller,
        realm: Realm,
        request: Any,
        *,
        open_token: Callable[[str], GrantPointer],
        report: Callable[[BaseException], Fault],
    ) -> None:
        self._rows = rows
        self._gate = gate
        self._caller = caller
        self._realm = realm
        self._request = request
        self._open_token = open_token
        self._report = report
        self.foreign: dict[str, str | None] = {}
        self.retired: str | None = None

    def find_all(self, operation: Operation) -> tuple[StoredKey | StoredPrincipal, ...]:
        """What the targets of an operation mean, and that it has what it needs beside them.

        Raises:
            Fault: There is no such thing, or it is denied.
        """
        keys = operation.key_targets
        if len(keys) > 1 and keys[0].context_member == "source_encryption_context":
            source, destination = (self._look(self._ref(target)[0]) for target in keys)
            same = source is not None and destination is not None and source.key.arn == destination.key.arn
            self._gate.note_same_key(same=same)
        found = tuple(self.find(target) for target in operation.targets)
        for need in operation.needs(self._realm, self._request):
            primary = found[0] if need.region is not None and isinstance(found[0], StoredKey) else None
            self._gate.require_need(need, primary)
        return found

    def find(self, target: Target | PrincipalTarget) -> StoredKey | StoredPrincipal:
        """What a target means.

        Raises:
            Fault: There is no such thing, or it is denied.
        """
        if isinstance(target, PrincipalTarget):
            return self._role(target) if target.trusting else self._principal(target)
        return self._key(target) if target.grant_member is None else self._key_of_grant(target)

    # --- keys ---

    def _key(self, target: Target) -> StoredKey:
        ref, by_ciphertext = self._ref(target)
        stored = self._stored(ref)
        self._gate.require_key(target, ref, stored, by_ciphertext=by_ciphertext)
        if stored is not None:
            return stored
        if by_ciphertext:
            raise self._gate.hidden(target)
        if ref.alias is not None:
            raise NotFoundException(f"Alias {ref.arn} is not found.")
        if target.region_member is not None and not is_multi_region(ref.key_id or ""):
            own = ref._replace(realm=self._realm)
            raise UnsupportedOperationException(f"{own.arn} is not a multi-Region primary key.")
        raise NotFoundException(f"Key '{ref.arn}' does not exist")

    def _key_of_grant(self, target: Target) -> StoredKey:
        """The key of a grant that a token, or the grant's id, names."""
        token = getattr(self._request, target.token_member or "")
        if token is not None:
            realm, key_id, grant_id = self._open_token(token)
            if realm.region != self._realm.region:
                raise InvalidGrantTokenException("Invalid grant token")
            ref = KeyRef(realm, key_id, None)
        else:
            ref, _ = self._ref(target)
            grant_id = getattr(self._request, target.grant_member or "")
        stored = self._stored(ref)
        grant = None if stored is None else self._rows.grant(ref.realm, ref.key_id or "", grant_id)
        if stored is not None and grant is not None:
            self._gate.require_retirable(grant, stored)
            self.retired = grant.grant_id
            return stored
        # A grant that is not there is as one that the caller may not retire; in another account nobody may.
        self._gate.require_key(target, ref, None, by_ciphertext=False)
        what = f"Key '{ref.arn}' does not exist" if stored is None else f"Grant ID {grant_id} not found"
        raise NotFoundException(what)

    def _stored(self, ref: KeyRef) -> StoredKey | None:
        """The key that a reference means; that one of another account was asked for is noted."""
        stored = self._look(ref)
        if ref.realm.account != self._caller.account:
            self.foreign[ref.realm.account] = None if stored is None else stored.key.arn
        return stored

    def _look(self, ref: KeyRef) -> StoredKey | None:
        if ref.realm.account == self._caller.account:
            return resolve(ref, self._rows)
        try:
            return resolve(ref, self._rows)
        except AdapterError as error:
            self._report(error)
            return None

    def _ref(self, target: Target) -> tuple[KeyRef, bool]:
        """What a target names, and whether a ciphertext alone named it."""
        request = self._request
        if target.alias_member is not None:
            return KeyRef(self._realm, None, getattr(request, target.alias_member)), False
        key_id = getattr(request, target.key_member or "")
        if key_id is not None:
            ref = parse_key_ref(key_id, self._realm, aliases=target.aliases)
            if target.region_member is not None:
                ref = ref._replace(realm=Realm(ref.realm.account, getattr(request, target.region_member)))
            return ref, False
        header = parse_header(getattr(request, target.blob_member or ""))
        return KeyRef(Realm(header.account, self._realm.region), header.key_id, None), True

    # --- users and roles ---

    def _role(self, target: PrincipalTarget) -> StoredPrincipal:
        """A role by its ARN, of any account."""
        arn = getattr(self._request, target.member)
        parts = _ROLE_ARN.match(arn)
        if parts is None or parts[1] != self._realm.partition:
            raise ValidationException(f"{arn} is invalid")
        if self._caller.kind is PrincipalKind.ROOT:
            raise AccessDeniedException("Roles may not be assumed by root accounts.")
        _, account, path, name = parts.groups()
        role = self._rows.principal(account, PrincipalKind.ROLE, name)
        if role is not None and role.principal.path != path:
            role = None
        if account != self._caller.account:
            self.foreign[account] = None if role is None else arn
        actions = (target.action, *(target.also(self._caller, self._request) if target.also is not None else ()))
        return self._gate.require_role(arn, account, role, actions)

    def _principal(self, target: PrincipalTarget) -> StoredPrincipal:
        """A user or a role of the caller's account by its name; without one, the caller itself."""
        name, kind = getattr(self._request, target.member), target.kind
        if name is None:
            kind, name = self._caller.kind, self._caller.name
            if self._caller.session is not None:
                raise ValidationException("Must specify userName when calling with non-User credentials")
        found = self._rows.principal(self._caller.account, kind, name)
        if found is None and kind is PrincipalKind.ROOT:
            found = _unwritten_root(self._caller.account)
        partition = self._realm.partition
        arn = f"arn:{partition}:iam::{self._caller.account}:{kind}/{name}"
        self._gate.require_need(Need(target.action, arn if found is None else found.principal.arn(partition)))
        if found is None:
            raise NoSuchEntityException(f"The {kind} with name {name} cannot be found.")
        if target.becomes is not None:
            renamed = target.becomes(self._request, found.principal)
            self._gate.require_need(Need(target.action, renamed.arn(partition)))
        return found


def _unwritten_root(account: str) -> StoredPrincipal:
    """The root of an account that dev mode knows without a row."""
    root = Principal(account=account, kind=PrincipalKind.ROOT, name="", path="/", unique_id=account, created_at=0.0)
    return StoredPrincipal(root, {}, ())
