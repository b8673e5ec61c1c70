"""Signers that are not ours (botocore, awscrt, curl) sign; we verify what they send."""

from __future__ import annotations

import socket
import subprocess
import threading
from datetime import UTC, datetime
from io import BytesIO
from typing import NamedTuple
from urllib.parse import quote

import pytest
from awscrt.auth import AwsCredentialsProvider, AwsSignedBodyHeaderType, AwsSigningConfig, aws_sign_request
from awscrt.http import HttpHeaders, HttpRequest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom import sigv4
from tests.support import need

ACCESS_KEY = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
REGION = "eu-west-1"
HOST = "kms.eu-west-1.amazonaws.com"


class Plain(NamedTuple):
    """A request before it is signed; path and query as on the request line."""

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def target(self) -> str:
        """Path and query together."""
        return f"{self.path}?{self.query}" if self.query else self.path


class Sent(NamedTuple):
    """A request as it arrives."""

    method: bytes
    path: bytes
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes


def verify(sent: Sent, token: str | None, service: str = "kms") -> None:
    """Take a request through all steps at its own time."""
    authorization = sigv4.parse(sent.headers)
    assert (authorization.access_key, authorization.session_token) == (ACCESS_KEY, token)
    assert abs(authorization.timestamp - datetime.now(UTC).timestamp()) < 60
    sigv4.check_scope(authorization, service, {REGION})
    key = sigv4.signing_key(SECRET, authorization.date, authorization.region, authorization.service)
    sigv4.verify(authorization, *sent, key)


def arrived(plain: Plain, headers: list[tuple[str, str]]) -> Sent:
    """Put what a signer made on the wire."""
    lowered = [(name.lower().encode(), value.encode()) for name, value in headers]
    return Sent(plain.method.encode(), plain.path.encode(), plain.query.encode(), lowered, plain.body)


PRINTABLE = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
# No bare colon: awscrt takes what stands before it for the scheme of a URL.
SEGMENTS = st.one_of(
    st.binary(max_size=6).map(quote),
    st.text("abAB09-._~!$&'()*+,;=@", max_size=6),
    st.sampled_from(["", ".", "..", "...", "%2F", "%2e%2e"]),
)
ENCODED = st.text(max_size=6).map(lambda text: quote(text, safe=""))
PAIRS = st.tuples(ENCODED.filter(bool), ENCODED).map("=".join)
# Few names, so that a header is often sent more than once.
NAMES = st.sampled_from(["Zeta", "alpha", "X-My-Header", "X-Amz-Meta-1"])
HEADERS = st.lists(st.tuples(NAMES, st.text(PRINTABLE, max_size=20) | st.just(" a \t b ")), max_size=5)
REQUESTS = st.builds(
    Plain,
    method=st.sampled_from(["POST", "GET", "PUT", "DELETE"]),
    path=st.one_of(st.just("/"), st.lists(SEGMENTS, min_size=1, max_size=5).map(lambda parts: "/" + "/".join(parts))),
    query=st.one_of(st.just(""), st.lists(PAIRS, max_size=4).map("&".join)),
    headers=HEADERS.map(
        lambda drawn: [
            ("Host", HOST),
            ("Content-Type", "application/x-amz-json-1.1"),
            ("X-Amz-Target", "TrentService.Encrypt"),
            *drawn,
        ]
    ),
    body=st.binary(max_size=200),
)
TOKENS = st.none() | st.text("abcXYZ019+/=", min_size=1, max_size=40)


@settings(deadline=None)
@given(plain=REQUESTS, token=TOKENS, date=st.booleans())
def test_what_botocore_signs_verifies(plain: Plain, token: str | None, *, date: bool) -> None:
    """Any path, query, headers, body and token that botocore signs passes, dated by X-Amz-Date or by Date."""
    request = AWSRequest(plain.method, f"https://{HOST}{plain.target}", data=plain.body)
    for name, value in plain.headers:
        request.headers.add_header(name, value)
    if date:
        request.headers["Date"] = "to be set by the signer"
    SigV4Auth(Credentials(ACCESS_KEY, SECRET, token), "kms", REGION).add_auth(request)
    verify(arrived(plain, request.headers.items()), token)


def crt_signed(plain: Plain, token: str | None, body_header: AwsSignedBodyHeaderType) -> list[tuple[str, str]]:
    """Sign with AWS's own C library."""
    request = HttpRequest(plain.method, plain.target, HttpHeaders(plain.headers), BytesIO(plain.body))
    config = AwsSigningConfig(
        credentials_provider=AwsCredentialsProvider.new_static(ACCESS_KEY, SECRET, token),
        region=REGION,
        service="kms",
        signed_body_header_type=body_header,
    )
    headers: list[tuple[str, str]] = list(aws_sign_request(request, config).result(timeout=30).headers)
    return headers


