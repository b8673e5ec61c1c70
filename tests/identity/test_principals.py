"""From a signed request to a user or a session of a role: what must hold beside the signature."""

import time
from collections.abc import Callable

import pytest

from strongroom import sigv4
from strongroom.identity.access_keys import SessionKeys, StoredAccessKeys
from strongroom.identity.authenticate import Authenticator
from strongroom.keystores.root import RootKeys
from strongroom.keystores.secretbox import SecretBox
from strongroom.keystores.session_tokens import SessionTokens
from strongroom.model.errors import ExpiredTokenException, Fault, InvalidSignatureException, UnrecognizedClientException
from strongroom.model.identity import (
    CREDENTIAL_PURPOSE,
    Caller,
    Credential,
    Principal,
    PrincipalKind,
    Session,
    StoredPrincipal,
)
from strongroom.ports import Clocks, SessionCredentials
from tests.identity.signer import signed_headers

ROOTS = RootKeys({1: bytes(range(32))}, 1)
ACCOUNT = "123456789012"
USER_KEY, SESSION_KEY = "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
UNKNOWN = "The security token included in the request is invalid."
EXPIRED = "The security token included in the request is expired"
ENDS = 5_000.0
SESSION = Session(name="run@7", role_id="AROAEXAMPLEEXAMPLE123", issued_at=1_400.0, expires_at=ENDS)


def principal(kind: PrincipalKind, name: str, unique_id: str) -> StoredPrincipal:
    """A user or a role under a path."""
    row = Principal(account=ACCOUNT, kind=kind, name=name, path="/ops/eu/", unique_id=unique_id, created_at=1.0)
    return StoredPrincipal(row, {}, ())


class World:
    """An authenticator, and what it looks at."""

    def __init__(self) -> None:
        self.key_life = 2_000.0
        self.principals = {
            (ACCOUNT, PrincipalKind.USER, "alice"): principal(PrincipalKind.USER, "alice", "AIDAEXAMPLEEXAMPLE123"),
            (ACCOUNT, PrincipalKind.ROLE, "reader"): principal(PrincipalKind.ROLE, "reader", SESSION.role_id),
        }
        box = SecretBox(ROOTS)
        credential = Credential(
            access_key_id=USER_KEY,
            account=ACCOUNT,
            kind=PrincipalKind.USER,
            name="alice",
            sealed_secret=box.seal(CREDENTIAL_PURPOSE, (USER_KEY, ACCOUNT), SECRET.encode()),
            active=True,
            created_at=1.0,
        )
        self.authenticator = Authenticator(
            access_keys=StoredAccessKeys({USER_KEY: credential}.get, box),
            session_keys=SessionKeys(SessionTokens(ROOTS)),
            principal=lambda *place: self.principals.get(place),
            clocks=Clocks(machine=time.time, key_life=lambda: self.key_life),
        )

    def prove(self, headers: sigv4.Headers) -> Caller:
        """Authenticate a POST to ``/``."""
        regions = {"us-east-1", "cn-north-1"}
        return self.authenticator.authenticate(b"POST", b"/", b"", headers, b"{}", service="kms", regions=regions)[0]

    def refusal(self, headers: sigv4.Headers) -> Fault:
        """How a request is refused."""
        with pytest.raises(Fault) as caught:
            self.prove(headers)
        return caught.value


@pytest.fixture
def world() -> World:
    """A user and a role with a session."""
    return World()


def token(access_key_id: str = SESSION_KEY) -> str:
    """The token of the role's session."""
    return SessionTokens(ROOTS).issue(SessionCredentials(access_key_id, SECRET, ACCOUNT, "reader", SESSION))


def by_user(region: str = "us-east-1") -> sigv4.Headers:
    """A request of the user."""
    return signed_headers(access_key=USER_KEY, secret=SECRET, region=region)


def by_session(session_token: str | None = None, region: str = "us-east-1") -> sigv4.Headers:
    """A request of the session."""
    return signed_headers(access_key=SESSION_KEY, secret=SECRET, token=session_token or token(), region=region)


@pytest.mark.parametrize(("region", "partition"), [("us-east-1", "aws"), ("cn-north-1", "aws-cn")])
def test_a_user_is_who_its_access_key_belongs_to(world: World, region: str, partition: str) -> None:
    """The ARN has the path and the partition of the Region, and the principal id is the unique id."""
    assert world.prove(by_user(region)) == Caller(
        type="IAMUser",
        account=ACCOUNT,
        arn=f"arn:{partition}:iam::{ACCOUNT}:user/ops/eu/alice",
        principal_id="AIDAEXAMPLEEXAMPLE123",
        access_key_id=USER_KEY,
        kind=PrincipalKind.USER,
        name="alice",
    )


