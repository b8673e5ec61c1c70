"""What clients saw of a service, and what must therefore be there after any kill."""

import math
import threading
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.soak.wire import Answer, LostError, NotSentError, Wire

Place = tuple[str, ...]
"""Something that has one value at a time, such as ("policy", key id)."""


class Attempt(NamedTuple):
    """One write of a value.

    Attributes:
        end: When the answer was here, or the connection lost: after that it can no longer happen.
    """

    start: float
    end: float
    value: object
    acknowledged: bool


_NOTHING = Attempt(-math.inf, -math.inf, None, acknowledged=True)


class Sealed(NamedTuple):
    """An acknowledged ciphertext and what must come out of it."""

    key_id: str
    blob: str
    plaintext: str
    context: dict[str, str]


class Signed(NamedTuple):
    """An acknowledged signature, and of what."""

    key_id: str
    algorithm: str
    message: str
    signature: str


class Ledger:
    """The book of all clients of one service; safe for threads.

    Attributes:
        answered: By request id of each answer: the operation, and the fault or None.
        sealed: What was encrypted.
        signed: What was signed.
        keys: The ids of the keys that CreateKey answered with.
        signers: Those of them that sign, each with its algorithm.
        lost_keys: How many calls of CreateKey were lost.
        not_sent: How many calls found nobody listening.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.answered: dict[str, tuple[str, str | None]] = {}
        self.sealed: list[Sealed] = []
        self.signed: list[Signed] = []
        self.signers: list[tuple[str, str]] = []
        self.keys: list[str] = []
        self.lost_keys = 0
        self.not_sent = 0
        self._places: dict[Place, list[Attempt]] = {}

    def call(
        self, wire: Wire, operation: str, members: Mapping[str, Any], writes: Mapping[Place, object] | None = None
    ) -> Answer | None:
        """Make a call and book it.

        Args:
            wire: Whose connection.
            operation: The operation.
            members: Its request.
            writes: What it writes where, if it succeeds.

        Returns:
            The answer, or None where it was lost.

        Raises:
            NotSentError: Nobody listens.
        """
        start = time.monotonic()
        try:
            answer = wire.call(operation, members)
        except NotSentError:
            self.not_sent += 1
            raise
        except LostError:
            with self._changed:
                self._book(writes or {}, start, acknowledged=False)
                self.lost_keys += operation == "CreateKey"
            return None
        assert answer.status in {200, 400}, f"{operation} {members}: {answer}"
        assert answer.request_id, f"{operation}: no request id"
        with self._changed:
            self.answered[answer.request_id] = (operation, answer.fault)
            if answer.fault is None:
                self._book(writes or {}, start, acknowledged=True)
            self._changed.notify_all()
        return answer

    def add_key(self, key_id: str, values: Mapping[Place, object], algorithm: str | None) -> None:
        """Book a key that CreateKey made, with what it was made with."""
        with self._changed:
            self._book(values, time.monotonic(), acknowledged=True)
            self.keys.append(key_id)
            if algorithm is not None:
                self.signers.append((key_id, algorithm))

    def add_sealed(self, sealed: Sealed) -> None:
        """Book a ciphertext."""
        with self._changed:
            self.sealed.append(sealed)

    def add_signed(self, signed: Signed) -> None:
        """Book a signature."""
        with self._changed:
            self.signed.append(signed)

    def wait_for_more(self, count: int, seconds: float) -> None:
        """Wait until so many more calls have been answered."""
        with self._changed:
            goal = len(self.answered) + count
            assert self._changed.wait_for(lambda: len(self.answered) >= goal, seconds), "the load stands still"

    def admissible(self, place: Place) -> set[object]:
        """The values that may stand at a place when no call is under way.

        A value is out if an acknowledged write began after the write of that value had ended.
        """
        attempts = self._places.get(place, [_NOTHING])
        latest = max(attempt.start for attempt in attempts if attempt.acknowledged)
        return {attempt.value for attempt in attempts if attempt.end >= latest}

    def places(self) -> list[Place]:
        """All places that anybody tried to write."""
        return list(self._places)

    def settle(self, found: Mapping[Place, object]) -> None:
        """Go on from what was found after a kill: what was not done by then will not be done any more."""
        for place in self._places:
            self._places[place] = [_NOTHING._replace(value=found.get(place))]

    def _book(self, writes: Mapping[Place, object], start: float, *, acknowledged: bool) -> None:
        end = time.monotonic()
        for place, value in writes.items():
            self._places.setdefault(place, [_NOTHING]).append(Attempt(start, end, value, acknowledged))
