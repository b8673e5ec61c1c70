"""The documentation is whole: what the code has, its page has; links lead somewhere; files keep to their bounds."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer.main

import strongroom.operations.kms  # noqa: F401 - fills the table
from strongroom.cli.base import ExitCode
from strongroom.cli.main import app
from strongroom.dispatch.conditions import FAMILIES, KEYS
from strongroom.model import errors
from strongroom.operations.iam import IAM
from strongroom.operations.sts import STS
from strongroom.operations.table import OPERATIONS, TO_COME, Service
from strongroom.settings import Settings, load
from strongroom.wire.messages import REASONS

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
ADRS = sorted((ROOT / "docs" / "adr").glob("*.md"))
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60

# Files and folders that are made, not written.
_MADE = re.compile(r"\.(?!ci$|github$|gitignore$).*|__pycache__|build|dist|site|.*\.egg-info")

# Names of one machine or one mirror; written so that this file does not hold them.
_LOCAL = re.compile(
    r"/wor[k]/|/roo[t]/|/hom[e]/|index[-_]ur[l]|pypi\.or[g]|registry\.np[m]|localhost regis[t]ry", re.IGNORECASE
)


def _commands(group: Any, before: str = "") -> dict[str, Any]:
    """The commands of a program and of its groups, by what one types for them."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        found |= _commands(command, f"{name} ") if hasattr(command, "commands") else {before + name: command}
    return found


_COMMANDS = _commands(typer.main.get_command(app))
_OPTIONS = {
    name: {option for item in command.params for option in item.opts if option.startswith("-")}
    for name, command in _COMMANDS.items()
}

# What a scrape puts behind the name of a metric, by its kind.
_SUFFIXES = {"Counter": "_total", "Gauge": "", "Histogram": "", "Summary": "", "Info": "_info"}


def _files(folder: Path = ROOT) -> Iterator[Path]:
    """The files of the tree that somebody wrote."""
    for path in sorted(folder.iterdir()):
        if not _MADE.fullmatch(path.name):
            yield from _files(path) if path.is_dir() else [path]


def _lines(page: Path) -> Iterator[str]:
    """The lines of a page outside its fenced blocks."""
    fenced = False
    for line in page.read_text().splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield line


def _sections(page: Path) -> dict[str, str]:
    """The text under each heading of level 3, by the heading without its backticks."""
    found: dict[str, list[str]] = {}
    text: list[str] = []
    for line in _lines(page):
        if re.match(r"#{1,3} ", line):
            text = found.setdefault(line[4:].replace("`", ""), []) if line.startswith("### ") else []
        text.append(line)
    return {title: "\n".join(parts) for title, parts in found.items()}


# --- the reference names what the code has ---


def test_settings_are_those_of_the_code() -> None:
    """The page of settings has a section for every setting and for nothing else."""
    assert _sections(REFERENCE / "settings.md").keys() == set(Settings.__struct_fields__)


@pytest.mark.parametrize("field", msgspec.structs.fields(Settings), ids=lambda field: field.name)
def test_a_setting_has_its_variable_and_default(field: Any) -> None:
    """A setting's section names its environment variable, its default as the code has it, and only flags that are."""
    text = _sections(REFERENCE / "settings.md")[field.name]
    assert f"`STRONGROOM_{field.name.upper()}`" in text
    if isinstance(field.default, str | int | float):
        default = str(field.default).lower() if isinstance(field.default, bool) else field.default
        assert f"Default: `{default}`" in text
    assert set(re.findall(r"`(--[a-z-]+)", text)) <= _OPTIONS["serve"]


def test_every_flag_stands_at_a_setting() -> None:
    """Each flag of ``serve`` is named by the section of a setting, but the one that names the settings file."""
    named = re.findall(r"`(--[a-z-]+)", "\n".join(_sections(REFERENCE / "settings.md").values()))
    assert set(named) == _OPTIONS["serve"] - {"--config"}


