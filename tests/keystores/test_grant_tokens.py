"""Grant tokens: only ours open, and only as they were written."""

import base64
import string

import pytest

from strongroom.keystores.grant_tokens import GrantTokens
from strongroom.keystores.root import RootKeys
from strongroom.keystores.secretbox import SecretBox
from strongroom.model.errors import InvalidGrantTokenException
from strongroom.model.region import Realm
from strongroom.ports import GrantPointer
from tests import support_formats as other
from tests.keystores.samples import ACCOUNT, MRK, REGION, ROOT, ROOTS, UUID

TOKENS = GrantTokens(ROOTS)
POINTER = GrantPointer(Realm(ACCOUNT, REGION), UUID, "ab" * 32)
POINTERS = [
    POINTER,
    POINTER._replace(realm=Realm("210987654321", "us-gov-west-1")),
    POINTER._replace(key_id=MRK),
    POINTER._replace(grant_id="0" * 64),
]
PADDED = POINTERS[1]
"""Its tokens do not fill their last four characters."""


@pytest.mark.parametrize("pointer", POINTERS, ids=str)
def test_a_token_is_the_documented_record(pointer: GrantPointer) -> None:
    """The second reader finds key and grant in it, and the token comes back as what it was made of."""
    token = TOKENS.issue(pointer)
    assert other.read_grant_token(token, ROOT) == (*pointer.realm, pointer.key_id, pointer.grant_id)
    assert TOKENS.open(token) == pointer
    assert TOKENS.open(other.make_grant_token(ROOT, bytes(16), *pointer.realm, *pointer[1:])) == pointer


def test_each_token_is_another() -> None:
    """Tokens of one grant are different, none longer than a sixth of what AWS's model takes."""
    tokens = {TOKENS.issue(pointer) for pointer in POINTERS for _ in range(20)}
    assert len(tokens) == 20 * len(POINTERS)
    assert max(map(len, tokens)) <= 8192 // 6


def refusal(token: str, tokens: GrantTokens = TOKENS) -> str:
    """How a token is refused."""
    with pytest.raises(InvalidGrantTokenException) as caught:
        tokens.open(token)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


def test_texts_that_are_no_token() -> None:
    """Cut, lengthened, with any character changed, or written in another way: all have the same fault."""
    token = TOKENS.issue(PADDED)
    bad = ["", "x", "=", "token", "\u00fc" * 40, "\0" * 40, token[:-1], token[4:], token + "=", token + "AAAA"]
    bad += [f" {token}", f"{token}\n", token[:40] + "\n" + token[40:], token.rstrip("="), token + token]
    for place in range(len(token)):
        for character in "A+z":
            changed = token[:place] + character + token[place + 1 :]
            bad += [changed] if changed != token else []
    assert {refusal(each) for each in bad} == {"Invalid grant token"}


def test_base64_has_one_form() -> None:
    """The bits that base64 does not use must be as we write them: one token has one text."""
    token = TOKENS.issue(PADDED)
    assert token.endswith("==")
    same = [token[:-3] + character + "==" for character in string.ascii_letters]
    same = [each for each in same if each != token and base64.b64decode(each) == base64.b64decode(token)]
    assert same
    assert {refusal(each) for each in same} == {"Invalid grant token"}


def test_other_records_are_no_tokens() -> None:
    """A record of another kind, though sealed by us over the same facts, is none; nor is another root's."""
    text = "\0".join((*POINTER.realm, *POINTER[1:])).encode()
    for kind in (1, 2, 3, 4):
        refusal(base64.b64encode(other.seal_record(text, ROOT, kind, (), bytes(16))).decode())
    refusal(base64.b64encode(SecretBox(ROOTS).seal("access-key", (), text)).decode())
    refusal(GrantTokens(RootKeys.create()).issue(POINTER))


def test_a_token_outlives_a_rotation_of_the_root() -> None:
    """It opens for as long as its root is held."""
    token = TOKENS.issue(POINTER)
    rotated = GrantTokens(RootKeys({ROOT.version: ROOT.root, 8: bytes(range(32, 64))}, 8))
    assert rotated.open(token) == POINTER
    assert rotated.open(rotated.issue(POINTER)) == POINTER
    refusal(token, GrantTokens(RootKeys({8: ROOT.root}, 8)))


def test_a_maker_of_tokens_shows_nothing() -> None:
    """As all that holds keys."""
    assert repr(TOKENS) == "<GrantTokens>"
