"""The supervisor in this process, with real workers where it needs any."""

import asyncio
import errno
import gc
import logging
import os
import signal
import socket
import sys
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from strongroom import supervisor as module
from strongroom.admin import AdminRequest, ask
from strongroom.datafolder import DataFolder, NotOursError
from strongroom.handover import Handover
from strongroom.ports import StoreUnavailableError
from strongroom.settings import METRICS_VARIABLE, Settings
from strongroom.supervisor import StartError, Supervisor
from tests.core import OTHER
from tests.processwide import restored_process

PATIENCE = 60
Script = Callable[[Supervisor, str], Awaitable[None]]


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Workers get an environment without settings of ours; the process is as it was after."""
    for name in [name for name in os.environ if name.startswith("STRONGROOM_")]:
        monkeypatch.delenv(name)
    with restored_process():
        yield


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A dev service on a free port; as the program does it, its workers inherit where to count."""
    found = Settings(data_dir=tmp_path / "data", port=0, dev=True, log_level="ERROR")
    monkeypatch.setenv(METRICS_VARIABLE, str(found.metrics_dir))
    return found


def serve(settings: Settings, script: Script) -> None:
    """Run the service; once it is ready, a script, and then the signal that stops it."""

    async def main() -> None:
        said: asyncio.Queue[str] = asyncio.Queue()
        supervisor = Supervisor(settings, said.put_nowait)
        service = asyncio.create_task(supervisor.run())
        ready = asyncio.create_task(said.get())
        await asyncio.wait({service, ready}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            await service
        try:
            await asyncio.wait_for(script(supervisor, ready.result()), PATIENCE)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.wait_for(service, PATIENCE)

    asyncio.run(main())


def healthy(url: str) -> bool:
    """Whether the service answers; its metrics leave a file for each worker that was asked."""
    try:
        for path in ("/health/ready", "/metrics"):
            with urllib.request.urlopen(f"{url}{path}", timeout=PATIENCE) as page:  # noqa: S310 - loopback
                if page.status != 200:
                    return False
    except OSError:
        return False
    return True


def test_a_service_from_start_to_stop(settings: Settings) -> None:
    """It says where it is, answers, tells its status, starts a killed worker again, and takes all with it."""
    pids: list[int] = []

    async def script(_supervisor: Supervisor, line: str) -> None:
        url = line.split()[4]
        assert line == f"Strongroom is ready at {url} (account 123456789012)"
        assert await asyncio.to_thread(healthy, url)
        status = (await asyncio.to_thread(ask, settings.data_dir, AdminRequest("status"))).result or {}
        (first,) = status["workers"]
        assert status == {
            "url": url,
            "account": "123456789012",
            "mode": "dev",
            "supervisor": os.getpid(),
            "workers": [first],
        }
        os.kill(first, signal.SIGKILL)
        # Its socket stays open: the next connection waits for the next worker.
        assert await asyncio.to_thread(healthy, url)
        status = (await asyncio.to_thread(ask, settings.data_dir, AdminRequest("status"))).result or {}
        pids.extend([first, *status["workers"]])

    serve(settings, script)
    assert len(set(pids)) == 2
    for pid in pids:
        assert not Path(f"/proc/{pid}").exists()
    gauges = [path.name for path in (settings.data_dir / "metrics").glob("gauge_*")]
    assert gauges == [f"gauge_livesum_{pids[1]}.db"]
    assert not (settings.data_dir / "admin.sock").exists()
    serve(settings, _nothing)  # the folder is free again


async def _nothing(_supervisor: Supervisor, _line: str) -> None:
    """Stop at once."""


def test_a_worker_that_does_not_come_up(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service does not start, and leaves the folder to the next."""
    with monkeypatch.context() as patch:
        patch.setattr("strongroom.supervisor.sys.executable", "/bin/false")
        with pytest.raises(StartError, match="a worker ended before it was ready"):
            serve(settings, _nothing)
    serve(settings, _nothing)


def test_a_folder_that_is_not_ours_stops_the_workers(settings: Settings) -> None:
    """They were started early; none of them is left waiting."""
    serve(settings, _nothing)
    supervisors: list[Supervisor] = []

    async def main() -> None:
        supervisors.append(Supervisor(replace(settings, account=OTHER, workers=2), lambda _: None))
        await supervisors[0].run()

    with pytest.raises(NotOursError):
        asyncio.run(main())
    processes = [worker.process for worker in supervisors[0]._workers]
    assert [process is not None and process.returncode is not None for process in processes] == [True, True]


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_certificate_that_cannot_be_used(settings: Settings, tmp_path: Path, content: str | None) -> None:
    """Missing or no PEM: it is named before anything is started or made."""
    path = tmp_path / "cert.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(StartError, match=f"cannot use {path} with {path}: .+"):
        serve(replace(settings, tls_cert=path, tls_key=path), _nothing)
    assert not settings.data_dir.exists()


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_attestation_roots_that_cannot_be_used(settings: Settings, tmp_path: Path, content: str | None) -> None:
    """Missing or no PEM: they are named before anything is started or made."""
    path = tmp_path / "roots.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(StartError, match=f"cannot (read|use) {path}: .+"):
        serve(replace(settings, attestation_roots=path), _nothing)
    assert not settings.data_dir.exists()


def test_a_port_that_is_taken(settings: Settings) -> None:
    """It is refused before anything is started, and no socket is left open."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"cannot listen on 127.0.0.1 port {port}: Address already in use"):
            serve(replace(settings, port=port), _nothing)
    gc.collect()  # a socket that was left open is a warning then, and so an error
    assert not settings.data_dir.exists()


def test_a_name_that_leads_nowhere(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that does not resolve is named."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("strongroom.supervisor.socket.getaddrinfo", unknown)
    with pytest.raises(StartError, match="cannot listen on nowhere port 0: Name or service not known"):
        serve(replace(settings, host="nowhere"), _nothing)


@pytest.mark.parametrize("host", ["a..b", "a" * 64])
def test_a_name_that_is_none(settings: Settings, host: str) -> None:
    """What cannot even be asked for is refused in the same way."""
    with pytest.raises(StartError, match=f"cannot listen on {host} port 0: "):
        serve(replace(settings, host=host), _nothing)


ADDRESSES = {
    "IPv4": ("127.0.0.1", {}, "http://127.0.0.1:"),
    "IPv6": ("::1", {}, "http://[::1]:"),
    "TLS": ("127.0.0.1", {"tls_cert": Path("/c"), "tls_key": Path("/k")}, "https://127.0.0.1:"),
}


@pytest.mark.parametrize("case", ADDRESSES)
def test_the_url_that_is_said(settings: Settings, case: str) -> None:
    """Scheme, address and the port that was really taken, as a client can use it."""
    host, more, expected = ADDRESSES[case]
    if host == "::1" and not socket.has_ipv6:
        pytest.skip("left out: no IPv6")
    wanted: dict[str, Any] = {"host": host, **more}
    supervisor = Supervisor(replace(settings, **wanted), lambda _: None)
    listener = module._bound(host, 0, shared=True)
    with listener:
        supervisor._workers = [module._Worker(1, listener)]
        assert supervisor.url == f"{expected}{listener.getsockname()[1]}"


def test_workers_share_a_port() -> None:
    """The sockets of the workers are bound to one port; another service's socket is not."""
    with module._bound("127.0.0.1", 0, shared=True) as first:
        port = first.getsockname()[1]
        with module._bound("127.0.0.1", port, shared=True) as second:
            assert second.getsockname() == first.getsockname()


def test_a_worker_without_a_process_gets_nothing(settings: Settings) -> None:
    """What was never started, or whose pipe is closed, does not become ready and is not signalled."""
    handover = Handover(settings, b"", 1, 1)

    async def main() -> None:
        with module._bound("127.0.0.1", 0, shared=True) as listener:
            worker = module._Worker(1, listener)
            worker.terminate()
            assert not await worker.hand_over(handover)
            ours, theirs = socket.socketpair()
            worker.control = ours
            with ours:
                theirs.close()
                assert not await worker.hand_over(handover)

    asyncio.run(main())


def test_a_worker_is_started_again_once_the_store_lets_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the store gives no epoch for the audit, or the machine no process, it says so, waits, and tries again."""
    refusals = [StoreUnavailableError("the disk is full"), StoreUnavailableError("the disk is full")]

    def next_epoch(_folder: DataFolder) -> int:
        if refusals:
            raise refusals.pop()
        return 7

    full = [OSError(errno.EAGAIN, "no more processes")]

    async def spawn(_worker: object) -> None:
        if full:
            raise full.pop()

    monkeypatch.setattr(DataFolder, "next_epoch", next_epoch)
    monkeypatch.setattr(module._Worker, "spawn", spawn)

    async def main() -> Handover:
        supervisor, folder = Supervisor(settings, lambda _: None), DataFolder(settings)
        try:
            with module._bound("127.0.0.1", 0, shared=True) as listener:
                return await supervisor._start_again(folder, module._Worker(3, listener), 0.0)
        finally:
            folder.close()

    handover = asyncio.run(main())
    assert (handover.worker, handover.epoch) == (3, 7)
    assert caplog.text.count("worker 3 cannot be started: the disk is full") == 2
    assert caplog.text.count("no more processes") == 1


def test_a_worker_that_hangs_is_killed(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """One that does not end in its time is ended, one that did is left alone."""
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"

    async def main() -> None:
        supervisor = Supervisor(replace(settings, drain_seconds=-4.9), lambda _: None)
        with module._bound("127.0.0.1", 0, shared=True) as listener:
            codes = []
            for number, code in enumerate((deaf, "pass"), 1):
                worker = module._Worker(number, listener)
                worker.process = await asyncio.create_subprocess_exec(
                    sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
                )
                supervisor._workers.append(worker)
                assert worker.process.stdout is not None
                await worker.process.stdout.readline()
            hanging, ended = (worker.process for worker in supervisor._workers)
            assert hanging is not None
            assert ended is not None
            await ended.wait()
            await supervisor._stop_workers()
            codes = [await hanging.wait(), await ended.wait()]
            assert codes == [-signal.SIGKILL, 0]
            assert f"worker process {hanging.pid} does not end; killing it" in caplog.text
            assert str(ended.pid) not in caplog.text.replace(str(hanging.pid), "")

    with caplog.at_level(logging.ERROR):
        asyncio.run(main())
