"""Wildcards, beside a matcher that tries everything."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.authz.match import Wild, any_arn, any_equal, any_equal_ignoring_case, any_like, pattern

ALPHABET = "ab:*?\n"
PATTERNS = st.text(ALPHABET, max_size=12)
TEXTS = st.text("ab:*?\n", max_size=12)
ARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd"

LIKE = [
    ("", "", True),
    ("", "a", False),
    ("*", "", True),
    ("*", "a\nb", True),
    ("?", "", False),
    ("?", "\n", True),
    ("?", "ab", False),
    ("a*", "a", True),
    ("a*", "ba", False),
    ("*a", "ba", True),
    ("*a", "ab", False),
    ("a*a", "a", False),
    ("a*a", "aa", True),
    ("a*b*a", "aba", True),
    ("ab*ba", "aba", False),
    ("a**b", "ab", True),
    ("*a*", "bab", True),
    ("*a*a*", "bab", False),
    ("*?", "", False),
    ("*?a", "ba", True),
    ("A*", "ab", False),
    ("arn:aws:kms:*:111122223333:key/*", ARN, True),
    ("arn:*abcd", ARN, True),
    ("arn:aws:kms:us-????-1:*", ARN, True),
    ("arn:aws:kms:us-???-1:*", ARN, False),
]
ARNS = [
    (ARN, ARN, True),
    ("arn:aws:kms:*:111122223333:key/*", ARN, True),
    ("arn:aws:kms:*:key/1234abcd", ARN, False),
    ("arn:*", ARN, False),
    ("*", ARN, False),
    ("*:*:*:*:*:*", ARN, True),
    ("*:*:*:*:*:*", "no ARN", False),
    ("*:*:*:*:*:*", "a:b:c:d:e", False),
    ("arn:aws:s3:::", "arn:aws:s3:::", True),
    ("arn:aws:s3:::*", "arn:aws:s3:::a:b", True),
    ("arn:aws:s3:::a:b", "arn:aws:s3:::a:b", True),
    ("arn:aws:s?:::a", "arn:aws:s3:::a", True),
    # IAM User Guide, "ARN condition operators": a * does not reach over its colon
    (
        "arn:aws:someservice:*:111122223333:finance/*",
        "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt",
        False,
    ),
]


def tried(wild: str, text: str) -> bool:
    """Whether a text is like a pattern, by trying every end of every ``*``."""
    if not wild:
        return not text
    if wild[0] == "*":
        return any(tried(wild[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and wild[0] in ("?", text[0]) and tried(wild[1:], text[1:])


@pytest.mark.parametrize(("wild", "text", "fits"), LIKE)
def test_wildcards(wild: str, text: str, *, fits: bool) -> None:
    """``*`` is any text, ``?`` any one character, all else itself."""
    assert any_like([pattern(wild)])(text) is fits
    assert tried(wild, text) is fits


@given(st.lists(PATTERNS, max_size=3), TEXTS)
def test_wildcards_as_a_matcher_that_tries_everything(wilds: list[str], text: str) -> None:
    """One of the patterns is enough, and none is found where none is."""
    assert any_like([pattern(wild) for wild in wilds])(text) == any(tried(wild, text) for wild in wilds)


@given(st.lists(PATTERNS, max_size=3), TEXTS)
def test_without_wildcards_a_text_is_itself(texts: list[str], text: str) -> None:
    """``*`` and ``?`` are characters as all others."""
    patterns = [pattern(each, wildcards=False) for each in texts]
    assert any_equal(patterns)(text) == (text in texts)
    assert any_equal_ignoring_case(patterns)(text.upper()) == (text in texts)
    assert any_like(patterns)(text) == (text in texts)


@pytest.mark.parametrize(("wild", "text", "fits"), ARNS)
def test_arns(wild: str, text: str, *, fits: bool) -> None:
    """The six parts of an ARN match each for itself; what is no ARN matches nothing."""
    assert any_arn([pattern("arn:a:b:c:d:e"), pattern(wild)])(text) is fits


def test_text_of_a_pattern_is_no_wildcard() -> None:
    """A ``*`` that stands as text beside a wildcard is a character."""
    match = any_like([("a*", Wild.ANY, "?")])
    assert match("a*b?")
    assert not match("abb?")
    assert not match("a*bb")


@pytest.mark.parametrize(
    ("wild", "text"),
    [
        ("*a" * 16_000 + "b", "a" * 8_000),
        ("*a" * 3_000 + "b", "a" * 8_000),
        ("*?a" * 2_000 + "b", "a" * 8_000),
        ("*" + "a?" * 2_000 + "b*", "a" * 8_000),
        ("?*" * 16_000, "a" * 8_000),
        ("*" * 32_000 + "b", "a" * 8_000),
    ],
    ids=["more stars than text", "stars", "stars and holes", "a long hole", "only wildcards", "stars alone"],
)
def test_hostile_patterns_take_no_time(wild: str, text: str) -> None:
    """A pattern that makes matchers go back and try again is done with in a moment."""
    started = time.process_time()
    assert not any_like([pattern(wild)])(text)
    assert time.process_time() - started < 5