def test_the_sample_settings_load() -> None:
    """The program accepts the sample settings file of the docs."""
    sample = re.search(r"```toml\n(.*?)```", (REFERENCE / "settings.md").read_text(), re.DOTALL)
    assert sample is not None
    assert load(tomllib.loads(sample[1]), {}).data_dir.is_absolute()


def test_operations_are_those_of_the_table() -> None:
    """The page of operations has a section for every operation in the table and for nothing else."""
    assert _sections(REFERENCE / "operations.md").keys() == OPERATIONS.keys()


@pytest.mark.parametrize("service", [IAM, STS], ids=lambda service: service.scope)
def test_operations_of_a_neighbour_are_those_of_its_table(service: Service) -> None:
    """The pages of IAM and STS have a section for every operation of theirs and for nothing else."""
    assert _sections(REFERENCE / f"{service.scope}.md").keys() == service.operations.keys()


def test_operations_to_come_are_named() -> None:
    """The page of operations names every operation of the model that is still to come, and no other."""
    _, after = (REFERENCE / "operations.md").read_text().split("## Still to come")
    assert set(re.findall(r"`(\w+)`", after.split("\n## ")[0])) == TO_COME


def test_operations_are_counted_right() -> None:
    """Where a page says how many operations there are, it says how many there are."""
    here, all_of_them = str(len(OPERATIONS)), str(len(OPERATIONS) + len(TO_COME))
    text = " ".join(" ".join(page.read_text().split()) for page in PAGES)
    counts = re.findall(r"(\d+) of the (\d+) operations", text)
    assert counts
    assert set(counts) == {(here, all_of_them)}


