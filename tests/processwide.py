"""Puts back what the program changes for a whole process: umask, core dumps, logging."""

import contextlib
import ctypes
import logging
import os
import resource
from collections.abc import Iterator

LIBC = ctypes.CDLL(None, use_errno=True)
PR_GET_DUMPABLE, PR_SET_DUMPABLE = 3, 4  # prctl(2)


def dumpable() -> int:
    """Whether this process may be dumped, and looked into by others of its user."""
    return int(LIBC.prctl(PR_GET_DUMPABLE, 0, 0, 0, 0))


@contextlib.contextmanager
def restored_process() -> Iterator[None]:
    """Leave umask, dumpable flag and limit of core dumps as they were; a hard limit needs a privilege to go up."""
    umask = os.umask(0)
    os.umask(umask)
    limits, flag = resource.getrlimit(resource.RLIMIT_CORE), dumpable()
    try:
        yield
    finally:
        os.umask(umask)
        LIBC.prctl(PR_SET_DUMPABLE, flag, 0, 0, 0)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_CORE, limits)


@contextlib.contextmanager
def restored_logging() -> Iterator[None]:
    """Leave handlers, levels and filters as they were."""
    root, alembic = logging.getLogger(), logging.getLogger("alembic")
    security = logging.getLogger("strongroom.security")
    before = (root.handlers[:], root.level, alembic.level, security.filters[:])
    root.handlers = []
    try:
        yield
    finally:
        root.handlers[:], filters = before[0], before[3]
        root.setLevel(before[1])
        alembic.setLevel(before[2])
        security.filters[:] = filters
