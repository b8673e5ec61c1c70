"""The HTTP server's clocks and counts: slow, silent, greedy and deaf clients."""

import contextlib
import re
import select
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.wire.http import HttpRequest, HttpResponse, Limits, Respond
from tests.wire.http_harness import GET, Live, echo

POST = b"POST / HTTP/1.1\r\nHost: h\r\n"
NEVER = 1000.0
SHORT = 0.2
LATE = 5.0  # a sweep that looks every 50 ms has long been there, even on a busy machine


def limits(**set_to: float) -> Limits:
    """Limits under which only what the test names can pass."""
    times = dict.fromkeys(("header_timeout", "body_timeout", "idle_timeout", "write_timeout"), NEVER)
    return Limits(**{**times, **set_to})  # type: ignore[arg-type] # some of the numbers are integers


SLOW = {
    "half a request line": (b"GET / HT", "header_timeout"),
    "half a header": (b"GET / HTTP/1.1\r\nHost: ", "header_timeout"),
    "no empty line": (b"GET / HTTP/1.1\r\nHost: h\r\n", "header_timeout"),
    "half a body": (POST + b"Content-Length: 10\r\n\r\nabc", "body_timeout"),
    "no body": (POST + b"Content-Length: 10\r\n\r\n", "body_timeout"),
    "half a chunk": (POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc", "body_timeout"),
    "no last chunk": (POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "body_timeout"),
}


@pytest.mark.parametrize("first", [b"", GET], ids=["first request", "second request"])
@pytest.mark.parametrize(("data", "timer"), SLOW.values(), ids=list(SLOW))
def test_a_half_sent_request_gets_408(data: bytes, timer: str, first: bytes) -> None:
    """A request that stays unfinished is refused when its time is up, and no earlier, on any request."""
    with Live(limits=limits(**{timer: SHORT})) as live, live.client() as client:
        if first:
            client.send(first)
            assert client.answer().status == 200
        start = time.monotonic()
        client.send(data)
        answer = client.answer()
        assert SHORT * 0.9 < time.monotonic() - start < LATE
        assert (answer.status, answer.type) == (408, "RequestTimeoutException")
        assert client.closed()
        assert live.server.refused[timer] == 1


@pytest.mark.parametrize(
    ("data", "timer", "drop"),
    [
        (b"GET / HTTP/1.1\r\n", "header_timeout", b"X: y\r\n"),
        (POST + b"Content-Length: 900\r\n\r\n", "body_timeout", b"x"),
    ],
    ids=["head", "body"],
)
def test_dripping_gains_no_time(data: bytes, timer: str, drop: bytes) -> None:
    """The time is for the whole head or body: a client that sends a little now and then does not prolong it."""
    with Live(limits=limits(**{timer: SHORT})) as live, live.client() as client:
        start = time.monotonic()
        client.send(data)
        while client.quiet(0.02):
            client.send(drop)
            assert time.monotonic() - start < LATE
        assert client.answer().status == 408


SILENT = {
    "never a byte": (b"", b"", "header_timeout"),
    "only empty lines": (b"", b"\r\n\r\n", "header_timeout"),
    "after an answer": (GET, b"", "idle_timeout"),
    "empty lines after an answer": (GET, b"\r\n", "idle_timeout"),
}


@pytest.mark.parametrize(("request_bytes", "after", "timer"), SILENT.values(), ids=list(SILENT))
def test_a_silent_connection_is_closed_without_a_word(request_bytes: bytes, after: bytes, timer: str) -> None:
    """Where no request has begun there is nothing to answer: the connection just ends."""
    with Live(limits=limits(**{timer: SHORT})) as live, live.client() as client:
        start = time.monotonic()
        if request_bytes:
            client.send(request_bytes)
            client.answer()
        client.send(after)
        assert client.closed()
        assert SHORT * 0.9 < time.monotonic() - start < LATE
        assert live.server.refused["idle_timeout"] == 1


def test_idle_time_is_not_head_time() -> None:
    """Between requests the idle time counts, and each new request has its full time again."""
    with Live(limits=limits(header_timeout=SHORT)) as live, live.client() as client:
        for _ in range(2):
            client.send(GET)
            assert client.answer().status == 200
            assert client.quiet(SHORT * 2)


def test_a_handler_has_all_the_time() -> None:
    """No timer runs while the handler works."""
    waiting: list[Respond] = []
    timers = Limits(header_timeout=SHORT, body_timeout=SHORT, idle_timeout=SHORT, write_timeout=SHORT)
    with Live(lambda _, respond: waiting.append(respond), timers) as live, live.client() as client:
        client.send(GET)
        assert client.quiet(SHORT * 3)
        live.call(lambda: waiting[0](HttpResponse(200, b"", b"done")))
        assert client.answer().body == b"done"


def test_connections_are_limited() -> None:
    """One connection too many is closed at once and counted; when one ends there is room again."""
    with Live(limits=limits(max_connections=2)) as live, live.client() as first:
        first.send(GET)
        first.answer()
        with live.client() as second:
            second.send(GET)
            second.answer()
            with live.client() as third:
                assert third.closed()
            assert live.server.refused["too_many_connections"] == 1
        live.until(lambda: len(live.server.connections) == 1)
        assert live.ask(GET.replace(b"h\r\n", b"h\r\nConnection: close\r\n"))[0].status == 200


def big(size: int) -> Callable[[HttpRequest, Respond], None]:
    """A handler whose answers have this size."""
    body = b"x" * size

    def handler(_: HttpRequest, respond: Respond) -> None:
        respond(HttpResponse(200, b"", body))

    return handler


def test_a_client_that_does_not_read_is_cut() -> None:
    """An answer that is not taken in time ends the connection."""
    with Live(big(20_000_000), limits(write_timeout=SHORT)) as live, live.client(receive_buffer=4096) as client:
        client.send(GET)
        assert client.await_reset()
        assert live.server.refused["write_timeout"] == 1


def test_a_last_answer_that_is_not_read_is_cut() -> None:
    """The same where the answer is the last and the connection already closes."""
    with Live(big(20_000_000), limits(write_timeout=SHORT)) as live, live.client(receive_buffer=4096) as client:
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert client.await_reset()


def test_a_slow_reader_gets_all_that_it_reads_in_time() -> None:
    """Answers larger than every buffer arrive whole and in order when the client reads on, also the last one."""
    with Live(big(3_000_000), limits(write_timeout=5)) as live, live.client(receive_buffer=4096) as client:
        client.send(GET * 3 + b"GET / HTTP/1.0\r\n\r\n")
        assert [len(client.answer().body) for _ in range(4)] == [3_000_000] * 4
        assert client.closed()


def test_requests_wait_while_their_client_does_not_read() -> None:
    """A pipelining client that reads nothing does not fill the server's memory with answers."""
    with Live(big(1_000_000), limits()) as live, live.client(receive_buffer=4096) as deaf, live.client() as other:
        deaf.send(GET * 100)
        for _ in range(100):  # each round trip gives the deaf client's connection a turn
            other.send(b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
            other.answer(bodiless=True)
        served = sum(request.method == b"GET" for request in live.seen)
        assert served < 20
        assert [len(deaf.answer().body) for _ in range(100)] == [1_000_000] * 100


def test_reading_pauses_ahead_of_the_answers() -> None:
    """A client that sends on without waiting for its answer is not read without bound, and loses nothing."""
    waiting: list[Respond] = []
    with (
        Live(lambda _, respond: waiting.append(respond), limits(read_ahead=1000)) as live,
        live.client() as client,
    ):
        client.sock.setblocking(False)  # noqa: FBT003 - the socket's own signature
        flood = GET * 1000
        sent = 0
        while select.select([], [client.sock], [], 0.5)[1]:
            with contextlib.suppress(BlockingIOError):
                sent += client.sock.send(flood[sent % len(GET) :])
            assert sent < 100_000_000
        (connection,) = live.server.connections
        assert connection._reader.buffered < 1_000_000
        assert len(live.seen) == 1
        client.sock.settimeout(20)
        for _ in range(50):
            live.call(lambda: waiting.pop()(HttpResponse(200, b"", b"")))
            assert client.answer().status == 200


def test_reading_goes_on_after_a_pause() -> None:
    """Once the answer that was waited for is out, all the requests behind it are read and served."""
    waiting: list[Respond] = []

    def handler(request: HttpRequest, respond: Respond) -> None:
        if waiting:
            echo(request, respond)
        else:
            waiting.append(respond)

    with Live(handler, limits(read_ahead=1000)) as live, live.client() as client:
        client.send(GET * 5000)
        live.until(lambda: any(connection._reading_paused for connection in live.server.connections))
        live.call(lambda: waiting[0](HttpResponse(200, b"", b"")))
        assert [client.answer().status for _ in range(5000)] == [200] * 5000


def test_a_last_answer_arrives_although_unread_input_waits() -> None:
    """Connection: close ends reading, but what the client sent too much does not reset the answer away."""
    waiting: list[Respond] = []
    with Live(lambda _, respond: waiting.append(respond), limits(read_ahead=1000)) as live, live.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + GET * 20_000)
        live.until(lambda: any(connection._reading_paused for connection in live.server.connections))
        live.call(lambda: waiting[0](HttpResponse(200, b"", b"x" * 100_000)))
        assert len(client.answer().body) == 100_000
        assert client.closed()
        assert len(live.seen) == 1


def test_a_write_pause_does_not_disturb_a_request_in_work() -> None:
    """A transport may also pause and resume while the handler works: the request keeps its turn, and its time."""
    waiting: list[Respond] = []
    with Live(lambda _, respond: waiting.append(respond), limits(write_timeout=SHORT)) as live, live.client() as client:
        client.send(GET + GET)
        live.until(lambda: len(waiting) == 1)
        (connection,) = live.server.connections
        live.call(connection.pause_writing)
        live.call(connection.resume_writing)
        assert client.quiet(SHORT * 2)
        assert len(waiting) == 1
        for number in range(2):
            live.until(lambda number=number: len(waiting) == number + 1)  # type: ignore[misc] # bound now
            live.call(lambda number=number: waiting[number](HttpResponse(200, b"", b"")))  # type: ignore[misc] # as above
            assert client.answer().status == 200


def test_a_write_pause_does_not_reopen_a_connection_that_ends() -> None:
    """On a connection that is ending, pause and resume change nothing."""
    with Live(limits=limits(linger_timeout=SHORT)) as live, live.client() as client:
        client.send(b"BAD\r\n\r\n")
        assert client.answer().status == 400
        (connection,) = live.server.connections
        live.call(connection.pause_writing)
        live.call(connection.resume_writing)
        client.send(GET)
        live.until(lambda: not live.server.connections)
        assert live.seen == []


def test_one_pipeline_does_not_keep_the_loop() -> None:
    """After a bounded number of its requests a connection lets others have their turn."""
    turn = 0
    turns: list[int] = []

    def handler(request: HttpRequest, respond: Respond) -> None:
        turns.append(turn)
        echo(request, respond)

    with Live(handler, limits(max_pipelined=3)) as live, live.client() as client:

        def tick() -> None:
            nonlocal turn
            turn += 1
            if len(turns) < 100:
                live.loop.call_soon(tick)

        live.call(tick)
        client.send(GET * 100)
        for _ in range(100):
            client.answer()
    # Three from the bytes' arrival and three from the turn that was already due.
    assert max(turns.count(number) for number in turns) <= 6


def test_a_lingering_client_is_cut() -> None:
    """A refused client that sends on is dropped after so many bytes, and one that stays after so long."""
    with Live(limits=limits(linger_bytes=100_000)) as live, live.client() as client:
        client.send(b"BAD\r\n\r\n")
        assert client.answer().status == 400
        while not select.select([], [], [client.sock], 0)[2] and live.call(lambda: len(live.server.connections)):
            client.send(b"x" * 10_000)
    with Live(limits=limits(linger_timeout=SHORT)) as live, live.client() as client:
        client.send(b"BAD\r\n\r\n")
        assert client.answer().status == 400
        live.until(lambda: not live.server.connections)


@pytest.mark.parametrize("name", Limits.__struct_fields__)
def test_a_bound_of_nothing_is_refused(name: str) -> None:
    """Zero is no limit."""
    with pytest.raises(ValueError, match=name):
        Limits(**{name: 0})


def test_the_docs_give_every_limit_with_its_default() -> None:
    """The page on HTTP has a row for each limit, and no other, with the value that holds."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "http.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", page, re.MULTILINE))
    defaults = Limits()
    assert rows == {name: str(getattr(defaults, name)) for name in Limits.__struct_fields__}
