"""One frozen Settings: TOML file, then environment ``STRONGROOM_*``, then flags; unknown names are refused."""

import re
import tomllib
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from strongroom.model.region import PARTITION_OF

ENVIRONMENT_PREFIX = "STRONGROOM_"
CONFIG_VARIABLE = "STRONGROOM_CONFIG"
METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder of the metrics to prometheus-client, which reads it when it is imported."""


class SettingsError(Exception):
    """The settings cannot be used; the text says which one and why."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting of the service.

    Attributes:
        data_dir: The data folder: database and audit.
        seal_file: The key file that opens the root key; by default beside the data folder, named after it.
        account: The default account, 12 digits.
        regions: The Regions that are served; none named means every AWS Region in dev mode, else us-east-1.
        host: The address to listen on.
        port: The TCP port; 0 takes a free one.
        workers: Worker processes.
        tls_cert: PEM file of the certificate chain.
        tls_key: PEM file of its private key.
        insecure_http: Serve plain HTTP off loopback.
        dev: Dev mode: access key ``test`` with secret ``test``, every Region.
        dev_expose: Serve dev mode off loopback.
        hosts: Host names that dev mode answers to beside loopback.
        accept_rollback: Start although the audit is newer than the database, which then was put back.
        log_level: DEBUG, INFO, WARNING or ERROR.
        drain_seconds: How long SIGTERM waits for requests in flight.
        max_connections: Open connections a worker holds.
        max_body_bytes: Largest request body.
        header_seconds: Time for a request's head to arrive.
        body_seconds: Time for a request's body to arrive.
        idle_seconds: Silence that a kept-alive connection may have.
        recheck_seconds: How often a worker that saw commits checks the whole store again.
        checkpoint_seconds: How often a worker writes the head of its audit into the database.
        usage_seconds: How often a worker writes into the database when keys were last used.
        denial_seconds: How long explanations of denials are kept.
        grant_delay_seconds: How long a new grant counts with its token only.
        attestation_roots: PEM file of the root certificates that attestation documents may chain to; None refuses all.
        attestation_max_age_seconds: How far the time of an attestation document may be from the machine's.
    """

    data_dir: Path = Path(".strongroom/data")
    seal_file: Path | None = None
    account: Annotated[str, Meta(pattern=r"^[0-9]{12}\Z")] = "123456789012"
    regions: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8080
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    tls_cert: Path | None = None
    tls_key: Path | None = None
    insecure_http: bool = False
    dev: bool = False
    dev_expose: bool = False
    hosts: tuple[str, ...] = ()
    accept_rollback: bool = False
    log_level: Annotated[str, Meta(pattern=r"^(DEBUG|INFO|WARNING|ERROR)\Z")] = "INFO"
    drain_seconds: Annotated[float, Meta(gt=0)] = 30.0
    max_connections: Annotated[int, Meta(ge=1)] = 2048
    max_body_bytes: Annotated[int, Meta(ge=1024)] = 1_048_576
    header_seconds: Annotated[float, Meta(gt=0)] = 10.0
    body_seconds: Annotated[float, Meta(gt=0)] = 20.0
    idle_seconds: Annotated[float, Meta(gt=0)] = 60.0
    recheck_seconds: Annotated[float, Meta(gt=0)] = 10.0
    checkpoint_seconds: Annotated[float, Meta(gt=0)] = 60.0
    usage_seconds: Annotated[float, Meta(gt=0)] = 60.0
    denial_seconds: Annotated[float, Meta(gt=0)] = 3600.0
    grant_delay_seconds: Annotated[float, Meta(ge=0)] = 0.0
    attestation_roots: Path | None = None
    attestation_max_age_seconds: Annotated[float, Meta(gt=0)] = 300.0

    @property
    def metrics_dir(self) -> Path:
        """Where all processes of the service count."""
        return self.data_dir / "metrics"

    @property
    def seal_path(self) -> Path:
        """Where the seal file is: outside the data folder unless told otherwise."""
        return self.seal_file or self.data_dir.with_name(self.data_dir.name + ".seal")

    @property
    def on_loopback(self) -> bool:
        """Whether the address to listen on is a loopback address."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def tls(self) -> bool:
        """Whether TLS is served."""
        return self.tls_cert is not None

    @property
    def served_regions(self) -> frozenset[str]:
        """The Regions served: those named, else all of AWS's in dev mode and us-east-1 alone in production."""
        return frozenset(self.regions or (PARTITION_OF if self.dev else ("us-east-1",)))


def load(flags: Mapping[str, Any], environment: Mapping[str, str], config: Path | None = None) -> Settings:
    """Build the settings; a later source wins: file, environment, flags.

    Args:
        flags: Settings by name from the command line; None means not given.
        environment: The process environment; names that start with ``STRONGROOM_`` are settings.
        config: A TOML file, by default the one that ``STRONGROOM_CONFIG`` names, or none.

    Raises:
        SettingsError: An unknown name, a value that does not fit, or settings that exclude each other.
    """
    values = _from_file(config or _config_of(environment)) | _from_environment(environment)
    values |= {name: value for name, value in flags.items() if value is not None}
    try:
        settings = msgspec.convert(values, Settings, strict=False, dec_hook=_as_path)
    except msgspec.ValidationError as error:
        raise SettingsError(_worded(str(error))) from None
    _require_sense(settings)
    return settings


def _as_path(_wanted: type, value: object) -> Path:
    """A path, the only type here that msgspec does not know; from a file or the environment it comes as text."""
    if isinstance(value, str | Path):
        return Path(value)
    raise ValueError(f"Expected `path`, got `{type(value).__name__}`")


def _config_of(environment: Mapping[str, str]) -> Path | None:
    value = environment.get(CONFIG_VARIABLE)
    return Path(value) if value else None


def _from_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"cannot read the settings file {path}: {error}") from None


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    lists = {field.name for field in msgspec.structs.fields(Settings) if field.default == ()}
    for variable, value in environment.items():
        if variable.startswith(ENVIRONMENT_PREFIX) and variable != CONFIG_VARIABLE:
            name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
            found[name] = [part.strip() for part in value.split(",") if part.strip()] if name in lists else value
    return found


def _worded(text: str) -> str:
    """Msgspec's refusal with the setting's name in front."""
    unknown = re.search(r"unknown field `(\w+)`", text)
    if unknown:
        return f"unknown setting {unknown[1]!r}"
    place = re.search(r" - at `\$\.(\w+)", text)
    return f"setting {place[1]!r}: {text.split(' - at ', maxsplit=1)[0]}" if place else text


def _require_sense(settings: Settings) -> None:
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise SettingsError("tls_cert and tls_key go together")
    if not settings.on_loopback:
        if not settings.tls and not settings.insecure_http:
            raise SettingsError(
                f"refusing plain HTTP on {settings.host}, which is not loopback: give --tls-cert and --tls-key,"
                " or --insecure-http"
            )
        if settings.dev and not settings.dev_expose:
            raise SettingsError(f"refusing dev mode on {settings.host}, which is not loopback: give --dev-expose")
