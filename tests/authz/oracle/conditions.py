"""The Condition element.

IAM User Guide, "IAM JSON policy elements: Condition operators", "Single-valued vs. multivalued context keys" and
"Multivalued context keys".
"""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from tests.authz.oracle.case import ContextKeys, Json
from tests.authz.oracle.patterns import AmbiguousError, arn_like, like, tokens_of, values_of

DATE_FORMS = ("%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z")
"""W3C's date and time formats (https://www.w3.org/TR/NOTE-datetime)."""


class Setting(NamedTuple):
    """What a condition is judged in: the statement's Effect, the document's Version, the request's keys."""

    effect: str
    version: str
    context: ContextKeys


def many(value: Json) -> list[Json]:
    """A value that may be written alone instead of in a list."""
    return value if isinstance(value, list) else [value]


def as_text(value: Json) -> str:
    """A policy's value as the string that it equals: ``true`` is ``"true"``, 7 is ``"7"``."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def number(text: str) -> Decimal | None:
    """A number, or None."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def seconds(text: str) -> Decimal | None:
    """A date as epoch seconds, however it is written; None where it is no date."""
    for form in DATE_FORMS:
        try:
            moment = datetime.strptime(text, form)  # noqa: DTZ007 - dates without a zone are in UTC
        except ValueError:
            continue
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return Decimal(str(aware.timestamp()))
    return number(text)


def compare(operator: str, has: Decimal | None, wants: Decimal | None) -> bool:
    """Numbers and dates; what is neither matches nothing."""
    if has is None or wants is None:
        return False
    return {
        "Equals": has == wants,
        "LessThan": has < wants,
        "LessThanEquals": has <= wants,
        "GreaterThan": has > wants,
        "GreaterThanEquals": has >= wants,
    }[operator]


def address_in(address: str, block: str) -> bool:
    """Whether an address is in a block."""
    try:
        return ip_address(address) in ip_network(block)
    except ValueError:
        return False


def text_matches(operator: str, has: str, wants: str, setting: Setting) -> bool:
    """Strings and ARNs, whose values may have variables; one without a value is equal to nothing and like nothing.

    "Variables and tags", section "Policy variables with no value".
    """
    wildcards = operator in {"StringLike", "ArnLike", "ArnEquals"}
    tokens = tokens_of(wants, setting.version, setting.context, wildcards=wildcards)
    if tokens is None:
        return False
    if operator in {"ArnLike", "ArnEquals"}:
        return arn_like(tokens, has)
    if operator == "StringLike":
        return like(tokens, has)
    written = "".join(tokens)
    if operator == "StringEqualsIgnoreCase":
        return written.lower() == has.lower()
    assert operator == "StringEquals", operator
    return written == has


def matches(operator: str, has: str, wants: str, setting: Setting) -> bool:
    """Whether one value of the request matches one of the policy; ``operator`` is not a negated one."""
    if operator.startswith("Numeric"):
        return compare(operator.removeprefix("Numeric"), number(has), number(wants))
    if operator.startswith("Date"):
        return compare(operator.removeprefix("Date"), seconds(has), seconds(wants))
    if operator == "IpAddress":
        return address_in(has, wants)
    if operator == "Bool":
        return has == wants
    return text_matches(operator, has, wants, setting)


def without_values(name: str, quantifier: str) -> bool:
    """What an operator says of a key that the request does not have."""
    if name.endswith("IfExists"):
        return True
    return {"ForAllValues": True, "ForAnyValue": False, "": "Not" in name}[quantifier]


def with_values(name: str, quantifier: str, values: tuple[str, ...], wants: list[str], setting: Setting) -> bool:
    """What an operator says of a key that the request has.

    Several values of the policy: any of them, of a negated operator: none of them. Several values of the request
    without a set operator: as the examples of kms:EncryptionContextKeys have it, any of them.
    """
    plain = name.removesuffix("IfExists")
    negated = "Not" in plain
    table = [[matches(plain.replace("Not", ""), has, want, setting) for want in wants] for has in values]
    found = [any(row) for row in table]
    if quantifier == "ForAllValues":
        return all(one != negated for one in found)
    if quantifier == "ForAnyValue":
        return any(one != negated for one in found)
    return any(found) != negated


def holds(operator: str, key: str, wanted: Json, setting: Setting) -> bool:
    """Whether one line of a Condition block holds.

    What is ambiguous, its key or a variable in its values, holds in a Deny alone: our own rule, as AWS has none.
    """
    entries = values_of(setting.context, key)
    if len(entries) > 1:
        return setting.effect == "Deny"
    values = entries[0] if entries else ()
    wants = [as_text(value) for value in many(wanted)]
    quantifier, _, name = operator.rpartition(":")
    if name == "Null":
        return ("false" if values else "true") in wants
    if not values:
        return without_values(name, quantifier)
    try:
        return with_values(name, quantifier, values, wants, setting)
    except AmbiguousError:
        return setting.effect == "Deny"


def all_hold(block: Json, setting: Setting) -> bool:
    """Whether a Condition block holds: every operator with every key."""
    return all(
        holds(operator, key, wanted, setting) for operator, lines in block.items() for key, wanted in lines.items()
    )
