"""Millions of random policies, grants and requests: the engine and the oracle of its tests decide alike."""

import secrets

import pytest

from tests.authz.oracle.comparison import compare
from tests.support import SOAK

PARTS = 8 if SOAK else 1
CASES = 250_000 if SOAK else 2_500
"""In each of the parts."""

pytestmark = pytest.mark.soak


@pytest.mark.timeout(3600 if SOAK else 120)
@pytest.mark.parametrize("part", range(PARTS))
def test_millions_of_decisions_agree(part: int) -> None:
    """Each decision is the oracle's, with a reason that the oracle knows."""
    compare(f"{secrets.token_hex(8)}-{part}", CASES)
