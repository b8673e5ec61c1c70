"""The pipeline of one request; the only code that walks the operation table.

``prepare`` decodes, finds the keys, authorizes and checks state and usage; ``Prepared.run`` (or ``transact``, inside a
writing transaction, which decides again on the rows that it reads) does the work and makes the audit record. Order of
faults: validation, key look-up, authorization, state and usage, DryRun, the work.
"""

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from strongroom.authz.decide import require_allowed, unknown_ciphertext
from strongroom.ids import new_uuid
from strongroom.keyview import KeyViews
from strongroom.model.arn import KeyRef, alias_arn, parse_key_ref
from strongroom.model.ciphertext import parse_header
from strongroom.model.errors import (
    DryRunOperationException,
    Fault,
    IncorrectKeyException,
    InvalidGrantTokenException,
    InvalidKeyUsageException,
    KMSInternalException,
    NotFoundException,
)
from strongroom.model.identity import Caller
from strongroom.model.key import Alias, StoredKey
from strongroom.model.region import Realm
from strongroom.model.spec import SPECS
from strongroom.model.state import require_state
from strongroom.operations.logged import request_parameters, response_elements
from strongroom.operations.request import decode
from strongroom.operations.shapes import Request, Response
from strongroom.operations.table import EVENT_SOURCE, Call, Operation, Target, WriteCall
from strongroom.ports import (
    AdapterError,
    AuditEvent,
    Clocks,
    KeyStores,
    MarkerSeal,
    Store,
    TamperedStoreError,
    Trail,
    Transaction,
)

_log = logging.getLogger("strongroom.dispatch")
_encode = msgspec.json.Encoder().encode


class Facts(msgspec.Struct, frozen=True):
    """What is known of a request beside its body, its caller proven.

    Attributes:
        region: The Region of the credential scope.
        tls: (protocol version, cipher suite), None on plain HTTP.
        host: The Host header as sent.
    """

    request_id: str
    caller: Caller
    region: str
    source_ip: str
    user_agent: str
    tls: tuple[str, str] | None
    host: str


class Outcome(NamedTuple):
    """The answer of a request, and its audit record, which must be durable before the answer leaves."""

    status: int
    fault: str | None
    body: bytes
    event_id: str
    payload: bytes


class Lookup(Protocol):
    """Where keys are found: the cached views, or a transaction."""

    def key(self, realm: Realm, key_id: str) -> StoredKey | None:
        """A key, or None."""
        ...

    def alias(self, realm: Realm, name: str) -> Alias | None:
        """An alias, or None."""
        ...


class Dispatcher(msgspec.Struct, frozen=True):
    """The core of one process: the table's walker with what its handlers need."""

    store: Store
    views: KeyViews
    keystores: KeyStores
    clocks: Clocks
    markers: MarkerSeal
    trail: Trail

    def prepare(self, facts: Facts, operation: Operation, body: bytes) -> "Prepared":
        """Take a request as far as its decision; a refusal is kept in the result, so that it is audited, too.

        The rim has refreshed the views for this request, before it looked the access key up in them.
        """
        prepared = Prepared(self, facts, operation)
        try:
            prepared.read(body)
            self._decide(prepared)
        except Exception as error:  # noqa: BLE001 - whatever it is, the proven caller's request is audited
            prepared.refused = prepared.as_fault(error)
        return prepared

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
        event = self._event(facts, name, fault=fault)
        return Outcome(fault.status, fault.type, fault_body(fault), event.event_id, self.trail.encode(event))

    def _event(
        self, facts: Facts, name: str, *, fault: Fault | None, read_only: bool = True, **details: Any
    ) -> AuditEvent:
        return AuditEvent(
            event_id=new_uuid(),
            request_id=facts.request_id,
            time=self.clocks.machine(),
            name=name,
            source=EVENT_SOURCE,
            region=facts.region,
            caller=facts.caller,
            source_ip=facts.source_ip,
            user_agent=facts.user_agent,
            read_only=read_only,
            recipient=facts.caller.account,
            error_code=fault.type if fault else None,
            error_message=fault.message or None if fault else None,
            tls=facts.tls,
            host=facts.host,
            **details,
        )


