"""Condition operators (IAM User Guide, "IAM JSON policy elements: Condition operators").

A key that the request does not have makes a condition false and a negated one true; with ``IfExists`` it is true. Where
a request has several values under a key and the operator says neither ``ForAllValues`` nor ``ForAnyValue``, which AWS
leaves undefined, one that matches is enough, and a negated operator wants that none does.
"""

import base64
import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from operator import eq, ge, gt, le, lt
from typing import NamedTuple, TypeVar

from strongroom.authz.context import AMBIGUOUS, Context
from strongroom.authz.match import Match, Pattern, any_arn, any_equal, any_equal_ignoring_case, any_like, literal
from strongroom.authz.variables import Alternatives, Build

_Bound = TypeVar("_Bound")
_Value = TypeVar("_Value")

_NAME = re.compile(r"(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")
# The formats of https://www.w3.org/TR/NOTE-datetime; without a zone it is UTC.
_DATE = re.compile(
    r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?"
)
_BEGINS = {len("2000"): "-01-01", len("2000-01"): "-01"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CIDR = re.compile(r"[0-9A-Fa-f:.]+(/[0-9]{1,3})?")
_READ = 256  # texts of which the meaning is remembered: many statements ask for one address
_BOOLEANS = {"true": True, "false": False}


class Condition(NamedTuple):
    """One operator on one key.

    Attributes:
        operator: As written.
        key: As written.
        values: As written; booleans and numbers as JSON has them.
        holds: Whether it holds for a request.
    """

    operator: str
    key: str
    values: tuple[str, ...]
    holds: Callable[[Context], bool]


class _Operator(NamedTuple):
    """How an operator compares.

    Attributes:
        build: Makes the comparison with what the policy wants; raises ValueError for what it cannot read.
        negated: Whether it wants that nothing matches.
        wildcards: Whether ``*`` and ``?`` stand for other text.
        variables: Whether it knows policy variables.
    """

    build: Build
    negated: bool = False
    wildcards: bool = False
    variables: bool = False


def _comparing(
    bound: Callable[[str], _Bound], value: Callable[[str], _Value], relation: Callable[[_Value, _Bound], bool]
) -> Build:
    """A comparison of what the request has with what the policy wants. What cannot be read is like nothing."""

    def build(patterns: Sequence[Pattern]) -> Match:
        bounds = [bound(literal(pattern)) for pattern in patterns]

        def match(text: str) -> bool:
            try:
                found = value(text)
            except ValueError:
                return False
            for wanted in bounds:  # noqa: SIM110 - any() over a generator takes twice the time, in every call
                if relation(found, wanted):
                    return True
            return False

        return match

    return build


@lru_cache(_READ)
def _number(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return Decimal(text)


@lru_cache(_READ)
def _moment(text: str) -> Decimal:
    """Seconds since 1970, of a date or of a number that is just that; four digits are a year."""
    if not _DATE.fullmatch(text):
        return _number(text)
    moment = datetime.fromisoformat(text + _BEGINS.get(len(text), ""))
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    return Decimal(since // timedelta(microseconds=1)).scaleb(-6)


def _boolean(text: str) -> bool:
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise ValueError(text) from None


def _binary(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _network(text: str) -> tuple[int, int, int]:
    """Version, mask and network."""
    if not _CIDR.fullmatch(text):
        raise ValueError(text)
    network = ipaddress.ip_network(text, strict=False)
    return network.version, int(network.netmask), int(network.network_address)


@lru_cache(_READ)
def _address(text: str) -> tuple[int, int]:
    """Version and address."""
    address = ipaddress.ip_address(text)
    return address.version, int(address)


def _in(address: tuple[int, int], network: tuple[int, int, int]) -> bool:
    return address[0] == network[0] and address[1] & network[1] == network[2]


_NUMBERS = {"Equals": eq, "LessThan": lt, "LessThanEquals": le, "GreaterThan": gt, "GreaterThanEquals": ge}
_TEXT = {"Equals": any_equal, "EqualsIgnoreCase": any_equal_ignoring_case}
_OPERATORS = {
    **{f"String{name}": _Operator(build, variables=True) for name, build in _TEXT.items()},
    **{f"StringNot{name}": _Operator(build, negated=True, variables=True) for name, build in _TEXT.items()},
    "StringLike": _Operator(any_like, wildcards=True, variables=True),
    "StringNotLike": _Operator(any_like, negated=True, wildcards=True, variables=True),
    **{f"Arn{name}": _Operator(any_arn, wildcards=True, variables=True) for name in ("Equals", "Like")},
    **{
        f"ArnNot{name}": _Operator(any_arn, negated=True, wildcards=True, variables=True) for name in ("Equals", "Like")
    },
    **{f"Numeric{name}": _Operator(_comparing(_number, _number, relation)) for name, relation in _NUMBERS.items()},
    "NumericNotEquals": _Operator(_comparing(_number, _number, eq), negated=True),
    **{f"Date{name}": _Operator(_comparing(_moment, _moment, relation)) for name, relation in _NUMBERS.items()},
    "DateNotEquals": _Operator(_comparing(_moment, _moment, eq), negated=True),
    "Bool": _Operator(_comparing(_boolean, _boolean, eq)),
    "BinaryEquals": _Operator(_comparing(_binary, _binary, eq)),
    "IpAddress": _Operator(_comparing(_network, _address, _in)),
    "NotIpAddress": _Operator(_comparing(_network, _address, _in), negated=True),
}


def condition(operator: str, key: str, values: tuple[str, ...], *, deny: bool, variables: bool) -> Condition:
    """Compile a condition.

    Args:
        operator: As written.
        key: As written.
        values: What it wants, of which one must match; none where the operator is negated.
        deny: Whether it stands in a Deny: there a condition on a key that is ambiguous holds.
        variables: Whether the policy's version knows variables.

    Raises:
        ValueError: There is no such operator, or it cannot read a value.
    """
    if operator == "Null":
        return Condition(operator, key, values, _null(key.lower(), values, deny=deny))
    name = _NAME.fullmatch(operator)
    found = _OPERATORS.get(name[2]) if name else None
    if not name or not found:
        raise ValueError(operator)
    alternatives = Alternatives(
        values,
        found.build,
        wildcards=found.wildcards,
        variables=found.variables and variables,
        negated=found.negated,
        deny=deny,
    )
    absent = bool(name[3]) or {"ForAllValues": True, "ForAnyValue": False}.get(name[1], found.negated)
    # "Each value is none of them" and "a value is none of them" are "not any is" and "not all are".
    every = name[1] == ("ForAnyValue" if found.negated else "ForAllValues")
    return Condition(
        operator, key, values, _holds(key.lower(), alternatives, all if every else any, absent=absent, deny=deny)
    )


def _holds(
    key: str, alternatives: Alternatives, quantifier: Callable[[Iterable[bool]], bool], *, absent: bool, deny: bool
) -> Callable[[Context], bool]:
    hold = alternatives.hold

    def holds(context: Context) -> bool:
        values = context.get(key)
        if values is AMBIGUOUS:
            return deny
        return hold(values, context, quantifier) if values else absent

    return holds


def _null(key: str, values: tuple[str, ...], *, deny: bool) -> Callable[[Context], bool]:
    wanted = {_boolean(value) for value in values}

    def holds(context: Context) -> bool:
        found = context.get(key)
        return deny if found is AMBIGUOUS else (not found) in wanted

    return holds


def why_not(condition: Condition, context: Context) -> str:
    """Why a condition does not hold for a request, in plain English."""
    head = f"Condition {condition.operator} {condition.key}: the request has"
    found = context.get(condition.key.lower())
    if found is AMBIGUOUS:
        return f"{head} several {condition.key} that differ only in case"
    if not found:
        return f"{head} no {condition.key}"
    return f"{head} {_listed(found)}, wanted {_wish(condition)}"


def _wish(condition: Condition) -> str:
    if condition.operator == "Null":
        return "none"
    values = _listed(condition.values)
    if "Not" in condition.operator:
        return f"none of {values}"
    return f"only {values}" if condition.operator.startswith("ForAllValues") else values


def _listed(values: Sequence[str]) -> str:
    return ", ".join(f'"{value}"' for value in values) or "nothing"
