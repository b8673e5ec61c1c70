"""Statements of policies: whom they name, and whether they apply.

IAM User Guide, "AWS JSON policy elements: Principal" and "NotPrincipal".
"""

import json
from typing import NamedTuple

from tests.authz.oracle.case import Caller, Case, Json
from tests.authz.oracle.conditions import Setting, all_hold, many
from tests.authz.oracle.patterns import AmbiguousError, like, tokens_of, with_wildcards

NOBODY, ACCOUNT, ROLE, ITSELF = "nobody", "account", "role", "itself"
"""How a statement names a caller: not; by its account; by its role; by itself, of which everybody is a case."""


class Policy(NamedTuple):
    """A document, with what its principals stand for; without them for policies of identities and sessions."""

    document: str
    bindings: dict[str, str] | None = None


def names_in(element: Json, bindings: dict[str, str]) -> set[str]:
    """The tokens of everybody in a Principal or NotPrincipal element."""
    if element == "*":
        return {"*"}
    names = {f"{kind.lower()}:{name}" for kind in element.keys() - {"AWS"} for name in many(element[kind])}
    for name in many(element.get("AWS", [])):
        if name == "*" or (len(name) == 12 and name.isdigit()):
            names.add(name)
        elif name.startswith("arn:") and name.endswith(":root"):
            names.add(name.split(":")[4])
        else:
            names.add(bindings[name])
    return names


def everything_it_is(caller: Caller) -> set[str]:
    """Every name of a caller: the account, the user; the account, the role, the session; the service."""
    return set(caller.ids) | ({caller.account} if caller.account else set())


def named(names: set[str], caller: Caller) -> str:
    """The strongest way in which a caller is named."""
    own = caller.account if caller.kind == "root" else caller.ids[-1]
    if names & {own, "*"}:
        return ITSELF
    if caller.kind == "session" and caller.ids[0] in names:
        return ROLE
    return ACCOUNT if caller.account in names else NOBODY


def how_named(statement: Json, bindings: dict[str, str], caller: Caller) -> str:
    """How a statement of a resource's policy names a caller; NotPrincipal names everybody but those it lists."""
    if "Principal" in statement:
        return named(names_in(statement["Principal"], bindings), caller)
    listed = names_in(statement["NotPrincipal"], bindings)
    spared = "*" in listed or everything_it_is(caller) <= listed
    return NOBODY if spared else ITSELF


def about_action(statement: Json, action: str) -> bool:
    """Whether a statement is about an action; one that names none is about none."""

    def among(patterns: Json) -> bool:
        return any(like(with_wildcards(pattern.lower()), action.lower()) for pattern in many(patterns))

    if "NotAction" in statement:
        return not among(statement["NotAction"])
    return among(statement.get("Action", []))


def about_resource(statement: Json, version: str, case: Case) -> bool:
    """Whether a statement is about the resource.

    A variable without a value matches no resource. Where one is ambiguous, a Deny is about every resource and an Allow
    about none, unless the Resource has ``*``, too: our own rule, as AWS has none.
    """
    negated = "NotResource" in statement
    patterns = many(statement.get("NotResource" if negated else "Resource", []))
    if not negated and "*" in patterns:
        return True
    try:
        found = [tokens_of(pattern, version, case.context, wildcards=True) for pattern in patterns]
    except AmbiguousError:
        return bool(statement["Effect"] == "Deny")
    return any(tokens is not None and like(tokens, case.resource) for tokens in found) != negated


def applying(policy: Policy, effect: str, case: Case) -> list[str]:
    """How each statement with this effect that applies names the caller."""
    document = json.loads(policy.document)
    version = document.get("Version", "2008-10-17")
    trust = case.action.startswith("sts:") and policy.bindings is not None  # a role's trust policy has no Resource
    found = []
    for statement in many(document["Statement"]):
        how = ITSELF if policy.bindings is None else how_named(statement, policy.bindings, case.caller)
        if (
            statement["Effect"] == effect
            and how != NOBODY
            and about_action(statement, case.action)
            and (trust or about_resource(statement, version, case))
            and all_hold(statement.get("Condition", {}), Setting(effect, version, case.context))
        ):
            found.append(how)
    return found
