"""The wall to what is kept of denials."""

from typing import Protocol


class Denials(Protocol):
    """Where explanations of denials are kept for a while, for the operator who is asked why."""

    def keep(self, request_id: str, time: float, explanation: bytes) -> None:
        """Keep an explanation, if it can be done; nothing is raised, and nobody waits for the disk.

        Args:
            request_id: Of the request; it may have several denials.
            time: Epoch seconds on the machine's clock.
            explanation: JSON.
        """
