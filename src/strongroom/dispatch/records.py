"""The audit records of a request: the caller's, and those of whom else it concerns."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from strongroom.dispatch.answers import Facts
from strongroom.ids import new_uuid
from strongroom.model.arn import alias_arn
from strongroom.model.errors import Fault
from strongroom.model.key import StoredKey
from strongroom.model.region import Realm
from strongroom.model.spec import SPECS, Kind
from strongroom.operations.logged import response_elements
from strongroom.operations.shapes import Response
from strongroom.operations.table import KMS, Operation
from strongroom.ports import AuditEvent, Clocks, Recipient, clock_note


def make_event(
    facts: Facts,
    name: str,
    clocks: Clocks,
    *,
    fault: Fault | None,
    code: str | None = None,
    source: str = KMS.event_source,
    read_only: bool = True,
    additional: dict[str, Any] | None = None,
    **details: Any,
) -> AuditEvent:
    """The caller's record of a request: its time is the machine's, and where key life is ahead of that, it says so.

    Args:
        facts: Of the request.
        name: CloudTrail's eventName.
        clocks: The clocks.
        fault: How it ended, or None.
        code: What the fault is called on the wire.
        source: CloudTrail's eventSource.
        read_only: CloudTrail's readOnly.
        additional: CloudTrail's additionalEventData.
        details: Further attributes of the event.
    """
    note = clock_note(clocks.offset())
    return AuditEvent(
        event_id=new_uuid(),
        request_id=facts.request_id,
        time=clocks.machine(),
        name=name,
        source=source,
        region=facts.region,
        caller=facts.caller,
        source_ip=facts.source_ip,
        user_agent=facts.user_agent,
        read_only=read_only,
        recipient=facts.caller.account,
        error_code=code,
        error_message=fault.message or None if fault else None,
        additional_event_data={**(additional or {}), **note} if note else additional,
        tls=facts.tls,
        host=facts.host,
        **details,
    )


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


def for_owners(event: AuditEvent, foreign: Mapping[str, str | None]) -> tuple[AuditEvent, ...]:
    """The second record of a cross-account call, for each owner of a resource that exists.

    The message names the caller, of whom the owner sees no more than the account.
    """
    return tuple(
        replace(event, event_id=new_uuid(), recipient=owner, resources=((owner, arn),), error_message=None)
        for owner, arn in foreign.items()
        if arn is not None
    )


def resources(
    realm: Realm, request: Any, response: Response | None, keys: tuple[StoredKey, ...]
) -> tuple[tuple[str, str], ...]:
    """The keys that a request touched and made, and the alias that it named."""
    found = [(stored.key.realm.account, stored.key.arn) for stored in keys]
    created = getattr(response, "replica_key_metadata" if found else "key_metadata", None)
    if created is not None:
        found.append((created.aws_account_id, created.arn))
    name = getattr(request, "alias_name", None)
    if name is not None:
        found.append((realm.account, alias_arn(realm, name)))
    return tuple(found)


def elements(request: Any, response: Response | None, keys: tuple[StoredKey, ...]) -> Mapping[str, Any] | None:
    """CloudTrail's responseElements of a changing call: the answer, or the key's ARN where there is none.

    That of CreateGrant names the key, too.
    """
    if response is not None:
        shown = response_elements(response)
        return {**(shown or {}), "keyId": keys[0].key.arn} if hasattr(response, "grant_id") else shown
    return {"keyId": keys[0].key.arn} if hasattr(request, "key_id") else None


# The measurements that AWS's records show of an attested recipient, with the names of their members (AWS KMS Developer
# Guide, "Attestation log entries").
_ENCLAVE = {0: "EnclaveImageDigest", **{number: f"EnclavePCR{number}" for number in (1, 2, 3, 4, 8)}}
_NITRO_TPM = {number: f"NitroTPMPCR{number}" for number in (4, 7, 8, 9, 16, 23)}


def additional_data(
    operation: Operation,
    response: Any,
    keys: tuple[StoredKey, ...],
    recipient: Recipient | None,
    retired: str | None,
) -> dict[str, Any] | None:
    """CloudTrail's additionalEventData of a cryptographic call, or of a grant's retirement; None of all others."""
    found: dict[str, Any] = {} if retired is None else {"grantId": retired}
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
