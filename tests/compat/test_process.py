"""The running processes: start, drain, workers that die, what lies on the disk and in /proc."""

import base64
import json
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.compat.calls import ACCOUNT, REGION, new_alias, new_key, post, signed
from tests.compat.records import database
from tests.policies import open_policy
from tests.support import PATIENCE, PROGRAM, Server, soon
from tests.support_formats import open_sealed_root, read_seal_file


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service with two workers, started with a umask that would let everybody in."""
    data = tmp_path_factory.mktemp("pair") / "data"
    with Server(data, "--workers", "2", before=("/bin/sh", "-c", 'umask 0; exec "$@"', "sh")) as running:
        yield running
        assert running.stop() == 0


def status(server: Server) -> dict[str, Any]:
    """What ``strongroom status`` says."""
    done = subprocess.run(
        [str(PROGRAM), "status", "--data-dir", str(server.data_dir)], capture_output=True, check=True, timeout=30
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def runs(pid: int) -> bool:
    """Whether a process is there and not just a zombie that nobody has waited for."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def listens(port: int) -> bool:
    """Whether a connection to a port of loopback is taken."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


# --- start, stop, restart ---


def test_ready_soon_and_says_so(tmp_path: Path) -> None:
    """One exact line tells the address; a service with one worker is ready in seconds (the figure is printed)."""
    with Server(tmp_path / "first") as first:
        assert first.stop() == 0
    started = time.monotonic()
    with Server(tmp_path / "first") as again:
        seconds = time.monotonic() - started
        print(f"start to ready, one worker, store there: {seconds:.2f} s")
        assert re.fullmatch(
            rf"Strongroom is ready at http://127\.0\.0\.1:[0-9]+ \(account {ACCOUNT}\)", again.ready_line
        )
        assert post(again, "ListKeys", {}).status == 200
        assert again.stop() == 0
    assert seconds < 10


def test_state_survives_a_restart(tmp_path: Path) -> None:
    """Keys, names, tags, policies, states and ciphertexts are there after a stop and a start."""
    with Server(tmp_path / "data") as server:
        kms = server.client()
        key, off, name = (
            new_key(kms, Tags=[{"TagKey": "a", "TagValue": "b"}], Policy=open_policy("kept")),
            new_key(kms),
            new_alias(),
        )
        kms.create_alias(AliasName=name, TargetKeyId=key)
        kms.disable_key(KeyId=off)
        blob = kms.encrypt(KeyId=name, Plaintext=b"kept", EncryptionContext={"a": "b"})["CiphertextBlob"]
        assert server.stop() == 0
    with Server(tmp_path / "data") as server:
        kms = server.client()
        assert kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"})["Plaintext"] == b"kept"
        assert kms.describe_key(KeyId=name)["KeyMetadata"]["Arn"] == key
        assert kms.describe_key(KeyId=off)["KeyMetadata"]["KeyState"] == "Disabled"
        assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "a", "TagValue": "b"}]
        assert kms.get_key_policy(KeyId=key)["Policy"] == open_policy("kept")
        assert server.stop() == 0


@contextmanager
def half_sent(server: Server) -> Iterator[tuple[socket.socket, bytes]]:
    """A connection with a request that the server has begun to read, and the rest of its body."""
    headers, body = signed(server, "GenerateRandom", {"NumberOfBytes": 8})
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join(["POST / HTTP/1.1", *lines, f"Content-Length: {len(body)}", "Expect: 100-continue", "", ""])
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as slow:
        slow.sendall(head.encode())
        assert slow.recv(100).startswith(b"HTTP/1.1 100 ")
        slow.sendall(body[:5])
        yield slow, body[5:]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains(tmp_path: Path, number: signal.Signals) -> None:
    """A request that has begun is answered after the signal, and the exit code is 0."""
    with Server(tmp_path / "data", "--workers", "2") as server:
        with half_sent(server) as (slow, rest):
            server.process.send_signal(number)
            assert soon(lambda: not (server.data_dir / "admin.sock").exists())
            assert server.process.poll() is None
            slow.sendall(rest)
            answer = b"".join(iter(lambda: slow.recv(4096), b""))
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert len(base64.b64decode(json.loads(answer.partition(b"\r\n\r\n")[2])["Plaintext"])) == 8
        assert server.process.wait(timeout=PATIENCE) == 0


def test_nothing_new_is_taken_while_draining(tmp_path: Path) -> None:
    """After SIGTERM new connections are refused, and do not hang until the drain is over."""
    with Server(tmp_path / "data", "--workers", "2") as server:
        with half_sent(server):
            server.process.terminate()
            assert soon(lambda: not listens(server.port))
        assert server.process.wait(timeout=PATIENCE) == 0


def test_idle_connections_do_not_hold_the_drain(tmp_path: Path) -> None:
    """Kept-alive and silent connections are closed by SIGTERM, long before the drain's patience ends."""
    with Server(tmp_path / "data") as server:
        kms = server.client()
        kms.list_keys()
        with ExitStack() as silent:
            for _ in range(20):
                silent.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            started = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - started < 10


