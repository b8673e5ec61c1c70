"""Strategies for what strangers may send: bytes, HTTP, signatures, JSON."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import strategies as st

from strongroom.operations.table import OPERATIONS
from tests.soak.wire import ACCOUNT, REGION, blob

Headers = list[tuple[bytes, bytes]]

# --- bytes and HTTP ---

_LINES = st.sampled_from([
    *(b"POST / HTTP/1.1\r\n", b"GET /metrics HTTP/1.1\r\n", b"HEAD /health/live HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n"),
    *(b"GET / HTTP/1.0\r\n", b"POST /? HTTP/1.1\r\n", b"CONNECT a:1 HTTP/1.1\r\n", b"POST http://h/ HTTP/1.1\r\n"),
    *(b"Host: localhost\r\n", b"Host: a\r\nHost: b\r\n", b"Content-Length: 4\r\n", b"Content-Length: -1\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"Expect: 100-continue\r\n"),
    *(b"Connection: close\r\n", b"Connection: keep-alive, upgrade\r\nUpgrade: h2c\r\n", b" folded\r\n", b"\r\n"),
    *(b"4\r\nbody\r\n", b"0\r\n\r\n", b"0\r\nTrailer: x\r\n\r\n", b"ffffffff\r\n", b"4;a=b\r\n", b"\n", b"\0", b"\x16\x03\x01"),
])  # fmt: skip
_ANY_BYTES = st.binary(max_size=64)
STREAMS = st.binary(max_size=2000) | st.lists(_LINES | _ANY_BYTES, max_size=20).map(b"".join)
"""Whatever comes over a connection."""

_TOKENS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_!#$%&'*+.^`|~", min_size=1, max_size=20).map(str.encode)
_VALUES = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=60).map(
    lambda text: text.encode("latin-1")
)
METHODS = st.sampled_from([b"POST"] * 6 + [b"GET", b"HEAD", b"PUT", b"OPTIONS", b"DELETE", b"TRACE"]) | _TOKENS
PATHS = st.sampled_from([b"/"] * 6 + [b"//", b"/a/../", b"/%2f", b"/metrics", b"/health/ready"]) | _VALUES.map(
    lambda path: b"/" + path.replace(b" ", b"")
)
QUERIES = st.sampled_from([b"", b"a=b&a=a", b"%00", b"Action=Encrypt", b"X-Amz-Algorithm=AWS4-HMAC-SHA256"])
_NAMES = st.sampled_from([b"x-amz-target", b"content-type", b"user-agent", b"x-amz-content-sha256", b"accept"]) | _TOKENS
TARGETS = st.sampled_from([f"TrentService.{name}".encode() for name in (*OPERATIONS, "Sign", "Nothing", "")]) | _VALUES
MORE_HEADERS = st.lists(st.tuples(_NAMES, _VALUES), max_size=5)


def http(method: bytes, path: bytes, query: bytes, headers: Headers, body: bytes, chunks: int = 0) -> bytes:
    """The bytes of a request; with ``chunks``, its body comes in chunks of that size."""
    target = path + (b"?" + query if query else b"")
    if chunks:
        parts = [body[at : at + chunks] for at in range(0, len(body), chunks)]
        headers = [*headers, (b"transfer-encoding", b"chunked")]
        body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    else:
        headers = [*headers, (b"content-length", b"%d" % len(body))]
    return b"%b %b HTTP/1.1\r\n" % (method, target) + b"".join(b"%b: %b\r\n" % one for one in headers) + b"\r\n" + body


@st.composite
def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """Bytes with a few changes: parts taken out, put in, doubled, moved, bits flipped, the end cut off."""
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        end = min(end, start + draw(st.sampled_from([0, 1, 2, 8, 2000])))
        part = draw(st.sampled_from([b"", data[start:end] * 2, data[start:end].swapcase()]) | _ANY_BYTES | _LINES)
        data = data[:start] + part + data[end:]
    return data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data


# --- signatures ---

_WORDS = st.sampled_from(["AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512", "Basic", "Bearer", "AWS test:sig", "="]) | st.text(max_size=9)
_CREDENTIALS = st.lists(
    st.sampled_from(["test", ACCOUNT, "20260101", REGION, "kms", "aws4_request", "", "*"]) | st.text(max_size=9),
    max_size=7,
).map("/".join)
_SIGNED = st.lists(
    st.sampled_from(["host", "x-amz-date", "x-amz-target", "date", "Host", ""]) | st.text(max_size=9), max_size=6
).map(";".join)
_SIGNATURES = st.text("0123456789abcdef", min_size=64, max_size=64) | st.text(max_size=80)
_PARAMETERS = st.lists(
    st.one_of(
        _CREDENTIALS.map("Credential={}".format),
        _SIGNED.map("SignedHeaders={}".format),
        _SIGNATURES.map("Signature={}".format),
        st.text(max_size=20),
    ),
    max_size=5,
)
_DATES = st.sampled_from([
    *("20260230T000000Z", "00000101T000000Z", "99991231T235959Z", "20260101T000060Z", "2026-01-01T00:00:00Z", ""),
    *("Wed, 25 Nov 2026 00:00:00 GMT", "Wed, 99 Nov 2026 00:00:00 GMT", "Wed, 25 Nov 0000 99:99:99 -0000"),
])  # fmt: skip


def _on_one_line(text: str) -> bytes:
    return text.encode().translate(None, b"\r\n\0")


AUTHORIZATIONS = st.builds(
    lambda word, parameters, comma: _on_one_line(f"{word} {comma.join(parameters)}"),
    _WORDS,
    _PARAMETERS,
    st.sampled_from([", ", ",", " ", ";"]),
)
SIGNING_HEADERS = st.lists(
    st.one_of(
        st.tuples(st.just(b"authorization"), AUTHORIZATIONS),
        st.tuples(st.sampled_from([b"x-amz-date", b"date"]), (_DATES | st.text(max_size=20)).map(_on_one_line)),
        st.tuples(st.just(b"x-amz-security-token"), _VALUES),
    ),
    max_size=4,
)

# --- JSON ---


class Literal(str):
    """Text that stands in the JSON as it is."""

    __slots__ = ()


_LITERALS = st.sampled_from(
    list(map(Literal, ("1e999", "-1e999", "1E5", "5.0", "-0", "NaN", "01", "1_0", "'a'", '"\\x"', '"\\ud800"', "[", "//")))
)
_NUMBERS = st.sampled_from([0, -1, 1, 32, 1024, 2**31, 2**53 + 1, 2**63, 2**64, 10**40, 0.5, 1e308, -1e-308])
_TEXTS = st.text(max_size=20) | st.sampled_from(["", "\0", "\ud800", "\U0001f4a5", "a" * 300, "é" * 5000, "aws:x"])
_ANYTHING = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXTS | _LITERALS,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(_TEXTS, inner), max_size=3).map(tuple),
    max_leaves=6,
) | st.sampled_from([[[[[]]]] * 3, [1] * 1100])

_POLICIES = st.sampled_from(["{}", '{"Version":"2012-10-17"}', "[]", "{", "{" * 3000, '{"a":' * 3000, " "]) | _TEXTS


def _members(names: dict[str, st.SearchStrategy[Any]], most: int = 12) -> st.SearchStrategy[Any]:
    """Objects with some of these members, maybe doubled, and now and then a strange one."""
    pairs = st.sampled_from(list(names)).flatmap(lambda name: st.tuples(st.just(name), names[name]))
    return st.lists(pairs | st.tuples(_TEXTS, _ANYTHING), max_size=most).map(tuple)


def text_of(value: Any) -> str:
    """A value as JSON; tuples of pairs are objects, with their members in order, doubled ones too."""
    if isinstance(value, Literal):
        return value
    if isinstance(value, tuple):
        return "{" + ",".join(f"{json.dumps(name)}:{text_of(member)}" for name, member in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(text_of, value)) + "]"
    return json.dumps(value)


def bodies(operation: str, key_ids: list[str], ciphertexts: list[bytes]) -> st.SearchStrategy[bytes]:
    """Bodies for an operation: near to good ones, with wrong values in between, and some that are no JSON any more."""
    keys = st.sampled_from(key_ids)
    contexts = st.lists(st.tuples(_TEXTS, _TEXTS), max_size=3).map(tuple)
    blobs = (st.sampled_from(ciphertexts).flatmap(lambda made: st.just(made) | mutated(made)) | _ANY_BYTES).map(blob)
    tags = st.lists(_members({"TagKey": _TEXTS, "TagValue": _TEXTS}, 3), max_size=3)
    good: dict[str, st.SearchStrategy[Any]] = {
        **dict.fromkeys(("KeyId", "TargetKeyId", "SourceKeyId", "DestinationKeyId"), keys),
        **dict.fromkeys(("EncryptionContext", "SourceEncryptionContext", "DestinationEncryptionContext"), contexts),
        **dict.fromkeys(("CiphertextBlob", "Plaintext"), blobs),
        "AliasName": st.sampled_from(["alias/a", "alias/b", "alias/aws/x", "alias/", "b"]),
        "Tags": tags,
        "TagKeys": st.lists(_TEXTS, max_size=3),
        "Policy": _POLICIES,
        "PolicyName": st.just("default"),
        "DryRunModifiers": st.lists(st.just("IGNORE_CIPHERTEXT"), max_size=2),
        "Recipient": _members({"KeyEncryptionAlgorithm": st.just("RSAES_OAEP_SHA_256"), "AttestationDocument": blobs}),
        "Description": _TEXTS,
        "Marker": _TEXTS | _ANY_BYTES.map(blob),
    }
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(OPERATIONS[operation].request)}
    names = {name: good.get(name, _NUMBERS | st.booleans() | _TEXTS) for name in fields}
    likely = st.fixed_dictionaries({}, optional=names).map(lambda found: tuple(found.items()))
    odd = _members({name: strategy | _ANYTHING for name, strategy in names.items()})
    whole = (likely | likely | odd | _ANYTHING).map(text_of).map(_utf8)
    return whole | whole.flatmap(mutated)


def _utf8(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


Check = Callable[[], None]
