"""The condition keys of one request."""

from collections.abc import Callable
from enum import Enum
from typing import Final, TypeAlias


class Ambiguous(Enum):
    """The type of ``AMBIGUOUS``."""

    AMBIGUOUS = "ambiguous"


AMBIGUOUS: Final = Ambiguous.AMBIGUOUS
"""Several names that differ only in case were sent, and condition keys know no case: nobody can say which is meant.

A condition on such a key does not hold in an Allow and holds in a Deny, whatever it asks.
"""

Values: TypeAlias = tuple[str, ...] | Ambiguous | None
"""What a request has under a condition key: one string or several, None where it has nothing."""


class Context:
    """Condition keys of one request, each looked up when it is first asked for."""

    __slots__ = ("_get", "_known")

    def __init__(self, get: Callable[[str], Values]) -> None:
        self._get = get
        self._known: dict[str, Values] = {}

    def get(self, key: str) -> Values:
        """What the request has under a key, which is written in lower case."""
        try:
            return self._known[key]
        except KeyError:
            values = self._known[key] = self._get(key)
            return values
