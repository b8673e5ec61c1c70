"""The guide to signing: its examples run as they are written, and its table is that of the tests."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ecosystem.conftest import REGION
from tests.ecosystem.test_jwt import ALGORITHMS
from tests.support import Server, clean_environment

PAGE = (Path(__file__).parents[2] / "docs" / "guide" / "signing.md").read_text()
BLOCK = re.compile(r"^<!-- test: python -->\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = {section.partition("\n")[0]: BLOCK.findall(section) for section in PAGE.split("\n## ")[1:]}
"""The code blocks of each section, by its title."""


@pytest.mark.parametrize("title", EXAMPLES)
def test_an_example_works_as_written(server: Server, title: str, tmp_path: Path) -> None:
    """A section's one example runs without a word in the environment that the page asks for."""
    (code,) = EXAMPLES[title]
    assert "\nassert " in code
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        check=False,
        cwd=tmp_path,
        env=clean_environment(
            HOME=str(tmp_path),
            AWS_ENDPOINT_URL_KMS=server.url,
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",
            AWS_DEFAULT_REGION=REGION,
        ),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_the_table_of_algorithms_is_right() -> None:
    """The page's table names each JWS algorithm that the tests sign with, its KeySpec and its SigningAlgorithm."""
    rows = re.findall(r"^\| (\w+) \| (?:any RSA|`(\w+)`) \| `(\w+)` \|", PAGE, re.MULTILINE)
    assert {name: (spec or "RSA_2048", algorithm) for name, spec, algorithm in rows} == ALGORITHMS
    assert len(rows) == len(ALGORITHMS)
