"""Strategies for what strangers may send: bytes, HTTP, signatures, JSON."""

import functools
import json
import time
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from msgspec import inspect

from strongroom.operations.request import unwrapped
from strongroom.operations.table import OPERATIONS
from tests.soak.wire import ACCOUNT, REGION, blob

Headers = list[tuple[bytes, bytes]]
Text = st.SearchStrategy[str]


def _mostly(good: st.SearchStrategy[Any], odd: st.SearchStrategy[Any], times: int = 4) -> st.SearchStrategy[Any]:
    """One of two, the first so many times as often."""
    return st.integers(0, times).flatmap(lambda number: good if number else odd)


# --- bytes and HTTP ---

_LINES = st.sampled_from([
    *(b"Host: localhost\r\n", b"Host: a\r\nHost: b\r\n", b"Content-Length: 4\r\n", b"Content-Length: -1\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"Expect: 100-continue\r\n"),
    *(b"Connection: close\r\n", b"Connection: keep-alive, upgrade\r\nUpgrade: h2c\r\n", b" folded\r\n", b"\r\n"),
    *(b"4\r\nbody\r\n", b"0\r\n\r\n", b"0\r\nTrailer: x\r\n\r\n", b"ffffffff\r\n", b"4;a=b\r\n", b"\n", b"\0"),
    b"\x16\x03\x01",
])  # fmt: skip
_STARTS = st.sampled_from([
    *(b"POST / HTTP/1.1\r\n", b"GET /metrics HTTP/1.1\r\n", b"HEAD /health/live HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n"),
    *(b"GET / HTTP/1.0\r\n", b"POST /? HTTP/1.1\r\n", b"CONNECT a:1 HTTP/1.1\r\n", b"POST http://h/ HTTP/1.1\r\n"),
])  # fmt: skip
_ANY_BYTES = st.binary(max_size=64)
_PARTS = st.lists(_mostly(_LINES, _ANY_BYTES), max_size=8).map(b"".join)
_REQUESTS = st.builds(
    lambda start, lines, rest: start + b"Host: localhost\r\n" + lines + b"\r\n" + rest, _STARTS, _PARTS, _PARTS
)
STREAMS = st.one_of(st.binary(max_size=2000), _PARTS, st.lists(_REQUESTS, max_size=4).map(b"".join))
"""Whatever comes over a connection."""

_TOKENS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_!#$%&'*+.^`|~", min_size=1, max_size=20).map(str.encode)
_LATIN = st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f")
_WIDE = st.characters(max_codepoint=255, exclude_characters="\r\n\0")
_VALUES = _mostly(st.text(_LATIN, max_size=60), st.text(_WIDE, max_size=60)).map(lambda text: text.encode("latin-1"))
METHODS = _mostly(st.just(b"POST"), st.sampled_from([b"GET", b"HEAD", b"PUT", b"OPTIONS", b"DELETE"]) | _TOKENS)
_ODD_PATHS = st.sampled_from([b"//", b"/a/../", b"/%2f", b"/metrics", b"/health/ready"]) | st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#?"), max_size=20
).map(lambda text: b"/" + text.encode())
PATHS = _mostly(st.just(b"/"), _ODD_PATHS)
QUERIES = st.sampled_from([b"", b"", b"a=b&a=a", b"%00&%zz=+", b"=&&=", b"X-Amz-Algorithm=AWS4-HMAC-SHA256"])
TARGETS = _mostly(
    st.sampled_from([f"TrentService.{name}".encode() for name in OPERATIONS]),
    st.sampled_from([b"TrentService.Sign", b"TrentService.", b"ListKeys", b"TrentService." + b"x" * 129]) | _VALUES,
)
_NAMES = (
    st.sampled_from([b"x-amz-target", b"content-type", b"user-agent", b"x-amz-content-sha256", b"accept"]) | _TOKENS
)
MORE_HEADERS = st.lists(st.tuples(_NAMES, _VALUES), max_size=5)


def http(method: bytes, target: bytes, headers: Headers, body: bytes, chunks: int = 0) -> bytes:
    """The bytes of a request; with ``chunks``, its body comes in chunks of that size."""
    if chunks:
        parts = [body[at : at + chunks] for at in range(0, len(body), chunks)]
        headers = [*headers, (b"transfer-encoding", b"chunked")]
        body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    else:
        headers = [*headers, (b"content-length", b"%d" % len(body))]
    return b"%b %b HTTP/1.1\r\n" % (method, target) + b"".join(b"%b: %b\r\n" % one for one in headers) + b"\r\n" + body


