"""Lengths of time as people write them."""

import re

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile("".join(f"(?:([0-9]{{1,12}}){unit})?" for unit in _UNITS))


def parse_duration(text: str) -> int:
    """The seconds of a duration such as ``7d``, ``36h`` or ``1d12h30m``: days, hours, minutes, seconds, in this order.

    Raises:
        ValueError: It is none; the text says what one looks like.
    """
    found = _DURATION.fullmatch(text)
    if found is None or not text:
        raise ValueError("A duration is whole numbers with the units d, h, m and s in this order, such as 7d or 1d12h.")
    return sum(int(number or 0) * seconds for number, seconds in zip(found.groups(), _UNITS.values(), strict=True))