class Prepared:
    """One request on its way: decoded, decided, ready to run."""

    __slots__ = ("_core", "_facts", "_foreign", "_keys", "_operation", "_realm", "_request", "refused")

    def __init__(self, core: Dispatcher, facts: Facts, operation: Operation) -> None:
        self._core = core
        self._facts = facts
        self._operation = operation
        self._realm = Realm(facts.caller.account, facts.region)
        self._request: Any = None
        self._keys: tuple[StoredKey, ...] = ()
        self._foreign: tuple[str, StoredKey | None] | None = None
        self.refused: Fault | None = None

    @property
    def writes(self) -> bool:
        """Whether the rest runs in a writing transaction (``transact``); else ``run`` does it."""
        return self._operation.writes and self.refused is None

    def read(self, body: bytes) -> None:
        """Decode the request and check its arguments."""
        self._request = decode(self._operation.request, body)
        if self._operation.check is not None:
            self._operation.check(self._request)
        if getattr(self._request, "grant_tokens", ()):
            raise InvalidGrantTokenException("Invalid grant token")

    def decide(self, lookup: Lookup) -> None:
        """Find the keys, authorize, check state and usage.

        A dry run ends here, but where a ciphertext is to be opened: whether it opens is part of whether the request
        would succeed, unless IGNORE_CIPHERTEXT says otherwise.
        """
        operation, request = self._operation, self._request
        self._keys = tuple(self._find(target, lookup) for target in operation.targets)
        for target, stored in zip(operation.targets, self._keys, strict=True):
            _require_fit(operation, target, request, stored)
        if operation.dry_run and request.dry_run and not self._opens_ciphertext:
            raise dry_run_passed()

    def run(self) -> Outcome:
        """Do the work of an operation that does not write, or word the refusal."""
        if self.refused is not None:
            return self._outcome(None, self.refused)
        core = self._core
        call = Call(self._realm, self._facts.caller, core.keystores, core.clocks, core.markers, core.store)
        try:
            response = self._operation.function(call, self._request, *self._keys)
        except Exception as error:  # noqa: BLE001 - as in prepare
            return self._outcome(None, self.as_fault(error))
        if self._operation.dry_run and self._request.dry_run:
            return self._outcome(None, dry_run_passed())
        return self._outcome(response, None)

    def transact(self, tx: Transaction) -> Outcome:
        """Decide again on fresh rows and do the work of a writing operation, its record in the same transaction.

        Raises:
            Exception: Whatever refuses it; the transaction is rolled back and ``refuse`` words the answer.
        """
        self.decide(tx)
        core = self._core
        call = WriteCall(self._realm, self._facts.caller, core.keystores, core.clocks, core.markers, tx, tx)
        response = self._operation.function(call, self._request, *self._keys)
        outcome = self._outcome(response, None)
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
        stored = _resolve(ref, lookup)
        if stored is not None:
            return stored
        if from_ciphertext:
            raise unknown_ciphertext()
        if ref.alias is not None:
            raise NotFoundException(f"Alias {ref.arn} is not found.")
        raise NotFoundException(f"Key '{ref.arn}' does not exist")

    def _of_another(self, ref: KeyRef, lookup: Lookup) -> StoredKey | None:
        """The key of another account, for that account's record; what is wrong with it is not the caller's to know."""
        try:
            return _resolve(ref, lookup)
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
            return parse_key_ref(key_id, self._realm, aliases=target.aliases), False
        header = parse_header(getattr(request, target.blob_member or ""))
        return KeyRef(Realm(header.account, self._realm.region), header.key_id, None), True

    # --- answer and record ---

    def _outcome(self, response: Response | None, fault: Fault | None) -> Outcome:
        request, operation = self._request, self._operation
        denied_elsewhere = self._foreign is not None and fault is not None
        event = self._core._event(  # noqa: SLF001 - one pipeline in two classes
            self._facts,
            operation.name,
            fault=fault,
            read_only=operation.read_only,
            request_parameters=request_parameters(request) if request is not None else None,
            response_elements=self._elements(response) if operation.writes and fault is None else None,
            additional_event_data=None if fault else _material_data(operation, response, self._keys),
            resources=() if denied_elsewhere else self._resources(response),
            shared_event_id=new_uuid() if self._foreign else None,
        )
        payload = self._core.trail.encode(event, *self._owner_events(event))
        if fault is not None:
            return Outcome(fault.status, fault.type, fault_body(fault), event.event_id, payload)
        return Outcome(200, None, b"" if response is None else _encode(response), event.event_id, payload)

    def _owner_events(self, event: AuditEvent) -> tuple[AuditEvent, ...]:
        """The second record of a cross-account pair, for the owner of a key that exists."""
        owner, stored = self._foreign or ("", None)
        if stored is None:
            return ()
        resources = ((owner, stored.key.arn),)
        # The message names the caller, of whom the owner sees no more than the account.
        return (
            msgspec.structs.replace(
                event, event_id=new_uuid(), recipient=owner, resources=resources, error_message=None
            ),
        )  # fmt: skip

    def _resources(self, response: Response | None) -> tuple[tuple[str, str], ...]:
        found = [(stored.key.realm.account, stored.key.arn) for stored in self._keys]
        created = None if found else getattr(response, "key_metadata", None)
        if created is not None:
            found.append((created.aws_account_id, created.arn))
        name = getattr(self._request, "alias_name", None)
        if name is not None:
            found.append((self._realm.account, alias_arn(self._realm, name)))
        return tuple(found)

    def _elements(self, response: Response | None) -> Mapping[str, Any] | None:
        """CloudTrail's responseElements of a changing call: the answer, or the key's ARN where there is none."""
        if response is not None:
            return response_elements(response)
        return {"keyId": self._keys[-1].key.arn} if hasattr(self._request, "key_id") else None


