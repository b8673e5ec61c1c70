"""Policy variables."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.authz.context import AMBIGUOUS, Context, Values
from strongroom.authz.match import Wild, any_like
from strongroom.authz.variables import Alternatives, Template, Variable, template

KEYS: Final[dict[str, Values]] = {
    "aws:username": ("alice",),
    "aws:principaltag/team": ("a*?",),
    "aws:tagkeys": ("one", "two"),
    "aws:none": (),
    "kms:encryptioncontext:app": AMBIGUOUS,
}
CONTEXT = Context(KEYS.get)

READ: list[tuple[str, Template]] = [
    ("", ()),
    ("plain", ("plain",)),
    ("a*?", ("a", Wild.ANY, Wild.ONE)),
    ("${aws:username}", (Variable("aws:username", None),)),
    ("a/${AWS:UserName}/*", ("a/", Variable("aws:username", None), "/", Wild.ANY)),
    ("${aws:username, 'anonymous'}", (Variable("aws:username", "anonymous"),)),
    ("${aws:username,'a, b'}", (Variable("aws:username", "a, b"),)),
    ("${aws:username, ''}", (Variable("aws:username", ""),)),
    ("${*}${?}${$}{a}", ("*", "?", "$", "{a}")),
    ("${$}{aws:username}", ("$", "{aws:username}")),
    ("x${*}*y", ("x", "*", Wild.ANY, "y")),
    ("${aws:PrincipalTag/a b}", (Variable("aws:principaltag/a b", None),)),
    # What looks otherwise is text, as all is in the old version.
    ("${aws:username", ("${aws:username",)),
    ("${}", ("${}",)),
    ("$aws:username}", ("$aws:username}",)),
    ("${aws:username, anonymous}", ("${aws:username, anonymous}",)),
    ("${a${aws:username}}", ("${a", Variable("aws:username", None), "}")),
]

FILLED = [
    ("home/${aws:username}/*", "home/alice/x", True),
    ("home/${aws:username}/*", "home/bob/x", False),
    ("${aws:PrincipalTag/team}", "a*?", True),
    ("${aws:PrincipalTag/team}", "abc", False),
    ("${aws:PrincipalTag/team}*", "a*?c", True),
    ("${aws:PrincipalTag/team}*", "abc", False),
    ("${aws:userid, 'anonymous'}", "anonymous", True),
    ("${aws:userid, '*'}", "anything", False),
    ("x${*}*y", "x*zy", True),
    ("x${*}*y", "xzy", False),
    ("x${?}y", "xzy", False),
    ("${aws:username, 'anonymous'}", "anonymous", False),
    ("${aws:userid}", "", False),
    ("${aws:userid, ''}*", "abc", True),
    ("${aws:none}", "", False),
    ("${aws:none, 'x'}", "x", True),
    # IAM User Guide, "Single-valued vs. multivalued context keys": not as a variable
    ("${aws:TagKeys}", "one", False),
    ("${aws:TagKeys, 'x'}", "x", False),
]


def alternatives(*texts: str, negated: bool = False, deny: bool = False, variables: bool = True) -> Alternatives:
    """Patterns with wildcards."""
    return Alternatives(texts, any_like, wildcards=True, variables=variables, negated=negated, deny=deny)


@pytest.mark.parametrize(("text", "pieces"), READ)
def test_reading(text: str, pieces: Template) -> None:
    """A variable is what looks exactly as one, and an escaped character is text."""
    assert template(text, wildcards=True, variables=True) == pieces


@pytest.mark.parametrize("text", [text for text, _ in READ])
def test_old_versions_know_no_variables(text: str) -> None:
    """In a policy of 2008-10-17 and where no variable may stand they are text."""
    assert template(text, wildcards=False, variables=False) == ((text,) if text else ())


@given(st.text("${}*?a,' "))
def test_no_text_is_lost(text: str) -> None:
    """Without variables the text comes back as it was, wildcards included."""
    pieces = template(text, wildcards=True, variables=False)
    assert "".join(piece.value if isinstance(piece, Wild) else str(piece) for piece in pieces) == text


@pytest.mark.parametrize(("text", "value", "fits"), FILLED)
def test_what_a_variable_stands_for(text: str, value: str, *, fits: bool) -> None:
    """It is text, never a wildcard; without a value and a default its pattern matches nothing."""
    for deny in (False, True):
        assert alternatives(text, deny=deny).hold((value,), CONTEXT) is fits
        assert alternatives(text, deny=deny, negated=True).hold((value,), CONTEXT) is not fits


@pytest.mark.parametrize("negated", [False, True])
@pytest.mark.parametrize("deny", [False, True])
def test_an_ambiguous_variable_holds_in_a_deny_alone(*, negated: bool, deny: bool) -> None:
    """Nobody knows what it stands for: an Allow does not apply and a Deny does, whatever else would match."""
    for texts in (["${kms:EncryptionContext:APP, 'x'}"], ["alice", "${kms:EncryptionContext:app}"]):
        assert alternatives(*texts, negated=negated, deny=deny).hold(("alice",), CONTEXT) is deny


def test_one_of_several_is_enough() -> None:
    """A pattern without a value does not keep the others from matching, nor does one with variables."""
    assert alternatives("${aws:userid}", "${aws:username}").hold(("alice",), CONTEXT)
    assert alternatives("${aws:userid}", "b*").hold(("bob",), CONTEXT)
    assert not alternatives("${aws:userid}", "b*", negated=True).hold(("bob",), CONTEXT)
    assert not alternatives().hold(("bob",), CONTEXT)
    assert alternatives(negated=True).hold(("bob",), CONTEXT)


@pytest.mark.parametrize("texts", [("a*", "b*"), ("a${aws:userid, ''}*", "b*")], ids=["fixed", "variable"])
def test_any_or_all_values(texts: tuple[str, ...]) -> None:
    """The quantifier says how many of the request's values must match."""
    each = alternatives(*texts)
    assert each.hold(("a", "c"), CONTEXT)
    assert not each.hold(("a", "c"), CONTEXT, all)
    assert each.hold(("a", "b"), CONTEXT, all)
