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

from strongroom.authz.explain import explain
from strongroom.dispatch.answers import Facts, Outcome, dry_run_passed
from strongroom.dispatch.gate import Gate
from strongroom.dispatch.keys import require_fit
from strongroom.dispatch.records import additional_data, by_region, elements, for_owners, make_event, resources
from strongroom.dispatch.targets import AllRows, Finder
from strongroom.dispatch.usage import Usages, usages_of
from strongroom.ids import new_uuid
from strongroom.keyview import KeyViews
from strongroom.model.errors import AccessDeniedException, Fault, KMSInternalException
from strongroom.model.identity import StoredPrincipal
from strongroom.model.key import StoredKey
from strongroom.model.region import Realm
from strongroom.model.spec import SPECS
from strongroom.operations.logged import request_parameters
from strongroom.operations.shapes import Response
from strongroom.operations.table import Call, Operation, Service, Target, WriteCall
from strongroom.ports import (
    AdapterError,
    Clocks,
    Denials,
    GrantPointer,
    GrantTokens,
    KeyStores,
    MarkerSeal,
    Reads,
    Recipient,
    Recipients,
    SecretBox,
    SessionTokens,
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
        secrets: Seals the secrets of access keys.
        regions: The Regions that are served.
        usages: Where the rim notes the usages of an outcome, once its record is durable.
        denials: Keeps why something was denied, for a while.
        grant_delay: Seconds for which a new grant counts with its token only.
    """

    store: Store
    views: KeyViews
    keystores: KeyStores
    clocks: Clocks
    markers: MarkerSeal
    trail: Trail
    recipients: Recipients
    grant_tokens: GrantTokens
    session_tokens: SessionTokens
    secrets: SecretBox
    regions: frozenset[str]
    usages: Usages
    denials: Denials
    grant_delay: float = 0.0

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

    def unknown(self, facts: Facts, service: Service, name: str, fault: Fault) -> Outcome:
        """The refusal of a target that names no operation; ``name`` is the caller's and bounded."""
        said = service.protocol.fault(fault, facts.request_id)
        event = make_event(facts, name, self.clocks, fault=fault, code=said.code, source=service.event_source)
        return Outcome(said.status, said.code, said.body, event.event_id, self.trail.encode(event))


class Prepared:
    """One request on its way: decoded, decided, ready to run."""

    __slots__ = (
        "_answer", "_core", "_decided_at", "_facts", "_foreign", "_found", "_gate", "_made", "_operation", "_pointers",
        "_realm", "_recipient", "_request", "_response", "_retired", "refused",
    )  # fmt: skip

    def __init__(self, core: Dispatcher, facts: Facts, operation: Operation) -> None:
        self._core = core
        self._facts = facts
        self._operation = operation
        self._realm = Realm(facts.caller.account, facts.region)
        self._decided_at = 0.0
        self._request: Any = None
        self._found: tuple[StoredKey | StoredPrincipal, ...] = ()
        self._foreign: dict[str, str | None] = {}
        self._retired: str | None = None
        self._pointers: tuple[GrantPointer, ...] = ()
        self._gate: Gate | None = None
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
        if operation.slow is not None and operation.slow(self._request, *self._found):
            return Work.GENERATION
        slow = operation.usage is not None and any(SPECS[stored.key.spec].slow for stored in self._keys)
        opens_wraps = operation.ahead is not None and bool(self._found)
        return Work.LONG if slow or opens_wraps or self._recipient is not None else Work.SHORT

    @property
    def writes(self) -> bool:
        """Whether a writing transaction (``transact``) ends the request; else ``finish`` does."""
        return self._operation.writes and self.refused is None

    def read(self, body: bytes) -> None:
        """Decode the request and check its arguments."""
        self._request = self._operation.service.protocol.decode(self._operation.request, body)
        if self._operation.check is not None:
            self._operation.check(self._request)
        tokens = getattr(self._request, "grant_tokens", ())
        self._pointers = tuple(self._core.grant_tokens.open(token) for token in tokens)

    def attest(self) -> None:
        """Check the attestation document; a refusal is kept. May be called on any thread."""
        try:
            self._recipient = self._core.recipients.attested(self._request.recipient.attestation_document)
        except Exception as error:  # noqa: BLE001 - as in prepare
            self.refused = self.as_fault(error)

    def decide(self, rows: AllRows) -> None:
        """Find the keys, authorize, check state and usage.

        A dry run ends here, but where a ciphertext is to be opened, or something to be written: whether that works is
        part of whether the request would succeed, unless IGNORE_CIPHERTEXT says otherwise.
        """
        operation, request = self._operation, self._request
        self._find(rows)
        now = self._decided_at = self._core.clocks.key_life()
        for target, stored in zip(operation.targets, self._found, strict=True):
            if isinstance(target, Target) and isinstance(stored, StoredKey):
                require_fit(operation, target, request, stored, now)
        if operation.fit is not None:
            operation.fit(request, *self._found)
        if self._dry and not operation.writes and not self._opens_ciphertext:
            raise dry_run_passed()

    def _find(self, rows: AllRows) -> None:
        """Find what the request touches, and decide each action that it needs."""
        core, facts, operation, request = self._core, self._facts, self._operation, self._request
        gate = self._gate = Gate(
            rows,
            facts,
            operation,
            request,
            recipient=self._recipient,
            pointers=self._pointers,
            clocks=core.clocks,
            grant_delay=core.grant_delay,
            last_usage=core.usages.last,
        )
        finder = Finder(
            rows,
            gate,
            facts.caller,
            self._realm,
            request,
            open_token=core.grant_tokens.open,
            report=self.as_fault,
        )
        self._foreign = finder.foreign
        self._found = finder.find_all(operation)
        self._retired = finder.retired

    def perform(self) -> None:
        """Do the work of an operation that does not write; for one that writes, make what its transaction needs.

        What goes wrong is kept. May be called on any thread where ``work`` is not SHORT: such handlers read no rows.
        """
        if self.refused is not None:
            return
        operation = self._operation
        try:
            if not operation.writes:
                self._response = operation.function(self._call(), self._request, *self._found)
                self._answer = self._for_recipient(self._response)
            elif operation.ahead is not None:
                self._made = (operation.ahead(self._call(), self._request, *self._found),)
        except Exception as error:  # noqa: BLE001 - as in prepare
            self.refused = self.as_fault(error)

    def finish(self) -> Outcome:
        """The answer of a request that was performed or refused."""
        if self.refused is None and self._dry:
            return self._outcome(None, dry_run_passed())
        return self._outcome(self._response, self.refused, self._answer)

    def transact(self, tx: Transaction) -> Outcome:
        """Decide again on fresh rows and do the work of a writing operation, its record in the same transaction.

        Raises:
            Exception: Whatever refuses it; the transaction is rolled back and ``refuse`` words the answer.
        """
        self.decide(tx)
        call = WriteCall(**self._supplies(tx), tx=tx, encode=self._core.trail.encode)
        response = self._operation.function(call, self._request, *self._found, *self._made)
        if self._dry:
            raise dry_run_passed()  # and all that was written is rolled back
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
        return Call(**self._supplies(self._core.store))

    def _supplies(self, reads: Reads) -> dict[str, Any]:
        """What every handler gets."""
        core, gate = self._core, self._gate
        return {
            "realm": self._realm,
            "caller": self._facts.caller,
            "keystores": core.keystores,
            "clocks": core.clocks,
            "markers": core.markers,
            "reads": reads,
            "regions": core.regions,
            "last_usage": core.usages.last,
            "grant_tokens": core.grant_tokens,
            "secrets": core.secrets,
            "session_tokens": core.session_tokens,
            "would_allow": gate.would_allow if gate is not None else None,
        }

    def _for_recipient(self, response: Response | None) -> Response | None:
        """The answer, its secret in an envelope where the request names a recipient."""
        if self._recipient is None or response is None:
            return response
        secret, *_ = left_out = self._operation.secret
        envelope = self._core.recipients.envelop(self._recipient, getattr(response, secret))
        return msgspec.structs.replace(response, ciphertext_for_recipient=envelope, **dict.fromkeys(left_out))

    @property
    def _dry(self) -> bool:
        return self._operation.dry_run and bool(self._request.dry_run)

    @property
    def _opens_ciphertext(self) -> bool:
        blobs = any(target.blob_member for target in self._operation.key_targets)
        return blobs and not self._request.dry_run_modifiers

    # --- answer and record ---

    @property
    def _keys(self) -> tuple[StoredKey, ...]:
        """The keys among what was found."""
        return tuple(stored for stored in self._found if isinstance(stored, StoredKey))

    def _outcome(self, response: Response | None, fault: Fault | None, answer: Response | None = None) -> Outcome:
        """The end of the request: ``answer`` is what the caller gets of the response."""
        request, operation, keys = self._request, self._operation, self._keys
        shown = operation.writes or operation.shows_answer
        said = None if fault is None else operation.service.protocol.fault(fault, self._facts.request_id)
        event = make_event(
            self._facts,
            operation.name,
            self._core.clocks,
            fault=fault,
            code=None if said is None else said.code,
            source=operation.service.event_source,
            read_only=operation.read_only,
            request_parameters=request_parameters(request) if request is not None else None,
            response_elements=elements(request, response, keys) if shown and fault is None else None,
            additional=None if fault else additional_data(operation, response, keys, self._recipient, self._retired),
            resources=() if fault and self._foreign else resources(self._realm, request, response, keys),
            shared_event_id=new_uuid() if self._foreign else None,
        )
        events = (*by_region(operation, request, event), *for_owners(event, self._foreign))
        payload = self._core.trail.encode(*events)
        if said is not None:
            self._keep_denial(fault)
            return Outcome(said.status, said.code, said.body, event.event_id, payload)
        body = operation.service.protocol.answer(operation.name, answer, self._facts.request_id)
        usages = () if operation.usage is None else usages_of(self._facts.request_id, events, keys, self._decided_at)
        return Outcome(200, None, body, event.event_id, payload, usages)

    def _keep_denial(self, fault: Fault | None) -> None:
        """Keep why the request was denied, for ``strongroom explain``; whatever fails here, the denial is recorded."""
        denial = None if self._gate is None else self._gate.denial
        if denial is None or not isinstance(fault, AccessDeniedException):
            return
        try:
            explanation = msgspec.json.encode(explain(*denial, caller=self._facts.caller.arn, denied=True))
            self._core.denials.keep(self._facts.request_id, self._core.clocks.machine(), explanation)
        except Exception:  # noqa: BLE001 - an explanation is never worth a record
            _log.exception("%s %s: the denial is not explained", self._operation.name, self._facts.request_id)
