"""`make bench`: the operations over HTTP beside their limits in the same run; medians of several rounds.

The limits are a bare HTTP echo on the same stack, and the bare primitive in a loop. Machines are noisy: compare
columns of one run, not runs.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import msgspec
from botocore.config import Config

from bench.load import Figures, measure
from strongroom import sigv4
from strongroom.keystores.root import RootKeys
from strongroom.keystores.software import SoftwareKeyStore
from strongroom.model.ciphertext import parse_header
from strongroom.model.key import Key
from strongroom.model.region import Realm
from strongroom.model.spec import KeyManager, KeySpec, KeyUsage, Origin
from strongroom.model.state import KeyState

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "2"))
CONNECTIONS = 32
PLAINTEXT = bytes(range(256)) * 4
CONTEXT = {"purpose": "bench", "tenant": "example"}
PROGRAM = Path(sys.executable).with_name("strongroom")


@contextmanager
def _service(folder: Path) -> Iterator[tuple[int, list[int], float]]:
    """A dev service with one worker: its port, its processes and the seconds that it took to be ready."""
    started = time.perf_counter()
    command: list[str | Path] = [
        PROGRAM,
        "serve",
        "--dev",
        "--port",
        "0",
        "--data-dir",
        folder / "data",
        "--log-level",
        "ERROR",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().split()[4].rpartition(":")[2])
        ready = time.perf_counter() - started
        try:
            yield port, [process.pid, *_children(process.pid)], ready
        finally:
            process.terminate()


@contextmanager
def _echo_server() -> Iterator[tuple[int, list[int]]]:
    with subprocess.Popen(
        [sys.executable, Path(__file__).with_name("echo.py")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), [process.pid]
        finally:
            process.terminate()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _request(port: int, operation: str, **members: Any) -> bytes:
    """A signed request, good for five minutes."""
    body = msgspec.json.encode(members)
    headers = [
        (b"host", f"127.0.0.1:{port}".encode()),
        (b"content-type", b"application/x-amz-json-1.1"),
        (b"x-amz-target", f"TrentService.{operation}".encode()),
        (b"user-agent", b"Boto3/1.44.8 md/Botocore#1.44.8 ua/2.1 os/linux lang/python cfg/retry-mode#legacy"),
    ]
    signed = sigv4.sign(
        b"POST", b"/", b"", headers, body,
        access_key="test", secret="test", region="us-east-1", service="kms", timestamp=time.time(),
    )  # fmt: skip
    lines = [b"POST / HTTP/1.1", *(b"%b: %b" % header for header in [*headers, *signed])]
    return b"\r\n".join([*lines, b"content-length: %d" % len(body), b"", b""]) + body


def _primitives() -> dict[str, Callable[[], object]]:
    """What the work itself costs, as the bare call in this process."""
    store = SoftwareKeyStore(RootKeys.create())
    key = Key(
        realm=Realm("123456789012", "us-east-1"),
        key_id="1234abcd-12ab-34cd-56ef-1234567890ab",
        spec=KeySpec.SYMMETRIC_DEFAULT,
        usage=KeyUsage.ENCRYPT_DECRYPT,
        origin=Origin.AWS_KMS,
        manager=KeyManager.CUSTOMER,
        state=KeyState.ENABLED,
        description="",
        created_at=0.0,
    )
    material = store.generate(key)
    blob = store.encrypt(key, material, PLAINTEXT, CONTEXT)
    header = parse_header(blob)
    return {
        "Encrypt 1 KiB": lambda: store.encrypt(key, material, PLAINTEXT, CONTEXT),
        "Decrypt 1 KiB": lambda: store.decrypt(key, material, header, blob, CONTEXT),
        "GenerateDataKey": lambda: store.encrypt(key, material, store.random(32), CONTEXT),
        "DescribeKey": lambda: None,
        "CreateKey": lambda: store.generate(key),
    }


def _bare(call: Callable[[], object]) -> float:
    """Microseconds of CPU for one bare call, the best of five loops."""
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        for _ in range(2000):
            call()
        best = min(best, (time.process_time() - started) / 2000)
    return best * 1e6


def _requests(port: int) -> dict[str, list[bytes]]:
    client = boto3.client(
        "kms",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )
    key_id = client.create_key()["KeyMetadata"]["KeyId"]
    blob = client.encrypt(KeyId=key_id, Plaintext=PLAINTEXT, EncryptionContext=CONTEXT)["CiphertextBlob"]
    return {
        "Encrypt 1 KiB": [_request(port, "Encrypt", KeyId=key_id, Plaintext=PLAINTEXT, EncryptionContext=CONTEXT)],
        "Decrypt 1 KiB": [_request(port, "Decrypt", CiphertextBlob=blob, EncryptionContext=CONTEXT)],
        "GenerateDataKey": [
            _request(port, "GenerateDataKey", KeyId=key_id, KeySpec="AES_256", EncryptionContext=CONTEXT)
        ],
        "DescribeKey": [_request(port, "DescribeKey", KeyId=key_id)],
        "CreateKey": [_request(port, "CreateKey")],
    }


def _median(rounds: list[Figures]) -> Figures:
    return Figures(*(statistics.median(column) for column in zip(*rounds, strict=True)))


def main() -> None:
    """Measure and print."""
    figures: dict[str, list[Figures]] = {}
    ready: list[float] = []
    with tempfile.TemporaryDirectory() as name, _echo_server() as (echo_port, echo_pids):
        for number in range(ROUNDS):
            folder = Path(name, str(number))
            folder.mkdir()
            with _service(folder):  # so that the start that is timed finds a data folder
                pass
            with _service(folder) as (port, pids, seconds):
                ready.append(seconds)
                requests = _requests(port)
                echo = [requests["Encrypt 1 KiB"][0]]
                figures.setdefault("bare echo", []).append(
                    measure(echo_port, echo, echo_pids, connections=CONNECTIONS, seconds=SECONDS)
                )
                for operation, prepared in requests.items():
                    result = measure(port, prepared, pids, connections=CONNECTIONS, seconds=SECONDS)
                    figures.setdefault(operation, []).append(result)
    _print(figures, ready)


def _print(figures: dict[str, list[Figures]], ready: list[float]) -> None:
    primitives = _primitives()
    echo = _median(figures["bare echo"])
    print(f"{CONNECTIONS} connections, one worker, {ROUNDS} rounds of {SECONDS:g} s, medians; CPU of the whole service")
    print(f"{'':18}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'CPU us':>9}{'bare us':>9}{'CPU / echo':>12}")
    for name, rounds in figures.items():
        row = _median(rounds)
        bare = f"{_bare(primitives[name]):9.1f}" if name in primitives else f"{'':9}"
        print(
            f"{name:18}{row.rate:9.0f}{row.p50 / 1e3:9.2f}{row.p99 / 1e3:9.2f}{row.cpu:9.1f}{bare}"
            f"{row.cpu / echo.cpu:12.1f}"
        )
    print(f"start to ready: {statistics.median(ready):.2f} s (best {min(ready):.2f} s)")


if __name__ == "__main__":
    main()
