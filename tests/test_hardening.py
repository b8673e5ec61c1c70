"""What every process of the service does first."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.hardening import harden
from tests.processwide import LIBC, PR_SET_DUMPABLE, dumpable, restored_process


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    with restored_process():
        LIBC.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
        yield


def test_files_are_the_owners_alone(tmp_path: Path) -> None:
    """Whatever is made after, without saying more, is closed to group and others."""
    harden()
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o700


def test_memory_is_in_no_dump() -> None:
    """No core file, no dump to a program of the kernel's, no look into the process by others of its user."""
    assert dumpable() == 1
    harden()
    assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
    assert dumpable() == 0
