"""Patterns with wildcards and policy variables, character by character.

IAM User Guide, "IAM JSON policy elements: Resource" (wildcards) and "Variables and tags".
"""

from typing import TypeAlias

from tests.authz.oracle.case import ContextKeys

ANY = "any characters"
ONE = "one character"
Tokens: TypeAlias = list[str]
"""``ANY``, ``ONE`` or single characters, which stand for themselves."""


def values_of(context: ContextKeys, key: str) -> list[tuple[str, ...]]:
    """What the request has under a key, whose case does not matter: nothing, or one entry; more are ambiguous."""
    return [values for name, values in context if name.lower() == key.lower()]


def literal(text: str) -> Tokens:
    """Characters that stand for themselves."""
    return list(text)


def with_wildcards(text: str) -> Tokens:
    """A pattern without variables."""
    return [{"*": ANY, "?": ONE}.get(character, character) for character in text]


class AmbiguousError(Exception):
    """A variable's key was sent several times, in different case: nobody can say what stands for it."""


def resolve(variable: str, context: ContextKeys) -> str | None:
    """What stands for the inside of ``${...}``; None where nothing does.

    "Special characters", "Specifying default values"; and "you cannot use a multivalued context key as a policy
    variable" ("Single-valued vs. multivalued context keys").

    Raises:
        AmbiguousError: The request has several keys of that name.
    """
    if variable in {"*", "?", "$"}:
        return variable
    name, _, default = variable.partition(",")
    found = values_of(context, name.strip())
    if len(found) > 1:
        raise AmbiguousError
    if found and len(found[0]) == 1:
        return found[0][0]
    return default.strip()[1:-1] if default else None


def tokens_of(text: str, version: str, context: ContextKeys, *, wildcards: bool) -> Tokens | None:
    """A value of a policy, its variables replaced; None where one of them has no value.

    What replaces a variable matches literally. Before version 2012-10-17 there are no variables.
    """
    plain = with_wildcards if wildcards else literal
    if version != "2012-10-17":
        return plain(text)
    tokens: Tokens = []
    while "${" in text and "}" in text[text.index("${") :]:
        before, _, rest = text.partition("${")
        variable, _, text = rest.partition("}")
        value = resolve(variable, context)
        if value is None:
            return None
        tokens += plain(before) + literal(value)
    return tokens + plain(text)


def like(tokens: Tokens, text: str) -> bool:
    """Whether a pattern matches the whole text."""
    ends = {0}  # where in the text the tokens so far can end
    for token in tokens:
        if token == ANY:
            ends = set(range(min(ends), len(text) + 1))
        else:
            ends = {end + 1 for end in ends if end < len(text) and token in {ONE, text[end]}}
        if not ends:
            return False
    return len(text) in ends


def parts_of(tokens: Tokens) -> list[Tokens]:
    """The six parts of an ARN's pattern, fewer where it has fewer colons."""
    parts: list[Tokens] = [[]]
    for token in tokens:
        if token == ":" and len(parts) < 6:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def arn_like(tokens: Tokens, arn: str) -> bool:
    """Whether an ARN matches, each of its six parts by itself ("ARN condition operators")."""
    patterns, parts = parts_of(tokens), arn.split(":", 5)
    return len(patterns) == len(parts) == 6 and all(map(like, patterns, parts))
