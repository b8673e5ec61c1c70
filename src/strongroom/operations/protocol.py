"""How requests and answers of a service are written: AWS JSON 1.1, or AWS Query (``operations.query``)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from strongroom.model.errors import Fault
from strongroom.operations.request import decode
from strongroom.operations.shapes import Request, Response

_encode = msgspec.json.Encoder().encode


class FaultAnswer(NamedTuple):
    """A fault as its protocol says it: HTTP status, error code, body."""

    status: int
    code: str
    body: bytes


class Protocol(msgspec.Struct, frozen=True):
    """A protocol of AWS's services.

    Attributes:
        content_type: Of its answers.
        decode: Makes a request of a type from a body.
        answer: ``(operation's name, answer, request id)``: the body of an answer; the answer is None where there is no
            output shape.
        fault: ``(fault, request id)``: how a refusal is said.
    """

    content_type: bytes
    decode: Callable[[type[Any], bytes], Request]
    answer: Callable[[str, Response | None, str], bytes]
    fault: Callable[[Fault, str], FaultAnswer]


def _answer(_operation: str, response: Response | None, _request_id: str) -> bytes:
    return b"" if response is None else _encode(response)


def _fault(fault: Fault, _request_id: str) -> FaultAnswer:
    """The message is left out where AWS sends none."""
    members = {"__type": fault.type, "message": fault.message} if fault.message else {"__type": fault.type}
    return FaultAnswer(fault.status, fault.type, _encode(members))


JSON11 = Protocol(b"application/x-amz-json-1.1", decode, _answer, _fault)