@settings(deadline=None)
@given(plain=REQUESTS, token=TOKENS, body_header=st.sampled_from(list(AwsSignedBodyHeaderType)))
def test_what_awscrt_signs_verifies(plain: Plain, token: str | None, body_header: AwsSignedBodyHeaderType) -> None:
    """Any request that awscrt signs passes, with or without the hash of its payload in a header."""
    verify(arrived(plain, crt_signed(plain, token, body_header)), token)


def serve_once(listener: socket.socket, received: list[bytes]) -> None:
    """Read one request with a Content-Length and answer it."""
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(30)
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65_536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        while len(body) < length:
            body += connection.recv(65_536)
        received.append(head + b"\r\n\r\n" + body)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def curl(path: str, body: bytes, *headers: str) -> Sent:
    """Let curl sign a POST to a listener of ours, and read what it sent."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        server = threading.Thread(target=serve_once, args=(listener, received))
        server.start()
        command = [need("curl"), "-sS", "--noproxy", "*", "--aws-sigv4", f"aws:amz:{REGION}:kms"]
        command += ["--user", f"{ACCESS_KEY}:{SECRET}", "--data-binary", "@-"]
        for header in headers:
            command += ["--header", header]
        url = f"http://127.0.0.1:{listener.getsockname()[1]}{path}"
        subprocess.run([*command, url], input=body, check=True, timeout=30)
        server.join(timeout=30)
    head, _, content = received[0].partition(b"\r\n\r\n")
    line, *fields = head.split(b"\r\n")
    method, target, _ = line.split(b" ")
    where, _, query = target.partition(b"?")
    pairs = [field.partition(b":") for field in fields]
    return Sent(method, where, query, [(name.lower(), value.strip()) for name, _, value in pairs], content)


@pytest.mark.parametrize("token", [None, "AQoDYXdzEPT//wEXAMPLE=="], ids=["long-term", "session token"])
def test_what_curl_signs_verifies(token: str | None) -> None:
    """`curl --aws-sigv4` passes with a body, a content type, a target and a session token."""
    headers = ["Content-Type: application/x-amz-json-1.1", "X-Amz-Target: TrentService.Encrypt"]
    headers += [f"X-Amz-Security-Token: {token}"] if token else []
    sent = curl("/", b'{"KeyId": "alias/example", "Plaintext": "cGxhaW4="}', *headers)
    assert sent.body.startswith(b'{"KeyId"')
    verify(sent, token)


PROMISES: dict[str, tuple[str, bool]] = {
    "of this body": ("239f59ed55e737c77147cf55ad0c1b030b6d7ee748a7426952f9b852d5a935e5", True),
    "of no body": ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", False),
    "of none": ("UNSIGNED-PAYLOAD", False),
}


@pytest.mark.parametrize("name", PROMISES)
def test_a_payload_hash_that_is_not_the_bodys_is_refused(name: str) -> None:
    """Of the hashes that botocore signs for its caller, only the body's own passes."""
    promise, right = PROMISES[name]
    request = AWSRequest("POST", f"https://{HOST}/", data=b"payload", headers={"Host": HOST})
    request.headers["X-Amz-Content-SHA256"] = promise
    SigV4Auth(Credentials(ACCESS_KEY, SECRET), "kms", REGION).add_auth(request)
    sent = arrived(Plain("POST", "/", "", [], b"payload"), request.headers.items())
    if right:
        verify(sent, None)
    else:
        with pytest.raises(sigv4.SignatureFault, match="does not match"):
            verify(sent, None)


def test_a_presigned_url_counts_as_not_signed() -> None:
    """A signature in the query is not looked at: without an Authorization header nobody has signed."""
    request = AWSRequest("GET", f"https://{HOST}/", headers={"Host": HOST})
    SigV4QueryAuth(Credentials(ACCESS_KEY, SECRET), "kms", REGION).add_auth(request)
    assert "X-Amz-Signature=" in request.url
    query = request.url.partition("?")[2]
    with pytest.raises(sigv4.SignatureFault) as refusal:
        verify(arrived(Plain("GET", "/", query, [], b""), request.headers.items()), None)
    assert refusal.value.type == "MissingAuthenticationTokenException"
