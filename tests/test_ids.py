"""Random UUIDs."""

import uuid

from strongroom.ids import new_uuid


def test_each_is_a_version_4_uuid_of_its_own() -> None:
    """A thousand are valid, in canonical form, and all different; both free bits of the variant occur."""
    made = {new_uuid() for _ in range(1000)}
    assert len(made) == 1000
    for text in made:
        parsed = uuid.UUID(text)
        assert (str(parsed), parsed.version, parsed.variant) == (text, 4, uuid.RFC_4122)
    assert {text[19] for text in made} == set("89ab")
