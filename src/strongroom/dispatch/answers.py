"""What goes into a request beside its body, and what comes out: the answer, and what its audit record says."""

from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from strongroom.ids import new_uuid
from strongroom.model.errors import DryRunOperationException, Fault
from strongroom.model.identity import Caller
from strongroom.model.key import StoredKey
from strongroom.model.spec import SPECS, Kind
from strongroom.operations.table import Operation
from strongroom.ports import AuditEvent, Recipient

encode = msgspec.json.Encoder().encode


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


def dry_run_passed() -> DryRunOperationException:
    """The answer to a dry run that found nothing wrong."""
    return DryRunOperationException("The request would have succeeded, but the DryRun option is set.")


def fault_body(fault: Fault) -> bytes:
    """The JSON body of a fault; the message is left out where AWS sends none."""
    if not fault.message:
        return encode({"__type": fault.type})
    return encode({"__type": fault.type, "message": fault.message})


def by_region(operation: Operation, request: Any, event: AuditEvent) -> tuple[AuditEvent, ...]:
    """The record, and that in the other Region of a call that changed two; each shows the keys of its own Region.

    Where the answer is empty, each shows the ARN of its own key as what was changed (AWS KMS Developer Guide, log
    entries of ReplicateKey and UpdatePrimaryRegion).
    """
    echo = operation.echo
    if echo is None:
        return (event,)
    here = replace(event, resources=_in_region(event.region, event))
    if event.error_code is not None:
        return (here,)
    region = getattr(request, echo.region_member)
    resources = _in_region(region, event)
    elements = {"keyId": resources[0][1]} if operation.response is None else event.response_elements
    there = replace(
        event, event_id=new_uuid(), region=region, name=echo.name, resources=resources, response_elements=elements
    )
    return here, there


def _in_region(region: str, event: AuditEvent) -> tuple[tuple[str, str], ...]:
    return tuple(resource for resource in event.resources if resource[1].split(":")[3] == region)


# The measurements that AWS's records show of an attested recipient, with the names of their members (AWS KMS Developer
# Guide, "Attestation log entries").
_ENCLAVE = {0: "EnclaveImageDigest", **{number: f"EnclavePCR{number}" for number in (1, 2, 3, 4, 8)}}
_NITRO_TPM = {number: f"NitroTPMPCR{number}" for number in (4, 7, 8, 9, 16, 23)}


def additional_data(
    operation: Operation, response: Any, keys: tuple[StoredKey, ...], recipient: Recipient | None
) -> dict[str, Any] | None:
    """CloudTrail's additionalEventData of a cryptographic call, or None where there is none."""
    found: dict[str, Any] = {}
    if operation.usage is not None:
        found |= _materials(response, keys)
    if recipient is not None:
        found["recipient"] = _attestation(recipient)
    return found or None


def _materials(response: Any, keys: tuple[StoredKey, ...]) -> dict[str, str]:
    """Which materials of symmetric keys did it."""
    if hasattr(response, "source_key_material_id"):
        found = {
            "sourceKeyMaterialId": response.source_key_material_id,
            "destinationKeyMaterialId": response.destination_key_material_id,
        }
    elif SPECS[keys[0].key.spec].kind is Kind.SYMMETRIC:
        found = {"keyMaterialId": getattr(response, "key_material_id", keys[0].key.material_id)}
    else:
        found = {}
    return {name: material_id for name, material_id in found.items() if material_id is not None}


def _attestation(recipient: Recipient) -> dict[str, str]:
    """Who the recipient proved to be; measurements in hexadecimal, as in AWS's guide and in policies."""
    names = _NITRO_TPM if recipient.nitro_tpm else _ENCLAVE
    shown = {"attestationDocumentModuleId": recipient.module_id}
    for number, name in names.items():
        value = recipient.pcrs.get(number)
        if value is not None:
            shown[f"attestationDocument{name}"] = value.hex()
    return shown
