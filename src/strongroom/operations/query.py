"""The AWS Query protocol: requests as forms, answers as XML (IAM, STS).

A form is put into the shape that the request's type has, and then read by ``operations.request`` as JSON is: limits are
checked, and faults worded, in one place. Names, lists and times are written as botocore's query serializer and parser
do (Smithy 2.0, "AWS Query protocol"). Fault codes and statuses: AWS's models ``iam/2010-05-08`` and ``sts/2011-06-15``,
and the "Common Errors" of the IAM and STS API References.
"""

import functools
import re
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import msgspec
from msgspec import inspect

from strongroom.model.errors import Fault, SerializationException
from strongroom.operations.protocol import FaultAnswer, Protocol
from strongroom.operations.request import decode, unwrapped
from strongroom.operations.shapes import Request, Response

R = TypeVar("R", bound=Request)

FORM = b"application/x-www-form-urlencoded"
"""The content type of requests."""

# No request that works has as many: a role session's tags and policies are the most, under 200.
MAX_FIELDS = 1000
# Names nest no deeper in any request type, such as Tags.member.1.Key.
MAX_PARTS = 8

_INDEX = re.compile(r"[1-9][0-9]{0,3}")
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_BOOLEANS = {"true": True, "false": False}
_UNEXPECTED_STRUCTURE = "Start of structure or map found where not expected."

# What XML 1.0 cannot hold, not even escaped (XML 1.0, section 2.2).
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# A carriage return that is not escaped reaches the reader as a line feed (XML 1.0, section 2.11).
_ENTITIES = {"\r": "&#13;"}

# Faults whose code or status is not that of the JSON protocols; None is the service's own code of its failure.
_CODES: dict[str, tuple[str | None, int]] = {
    "AccessDeniedException": ("AccessDenied", 403),
    "DeleteConflictException": ("DeleteConflict", 409),
    "EntityAlreadyExistsException": ("EntityAlreadyExists", 409),
    "ExpiredTokenException": ("ExpiredToken", 403),
    "IncompleteSignatureException": ("IncompleteSignature", 400),
    "InvalidInputException": ("InvalidInput", 400),
    "InvalidSignatureException": ("SignatureDoesNotMatch", 403),
    "KMSInternalException": (None, 500),
    "LimitExceededException": ("LimitExceeded", 409),
    "MalformedPolicyDocumentException": ("MalformedPolicyDocument", 400),
    "MissingAuthenticationTokenException": ("MissingAuthenticationToken", 403),
    "NoSuchEntityException": ("NoSuchEntity", 404),
    "PackedPolicyTooLargeException": ("PackedPolicyTooLarge", 400),
    "SerializationException": ("MalformedInput", 400),
    "ThrottlingException": ("Throttling", 400),
    "UnknownOperationException": ("InvalidAction", 400),
    "UnrecognizedClientException": ("InvalidClientTokenId", 403),
    "ValidationException": ("ValidationError", 400),
}


def query(xmlns: str, *, failure: str) -> Protocol:
    """The protocol of one service.

    Args:
        xmlns: The XML namespace of its answers.
        failure: The code with which it says that it failed, such as ``InternalFailure``.
    """
    return Protocol(
        b"text/xml",
        decode_form,
        functools.partial(_answer, xmlns),
        functools.partial(_fault, xmlns, failure),
    )


# --- requests ---


def decode_form(request_type: type[R], body: bytes) -> R:
    """Make a request of a form.

    Structures are written ``A.B``, lists ``A.member.1``; the order of a list is that of its numbers, an empty one is
    ``A=``. Unknown members are passed over, a repeated one is refused: one of the two would be passed over, too.

    Args:
        request_type: The operation's request type.
        body: The form, UTF-8 in percent-encoding.

    Raises:
        SerializationException: The body is no form, or a member is of the wrong type.
        ValidationException: As of ``request.decode``.
    """
    tree = _tree(_fields(body))
    return decode(request_type, msgspec.json.encode(_plain(_type_info(request_type), tree)))


