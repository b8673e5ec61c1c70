"""What time does to keys: one function for each step, put into a table by ``@step`` beside its family.

``jobs`` takes the steps that are due, ``dev.clock`` those that a jump of the clock passes. A step runs in a transaction
and is taken only if it is still due on the rows read there; so it happens once, whoever tries it how often.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from strongroom.ids import new_uuid
from strongroom.model.key import Key, StoredKey
from strongroom.model.life import Step, next_step
from strongroom.model.region import Realm
from strongroom.operations.table import EVENT_SOURCE
from strongroom.ports import AuditEvent, KeyStores, Transaction


class Life(msgspec.Struct, frozen=True):
    """What a step gets beside its key.

    Attributes:
        tx: Its transaction.
        now: The time at which it happens, on the key-life clock.
        machine_now: The machine's time, for the audit.
        encode: Makes the payload of audit records.
        noted: What each record notes in additionalEventData, or None.
    """

    tx: Transaction
    keystores: KeyStores
    now: float
    machine_now: float
    encode: Callable[[AuditEvent], bytes]
    noted: Mapping[str, Any] | None = None

    def record(self, name: str, key: Key, details: Mapping[str, Any]) -> None:
        """Put a service event of a key into the audit (AWS CloudTrail User Guide, "AWS service events")."""
        event = AuditEvent(
            event_id=new_uuid(),
            request_id=None,
            time=self.machine_now,
            name=name,
            source=EVENT_SOURCE,
            region=key.realm.region,
            caller=None,
            source_ip=INTERNAL,
            user_agent=INTERNAL,
            read_only=False,
            recipient=key.realm.account,
            additional_event_data=self.noted,
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
