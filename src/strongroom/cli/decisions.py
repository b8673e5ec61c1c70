"""``strongroom explain`` and ``strongroom simulate``."""

import json
from typing import Annotated

import typer

from strongroom.cli import base
from strongroom.cli.base import Config, DataDir, ExitCode, Json


def explain(
    request_id: Annotated[str, typer.Argument(help="The id of the request, as the client was told it.")],
    *,
    account: Annotated[str | None, typer.Option(help="Show what this account may see, and no more.")] = None,
    as_json: Json = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Ask the running service of a data folder why it denied a request, and what would have allowed it.

    Denials are kept for the setting denial_seconds.
    """
    arguments = {"requestId": request_id} | ({} if account is None else {"account": account})
    found = base.ask("explain", arguments, data_dir, config)["explanations"]
    if as_json:
        base.show(found)
    else:
        typer.echo("\n\n".join(map(_text, found)))


def simulate(
    *,
    principal: Annotated[str, typer.Option(help="Who: the ARN of a user, a role, a role's session, or a root.")],
    action: Annotated[str, typer.Option(help="What, such as kms:Decrypt.")],
    key: Annotated[str, typer.Option(help="On which key: its id or ARN, or an alias.")],
    context: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A pair of the encryption context; may be repeated.")
    ] = None,
    condition: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="What a condition key has; may be repeated.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="The Region of the request.", show_default="that of the key's ARN")
    ] = None,
    as_json: Json = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Ask the running service of a data folder whether it would allow an action on a key, and why.

    Nothing is done with the key. Ends with 0 where it would be allowed, and with 4 where it would be denied.
    """
    arguments = {"principal": principal, "action": action, "key": key}
    for name, pairs in (("context", context), ("conditions", condition)):
        if pairs:
            arguments[name] = json.dumps(_pairs(pairs))
    if region is not None:
        arguments["region"] = region
    found = base.ask("simulate", arguments, data_dir, config)
    if as_json:
        base.show(found)
    else:
        typer.echo(_text(found))
    if not found["allowed"]:
        raise typer.Exit(ExitCode.DENIED)


def _pairs(texts: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or name in found:
            base.fail(ExitCode.USAGE, f"{text!r} is no NAME=VALUE, or its name is given twice")
        found[name] = value
    return found


def _text(found: object) -> str:
    import msgspec  # noqa: PLC0415 - as in base.ask

    from strongroom.authz.explanation import Explanation  # noqa: PLC0415
    from strongroom.cli.words import text_of  # noqa: PLC0415

    return text_of(msgspec.convert(found, Explanation))
