"""The commands that the documentation shows a newcomer, run as they are written."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import SOAK, clean_environment

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
ADDRESS = "127.0.0.1:8080"
PAGES = {"README": ROOT / "README.md", "getting started": ROOT / "docs" / "guide" / "getting-started.md"}

_BLOCK = re.compile(r"^<!-- test: (\w+) -->\n```(?:sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _blocks(page: Path, *marks: str) -> list[tuple[str, str]]:
    """The marked blocks of a page in order, each with its mark."""
    return [(mark, code) for mark, code in _BLOCK.findall(page.read_text()) if mark in marks]


def _clone(folder: Path) -> None:
    """What a newcomer has before the first command; but for the long tests, with everything installed already."""
    made = shutil.ignore_patterns(".*", "__pycache__", "build", "dist")
    shutil.copytree(ROOT, folder, ignore=made)
    if not SOAK:
        (folder / ".venv").mkdir()
        (folder / ".venv" / "bin").symlink_to(BIN)
        for stamp in (".made", ".installed"):  # newer than what make compares them with, and in this order
            (folder / ".venv" / stamp).touch()


def _environment(home: Path, **more: str) -> dict[str, str]:
    """A newcomer's: the virtual environment's programs first, no AWS configuration of this machine's user."""
    kept = clean_environment(HOME=str(home), PATH=f"{BIN}{os.pathsep}{os.environ['PATH']}", **more)
    return {name: value for name, value in kept.items() if not name.startswith(("MAKE", "MFLAGS"))}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The README's server command, run in a clone; gives where it says that it is ready.

    The one thing changed is the port, by a setting in the environment, so that tests can run side by side.
    """
    folder = tmp_path_factory.mktemp("quickstart")
    clone = folder / "strongroom"
    _clone(clone)
    ((_, command),) = _blocks(PAGES["README"], "serve")
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            ["sh", "-euc", command],
            cwd=clone,
            env=_environment(folder, STRONGROOM_PORT="0"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        ) as server,
    ):
        assert server.stdout is not None
        try:
            line = server.stdout.readline()
            ready = re.fullmatch(r"Strongroom is ready at http://(127\.0\.0\.1:\d+) \(account 123456789012\)\n", line)
            assert ready, f"{line!r}\n{(folder / 'log').read_text()}"
            yield ready[1]
            assert (clone / ".strongroom" / "data").is_dir()
        finally:
            os.killpg(server.pid, signal.SIGINT)  # as Ctrl-C does
            server.communicate(timeout=60)


def _run(blocks: list[tuple[str, str]], address: str, folder: Path) -> str:
    """Run blocks in one terminal after another, in order; what they print."""
    code = "".join(f"{sys.executable} - <<'END'\n{code}END\n" if mark == "python" else code for mark, code in blocks)
    result = subprocess.run(
        ["sh", "-euc", code.replace(ADDRESS, address)],
        check=False,
        cwd=folder,
        env=_environment(folder),
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


@pytest.mark.soak
@pytest.mark.timeout(900 if SOAK else 180)
def test_the_readme_works_as_written(address: str, tmp_path: Path) -> None:
    """The README's quick start makes a key, and gets back what it encrypted; the long form installs from nothing."""
    printed = _run(_blocks(PAGES["README"], "client", "python"), address, tmp_path)
    assert '"KeyState": "Enabled"' in printed
    assert printed.endswith("attack at dawn\n")
    assert (tmp_path / "message.enc").stat().st_size == len("attack at dawn\n") + 121


@pytest.mark.timeout(180)
def test_getting_started_works_as_written(address: str, tmp_path: Path) -> None:
    """The guide's commands show a key of the caller's Region alone, and the AWS Encryption SDK round trip holds."""
    printed = _run(_blocks(PAGES["getting started"], "client", "python"), address, tmp_path).splitlines()
    assert re.fullmatch(r"arn:aws:kms:eu-central-1:123456789012:key/[0-9a-f-]{36}", printed[0])
    assert printed[1:] == ["0", "0"]


def test_marked_blocks_are_found() -> None:
    """The pages hold the blocks that the tests here run: a mark misspelt would leave one out unseen."""
    marks = {name: [mark for mark, _ in _blocks(page, "serve", "client", "python")] for name, page in PAGES.items()}
    assert marks == {"README": ["serve", "client", "client", "python"], "getting started": ["client", "python"]}
    for page in PAGES.values():
        assert page.read_text().count("<!-- test:") == len(_blocks(page, "serve", "client", "python"))
