"""What time does to keys: one function for each step, put into a table by ``@step`` beside its family.

``jobs`` takes the steps that are due, ``pass_time`` those that a jump of the clock passes. A step runs in a transaction
and is taken only if it is still due on the rows read there; so it happens once, whoever tries it how often.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from strongroom.ids import new_uuid
from strongroom.model.errors import ValidationException
from strongroom.model.key import Key, StoredKey
from strongroom.model.life import Step, next_step
from strongroom.model.region import Realm
from strongroom.operations.table import KMS
from strongroom.ports import AuditEvent, KeyStores, Transaction, clock_note


class Life(msgspec.Struct, frozen=True):
    """What a step gets beside its key.

    Attributes:
        tx: Its transaction.
        now: The time at which it happens, on the key-life clock.
        machine_now: The machine's time, for the audit.
        encode: Makes the payload of audit records.
        offset: How many seconds that is ahead of the machine's time; records note it.
    """

    tx: Transaction
    keystores: KeyStores
    now: float
    machine_now: float
    encode: Callable[[AuditEvent], bytes]
    offset: float = 0.0

    def record(self, name: str, key: Key, details: Mapping[str, Any]) -> None:
        """Put a service event of a key into the audit (AWS CloudTrail User Guide, "AWS service events")."""
        event = AuditEvent(
            event_id=new_uuid(),
            request_id=None,
            time=self.machine_now,
            name=name,
            source=KMS.event_source,
            region=key.realm.region,
            caller=None,
            source_ip=INTERNAL,
            user_agent=INTERNAL,
            read_only=False,
            recipient=key.realm.account,
            additional_event_data=clock_note(self.offset),
            service_event_details=details,
            resources=((key.realm.account, key.arn),),
        )
        self.tx.add_record(event.event_id, self.encode(event))


INTERNAL = "AWS Internal"
"""Who acts, and from where, in a service event."""

STEPS: dict[Step, Callable[[Life, StoredKey], None]] = {}


def step(which: Step) -> Callable[[Callable[[Life, StoredKey], None]], Callable[[Life, StoredKey], None]]:
    """Put a function into the table as what happens at a step."""

    def add(function: Callable[[Life, StoredKey], None]) -> Callable[[Life, StoredKey], None]:
        STEPS[which] = function
        return function

    return add


def take_step(life: Life, realm: Realm, key_id: str) -> Step | None:
    """Take the next step of a key if it is due; None where it is not, or no longer."""
    stored = life.tx.key(realm, key_id)
    due = None if stored is None else next_step(stored.key)
    if stored is None or due is None or due[0] > life.now:
        return None
    STEPS[due[1]](life, stored)
    return due[1]


MAX_STEPS = 10_000
"""The most steps of one ``pass_time``: others wait for its transaction."""


def pass_time(life: Life, until: float) -> None:
    """Let time pass from now to a later moment: each step that falls due is taken at its own time, in their order.

    Args:
        life: What steps get, as of now.
        until: The moment, on the key-life clock.

    Raises:
        ValidationException: More steps fall due than one transaction should take.
        Exception: Whatever a step raises.
    """
    steps = 0
    while due := life.tx.due(until, 1):
        if steps == MAX_STEPS:
            raise ValidationException(
                f"More than {MAX_STEPS} things happen to keys in that time; let less of it pass at once."
            )
        steps += 1
        (first,) = due
        now = max(first.at, life.now)
        there = replace(life, now=now, offset=round(life.offset + now - life.now, 3))
        take_step(there, first.realm, first.key_id)
