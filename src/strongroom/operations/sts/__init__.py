"""The Security Token Service: who calls, and sessions of roles; importing this package fills its table."""

from strongroom.operations.sts import caller_identity, roles
from strongroom.operations.sts.service import STS

__all__ = ["STS", "caller_identity", "roles"]
