"""The program's commands: flags to settings, results to output, failures to exit codes."""

import asyncio
import json
import re
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from strongroom.admin import SOCKET_NAME, AdminServer, Command
from strongroom.audit.spool import Spool
from strongroom.cli import main as program
from strongroom.datafolder import DataFolder, NotOursError
from strongroom.identity.access_keys import KnownKey, StoredAccessKeys
from strongroom.keystores.root import WrongSealKeyError
from strongroom.keystores.secretbox import SecretBox
from strongroom.ports import AdapterError, AuditEvent, StoreUnavailableError, TamperedStoreError
from strongroom.settings import Settings
from strongroom.supervisor import StartError
from tests.core import ACCOUNT, CHAIN_KEY, OTHER

Run = Callable[..., Result]


def printed(output: str, name: str) -> str:
    """A value of the output, such as ``AWS_ACCESS_KEY_ID=...``."""
    (value,) = re.findall(f"^{name}[=:] *(.*)$", output, re.MULTILINE)
    return str(value)


# --- help ---


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_help_names_the_commands(run: Run, arguments: tuple[str, ...]) -> None:
    """Without a command, or asked for help, the program says what it can do and how it ends."""
    text = run(*arguments).output
    assert all(
        name in text for name in ("init", "serve", "status", "clock", "account", "explain", "simulate", "Exit codes")
    )


