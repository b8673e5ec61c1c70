"""The ``strongroom`` program: init, serve, status, and what else is asked of a running service.

Exit codes: 0 done, or stopped as asked; 1 it could not be done; 2 wrong usage or settings; 3 the store, its seal or its
audit is not what this service wrote; 4 it would be denied.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from strongroom.cli.account import account as accounts
from strongroom.cli.base import Config, DataDir, ExitCode, ask, fail, settings_of, show, show_access_key
from strongroom.cli.clock import clock
from strongroom.cli.decisions import explain, simulate
from strongroom.settings import METRICS_VARIABLE, Settings

app = typer.Typer(
    help="The AWS KMS API on your own machines.\n\n"
    "Settings come from a TOML file (--config or STRONGROOM_CONFIG), then from the environment (STRONGROOM_ and the"
    " setting's name in capitals), then from flags; the later wins.\n\n"
    "Exit codes: 0 done or stopped as asked, 1 it could not be done, 2 wrong usage or settings, 3 the store, its seal"
    " or its audit is not what this service wrote, 4 it would be denied.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


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


app.add_typer(clock, name="clock")
app.add_typer(accounts, name="account")
app.command()(explain)
app.command()(simulate)


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
    settings = settings_of(config, {"data_dir": data_dir, "account": account, "seal_file": seal_file})
    if settings.dev:
        fail(ExitCode.USAGE, "init makes production folders; `serve --dev` makes its own")
    try:
        key = initialize(settings)
    except (AdapterError, OSError) as error:
        fail(ExitCode.FAILED, error)
    typer.echo(f"Data folder: {settings.data_dir}")
    typer.echo(
        f"Seal file:   {settings.seal_path}  (keep it and a copy of it elsewhere: without it, all keys are lost)"
    )
    typer.echo(f"Account:     {settings.account}")
    show_access_key(key.access_key_id, key.secret)


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
    _run(settings_of(flags.pop("config"), flags))


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
        fail(ExitCode.NOT_OURS, error)
    except (AdapterError, StartError, OSError) as error:
        fail(ExitCode.FAILED, error)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@app.command()
def status(*, data_dir: DataDir = None, config: Config = None) -> None:
    """Ask the running service of a data folder how it is; prints one JSON object."""
    show(ask("status", {}, data_dir, config))


def main() -> None:
    """Run the program."""
    app()
