"""Random lives of keys against a small model of what AWS documents."""

import secrets

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.soak.lives import Lives
from tests.support import SOAK

ROUNDS = 60 if SOAK else 3
EXAMPLES = 10
"""In each round; Hypothesis makes the first ten anew, and most of those that follow by repeating parts of others."""

STEPS = 40 if SOAK else 25

pytestmark = pytest.mark.soak


@pytest.mark.timeout(3600 if SOAK else 900)  # a failure takes minutes to be made small
def test_keys_live_as_the_model_says() -> None:
    """States, materials, dates and replicas are what AWS documents, and what was sealed opens as long as it must."""
    for _ in range(ROUNDS):
        number = secrets.randbits(32)
        print(f"seed {number}")
        run_state_machine_as_test(
            seed(number)(Lives),
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                report_multiple_bugs=False,
                suppress_health_check=[HealthCheck.too_slow],
            ),
        )
