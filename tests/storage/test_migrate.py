"""Making a database, its schema revision, and opening what is none or another's."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from strongroom import storage
from strongroom.ports import StoreUnavailableError
from strongroom.storage.create import create_store, root_keys
from strongroom.storage.migrate import upgrade
from strongroom.storage.rows import RootKeyRow
from strongroom.storage.schema import HEAD, metadata
from strongroom.storage.sqlite import create_file
from strongroom.storage.store import SqlStore, open_store
from tests.storage.support import HmacSeal, fill, no_veto, outsider


def test_the_newest_revision_is_the_one_the_program_names() -> None:
    """The constant that spares an import is the head of the migrations, of which there is one."""
    config = Config()
    config.set_main_option("script_location", str(Path(storage.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_the_migrations_make_the_schema(path: Path) -> None:
    """A database made by the migrations differs in nothing from the tables that the program knows."""
    create_file(path)
    upgrade(path)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_a_database_of_this_revision_needs_no_alembic(store: SqlStore, path: Path) -> None:
    """Upgrading and opening a current database does not import Alembic."""
    assert store.changes() == []
    program = (
        "import sys, pathlib\n"
        "from strongroom.storage.migrate import upgrade\n"
        "from strongroom.storage.store import open_store\n"
        "from tests.storage.support import HmacSeal, no_veto\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "upgrade(path)\n"
        "open_store(path, HmacSeal(), no_veto).close()\n"
        "print('alembic' in sys.modules)\n"
    )
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", program, str(path)], cwd=root, capture_output=True, text=True, check=True
    )
    assert run.stdout == "False\n"


def opening(path: Path) -> object:
    """Open the store."""
    return open_store(path, HmacSeal(), no_veto)


@pytest.mark.parametrize("call", [upgrade, opening, root_keys], ids=["upgrade", "open_store", "root_keys"])
def test_a_database_of_another_revision_is_refused(store: SqlStore, path: Path, call: Callable[[Path], object]) -> None:
    """A newer release's database is not touched, and the error names its revision."""
    assert store.changes() == []
    with outsider(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreUnavailableError, match="9999"):
        call(path)


@pytest.mark.parametrize("call", [upgrade, opening, root_keys], ids=["upgrade", "open_store", "root_keys"])
def test_what_is_no_database_is_refused(path: Path, call: Callable[[Path], object]) -> None:
    """Neither a missing file nor one of another kind is opened, and none is made by looking."""
    with pytest.raises(StoreUnavailableError):
        call(path)
    assert not path.exists()
    path.write_text("Dear diary, " * 1000)
    with pytest.raises(StoreUnavailableError):
        call(path)


def test_an_upgrade_happens_wholly_or_not_at_all(path: Path) -> None:
    """Where a table is in the way, no other table is made either."""
    create_file(path)
    with outsider(path) as connection:
        connection.execute("CREATE TABLE tags (x)")
    with pytest.raises(StoreUnavailableError, match=HEAD):
        upgrade(path)
    with outsider(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("tags",)]


def test_root_keys_are_read_without_a_seal(store: SqlStore, path: Path) -> None:
    """What is needed to find the root key can be read before there is one."""
    assert root_keys(path) == [RootKeyRow(1, b"sealed root", 1_700_000_000.0)]
    assert store.read_meta("mode") == "production"
    assert store.read_meta("none") is None


def test_a_store_is_made_once(store: SqlStore, path: Path) -> None:
    """Making a store where there is one is refused and changes nothing."""
    with pytest.raises(StoreUnavailableError, match="already"):
        create_store(path, HmacSeal(), fill)
    assert store.changes() == []


def test_making_a_store_that_was_cut_off_is_taken_up_again(path: Path) -> None:
    """A filling that fails leaves no store; the next attempt makes it whole."""

    def fail(_tx: object) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        create_store(path, HmacSeal(), fail)
    create_store(path, HmacSeal(), fill)
    store = open_store(path, HmacSeal(), no_veto)
    store.check()
    assert store.read_meta("mode") == "production"
    store.close()


def test_a_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path: Path) -> None:
    """No foreign exception comes out of making a store in an impossible place."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailableError):
        create_store(tmp_path / "file" / "strongroom.db", HmacSeal(), fill)
