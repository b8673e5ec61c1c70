"""AWS Signature Version 4: what a client signed is what arrived, or the request is refused.

Pure: bytes in, a verdict out; no clock, no store, nothing of ours. Only signatures in the `Authorization` header are
known; a presigned URL carries none, so it counts as not signed at all.

A caller checks in this order, each step on the result of the one before:

1. `parse` the headers: form, date, and that everything that matters is signed;
2. look the access key up (an unknown one is the caller's `UnrecognizedClientException`);
3. `check_scope`: Region, service, date and terminator of the credential;
4. `check_freshness`: five minutes to either side;
5. `verify` the signature with the `signing_key`, which holds for one day, Region and service and is worth caching.

Header lists hold (lower-case name, value) pairs as they arrived, duplicates included. Paths and queries are those of
the request line, still percent-encoded.

Sources: IAM User Guide, "Create a signed AWS API request" (the algorithm) and "Troubleshoot Signature Version 4 signing
for AWS API requests" (the texts); RFC 3986 section 2.3 (unreserved characters); RFC 7231 section 7.1.1.1 (dates).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from base64 import b64encode
from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
TOLERANCE = 300
"""Seconds that a request's date may lie before or after the server's clock."""

MISSING = "MissingAuthenticationTokenException"
INCOMPLETE = "IncompleteSignatureException"
INVALID = "InvalidSignatureException"

Headers = Sequence[tuple[bytes, bytes]]

_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
_PARAMETERS = (b"Credential", b"Signature", b"SignedHeaders")
_ISO_BASIC = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# IMF-fixdate of RFC 7231; botocore writes the zone as RFC 5322 does, "-0000".
_HTTP_DATE = re.compile(
    rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), ([0-9]{{2}}) ({'|'.join(_MONTHS)}) ([0-9]{{4}}) "
    r"([0-9]{2}):([0-9]{2}):([0-9]{2}) (?:GMT|[+-]0000)"
)


class SignatureFault(Exception):  # noqa: N818 - a fault in AWS's sense, the caller's and answered as such
    """A request that is not, or wrongly, signed.

    Attributes:
        type: AWS's name of the error, as it goes into `__type`.
        message: AWS's text, for the caller. It holds no secret, and nothing of a signature that failed.
    """

    def __init__(self, type_: str, message: str) -> None:
        super().__init__(type_, message)
        self.type = type_
        self.message = message


class Authorization(NamedTuple):
    """What the headers of one request claim; nothing of it is proven before `verify`.

    `date` (YYYYMMDD), `region`, `service` and `terminator` are the credential scope. `amz_date` is the request's date
    as YYYYMMDDTHHMMSSZ, whichever header carried it, and `timestamp` the same in epoch seconds.
    """

    access_key: str
    date: str
    region: str
    service: str
    terminator: str
    signed_headers: tuple[bytes, ...]
    signature: bytes
    amz_date: str
    timestamp: int
    session_token: str | None

    def __repr__(self) -> str:
        # A signature and a session token let whoever reads a log act as the caller.
        return f"Authorization({self.access_key}, {self.scope}, {self.amz_date})"

    @property
    def scope(self) -> str:
        """The credential scope: date/region/service/terminator."""
        return f"{self.date}/{self.region}/{self.service}/{self.terminator}"


def parse(headers: Headers) -> Authorization:
    """Read the claims of a request and refuse what could not be trusted even with a right signature.

    Raises:
        SignatureFault: not signed, malformed, or the host, the date or an `x-amz-*` header is not signed.
    """
    sent = combined(headers)
    header = _authorization(headers, sent)
    algorithm, *parameters = header.replace(b",", b" ").split() or [b""]
    if not algorithm:
        raise SignatureFault(INCOMPLETE, "Authorization header cannot be empty")
    if b"=" in algorithm:
        raise SignatureFault(
            INCOMPLETE, "Authorization header must begin with the algorithm name, which cannot include an equal-sign"
        )
    given = _parameters(parameters, header)
    date_header = b"x-amz-date" if b"x-amz-date" in sent else b"date"
    _require_all(given, sent, date_header)
    amz_date, timestamp = _moment(sent[date_header], date_header)
    signed_headers = _signed_headers(given[b"SignedHeaders"])
    _require_signed(signed_headers, sent, date_header)
    if algorithm != ALGORITHM.encode():
        raise SignatureFault(INCOMPLETE, f"Unsupported AWS 'algorithm': '{algorithm.decode('latin-1')}'.")
    token = sent.get(b"x-amz-security-token")
    return Authorization(
        *_credential(given[b"Credential"]),
        signed_headers,
        given[b"Signature"],
        amz_date,
        timestamp,
        None if token is None else token.decode("latin-1"),
    )


def check_scope(authorization: Authorization, service: str, regions: Container[str]) -> None:
    """Refuse a credential that is scoped to another service, Region, day or protocol; all faults in one message.

    `service` is the one whose credentials are right for the request, `regions` are those served here.

    Raises:
        SignatureFault: the scope is not that of this request.
    """
    faults = []
    if authorization.region not in regions:
        faults.append("Credential should be scoped to a valid region.")
    if authorization.service != service:
        faults.append(f"Credential should be scoped to correct service: '{service}'.")
    day = authorization.amz_date[:8]
    if authorization.date != day:
        faults.append(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{authorization.date}' != '{day}', from '{authorization.amz_date}'."
        )
    if authorization.terminator != TERMINATOR:
        faults.append(f"Credential should be scoped with a valid terminator: '{TERMINATOR}'")
    if faults:
        raise SignatureFault(INVALID, " ".join(faults))


def check_freshness(authorization: Authorization, now: float) -> None:
    """Refuse a request whose date is more than `TOLERANCE` seconds from `now`, epoch seconds of the machine's clock.

    Raises:
        SignatureFault: too old, or too far in the future.
    """
    server = int(now)
    earliest, latest = server - TOLERANCE, server + TOLERANCE
    if authorization.timestamp < earliest:
        raise SignatureFault(
            INVALID,
            f"Signature expired: {authorization.amz_date} is now earlier than {_iso_basic(earliest)} "
            f"({_iso_basic(server)} - 5 min.)",
        )
    if authorization.timestamp > latest:
        raise SignatureFault(
            INVALID,
            f"Signature not yet current: {authorization.amz_date} is still later than {_iso_basic(latest)} "
            f"({_iso_basic(server)} + 5 min.)",
        )


def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Derive the key that signs for one day (YYYYMMDD), Region and service from a secret access key: 32 bytes."""
    key = b"AWS4" + secret.encode()
    for part in (date, region, service, TERMINATOR):
        key = hmac.new(key, part.encode(), "sha256").digest()
    return key


