"""What every process of the service does first: nothing that it writes is open to others, its memory is in no dump."""

import ctypes
import os
import resource

_PR_SET_DUMPABLE = 4  # prctl(2)


def harden() -> None:
    """Files 0600 and folders 0700 by default; no core dumps, not even to a handler that the kernel starts.

    RLIMIT_CORE alone is not asked for dumps that go to a program (core(5)), hence the dumpable flag, which also keeps
    other processes of the same user from reading the memory.
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