def _fields(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=bool(body), errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        pass  # outside, so that the fault does not drag the body along as its context
    raise SerializationException("The request is not a valid form.")


def _tree(fields: list[tuple[str, str]]) -> dict[str, Any]:
    """The fields by the parts of their names."""
    tree: dict[str, Any] = {}
    for name, value in fields:
        *path, last = name.split(".")
        if len(path) >= MAX_PARTS:
            continue  # no member of any request
        node = tree
        for part in path:
            node = node.setdefault(part, {})
            if isinstance(node, str):
                raise SerializationException(_UNEXPECTED_STRUCTURE)
        if last in node:
            raise SerializationException("A parameter of the request is given more than once.")
        node[last] = value
    return tree


@functools.cache
def _type_info(request_type: type[Request]) -> inspect.Type:
    return inspect.type_info(request_type)


def _plain(info: Any, node: Any) -> Any:
    """A part of the tree as plain data of a type; a text that is not of its type stays one, for the reader to refuse.

    Raises:
        SerializationException: There is a text in place of a list or structure, or the other way round.
    """
    if isinstance(info, inspect.VarTupleType):
        return _list(info, node)
    if isinstance(info, inspect.StructType):
        return _structure(info, node)
    if not isinstance(node, str):
        raise SerializationException(_UNEXPECTED_STRUCTURE)
    if isinstance(info, inspect.IntType):
        return int(node) if _INTEGER.fullmatch(node) else node
    if isinstance(info, inspect.BoolType):
        return _BOOLEANS.get(node.lower(), node)
    return node


def _structure(info: inspect.StructType, node: Any) -> dict[str, Any]:
    if not isinstance(node, dict):
        raise SerializationException("Unexpected text where a structure is expected.")
    return {
        field.encode_name: _plain(unwrapped(field.type)[0], node[field.encode_name])
        for field in info.fields
        if field.encode_name in node
    }


def _list(info: inspect.VarTupleType, node: Any) -> list[Any]:
    if not node:
        return []
    items = node.get("member") if isinstance(node, dict) else None
    if not isinstance(items, dict) or not all(map(_INDEX.fullmatch, items)):
        raise SerializationException("Expected list or null")
    inner, _ = unwrapped(info.item_type)
    return [_plain(inner, items[number]) for number in sorted(items, key=int)]


# --- answers ---


def _answer(xmlns: str, operation: str, response: Response | None, request_id: str) -> bytes:
    result = "" if response is None else _element(f"{operation}Result", msgspec.to_builtins(response))
    metadata = _element("ResponseMetadata", {"RequestId": request_id})
    return f'<{operation}Response xmlns="{xmlns}">{result}{metadata}</{operation}Response>'.encode()


def _fault(xmlns: str, failure: str, fault: Fault, request_id: str) -> FaultAnswer:
    code, status = _CODES.get(fault.type, (fault.type, fault.status))
    code = code or failure
    error = {"Type": "Sender" if status < 500 else "Receiver", "Code": code, "Message": fault.message}  # noqa: PLR2004 - HTTP
    body = _element("Error", error) + _element("RequestId", request_id)
    return FaultAnswer(status, code, f'<ErrorResponse xmlns="{xmlns}">{body}</ErrorResponse>'.encode())


def _element(name: str, value: Any) -> str:
    return f"<{name}>{_CONTENTS[type(value)](value)}</{name}>"


def _text(text: str) -> str:
    return escape(_NO_XML.sub("\ufffd", text), _ENTITIES)


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


# The types of plain data; every float in an answer of these services is a time.
_CONTENTS: dict[type, Callable[[Any], str]] = {
    str: _text,
    bool: lambda value: str(value).lower(),
    int: str,
    float: _time,
    dict: lambda members: "".join(_element(name, member) for name, member in members.items()),
    list: lambda items: "".join(_element("member", item) for item in items),
    tuple: lambda items: "".join(_element("member", item) for item in items),
}
