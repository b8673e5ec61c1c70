"""The guide to signing: its examples run as they are written, and its table is that of the tests."""

import re
from pathlib import Path

import pytest

from tests.ecosystem.test_jwt import ALGORITHMS
from tests.guides import DOCS, python_examples, run_python, silent
from tests.support import Server

PAGE = (DOCS / "guide" / "signing.md").read_text()
EXAMPLES = {section.partition("\n")[0]: python_examples(section) for section in PAGE.split("\n## ")[1:]}
"""The code blocks of each section, by its title."""


@pytest.mark.parametrize("title", EXAMPLES)
def test_an_example_works_as_written(server: Server, title: str, tmp_path: Path) -> None:
    """A section's one example runs without a word in the environment that the page asks for."""
    (code,) = EXAMPLES[title]
    assert silent(run_python(code, server, tmp_path))


def test_the_table_of_algorithms_is_right() -> None:
    """The page's table names each JWS algorithm that the tests sign with, its KeySpec and its SigningAlgorithm."""
    rows = re.findall(r"^\| (\w+) \| (?:any RSA|`(\w+)`) \| `(\w+)` \|", PAGE, re.MULTILINE)
    assert {name: (spec or "RSA_2048", algorithm) for name, spec, algorithm in rows} == ALGORITHMS
    assert len(rows) == len(ALGORITHMS)
