"""From a signed request to a proven caller, signed by botocore."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from strongroom import sigv4
from strongroom.identity import authenticate
from strongroom.identity.access_keys import DevAccessKeys, SessionKeys, StoredAccessKeys
from strongroom.identity.authenticate import Authenticator
from strongroom.keystores.session_tokens import SessionTokens
from strongroom.model import errors
from strongroom.model.errors import (
    Fault,
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
    UnrecognizedClientException,
)
from strongroom.model.identity import CREDENTIAL_PURPOSE, Caller, Credential
from strongroom.ports import Clocks, StoreUnavailableError, TamperedStoreError
from tests.core import ACCOUNT, OTHER, ROOTS, Core, open_core, secret_box
from tests.identity.signer import signed_headers

AKID = "AKIAIOSFODNN7EXAMPLE"
REGIONS = {"us-east-1", "eu-west-3", "cn-north-1"}
UNKNOWN = "The security token included in the request is invalid."


def dev(clock_offset: float = 0.0) -> Authenticator:
    """Dev mode's, with nothing in its store."""
    clocks = Clocks(machine=lambda: time.time() + clock_offset, key_life=lambda: 0.0)
    stored = StoredAccessKeys(lambda _id: None, secret_box())
    return Authenticator(
        access_keys=DevAccessKeys(ACCOUNT, stored),
        session_keys=SessionKeys(SessionTokens(ROOTS)),
        principal=lambda *_place: None,
        clocks=clocks,
    )


def prove(
    authenticator: Authenticator, headers: sigv4.Headers, body: bytes = b"{}", service: str = "kms"
) -> tuple[Caller, str]:
    """Authenticate a POST to ``/``."""
    return authenticator.authenticate(b"POST", b"/", b"", headers, body, service=service, regions=REGIONS)


CALLERS = {
    "the default account": ("test", "us-east-1", ACCOUNT, "arn:aws:iam::123456789012:root"),
    "another account": (OTHER, "eu-west-3", OTHER, "arn:aws:iam::210987654321:root"),
    "in China": (OTHER, "cn-north-1", OTHER, "arn:aws-cn:iam::210987654321:root"),
}


@pytest.mark.parametrize("case", CALLERS)
def test_who_signs_is_the_root_of_the_keys_account(case: str) -> None:
    """The caller has the ARN of its partition, the account as principal id, and the access key that signed."""
    access_key, region, account, arn = CALLERS[case]
    caller, scope = prove(dev(), signed_headers(access_key=access_key, region=region))
    assert (caller, scope) == (Caller("Root", account, arn, account, access_key), region)


def without(name: bytes) -> list[tuple[bytes, bytes]]:
    """A signed request with a header taken off."""
    return [header for header in signed_headers() if header[0] != name]


