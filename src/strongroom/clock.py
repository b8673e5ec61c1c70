"""The clock that keys live by, as one process of dev mode sees it: the machine's, and an offset that is stored."""

from collections.abc import Callable, Sequence

from strongroom.ports import Change, Clocks


def machine_clocks(machine: Callable[[], float]) -> Clocks:
    """Production's clocks: both tell the machine's time, and no offset is ever read.

    AWS tells times of keys in milliseconds, so the key-life clock is rounded to them.
    """
    return Clocks(machine, lambda: round(machine(), 3))


class MovableClock:
    """A key-life clock whose offset is shared through the store by all processes.

    Args:
        machine: The machine's clock.
        stored: Reads the offset, in seconds.
    """

    def __init__(self, machine: Callable[[], float], stored: Callable[[], float]) -> None:
        self._machine = machine
        self._stored = stored
        self._offset = 0.0
        self._behind = True

    def key_life(self) -> float:
        """Epoch seconds, rounded to milliseconds."""
        return round(self._machine() + self._offset, 3)

    def follow(self, changes: Sequence[Change] | None) -> None:
        """Read the offset anew if it may have changed, or never was read.

        Args:
            changes: What ``Store.changes`` said.

        Raises:
            AdapterError: It cannot be read; the next call tries again, whatever its changes.
        """
        if changes is None or any(change.kind == "clock" for change in changes):
            self._behind = True
        if self._behind:
            self._offset = self._stored()
            self._behind = False

    def clocks(self) -> Clocks:
        """Both clocks."""
        return Clocks(self._machine, self.key_life, lambda: self._offset, self.follow)
