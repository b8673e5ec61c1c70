"""Condition operators."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.authz.context import AMBIGUOUS, Context, Values
from strongroom.authz.operators import condition, why_not

ARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd"
NEGATED = [
    "StringNotEquals",
    "StringNotEqualsIgnoreCase",
    "StringNotLike",
    "NumericNotEquals",
    "DateNotEquals",
    "NotIpAddress",
    "ArnNotEquals",
    "ArnNotLike",
]
POSITIVE = [
    "StringEquals",
    "StringEqualsIgnoreCase",
    "StringLike",
    *(
        f"{family}{name}"
        for family in ("Numeric", "Date")
        for name in ("Equals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
    ),
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "ArnEquals",
    "ArnLike",
]

# operator, what the policy wants, what the request has, whether they match
MATCHES = [
    ("StringEquals", "a", "a", True),
    ("StringEquals", "a", "A", False),
    ("StringEquals", "a*", "ab", False),
    ("StringEquals", "a*", "a*", True),
    ("StringEquals", "", "", True),
    ("StringEqualsIgnoreCase", "aB", "Ab", True),
    ("StringEqualsIgnoreCase", "a?", "ab", False),
    ("StringLike", "a*?", "abc", True),
    ("StringLike", "A*", "abc", False),
    ("StringLike", "${*}", "x", False),
    ("StringLike", "${*}", "*", True),
    ("ArnEquals", "arn:aws:kms:*:111122223333:key/*", ARN, True),
    ("ArnLike", "arn:aws:kms:*:111122223333:key/*", ARN, True),
    ("ArnLike", "arn:aws:kms:*:key/*", ARN, False),
    ("ArnLike", "arn:aws:kms:us-east-1:111122223333:KEY/*", ARN, False),
    ("NumericEquals", "10", "10.0", True),
    ("NumericEquals", "1e1", "10", True),
    ("NumericEquals", "9007199254740993", "9007199254740992", False),
    ("NumericEquals", "0.1", "0.10000000000000000001", False),
    ("NumericEquals", "10", "ten", False),
    ("NumericEquals", "10", "1_0", False),
    ("NumericEquals", "10", "", False),
    ("NumericLessThan", "10", "9", True),
    ("NumericLessThan", "10", "10", False),
    ("NumericLessThanEquals", "10", "10", True),
    ("NumericLessThanEquals", "10", "10.1", False),
    ("NumericGreaterThan", "-10", "-9", True),
    ("NumericGreaterThan", "10", "9", False),
    ("NumericGreaterThanEquals", "10", "10", True),
    ("DateEquals", "2020-01-01T00:00:00Z", "1577836800", True),
    ("DateEquals", "1577836800", "2020-01-01T01:00:00+01:00", True),
    ("DateEquals", "2020-01-01", "2020-01-01T00:00:00.000Z", True),
    ("DateEquals", "2020-01", "2020-01-01T00:00Z", True),
    ("DateEquals", "2020", "2020-01-01T00:00Z", True),
    ("DateEquals", "2020-01-01T00:00:00.5Z", "1577836800.5", True),
    ("DateEquals", "1577836800.0", "1577836800", True),
    ("DateEquals", "2020-01-01T00:00:00", "2020-01-01T00:00:00Z", True),
    ("DateEquals", "2020-01-01", "yesterday", False),
    ("DateEquals", "1969-12-31T23:59:59Z", "-1", True),
    ("DateLessThan", "2020-01-01T00:00:00Z", "2019-12-31T23:59:59.999Z", True),
    ("DateLessThan", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z", False),
    ("DateLessThanEquals", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z", True),
    ("DateGreaterThan", "2020-01-01T00:00:00Z", "2020-01-01T00:00:01Z", True),
    ("DateGreaterThanEquals", "2020-01-01T00:00:00Z", "2019-01-01T00:00:00Z", False),
    ("Bool", "true", "True", True),
    ("Bool", "TRUE", "true", True),
    ("Bool", "false", "true", False),
    ("Bool", "false", "0", False),
    ("BinaryEquals", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", True),
    ("BinaryEquals", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", "QmluYXJ5", False),
    ("BinaryEquals", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", "no base64", False),
    ("BinaryEquals", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", "é", False),
    ("IpAddress", "203.0.113.0/24", "203.0.113.7", True),
    ("IpAddress", "203.0.113.0/24", "203.0.114.7", False),
    ("IpAddress", "203.0.113.9/24", "203.0.113.7", True),
    ("IpAddress", "203.0.113.7", "203.0.113.7", True),
    ("IpAddress", "2001:DB8:1234:5678::/64", "2001:db8:1234:5678::1", True),
    ("IpAddress", "2001:DB8:1234:5678::/64", "203.0.113.7", False),
    ("IpAddress", "0.0.0.0/0", "2001:db8::1", False),
    ("IpAddress", "0.0.0.0/0", "nowhere", False),
]

UNREADABLE = [
    ("StringEqual", "a"),
    ("stringequals", "a"),
    ("NullIfExists", "true"),
    ("ForAnyValue:Null", "true"),
    ("ForSomeValues:StringEquals", "a"),
    ("ForAllValues:", "a"),
    ("IfExists", "a"),
    ("", "a"),
    ("NumericEquals", "ten"),
    ("NumericEquals", "NaN"),
    ("NumericEquals", "1e9999"),
    ("NumericEquals", "${aws:EpochTime}"),
    ("DateEquals", "tomorrow"),
    ("DateEquals", "2020-13-01"),
    ("DateEquals", "20200101T000000Z"),
    ("Bool", "yes"),
    ("Null", "yes"),
    ("BinaryEquals", "QmluYXJ5*"),
    ("IpAddress", "203.0.113.0/255.255.255.0"),
    ("IpAddress", "203.0.113.0/33"),
    ("IpAddress", "203.0.113.*"),
    ("IpAddress", "fe80::1%eth0"),
]

# what the request has; whether "is a or b" holds, plain and with set operators, and "is neither" likewise
SETS: list[tuple[Values, tuple[bool, bool, bool], tuple[bool, bool, bool]]] = [
    (None, (False, True, False), (True, True, False)),
    ((), (False, True, False), (True, True, False)),
    (("a",), (True, True, True), (False, False, False)),
    (("c",), (False, False, False), (True, True, True)),
    (("a", "b"), (True, True, True), (False, False, False)),
    (("a", "c"), (True, False, True), (False, False, True)),
    (("c", "d"), (False, False, False), (True, True, True)),
]


def holds(operator: str, wanted: Iterable[str], found: Values, *, deny: bool = False, variables: bool = True) -> bool:
    """Whether a condition holds for a request that has no other keys."""
    one = condition(operator, "Service:Key", tuple(wanted), deny=deny, variables=variables)
    return one.holds(Context({"service:key": found}.get))


@pytest.mark.parametrize(("operator", "wanted", "found", "match"), MATCHES)
def test_what_matches(operator: str, wanted: str, found: str, *, match: bool) -> None:
    """Each operator compares as AWS says, and its negation says the opposite."""
    assert holds(operator, [wanted], (found,)) is match
    family = next(
        family for family in ("String", "Numeric", "Date", "Arn", "IpAddress", "") if operator.startswith(family)
    )
    negation = "NotIpAddress" if family == "IpAddress" else operator.replace(family, f"{family}Not", 1)
    if negation in NEGATED:
        assert holds(negation, [wanted], (found,)) is not match


@given(st.integers(-(10**20), 10**20), st.integers(-(10**20), 10**20))
def test_numbers_compare_as_numbers(wanted: int, found: int) -> None:
    """However many digits they have; a date of four digits is a year."""
    relations = {
        "Equals": found == wanted,
        "NotEquals": found != wanted,
        "LessThan": found < wanted,
        "LessThanEquals": found <= wanted,
        "GreaterThan": found > wanted,
        "GreaterThanEquals": found >= wanted,
    }
    for name, expected in relations.items():
        assert holds(f"Numeric{name}", [str(wanted)], (f"{found}.0",)) is expected
        assert holds(f"Date{name}", [f"{wanted}.0"], (f"{found}.0",)) is expected


@pytest.mark.parametrize(("found", "positive", "negative"), SETS)
def test_several_values(found: Values, positive: tuple[bool, bool, bool], negative: tuple[bool, bool, bool]) -> None:
    """Set operators as the IAM User Guide has them; without one, one value that matches is enough, or too many."""
    for prefix, is_any, is_none in zip(("", "ForAllValues:", "ForAnyValue:"), positive, negative, strict=True):
        assert holds(f"{prefix}StringEquals", ["a", "b"], found) is is_any
        assert holds(f"{prefix}StringNotEquals", ["a", "b"], found) is is_none
        assert holds(f"{prefix}StringEqualsIfExists", ["a", "b"], found) is (is_any or not found)
        assert holds(f"{prefix}StringNotEqualsIfExists", ["a", "b"], found) is (is_none or not found)


def readable(operator: str) -> str:
    """A value that an operator can read."""
    values = {"Bool": "true", "Null": "true", "Binary": "QQ==", "IpAddress": "10.0.0.0/8", "Numeric": "1", "Date": "1"}
    return next((value for name, value in values.items() if name in operator), "a")


@pytest.mark.parametrize("operator", POSITIVE + NEGATED)
def test_an_absent_key(operator: str) -> None:
    """It makes a condition false and a negated one true; with IfExists it is true."""
    assert holds(operator, [readable(operator)], None) is (operator in NEGATED)
    assert holds(f"{operator}IfExists", [readable(operator)], None) is True


@pytest.mark.parametrize("suffix", ["", "IfExists"])
@pytest.mark.parametrize("prefix", ["", "ForAllValues:", "ForAnyValue:"])
@pytest.mark.parametrize("operator", [*POSITIVE, *NEGATED])
def test_an_ambiguous_key(prefix: str, operator: str, suffix: str) -> None:
    """Whatever is asked of it, an Allow does not apply and a Deny does."""
    for deny in (False, True):
        assert holds(f"{prefix}{operator}{suffix}", [readable(operator)], AMBIGUOUS, deny=deny) is deny


@pytest.mark.parametrize(("wanted", "absent", "present"), [("true", True, False), ("false", False, True)])
def test_null(wanted: str, *, absent: bool, present: bool) -> None:
    """True asks that there is no key, false that there is one; an empty text is one."""
    assert holds("Null", [wanted], None) is holds("Null", [wanted], ()) is absent
    assert holds("Null", [wanted], ("",)) is holds("Null", [wanted], ("a", "b")) is present
    assert holds("Null", ["true", "false"], None) is holds("Null", ["false", "true"], ("a",)) is True
    assert holds("Null", [wanted], AMBIGUOUS) is False
    assert holds("Null", [wanted], AMBIGUOUS, deny=True) is True


def test_nothing_wanted() -> None:
    """Without values nothing matches."""
    assert not holds("StringEquals", [], ("a",))
    assert holds("StringNotEquals", [], ("a",))
    assert not holds("Null", [], ("a",))


@pytest.mark.parametrize(("operator", "value"), UNREADABLE)
def test_what_cannot_be_read(operator: str, value: str) -> None:
    """An unknown operator, or a value that its operator cannot read, is an error and no condition that never holds."""
    with pytest.raises(ValueError):  # noqa: PT011 - the text is nobody's
        condition(operator, "service:key", (value,), deny=True, variables=True)


def test_variables() -> None:
    """Operators on texts and ARNs know them, in policies of the version that does."""
    keys: dict[str, Values] = {"service:key": ("alice",), "aws:username": ("alice",), "service:arn": (ARN,)}
    context = Context(keys.get)
    for operator in ("StringEquals", "StringEqualsIgnoreCase", "StringLike"):
        for variables in (True, False):
            one = condition(operator, "service:key", ("${aws:username}",), deny=False, variables=variables)
            assert one.holds(context) is variables
    one = condition("ArnLike", "service:arn", ("${service:arn}",), deny=False, variables=True)
    assert one.holds(context)


WHY = [
    ("StringEquals", "Service:Key", ("payroll",), 'the request has "billing", wanted "payroll"'),
    ("StringLike", "Service:Key", ("pay*", "c?"), 'the request has "billing", wanted "pay*", "c?"'),
    ("StringNotEquals", "Service:Key", ("a", "billing"), 'the request has "billing", wanted none of "a", "billing"'),
    ("ForAllValues:StringEquals", "Service:List", ("a",), 'the request has "a", "b", wanted only "a"'),
    ("ForAnyValue:StringEquals", "Service:List", ("c",), 'the request has "a", "b", wanted "c"'),
    ("StringEquals", "aws:PrincipalTag/team", ("red",), "the request has no aws:PrincipalTag/team"),
    ("StringEquals", "Service:Key", (), 'the request has "billing", wanted nothing'),
    ("Null", "Service:Key", ("true",), 'the request has "billing", wanted none'),
    ("Null", "Service:None", ("false",), "the request has no Service:None"),
    ("Bool", "Service:Twice", ("true",), "the request has several Service:Twice that differ only in case"),
]


@pytest.mark.parametrize(("operator", "key", "wanted", "text"), WHY)
def test_why_not(operator: str, key: str, wanted: tuple[str, ...], text: str) -> None:
    """The text names operator, key, what the request has and what was wanted."""
    keys: dict[str, Values] = {"service:key": ("billing",), "service:list": ("a", "b"), "service:twice": AMBIGUOUS}
    context = Context(keys.get)
    one = condition(operator, key, wanted, deny=False, variables=True)
    assert not one.holds(context)
    assert why_not(one, context) == f"Condition {operator} {key}: {text}"
