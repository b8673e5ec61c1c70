"""What the commands share: options, exit codes, settings, and the talk with a running service."""

import json
import os
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from strongroom.settings import Settings, SettingsError, load

PATIENCE, LONG_PATIENCE = 10.0, 120.0
"""Seconds for an answer of the service."""


class ExitCode(IntEnum):
    """What the program ends with."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_OURS = 3
    DENIED = 4


DataDir = Annotated[
    Path | None, typer.Option(help="The data folder: database and audit.", show_default=".strongroom/data")
]
Config = Annotated[Path | None, typer.Option(help="A TOML file of settings.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def fail(code: ExitCode, text: object) -> NoReturn:
    """End the program, and say why."""
    typer.echo(f"strongroom: {text}", err=True)
    raise typer.Exit(code)


def settings_of(config: Path | None, flags: dict[str, Any]) -> Settings:
    """The settings; where they cannot be used, the program ends."""
    try:
        return load(flags, os.environ, config)
    except SettingsError as error:
        fail(ExitCode.USAGE, error)


def ask(
    command: str, arguments: Mapping[str, str], data_dir: Path | None, config: Path | None, patience: float = PATIENCE
) -> dict[str, Any]:
    """Give a command to the running service of a data folder; where it gives no result, the program ends."""
    import msgspec  # noqa: PLC0415 - help and errors must not wait for imports

    from strongroom import admin  # noqa: PLC0415

    settings = settings_of(config, {"data_dir": data_dir})
    try:
        answer = admin.ask(settings.data_dir, admin.AdminRequest(command, dict(arguments)), patience)
    except OSError:
        fail(ExitCode.FAILED, f"no service answers at {settings.data_dir}")
    except msgspec.MsgspecError:
        fail(ExitCode.FAILED, f"what answers at {settings.data_dir} is not this service")
    if answer.error is not None:
        fail(ExitCode.FAILED, answer.error)
    return answer.result or {}


def show(result: object) -> None:
    """Print a result as JSON."""
    typer.echo(json.dumps(result, indent=2))


def show_access_key(access_key_id: str, secret: str) -> None:
    """Print a new access key, as a shell takes it."""
    typer.echo("The account's root access key, shown this once:")
    typer.echo(f"AWS_ACCESS_KEY_ID={access_key_id}")
    typer.echo(f"AWS_SECRET_ACCESS_KEY={secret}")
