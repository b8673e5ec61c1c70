"""What goes into a request beside its body, and what comes out."""

from typing import NamedTuple

import msgspec

from strongroom.model.errors import DryRunOperationException
from strongroom.model.identity import Caller
from strongroom.ports import LastUsage


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
    """The answer of a request, and its audit record, which must be durable before the answer leaves.

    Attributes:
        fault: The error code, None where there is none.
        usages: Which keys were used, to be noted when the record is durable.
    """

    status: int
    fault: str | None
    body: bytes
    event_id: str
    payload: bytes
    usages: tuple[LastUsage, ...] = ()


def dry_run_passed() -> DryRunOperationException:
    """The answer to a dry run that found nothing wrong."""
    return DryRunOperationException("The request would have succeeded, but the DryRun option is set.")
