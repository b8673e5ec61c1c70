"""Who may import whom: the walls of the design as tables, checked on the syntax tree of every source file."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import run

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "strongroom"

# What a room (a package, or a module that lies beside the packages) may import of ours: a room, or one module of it.
# Imports inside functions and under TYPE_CHECKING count as well.
ROOMS: dict[str, set[str]] = {
    "model": set(),
    "sigv4": set(),
    "hardening": set(),
    "ids": set(),
    "logs": set(),
    "crypto": {"model"},
    "authz": {"model"},
    "ports": {"model"},
    "jobs": {"operations", "model", "ports"},
    "keyview": {"model", "authz", "ports"},
    "operations": {"model", "authz", "ports", "ids"},
    "dispatch": {"operations", "authz", "keyview", "ports", "model", "ids"},
    "keystores": {"model", "ports", "crypto", "sigv4"},
    "identity": {"model", "ports", "crypto", "sigv4"},
    "audit": {"model", "ports", "crypto", "sigv4"},
    "storage": {"model", "ports"},
    "wire": {"dispatch", "operations", "identity", "sigv4", "model", "ports", "ids"},
    "settings": {"model.region"},
    "handover": {"settings"},
    "admin": {"model.identity", "ports", "ids"},
    "clock": {"ports"},
    "denials": set(),
    "commands": {"admin", "authz", "denials", "dispatch", "ids", "jobs", "model", "operations", "ports"},
    # Starting the program is not its talk with a running service: this much of the inside `init` and `serve` need.
    "cli": {
        "settings",
        "logs",
        "hardening",
        "admin",
        "datafolder",
        "supervisor",
        "ports",
        "keystores.root",
        "model.duration",
        "authz.explanation",
    },
    "worker": {"handover", "hardening", "logs", "bootstrap"},
    "datafolder": {
        "settings",
        "ids",
        "ports",
        "admin",
        "model.identity",
        "keystores",
        "storage",
        "audit",
        "bootstrap",
    },
}
EVERYTHING = {"bootstrap", "supervisor"}

# The only rooms that may import a package from outside, or a dangerous part of the standard library.
OUTSIDE: dict[str, set[str]] = {
    "msgspec": {*ROOMS, *EVERYTHING},
    "cryptography": {"crypto"},
    "nacl": {"crypto"},
    "cbor2": {"crypto"},
    "sqlalchemy": {"storage"},
    "alembic": {"storage"},
    "sqlite3": {"storage"},
    "typer": {"cli"},
    "rich": {"cli"},
    "httptools": {"wire"},
    "prometheus_client": {"wire"},
    "uvloop": {"worker"},
    "boto3": set(),
    "botocore": set(),
    "pickle": set(),
    "random": set(),  # keys, ids and salts come from the kernel
    "importlib": set(),  # an import by name would pass these walls unseen
}

# Rooms of rules: what they need of the world is passed in.
PURE = {"model", "authz", "sigv4"}
WORLD = {"os", "io", "pathlib", "socket", "ssl", "asyncio", "threading", "subprocess", "logging", "secrets", "tempfile"}


def _modules(tree: ast.Module, package: list[str]) -> Iterator[tuple[int, str]]:
    """Line and full name of all that a file imports; of ``from a import b`` it is ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = [*base, node.module] if node.module else base
            yield from ((node.lineno, ".".join([*stem, alias.name])) for alias in node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "__import__":
            yield node.lineno, "importlib"


def _verdict(room: str, module: str) -> str | None:
    """What is wrong with a room's import of a module, or None."""
    first, *rest = module.split(".")
    if first == "strongroom":
        allowed = ROOMS.get(room, set())
        inside = not rest or rest[0] == room or room in EVERYTHING
        if inside or rest[0] in allowed or ".".join(rest[:2]) in allowed:
            return None
        return f"{room} may not import {'.'.join(rest)}"
    if first in OUTSIDE:
        return None if room in OUTSIDE[first] else f"{room} may not import {first}"
    if first not in sys.stdlib_module_names:
        return f"{first} is in no table"
    return f"{room} is pure and may not import {first}" if room in PURE and first in WORLD else None


def violations(source: Path) -> list[str]:
    """Every forbidden import under a source folder, as ``file:line: what``."""
    found = []
    for path in sorted(source.rglob("*.py")):
        place = path.relative_to(source)
        room = place.parts[0].removesuffix(".py")
        package = ["strongroom", *place.parent.parts]
        for line, module in _modules(ast.parse(path.read_text()), package):
            wrong = _verdict(room, module)
            if wrong is not None:
                found.append(f"{place}:{line}: {wrong}")
    return found


def test_nobody_imports_through_a_wall() -> None:
    """Every import in the source is one that the tables allow."""
    assert not (found := violations(SOURCE)), "\n" + "\n".join(found)


def test_every_room_has_its_row() -> None:
    """The table names the rooms that there are, and no others."""
    rooms = {path.name.removesuffix(".py") for path in SOURCE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert ROOMS.keys() | EVERYTHING == {room for room in rooms if not room.startswith(("_", "."))} - {"py.typed"}


PLANTED = {
    "an adapter by its module": ("model/key.py", "from strongroom.storage.store import SqlStore"),
    "a package by its name": ("operations/table.py", "from strongroom import wire"),
    "a plain import": ("authz/decide.py", "import strongroom.ports"),
    "inside a function": ("dispatch.py", "def f():\n    from strongroom.wire import http"),
    "for types only": ("keyview.py", "if TYPE_CHECKING:\n    from strongroom.storage import store"),
    "relative": ("wire/endpoint.py", "from ..storage import store"),
    "a module beside the one allowed": ("settings.py", "from strongroom.model import key"),
    "cryptography outside crypto": ("keystores/root.py", "from cryptography.hazmat.primitives import hashes"),
    "SQL outside storage": ("audit/spool.py", "import sqlalchemy"),
    "the CLI's library in a worker": ("worker.py", "import typer"),
    "AWS's model in the product": ("operations/request.py", "import botocore.session"),
    "an unknown package": ("wire/endpoint.py", "import orjson"),
    "by name at run time": ("dispatch.py", "import importlib"),
    "by name, built in": ("dispatch.py", "wire = __import__('strongroom.wire')"),
    "the world in a pure room": ("model/state.py", "import os"),
    "a room without a row": ("chores.py", "from strongroom.model import key"),
}


@pytest.mark.parametrize("case", PLANTED)
def test_a_planted_import_is_found(case: str, tmp_path: Path) -> None:
    """The checker sees a forbidden import in each form that it can take, and says where it is."""
    name, code = PLANTED[case]
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'"""A module."""\n{code}\n')
    found = violations(tmp_path)
    line = 2 + code.count("\n")
    assert [entry.split(": ")[0] for entry in found] == [f"{name}:{line}"]


def test_an_allowed_import_is_not_found(tmp_path: Path) -> None:
    """The checker lets pass what the tables allow: a neighbour, its own room, one module, the standard library."""
    (tmp_path / "wire").mkdir()
    (tmp_path / "wire" / "endpoint.py").write_text(
        "import asyncio\nimport msgspec\nimport strongroom.operations.kms\nfrom . import http\n"
        "from strongroom.wire.metrics import Metrics\nfrom strongroom.dispatch import Dispatcher\n"
    )
    (tmp_path / "settings.py").write_text("from strongroom.model.region import PARTITION_OF\n")
    assert violations(tmp_path) == []


def test_a_worker_loads_no_program_library() -> None:
    """A worker's imports hold neither the CLI's libraries nor AWS's: they would cost start-up time and memory."""
    heavy = "{'typer', 'click', 'rich', 'boto3', 'botocore', 'alembic'}"
    code = f"import sys, strongroom.worker, strongroom.bootstrap; print(sorted({heavy} & sys.modules.keys()))"
    result = run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert result.stdout == "[]\n"
