"""Wildcards: ``*`` is any text, also none, and ``?`` is any one character.

No pattern, however it is made, tries a place twice: the time grows with the length of the text.
"""

import re
from collections.abc import Callable, Sequence
from enum import Enum
from typing import TypeAlias

_ARN_PARTS = 6


class Wild(Enum):
    """What stands for text that is not known."""

    ANY = "*"
    ONE = "?"


Pattern: TypeAlias = tuple[str | Wild, ...]
"""Text and wildcards in their order. No piece of text follows another, and none is empty."""

Match: TypeAlias = Callable[[str], bool]


_WILD = {wild.value: wild for wild in Wild}
_SPECIAL = re.compile(r"([*?])")


def pattern(text: str, *, wildcards: bool = True) -> Pattern:
    """Read a text in which ``*`` and ``?`` are wildcards, or are not."""
    if not wildcards:
        return (text,) if text else ()
    return tuple(_WILD.get(piece, piece) for piece in _SPECIAL.split(text) if piece)


def any_equal(patterns: Sequence[Pattern]) -> Match:
    """Whether a text is one of several; the patterns hold no wildcards."""
    return frozenset(map(literal, patterns)).__contains__


def any_equal_ignoring_case(patterns: Sequence[Pattern]) -> Match:
    """Whether a text is one of several in any case; the patterns hold no wildcards."""
    texts = frozenset(literal(pattern).lower() for pattern in patterns)
    return lambda text: text.lower() in texts


def any_like(patterns: Sequence[Pattern]) -> Match:
    """Whether a text is like one of several patterns."""
    if (Wild.ANY,) in patterns:
        return lambda _: True
    texts = frozenset(literal(pattern) for pattern in patterns if not _wild(pattern))
    globs = tuple(_glob(pattern) for pattern in patterns if _wild(pattern))
    if not globs:
        return texts.__contains__
    if len(globs) == 1 and not texts:
        return globs[0]

    def match(text: str) -> bool:
        if text in texts:
            return True
        for glob in globs:  # noqa: SIM110 - any() over a generator takes twice the time, in every call
            if glob(text):
                return True
        return False

    return match


def any_arn(patterns: Sequence[Pattern]) -> Match:
    """Whether an ARN is like one of several, each of the six parts for itself (IAM User Guide, "ARN operators").

    A ``*`` does not reach over the colon behind its part. What has fewer than six parts is no ARN and matches nothing.
    """
    arns = [
        tuple(any_like([part]) for part in parts) for parts in map(_arn_parts, patterns) if len(parts) == _ARN_PARTS
    ]

    def match(text: str) -> bool:
        found = text.split(":", _ARN_PARTS - 1)
        return len(found) == _ARN_PARTS and any(
            all(like(part) for like, part in zip(arn, found, strict=True)) for arn in arns
        )

    return match


def literal(pattern: Pattern) -> str:
    """The text of a pattern without wildcards."""
    return "".join(piece for piece in pattern if isinstance(piece, str))


def _wild(pattern: Pattern) -> bool:
    return any(isinstance(piece, Wild) for piece in pattern)


def _arn_parts(pattern: Pattern) -> list[Pattern]:
    parts: list[list[str | Wild]] = [[]]
    for piece in pattern:
        if isinstance(piece, Wild):
            parts[-1].append(piece)
            continue
        first, *others = piece.split(":", _ARN_PARTS - len(parts))
        parts[-1].append(first)
        parts += [[other] for other in others]
    return [tuple(piece for piece in part if piece) for part in parts]


def _glob(pattern: Pattern) -> Match:
    """Match one pattern that has wildcards."""
    return _automaton(pattern) if Wild.ONE in pattern else _stars(pattern)


def _stars(pattern: Pattern) -> Match:
    """Match texts with ``*`` between them: the first place for each is the best, as it leaves the most for the rest."""
    first, last = (piece if isinstance(piece, str) else "" for piece in (pattern[0], pattern[-1]))
    middle = tuple(piece for piece in pattern[1:-1] if isinstance(piece, str))
    begin, least = len(first), len(first) + len(last)

    def match(text: str) -> bool:
        if len(text) < least or not text.startswith(first) or not text.endswith(last):
            return False
        position, end = begin, len(text) - len(last)
        for piece in middle:
            position = text.find(piece, position, end)
            if position < 0:
                return False
            position += len(piece)
        return True

    return match


def _automaton(pattern: Pattern) -> Match:
    """Match any pattern, with all places where it may stand kept as the bits of one number.

    Bit n is set when the first n characters of the pattern, its ``*`` not counted, have been met.
    """
    size, loops, ones = 0, 0, 0
    characters: dict[str, int] = {}
    for piece in pattern:
        if piece is Wild.ANY:
            loops |= 1 << size
        elif piece is Wild.ONE:
            size += 1
            ones |= 1 << size
        else:
            for character in piece:
                size += 1
                characters[character] = characters.get(character, 0) | 1 << size

    def match(text: str) -> bool:
        state = 1
        for character in text:
            state = (state << 1) & (characters.get(character, 0) | ones) | state & loops
            if not state:
                return False
        return state >> size == 1

    return match
