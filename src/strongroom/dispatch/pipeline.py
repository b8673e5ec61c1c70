"""The pipeline of one request; the only code that walks the operation table.

``prepare`` decodes, finds the keys, authorizes and checks state and usage; ``Prepared.perform`` does the work, and
``finish`` words answer and audit record. A writing operation ends in ``transact`` instead, inside a transaction, which
decides again on the rows that it reads. Order of faults: validation, key look-up, authorization, state and usage,
DryRun, the work.

The rim chooses the thread for what takes long: ``Prepared.work`` says how long ``perform`` takes. A request with an
attestation document is prepared in two steps, ``attest`` and ``Dispatcher.decide``, since checking one takes
milliseconds and a decision may depend on what it says.
"""

import logging
from enum import Enum, auto
from typing import Any

import msgspec

from strongroom.authz.decide import require_allowed, unknown_ciphertext
from strongroom.dispatch.answers import Facts, Outcome, dry_run_passed, encode, fault_body
from strongroom.dispatch.keys import Lookup, require_fit, resolve
from strongroom.dispatch.records import additional_data, by_region, elements, for_owner, make_event, resources
from strongroom.dispatch.usage import Usages, usages_of
from strongroom.ids import new_uuid
from strongroom.keyview import KeyViews
from strongroom.model.arn import KeyRef, is_multi_region, parse_key_ref
from strongroom.model.ciphertext import parse_header
from strongroom.model.errors import (
    Fault,
    InvalidGrantTokenException,
    KMSInternalException,
    NotFoundException,
    UnsupportedOperationException,
)
from strongroom.model.key import StoredKey
from strongroom.model.region import Realm
from strongroom.model.spec import SPECS
from strongroom.operations.logged import request_parameters
from strongroom.operations.request import decode
from strongroom.operations.shapes import Response
from strongroom.operations.table import Call, Operation, Target, WriteCall
from strongroom.ports import (
    AdapterError,
    Clocks,
    KeyStores,
    MarkerSeal,
    Recipient,
    Recipients,
    Store,
    TamperedStoreError,
    Trail,
    Transaction,
)

_log = logging.getLogger("strongroom.dispatch")


class Work(Enum):
    """How long the rest of a request takes."""

    SHORT = auto()  # so short that the event loop can do it
    LONG = auto()  # up to some milliseconds: slow private keys, attestations
    GENERATION = auto()  # up to seconds: new RSA keys, imported ones


class Dispatcher(msgspec.Struct, frozen=True):
    """The core of one process: the table's walker with what its handlers need.

    Attributes:
        usages: Where the rim notes the usages of an outcome, once its record is durable.
        regions: The Regions that are served.
    """

    store: Store
    views: KeyViews
    keystores: KeyStores
    clocks: Clocks
    markers: MarkerSeal
    trail: Trail
    recipients: Recipients
    regions: frozenset[str]
    usages: Usages

    def prepare(self, facts: Facts, operation: Operation, body: bytes) -> "Prepared":
        """Take a request as far as its decision, or to its attestation document where it has one.

        A refusal is kept in the result, so that it is audited, too. The rim has refreshed the views for this request,
        before it looked the access key up in them.
        """
        prepared = Prepared(self, facts, operation)
        try:
            prepared.read(body)
            if not prepared.attests:
                self._decide(prepared)
        except Exception as error:  # noqa: BLE001 - whatever it is, the proven caller's request is audited
            prepared.refused = prepared.as_fault(error)
        return prepared

    def decide(self, prepared: "Prepared") -> None:
        """Take a request on whose attestation document is checked, time having passed; as ``prepare``."""
        if prepared.refused is None:
            try:
                self.views.refresh()
                self._decide(prepared)
            except Exception as error:  # noqa: BLE001 - as in prepare
                prepared.refused = prepared.as_fault(error)

    def _decide(self, prepared: "Prepared") -> None:
        """Decide on the views, and again where somebody's commit fell between the reads of an alias and of its key.

        Raises:
            Fault: The request is refused.
            TamperedStoreError: The two do not fit, and nobody of ours has changed them meanwhile.
        """
        while True:
            try:
                prepared.decide(self.views)
            except TamperedStoreError:
                if not self.views.refresh():
                    raise
            else:
                return

    def unknown(self, facts: Facts, name: str, fault: Fault) -> Outcome:
        """The refusal of a target that names no operation; ``name`` is the caller's and bounded."""
        event = make_event(facts, name, self.clocks, fault=fault)
        return Outcome(fault.status, fault.type, fault_body(fault), event.event_id, self.trail.encode(event))


