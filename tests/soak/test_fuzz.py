"""Whatever strangers send to the running service: clean refusals or a closed connection, and it goes on."""

import base64
import contextlib
import json
import re
import socket
import struct
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import strongroom.operations.kms  # noqa: F401 - fills the table
from strongroom import sigv4
from strongroom.operations.table import OPERATIONS
from tests.soak import fuzz
from tests.soak.found import workers_of
from tests.soak.wire import ACCOUNT, REGION, Answer, LostError, Wire, blob, sign, target
from tests.support import SOAK, Server

PATIENCE = 10.0
"""Seconds without a byte after which a test calls it a hang; the service's own limits are shorter."""

ENCRYPT = b'{"KeyId": "alias/a", "Plaintext": "c2VjcmV0"}'
DESCRIBE = b'{"KeyId": "%b", "Description": "left"}'

_HEAD = re.compile(rb"HTTP/1\.1 (\d{3}) [ -~]+\r\n((?:[!-~]+: [ -~]*\r\n)*)\r\n")
_CUTS = st.lists(st.integers(1, 3000), max_size=3).map(sorted)

pytestmark = pytest.mark.soak


def many(normally: int) -> settings:
    """So many examples normally, ten times as many in the soak."""
    return settings(
        max_examples=normally * (10 if SOAK else 1),
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


# --- the service under fire ---


class Victim(NamedTuple):
    """The service under fire.

    Attributes:
        keys: Everything that can stand in a KeyId.
        ciphertexts: Ciphertexts of its keys.
    """

    server: Server
    keys: tuple[str, ...]
    ciphertexts: tuple[bytes, ...]


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """A service with short time limits; at the end: the same workers, nothing wrong in its log, good calls answered."""
    limits = {"STRONGROOM_HEADER_SECONDS": "2", "STRONGROOM_BODY_SECONDS": "2"}
    with Server(tmp_path_factory.mktemp("victim") / "data", environment=limits) as server:
        workers = workers_of(server.data_dir)
        with Wire(server.port) as wire:
            arns = [wire.ask("CreateKey", {})["KeyMetadata"]["Arn"] for _ in range(3)]
            wire.ask("CreateAlias", {"AliasName": "alias/a", "TargetKeyId": arns[0]})
            made = [wire.ask("Encrypt", {"KeyId": arn, "Plaintext": blob(b"secret")}) for arn in arns]
        yield Victim(server, _key_ids(arns), tuple(base64.b64decode(one["CiphertextBlob"]) for one in made))
        with Wire(server.port) as wire:
            key = wire.ask("CreateKey", {})["KeyMetadata"]["KeyId"]
            wire.ask("Encrypt", {"KeyId": key, "Plaintext": blob(b"secret")})
        assert workers_of(server.data_dir) == workers
        entries = [json.loads(line) for line in server.log.read_text().splitlines()]
        assert [entry for entry in entries if entry["level"] in {"ERROR", "CRITICAL"} or "traceback" in entry] == []
        assert server.stop() == 0


@pytest.fixture
def ready(victim: Victim) -> Victim:
    """The service with its keys and its alias as they were, whatever other tests did to them."""
    first = victim.keys[0]
    with Wire(victim.server.port) as wire:
        for key in victim.keys[:3]:
            wire.call("CancelKeyDeletion", {"KeyId": key})
            wire.ask("EnableKey", {"KeyId": key})
        wire.call("CreateAlias", {"AliasName": "alias/a", "TargetKeyId": first})
        wire.ask("UpdateAlias", {"AliasName": "alias/a", "TargetKeyId": first})
    return victim


def _key_ids(arns: list[str]) -> tuple[str, ...]:
    """Key ids, aliases and ARNs, good and wrong."""
    key_id = arns[0].rpartition("/")[2]
    return (
        *(*arns, key_id, "alias/a", f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/a"),
        *(
            "alias/missing",
            "alias/",
            "",
            "a" * 2049,
            key_id.upper(),
            f"mrk-{'0' * 32}",
            "arn:aws:kms:::key/",
            "\0",
            "é",
        ),
        f"arn:aws:kms:{REGION}:999999999999:key/{key_id}",
        f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{key_id}",
        f"arn:aws-cn:kms:{REGION}:{ACCOUNT}:key/{key_id}",
    )


class Reply(NamedTuple):
    """One HTTP answer."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


def talk(victim: Victim, data: bytes, cuts: list[int]) -> list[Reply]:
    """Send bytes in pieces, say that no more will come, and read until the service closes; the answers."""
    received = b""
    with socket.create_connection(("127.0.0.1", victim.server.port), PATIENCE) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):  # what it said before it closed is read below
            for start, end in pairwise([0, *cuts, len(data)]):
                sock.sendall(data[start:end])
            sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while piece := sock.recv(1 << 16):
                received += piece
    return list(_replies(received))


def _replies(received: bytes) -> Iterator[Reply]:
    while received:
        head = _HEAD.match(received)
        assert head, f"not HTTP: {received[:200]!r}"
        headers = dict(line.lower().split(b": ", 1) for line in head[2].split(b"\r\n")[:-1])
        received = received[head.end() :]
        # An answer to HEAD tells the length of a body that does not come; no body of ours begins like an answer.
        there = bool(received) and not received.startswith(b"HTTP/1.1 ")
        length = int(headers.get(b"content-length", b"0")) if there else 0
        assert len(received) >= length, "the answer is cut off"
        if head[1] != b"100":
            yield Reply(int(head[1]), headers, received[:length])
        received = received[length:]


def clean(reply: Reply) -> None:
    """Require success, or a fault of the caller's in AWS's form."""
    assert reply.status == 200 or 400 <= reply.status < 500, reply
    if reply.status != 200:
        assert reply.headers[b"content-type"] == b"application/x-amz-json-1.1"
        assert b"x-amzn-requestid" in reply.headers
        assert not reply.body or json.loads(reply.body)["__type"], reply


# --- bytes ---


@many(500)
@given(data=fuzz.STREAMS, cuts=_CUTS)
def test_arbitrary_bytes(victim: Victim, data: bytes, cuts: list[int]) -> None:
    """Any bytes in any pieces get clean faults, a page that needs no signature, or a closed connection."""
    for reply in talk(victim, data, cuts):
        clean(reply)


@many(500)
@given(data=st.data(), cuts=_CUTS, chunks=st.sampled_from([0, 0, 1, 7, 4000]))
def test_mutated_requests(ready: Victim, data: st.DataObject, cuts: list[int], chunks: int) -> None:
    """A good signed request with a few bytes changed gets clean faults, or success where nothing signed was changed."""
    request = fuzz.http(b"POST", b"/", sign(ready.server.port, target("Encrypt"), ENCRYPT), ENCRYPT, chunks)
    assert [reply.status for reply in talk(ready, request, cuts)] == [200]
    for reply in talk(ready, data.draw(fuzz.mutated(request)), cuts):
        clean(reply)


@many(500)
@given(
    method=fuzz.METHODS,
    path=fuzz.PATHS,
    query=fuzz.QUERIES,
    operation=fuzz.TARGETS,
    more=fuzz.MORE_HEADERS,
    body=st.binary(max_size=3000),
    cuts=_CUTS,
)
def test_signed_requests_of_any_form(  # noqa: PLR0917 - the parts of a request in their own order
    victim: Victim,
    method: bytes,
    path: bytes,
    query: bytes,
    operation: bytes,
    more: fuzz.Headers,
    body: bytes,
    cuts: list[int],
) -> None:
    """A right signature over any method, path, query, headers, target and body gets one clean answer at most."""
    headers = [(b"host", b"127.0.0.1:%d" % victim.server.port), (b"x-amz-target", operation), *more]
    signing = {"access_key": "test", "secret": "test", "region": REGION, "service": "kms"}
    added = sigv4.sign(method, path, query, headers, body, **signing, timestamp=time.time())
    answers = talk(victim, fuzz.http(method, path + (b"?" + query if query else b""), [*headers, *added], body), cuts)
    assert len(answers) <= 1
    for reply in answers:
        clean(reply)


@many(500)
@given(headers=fuzz.SIGNING_HEADERS)
def test_arbitrary_signatures(victim: Victim, headers: fuzz.Headers) -> None:
    """Nothing in the headers of a signature but a right one is let in, and every fault is clean."""
    sent = [(b"host", b"localhost"), *target("ListKeys"), *headers]
    (reply,) = talk(victim, fuzz.http(b"POST", b"/", sent, b"{}"), [])
    clean(reply)
    assert reply.status != 200


def test_clients_that_leave(ready: Victim) -> None:
    """Who drops the connection with a request on its way harms nobody else; what goes wrong there would be logged."""
    for operation, body in (("Encrypt", ENCRYPT), ("UpdateKeyDescription", DESCRIBE % ready.keys[0].encode())) * 100:
        request = fuzz.http(b"POST", b"/", sign(ready.server.port, target(operation), body), body)
        with socket.create_connection(("127.0.0.1", ready.server.port), PATIENCE) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing resets
            sock.sendall(request)
    with Wire(ready.server.port) as wire:
        wire.ask("DescribeKey", {"KeyId": ready.keys[0]})


# --- JSON ---


@pytest.mark.parametrize("operation", OPERATIONS)
@many(40)
@given(data=st.data())
def test_arbitrary_json(ready: Victim, operation: str, data: st.DataObject) -> None:
    """Any body under a right signature gets success or a clean fault, on a connection that stays open."""
    strategy = fuzz.bodies(operation, ready.keys, ready.ciphertexts)
    drawn = data.draw(st.lists(strategy, min_size=5, max_size=5))  # before the connection is there, and idle
    with Wire(ready.server.port) as wire:
        for body in drawn:
            answer = _post(wire, operation, body)
            assert answer.status == 200 or (answer.status == 400 and answer.fault), answer


def _post(wire: Wire, operation: str, body: bytes) -> Answer:
    try:
        return wire.post(target(operation), body)
    except LostError:
        raise AssertionError(f"{operation} {body!r} got no answer") from None


# --- silence ---

SILENT = {
    "nothing": b"",
    "half a head": b"POST / HTTP/1.1\r\nHost: localhost\r\n",
    "half a body": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n12",
    "half a chunk": b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12",
}


@pytest.mark.parametrize("data", SILENT.values(), ids=SILENT.keys())
def test_silent_clients_are_let_go(victim: Victim, data: bytes) -> None:
    """Who stops in the middle and keeps the connection open gets 408 or nothing, and the connection is closed."""
    with socket.create_connection(("127.0.0.1", victim.server.port), PATIENCE) as sock:
        sock.sendall(data)
        received = b""
        while piece := sock.recv(1 << 16):
            received += piece
    assert [reply.status for reply in _replies(received)] == ([408] if data else [])
