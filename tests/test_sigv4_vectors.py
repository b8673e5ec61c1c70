"""The published AWS Signature Version 4 test suite; see vectors/sigv4/ORIGIN."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from strongroom import sigv4

SUITE: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "sigv4" / "cases.json").read_text("utf-8"))
CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in SUITE["cases"]}
CLOCK = datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp()
KEY = sigv4.signing_key(SUITE["secret_key"], "20150830", "us-east-1", "service")

# Published for services that take a session token without a signature over it. We do not.
TOKEN_UNSIGNED = "post-sts-token/post-sts-header-after"


def parts_of(case: dict[str, Any]) -> tuple[bytes, bytes, bytes]:
    """Method, path and query as they stand on the request line."""
    return case["method"].encode(), case["path"].encode(), case["query"].encode()


def headers_of(case: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    """The headers beside Authorization, names lower-cased as the wire does it."""
    headers = [(name.lower().encode(), value.encode()) for name, value in case["headers"]]
    if case["name"] == TOKEN_UNSIGNED:
        headers = [header for header in headers if header[0] != b"x-amz-security-token"]
    return headers


def signed_headers_of(case: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    """All headers of the signed request."""
    return [*headers_of(case), (b"authorization", case["authorization"].encode())]


def test_the_suite_is_whole() -> None:
    """No case of the published suite may get lost."""
    assert len(CASES) == 34


@pytest.mark.parametrize("name", CASES)
def test_a_published_request_verifies(name: str) -> None:
    """Every request of the suite passes all steps at its own clock."""
    case = CASES[name]
    headers = signed_headers_of(case)
    authorization = sigv4.parse(headers)
    assert authorization.access_key == SUITE["access_key"]
    assert authorization.timestamp == CLOCK
    sigv4.check_scope(authorization, "service", {"us-east-1"})
    sigv4.check_freshness(authorization, CLOCK)
    sigv4.verify(authorization, *parts_of(case), headers, case["body"].encode(), KEY)


@pytest.mark.parametrize("name", CASES)
def test_the_published_forms_are_met_byte_by_byte(name: str) -> None:
    """Canonical request and string to sign equal the published ones."""
    case = CASES[name]
    headers = signed_headers_of(case)
    authorization = sigv4.parse(headers)
    published = case["canonical_request"].encode()
    payload = published.rpartition(b"\n")[2]
    sent = sigv4.combined(headers)
    canonical = sigv4.canonical_request(*parts_of(case), sent, authorization.signed_headers, payload)
    assert canonical == published
    to_sign = sigv4.string_to_sign(authorization.amz_date, authorization.scope, canonical)
    assert to_sign == case["string_to_sign"].encode()


@pytest.mark.parametrize("name", CASES)
def test_our_signer_writes_the_published_authorization(name: str) -> None:
    """`sign` makes the very header that the suite publishes."""
    case = CASES[name]
    headers = headers_of(case)
    token = dict(headers).get(b"x-amz-security-token")
    bare = [header for header in headers if header[0] not in {b"x-amz-date", b"x-amz-security-token"}]
    added = sigv4.sign(
        *parts_of(case),
        bare,
        case["body"].encode(),
        access_key=SUITE["access_key"],
        secret=SUITE["secret_key"],
        region="us-east-1",
        service="service",
        timestamp=CLOCK,
        session_token=None if token is None else token.decode(),
    )
    assert dict(added)[b"authorization"] == case["authorization"].encode()
    assert sorted([*bare, *added[:-1]]) == sorted(headers)


def test_a_session_token_without_a_signature_is_refused() -> None:
    """The one published request that adds its token after signing does not pass as it was sent."""
    case = CASES[TOKEN_UNSIGNED]
    headers = [(name.lower().encode(), value.encode()) for name, value in case["headers"]]
    with pytest.raises(sigv4.SignatureFault) as refusal:
        sigv4.parse([*headers, (b"authorization", case["authorization"].encode())])
    assert refusal.value.message == "'X-Amz-Security-Token' must be a 'SignedHeader' in the AWS Authorization."