# Signed when the test runs: a signature is fresh for five minutes.
REFUSED: dict[str, tuple[Callable[[], sigv4.Headers], type[Fault]]] = {
    "not signed": (lambda: without(b"authorization"), MissingAuthenticationTokenException),
    "no date": (lambda: without(b"x-amz-date"), IncompleteSignatureException),
    "an unknown access key": (lambda: signed_headers(access_key="AKIAAAAAAAAAAAAAAAAA"), UnrecognizedClientException),
    "a session token": (lambda: signed_headers(token="FwoGZXIvYXdzEXAMPLE"), UnrecognizedClientException),
    "another secret": (lambda: signed_headers(secret="Test"), InvalidSignatureException),
    "another body": (lambda: signed_headers(b'{"Limit":1}'), InvalidSignatureException),
    "another service": (lambda: signed_headers(service="sqs"), InvalidSignatureException),
    "a Region that is not served": (lambda: signed_headers(region="us-west-1"), InvalidSignatureException),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_with_a_signature_is_awss_fault(case: str) -> None:
    """Each refusal has AWS's name, and no trace of what was compared."""
    headers, fault = REFUSED[case]
    with pytest.raises(fault) as caught:
        prove(dev(), headers())
    assert caught.value.__cause__ is None
    assert "Signature=" not in caught.value.message


def test_an_unknown_key_and_a_session_token_have_one_text() -> None:
    """AWS's text for a key or token that is not known."""
    for case in ("an unknown access key", "a session token"):
        with pytest.raises(UnrecognizedClientException) as caught:
            prove(dev(), REFUSED[case][0]())
        assert caught.value.message == UNKNOWN


def test_an_unknown_key_comes_before_scope_time_and_signature() -> None:
    """Who is not known learns nothing of what is served."""
    headers = signed_headers(access_key="nobody", region="nowhere-1", service="sqs", secret="x")
    with pytest.raises(UnrecognizedClientException):
        prove(dev(3600), headers)


@pytest.mark.parametrize("offset", [-1000.0, 1000.0])
def test_a_date_is_fresh_by_the_machines_clock(offset: float) -> None:
    """A request that was right is refused where the clock is far from its date."""
    headers = signed_headers()
    prove(dev(), headers)
    with pytest.raises(InvalidSignatureException, match="Signature"):
        prove(dev(offset), headers)


def test_every_fault_of_a_signature_is_one_of_ours() -> None:
    """The names that SigV4 gives its faults are faults of the model with the same name."""
    for name in (sigv4.MISSING, sigv4.INCOMPLETE, sigv4.INVALID):
        assert issubclass(getattr(errors, name), Fault)


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """A core whose store has an access key with the secret ``one``."""
    with open_core(tmp_path) as opened:
        put_secret(opened, b"one")
        yield opened


def put_secret(core: Core, secret: bytes, *, active: bool = True) -> None:
    """Give the access key another secret."""
    sealed = secret_box().seal(CREDENTIAL_PURPOSE, (AKID, ACCOUNT), secret)
    credential = Credential(
        access_key_id=AKID, account=ACCOUNT, sealed_secret=sealed, active=active, created_at=1_700_000_000.0
    )
    core.store.run(lambda tx: tx.put_credential(credential))
    core.views.refresh()


def production(credential: Callable[[str], Credential | None]) -> Authenticator:
    """As in production: the access keys of the store."""
    return Authenticator(
        access_keys=StoredAccessKeys(credential, secret_box()),
        session_keys=SessionKeys(SessionTokens(ROOTS)),
        principal=lambda *_place: None,
        clocks=Clocks(machine=time.time, key_life=time.time),
    )


def test_a_signing_key_does_not_outlive_its_secret(core: Core) -> None:
    """When a secret is replaced, the old one signs no more on the same day, and the new one does."""
    authenticator = production(core.views.credential)
    old, new = signed_headers(access_key=AKID, secret="one"), signed_headers(access_key=AKID, secret="two")
    prove(authenticator, old)
    put_secret(core, b"two")
    with pytest.raises(InvalidSignatureException):
        prove(authenticator, old)
    assert prove(authenticator, new)[0].account == ACCOUNT


def test_an_inactive_key_is_not_known(core: Core) -> None:
    """Switched off, a key is refused as one that never was."""
    authenticator, headers = production(core.views.credential), signed_headers(access_key=AKID, secret="one")
    prove(authenticator, headers)
    put_secret(core, b"one", active=False)
    with pytest.raises(UnrecognizedClientException) as caught:
        prove(authenticator, headers)
    assert caught.value.message == UNKNOWN


@pytest.mark.parametrize("error", [TamperedStoreError("a row"), StoreUnavailableError("the disk")])
def test_a_store_that_fails_is_not_the_callers_fault(error: Exception) -> None:
    """What keeps the store from answering comes through as it is, for the rim to word."""

    def broken(_access_key_id: str) -> Credential | None:
        raise error

    with pytest.raises(type(error)) as caught:
        prove(production(broken), signed_headers(access_key=AKID, secret="one"))
    assert caught.value is error


def test_signing_keys_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many accounts, Regions and days leave few derived keys behind, and every signature is still checked."""
    monkeypatch.setattr(authenticate, "_MAX_SIGNING_KEYS", 2)
    authenticator = dev()
    for _ in range(2):
        for region in sorted(REGIONS):
            assert prove(authenticator, signed_headers(region=region))[1] == region
            assert len(authenticator._signing_keys) <= 2
            with pytest.raises(InvalidSignatureException):
                prove(authenticator, signed_headers(region=region, secret="x"))
