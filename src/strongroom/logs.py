"""Logs of the service itself: one JSON object a line on standard error, and a brake for what strangers can cause."""

import json
import logging
import time
from collections.abc import Callable


class JsonFormatter(logging.Formatter):
    """One JSON object a record: time (UTC), level, logger, message and, where there is one, the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as one line."""
        entry = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry)


class RateLimit(logging.Filter):
    """Lets at most ``per_second`` records through in each second, and says later how many it held back."""

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._per_second = per_second
        self._clock = clock
        self._second = -1
        self._passed = 0
        self._held = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Decide on one record."""
        second = int(self._clock())
        if second != self._second:
            if self._held:
                record.msg = f"{record.getMessage()} ({self._held} earlier entries held back)"
                record.args = ()
            self._second, self._passed, self._held = second, 0, 0
        self._passed += 1
        if self._passed <= self._per_second:
            return True
        self._held += 1
        return False


def configure(level: str) -> None:
    """Send all logs to standard error as JSON lines; the security log is braked to 10 entries a second."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("strongroom.security").addFilter(RateLimit(10))
