"""Random ids and secrets."""

import re
import uuid
from collections.abc import Callable

import pytest

from strongroom.ids import new_access_key_id, new_secret_key, new_unique_id, new_uuid


def test_each_is_a_version_4_uuid_of_its_own() -> None:
    """A thousand are valid, in canonical form, and all different; both free bits of the variant occur."""
    made = {new_uuid() for _ in range(1000)}
    assert len(made) == 1000
    for text in made:
        parsed = uuid.UUID(text)
        assert (str(parsed), parsed.version, parsed.variant) == (text, 4, uuid.RFC_4122)
    assert {text[19] for text in made} == set("89ab")


IDS: dict[str, tuple[Callable[[], str], str]] = {
    "a user's id": (lambda: new_unique_id("AIDA"), "AIDA[A-Z2-7]{17}"),
    "a role's id": (lambda: new_unique_id("AROA"), "AROA[A-Z2-7]{17}"),
    "an access key id": (lambda: new_access_key_id("AKIA"), "AKIA[A-Z2-7]{16}"),
    "a session's access key id": (lambda: new_access_key_id("ASIA"), "ASIA[A-Z2-7]{16}"),
    "a secret": (new_secret_key, "[A-Za-z0-9+/]{40}"),
}


@pytest.mark.parametrize("case", IDS)
def test_ids_have_the_form_of_aws(case: str) -> None:
    """A thousand have the length and the letters of AWS's, and all are different; each letter occurs."""
    make, form = IDS[case]
    made = {make() for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(form, text) for text in made)
    alphabet = 64 if make is new_secret_key else 32
    assert len(set("".join(text[4:] for text in made))) == alphabet
