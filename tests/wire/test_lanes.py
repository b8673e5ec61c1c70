"""Lanes: long work off the loop, answered on it, and no more of it than is bounded."""

import asyncio
import base64
import functools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from strongroom.dispatch import Work
from strongroom.operations.table import OPERATIONS
from strongroom.wire.lanes import SIZES, Lane, Size, Step, open_lanes
from strongroom.wire.messages import HttpRequest
from tests.attestations import Enclave
from tests.core import Clock
from tests.wire.rim import PATIENCE, Rim, call, open_rim, reply

RSA_SIGNING = {"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop of the test's own."""
    own = asyncio.new_event_loop()
    yield own
    own.close()


@pytest.fixture
def rim(tmp_path: Path) -> Iterator[Rim]:
    """An endpoint of the test's own."""
    with open_rim(tmp_path) as opened:
        yield opened


def nothing() -> None:
    """Work without any."""


def held(gate: threading.Event) -> None:
    """Work that lasts until it is let go."""
    assert gate.wait(PATIENCE)


def wait_for(loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any]) -> Any:
    """Run the loop until a future is done."""
    return loop.run_until_complete(asyncio.wait_for(future, PATIENCE))


def test_work_is_done_on_another_thread_and_answered_on_the_loops(loop: asyncio.AbstractEventLoop) -> None:
    """What follows the work runs on the thread that runs the loop; the work itself does not."""
    lane = Lane(Size(1, 8, 1), loop)
    threads: list[int] = []
    answered: asyncio.Future[int] = loop.create_future()
    assert lane.take(lambda: threads.append(threading.get_ident()), lambda: answered.set_result(threading.get_ident()))
    assert wait_for(loop, answered) == threading.get_ident() != threads[0]
    lane.close()


def test_a_full_lane_turns_away_until_one_is_answered(loop: asyncio.AbstractEventLoop) -> None:
    """What waits counts as well as what is at work; an answer makes room for one."""
    lane = Lane(Size(1, 2, 1), loop)
    gate = threading.Event()
    done: list[int] = []
    first, third = loop.create_future(), loop.create_future()
    assert lane.take(lambda: held(gate), lambda: first.set_result(None))
    assert lane.take(nothing, lambda: done.append(2))
    assert not lane.take(nothing, lambda: done.append(0))
    gate.set()
    wait_for(loop, first)
    assert lane.take(nothing, lambda: third.set_result(None))
    wait_for(loop, third)
    assert done == [2]
    lane.close()


def test_answers_wait_for_each_other_while_more_waits(loop: asyncio.AbstractEventLoop) -> None:
    """The loop is woken for so many together, or when nothing more waits; and everybody is answered."""
    lane = Lane(Size(1, 99, 3), loop)
    gate = threading.Event()
    done: list[int] = []
    last: asyncio.Future[None] = loop.create_future()
    lane.take(lambda: held(gate), lambda: done.append(0))
    for number in range(1, 10):
        lane.take(nothing, functools.partial(done.append, number))
    lane.take(nothing, lambda: last.set_result(None))
    wakes = mock.Mock(wraps=loop.call_soon_threadsafe)
    with mock.patch.object(lane, "_loop", mock.Mock(wraps=loop, call_soon_threadsafe=wakes)):
        gate.set()
        wait_for(loop, last)
    assert done == list(range(10))
    assert 1 <= wakes.call_count <= 4
    lane.close()


def test_a_generated_key_waits_for_no_other(loop: asyncio.AbstractEventLoop) -> None:
    """What takes seconds is answered at once, though more of it waits."""
    lane = open_lanes(loop)[Work.GENERATION]
    gate = threading.Event()
    first, second = loop.create_future(), loop.create_future()
    lane.take(nothing, lambda: first.set_result(None))
    lane.take(lambda: held(gate), lambda: second.set_result(None))
    wait_for(loop, first)
    gate.set()
    wait_for(loop, second)
    lane.close()


