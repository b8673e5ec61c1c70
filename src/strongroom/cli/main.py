"""The ``strongroom`` program: init, serve, status, clock.

Exit codes: 0 done, or stopped as asked; 1 it could not be done; 2 wrong usage or settings; 3 the store, its seal or its
audit is not what this service wrote.
"""

import asyncio
import json
import os
import sys
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from strongroom.settings import METRICS_VARIABLE, Settings, SettingsError, load

app = typer.Typer(
    help="The AWS KMS API on your own machines.\n\n"
    "Settings come from a TOML file (--config or STRONGROOM_CONFIG), then from the environment (STRONGROOM_ and the"
    " setting's name in capitals), then from flags; the later wins.\n\n"
    "Exit codes: 0 done or stopped as asked, 1 it could not be done, 2 wrong usage or settings, 3 the store, its seal"
    " or its audit is not what this service wrote.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


class ExitCode(IntEnum):
    """What the program ends with."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_OURS = 3


DataDir = Annotated[
    Path | None, typer.Option(help="The data folder: database and audit.", show_default=".strongroom/data")
]
Config = Annotated[Path | None, typer.Option(help="A TOML file of settings.")]
SealFile = Annotated[
    Path | None,
    typer.Option(help="The key file that opens the root key.", show_default="beside the data folder, named DIR.seal"),
]
Account = Annotated[str | None, typer.Option(help="The default account, 12 digits.", show_default="123456789012")]
Dev = Annotated[
    bool | None,
    typer.Option(
        "--dev",
        help="Development: makes the data folder if there is none; access key `test` with secret `test` is the root of"
        " the default account, and a 12-digit access key id with secret `test` the root of that account.",
    ),
]
Host = Annotated[str | None, typer.Option(help="The address to listen on.", show_default="127.0.0.1")]
Port = Annotated[int | None, typer.Option(help="The TCP port; 0 takes a free one.", show_default="8080")]
Workers = Annotated[int | None, typer.Option(help="Worker processes, best one a core.", show_default="1")]
Regions = Annotated[
    list[str] | None,
    typer.Option(
        "--region", help="A Region to serve; may be repeated.", show_default="us-east-1; with --dev, all AWS Regions"
    ),
]
TlsCert = Annotated[Path | None, typer.Option(help="PEM file of the certificate chain; serves TLS 1.2+.")]
TlsKey = Annotated[Path | None, typer.Option(help="PEM file of the certificate's private key.")]
InsecureHttp = Annotated[
    bool | None, typer.Option("--insecure-http", help="Serve plain HTTP on an address that is not loopback.")
]
DevExpose = Annotated[
    bool | None, typer.Option("--dev-expose", help="Serve dev mode on an address that is not loopback.")
]
Hosts = Annotated[
    list[str] | None,
    typer.Option("--allow-host", help="A host name that dev mode answers to beside loopback; may be repeated."),
]
AcceptRollback = Annotated[
    bool | None,
    typer.Option("--accept-rollback", help="Start although the audit is newer than the database, which was put back."),
]
LogLevel = Annotated[str | None, typer.Option(help="DEBUG, INFO, WARNING or ERROR.", show_default="INFO")]


clock = typer.Typer(help="The clock that keys live by; it moves in dev mode alone.", no_args_is_help=True)
app.add_typer(clock, name="clock")


def _fail(code: ExitCode, text: object) -> NoReturn:
    typer.echo(f"strongroom: {text}", err=True)
    raise typer.Exit(code)


def _settings(config: Path | None, flags: dict[str, Any]) -> Settings:
    try:
        return load(flags, os.environ, config)
    except SettingsError as error:
        _fail(ExitCode.USAGE, error)


@app.command()
def init(
    *,
    data_dir: DataDir = None,
    config: Config = None,
    account: Account = None,
    seal_file: SealFile = None,
) -> None:
    """Make a production data folder: root key, seal file, database, and the first access key, printed once.

    The seal file opens everything: keep it, and a copy of it, away from the data folder and its backups.
    """
    from strongroom.datafolder import initialize  # noqa: PLC0415 - help and errors must not wait for the store's imports
    from strongroom.hardening import harden  # noqa: PLC0415
    from strongroom.ports import AdapterError  # noqa: PLC0415

    harden()
    settings = _settings(config, {"data_dir": data_dir, "account": account, "seal_file": seal_file})
    if settings.dev:
        _fail(ExitCode.USAGE, "init makes production folders; `serve --dev` makes its own")
    try:
        key = initialize(settings)
    except (AdapterError, OSError) as error:
        _fail(ExitCode.FAILED, error)
    typer.echo(f"Data folder: {settings.data_dir}")
    typer.echo(
        f"Seal file:   {settings.seal_path}  (keep it and a copy of it elsewhere: without it, all keys are lost)"
    )
    typer.echo(f"Account:     {settings.account}")
    typer.echo("The account's root access key, shown this once:")
    typer.echo(f"AWS_ACCESS_KEY_ID={key.access_key_id}")
    typer.echo(f"AWS_SECRET_ACCESS_KEY={key.secret}")


@app.command()
def serve(
    *,
    data_dir: DataDir = None,
    config: Config = None,
    dev: Dev = None,
    host: Host = None,
    port: Port = None,
    workers: Workers = None,
    regions: Regions = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    insecure_http: InsecureHttp = None,
    dev_expose: DevExpose = None,
    hosts: Hosts = None,
    account: Account = None,
    seal_file: SealFile = None,
    accept_rollback: AcceptRollback = None,
    log_level: LogLevel = None,
) -> None:
    """Serve the AWS KMS API until SIGTERM or SIGINT, which let requests in flight finish.

    One line on standard output says that the service is ready; logs are JSON lines on standard error.
    """
    flags = dict(locals())  # each parameter has the name of its setting
    _run(_settings(flags.pop("config"), flags))


def _run(settings: Settings) -> None:
    os.environ[METRICS_VARIABLE] = str(settings.metrics_dir)
    from strongroom import logs  # noqa: PLC0415 - as in init
    from strongroom.datafolder import NotOursError  # noqa: PLC0415
    from strongroom.hardening import harden  # noqa: PLC0415
    from strongroom.keystores.root import SealError  # noqa: PLC0415
    from strongroom.ports import AdapterError, TamperedStoreError  # noqa: PLC0415
    from strongroom.supervisor import StartError, Supervisor  # noqa: PLC0415

    harden()
    logs.configure(settings.log_level)
    try:
        asyncio.run(Supervisor(settings, _say).run())
    except (NotOursError, SealError, TamperedStoreError) as error:
        _fail(ExitCode.NOT_OURS, error)
    except (AdapterError, StartError, OSError) as error:
        _fail(ExitCode.FAILED, error)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@app.command()
def status(*, data_dir: DataDir = None, config: Config = None) -> None:
    """Ask the running service of a data folder how it is; prints one JSON object."""
    _ask("status", {}, data_dir, config)


@clock.command()
def show(*, data_dir: DataDir = None, config: Config = None) -> None:
    """Ask the running dev service of a data folder what time it is for keys; prints one JSON object."""
    _ask("clock-show", {}, data_dir, config)


@clock.command()
def advance(
    duration: Annotated[str, typer.Argument(help="How much time passes, such as 7d, 36h or 1d12h (d, h, m, s).")],
    *,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Let time pass for the keys of the running dev service: rotations, expiries and deletions that fall due happen.

    Prints one JSON object: what time it is then. There is no way back.
    """
    from strongroom.model.duration import parse_duration  # noqa: PLC0415 - as in init

    try:
        parse_duration(duration)
    except ValueError as error:
        _fail(ExitCode.USAGE, error)
    _ask("clock-advance", {"duration": duration}, data_dir, config, patience=_LONG_PATIENCE)


_PATIENCE, _LONG_PATIENCE = 10.0, 120.0  # seconds for an answer


def _ask(
    command: str, arguments: dict[str, str], data_dir: Path | None, config: Path | None, patience: float = _PATIENCE
) -> None:
    """Give a command to the running service of a data folder, and print its answer."""
    import msgspec  # noqa: PLC0415 - as in init

    from strongroom.admin import AdminRequest, ask  # noqa: PLC0415

    settings = _settings(config, {"data_dir": data_dir})
    try:
        answer = ask(settings.data_dir, AdminRequest(command, arguments), patience)
    except OSError:
        _fail(ExitCode.FAILED, f"no service answers at {settings.data_dir}")
    except msgspec.MsgspecError:
        _fail(ExitCode.FAILED, f"what answers at {settings.data_dir} is not this service")
    if answer.error is not None:
        _fail(ExitCode.FAILED, answer.error)
    typer.echo(json.dumps(answer.result, indent=2))


def main() -> None:
    """Run the program."""
    app()
