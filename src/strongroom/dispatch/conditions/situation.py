"""What condition keys are about, and how their values are written."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from strongroom.authz.context import Values
from strongroom.dispatch.answers import Facts
from strongroom.model.key import StoredKey
from strongroom.ports import LastUsage, Recipient


class Situation(NamedTuple):
    """What condition keys are about.

    Attributes:
        facts: Of the request, its caller among them.
        action: What is to be decided, such as ``kms:ReEncryptTo``.
        request: The decoded request, or None where there is none; then nothing is known of what it asks for.
        region: Where the action is needed; a ReplicateKey needs one in another Region.
        account: Of the resource.
        stored: The key, where there is one.
        alias: The name of the alias by which the request names the key, or None.
        encryption_context: What is used with this key; None where the operation has none.
        recipient: Who attested to what it is, or None.
        now: The machine's time.
        key_life: The time that keys live by.
        last_usage: The last usage of ``stored``.
        primary: For what a ReplicateKey needs on the replica that is not there yet: its primary key.
        same_key: Whether a ReEncrypt's source and destination are one key; None for other operations.
    """

    facts: Facts
    action: str
    request: Any
    region: str
    account: str
    stored: StoredKey | None
    alias: str | None
    encryption_context: Mapping[str, str] | None
    recipient: Recipient | None
    now: float
    key_life: float
    last_usage: Callable[[], LastUsage | None]
    primary: StoredKey | None = None
    same_key: bool | None = None


Source: TypeAlias = Callable[[Situation], Values]
Pairs: TypeAlias = Iterable[tuple[str, str]]
Family: TypeAlias = Callable[[Situation], Pairs]


def one(value: object) -> Values:
    """A value as policies write it: ``true``, ``365``, ``1546257599.0``, an enum's own name."""
    if value is None:
        return None
    return (str(value).lower(),) if isinstance(value, bool) else (str(value),)


def some(values: Iterable[object]) -> Values:
    """Several values; none at all are as an absent key."""
    return tuple(map(str, values)) or None


def asked(attribute: str, actions: str) -> Source:
    """What a request asks for, its default included, for the actions to which the key applies."""
    applies = frozenset(actions.split())

    def source(situation: Situation) -> Values:
        return one(getattr(situation.request, attribute, None)) if situation.action in applies else None

    return source