def test_one_that_fails_keeps_no_other_from_its_answer(loop: asyncio.AbstractEventLoop) -> None:
    """What is finished together is answered each by itself."""
    lane = Lane(Size(1, 8, 1), loop)
    failures: list[BaseException] = []
    loop.set_exception_handler(lambda _, context: failures.append(context["exception"]))
    last: asyncio.Future[None] = loop.create_future()

    def fail() -> None:
        raise ValueError

    for then in (fail, fail, lambda: last.set_result(None)):
        assert lane.take(nothing, then)
    wait_for(loop, last)
    assert [type(failure) for failure in failures] == [ValueError, ValueError]
    lane.close()


def test_a_closed_lane_gives_up_what_waits(loop: asyncio.AbstractEventLoop) -> None:
    """What has begun ends; what has not is never done."""
    lane = Lane(Size(1, 2, 1), loop)
    begun, gate = threading.Event(), threading.Event()
    first: asyncio.Future[None] = loop.create_future()
    done: list[int] = []

    def work() -> None:
        begun.set()
        held(gate)

    lane.take(work, lambda: first.set_result(None))
    lane.take(lambda: done.append(1), lambda: done.append(2))
    assert begun.wait(PATIENCE)
    lane.close()
    gate.set()
    wait_for(loop, first)
    assert done == []


def test_all_long_work_has_a_lane(loop: asyncio.AbstractEventLoop) -> None:
    """Whatever is not short has its threads and its bound."""
    lanes = open_lanes(loop)
    assert lanes.keys() == SIZES.keys() == set(Work) - {Work.SHORT}
    for lane in lanes.values():
        lane.close()


class Held(Lane):
    """A lane that does nothing until it is told to."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: int) -> None:
        super().__init__(Size(1, limit, 1), loop)
        self.gate = threading.Event()
        self.taken = 0

    def take(self, work: Step, then: Step) -> bool:
        """As a lane, behind the gate."""

        def behind() -> None:
            held(self.gate)
            work()

        taken = super().take(behind, then)
        self.taken += taken
        return taken


def hold(rim: Rim, work: Work, limit: int = 8) -> Held:
    """Put a held lane in place of one of the rim's."""
    lane = Held(rim.loop, limit)
    rim.endpoint._lanes = {**rim.endpoint._lanes, work: lane}
    return lane


