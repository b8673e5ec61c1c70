"""Condition keys: where each gets its value for one action of one request.

A key without a row is absent: those of calls that services make for somebody, of VPC endpoints, of organizations and of
identity providers.
"""

from collections.abc import Mapping
from typing import Final

from strongroom.authz.context import AMBIGUOUS, Context, Values
from strongroom.dispatch.conditions import aws_keys, kms_keys
from strongroom.dispatch.conditions.situation import Family, Pairs, Situation, Source

__all__ = ["FAMILIES", "KEYS", "Situation", "context_of"]

KEYS: Final[Mapping[str, Source]] = {**kms_keys.KEYS, **aws_keys.KEYS}
"""Where the value of a key comes from, by its name as AWS writes it."""

FAMILIES: Final[Mapping[str, Family]] = {**kms_keys.FAMILIES, **aws_keys.FAMILIES}
"""Keys that end in a name of the request's or the resource's own: the values that there are, by that name."""

_SOURCES = {name.lower(): source for name, source in KEYS.items()}
_FAMILIES = [(prefix.lower(), pairs) for prefix, pairs in FAMILIES.items()]


def context_of(situation: Situation) -> Context:
    """The condition keys of a situation; each is looked up when a policy first asks for it."""
    folded: dict[str, dict[str, Values]] = {}

    def get(key: str) -> Values:
        source = _SOURCES.get(key)
        if source is not None:
            return source(situation)
        for prefix, pairs in _FAMILIES:
            if key.startswith(prefix):
                if prefix not in folded:
                    folded[prefix] = _fold(pairs(situation))
                return folded[prefix].get(key[len(prefix) :])
        return None

    return Context(get)


def _fold(pairs: Pairs) -> dict[str, Values]:
    """Values by name, whose case does not count in a policy."""
    found: dict[str, Values] = {}
    for name, value in pairs:
        key = name.lower()
        found[key] = AMBIGUOUS if key in found else (value,)
    return found
