"""The engine decides as the oracle does, in random cases."""

import secrets

import pytest

from tests.authz.oracle.comparison import compare

PARTS = 8
CASES = 2500
"""In each of the parts."""


@pytest.mark.parametrize("part", range(PARTS))
def test_engine_and_oracle_agree(part: int) -> None:
    """Each decision is the oracle's, with a reason that the oracle knows, and both answers are frequent."""
    allowed = compare(f"{secrets.token_hex(8)}-{part}", CASES)
    assert 0.2 < allowed < 0.8
