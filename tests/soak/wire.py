"""A client close to the wire: one kept-alive connection, signed requests, every answer as it came."""

import base64
import http.client
import json
import time
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from strongroom import sigv4

ACCOUNT = "123456789012"
REGION = "us-east-1"
PATIENCE = 30.0
"""Seconds that any answer may take before a test calls it a hang."""


class LostError(Exception):
    """The connection ended before the whole answer was here: whether the call was done is unknown."""


class NotSentError(Exception):
    """Nobody listens, so the call was not done."""


class Answer(NamedTuple):
    """One answer.

    Attributes:
        request_id: The x-amzn-RequestId.
        fault: The ``__type``, or None on success.
    """

    status: int
    request_id: str
    fault: str | None
    members: dict[str, Any]


def target(operation: str) -> list[tuple[bytes, bytes]]:
    """The headers that name an operation."""
    return [(b"content-type", b"application/x-amz-json-1.1"), (b"x-amz-target", f"TrentService.{operation}".encode())]


def sign(
    port: int, headers: list[tuple[bytes, bytes]], body: bytes, access_key: str = "test", region: str = REGION
) -> list[tuple[bytes, bytes]]:
    """The headers of a ``POST /`` with the ones that sign it."""
    sent = [(b"host", b"127.0.0.1:%d" % port), *headers]
    added = sigv4.sign(
        b"POST",
        b"/",
        b"",
        sent,
        body,
        access_key=access_key,
        secret="test",
        region=region,
        service="kms",
        timestamp=time.time(),
    )
    return [*sent, *added]


def blob(data: bytes) -> str:
    """Bytes as they stand in JSON."""
    return base64.b64encode(data).decode()


class Wire:
    """A client of one account on one connection, which is opened anew when it was lost. For one thread."""

    def __init__(self, port: int, access_key: str = "test") -> None:
        self._port = port
        self._access_key = access_key
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def call(self, operation: str, members: Mapping[str, Any]) -> Answer:
        """Make one call.

        Raises:
            LostError: No whole answer came.
            NotSentError: Nobody listens.
            TimeoutError: The service hangs.
        """
        return self.post(target(operation), json.dumps(members).encode())

    def post(self, headers: list[tuple[bytes, bytes]], body: bytes) -> Answer:
        """Sign and send any headers and any body; raises as ``call``."""
        headers = sign(self._port, headers, body, self._access_key)
        try:
            sent = {name.decode(): value.decode() for name, value in headers}
            self._connection.request("POST", "/", body=body, headers=sent)
            response = self._connection.getresponse()
            content = response.read()
        except TimeoutError:
            self._connection.close()
            raise
        except ConnectionRefusedError as error:
            self._connection.close()
            raise NotSentError from error
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise LostError from error
        given = json.loads(content) if content else {}
        return Answer(response.status, response.getheader("x-amzn-RequestId") or "", given.get("__type"), given)

    def ask(self, operation: str, members: Mapping[str, Any]) -> dict[str, Any]:
        """Make one call that must succeed; the members of its answer."""
        answer = self.call(operation, members)
        assert answer.status == 200, f"{operation} {members}: {answer}"
        return answer.members
