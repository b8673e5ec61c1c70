"""The examples of the documentation, run as they are written."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support import PROGRAM, Server, clean_environment

DOCS = Path(__file__).parents[1] / "docs"

_PYTHON = re.compile(r"^<!-- test: python -->\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def python_examples(text: str) -> list[str]:
    """The marked blocks of Python in a text of the documentation, each of which checks something itself."""
    found: list[str] = _PYTHON.findall(text)
    assert all("\nassert " in code for code in found)
    return found


def run_python(code: str, server: Server, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run an example of Python, warnings being errors."""
    return run([sys.executable, "-W", "error", "-c", code], server, folder)


def run(command: list[str], server: Server, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, in the environment that the guides ask for, and no other AWS configuration."""
    environment = clean_environment(
        HOME=str(folder),
        PATH=f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}",
        AWS_ENDPOINT_URL=server.url,
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_DEFAULT_REGION="us-east-1",
    )
    return subprocess.run(command, check=False, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def silent(result: subprocess.CompletedProcess[str]) -> bool:
    """Whether a command succeeded without a word; else what it said is shown."""
    print(result.stdout, result.stderr)
    return (result.returncode, result.stdout, result.stderr) == (0, "", "")
