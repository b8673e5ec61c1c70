"""Requests that take long, and those that must not wait for them."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.compat.calls import ask, new_key
from tests.support import Server

# Both kinds of request make an RSA key, one after the other on one thread of the service.
LONG: dict[str, dict[str, Any]] = {
    "CreateKey": {"KeySpec": "RSA_4096", "KeyUsage": "SIGN_VERIFY"},
    "GenerateDataKeyPair": {"KeyPairSpec": "RSA_4096"},
}
AT_ONCE = 4


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service with one worker that nobody else calls."""
    with Server(tmp_path_factory.mktemp("alone") / "data", "--workers", "1") as running:
        yield running
        assert running.stop() == 0


@pytest.mark.parametrize("operation", LONG)
def test_short_requests_do_not_wait_for_new_rsa_keys(alone: Server, operation: str) -> None:
    """While several RSA_4096 keys are being made, Encrypt, Sign and DescribeKey are answered all the time."""
    kms = alone.client()
    key = new_key(kms)
    signer = new_key(kms, KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    short: list[tuple[str, dict[str, Any]]] = [
        ("Encrypt", {"KeyId": key, "Plaintext": b"x"}),
        ("Sign", {"KeyId": signer, "Message": b"x", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}),
        ("DescribeKey", {"KeyId": key}),
    ]
    request = LONG[operation] | ({"KeyId": key} if operation == "GenerateDataKeyPair" else {})
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting: list[Future[Any]] = [pool.submit(ask, alone.client(), operation, request) for _ in range(AT_ONCE)]
        answered_meanwhile, slowest = 0, 0.0
        while not all(future.done() for future in waiting):
            for name, members in short:
                began = time.monotonic()
                ask(kms, name, members)
                slowest = max(slowest, time.monotonic() - began)
            answered_meanwhile += not all(future.done() for future in waiting)
        for future in waiting:
            assert future.result()
    # On a loop that waited for the keys there would be one round for each key at most.
    assert answered_meanwhile > 3 * AT_ONCE
    assert slowest < 5