@pytest.mark.parametrize(("region", "partition"), [("us-east-1", "aws"), ("cn-north-1", "aws-cn")])
def test_a_session_is_its_roles(world: World, region: str, partition: str) -> None:
    """The ARN has role and session without the path; the principal id both ids; and all of the session is at hand."""
    assert world.prove(by_session(region=region)) == Caller(
        type="AssumedRole",
        account=ACCOUNT,
        arn=f"arn:{partition}:sts::{ACCOUNT}:assumed-role/reader/run@7",
        principal_id="AROAEXAMPLEEXAMPLE123:run@7",
        access_key_id=SESSION_KEY,
        kind=PrincipalKind.ROLE,
        name="reader",
        session=SESSION,
        role_arn=f"arn:{partition}:iam::{ACCOUNT}:role/ops/eu/reader",
    )


def unsigned_token() -> sigv4.Headers:
    """A token that was added after the request was signed."""
    headers = signed_headers(access_key=SESSION_KEY, secret=SECRET)
    return [*headers, (b"x-amz-security-token", token().encode())]


def swapped_token() -> sigv4.Headers:
    """A token of ours and of the same key, in place of the one that was signed."""
    return [(name, token().encode() if name == b"x-amz-security-token" else value) for name, value in by_session()]


REFUSED: dict[str, tuple[Callable[[], sigv4.Headers], type[Fault], str]] = {
    "a session's key without its token": (
        lambda: signed_headers(access_key=SESSION_KEY, secret=SECRET),
        UnrecognizedClientException,
        UNKNOWN,
    ),
    "a long-term key with a token": (
        lambda: signed_headers(access_key=USER_KEY, secret=SECRET, token=token()),
        UnrecognizedClientException,
        UNKNOWN,
    ),
    "another session's token": (lambda: by_session(token("ASIAOTHER")), UnrecognizedClientException, UNKNOWN),
    "a token that was changed": (lambda: by_session(token()[:-8] + "AAAAAAA="), UnrecognizedClientException, UNKNOWN),
    "a token of nobody": (lambda: by_session("FwoGZXIvYXdzEXAMPLE"), UnrecognizedClientException, UNKNOWN),
    "a token that is not signed": (unsigned_token, InvalidSignatureException, "must be a 'SignedHeader'"),
    "a token that was swapped": (swapped_token, InvalidSignatureException, "does not match"),
    "another secret": (
        lambda: signed_headers(access_key=SESSION_KEY, secret="other", token=token()),
        InvalidSignatureException,
        "does not match",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_session_is_refused(world: World, case: str) -> None:
    """A session's key signs with its own token alone, and the token is part of what is signed."""
    headers, fault, text = REFUSED[case]
    refusal = world.refusal(headers())
    assert type(refusal) is fault
    assert text in refusal.message
    assert refusal.__cause__ is None


def test_a_session_ends_at_its_time(world: World) -> None:
    """It ends on the clock that keys live by, at that very moment, however often its token was seen before."""
    headers = by_session()
    world.prove(headers)
    world.key_life = ENDS - 0.001
    world.prove(headers)
    world.key_life = ENDS
    refusal = world.refusal(headers)
    assert (type(refusal), refusal.message) == (ExpiredTokenException, EXPIRED)


def test_only_its_holder_learns_that_a_session_is_over(world: World) -> None:
    """With a wrong signature an expired token is answered as any other."""
    world.key_life = ENDS
    headers = signed_headers(access_key=SESSION_KEY, secret="other", token=token())
    assert type(world.refusal(headers)) is InvalidSignatureException


def test_a_session_ends_with_its_role(world: World) -> None:
    """Where the role is gone, or was made again under its name, an old session is as one that never was."""
    headers, place = by_session(), (ACCOUNT, PrincipalKind.ROLE, "reader")
    world.prove(headers)
    for now in (None, principal(PrincipalKind.ROLE, "reader", "AROANEWEXAMPLEXAMPLE1")):
        if now is None:
            role = world.principals.pop(place)
        else:
            world.principals[place] = now
        refusal = world.refusal(headers)
        assert (type(refusal), refusal.message) == (UnrecognizedClientException, UNKNOWN)
    world.principals[place] = role
    world.prove(headers)


def test_a_user_who_is_gone_is_not_known(world: World) -> None:
    """An access key whose user is not there proves nobody."""
    world.principals.pop((ACCOUNT, PrincipalKind.USER, "alice"))
    refusal = world.refusal(by_user())
    assert (type(refusal), refusal.message) == (UnrecognizedClientException, UNKNOWN)
