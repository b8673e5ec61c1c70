"""What dev mode alone can be asked for over the API; importing this package fills its table."""

from strongroom.operations.dev import clock
from strongroom.operations.dev.clock import DEV

__all__ = ["DEV", "clock"]