# --- workers ---


def test_a_killed_worker_is_started_again(tmp_path: Path) -> None:
    """After the death of its workers the service has new ones, on the same port, with the same state."""
    with Server(tmp_path / "data", "--workers", "2") as server:
        key = new_key(server.client())
        old = status(server)["workers"]
        for pid in old:
            os.kill(pid, signal.SIGKILL)

        def served() -> bool:
            workers = status(server)["workers"]
            return len(workers) == 2 and not set(workers) & set(old) and all(map(runs, workers))

        assert soon(served)
        for _ in range(20):
            assert post(server, "DescribeKey", {"KeyId": key}).status == 200
        assert server.stop() == 0


def test_workers_do_not_outlive_the_supervisor(tmp_path: Path) -> None:
    """When the supervisor is killed its workers end by themselves and leave the port and the folder free."""
    with Server(tmp_path / "data", "--workers", "2") as server:
        key = new_key(server.client())
        workers = status(server)["workers"]
        assert all(map(runs, workers))
        server.process.kill()
        server.process.wait()
        assert soon(lambda: not any(map(runs, workers)))
        assert not listens(server.port)
        with Server(tmp_path / "data") as again:
            assert again.client().describe_key(KeyId=key)["KeyMetadata"]["Arn"] == key
            assert again.stop() == 0


# --- what lies open ---


def test_nothing_on_the_disk_is_open_to_others(pair: Server) -> None:
    """Files are 0600 or less and folders 0700, whatever the umask; the seal file lies outside the data folder."""
    post(pair, "CreateKey", {})
    paths = [pair.data_dir, *pair.data_dir.rglob("*")]
    open_paths = [str(path) for path in paths if stat.S_IMODE(path.lstat().st_mode) & 0o077]
    assert open_paths == []
    assert stat.S_IMODE(pair.data_dir.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.lstat().st_mode) & 0o177 == 0 for path in paths if not path.is_dir())
    assert {path.suffix for path in paths} >= {".db", ".spool", ".sock"}
    seal = pair.data_dir.with_name("data.seal")
    assert stat.S_IMODE(seal.stat().st_mode) == 0o600


def processes(server: Server) -> list[int]:
    """The supervisor and its workers."""
    told = status(server)
    return [told["supervisor"], *told["workers"]]


def test_no_process_leaves_a_core(pair: Server) -> None:
    """The limit of core files is zero; to other users, and to the same one, the processes are not dumpable."""
    found = processes(pair)
    assert len(found) == 3
    for pid in found:
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert re.search(r"^Max core file size +0 +0 +bytes", limits, re.MULTILINE)
        # proc(5): the files of a process that is not dumpable belong to root, whoever runs it.
        assert Path(f"/proc/{pid}/environ").stat().st_uid != os.getuid() or os.getuid() == 0


