"""Session tokens: all of a session, bound to this service's root; nobody else can read, make or change one."""

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.keystores.root import RootKeys
from strongroom.keystores.sealed import OVERHEAD, RecordKind, Sealer
from strongroom.keystores.session_tokens import SessionTokens
from strongroom.model.identity import Session
from strongroom.ports import SessionCredentials
from tests import support_formats as other
from tests.keystores.samples import ACCOUNT, ROOT, ROOTS

TOKENS = SessionTokens(ROOTS)
SESSION = Session(
    name="alice",
    role_id="AROAEXAMPLEEXAMPLE123",
    issued_at=1_700_000_000.0,
    expires_at=1_700_003_600.0,
    policy='{"Statement": []}',
    tags={"team": "r\u00e4d"},
    transitive_tags=("team",),
    source_identity="alice@example.com",
)
CREDENTIALS = SessionCredentials("ASIAEXAMPLEEXAMPLE12", "s3cr3t/+", ACCOUNT, "reader", SESSION)
CONTENTS: dict[str, Any] = {
    "access_key_id": "ASIAEXAMPLEEXAMPLE12",
    "secret": "s3cr3t/+",
    "account": ACCOUNT,
    "role_name": "reader",
    "session": {
        "name": "alice",
        "role_id": "AROAEXAMPLEEXAMPLE123",
        "issued_at": 1_700_000_000.0,
        "expires_at": 1_700_003_600.0,
        "policy": '{"Statement": []}',
        "tags": {"team": "r\u00e4d"},
        "transitive_tags": ["team"],
        "source_identity": "alice@example.com",
    },
}


def test_a_token_has_the_documented_form() -> None:
    """The second reader finds all of a session in ours, and we find it in the second writer's."""
    assert other.read_session_token(TOKENS.issue(CREDENTIALS), ROOT) == CONTENTS
    assert TOKENS.open(other.make_session_token(CONTENTS, ROOT)) == CREDENTIALS


TEXT = st.text(max_size=12)
SESSIONS = st.builds(
    Session,
    issued_at=st.floats(0, 4e10),
    expires_at=st.floats(0, 4e10),
    policy=st.none() | TEXT,
    tags=st.dictionaries(TEXT, TEXT, max_size=3),
    transitive_tags=st.lists(TEXT, max_size=3).map(tuple),
)


@given(st.builds(SessionCredentials, session=SESSIONS), st.integers(0, 4096))
def test_what_goes_in_comes_out(credentials: SessionCredentials, least_length: int) -> None:
    """Whatever a session has, its token holds it, and is as long as it was asked to be but no longer."""
    plain = TOKENS.issue(credentials)
    token = TOKENS.issue(credentials, least_length)
    assert TOKENS.open(token) == credentials
    assert len(token) == max(len(plain), -(-least_length // 4) * 4)


def test_the_overhead_is_the_documented_one() -> None:
    """A sealed record is 38 bytes longer than its secret."""
    assert len(Sealer(ROOTS, RecordKind.SESSION).seal((), b"abc")) - 3 == OVERHEAD == 38


def test_each_token_is_another() -> None:
    """Two tokens of one session share no part that could be swapped."""
    assert TOKENS.issue(CREDENTIALS) != TOKENS.issue(CREDENTIALS)


def test_a_changed_token_is_none_of_ours() -> None:
    """Every single changed byte, and each shorter or longer token, is refused."""
    sealed = base64.b64decode(TOKENS.issue(CREDENTIALS))
    changed = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(len(sealed))]
    for blob in (*changed, sealed[:-1], sealed + b"\0", b""):
        assert TOKENS.open(base64.b64encode(blob).decode()) is None


@pytest.mark.parametrize("token", ["", "a", "=", "FwoGZXIvYXdzEXAMPLE", "\u00e9\u00ff", "a b", "AQ QA", "\udc80"])
def test_what_is_no_token_is_none_of_ours(token: str) -> None:
    """Text that is no base64, and base64 of something else, opens to nothing, without an error."""
    assert TOKENS.open(token) is None


def test_other_roots_and_other_records_make_no_tokens() -> None:
    """A token of another root, or a record of another kind with the same contents, is none of ours."""
    foreign = SessionTokens(RootKeys({ROOT.version: bytes(32)}, ROOT.version))
    assert TOKENS.open(foreign.issue(CREDENTIALS)) is None
    contents = msgspec.json.encode(CONTENTS)
    for kind in set(RecordKind) - {RecordKind.SESSION}:
        blob = Sealer(ROOTS, kind).seal((), contents)
        for sealed in (blob, blob[:1] + bytes([RecordKind.SESSION]) + blob[2:]):
            assert TOKENS.open(base64.b64encode(sealed).decode()) is None


def test_a_token_lives_as_long_as_its_root() -> None:
    """After a rotation it opens while the old root is held, and not without it."""
    token = TOKENS.issue(CREDENTIALS)
    rotated = SessionTokens(RootKeys({ROOT.version: ROOT.root, 8: bytes(range(32, 64))}, 8))
    assert rotated.open(token) == CREDENTIALS
    assert SessionTokens(RootKeys({8: ROOT.root}, 8)).open(token) is None


def test_no_secret_is_shown() -> None:
    """Neither the maker of tokens nor what is in one shows a secret or a key."""
    assert repr(TOKENS) == "<SessionTokens>"
    assert repr(CREDENTIALS) == "<SessionCredentials ASIAEXAMPLEEXAMPLE12>"
