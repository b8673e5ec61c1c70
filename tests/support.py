"""What tests share: the real server process, and clients for it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

import boto3
import pytest
from botocore.config import Config

PROGRAM = Path(sys.executable).with_name("strongroom")
SOAK = os.environ.get("SOAK") == "1"
PATIENCE = 20.0
"""Seconds for what must happen soon."""


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without AWS's and our own variables, and ``more``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STRONGROOM_"))}
    return kept | more


def need(program: str) -> str:
    """The path of a program that a test needs; without it the test is left out, but in CI it fails."""
    path = shutil.which(program)
    if path is None:
        reason = f"left out: {program} is not installed"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def soon(holds: Callable[[], bool]) -> bool:
    """Wait until something holds; False when patience ends."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.02)
    return holds()


class Server:
    """A ``strongroom serve`` process on a free port of loopback.

    Args:
        data_dir: Its data folder; the seal file goes beside it.
        flags: More flags; without ``dev=False``, ``--dev`` is among them.
        before: A command that starts the program, such as strace with its options.
        environment: More variables.
    """

    def __init__(
        self,
        data_dir: Path,
        *flags: str,
        dev: bool = True,
        before: Iterable[str] = (),
        environment: dict[str, str] | None = None,
    ) -> None:
        self.data_dir = data_dir
        self.log = data_dir.with_name(data_dir.name + ".log")
        command = [*before, str(PROGRAM), "serve", "--data-dir", str(data_dir), "--port", "0", *flags]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--dev"] if dev else command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=clean_environment(**(environment or {})),
                start_new_session=True,
            )
        self.ready_line = self._first_line()
        self.url = self.ready_line.split()[4]
        self.port = int(self.url.rsplit(":", 1)[1])

    def _first_line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode().strip()
        if not line.startswith("Strongroom is ready at "):
            self.kill()
            raise AssertionError(f"not ready: {line!r}\n{self.log.read_text()}")
        return line

    def client(
        self,
        region: str = "us-east-1",
        access_key: str = "test",
        secret: str = "test",
        service: str = "kms",
        **more: Any,
    ) -> Any:
        """A boto3 client for this server that does not retry."""
        config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret,
            config=config,
            **more,
        )

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.terminate()
        code = self.process.wait(timeout=60)
        self._close()
        return code

    def kill(self) -> None:
        """SIGKILL to the supervisor and all its workers at once, as a power switch would."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=10)
        self._close()

    def _close(self) -> None:
        if self.process.stdout is not None:
            self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