@st.composite
def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """Bytes with a few changes: parts taken out, put in, doubled, their case swapped, the end cut off."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = start + draw(st.sampled_from([0, 1, 2, 8, 2000]))
        part = draw(st.sampled_from([b"", data[start:end] * 2, data[start:end].swapcase()]) | _ANY_BYTES | _LINES)
        data = data[:start] + part + data[end:]
    return data[: draw(st.integers(0, len(data)))] if draw(st.integers(0, 3)) == 0 else data


# --- signatures ---


def _text(strategy: Text) -> st.SearchStrategy[bytes]:
    return strategy.map(lambda text: text.encode("latin-1"))


_NOW = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
_SHORT = st.text(_LATIN, max_size=9)
_SCOPES = st.tuples(
    *(_mostly(st.just(good), st.sampled_from(["", "*", "a" * 300, ACCOUNT, "20260230"]) | _SHORT, 8)
      for good in ("test", _NOW[:8], REGION, "kms", "aws4_request"))
).map("/".join)  # fmt: skip
_CREDENTIALS = _mostly(_SCOPES, st.lists(_SHORT, max_size=7).map("/".join))
_ALL_SIGNED = "content-type;host;x-amz-date;x-amz-target"
_SIGNED = _mostly(
    st.just(_ALL_SIGNED),
    st.lists(st.sampled_from(["host", "x-amz-date", "date", "Host", ""]) | _SHORT, max_size=6).map(";".join),
)
_SIGNATURES = _mostly(st.text("0123456789abcdef", min_size=64, max_size=64), st.text(_LATIN, max_size=80))
_WORDS = _mostly(
    st.just("AWS4-HMAC-SHA256"), st.sampled_from(["AWS4-HMAC-SHA512", "Basic", "AWS test:sig", "=", ""]) | _SHORT, 8
)
_WHOLE = st.builds(
    "{} Credential={}{comma}SignedHeaders={}{comma}Signature={}".format,
    _WORDS,
    _CREDENTIALS,
    _SIGNED,
    _SIGNATURES,
    comma=st.sampled_from([", ", ",", " , "]),
)
_PARAMETERS = st.lists(
    st.sampled_from(["Credential=a", "Signature=", "Signature=a", "SignedHeaders=host", "="]) | _SHORT
)
_AUTHORIZATIONS = _text(_mostly(_WHOLE, st.builds("{} {}".format, _WORDS, _PARAMETERS.map(",".join))))
_ODD_DATES = st.sampled_from([
    *("20260230T000000Z", "00000101T000000Z", "00010101T000000Z", "99991231T235959Z", "20260101T000060Z", ""),
    *("Wed, 25 Nov 2026 00:00:00 GMT", "Wed, 99 Nov 2026 00:00:00 GMT", "Wed, 25 Nov 0000 99:99:99 -0000"),
])  # fmt: skip
_DATES = _text(_mostly(st.just(_NOW), _ODD_DATES | st.text(_LATIN, max_size=20)))
_ONE_MORE = st.sampled_from(
    [b"authorization", b"x-amz-date", b"date", b"x-amz-security-token", b"x-amz-content-sha256"]
)
SIGNING_HEADERS = st.builds(
    lambda authorization, name, date, more: [(b"authorization", authorization), (name, date), *more],
    _AUTHORIZATIONS,
    st.sampled_from([b"x-amz-date", b"date"]),
    _DATES,
    _mostly(st.just([]), st.lists(st.tuples(_ONE_MORE, _AUTHORIZATIONS | _DATES), max_size=2)),
)
"""Headers that claim a signature, of ListKeys and an empty object, and hold a right one by a miracle."""

# --- JSON ---


class Literal(str):
    """Text that stands in the JSON as it is."""

    __slots__ = ()


_LITERALS = st.sampled_from([
    *map(Literal, ("1e999", "-1e999", "1E5", "5.0", "-0", "NaN", "01", "1_0", "'a'", '"\\x"', '"\\ud800"', "[", "//")),
])  # fmt: skip
_NUMBERS = st.sampled_from([0, -1, 1, 7, 32, 1000, 2**31, 2**53 + 1, 2**63, 2**64, 10**40, 0.5, 1e308, -1e-308])
_TEXTS = st.text(max_size=20) | st.sampled_from(["", "\0", "\ud800", "\U0001f4a5", "a" * 300, "é" * 5000, "aws:x"])
_SCALARS = st.none() | st.booleans() | _NUMBERS | _TEXTS | _LITERALS
_PAIRS = st.lists(st.tuples(_TEXTS, _SCALARS), max_size=3).map(tuple)
_ANYTHING = st.one_of(
    _SCALARS,
    _PAIRS,
    st.lists(_SCALARS | _PAIRS, max_size=3),
    st.sampled_from([[[[]]], [1] * 1100, Literal("[" * 2000)]),
)


def text_of(value: Any) -> str:
    """A value as JSON; tuples of pairs are objects, with their members in order, doubled ones too."""
    if isinstance(value, Literal):
        return value
    if isinstance(value, tuple):
        return "{" + ",".join(f"{json.dumps(name)}:{text_of(member)}" for name, member in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(text_of, value)) + "]"
    return json.dumps(value)


Known = dict[str, st.SearchStrategy[Any]]


def _fitting(info: Any, known: Known, name: str = "") -> st.SearchStrategy[Any]:
    """Values that a member of a type may have; those of some names are known better."""
    info = unwrapped(info)[0]
    return known[name] if name in known else _FITTING[type(info)](info, known)


def _objects(info: Any, known: Known) -> st.SearchStrategy[Any]:
    """Objects of a type: its members, now and then one left out, of another type, doubled or unknown."""
    needed: Known = {}
    optional: Known = {}
    for field in info.fields:
        name = field.encode_name
        strategy = _mostly(_fitting(field.type, known, name), _ANYTHING, 12)
        (needed if field.required else optional)[name] = strategy
    whole = st.fixed_dictionaries(needed, optional=optional).map(lambda found: tuple(found.items()))
    names = st.sampled_from([*needed, *optional]) | _TEXTS if info.fields else _TEXTS
    more = st.lists(st.tuples(names, _ANYTHING), min_size=1, max_size=2).map(tuple)
    return _mostly(whole, st.builds(lambda found, odd: found[1:] + odd, whole, more), 8)


_FITTING: dict[type[inspect.Type], Callable[[Any, Known], st.SearchStrategy[Any]]] = {
    inspect.StrType: lambda _info, _known: _TEXTS,
    inspect.BytesType: lambda _info, _known: _ANY_BYTES.map(blob),
    inspect.BoolType: lambda _info, _known: st.booleans(),
    inspect.IntType: lambda _info, _known: st.integers(1, 40),
    inspect.FloatType: lambda _info, _known: st.floats(allow_nan=False, allow_infinity=False),
    inspect.EnumType: lambda info, _known: st.sampled_from([str(member.value) for member in info.cls]),
    inspect.VarTupleType: lambda info, known: st.lists(_fitting(info.item_type, known), max_size=3),
    inspect.DictType: lambda _info, _known: st.lists(st.tuples(_TEXTS, _TEXTS), max_size=3).map(tuple),
    inspect.StructType: _objects,
}


@functools.cache
def bodies(operation: str, key_ids: tuple[str, ...], ciphertexts: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """Bodies for an operation: good ones, some with wrong values in between, and some that are no JSON any more."""
    keys = _mostly(st.sampled_from(key_ids[:5]), st.sampled_from(key_ids[5:]))
    made = st.sampled_from(ciphertexts)
    aliases = st.sampled_from(["alias/a", "alias/b", "alias/c", "alias/aws/x", "alias/", "b"])
    policies = st.sampled_from(["{}", '{"Version":"2012-10-17"}', "[]", "{", "{" * 3000, '{"a":' * 3000, " "])
    contexts = _mostly(st.just(()), st.lists(st.tuples(_TEXTS, _TEXTS), max_size=3).map(tuple))
    known: Known = {
        **dict.fromkeys(("KeyId", "TargetKeyId", "SourceKeyId", "DestinationKeyId"), keys),
        **dict.fromkeys(("EncryptionContext", "SourceEncryptionContext", "DestinationEncryptionContext"), contexts),
        "CiphertextBlob": (_mostly(made, made.flatmap(mutated)) | _ANY_BYTES).map(blob),
        "Plaintext": st.binary(min_size=1, max_size=64).map(blob),
        "GrantTokens": _mostly(st.just([]), st.lists(_TEXTS, max_size=3)),
        "AliasName": aliases,
        "TagKey": st.text(min_size=1, max_size=8),
        "TagKeys": st.lists(st.text(min_size=1, max_size=8), max_size=3),
        "Policy": _mostly(policies, _TEXTS),
        "PolicyName": st.sampled_from(["default", "default", "AWS_RAM", "other"]),
        "Recipient": _mostly(st.none(), _ANYTHING),
        "Marker": _mostly(st.none(), _TEXTS | _ANY_BYTES.map(blob)),
    }
    objects = _objects(inspect.type_info(OPERATIONS[operation].request), known)
    whole = _mostly(objects, _ANYTHING, 20).map(lambda value: text_of(value).encode())
    return _mostly(whole, whole.flatmap(mutated), 8)