def test_a_hardened_process_is_not_dumpable() -> None:
    """The kernel itself says so (prctl(2), PR_GET_DUMPABLE); where root runs the tests, /proc does not show it."""
    code = (
        "import ctypes; from strongroom.hardening import harden;"
        " get = lambda: ctypes.CDLL(None).prctl(3, 0, 0, 0, 0); before = get(); harden(); print(before, get())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.split()[1] == "0"


def test_the_root_key_is_in_no_command_line_or_environment(pair: Server) -> None:
    """Neither root key nor seal key, in any spelling, is in what /proc shows of the processes, or in the log."""
    seal_key = read_seal_file(pair.data_dir.with_name("data.seal").read_text())
    with closing(sqlite3.connect(f"file:{database(pair.data_dir)}?mode=ro", uri=True)) as connection:
        ((sealed,),) = connection.execute("SELECT sealed FROM root_keys").fetchall()
    root = open_sealed_root(sealed, seal_key).root
    spellings = [
        form
        for key in (root, seal_key)
        for form in (key, key.hex().encode(), base64.b64encode(key), repr(key).encode())
    ]
    shown = [pair.log.read_bytes()]
    for pid in processes(pair):
        shown.append(Path(f"/proc/{pid}/cmdline").read_bytes())
        assert b"strongroom" in shown[-1]
        try:
            shown.append(Path(f"/proc/{pid}/environ").read_bytes())
        except PermissionError:
            assert os.getuid() != 0  # not dumpable: closed to its own user
    assert not [form for form in spellings if any(form in text for text in shown)]


# --- dev mode and the browser ---


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:{port}", "127.0.0.1:{port}", "[::1]:{port}", "kms.localhost:{port}"]
)
def test_dev_mode_answers_to_loopback_names(server: Server, host: str) -> None:
    """Every name of loopback is fine, with a port or without."""
    answer = post(server, "ListKeys", {"Limit": 1}, headers={"Host": host.format(port=server.port)})
    assert answer.status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.1", ""]
)
def test_dev_mode_answers_to_no_other_name(server: Server, host: str) -> None:
    """A web page that lets its own name point at loopback gets nothing, even with a good signature."""
    answer = post(server, "ListKeys", {"Limit": 1}, headers={"Host": host.format(port=server.port)})
    assert 400 <= answer.status < 500
    assert b"Keys" not in answer.body


@pytest.mark.parametrize("path", ["/metrics", "/health/live", "/health/ready"])
def test_pages_of_dev_mode_answer_to_no_other_name(server: Server, path: str) -> None:
    """The same holds for pages that need no signature."""
    for host, fine in ((f"localhost:{server.port}", True), ("evil.example", False)):
        with closing(HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)) as connection:
            connection.request("GET", path, headers={"Host": host})
            with connection.getresponse() as response:
                assert (response.status == 200) == fine


def test_dev_mode_answers_to_a_name_that_was_allowed(tmp_path: Path) -> None:
    """--allow-host adds a name."""
    with Server(tmp_path / "data", "--allow-host", "kms.test") as server:
        for host, code in (("kms.test", 200), ("kms.test:8080", 200), ("KMS.test", 200), ("other.test", 400)):
            assert post(server, "ListKeys", {}, headers={"Host": host}).status == code
        assert server.stop() == 0


def test_signatures_are_checked_in_dev_mode(server: Server) -> None:
    """Dev mode's keys have the secret ``test`` and no other."""
    for access_key, secret, fault in (
        ("test", "Test", "InvalidSignatureException"),
        (ACCOUNT, "wrong", "InvalidSignatureException"),
        ("12345678901", "test", "UnrecognizedClientException"),
        ("1234567890123", "test", "UnrecognizedClientException"),
        ("root", "test", "UnrecognizedClientException"),
    ):
        assert post(server, "ListKeys", {}, access_key=access_key, secret=secret).fault == fault
    assert post(server, "ListKeys", {}, region="mars-north-1").fault == "InvalidSignatureException"
    assert post(server, "ListKeys", {}, access_key=ACCOUNT, region=REGION).status == 200