def test_main_runs_the_program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The entry point of the installed program takes the arguments of its process."""
    monkeypatch.setattr(sys, "argv", ["strongroom", "--help"])
    with pytest.raises(SystemExit) as caught:
        program.main()
    assert caught.value.code == 0
    assert "init" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [("frobnicate",), ("serve", "--frobnicate"), ("serve", "--port", "http"), ("init", "--dev")]
)
def test_wrong_usage_ends_with_2(run: Run, arguments: tuple[str, ...]) -> None:
    """Unknown commands and flags, and values of the wrong type."""
    assert run(*arguments).exit_code == 2


# --- init ---


def test_init_makes_a_store_and_prints_its_key(run: Run, tmp_path: Path) -> None:
    """What is printed opens the store's first door: the access key is the root's of the account."""
    done = run("init", "--data-dir", tmp_path / "data", "--account", OTHER, "--seal-file", tmp_path / "my.seal")
    assert (done.exit_code, done.stderr) == (0, "")
    assert printed(done.stdout, "Account") == OTHER
    assert printed(done.stdout, "Data folder") == str(tmp_path / "data")
    assert printed(done.stdout, "Seal file").startswith(str(tmp_path / "my.seal"))
    folder = DataFolder(Settings(data_dir=tmp_path / "data", account=OTHER, seal_file=tmp_path / "my.seal"))
    try:
        keys = StoredAccessKeys(folder.store.credential, SecretBox(folder.roots))
        found = keys.find(printed(done.stdout, "AWS_ACCESS_KEY_ID"))
    finally:
        folder.close()
    assert found == KnownKey(OTHER, printed(done.stdout, "AWS_SECRET_ACCESS_KEY").encode())


def test_init_takes_settings_from_file_and_environment(run: Run, tmp_path: Path) -> None:
    """Where no flag says otherwise; without any, the data folder has its default place."""
    config = tmp_path / "strongroom.toml"
    config.write_text(f'account = "{OTHER}"\n')
    done = run("init", "--config", config, environment={"STRONGROOM_DATA_DIR": "by-environment"})
    assert printed(done.stdout, "Account") == OTHER
    assert Path("by-environment/strongroom.db").exists()
    done = run("init")
    assert printed(done.stdout, "Account") == ACCOUNT
    assert Path(".strongroom/data/strongroom.db").exists()


def test_init_makes_no_key_that_does_not_work(run: Run, tmp_path: Path) -> None:
    """With dev mode set in the environment it is refused, or makes a production store: a dev store has no such key."""
    done = run("init", "--data-dir", tmp_path / "data", environment={"STRONGROOM_DEV": "true"})
    if done.exit_code == 0:
        DataFolder(Settings(data_dir=tmp_path / "data")).close()
    else:
        assert done.exit_code == 2
        assert "AWS_SECRET" not in done.stdout


def test_init_does_it_once(run: Run, tmp_path: Path) -> None:
    """A second call, or one where no folder can be made, ends with 1, says why, and prints no key."""
    run("init", "--data-dir", tmp_path / "data")
    (tmp_path / "file").write_text("")
    for place, why in (("data", "holds a store already"), ("file/data", "Not a directory")):
        done = run("init", "--data-dir", tmp_path / place)
        assert (done.exit_code, done.stdout) == (1, "")
        assert why in done.stderr
        assert done.stderr.startswith("strongroom: ")


def test_init_refuses_wrong_settings(run: Run, tmp_path: Path) -> None:
    """They end with 2, and nothing is made."""
    done = run("init", "--data-dir", tmp_path / "data", "--account", "12345")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "'account'" in done.stderr
    assert not (tmp_path / "data").exists()


# --- serve ---


class FakeSupervisor:
    """Stands where the service would be run: keeps the settings, says or raises what it is told."""

    settings: Settings
    error: BaseException | None = None

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        type(self).settings = settings
        self._say = say

    async def run(self) -> None:
        """Do it."""
        if self.error is not None:
            raise self.error
        self._say("ready")


@pytest.fixture
def supervisor(monkeypatch: pytest.MonkeyPatch) -> type[FakeSupervisor]:
    """In place of the real one."""
    monkeypatch.setattr("strongroom.supervisor.Supervisor", FakeSupervisor)
    monkeypatch.setattr(FakeSupervisor, "error", None)
    return FakeSupervisor


FLAGS: dict[str, tuple[tuple[object, ...], dict[str, Any]]] = {
    "none": ((), {}),
    "data": (("--data-dir", "/d", "--seal-file", "/s"), {"data_dir": Path("/d"), "seal_file": Path("/s")}),
    "dev": (("--dev",), {"dev": True}),
    "address": (("--host", "localhost", "--port", 0), {"host": "localhost", "port": 0}),
    "workers": (("--workers", 4), {"workers": 4}),
    "Regions": (("--region", "eu-west-1", "--region", "eu-west-2"), {"regions": ("eu-west-1", "eu-west-2")}),
    "TLS": (("--tls-cert", "/c", "--tls-key", "/k"), {"tls_cert": Path("/c"), "tls_key": Path("/k")}),
    "off loopback": (("--host", "192.0.2.1", "--insecure-http"), {"host": "192.0.2.1", "insecure_http": True}),
    "exposed": (("--dev", "--dev-expose"), {"dev": True, "dev_expose": True}),
    "hosts": (("--allow-host", "kms", "--allow-host", "b"), {"hosts": ("kms", "b")}),
    "account": (("--account", OTHER), {"account": OTHER}),
    "rollback": (("--accept-rollback",), {"accept_rollback": True}),
    "logs": (("--log-level", "ERROR"), {"log_level": "ERROR"}),
}


@pytest.mark.parametrize("case", FLAGS)
def test_a_flag_is_a_setting(run: Run, supervisor: type[FakeSupervisor], case: str) -> None:
    """Each flag sets what it names and nothing else; the line that the service is ready goes to standard output."""
    arguments, members = FLAGS[case]
    done = run("serve", *arguments)
    assert (done.exit_code, done.stdout) == (0, "ready\n")
    assert supervisor.settings == Settings(**members)


def test_serve_reads_file_and_environment(run: Run, supervisor: type[FakeSupervisor], tmp_path: Path) -> None:
    """Flags win over the environment, and that over the file."""
    config = tmp_path / "strongroom.toml"
    config.write_text('port = 1\nworkers = 2\nlog_level = "ERROR"\n')
    environment = {"STRONGROOM_CONFIG": str(config), "STRONGROOM_WORKERS": "3", "STRONGROOM_LOG_LEVEL": "DEBUG"}
    assert run("serve", "--log-level", "WARNING", environment=environment).exit_code == 0
    found = supervisor.settings
    assert (found.port, found.workers, found.log_level) == (1, 3, "WARNING")


@pytest.mark.usefixtures("supervisor")
def test_serve_refuses_wrong_settings(run: Run) -> None:
    """They end with 2 before anything is started."""
    for arguments in (("--host", "192.0.2.1"), ("--tls-cert", "/c"), ("--port", "70000")):
        done = run("serve", *arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.startswith("strongroom: ")
    assert run("serve", environment={"STRONGROOM_PROT": "1"}).exit_code == 2


ENDINGS: dict[str, tuple[BaseException, int]] = {
    "another mode": (NotOursError("made for dev"), 3),
    "another seal": (WrongSealKeyError("the seal file"), 3),
    "tampered": (TamperedStoreError("a row"), 3),
    "no database": (StoreUnavailableError("the disk"), 1),
    "another owner": (AdapterError("another service"), 1),
    "a port that is taken": (StartError("cannot listen"), 1),
    "the system": (OSError("no space"), 1),
}


@pytest.mark.parametrize("case", ENDINGS)
def test_how_the_service_ends(
    run: Run, supervisor: type[FakeSupervisor], monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """What is not ours ends with 3, what cannot be done with 1, each with its reason and no traceback."""
    error, code = ENDINGS[case]
    monkeypatch.setattr(supervisor, "error", error)
    done = run("serve")
    assert (done.exit_code, done.stdout) == (code, "")
    assert done.stderr == f"strongroom: {error}\n"


# --- status ---


def test_status_prints_what_the_service_says(run: Run, tmp_path: Path) -> None:
    """One JSON object, from the service of the data folder that flag, environment or file names."""
    status = {"url": "http://127.0.0.1:1", "workers": [1]}
    begun, over = threading.Event(), threading.Event()

    async def tell(_arguments: Mapping[str, str], _event: AuditEvent) -> dict[str, Any]:
        return status

    async def serve() -> None:
        spool = Spool(tmp_path / "audit", 0, 1, CHAIN_KEY, loop=asyncio.get_running_loop(), root_version=1)
        async with AdminServer(tmp_path, spool, {"status": Command(tell)}):
            begun.set()
            await asyncio.to_thread(over.wait, 60)
        spool.close()

    service = threading.Thread(target=lambda: asyncio.run(serve()))
    service.start()
    try:
        assert begun.wait(60)
        config = tmp_path / "strongroom.toml"
        config.write_text(f'data_dir = "{tmp_path}"\n')
        answers = [
            run("status", "--data-dir", tmp_path),
            run("status", environment={"STRONGROOM_DATA_DIR": str(tmp_path)}),
            run("status", "--config", config),
        ]
    finally:
        over.set()
        service.join()
    for done in answers:
        assert (done.exit_code, done.stderr) == (0, "")
        assert json.loads(done.stdout) == status


ANSWERS = {
    "an error": (b'{"error":"the audit cannot be written"}\n', "the audit cannot be written"),
    "another program": (b"220 mail\n", "is not this service"),
    "nothing": (b"", "is not this service"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_status_of_a_service_that_does_not_tell(run: Run, tmp_path: Path, case: str) -> None:
    """An error of the service, or what is no answer of ours, ends with 1."""
    answer, text = ANSWERS[case]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / SOCKET_NAME))
        listener.listen()

        def service() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        thread = threading.Thread(target=service)
        thread.start()
        done = run("status", "--data-dir", tmp_path)
        thread.join()
    assert (done.exit_code, done.stdout) == (1, "")
    assert text in done.stderr


def test_status_without_a_service(run: Run) -> None:
    """Nobody answers at the default folder: 1."""
    done = run("status")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "no service answers at .strongroom/data" in done.stderr
