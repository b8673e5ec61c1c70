"""``strongroom account``."""

from typing import Annotated

import typer

from strongroom.cli import base
from strongroom.cli.base import Config, DataDir

account = typer.Typer(help="The accounts of a service.", no_args_is_help=True)


@account.command()
def create(
    account: Annotated[str, typer.Argument(help="Its number, 12 digits.")],
    *,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Make an account in the running service of a data folder; prints its root's access key, this once."""
    made = base.ask("account-create", {"account": account}, data_dir, config)
    typer.echo(f"Account:     {made['account']}")
    base.show_access_key(made["accessKeyId"], made["secretAccessKey"])


@account.command(name="list")
def list_(*, data_dir: DataDir = None, config: Config = None) -> None:
    """Ask the running service of a data folder which accounts it has; prints one a line."""
    for name in base.ask("account-list", {}, data_dir, config)["accounts"]:
        typer.echo(name)
