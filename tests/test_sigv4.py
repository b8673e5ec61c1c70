"""SigV4: every fault with its type and text, the form of what is read, freshness, scope."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom import sigv4
from strongroom.sigv4 import Authorization, SignatureFault

INCOMPLETE = "IncompleteSignatureException"
INVALID = "InvalidSignatureException"
MISSING = "MissingAuthenticationTokenException"
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)
CLOCK = int(datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp())

SCOPE = "20150830/us-east-1/kms/aws4_request"
CREDENTIAL = f"Credential=AKIDEXAMPLE/{SCOPE}"
SIGNATURE = f"Signature={'a' * 64}"
USUAL = f"AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=host;x-amz-date, {SIGNATURE}"
ISO_8601 = "See http://en.wikipedia.org/wiki/ISO_8601"

Headers = list[tuple[bytes, bytes]]


def request(authorization: str | None = USUAL, amz_date: str | None = "20150830T123600Z", **others: str) -> Headers:
    """Headers of a request; `others` are further ones, their names with `_` for `-`."""
    texts = {"host": "kms.us-east-1.amazonaws.com", "x-amz-date": amz_date, "authorization": authorization}
    texts |= {name.replace("_", "-"): text for name, text in others.items()}
    return [(name.encode(), text.encode("latin-1")) for name, text in texts.items() if text is not None]


def signing(names: str) -> str:
    """An Authorization header with another list of signed headers."""
    return f"AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders={names}, {SIGNATURE}"


def crediting(credential: str) -> str:
    """An Authorization header with another credential."""
    return f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, {SIGNATURE}"


def claims(**changes: str | int) -> Authorization:
    """What `parse` makes of the usual request, changed."""
    return sigv4.parse(request())._replace(**changes)  # type: ignore[arg-type]


MALFORMED: dict[str, tuple[Headers, str, str]] = {
    "no header": (request(None), MISSING, "Missing Authentication Token"),
    "empty": (request(""), INCOMPLETE, "Authorization header cannot be empty"),
    "blank": (request(" , "), INCOMPLETE, "Authorization header cannot be empty"),
    "sent twice": (
        [*request(), (b"authorization", USUAL.encode())],
        INCOMPLETE,
        "Authorization header must be sent only once.",
    ),
    "starts with a parameter": (
        request("x-api-key=abc"),
        INCOMPLETE,
        "Authorization header must begin with the algorithm name, which cannot include an equal-sign",
    ),
    "space after an equal sign": (
        request(
            "AWS4-HMAC-SHA256 Credential= AKIDEXAMPLE/20150830/us-east-1/kms/aws4_request, "
            "SignedHeaders=host;x-amz-date, Signature=aa"
        ),
        INCOMPLETE,
        (
            "The signature contains an in-valid key=value pair (missing equal-sign) in Authorization header "
            "(hashed with SHA-256 and encoded with Base64): '4yin0Ku6C5fcqLiyRwAo7v+l8w44z2fludGZxWGqUUg='."
        ),
    ),
    "bearer token": (
        request("Bearer abc"),
        INCOMPLETE,
        (
            "The signature contains an in-valid key=value pair (missing equal-sign) in Authorization header "
            "(hashed with SHA-256 and encoded with Base64): 'w1Xc6WwWEogNEZQP/dkBTThsJT4MNlKmzQanIm970rY='."
        ),
    ),
    "parameter twice": (
        request(f"{USUAL}, {CREDENTIAL}"),
        INCOMPLETE,
        "Authorization header must have only one 'Credential' parameter.",
    ),
    "no Credential": (
        request(f"AWS4-HMAC-SHA256 SignedHeaders=host;x-amz-date, {SIGNATURE}"),
        INCOMPLETE,
        "Authorization header requires 'Credential' parameter.",
    ),
    "no Signature": (
        request(f"AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=host;x-amz-date"),
        INCOMPLETE,
        "Authorization header requires 'Signature' parameter.",
    ),
    "no SignedHeaders": (
        request(f"AWS4-HMAC-SHA256 {CREDENTIAL}, {SIGNATURE}"),
        INCOMPLETE,
        "Authorization header requires 'SignedHeaders' parameter.",
    ),
    "no date": (
        request(amz_date=None),
        INCOMPLETE,
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
    ),
    "nothing but the algorithm": (
        request("AWS4-HMAC-SHA256", amz_date=None),
        INCOMPLETE,
        (
            "Authorization header requires 'Credential' parameter. "
            "Authorization header requires 'Signature' parameter. "
            "Authorization header requires 'SignedHeaders' parameter. "
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        ),
    ),
    "other algorithm": (
        request(USUAL.replace("SHA256", "SHA512")),
        INCOMPLETE,
        "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512'.",
    ),
    "credential of one element": (
        request(crediting("AKIDEXAMPLE")),
        INCOMPLETE,
        (
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
            "(hashed with SHA-256 and encoded with Base64): 'eomOUNvVuDBRScNARtFZ99ArXR/gIdTeZAhC04NftUk='"
        ),
    ),
    "secret in the credential": (
        request(crediting(f"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY/{SCOPE}")),
        INCOMPLETE,
        (
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
            "(hashed with SHA-256 and encoded with Base64): 'H6v44mE1eEeK1ZATS3pw1kC3fNmAaSA7V8TvYRYiAIw='"
        ),
    ),
    "host not signed": (
        request(signing("x-amz-date")),
        INVALID,
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
    ),
    "nothing signed": (
        request(signing("")),
        INVALID,
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
    ),
    "x-amz-date not signed": (
        request(signing("host")),
        INVALID,
        "'X-Amz-Date' must be a 'SignedHeader' in the AWS Authorization.",
    ),
    "date not signed": (
        request(signing("host"), amz_date=None, date="20150830T123600Z"),
        INVALID,
        "'Date' must be a 'SignedHeader' in the AWS Authorization.",
    ),
    "session token not signed": (
        request(x_amz_security_token="token"),
        INVALID,
        "'X-Amz-Security-Token' must be a 'SignedHeader' in the AWS Authorization.",
    ),
    "target not signed": (
        request(x_amz_target="TrentService.Encrypt"),
        INVALID,
        "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.",
    ),
    "x-amz-date beside a signed date": (
        request(signing("date;host"), date="20150830T123600Z"),
        INVALID,
        "'X-Amz-Date' must be a 'SignedHeader' in the AWS Authorization.",
    ),
    "signed but not sent": (request(signing("content-type;host;x-amz-date")), INVALID, MISMATCH),
    "signed in upper case": (request(signing("Content-Type;host;x-amz-date"), content_type="a"), INVALID, MISMATCH),
    "signed out of order": (request(signing("x-amz-date;host")), INVALID, MISMATCH),
    "signed twice": (request(signing("host;host;x-amz-date")), INVALID, MISMATCH),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_request_is_refused_in_awss_words(name: str) -> None:
    """Each malformed form has its type and its text."""
    headers, fault, message = MALFORMED[name]
    with pytest.raises(SignatureFault) as refusal:
        sigv4.parse(headers)
    assert (refusal.value.type, refusal.value.message) == (fault, message)


DATES_REFUSED = {
    "extended format": "2015-08-30T12:36:00Z",
    "basic without a zone": "20150830T123600",
    "another zone": "20150830T123600+00:00",
    "date alone": "20150830",
    "week date": "2015W357T123600Z",
    "month 13": "20151330T123600Z",
    "30 February": "20150230T123600Z",
    "other digits": "2015083\xb2T123600Z",
    "twice": "20150830T123600Z,20150830T123600Z",
    "empty": "",
}
HTTP_DATES_REFUSED = {
    "no weekday": "30 Aug 2015 12:36:00 GMT",
    "another zone": "Sun, 30 Aug 2015 12:36:00 +0200",
    "no such month": "Sun, 30 Abc 2015 12:36:00 GMT",
    "31 June": "Wed, 31 Jun 2015 12:36:00 GMT",
    "ISO extended": "2015-08-30T12:36:00Z",
}
HTTP_DATES_READ = {
    "RFC 7231": "Sun, 30 Aug 2015 12:36:00 GMT",
    "RFC 5322, as botocore writes it": "Sun, 30 Aug 2015 12:36:00 -0000",
    "RFC 5322": "Sun, 30 Aug 2015 12:36:00 +0000",
    "ISO basic": "20150830T123600Z",
}


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in DATES_REFUSED.items()])
def test_x_amz_date_has_one_form(text: str) -> None:
    """X-Amz-Date is ISO 8601 basic in UTC and a real date; the refusal shows what came."""
    with pytest.raises(SignatureFault) as refusal:
        sigv4.parse(request(amz_date=text))
    assert refusal.value.type == INCOMPLETE
    assert refusal.value.message == f"Date must be in ISO-8601 'basic format'. Got '{text}'. {ISO_8601}"


def test_x_amz_date_in_the_form_of_http_is_refused() -> None:
    """The form of HTTP is for the Date header alone."""
    with pytest.raises(SignatureFault, match="basic format"):
        sigv4.parse(request(amz_date=HTTP_DATES_READ["RFC 7231"]))


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in HTTP_DATES_REFUSED.items()])
def test_a_date_header_in_another_form_is_refused(text: str) -> None:
    """A Date header that neither HTTP nor ISO basic knows gets the same text."""
    with pytest.raises(SignatureFault) as refusal:
        sigv4.parse(request(signing("date;host"), amz_date=None, date=text))
    assert refusal.value.type == INCOMPLETE
    assert refusal.value.message == f"Date must be in ISO-8601 'basic format'. Got '{text}'. {ISO_8601}"


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in HTTP_DATES_READ.items()])
def test_a_date_header_stands_in_for_x_amz_date(text: str) -> None:
    """Without X-Amz-Date, the signed Date header gives the time, in the form that the string to sign wants."""
    authorization = sigv4.parse(request(signing("date;host"), amz_date=None, date=text))
    assert (authorization.amz_date, authorization.timestamp) == ("20150830T123600Z", CLOCK)


def test_x_amz_date_wins_over_an_unsigned_date() -> None:
    """Where both are sent, X-Amz-Date counts, and a Date that proxies may add need not be signed."""
    assert sigv4.parse(request(date="Mon, 31 Aug 2015 00:00:00 GMT")).timestamp == CLOCK


def test_what_is_read() -> None:
    """Every part of the header lands in its field."""
    names = "host;x-amz-date;x-amz-security-token"
    authorization = sigv4.parse(request(signing(names), x_amz_security_token="token/+="))
    assert authorization == Authorization(
        access_key="AKIDEXAMPLE",
        date="20150830",
        region="us-east-1",
        service="kms",
        terminator="aws4_request",
        signed_headers=(b"host", b"x-amz-date", b"x-amz-security-token"),
        signature=b"a" * 64,
        amz_date="20150830T123600Z",
        timestamp=CLOCK,
        session_token="token/+=",
    )
    assert authorization.scope == SCOPE
    assert sigv4.parse(request()).session_token is None


@pytest.mark.parametrize(
    "text",
    [
        f"AWS4-HMAC-SHA256 {CREDENTIAL},SignedHeaders=host;x-amz-date,{SIGNATURE}",
        f"AWS4-HMAC-SHA256  {SIGNATURE} , {CREDENTIAL} ,\tSignedHeaders=host;x-amz-date",
    ],
    ids=["no spaces", "other order"],
)
def test_the_parameters_may_be_spaced_and_ordered_freely(text: str) -> None:
    """Order and white space between the parameters carry no meaning."""
    assert sigv4.parse(request(text)) == sigv4.parse(request())


def test_neither_repr_nor_fault_shows_what_lets_one_act_as_the_caller() -> None:
    """No signature and no session token in a repr, no secret in a fault."""
    names = "host;x-amz-date;x-amz-security-token"
    shown = repr(sigv4.parse(request(signing(names), x_amz_security_token="TOKEN")))
    assert "AKIDEXAMPLE" in shown
    assert "aaaa" not in shown
    assert "TOKEN" not in shown
    with pytest.raises(SignatureFault) as refusal:
        sigv4.parse(MALFORMED["secret in the credential"][0])
    assert "EXAMPLEKEY" not in repr(refusal.value)


WRONG_SCOPES: dict[str, tuple[dict[str, str | int], str]] = {
    "region": ({"region": "us-west-1"}, "Credential should be scoped to a valid region."),
    "service": ({"service": "s3"}, "Credential should be scoped to correct service: 'kms'."),
    "date": (
        {"date": "20150831"},
        (
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            "'20150831' != '20150830', from '20150830T123600Z'."
        ),
    ),
    "terminator": (
        {"terminator": "aws5_request"},
        "Credential should be scoped with a valid terminator: 'aws4_request'",
    ),
    "all at once": (
        {"region": "", "service": "KMS", "date": "today", "terminator": ""},
        (
            "Credential should be scoped to a valid region. Credential should be scoped to correct service: 'kms'. "
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            "'today' != '20150830', from '20150830T123600Z'. "
            "Credential should be scoped with a valid terminator: 'aws4_request'"
        ),
    ),
}


@pytest.mark.parametrize("name", WRONG_SCOPES)
def test_a_wrong_scope_is_refused_in_awss_words(name: str) -> None:
    """Each part of the scope that is wrong is named, all of them in one message."""
    changes, message = WRONG_SCOPES[name]
    with pytest.raises(SignatureFault) as refusal:
        sigv4.check_scope(claims(**changes), "kms", {"us-east-1", "eu-west-1"})
    assert (refusal.value.type, refusal.value.message) == (INVALID, message)


def test_each_served_region_is_right() -> None:
    """Any Region of the served ones passes."""
    for region in ("us-east-1", "eu-west-1"):
        sigv4.check_scope(claims(region=region), "kms", {"us-east-1", "eu-west-1"})


STALE: dict[str, tuple[float, str]] = {
    "too old": (
        CLOCK + 301,
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T124101Z - 5 min.)",
    ),
    "too old by a day": (
        CLOCK + 86_400.9,
        "Signature expired: 20150830T123600Z is now earlier than 20150831T123100Z (20150831T123600Z - 5 min.)",
    ),
    "too new": (
        CLOCK - 300.5,
        "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T123059Z + 5 min.)",
    ),
}


@pytest.mark.parametrize("name", STALE)
def test_a_stale_request_is_refused_in_awss_words(name: str) -> None:
    """Beyond five minutes to either side, the text tells both times and the limit."""
    now, message = STALE[name]
    with pytest.raises(SignatureFault) as refusal:
        sigv4.check_freshness(claims(), now)
    assert (refusal.value.type, refusal.value.message) == (INVALID, message)


@given(st.integers(-300, 300), st.floats(0, 0.999))
def test_five_minutes_to_either_side_are_fresh(offset: int, fraction: float) -> None:
    """Every whole second within the tolerance passes, whatever part of a second the clock shows."""
    sigv4.check_freshness(claims(), CLOCK + offset + fraction)


@given(st.integers(301, 10**9), st.sampled_from([-1, 1]))
def test_no_other_time_is_fresh(distance: int, side: int) -> None:
    """Nothing beyond the tolerance passes."""
    with pytest.raises(SignatureFault):
        sigv4.check_freshness(claims(), CLOCK + side * distance)


def test_the_signing_key_is_that_of_awss_example() -> None:
    """The derivation gives the key printed in AWS's "Examples of how to derive a signing key"."""
    key = sigv4.signing_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20120215", "us-east-1", "iam")
    assert key.hex() == "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"
