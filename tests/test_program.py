"""The ``strongroom`` program: init, serve, status, their settings, exit codes and refusals."""

import json
import re
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.compat.calls import ACCOUNT, REGION, Refusal, new_key, refusal
from tests.compat.records import all_records
from tests.support import PROGRAM, Server, clean_environment

FAILED, USAGE, NOT_OURS = 1, 2, 3  # exit codes, as `strongroom --help` has them


def run(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    return subprocess.run(
        [str(PROGRAM), *map(str, arguments)],
        env=clean_environment(**(environment or {})),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refused(code: int, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> str:
    """Run the program to a refusal: the exit code, no ready line, no traceback, and a text for the operator."""
    done = run(*arguments, environment=environment)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def snapshot(folder: Path) -> dict[str, bytes]:
    """All files of a folder with their contents."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Store(NamedTuple):
    """A production data folder and its first access key."""

    data: Path
    access_key: str
    secret: str
    said: str


def make_store(folder: Path, *flags: str) -> Store:
    """Run ``init``."""
    done = run("init", "--data-dir", folder / "data", *flags)
    assert (done.returncode, done.stderr) == (0, "")
    access_key = re.findall(r"^AWS_ACCESS_KEY_ID=(AKIA[A-Z2-7]{16})$", done.stdout, re.MULTILINE)
    secret = re.findall(r"^AWS_SECRET_ACCESS_KEY=([A-Za-z0-9+/]{40})$", done.stdout, re.MULTILINE)
    assert (len(access_key), len(secret)) == (1, 1)
    return Store(folder / "data", access_key[0], secret[0], done.stdout)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A production store; tests leave it as it is."""
    return make_store(tmp_path_factory.mktemp("production"))


@pytest.fixture(scope="module")
def production(store: Store) -> Iterator[Server]:
    """A service on the production store."""
    with Server(store.data, dev=False) as running:
        yield running
        assert running.stop() == 0


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dev data folder that no service holds."""
    data = tmp_path_factory.mktemp("dev") / "data"
    with Server(data) as running:
        assert running.stop() == 0
    return data


# --- init, and a service in production ---


def test_the_first_access_key_works(production: Server, store: Store) -> None:
    """What init printed is the root of the account, and calls with it succeed."""
    kms = production.client(REGION, store.access_key, store.secret)
    arn = new_key(kms)
    assert arn.startswith(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/")
    assert production.ready_line == f"Strongroom is ready at {production.url} (account {ACCOUNT})"


def test_production_serves_us_east_1_alone(production: Server, store: Store) -> None:
    """Without a setting, every other Region is refused as AWS refuses a wrong one."""
    for region in ("us-east-2", "eu-west-1", "cn-north-1"):
        kms = production.client(region, store.access_key, store.secret)
        code, message = refusal(kms.list_keys)
        assert code == "InvalidSignatureException"
        assert message.startswith("Credential should be scoped to a valid region")


def test_wrong_credentials_are_refused(production: Server, store: Store) -> None:
    """A wrong secret, an unknown access key and dev mode's keys do not open a production service."""
    wrong = production.client(REGION, store.access_key, store.secret[::-1])
    assert refusal(wrong.list_keys) == Refusal(
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access"
        " Key and signing method. Consult the service documentation for details.",
    )
    for unknown in ("AKIAIOSFODNN7EXAMPLE", "test", ACCOUNT):
        refused_ = refusal(production.client(REGION, unknown, "test").list_keys)
        assert refused_ == Refusal(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )


def test_init_shows_the_secret_once_and_keeps_it_nowhere(store: Store) -> None:
    """The secret stands once in the output and in no file in the clear; a second init is refused and shows nothing."""
    assert store.said.count(store.secret) == 1
    for content in [*snapshot(store.data).values(), store.data.with_name("data.seal").read_bytes()]:
        assert store.secret.encode() not in content
    text = refused(FAILED, "init", "--data-dir", store.data)
    assert "holds a store already" in text


def test_init_takes_account_and_seal_file(tmp_path: Path) -> None:
    """The account of the first key and the place of the seal file can be chosen; serve needs the same."""
    flags = ("--account", "111122223333", "--seal-file", str(tmp_path / "elsewhere.key"))
    made = make_store(tmp_path, *flags)
    assert not made.data.with_name("data.seal").exists()
    with Server(made.data, *flags, dev=False) as running:
        arn = new_key(running.client(REGION, made.access_key, made.secret))
        assert arn.split(":")[4] == "111122223333"
        assert running.stop() == 0
    assert "111122223333" in refused(NOT_OURS, "serve", "--data-dir", made.data, *flags[2:], "--port", "0")


# --- what serve refuses ---

USAGE_REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "off loopback": (("--host", "0.0.0.0"), "not loopback"),  # noqa: S104 - refused
    "a name that is not loopback": (("--host", "kms.example.com"), "not loopback"),
    "off loopback on IPv6": (("--host", "::"), "not loopback"),
    "dev off loopback": (("--host", "0.0.0.0", "--insecure-http"), "--dev-expose"),  # noqa: S104 - refused
    "unknown flag": (("--colour", "blue"), "--colour"),
    "port over 65535": (("--port", "70000"), "port"),
    "port that is no number": (("--port", "http"), "port"),
    "no workers": (("--workers", "0"), "workers"),
    "short account": (("--account", "12345"), "account"),
    "certificate without key": (("--tls-cert", "cert.pem"), "tls_key"),
    "key without certificate": (("--tls-key", "key.pem"), "tls_cert"),
    "unknown log level": (("--log-level", "LOUD"), "log_level"),
    "settings file that is not there": (("--config", "/nowhere/strongroom.toml"), "/nowhere/strongroom.toml"),
}


@pytest.mark.parametrize("case", USAGE_REFUSED)
def test_serve_refuses_settings(tmp_path: Path, case: str) -> None:
    """Settings that cannot be are refused with exit code 2 before anything is made."""
    flags, told = USAGE_REFUSED[case]
    assert told in refused(USAGE, "serve", "--dev", "--data-dir", tmp_path / "data", *flags)
    assert list(tmp_path.iterdir()) == []


def test_unknown_settings_are_refused_wherever_they_stand(tmp_path: Path) -> None:
    """A misspelt name in the environment or the file is refused by name."""
    config = tmp_path / "strongroom.toml"
    for place in ('colour = "blue"', "[colour]"):
        config.write_text(place)
        text = refused(USAGE, "serve", "--dev", "--data-dir", tmp_path / "data", "--config", config)
        assert "colour" in text
    config.write_text("port = ")
    assert str(config) in refused(USAGE, "serve", "--dev", "--data-dir", tmp_path / "data", "--config", config)
    text = refused(USAGE, "serve", "--dev", "--data-dir", tmp_path / "data", environment={"STRONGROOM_COLOUR": "blue"})
    assert "colour" in text.lower()
    assert not (tmp_path / "data").exists()


def test_the_default_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --data-dir the folder is .strongroom/data where the program runs; production does not make it."""
    monkeypatch.chdir(tmp_path)
    assert ".strongroom/data" in refused(FAILED, "serve", "--port", "0")
    assert list(tmp_path.iterdir()) == []


def test_file_environment_and_flags(tmp_path: Path) -> None:
    """The environment goes over the file, flags go over both."""
    config = tmp_path / "strongroom.toml"
    config.write_text('account = "111111111111"\nworkers = 2\nregions = ["eu-west-1"]\nlog_level = "ERROR"\n')
    environment = {"STRONGROOM_CONFIG": str(config), "STRONGROOM_ACCOUNT": "222222222222", "STRONGROOM_WORKERS": "1"}
    with Server(tmp_path / "data", "--account", "333333333333", environment=environment) as running:
        assert running.ready_line.endswith(" (account 333333333333)")
        told = json.loads(run("status", "--data-dir", tmp_path / "data").stdout)
        assert (told["account"], len(told["workers"])) == ("333333333333", 1)
        assert new_key(running.client("eu-west-1")).split(":")[3] == "eu-west-1"
        assert refusal(running.client("us-east-1").list_keys).code == "InvalidSignatureException"
        assert running.stop() == 0


def test_dev_and_production_folders_are_not_mixed(dev: Path, tmp_path: Path) -> None:
    """A folder is of one mode for ever; what was refused is unchanged."""
    copy = make_store(tmp_path).data
    before = snapshot(copy)
    assert "production" in refused(NOT_OURS, "serve", "--dev", "--data-dir", copy, "--port", "0")
    assert kept(snapshot(copy)) == kept(before)
    before = snapshot(dev)
    assert "dev" in refused(NOT_OURS, "serve", "--data-dir", dev, "--port", "0")
    assert kept(snapshot(dev)) == kept(before)


def kept(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files that hold something: without locks, sockets and SQLite's shared memory."""
    return {name: content for name, content in files.items() if content and not name.endswith(("lock", "-shm"))}


def test_a_folder_without_a_store_is_not_served(tmp_path: Path) -> None:
    """Serve in production makes nothing: an empty folder is refused, and so is one that is not there."""
    (tmp_path / "empty").mkdir()
    assert "strongroom init" in refused(NOT_OURS, "serve", "--data-dir", tmp_path / "empty", "--port", "0")
    assert "missing" in refused(FAILED, "serve", "--data-dir", tmp_path / "missing", "--port", "0")
    assert not (tmp_path / "missing").exists()


def _without(seal: Path) -> None:
    seal.unlink()


def _of_another(seal: Path) -> None:
    seal.write_bytes(make_store(seal.parent / "another").data.with_name("data.seal").read_bytes())


def _open_to_others(seal: Path) -> None:
    seal.chmod(0o640)


def _garbled(seal: Path) -> None:
    seal.write_text("not a seal")


SEALS = {"missing": _without, "of another store": _of_another, "open to others": _open_to_others, "garbled": _garbled}


@pytest.mark.parametrize("case", SEALS)
def test_a_store_without_its_seal_stays_shut(tmp_path: Path, case: str) -> None:
    """A seal file that is missing, wrong, exposed or garbled is told, with exit code 3; nothing is changed."""
    made = make_store(tmp_path)
    seal = made.data.with_name("data.seal")
    SEALS[case](seal)
    before = snapshot(made.data)
    text = refused(NOT_OURS, "serve", "--data-dir", made.data, "--port", "0")
    assert "seal" in text
    assert kept(snapshot(made.data)) == kept(before)


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """A port in use ends the program with exit code 1 and a line that names it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = refused(FAILED, "serve", "--dev", "--data-dir", tmp_path / "data", "--port", str(port))
        assert f"cannot listen on 127.0.0.1 port {port}" in text


def test_a_port_of_another_service_of_ours(server: Server, tmp_path: Path) -> None:
    """Two services never share a port, although the workers of one do."""
    text = refused(FAILED, "serve", "--dev", "--data-dir", tmp_path / "data", "--port", str(server.port))
    assert f"cannot listen on 127.0.0.1 port {server.port}" in text


def test_a_data_folder_has_one_service(server: Server) -> None:
    """A second service on a folder is refused with exit code 1; the first goes on."""
    text = refused(FAILED, "serve", "--dev", "--data-dir", server.data_dir, "--port", "0")
    assert "another service" in text
    assert server.client().list_keys(Limit=1)["Keys"] is not None


CERTIFICATES = {"missing": None, "not PEM": "no certificate"}


@pytest.mark.parametrize("case", CERTIFICATES)
def test_a_certificate_that_cannot_be_used(tmp_path: Path, case: str) -> None:
    """A certificate that is missing or none is told by name."""
    certificate = tmp_path / "cert.pem"
    content = CERTIFICATES[case]
    if content is not None:
        certificate.write_text(content)
    flags = ("--tls-cert", certificate, "--tls-key", certificate)
    done = run("serve", "--dev", "--data-dir", tmp_path / "data", "--port", "0", *flags)
    assert done.returncode in {FAILED, USAGE}
    assert str(certificate) in done.stderr
    assert "Traceback" not in done.stderr


# --- status and help ---


def test_status_answers_and_is_audited(tmp_path: Path) -> None:
    """Status tells address, account, mode and processes as JSON, and leaves a record that names the OS user."""
    data = tmp_path / "data"
    with Server(data, "--workers", "2") as running:
        done = run("status", "--data-dir", data)
        told = json.loads(done.stdout)
        assert (done.returncode, done.stderr) == (0, "")
        assert told["url"] == running.url
        assert (told["account"], told["mode"], told["supervisor"]) == (ACCOUNT, "dev", running.process.pid)
        assert len(set(told["workers"])) == 2
        assert running.stop() == 0
    records: list[dict[str, Any]] = [record for record in all_records(data) if record["eventName"] == "status"]
    assert len(records) == 1
    assert records[0]["userIdentity"]["type"] == "OSUser"
    assert records[0]["eventSource"] == "strongroom.admin"
    assert "no service answers" in refused(FAILED, "status", "--data-dir", data)


@pytest.mark.parametrize("command", [(), ("init",), ("serve",), ("status",)])
def test_help(command: tuple[str, ...]) -> None:
    """Every command explains itself."""
    done = run(*command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) > 10
