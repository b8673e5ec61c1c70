"""The types of request members: limits and secrecy are declared here, once.

A limit stands in the member's type as msgspec metadata. The fast decoder enforces it, the slow path words it, the audit
leaves out what is marked, and a test compares every one with AWS's model.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from strongroom.model.spec import DataKeySpec, EncryptionAlgorithm, KeySpec, KeyUsage, Origin

__all__ = ["DataKeySpec", "EncryptionAlgorithm", "KeySpec", "KeyUsage", "Origin"]

# Markers in a member's metadata. SECRET: in no log, record or repr. UNLOGGED: public, but no member of CloudTrail's.
SECRET = {"secret": True, "logged": False}
UNLOGGED = {"logged": False}


class Request(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Base of requests: wire names are the field names in Pascal case; a repr shows no value."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce__(self) -> Any:
        raise TypeError("requests may hold secrets and are not pickled")


class Response(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """Base of answers: members that are None are left out; a repr shows no value."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce__(self) -> Any:
        raise TypeError("answers may hold secrets and are not pickled")


_HEAD, _UNICODE_HEAD, _TAIL = "^(?a:", "^(?u:", r")\Z"

# Letters, separators and digits of all scripts, as AWS's model writes them and as Python does.
_AWS_LETTERS = r"\p{L}\p{Z}\p{N}_"
_LETTERS = r"\w \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


def full_pattern(pattern: str) -> str:
    """A pattern of AWS's model so that it matches the whole value, classes such as word characters ASCII only.

    A final ``$`` alone lets a trailing newline pass in Python.
    """
    return f"{_HEAD}{pattern}{_TAIL}"


def unicode_pattern(pattern: str) -> str:
    """A pattern of AWS's model for text of all scripts, so that it matches the whole value."""
    return f"{_UNICODE_HEAD}{pattern.replace(_AWS_LETTERS, _LETTERS)}{_TAIL}"


def model_pattern(pattern: str) -> str:
    """AWS's own text of a member's pattern."""
    text = pattern.removeprefix(_HEAD).removeprefix(_UNICODE_HEAD).removesuffix(_TAIL)
    return text.replace(_LETTERS, _AWS_LETTERS)


KeyId = Annotated[str, Meta(min_length=1, max_length=2048)]
Arn = Annotated[str, Meta(min_length=20, max_length=2048)]
AliasName = Annotated[str, Meta(min_length=1, max_length=256, pattern=full_pattern("^[a-zA-Z0-9:/_-]+$"))]
Description = Annotated[str, Meta(max_length=8192)]
PolicyName = Annotated[str, Meta(min_length=1, max_length=128, pattern=full_pattern(r"[\w]+"))]
PolicyDocument = Annotated[
    str, Meta(min_length=1, max_length=131072, pattern=full_pattern(r"[\u0009\u000A\u000D\u0020-\u00FF]+"))
]
CustomKeyStoreId = Annotated[str, Meta(min_length=1, max_length=64)]
XksKeyId = Annotated[str, Meta(min_length=1, max_length=128, pattern=full_pattern("^[a-zA-Z0-9-_.]+$"))]
Limit = Annotated[int, Meta(ge=1, le=1000)]
Marker = Annotated[str, Meta(min_length=1, max_length=1024, pattern=full_pattern(r"[\u0020-\u00FF]*"))]
NumberOfBytes = Annotated[int, Meta(ge=1, le=1024)]
PendingWindowInDays = Annotated[int, Meta(ge=1, le=365)]
Plaintext = Annotated[bytes, Meta(min_length=1, max_length=4096, extra=SECRET)]
Message = Plaintext
Ciphertext = Annotated[bytes, Meta(min_length=1, max_length=6144, extra=UNLOGGED)]
Signature = Ciphertext
Mac = Ciphertext
PublicKey = Annotated[bytes, Meta(min_length=1, max_length=8192, extra=UNLOGGED)]
AttestationDocument = Annotated[bytes, Meta(min_length=1, max_length=262144, extra=UNLOGGED)]
EncryptionContext = dict[str, str]
GrantToken = Annotated[str, Meta(min_length=1, max_length=8192)]
GrantTokens = Annotated[tuple[GrantToken, ...], Meta(max_length=10, extra=UNLOGGED)]
GrantId = Annotated[str, Meta(min_length=1, max_length=128)]
GrantName = Annotated[str, Meta(min_length=1, max_length=256, pattern=full_pattern("^[a-zA-Z0-9:/_-]+$"))]
PrincipalId = Annotated[str, Meta(min_length=1, max_length=256, pattern=full_pattern(r"^[\w+=,.@:/-]+$"))]
ServicePrincipal = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=128,
        pattern=full_pattern(r"^([A-Za-z0-9\-]+)\.([A-Za-z0-9\-]+)(\.[A-Za-z0-9\-]+)+$"),
    ),
]
GrantSourceArn = Annotated[
    str,
    Meta(
        min_length=20,
        max_length=512,
        pattern=full_pattern(r"^arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]{12}:.+$"),
    ),
]
TagKey = Annotated[str, Meta(min_length=1, max_length=128)]
TagValue = Annotated[str, Meta(max_length=256)]
Region = Annotated[str, Meta(min_length=1, max_length=32, pattern=full_pattern(r"^([a-z]+-){2,3}\d+$"))]
KeyMaterialId = Annotated[str, Meta(min_length=64, max_length=64, pattern=full_pattern("^[a-f0-9]+$"))]
KeyMaterialDescription = Annotated[str, Meta(max_length=256, pattern=full_pattern(r"^[a-zA-Z0-9:/_\s.-]+$"))]


class Tag(msgspec.Struct, frozen=True, rename="pascal"):
    """A tag of a key."""

    tag_key: TagKey
    tag_value: TagValue