def test_condition_keys_are_those_of_the_code() -> None:
    """The page of condition keys has a row for every key that can have a value, and for nothing else."""
    rows = re.findall(r"^\| `([^`]+)` \|", (REFERENCE / "condition-keys.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted([*KEYS, *(f"{prefix}NAME" for prefix in FAMILIES)])


def test_faults_are_those_of_the_code() -> None:
    """The page of errors has a section for every fault of the service and of its HTTP layer, and for nothing else."""
    faults = {
        cls.__name__ for cls in vars(errors).values() if isinstance(cls, type) and cls.__bases__ == (errors.Fault,)
    }
    assert _sections(REFERENCE / "errors.md").keys() == faults | {reason.type for reason in REASONS if reason.type}


def test_metrics_are_those_of_the_code() -> None:
    """The page of metrics has a section for every metric, under the name that a scrape shows."""
    tree = ast.parse((ROOT / "src/strongroom/wire/metrics.py").read_text())
    made = {
        ast.literal_eval(node.args[0]) + _SUFFIXES[node.func.id]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _SUFFIXES
    }
    assert _sections(REFERENCE / "metrics.md").keys() == made


def test_refusal_reasons_are_those_of_the_code() -> None:
    """The metric of the HTTP wall lists each reason by its label."""
    text = _sections(REFERENCE / "metrics.md")["strongroom_http_refused"]
    assert {reason.name for reason in REASONS} <= set(re.findall(r"`(\w+)`", text))


def test_commands_are_those_of_the_program() -> None:
    """The page of the program has a section for every command and for nothing else."""
    assert _sections(REFERENCE / "cli.md").keys() == {f"strongroom {name}" for name in _COMMANDS}


@pytest.mark.parametrize("name", _COMMANDS)
def test_a_command_has_its_options(name: str) -> None:
    """A command's section names all its options and no others, and its help."""
    text = _sections(REFERENCE / "cli.md")[f"strongroom {name}"]
    assert set(re.findall(r"`(--[a-z-]+)", text)) == _OPTIONS[name]
    assert f"`strongroom {name} --help`" in text


def test_exit_codes_are_those_of_the_program() -> None:
    """The page of the program explains every exit code."""
    rows = re.findall(r"^\| (\d+) \|", (REFERENCE / "cli.md").read_text(), re.MULTILINE)
    assert [int(row) for row in rows] == [code.value for code in ExitCode]


def test_make_targets_are_those_of_the_makefile() -> None:
    """The README's table lists the targets that ``make`` lists."""
    targets = re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert re.findall(r"^\| `make (\w+)`", (ROOT / "README.md").read_text(), re.MULTILINE) == targets


# --- pages hang together ---


def _anchors(page: Path) -> set[str]:
    """The anchors that a page's headings make, as GitHub and Material for MkDocs do for plain titles."""
    titles = [line.lstrip("#").strip() for line in _lines(page) if re.match(r"#{1,6} ", line)]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_is_dead(page: Path) -> None:
    """Every relative link leads to a file of the tree, and its fragment to a heading there."""
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", "\n".join(_lines(page))):
        name, _, fragment = target.partition("#")
        other = (page.parent / name).resolve() if name else page
        if "://" in target or target.startswith("mailto:"):
            continue
        if not other.exists() or (fragment and fragment not in _anchors(other)):
            dead.append(target)
    assert dead == []


@pytest.mark.parametrize("adr", ADRS, ids=lambda path: path.stem)
def test_a_decision_is_whole(adr: Path) -> None:
    """A decision record has its number, its status, and says why, what and at which price."""
    text = adr.read_text()
    assert re.match(rf"# {int(adr.name[:4])}\. ", text)
    assert re.search(r"^(## Status$|Status: )", text, re.MULTILINE)
    for heading in ("Context", "Decision", "Consequences"):
        assert f"\n## {heading}\n" in text


def test_decisions_are_numbered_once() -> None:
    """No two decision records share a number."""
    numbers = [adr.name[:4] for adr in ADRS]
    assert sorted(set(numbers)) == numbers


def test_every_page_is_in_the_navigation() -> None:
    """The navigation of the documentation site names every page under docs, and each but once."""
    named = re.findall(r": ([\w./-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(named) == [
        page.relative_to(ROOT / "docs").as_posix() for page in sorted((ROOT / "docs").rglob("*.md"))
    ]


def test_fragments_of_the_changelog_are_named_well() -> None:
    """A fragment is named after its issue and its kind."""
    names = [path.name for path in (ROOT / "changelog.d").iterdir() if path.name != "README.md"]
    wrong = [name for name in names if not re.fullmatch(r"\d+\.(added|changed|fixed|removed|security)\.md", name)]
    assert names
    assert wrong == []


# --- files keep to their bounds ---


def test_no_source_file_is_too_long() -> None:
    """No source file, test or script has more lines than a reader takes in."""
    counts = {path.relative_to(ROOT): path.read_text().count("\n") for path in _files() if path.suffix == ".py"}
    assert {path: lines for path, lines in counts.items() if lines > MAX_FILE_LINES} == {}


def test_no_function_is_too_long() -> None:
    """No function, its decorators and its docstring included, is longer than a screen."""
    found = []
    for path in _files():
        if path.suffix == ".py":
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    first = min([node.lineno, *(item.lineno for item in node.decorator_list)])
                    if (node.end_lineno or first) - first >= MAX_FUNCTION_LINES:
                        found.append(f"{path.relative_to(ROOT)}:{first} {node.name}")
    assert found == []


def test_no_file_names_a_machine() -> None:
    """No file holds a path of somebody's machine or the address of a package mirror."""
    found = []
    for path in _files():
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if _LOCAL.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert found == []


def test_every_vector_has_an_origin() -> None:
    """Beside every test vector stands where it comes from."""
    vectors = [path for path in _files(ROOT / "tests" / "vectors") if path.name not in {"ORIGIN", "__init__.py"}]
    assert vectors
    assert [path.name for path in vectors if not (path.parent / "ORIGIN").is_file()] == []
