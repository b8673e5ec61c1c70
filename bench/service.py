"""The servers that are measured, and the requests that they get."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import msgspec
from botocore.config import Config

from strongroom import sigv4

PROGRAM = Path(sys.executable).with_name("strongroom")


@contextmanager
def service(folder: Path) -> Iterator[tuple[int, list[int], float]]:
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
def echo_server() -> Iterator[tuple[int, list[int]]]:
    """The bare echo: its port and its process."""
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


def signed_request(port: int, operation: str, **members: Any) -> bytes:
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


def client(port: int) -> Any:
    """A boto3 client of the service."""
    return boto3.client(
        "kms",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )


def bare(call: Callable[[], object], seconds: float = 0.1) -> float:
    """Microseconds of CPU of a call in this process, the best of five loops of about ``seconds``."""
    started = time.process_time()
    call()
    count = max(1, int(seconds / max(time.process_time() - started, 1e-6)))
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        for _ in range(count):
            call()
        best = min(best, (time.process_time() - started) / count)
    return best * 1e6