def verify(  # noqa: PLR0917 - the parts of a request in their own order
    authorization: Authorization, method: bytes, path: bytes, query: bytes, headers: Headers, body: bytes, key: bytes
) -> None:
    """Check the signature over the request as it arrived, in constant time.

    `authorization` is what `parse` made of the same `headers`, `key` the `signing_key` of its access key and scope,
    `body` the whole body. The hash of the payload is always that of `body`; a signed promise (`x-amz-content-sha256`)
    of another one, or of none (`UNSIGNED-PAYLOAD`), is a mismatch.

    Raises:
        SignatureFault: the signature is not this key's over this request. It says no more than that.
    """
    sent = combined(headers)
    payload = hashlib.sha256(body).hexdigest().encode()
    canonical = canonical_request(method, path, query, sent, authorization.signed_headers, payload)
    expected = _signature(key, string_to_sign(authorization.amz_date, authorization.scope, canonical))
    as_promised = sent.get(b"x-amz-content-sha256", payload) == payload
    if not (hmac.compare_digest(expected, authorization.signature) and as_promised):
        raise SignatureFault(INVALID, _MISMATCH)


def sign(
    method: bytes,
    path: bytes,
    query: bytes,
    headers: Headers,
    body: bytes,
    *,
    access_key: str,
    secret: str,
    region: str,
    service: str,
    timestamp: float,
    session_token: str | None = None,
) -> list[tuple[bytes, bytes]]:
    """Make the headers that sign a request at `timestamp`, epoch seconds: date, session token, authorization.

    Every header given is signed; `host` must be among them.
    """
    amz_date = _iso_basic(timestamp)
    added = [(b"x-amz-date", amz_date.encode())]
    if session_token is not None:
        added.append((b"x-amz-security-token", session_token.encode()))
    sent = combined([*headers, *added])
    signed = sorted(sent)
    payload = hashlib.sha256(body).hexdigest().encode()
    scope = f"{amz_date[:8]}/{region}/{service}/{TERMINATOR}"
    to_sign = string_to_sign(amz_date, scope, canonical_request(method, path, query, sent, signed, payload))
    signature = _signature(signing_key(secret, amz_date[:8], region, service), to_sign)
    credential = f"{ALGORITHM} Credential={access_key}/{scope}, SignedHeaders=".encode()
    return [*added, (b"authorization", credential + b";".join(signed) + b", Signature=" + signature)]


def combined(headers: Headers) -> dict[bytes, bytes]:
    """Map each name to its value; the values of a name that was sent more than once, trimmed, joined by commas."""
    sent = dict(headers)
    if len(sent) < len(headers):
        values: dict[bytes, list[bytes]] = {}
        for name, value in headers:
            values.setdefault(name, []).append(value.strip())
        sent = {name: b",".join(parts) for name, parts in values.items()}
    return sent


def canonical_request(  # noqa: PLR0917 - as verify
    method: bytes, path: bytes, query: bytes, sent: Mapping[bytes, bytes], signed: Sequence[bytes], payload: bytes
) -> bytes:
    """Put what is signed into its one form.

    The path is normalized and encoded once more, as for every service but Amazon S3. `sent` holds the `combined`
    headers, `signed` the sorted names of those that count, `payload` the hexadecimal SHA-256 of the body.
    """
    return b"\n".join(
        [
            method,
            b"/" if path == b"/" else _canonical_path(path),
            _canonical_query(query) if query else b"",
            *[name + b":" + b" ".join(sent[name].split()) for name in signed],
            b"",
            b";".join(signed),
            payload,
        ]
    )