# The lane of a call's slow half: what the key is, and the call on it.
SLOW: dict[str, tuple[Work, dict[str, str], str, dict[str, Any]]] = {
    "a new RSA key": (Work.GENERATION, {}, "CreateKey", RSA_SIGNING),
    "an RSA data key pair": (Work.GENERATION, {}, "GenerateDataKeyPair", {"KeyPairSpec": "RSA_2048"}),
    "an RSA signature": (
        Work.LONG, RSA_SIGNING, "Sign", {"Message": b"m", "SigningAlgorithm": "RSASSA_PSS_SHA_256"},
    ),
    "an ML-DSA signature": (
        Work.LONG,
        {"KeySpec": "ML_DSA_44", "KeyUsage": "SIGN_VERIFY"},
        "Sign",
        {"Message": b"m", "SigningAlgorithm": "ML_DSA_SHAKE_256"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SLOW)
def test_slow_work_leaves_the_loop_free(rim: Rim, case: str) -> None:
    """While a slow call waits on its lane, the endpoint answers others; then it answers the slow one."""
    work, spec, operation, members = SLOW[case]
    key_id = rim.call("CreateKey", **spec).json["KeyMetadata"]["KeyId"]
    lane = hold(rim, work)
    target = {} if operation == "CreateKey" else {"KeyId": key_id}
    slow = rim.begin(call(operation, members={**target, **members}))
    assert rim.call("ListKeys").status == 200
    assert (lane.taken, slow.done()) == (1, False)
    lane.gate.set()
    assert wait_for(rim.loop, slow).status == 200
    lane.close()


FAST: dict[str, tuple[dict[str, str], str, dict[str, Any]]] = {
    "an HMAC": (
        {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"},
        "GenerateMac",
        {"Message": b"m", "MacAlgorithm": "HMAC_SHA_256"},
    ),
    "a P-256 signature": (
        {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"},
        "Sign",
        {"Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"},
    ),
    "an elliptic data key pair": ({}, "GenerateDataKeyPair", {"KeyPairSpec": "ECC_NIST_P256"}),
    "the description of an RSA key": (RSA_SIGNING, "DescribeKey", {}),
    "a dry run": (
        RSA_SIGNING, "Sign", {"Message": b"m", "SigningAlgorithm": "RSASSA_PSS_SHA_256", "DryRun": True},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FAST)
def test_what_is_quick_takes_no_lane(rim: Rim, case: str) -> None:
    """A hop to a thread and back would cost more than the work itself."""
    spec, operation, members = FAST[case]
    key_id = rim.call("CreateKey", **spec).json["KeyMetadata"]["KeyId"]
    lanes = [hold(rim, work) for work in SIZES]
    rim.call(operation, members={"KeyId": key_id, **members})
    assert [lane.taken for lane in lanes] == [0, 0]
    for lane in lanes:
        lane.close()


def test_a_full_lane_is_answered_with_throttling_and_audited(rim: Rim) -> None:
    """The call beyond the bound is refused as AWS refuses it, with a record; nothing of it was done."""
    lane = hold(rim, Work.GENERATION, limit=1)
    first = rim.begin(call("CreateKey", members=RSA_SIGNING))
    second = rim.call("CreateKey", members=RSA_SIGNING)
    assert (second.status, second.json["__type"]) == (400, "ThrottlingException")
    lane.gate.set()
    assert wait_for(rim.loop, first).status == 200
    assert len(rim.call("ListKeys").json["Keys"]) == 1
    codes = [record.get("errorCode") for record in rim.records() if record["eventName"] == "CreateKey"]
    assert sorted(codes, key=str) == [None, "ThrottlingException"]
    lane.close()


def test_every_slow_operation_is_known() -> None:
    """RSA keys are generated, or their primes tested, by these operations, so these say when they are slow."""
    slow = {name for name, row in OPERATIONS.items() if row.slow is not None}
    assert slow == {
        "CreateKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext", "GetParametersForImport",
        "ImportKeyMaterial",
    }  # fmt: skip


# --- attestation documents ---


@pytest.fixture
def enclave() -> Enclave:
    """An enclave whose documents are of the cores' now."""
    return Enclave(Clock().machine)


@pytest.fixture
def trusting(tmp_path: Path, enclave: Enclave) -> Iterator[Rim]:
    """An endpoint that trusts the enclave's root."""
    with open_rim(tmp_path, attestation_roots=enclave.roots) as opened:
        yield opened


def attested(rim: Rim, document: bytes) -> tuple[str, HttpRequest]:
    """A key, and a request for a data key of it that only an attested recipient can read."""
    key_id = rim.call("CreateKey").json["KeyMetadata"]["KeyId"]
    recipient = {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": document}
    members = {"KeyId": key_id, "KeySpec": "AES_256", "Recipient": recipient}
    return key_id, call("GenerateDataKey", members=members)


def test_an_attestation_document_is_checked_off_the_loop(trusting: Rim, enclave: Enclave) -> None:
    """Checking it and sealing the answer both leave the loop free; the recipient can read the answer."""
    lane = hold(trusting, Work.LONG)
    _, request = attested(trusting, enclave.document())
    waiting = trusting.begin(request)
    assert trusting.call("ListKeys").status == 200
    assert not waiting.done()
    lane.gate.set()
    answer = reply(wait_for(trusting.loop, waiting)).json
    assert len(enclave.open(base64.b64decode(answer["CiphertextForRecipient"]))) == 32
    assert lane.taken == 2
    lane.close()


def test_a_refused_document_is_answered_and_audited(trusting: Rim, enclave: Enclave) -> None:
    """A document that does not hold ends the request, with a record."""
    _, request = attested(trusting, enclave.document()[:-1])
    answer = trusting.ask(request)
    assert (answer.status, answer.json["__type"]) == (400, "ValidationException")
    assert trusting.records()[-1]["errorCode"] == "ValidationException"


def test_a_request_is_decided_on_what_holds_after_the_check(trusting: Rim, enclave: Enclave) -> None:
    """A key that is disabled while the document is being checked is not used."""
    lane = hold(trusting, Work.LONG)
    key_id, request = attested(trusting, enclave.document())
    waiting = trusting.begin(request)
    assert trusting.call("DisableKey", KeyId=key_id).status == 200
    lane.gate.set()
    assert reply(wait_for(trusting.loop, waiting)).json["__type"] == "DisabledException"
    lane.close()
