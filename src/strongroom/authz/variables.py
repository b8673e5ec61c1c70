"""Policy variables such as ``${aws:username}`` (IAM User Guide, "Policy variables").

What a variable stands for is text: its ``*`` and ``?`` are no wildcards.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from strongroom.authz.context import AMBIGUOUS, Ambiguous, Context
from strongroom.authz.match import Match, Pattern, Wild, pattern

# The name ends where a default begins: ${aws:username, 'anonymous'}. What looks otherwise is no variable but text.
_SPECIAL = re.compile(r"\$\{(?:(?P<char>[*?$])|(?P<name>[^{}*?$,']+)(?:,\s*'(?P<default>[^']*)')?)\}")


class Variable(NamedTuple):
    """A place to be filled.

    Attributes:
        key: The condition key in lower case.
        default: What to take where the request has no such key; None where the policy gives nothing.
    """

    key: str
    default: str | None


_REMEMBERED = 16

Template: TypeAlias = tuple[str | Wild | Variable, ...]
Build: TypeAlias = Callable[[Sequence[Pattern]], Match]


def template(text: str, *, wildcards: bool, variables: bool) -> Template:
    """Read the text of a policy.

    Args:
        text: As written.
        wildcards: Whether ``*`` and ``?`` stand for other text.
        variables: Whether the policy's version and the place in it know variables.
    """
    pieces: list[str | Wild | Variable] = []
    position = 0
    for found in _SPECIAL.finditer(text) if variables else ():
        pieces += pattern(text[position : found.start()], wildcards=wildcards)
        position = found.end()
        if found["char"]:
            pieces.append(found["char"])
        else:
            pieces.append(Variable(found["name"].lower(), found["default"]))
    pieces += pattern(text[position:], wildcards=wildcards)
    return tuple(pieces)


class Alternatives:
    """Patterns of which one must match; or none, where the element that they stand in is negated.

    A variable without a value makes its pattern match nothing (IAM User Guide, "Policy variables with no value"). With
    a variable whose key is ambiguous they hold in a Deny alone, as does a condition on such a key.

    Args:
        texts: The patterns as written.
        build: Makes a matcher of patterns without variables.
        wildcards: Whether ``*`` and ``?`` stand for other text.
        variables: Whether the policy's version and the element know variables.
        negated: Whether none may match.
        deny: Whether they stand in a Deny.

    Raises:
        ValueError: From ``build``: it cannot read a text.
    """

    __slots__ = ("_build", "_deny", "_fixed", "_matching", "_negated", "_templates", "_variables")

    def __init__(
        self, texts: Iterable[str], build: Build, *, wildcards: bool, variables: bool, negated: bool, deny: bool
    ) -> None:
        self._templates = tuple(template(text, wildcards=wildcards, variables=variables) for text in texts)
        found = {piece: None for pieces in self._templates for piece in pieces if isinstance(piece, Variable)}
        self._variables = tuple(found)
        self._build = build
        self._fixed = self._filled((None,) * len(found))
        # Callers come back, so what their values made is kept for a while.
        self._matching = lru_cache(_REMEMBERED)(self._filled) if found else self._filled
        self._negated = negated
        self._deny = deny

    def hold(self, values: Sequence[str], context: Context, quantifier: Callable[[Iterable[bool]], bool] = any) -> bool:
        """Whether the patterns are met by values of a request, any or all of them."""
        match = self._fixed
        if self._variables:
            known = tuple([_value(variable, context) for variable in self._variables])
            if AMBIGUOUS in known:
                return self._deny
            match = self._matching(known)
        return (match(values[0]) if len(values) == 1 else quantifier(map(match, values))) != self._negated

    def _filled(self, known: tuple[str | Ambiguous | None, ...]) -> Match:
        """A matcher with what the variables stand for."""
        values = dict(zip(self._variables, known, strict=True))
        filled = [_fill(pieces, values) for pieces in self._templates]
        return self._build([each for each in filled if each is not None])


def _fill(pieces: Template, values: Mapping[Variable, str | Ambiguous | None]) -> Pattern | None:
    """A template with its variables' values; None where one has none."""
    filled = [values[piece] if isinstance(piece, Variable) else piece for piece in pieces]
    known = [piece for piece in filled if isinstance(piece, (str, Wild))]
    return _joined(known) if len(known) == len(filled) else None


def _joined(pieces: Iterable[str | Wild]) -> Pattern:
    """The pattern of texts and wildcards in their order."""
    joined: list[str | Wild] = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        elif piece != "":
            joined.append(piece)
    return tuple(joined)


def _value(variable: Variable, context: Context) -> str | Ambiguous | None:
    """What a variable stands for. A key with several values is none that can be a variable."""
    values = context.get(variable.key)
    if values is AMBIGUOUS:
        return AMBIGUOUS
    if not values:
        return variable.default
    return values[0] if len(values) == 1 else None