def string_to_sign(amz_date: str, scope: str, canonical: bytes) -> bytes:
    """Put a canonical request under its date and credential scope."""
    return f"{ALGORITHM}\n{amz_date}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}".encode("latin-1")


def _signature(key: bytes, to_sign: bytes) -> bytes:
    # Not hmac.digest, which lets other threads take the interpreter: the switches would cost more than the signature.
    return hmac.new(key, to_sign, "sha256").digest().hex().encode()


def _canonical_path(path: bytes) -> bytes:
    segments: list[bytes] = []
    for segment in path.split(b"/"):
        if segment == b"..":
            del segments[-1:]
        elif segment not in {b"", b"."}:
            segments.append(segment)
    normal = b"/" + b"/".join(segments) + (b"/" if segments and path.endswith(b"/") else b"")
    return quote(normal, safe="/").encode()


def _canonical_query(query: bytes) -> bytes:
    pairs = (pair.partition(b"=") for pair in query.split(b"&"))
    encoded = sorted((_once_encoded(name), _once_encoded(value)) for name, _, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded).encode()


def _once_encoded(text: bytes) -> str:
    return quote(unquote_to_bytes(text), safe="")


def _authorization(headers: Headers, sent: Mapping[bytes, bytes]) -> bytes:
    header = sent.get(b"authorization")
    if header is None:
        raise SignatureFault(MISSING, "Missing Authentication Token")
    if len(sent) < len(headers) and [name for name, _ in headers].count(b"authorization") > 1:
        raise SignatureFault(INCOMPLETE, "Authorization header must be sent only once.")
    return header


def _parameters(parameters: Sequence[bytes], header: bytes) -> dict[bytes, bytes]:
    given: dict[bytes, bytes] = {}
    for parameter in parameters:
        name, equals, value = parameter.partition(b"=")
        if not equals:
            raise SignatureFault(
                INCOMPLETE,
                "The signature contains an in-valid key=value pair (missing equal-sign) in Authorization header "
                f"(hashed with SHA-256 and encoded with Base64): '{_hashed(header)}'.",
            )
        if name in given:
            raise SignatureFault(
                INCOMPLETE, f"Authorization header must have only one '{name.decode('latin-1')}' parameter."
            )
        given[name] = value
    return given


def _require_all(given: Mapping[bytes, bytes], sent: Mapping[bytes, bytes], date_header: bytes) -> None:
    faults = [
        f"Authorization header requires '{name.decode()}' parameter." for name in _PARAMETERS if name not in given
    ]
    if date_header not in sent:
        faults.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if faults:
        raise SignatureFault(INCOMPLETE, " ".join(faults))


@lru_cache(maxsize=64)
def _signed_headers(text: bytes) -> tuple[bytes, ...]:
    """Split a SignedHeaders parameter; clients use a handful of them, hence the cache."""
    names = text.split(b";")
    if b"host" not in names:
        raise SignatureFault(INVALID, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    if names != sorted(set(names)):
        raise SignatureFault(INVALID, _MISMATCH)  # a list in a form that is never signed
    return tuple(names)


def _require_signed(signed: tuple[bytes, ...], sent: Mapping[bytes, bytes], date_header: bytes) -> None:
    unsigned = sent.keys() - signed
    needed = [name for name in unsigned if name == date_header or name.startswith(b"x-amz-")]
    if needed:
        name = min(needed).decode("latin-1").title()
        raise SignatureFault(INVALID, f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")
    if len(unsigned) + len(signed) > len(sent):
        raise SignatureFault(INVALID, _MISMATCH)  # a signed header was not sent


def _credential(credential: bytes) -> tuple[str, str, str, str, str]:
    try:
        access_key, date, region, service, terminator = credential.decode("latin-1").split("/")
    except ValueError:
        # Secrets hold slashes: where the two halves of an access key were swapped, AWS's echo would show the secret.
        raise SignatureFault(
            INCOMPLETE,
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
            f"(hashed with SHA-256 and encoded with Base64): '{_hashed(credential)}'",
        ) from None
    return access_key, date, region, service, terminator


@lru_cache(maxsize=64)
def _moment(value: bytes, header: bytes) -> tuple[str, int]:
    """Read a date; a busy second sends the same one many times, hence the cache."""
    amz_date = text = value.decode("latin-1").strip()
    if header == b"date" and (parts := _HTTP_DATE.fullmatch(text)):
        day, month, year, *clock = parts.groups()
        amz_date = f"{year}{_MONTHS.index(month) + 1:02}{day}T{''.join(clock)}Z"
    try:
        # On its own, fromisoformat takes every other ISO form too.
        moment = datetime.fromisoformat(amz_date if _ISO_BASIC.fullmatch(amz_date) else "")
    except ValueError:
        raise SignatureFault(
            INCOMPLETE,
            f"Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601",
        ) from None
    return amz_date, int(moment.timestamp())


def _iso_basic(timestamp: float) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(timestamp))


def _hashed(text: bytes) -> str:
    return b64encode(hashlib.sha256(text).digest()).decode()