class Prepared:
    """One request on its way: decoded, decided, ready to run."""

    __slots__ = (
        "_answer", "_core", "_decided_at", "_facts", "_foreign", "_keys", "_made", "_operation", "_realm", "_recipient",
        "_request", "_response", "refused",
    )  # fmt: skip

    def __init__(self, core: Dispatcher, facts: Facts, operation: Operation) -> None:
        self._core = core
        self._facts = facts
        self._operation = operation
        self._realm = Realm(facts.caller.account, facts.region)
        self._decided_at = 0.0
        self._request: Any = None
        self._keys: tuple[StoredKey, ...] = ()
        self._foreign: tuple[str, StoredKey | None] | None = None
        self._recipient: Recipient | None = None
        self._made: tuple[Any, ...] = ()
        self._response: Response | None = None
        self._answer: Response | None = None
        self.refused: Fault | None = None

    @property
    def attests(self) -> bool:
        """Whether the request has an attestation document that is still to be checked."""
        unchecked = self.refused is None and self._recipient is None
        return unchecked and getattr(self._request, "recipient", None) is not None

    @property
    def work(self) -> Work:
        """How long ``perform`` takes."""
        operation = self._operation
        if self.refused is not None:
            return Work.SHORT
        if operation.slow is not None and operation.slow(self._request, *self._keys):
            return Work.GENERATION
        slow = operation.usage is not None and any(SPECS[stored.key.spec].slow for stored in self._keys)
        opens_wraps = operation.ahead is not None and bool(self._keys)
        return Work.LONG if slow or opens_wraps or self._recipient is not None else Work.SHORT

    @property
    def writes(self) -> bool:
        """Whether a writing transaction (``transact``) ends the request; else ``finish`` does."""
        return self._operation.writes and self.refused is None

    def read(self, body: bytes) -> None:
        """Decode the request and check its arguments."""
        self._request = decode(self._operation.request, body)
        if self._operation.check is not None:
            self._operation.check(self._request)
        if getattr(self._request, "grant_tokens", ()):
            raise InvalidGrantTokenException("Invalid grant token")

    def attest(self) -> None:
        """Check the attestation document; a refusal is kept. May be called on any thread."""
        try:
            self._recipient = self._core.recipients.attested(self._request.recipient.attestation_document)
        except Exception as error:  # noqa: BLE001 - as in prepare
            self.refused = self.as_fault(error)

    def decide(self, lookup: Lookup) -> None:
        """Find the keys, authorize, check state and usage.

        A dry run ends here, but where a ciphertext is to be opened: whether it opens is part of whether the request
        would succeed, unless IGNORE_CIPHERTEXT says otherwise.
        """
        operation, request = self._operation, self._request
        self._keys = tuple(self._find(target, lookup) for target in operation.targets)
        now = self._decided_at = self._core.clocks.key_life()
        for target, stored in zip(operation.targets, self._keys, strict=True):
            require_fit(operation, target, request, stored, now)
        if operation.fit is not None:
            operation.fit(request, *self._keys)
        if operation.dry_run and request.dry_run and not self._opens_ciphertext:
            raise dry_run_passed()

    def perform(self) -> None:
        """Do the work of an operation that does not write; for one that writes, make what its transaction needs.

        What goes wrong is kept. May be called on any thread where ``work`` is not SHORT: such handlers read no rows.
        """
        if self.refused is not None:
            return
        operation = self._operation
        try:
            if not operation.writes:
                self._response = operation.function(self._call(), self._request, *self._keys)
                self._answer = self._for_recipient(self._response)
            elif operation.ahead is not None:
                self._made = (operation.ahead(self._call(), self._request, *self._keys),)
        except Exception as error:  # noqa: BLE001 - as in prepare
            self.refused = self.as_fault(error)

    def finish(self) -> Outcome:
        """The answer of a request that was performed or refused."""
        if self.refused is None and self._operation.dry_run and self._request.dry_run:
            return self._outcome(None, dry_run_passed())
        return self._outcome(self._response, self.refused, self._answer)

    def transact(self, tx: Transaction) -> Outcome:
        """Decide again on fresh rows and do the work of a writing operation, its record in the same transaction.

        Raises:
            Exception: Whatever refuses it; the transaction is rolled back and ``refuse`` words the answer.
        """
        self.decide(tx)
        core, caller = self._core, self._facts.caller
        call = WriteCall(
            self._realm,
            caller,
            core.keystores,
            core.clocks,
            core.markers,
            tx,
            core.regions,
            core.usages.last,
            tx,
            core.trail.encode,
        )
        response = self._operation.function(call, self._request, *self._keys, *self._made)
        outcome = self._outcome(response, None, response)
        tx.add_record(outcome.event_id, outcome.payload)
        return outcome

    def refuse(self, error: BaseException) -> Outcome:
        """The answer after ``transact`` raised, or its transaction failed."""
        return self._outcome(None, self.as_fault(error))

    def as_fault(self, error: BaseException) -> Fault:
        """What the caller may know of an error; what else there is goes to the operator's log."""
        if isinstance(error, Fault):
            return error
        if isinstance(error, AdapterError):
            _log.error("%s %s: %s", self._operation.name, self._facts.request_id, error)
        else:
            _log.error("%s %s failed", self._operation.name, self._facts.request_id, exc_info=error)
        return KMSInternalException("The request was rejected because of an internal failure. It can be retried.")

    def _call(self) -> Call:
        core, caller = self._core, self._facts.caller
        return Call(
            self._realm, caller, core.keystores, core.clocks, core.markers, core.store, core.regions, core.usages.last
        )  # fmt: skip

    def _for_recipient(self, response: Response | None) -> Response | None:
        """The answer, its secret in an envelope where the request names a recipient."""
        if self._recipient is None or response is None:
            return response
        secret, *_ = left_out = self._operation.secret
        envelope = self._core.recipients.envelop(self._recipient, getattr(response, secret))
        return msgspec.structs.replace(response, ciphertext_for_recipient=envelope, **dict.fromkeys(left_out))

    @property
    def _opens_ciphertext(self) -> bool:
        blobs = any(target.blob_member for target in self._operation.targets)
        return blobs and not self._request.dry_run_modifiers

    # --- finding keys ---

    def _find(self, target: Target, lookup: Lookup) -> StoredKey:
        ref, from_ciphertext = self._ref(target)
        owner = ref.realm.account
        if owner != self._facts.caller.account:
            self._foreign = (owner, self._of_another(ref, lookup))
        require_allowed(self._facts.caller, target.action, owner, from_ciphertext=from_ciphertext)
        stored = resolve(ref, lookup)
        if stored is not None:
            return stored
        if from_ciphertext:
            raise unknown_ciphertext()
        if ref.alias is not None:
            raise NotFoundException(f"Alias {ref.arn} is not found.")
        if target.region_member is not None and not is_multi_region(ref.key_id or ""):
            own = ref._replace(realm=self._realm)
            raise UnsupportedOperationException(f"{own.arn} is not a multi-Region primary key.")
        raise NotFoundException(f"Key '{ref.arn}' does not exist")

    def _of_another(self, ref: KeyRef, lookup: Lookup) -> StoredKey | None:
        """The key of another account, for that account's record; what is wrong with it is not the caller's to know."""
        try:
            return resolve(ref, lookup)
        except AdapterError as error:
            self.as_fault(error)
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

    # --- answer and record ---

    def _outcome(self, response: Response | None, fault: Fault | None, answer: Response | None = None) -> Outcome:
        """The end of the request: ``answer`` is what the caller gets of the response."""
        request, operation, keys = self._request, self._operation, self._keys
        denied_elsewhere = self._foreign is not None and fault is not None
        event = make_event(
            self._facts,
            operation.name,
            self._core.clocks,
            fault=fault,
            source=operation.service.event_source,
            read_only=operation.read_only,
            request_parameters=request_parameters(request) if request is not None else None,
            response_elements=elements(request, response, keys) if operation.writes and fault is None else None,
            additional=None if fault else additional_data(operation, response, keys, self._recipient),
            resources=() if denied_elsewhere else resources(self._realm, request, response, keys),
            shared_event_id=new_uuid() if self._foreign else None,
        )
        events = (*by_region(operation, request, event), *for_owner(event, *(self._foreign or ("", None))))
        payload = self._core.trail.encode(*events)
        if fault is not None:
            return Outcome(fault.status, fault.type, fault_body(fault), event.event_id, payload)
        usages = () if operation.usage is None else usages_of(self._facts.request_id, events, keys, self._decided_at)
        return Outcome(200, None, b"" if answer is None else encode(answer), event.event_id, payload, usages)
