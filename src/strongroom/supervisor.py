"""The parent process: opens the store once, owns the sockets, keeps the workers running, serves the admin socket."""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from strongroom import handover as handovers
from strongroom.admin import AdminRequest, AdminServer, Command
from strongroom.audit.record import encode
from strongroom.bootstrap import clocks_of, denials_folder, keystores_of, open_runner, recipients, tls_context
from strongroom.commands import AccountCommands, ClockCommands, DecisionCommands
from strongroom.datafolder import DataFolder
from strongroom.handover import Handover
from strongroom.keystores.secretbox import SecretBox
from strongroom.ports import AdapterError, AuditEvent, Clocks, clock_note
from strongroom.settings import Settings
from strongroom.wire.metrics import JobMetrics
from strongroom.worker import READY

_log = logging.getLogger("strongroom.supervisor")

# A worker that ends soon after its start is started again only after a pause that doubles each time.
_STEADY_SECONDS = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0


class StartError(Exception):
    """The service cannot start; the text says why."""


class _Worker:
    """One worker's process and the supervisor's end of its pipe."""

    def __init__(self, number: int, listener: socket.socket) -> None:
        self.number = number
        self.listener = listener
        self.control: socket.socket | None = None
        self.process: asyncio.subprocess.Process | None = None

    async def spawn(self) -> None:
        """Start the process; it imports while the caller goes on, and waits for its hand-over."""
        self.control, theirs = socket.socketpair()
        with theirs:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "strongroom.worker",
                str(theirs.fileno()),
                str(self.listener.fileno()),
                pass_fds=(theirs.fileno(), self.listener.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
            )

    async def hand_over(self, handover: Handover) -> bool:
        """Give the worker its keys and wait until it serves; False if it ended before."""
        control = self.control
        if control is None:
            return False
        try:
            handovers.send(control, handover)
            control.setblocking(False)  # noqa: FBT003 - the socket's own interface
            return await asyncio.get_running_loop().sock_recv(control, 1) == READY
        except OSError:
            return False

    def terminate(self) -> None:
        """Ask the process to drain and end."""
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()


