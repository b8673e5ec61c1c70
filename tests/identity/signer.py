"""Requests as botocore signs them, with the machine's clock."""

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

HOST = "kms.example.internal"
TARGET = "TrentService.ListKeys"


def signed_headers(
    body: bytes = b"{}",
    *,
    access_key: str = "test",
    secret: str = "test",
    token: str | None = None,
    region: str = "us-east-1",
    service: str = "kms",
    target: str | None = TARGET,
    host: str = HOST,
    content_type: str = "application/x-amz-json-1.1",
) -> list[tuple[bytes, bytes]]:
    """The headers of a signed POST to ``/``, names in lower case."""
    headers = {"Host": host, "Content-Type": content_type, "User-Agent": "tests/1.0"}
    if target is not None:
        headers["X-Amz-Target"] = target
    request = AWSRequest("POST", f"http://{HOST}/", data=body, headers=headers)
    SigV4Auth(Credentials(access_key, secret, token), service, region).add_auth(request)
    return [(name.lower().encode(), _bytes(value)) for name, value in request.headers.items()]


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
