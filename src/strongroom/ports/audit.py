"""The wall to the audit."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from strongroom.model.identity import Caller
from strongroom.ports.base import AuditUnavailableError


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of one CloudTrail record (reference: CloudTrail User Guide, "Record contents").

    Attributes:
        event_id: UUID, unique for each record.
        request_id: None in service events.
        time: Epoch seconds on the machine's clock.
        request_parameters: Members as CloudTrail names them (lower camel), secrets left out; None where there are none.
        caller: None for what the service does by itself: a service event.
        response_elements: Only for changing calls.
        service_event_details: Only in service events.
        resources: (account, ARN) of each key or alias touched, in order.
        recipient: The account that receives the record.
        shared_event_id: Set on both records of a cross-account pair.
        tls: (protocol version, cipher suite) of the connection, None on plain HTTP.
        host: The Host header as sent.
    """

    event_id: str
    request_id: str | None
    time: float
    name: str
    source: str
    region: str
    caller: Caller | None
    source_ip: str
    user_agent: str
    read_only: bool
    recipient: str
    error_code: str | None = None
    error_message: str | None = None
    request_parameters: Mapping[str, Any] | None = None
    response_elements: Mapping[str, Any] | None = None
    additional_event_data: Mapping[str, Any] | None = None
    service_event_details: Mapping[str, Any] | None = None
    resources: tuple[tuple[str, str], ...] = ()
    shared_event_id: str | None = None
    tls: tuple[str, str] | None = None
    host: str = ""


class Trail(Protocol):
    """The audit of one process."""

    def encode(self, *events: AuditEvent) -> bytes:
        """Make one frame's payload of one record, or of the two of a call in two accounts or two Regions."""

    def append(self, payload: bytes, done: Callable[[AuditUnavailableError | None], None]) -> None:
        """Write a payload; ``done`` is called once it is on the disk, or with the error.

        Both happen on the event loop's thread.
        """

    def require_writable(self) -> None:
        """Pass if the last write reached the disk; a writing transaction asks this before it commits.

        Raises:
            AuditUnavailableError: The spool cannot be written.
        """
