"""``strongroom clock``."""

from typing import Annotated

import typer

from strongroom.cli import base
from strongroom.cli.base import Config, DataDir, ExitCode

clock = typer.Typer(help="The clock that keys live by; it moves in dev mode alone.", no_args_is_help=True)


@clock.command()
def show(*, data_dir: DataDir = None, config: Config = None) -> None:
    """Ask the running dev service of a data folder what time it is for keys; prints one JSON object."""
    base.show(base.ask("clock-show", {}, data_dir, config))


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
    from strongroom.model.duration import parse_duration  # noqa: PLC0415 - as in base.ask

    try:
        parse_duration(duration)
    except ValueError as error:
        base.fail(ExitCode.USAGE, error)
    base.show(base.ask("clock-advance", {"duration": duration}, data_dir, config, base.LONG_PATIENCE))
