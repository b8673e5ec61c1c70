"""SigV4: nothing that a signature covers can be changed, and nothing that arrives breaks the verifier."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from strongroom import sigv4
from strongroom.sigv4 import SignatureFault

CLOCK = int(datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp())
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEY = sigv4.signing_key(SECRET, "20150830", "eu-west-1", "kms")

Headers = list[tuple[bytes, bytes]]


class Request(NamedTuple):
    """A request as it arrives."""

    method: bytes
    path: bytes
    query: bytes
    headers: Headers
    body: bytes


def signed(request: Request, token: str | None = None) -> Request:
    """Sign all of it."""
    added = sigv4.sign(
        *request,
        access_key="AKIDEXAMPLE",
        secret=SECRET,
        region="eu-west-1",
        service="kms",
        timestamp=CLOCK,
        session_token=token,
    )
    return request._replace(headers=[*request.headers, *added])


def verify(request: Request, key: bytes = KEY) -> None:
    """All steps, at the time of signing."""
    authorization = sigv4.parse(request.headers)
    sigv4.check_scope(authorization, "kms", {"eu-west-1"})
    sigv4.check_freshness(authorization, CLOCK)
    sigv4.verify(authorization, *request, key)


GOOD = signed(
    Request(
        b"POST",
        b"/keys/old~one/",
        b"Action=Encrypt&Empty=&Version=2014-11-01",
        [
            (b"host", b"kms.eu-west-1.amazonaws.com"),
            (b"content-type", b"application/x-amz-json-1.1"),
            (b"x-amz-target", b"TrentService.Encrypt"),
        ],
        b'{"KeyId":"alias/example","Plaintext":"cGxhaW4="}',
    ),
    token="FwoGZXIvYXdzEXAMPLE",
)
SIGNED = [name for name, _ in GOOD.headers if name != b"authorization"]
OTHERS = st.integers(1, 255)


def flipped(text: bytes, position: int, other: int) -> bytes:
    """Change the one byte at `position`, wrapped around, by the bits of `other`."""
    position %= len(text)
    return text[:position] + bytes([text[position] ^ other]) + text[position + 1 :]


def with_header(name: bytes, value: bytes) -> Request:
    """The good request with one header's value replaced."""
    return GOOD._replace(headers=[(key, value if key == name else old) for key, old in GOOD.headers])


def test_the_request_passes_as_it_was_signed() -> None:
    """What the other tests change is right before they do."""
    verify(GOOD)


@given(st.sampled_from(["method", "path", "query", "body"]), st.integers(0, 100), OTHERS)
def test_a_changed_byte_of_the_request_is_refused(part: str, position: int, other: int) -> None:
    """One changed byte of method, path, query or body, and the signature does not hold."""
    changes: dict[str, Any] = {part: flipped(getattr(GOOD, part), position, other)}
    with pytest.raises(SignatureFault, match="does not match"):
        verify(GOOD._replace(**changes))


@given(st.sampled_from(SIGNED), st.integers(0, 100), OTHERS)
def test_a_changed_byte_of_a_signed_header_is_refused(name: bytes, position: int, other: int) -> None:
    """One changed byte of the value of any signed header, and the request is refused."""
    changed = flipped(dict(GOOD.headers)[name], position, other)
    with pytest.raises(SignatureFault):
        verify(with_header(name, changed))


AUTHORIZATION = dict(GOOD.headers)[b"authorization"]
SIGNATURE = AUTHORIZATION.rpartition(b"=")[2]


@given(st.integers(0, 63), OTHERS)
def test_a_changed_byte_of_the_signature_is_refused(position: int, other: int) -> None:
    """One changed byte of the signature, and it does not hold."""
    changed = AUTHORIZATION.replace(SIGNATURE, flipped(SIGNATURE, position, other))
    with pytest.raises(SignatureFault):
        verify(with_header(b"authorization", changed))


@pytest.mark.parametrize(
    "signature",
    [b"", SIGNATURE[:-1], SIGNATURE + b"0", SIGNATURE.upper(), b"\xff" * 64],
    ids=["empty", "short", "long", "upper case", "not ASCII"],
)
def test_a_signature_of_another_form_is_refused(signature: bytes) -> None:
    """A signature is 64 lower-case hexadecimal digits; every other form is a plain mismatch."""
    with pytest.raises(SignatureFault, match="does not match"):
        verify(with_header(b"authorization", AUTHORIZATION.replace(SIGNATURE, signature)))


SCOPE = b"20150830/eu-west-1/kms/aws4_request"


@given(st.integers(0, len(SCOPE) - 1), OTHERS)
def test_a_changed_byte_of_the_scope_is_refused(position: int, other: int) -> None:
    """The scope is signed too: even with the same key in hand, another scope does not verify."""
    request = with_header(b"authorization", AUTHORIZATION.replace(SCOPE, flipped(SCOPE, position, other)))
    with pytest.raises(SignatureFault):
        sigv4.verify(sigv4.parse(request.headers), *request, KEY)