def dry_run_passed() -> DryRunOperationException:
    """The answer to a dry run that found nothing wrong."""
    return DryRunOperationException("The request would have succeeded, but the DryRun option is set.")


def fault_body(fault: Fault) -> bytes:
    """The JSON body of a fault; the message is left out where AWS sends none."""
    if not fault.message:
        return _encode({"__type": fault.type})
    return _encode({"__type": fault.type, "message": fault.message})


def _resolve(ref: KeyRef, lookup: Lookup) -> StoredKey | None:
    if ref.alias is None:
        return lookup.key(ref.realm, ref.key_id or "")
    found = lookup.alias(ref.realm, ref.alias)
    if found is None:
        return None
    stored = lookup.key(ref.realm, found.key_id)
    # The key's set hash covers its aliases: an alias row that the key does not know was put there by somebody else.
    if stored is None or found not in stored.aliases:
        raise TamperedStoreError(f"alias {ref.arn} does not belong to key {found.key_id}")
    return stored


def _require_fit(operation: Operation, target: Target, request: Request, stored: StoredKey) -> None:
    """State, then (for a ciphertext) the right key, then usage and algorithm."""
    key = stored.key
    if not target.any_state:
        require_state(operation.states, key.state, key.arn)
    ignored = getattr(request, "dry_run_modifiers", None)  # IGNORE_CIPHERTEXT is the only one
    blob = getattr(request, target.blob_member) if target.blob_member and not ignored else None
    if blob is not None:
        header = parse_header(blob)
        if (header.account, header.key_id) != (key.realm.account, key.key_id):
            raise IncorrectKeyException(
                "The key ID in the request does not identify a CMK that can perform this operation."
            )
    if operation.usage is not None and key.usage is not operation.usage:
        raise InvalidKeyUsageException(f"{key.arn} key usage is {key.usage} which is not valid for {operation.name}.")
    algorithm = getattr(request, target.algorithm) if target.algorithm else None
    if algorithm is not None and algorithm not in SPECS[key.spec].encryption_algorithms:
        raise InvalidKeyUsageException(f"Algorithm {algorithm} is incompatible with key spec {key.spec}.")


def _material_data(operation: Operation, response: Any, keys: tuple[StoredKey, ...]) -> dict[str, str | None] | None:
    """CloudTrail's additionalEventData of a cryptographic call: which materials did it."""
    if operation.usage is None:
        return None
    if hasattr(response, "source_key_material_id"):
        return {
            "sourceKeyMaterialId": response.source_key_material_id,
            "destinationKeyMaterialId": response.destination_key_material_id,
        }
    return {"keyMaterialId": getattr(response, "key_material_id", keys[0].key.material_id)}
