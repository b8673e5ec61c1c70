"""Settings: three sources in their order, strict names and types, and what excludes each other."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from strongroom.model.region import PARTITION_OF
from strongroom.settings import Settings, SettingsError, load


def refusal(flags: dict[str, Any], environment: dict[str, str] | None = None, config: Path | None = None) -> str:
    """The text with which settings are refused."""
    with pytest.raises(SettingsError) as caught:
        load(flags, environment or {}, config)
    assert caught.value.__cause__ is None
    return str(caught.value)


def write(folder: Path, text: str) -> Path:
    """A settings file."""
    path = folder / "strongroom.toml"
    path.write_text(text)
    return path


# --- sources ---


def test_without_any_source_there_are_defaults() -> None:
    """A production service on loopback, one worker, one Region, its seal beside its data."""
    settings = load({}, {})
    assert settings == Settings()
    assert (settings.dev, settings.host, settings.port, settings.workers) == (False, "127.0.0.1", 8080, 1)
    assert settings.account == "123456789012"
    assert settings.seal_path == settings.data_dir.with_name(settings.data_dir.name + ".seal")
    assert settings.seal_path.parent == settings.data_dir.parent


@pytest.mark.parametrize(
    ("sources", "port"), [("f", 1), ("e", 2), ("c", 3), ("fe", 2), ("fc", 3), ("ec", 3), ("fec", 3)]
)
def test_the_later_source_wins(tmp_path: Path, sources: str, port: int) -> None:
    """File, then environment, then flags; what a later one does not say an earlier one keeps saying."""
    config = write(tmp_path, "port = 1\nworkers = 7\n") if "f" in sources else None
    environment = {"STRONGROOM_PORT": "2", "STRONGROOM_LOG_LEVEL": "DEBUG"} if "e" in sources else {}
    flags = {"port": 3, "workers": None} if "c" in sources else {"port": None}
    settings = load(flags, environment, config)
    assert settings.port == port
    assert settings.workers == (7 if "f" in sources else 1)
    assert settings.log_level == ("DEBUG" if "e" in sources else "INFO")


def test_the_file_may_be_named_by_the_environment(tmp_path: Path) -> None:
    """A path given by flag wins over it; without either there is no file; an empty name is no file."""
    config = write(tmp_path, "port = 1\n")
    other = tmp_path / "other.toml"
    other.write_text("port = 2\n")
    environment = {"STRONGROOM_CONFIG": str(config)}
    assert load({}, environment).port == 1
    assert load({}, environment, other).port == 2
    assert load({}, {"STRONGROOM_CONFIG": ""}).port == 8080


def test_a_flag_that_says_no_is_a_flag(tmp_path: Path) -> None:
    """False, zero and an empty list override, since only what was not given is None."""
    config = write(tmp_path, 'port = 9\nregions = ["eu-west-1"]\ninsecure_http = true\n')
    settings = load({"port": 0, "regions": [], "insecure_http": False}, {}, config)
    assert (settings.port, settings.regions, settings.insecure_http) == (0, (), False)


def test_all_settings_can_come_from_each_source(tmp_path: Path) -> None:
    """Text of the environment and values of a file become the same settings."""
    values: dict[str, Any] = {
        "data_dir": "/data",
        "seal_file": "/seal",
        "account": "111122223333",
        "regions": ["eu-west-1", "eu-west-2"],
        "host": "127.0.0.2",
        "port": 0,
        "workers": 4,
        "tls_cert": "/cert",
        "tls_key": "/key",
        "insecure_http": True,
        "dev": True,
        "dev_expose": True,
        "hosts": ["kms", "kms.example"],
        "accept_rollback": True,
        "log_level": "WARNING",
        "drain_seconds": 0.5,
        "max_connections": 9,
        "max_body_bytes": 2048,
        "header_seconds": 1.5,
        "body_seconds": 2.5,
        "idle_seconds": 3.5,
        "recheck_seconds": 5.5,
        "checkpoint_seconds": 4.5,
        "usage_seconds": 7.5,
        "denial_seconds": 8.5,
        "grant_delay_seconds": 9.5,
        "attestation_roots": "/roots.pem",
        "attestation_max_age_seconds": 6.5,
    }
    assert values.keys() == {field.name for field in msgspec.structs.fields(Settings)}
    environment = {
        f"STRONGROOM_{name.upper()}": ", ".join(value) if isinstance(value, list) else str(value).lower()
        for name, value in values.items()
        if name != "log_level"
    } | {"STRONGROOM_LOG_LEVEL": "WARNING"}
    text = "".join(f"{name} = {msgspec.json.encode(value).decode()}\n" for name, value in values.items())
    from_file = load({}, {}, write(tmp_path, text))
    assert from_file == load({}, environment) == load(values, {})
    assert from_file.data_dir == from_file.data_dir.parent / "data"
    assert from_file.seal_path == from_file.seal_file
    assert from_file.regions == ("eu-west-1", "eu-west-2")


@pytest.mark.parametrize(("value", "hosts"), [("", ()), ("a", ("a",)), (" a , b ,, c ", ("a", "b", "c"))])
def test_lists_in_the_environment_have_commas(value: str, hosts: tuple[str, ...]) -> None:
    """Blanks around an item and empty items do not count."""
    assert load({}, {"STRONGROOM_HOSTS": value}).hosts == hosts


@pytest.mark.parametrize(("value", "dev"), [("true", True), ("1", True), ("false", False), ("0", False)])
def test_switches_in_the_environment(value: str, *, dev: bool) -> None:
    """A switch is said in words or digits."""
    assert load({}, {"STRONGROOM_DEV": value}).dev is dev


def test_other_variables_do_not_matter() -> None:
    """Only those with the prefix are settings, whatever else is in the environment."""
    assert load({}, {"PORT": "1", "PATH": "/bin", "STRONG_PORT": "2", "strongroom_port": "3"}) == Settings()


# --- names and values ---


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    """A misspelled setting must not leave a default in its place; it is named."""
    assert refusal({}, {"STRONGROOM_PROT": "1"}) == "unknown setting 'prot'"
    assert refusal({}, {}, write(tmp_path, "wokers = 2\n")) == "unknown setting 'wokers'"
    assert refusal({"prot": 1}) == "unknown setting 'prot'"


WRONG: dict[str, tuple[str, Any]] = {
    "a port that is none": ("port", "http"),
    "a port out of range": ("port", 65_536),
    "a negative port": ("port", "-1"),
    "half a port": ("port", 80.5),
    "no workers": ("workers", 0),
    "too many workers": ("workers", 257),
    "a short account": ("account", "12345678901"),
    "an account with a line end": ("account", "123456789012\n"),
    "an account of other digits": ("account", "12345678901\u0662"),
    "an account that is a number": ("account", 123_456_789_012),
    "a level in small letters": ("log_level", "info"),
    "a level that is none": ("log_level", "LOUD"),
    "no time to drain": ("drain_seconds", 0),
    "no time to keep denials": ("denial_seconds", 0),
    "a grant that counts before it is made": ("grant_delay_seconds", -0.5),
    "no age for attestation documents": ("attestation_max_age_seconds", 0),
    "no connections": ("max_connections", 0),
    "a body of less than a key": ("max_body_bytes", 1023),
    "a switch that is none": ("dev", "maybe"),
    "a path that is a number": ("data_dir", 7),
    "a list that is a text": ("regions", "eu-west-1"),
    "a list of numbers": ("hosts", [1]),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_value_that_does_not_fit_is_refused(case: str) -> None:
    """The text begins with the setting's name."""
    name, value = WRONG[case]
    assert refusal({name: value}).startswith(f"setting '{name}': ")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, no TOML, or no text: the path is in the refusal."""
    missing = tmp_path / "missing.toml"
    assert str(missing) in refusal({}, {}, missing)
    assert str(missing) in refusal({}, {"STRONGROOM_CONFIG": str(missing)})
    bad = write(tmp_path, "port = \n")
    assert str(bad) in refusal({}, {}, bad)
    bad.write_bytes(b'account = "\xff"\n')
    assert str(bad) in refusal({}, {}, bad)
    assert str(tmp_path) in refusal({}, {}, tmp_path)


# --- what goes together ---

OFF_LOOPBACK = {"host": "192.0.2.1"}
TLS = {"tls_cert": Path("/cert"), "tls_key": Path("/key")}
ALLOWED: dict[str, dict[str, Any]] = {
    "plain HTTP on loopback": {},
    "dev mode on loopback": {"dev": True},
    "TLS on loopback": TLS,
    "TLS anywhere": {**OFF_LOOPBACK, **TLS},
    "plain HTTP anywhere, if said": {**OFF_LOOPBACK, "insecure_http": True},
    "dev mode anywhere with TLS, if said": {**OFF_LOOPBACK, **TLS, "dev": True, "dev_expose": True},
    "dev mode in the clear, if both are said": {
        **OFF_LOOPBACK,
        "insecure_http": True,
        "dev": True,
        "dev_expose": True,
    },
}
EXCLUDED: dict[str, tuple[dict[str, Any], str]] = {
    "a certificate without its key": ({"tls_cert": Path("/cert")}, "tls_cert and tls_key go together"),
    "a key without its certificate": ({"tls_key": Path("/key")}, "tls_cert and tls_key go together"),
    "plain HTTP off loopback": (OFF_LOOPBACK, "--insecure-http"),
    "plain HTTP in dev mode off loopback": ({**OFF_LOOPBACK, "dev": True, "dev_expose": True}, "--insecure-http"),
    "dev mode off loopback with TLS": ({**OFF_LOOPBACK, **TLS, "dev": True}, "--dev-expose"),
    "dev mode off loopback in the clear": ({**OFF_LOOPBACK, "insecure_http": True, "dev": True}, "--dev-expose"),
    "exposure without dev mode is no TLS": ({**OFF_LOOPBACK, "dev_expose": True}, "--insecure-http"),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_what_goes_together(case: str) -> None:
    """Loopback needs nothing; elsewhere TLS, or every danger said by name."""
    load(ALLOWED[case], {})


@pytest.mark.parametrize("case", EXCLUDED)
def test_what_excludes_each_other(case: str) -> None:
    """The refusal names what is missing."""
    flags, text = EXCLUDED[case]
    assert text in refusal(flags)


LOOPBACK = ["127.0.0.1", "127.1.2.3", "::1", "localhost"]
PUBLIC = ["0.0.0.0", "::", "192.0.2.1", "10.0.0.1", "kms", "localhost.example", "127.0.0.1.example", "", "128.0.0.1"]  # noqa: S104 - not bound


@pytest.mark.parametrize("host", LOOPBACK + PUBLIC)
def test_which_addresses_are_loopback(host: str) -> None:
    """An address of loopback or the name localhost; every name that might resolve elsewhere is not."""
    assert Settings(host=host).on_loopback == (host in LOOPBACK)


def test_which_regions_are_served() -> None:
    """Those that are named; else every one of AWS's in dev mode, and us-east-1 alone in production."""
    assert Settings().served_regions == {"us-east-1"}
    assert Settings(dev=True).served_regions == set(PARTITION_OF)
    for dev in (True, False):
        assert Settings(dev=dev, regions=("cellar-1",)).served_regions == {"cellar-1"}


def test_tls_is_served_with_a_certificate() -> None:
    """Nothing else switches it on."""
    assert load(TLS, {}).tls
    assert not Settings(insecure_http=True).tls
