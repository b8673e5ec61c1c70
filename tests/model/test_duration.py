"""Durations as people write them."""

import pytest

from strongroom.model.duration import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("90m", 5400), ("36h", 129_600), ("7d", 604_800), ("1d12h", 129_600), ("1d2h3m4s", 93_784), ("0d", 0)],
)
def test_a_duration_is_so_many_seconds(text: str, seconds: int) -> None:
    """Days, hours, minutes and seconds, alone or together."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "7", "d", "7 d", "7D", "7w", "-7d", "+7d", "1.5d", "1h1d", "1d1d", "7d\n", "\u0667d", "1e3s", "9" * 13 + "s"],
)
def test_anything_else_is_none(text: str) -> None:
    """Other units, signs, fractions, blanks, another order and digits that are not ASCII; the text shows how."""
    with pytest.raises(ValueError, match="such as 7d"):
        parse_duration(text)