class Supervisor:
    """Runs the service until SIGTERM or SIGINT.

    Args:
        settings: The settings, already checked against each other.
        say: Gets the one line that says the service is ready.
    """

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._say = say
        self._over = asyncio.Event()
        self._workers: list[_Worker] = []
        self._metrics = settings.metrics_dir

    async def run(self) -> None:
        """Start everything, wait for the signal, drain.

        Raises:
            StartError: An address is taken, or a worker does not come up.
            AdapterError: The store cannot be opened, or does not check.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._over.set)
        _require_files(self._settings)
        port = _free_port(self._settings)
        self._workers = [
            _Worker(number, _bound(self._settings.host, port, shared=True))
            for number in range(1, self._settings.workers + 1)
        ]
        await asyncio.gather(*(worker.spawn() for worker in self._workers))
        folder: DataFolder | None = None
        try:
            folder = DataFolder(self._settings)
            self._clear_metrics()
            clocks = clocks_of(self._settings, folder.store)
            commands = self._commands(folder, clocks)
            trail = folder.open_trail()
            async with AdminServer(self._settings.data_dir, trail, commands, lambda: _note(clocks)) as admin:
                await admin.record(AdminRequest("serve", self._shown_settings()), os.getuid())
                await self._serve(folder, clocks)
        finally:
            await self._stop_workers()
            if folder is not None:
                folder.close()

    async def _serve(self, folder: DataFolder, clocks: Clocks) -> None:
        ready = await asyncio.gather(*(worker.hand_over(self._handover(folder, worker)) for worker in self._workers))
        if not all(ready):
            raise StartError("a worker ended before it was ready")
        watchers = [asyncio.create_task(self._watch(folder, worker)) for worker in self._workers]
        self._say(f"Strongroom is ready at {self.url} (account {self._settings.account})")
        jobs = asyncio.create_task(self._run_jobs(folder, clocks))
        await self._over.wait()
        for task in (jobs, *watchers):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run_jobs(self, folder: DataFolder, clocks: Clocks) -> None:
        """Run the jobs until the service ends."""
        keystores = keystores_of(folder.roots)
        await open_runner(keystores, folder.store, clocks, holder=folder.node, counter=JobMetrics()).run_for_ever()

    def _commands(self, folder: DataFolder, clocks: Clocks) -> dict[str, Command]:
        """What operators can ask for."""
        settings, store = self._settings, folder.store
        families = (
            ClockCommands(store, keystores_of(folder.roots), clocks.machine, encode, dev=settings.dev),
            AccountCommands(store, SecretBox(folder.roots), clocks.machine, encode),
            DecisionCommands(
                store,
                denials_folder(settings),
                settings.served_regions,
                clocks,
                settings.grant_delay_seconds,
                tls=settings.tls,
            ),
        )
        found = {"status": Command(self._status)}
        for family in families:
            found |= family.by_name()
        return found

    def _handover(self, folder: DataFolder, worker: _Worker) -> Handover:
        return Handover(self._settings, folder.roots.export_for_worker(), worker.number, folder.next_epoch())

    async def _watch(self, folder: DataFolder, worker: _Worker) -> None:
        """Start a worker again whenever it ends, while its socket stays open and queues connections."""
        pause = _FIRST_PAUSE
        while worker.process is not None:
            started = time.monotonic()
            code = await worker.process.wait()
            _log.error("worker %d ended with %d; starting it again", worker.number, code)
            # prometheus-client counts such files while the process lives; nobody else takes them away.
            for gauge in self._metrics.glob(f"gauge_live*_{worker.process.pid}.db"):
                gauge.unlink()
            pause = _FIRST_PAUSE if time.monotonic() - started > _STEADY_SECONDS else _longer(pause)
            if worker.control is not None:
                worker.control.close()
            await worker.hand_over(await self._start_again(folder, worker, pause))

    async def _start_again(self, folder: DataFolder, worker: _Worker, pause: float) -> Handover:
        """Start a worker's process after a pause, and after longer ones while the store or the machine does not let it.

        Returns:
            What the process waits for.
        """
        while True:
            await asyncio.sleep(pause)
            try:
                handover = self._handover(folder, worker)
                await worker.spawn()
            except (AdapterError, OSError) as error:
                _log.error("worker %d cannot be started: %s", worker.number, error)
                pause = _longer(pause)
            else:
                return handover

    async def _stop_workers(self) -> None:
        processes = [worker.process for worker in self._workers if worker.process is not None]
        for worker in self._workers:
            worker.listener.close()  # while any process holds it, the kernel takes connections that nobody will serve
            worker.terminate()
            if worker.control is not None:
                worker.control.close()
        try:
            # The workers cut what is still open themselves; the margin is for a worker that hangs.
            async with asyncio.timeout(self._settings.drain_seconds + 5):
                await asyncio.gather(*(process.wait() for process in processes))
        except TimeoutError:
            for process in processes:
                if process.returncode is None:
                    _log.error("worker process %d does not end; killing it", process.pid)
                    process.kill()
                    await process.wait()

    @property
    def url(self) -> str:
        """The address that is served, with the port that was really taken."""
        host, port = self._workers[0].listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        return f"{'https' if self._settings.tls else 'http'}://{shown}:{port}"

    def _shown_settings(self) -> dict[str, str]:
        """The settings that differ from the defaults, for the audit; none of them is a secret."""
        return {
            field.name: str(getattr(self._settings, field.name))
            for field in msgspec.structs.fields(Settings)
            if getattr(self._settings, field.name) != field.default
        }

    def _clear_metrics(self) -> None:
        shutil.rmtree(self._metrics, ignore_errors=True)
        self._metrics.mkdir(mode=0o700)

    async def _status(self, _arguments: Mapping[str, str], _event: AuditEvent) -> dict[str, Any]:
        """What ``strongroom status`` shows."""
        return {
            "url": self.url,
            "account": self._settings.account,
            "mode": "dev" if self._settings.dev else "production",
            "supervisor": os.getpid(),
            "workers": [worker.process.pid for worker in self._workers if worker.process is not None],
        }


def _note(clocks: Clocks) -> Mapping[str, Any] | None:
    """What records note of the clock, which another process may just have moved."""
    with contextlib.suppress(AdapterError):
        clocks.follow(None)
    return clock_note(clocks.offset())


def _longer(pause: float) -> float:
    return min(pause * 2, _LONGEST_PAUSE)


def _require_files(settings: Settings) -> None:
    """Find out here, and not in each worker, that a certificate cannot be used.

    Raises:
        StartError: A file is missing, is not PEM, or does not hold what it should.
    """
    try:
        tls_context(settings)
    except OSError as error:  # what the ssl module raises is of this kind, too
        reason = error.strerror or getattr(error, "reason", None) or error
        raise StartError(f"cannot use {settings.tls_cert} with {settings.tls_key}: {reason}") from None
    try:
        recipients(settings)
    except OSError as error:
        raise StartError(f"cannot read {settings.attestation_roots}: {error.strerror}") from None
    except AdapterError as error:
        raise StartError(f"cannot use {settings.attestation_roots}: {error}") from None


def _free_port(settings: Settings) -> int:
    """The port to serve, found to be free: a shared port alone would be shared with another service of the same user.

    Raises:
        StartError: It is taken.
    """
    with _bound(settings.host, settings.port, shared=False) as probe:
        port: int = probe.getsockname()[1]
    return port


def _bound(host: str, port: int, *, shared: bool) -> socket.socket:
    """A bound socket; over the shared ones of a port the kernel spreads the connections.

    Raises:
        StartError: It cannot be bound.
    """
    try:
        info = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.socket(info[0], info[1])
        try:
            if shared:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(info[4])
        except OSError:
            bound.close()
            raise
    except UnicodeError:  # what the codec of host names makes of a name that is none
        raise StartError(f"cannot listen on {host} port {port}: it is no host name") from None
    except OSError as error:
        raise StartError(f"cannot listen on {host} port {port}: {error.strerror or error}") from None
    return bound