@given(st.integers(0, 31), OTHERS)
def test_another_key_does_not_verify(position: int, other: int) -> None:
    """A signature holds under one key alone."""
    with pytest.raises(SignatureFault, match="does not match"):
        verify(GOOD, flipped(KEY, position, other))


@given(st.binary(min_size=1))
def test_bytes_after_the_body_are_refused(extra: bytes) -> None:
    """A body cannot be extended."""
    with pytest.raises(SignatureFault, match="does not match"):
        verify(GOOD._replace(body=GOOD.body + extra))


@pytest.mark.parametrize("name", SIGNED)
def test_a_signed_header_cannot_be_dropped_or_doubled(name: bytes) -> None:
    """Taking a signed header away or sending it twice is refused, whichever it is."""
    for headers in (
        [header for header in GOOD.headers if header[0] != name],
        [*GOOD.headers, (name, dict(GOOD.headers)[name])],
        [*GOOD.headers, (name, b"")],
    ):
        with pytest.raises(SignatureFault):
            verify(GOOD._replace(headers=headers))


def test_headers_that_mean_nothing_to_aws_may_be_added() -> None:
    """Proxies add headers; those that are not x-amz-* stay outside the signature."""
    added = [(b"x-forwarded-for", b"192.0.2.1"), (b"x-amzn-trace-id", b"Root=1-1"), (b"user-agent", b"a")]
    verify(GOOD._replace(headers=[*added, *GOOD.headers]))


@given(st.from_regex(r"x-amz-[a-z0-9-]{1,20}", fullmatch=True), st.binary())
def test_an_x_amz_header_cannot_be_added(name: str, value: bytes) -> None:
    """No x-amz-* header gets in beside the signed ones."""
    assume(name.encode() not in SIGNED)
    with pytest.raises(SignatureFault, match="must be a 'SignedHeader'"):
        verify(GOOD._replace(headers=[*GOOD.headers, (name.encode(), value)]))


def test_a_signed_promise_of_another_payload_is_refused() -> None:
    """X-Amz-Content-Sha256 must be the body's hash even where the signature itself is right."""
    request = GOOD._replace(headers=[(b"host", b"localhost"), (b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD")])
    with pytest.raises(SignatureFault, match="does not match"):
        verify(signed(request))


def test_equal_forms_have_one_signature() -> None:
    """What HTTP and RFC 3986 hold for the same request is the same: dot segments, escapes, order, white space."""
    verify(GOOD._replace(path=b"//keys/./new/../old~one/", query=b"%56ersion=2014-11-01&Action=Encrypt&Empty"))
    verify(with_header(b"content-type", b"  application/x-amz-json-1.1\t"))


@pytest.mark.parametrize("equal", [True, False])
def test_the_comparison_is_that_of_hmac(monkeypatch: pytest.MonkeyPatch, *, equal: bool) -> None:
    """The constant-time comparison alone decides, on the whole of both signatures."""
    compared: list[tuple[bytes, bytes]] = []

    def compare_digest(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return equal

    monkeypatch.setattr(hmac, "compare_digest", compare_digest)
    request = with_header(b"authorization", AUTHORIZATION.replace(SIGNATURE, b"0" * 64))
    if equal:
        verify(request)
    else:
        with pytest.raises(SignatureFault):
            verify(request)
    assert compared == [(SIGNATURE, b"0" * 64)]


WORDS = [
    *("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512", "Bearer", "Credential=", "SignedHeaders=", "Signature=", "Other=1", "="),
    *("Credential=AKIDEXAMPLE/20150830/eu-west-1/kms/aws4_request", "Signature=" + "0" * 64, "SignedHeaders=host"),
    *("SignedHeaders=host;x-amz-date", "SignedHeaders=date;host", "SignedHeaders=;host;", ",", "\xff", "a/b/c/d/e"),
]
VALUES = st.one_of(
    st.binary(max_size=30),
    st.lists(st.sampled_from(WORDS), max_size=5).map(lambda words: " ".join(words).encode("latin-1")),
    st.sampled_from([b"20150830T123600Z", b"Sun, 30 Aug 2015 12:36:00 GMT", b"99999999T999999Z", AUTHORIZATION]),
)
SENT = st.sampled_from([b"authorization", b"host", b"x-amz-date", b"date", b"x-amz-security-token", *SIGNED])


@given(
    headers=st.lists(st.tuples(SENT | st.binary(max_size=10), VALUES), max_size=8),
    path=st.binary(max_size=20),
    query=st.binary(max_size=20),
    body=st.binary(max_size=20),
)
def test_whatever_arrives_is_refused_with_a_fault(headers: Headers, path: bytes, query: bytes, body: bytes) -> None:
    """Arbitrary headers, paths and queries never pass and never raise anything but a fault."""
    request = Request(b"POST", path, query, headers, body)
    with pytest.raises(SignatureFault):
        sigv4.verify(sigv4.parse(headers), *request, KEY)
