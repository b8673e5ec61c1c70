"""A data folder: made once, for one mode and account, opened by one owner, and only as it was left."""

import asyncio
import contextlib
import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from strongroom.bootstrap import database_path, spool_folder
from strongroom.datafolder import DataFolder, FirstKey, NotOursError, initialize
from strongroom.identity.access_keys import KnownKey, StoredAccessKeys
from strongroom.keystores.root import RootKeys, SealError, WrongSealKeyError
from strongroom.keystores.rowseal import RowSeal
from strongroom.keystores.seal_file import SealFileExposedError, SealFileMissingError, create_seal_file
from strongroom.keystores.secretbox import SecretBox
from strongroom.ports import AdapterError, AuditEvent, TamperedStoreError
from strongroom.settings import Settings
from strongroom.storage.create import create_store
from strongroom.storage.transaction import SqlTransaction
from tests.core import ACCOUNT, OTHER, make_facts
from tests.storage.support import outsider


@pytest.fixture
def production(tmp_path: Path) -> Settings:
    """Settings of a production service whose folder is not made yet."""
    return Settings(data_dir=tmp_path / "deep" / "data")


@pytest.fixture
def dev(production: Settings) -> Settings:
    """The same, in dev mode."""
    return replace(production, dev=True)


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[DataFolder]:
    """The folder, closed at the end."""
    folder = DataFolder(settings)
    try:
        yield folder
    finally:
        folder.close()


def mode(path: Path) -> str:
    """Permissions of a file."""
    return oct(path.stat().st_mode & 0o777)


def write_audit(folder: DataFolder) -> str:
    """Begin the supervisor's audit and put a record into it; its event id."""
    facts = make_facts()

    async def main() -> None:
        done = asyncio.get_running_loop().create_future()
        trail = folder.open_trail()
        event = AuditEvent(
            event_id=facts.request_id,
            request_id=facts.request_id,
            time=0.0,
            name="test",
            source="tests",
            region="local",
            caller=facts.caller,
            source_ip="",
            user_agent="",
            read_only=True,
            recipient=ACCOUNT,
        )
        trail.append(trail.encode(event), done.set_result)
        assert await done is None
        trail.close()

    asyncio.run(main())
    return facts.request_id


# --- init ---


def test_init_makes_a_folder_that_opens(production: Settings) -> None:
    """Folder, database and seal file are the owner's alone, the seal outside; the first access key is the root's."""
    first = initialize(production)
    assert mode(production.data_dir) == "0o700"
    assert mode(database_path(production)) == mode(production.seal_path) == "0o600"
    assert production.data_dir not in production.seal_path.parents
    assert re.fullmatch("AKIA[A-Z2-7]{16}", first.access_key_id)
    assert re.fullmatch("[A-Za-z0-9+/]{40}", first.secret)
    with opened(production) as folder:
        keys = StoredAccessKeys(folder.store.credential, SecretBox(folder.roots))
        assert keys.find(first.access_key_id) == KnownKey(ACCOUNT, first.secret.encode())


def test_no_two_folders_are_alike(tmp_path: Path) -> None:
    """Each has a root key, a seal and an access key of its own."""
    one, two = (Settings(data_dir=tmp_path / name) for name in ("one", "two"))
    keys = {initialize(settings) for settings in (one, two)}
    assert len({key.access_key_id for key in keys}) == len({key.secret for key in keys}) == 2
    assert one.seal_path.read_bytes() != two.seal_path.read_bytes()
    with opened(one) as first, opened(two) as second:
        assert first.roots.export_for_worker() != second.roots.export_for_worker()


def test_the_first_key_shows_no_secret() -> None:
    """A repr has the access key id alone."""
    assert repr(FirstKey("AKIA", "secret")) == "<FirstKey AKIA>"


def test_init_is_audited(production: Settings) -> None:
    """The store begins with the record of who made it, and how."""
    initialize(production)
    with contextlib.closing(sqlite3.connect(database_path(production))) as connection:
        ((payload,),) = connection.execute("SELECT payload FROM audit_outbox").fetchall()
    (record,) = json.loads(payload)
    assert (record["eventName"], record["eventSource"]) == ("init", "strongroom.admin")
    assert record["requestParameters"] == {"account": ACCOUNT, "mode": "production"}
    assert record["readOnly"] is False


def test_a_store_is_not_made_twice(production: Settings) -> None:
    """A second call is refused, and the first one's folder opens as before."""
    first = initialize(production)
    with pytest.raises(NotOursError, match="holds a store already"):
        initialize(production)
    with opened(production) as folder:
        assert folder.store.credential(first.access_key_id) is not None


def test_a_seal_file_that_is_there_is_used(production: Settings, tmp_path: Path) -> None:
    """It is neither replaced nor changed; one that others may read is refused, and no store is made."""
    create_seal_file(tmp_path / "seal")
    content = (tmp_path / "seal").read_bytes()
    settings = replace(production, seal_file=tmp_path / "seal")
    (tmp_path / "seal").chmod(0o644)
    with pytest.raises(SealFileExposedError):
        initialize(settings)
    (tmp_path / "seal").chmod(0o600)
    initialize(settings)
    assert (tmp_path / "seal").read_bytes() == content
    with opened(settings):
        assert not production.seal_path.exists()


def test_a_seal_file_that_cannot_be_made(production: Settings, tmp_path: Path) -> None:
    """It is an error of ours, and leaves no store that nobody could open."""
    with pytest.raises(SealError):
        initialize(replace(production, seal_file=tmp_path / "nowhere" / "seal"))
    initialize(production)


def half(settings: Settings) -> None:
    """Leave what an init leaves that was cut off before its transaction."""

    def fill(_tx: SqlTransaction) -> None:
        raise KeyboardInterrupt

    settings.data_dir.mkdir(mode=0o700, parents=True)
    with pytest.raises(KeyboardInterrupt):
        create_store(database_path(settings), RowSeal(RootKeys.create(), 1), fill)


def test_half_a_folder_is_taken_over(production: Settings) -> None:
    """It cannot be opened and says what to do; init makes it whole."""
    half(production)
    with pytest.raises(NotOursError, match="strongroom init"):
        DataFolder(production)
    initialize(production)
    with opened(production):
        pass


def test_an_empty_database_is_taken_over(production: Settings) -> None:
    """A file without tables is less than half a store."""
    production.data_dir.mkdir(mode=0o700, parents=True)
    database_path(production).touch(0o600)
    initialize(production)
    with opened(production):
        pass


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_folder_that_others_may_use_is_refused(production: Settings, mode: int) -> None:
    """It may be anybody's, such as /tmp: nothing in it or about it is changed."""
    production.data_dir.mkdir(parents=True)
    production.data_dir.chmod(mode)
    with pytest.raises(NotOursError, match="open to others"):
        initialize(production)
    assert production.data_dir.stat().st_mode & 0o777 == mode
    assert not list(production.data_dir.iterdir())


# --- dev mode ---


def test_dev_mode_makes_its_folder(dev: Settings) -> None:
    """Where there is none, or half of one; what was written stays for the next start. There are no stored keys."""
    with opened(dev) as folder:
        folder.store.run(lambda tx: tx.put_meta("test", "kept"))
    with opened(dev) as folder:
        assert folder.store.read_meta("test") == "kept"
    with contextlib.closing(sqlite3.connect(database_path(dev))) as connection:
        assert connection.execute("SELECT count(*) FROM credentials").fetchone() == (0,)
    assert mode(dev.data_dir) == "0o700"


def test_dev_mode_takes_over_half_a_folder(dev: Settings) -> None:
    """As init does."""
    half(dev)
    with opened(dev):
        pass


# --- refused ---


def test_a_folder_is_of_one_mode_for_ever(production: Settings, dev: Settings, tmp_path: Path) -> None:
    """Neither mode opens the other's folder."""
    initialize(production)
    with pytest.raises(NotOursError, match="made for mode production, not dev, and stays so"):
        DataFolder(dev)
    other = replace(dev, data_dir=tmp_path / "other")
    with opened(other):
        pass
    with pytest.raises(NotOursError, match="made for mode dev, not production, and stays so"):
        DataFolder(replace(other, dev=False))


def test_a_folder_is_of_one_account(production: Settings) -> None:
    """Another default account is refused."""
    initialize(production)
    with pytest.raises(NotOursError, match=f"made for account {ACCOUNT}, not {OTHER}"):
        DataFolder(replace(production, account=OTHER))


def test_a_production_folder_is_made_by_init_alone(production: Settings) -> None:
    """Without a folder, or with an empty one, there is nothing to open, and nothing is made."""
    with pytest.raises(AdapterError, match="cannot open the data folder"):
        DataFolder(production)
    production.data_dir.mkdir(mode=0o700, parents=True)
    with pytest.raises(NotOursError, match="holds no store; make one with: strongroom init"):
        DataFolder(production)
    assert not database_path(production).exists()


SPOILT: dict[str, tuple[str, type[Exception]]] = {
    "no seal file": ("missing", SealFileMissingError),
    "a seal file that others may read": ("exposed", SealFileExposedError),
    "another seal file": ("other", WrongSealKeyError),
    "a tampered store": ("tampered", TamperedStoreError),
    "another account": ("account", NotOursError),
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_refused_open_leaves_the_folder_to_the_next(production: Settings, tmp_path: Path, case: str) -> None:
    """Whatever is wrong is told by its name; once it is put right, the same process can open the folder."""
    initialize(production)
    how, error = SPOILT[case]
    seal, kept = production.seal_path, tmp_path / "kept"
    shutil.copy2(seal, kept)
    shutil.copy2(database_path(production), tmp_path / "database")
    settings = production
    if how in {"missing", "other"}:
        seal.unlink()
    if how == "other":
        create_seal_file(seal)
    if how == "exposed":
        seal.chmod(0o640)
    if how == "tampered":
        with outsider(database_path(production)) as connection:
            connection.execute("UPDATE meta SET value = 'dev' WHERE name = 'mode'")
    if how == "account":
        settings = replace(production, account=OTHER)
    with pytest.raises(error):
        DataFolder(settings)
    shutil.copy2(kept, seal)
    shutil.copy2(tmp_path / "database", database_path(production))
    with opened(production):
        pass


def test_a_folder_has_one_owner(production: Settings) -> None:
    """A second one is refused as long as the first has it."""
    initialize(production)
    with opened(production):
        for _ in range(2):
            with pytest.raises(AdapterError, match="another service runs on the data folder"):
                DataFolder(production)
    with opened(production):
        pass


# --- epochs, rollback, recovery ---


def epochs(settings: Settings, **more: Any) -> list[int]:
    """Open the folder and take two epochs."""
    with opened(replace(settings, **more)) as folder:
        return [folder.next_epoch(), folder.next_epoch()]


def test_epochs_only_grow(production: Settings) -> None:
    """Each process of each start has an epoch of its own, stored before it is used."""
    initialize(production)
    assert [epochs(production), epochs(production)] == [[1, 2], [3, 4]]


def test_a_database_that_was_put_back_is_found(production: Settings, tmp_path: Path) -> None:
    """An audit newer than the database says so; it is accepted only if told, and no epoch is counted twice."""
    initialize(production)
    shutil.copy2(database_path(production), tmp_path / "old")
    with opened(production) as folder:
        write_audit(folder)
    epochs(production)
    shutil.copy2(tmp_path / "old", database_path(production))
    for _ in range(2):
        with pytest.raises(NotOursError, match=r"epoch 0, audit 1.*--accept-rollback"):
            DataFolder(production)
    assert epochs(production, accept_rollback=True) == [2, 3]
    assert epochs(production) == [4, 5]


def test_accepting_a_rollback_changes_nothing_where_there_is_none(production: Settings) -> None:
    """The flag may stay."""
    initialize(production)
    assert epochs(production, accept_rollback=True) == [1, 2]


def spool_files(settings: Settings) -> list[Path]:
    """The files of the audit."""
    return sorted(spool_folder(settings).glob("*.spool"))


def test_a_torn_audit_is_mended_and_told(production: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """What a crash left behind the last durable record is cut; what was durable stays."""
    initialize(production)
    with opened(production) as folder:
        event_id = write_audit(folder)
    (path,) = spool_files(production)
    whole = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(whole + whole[114:-1])
    with opened(production):
        assert "a torn tail of" in caplog.text
    assert path.read_bytes() == whole
    assert event_id.encode() in whole


def test_a_damaged_audit_is_told(production: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """Damage that no crash explains is in the log, and left as it is; the service starts all the same."""
    initialize(production)
    with opened(production) as folder:
        write_audit(folder)
    (path,) = spool_files(production)
    path.chmod(0o600)
    damaged = b"\0" + path.read_bytes()[1:]
    path.write_bytes(damaged)
    with opened(production):
        assert f"audit file {path.name} is damaged" in caplog.text
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("killed", [True, False])
def test_a_whole_audit_says_nothing(production: Settings, caplog: pytest.LogCaptureFixture, *, killed: bool) -> None:
    """A service that stopped in order, or was killed between two records, leaves nothing to mend."""
    initialize(production)
    with opened(production) as folder:
        write_audit(folder)
    (path,) = spool_files(production)
    if killed:
        path.chmod(0o600)
    with opened(production):
        assert caplog.records == []
    assert mode(path) == "0o400"


@pytest.mark.parametrize("name", ["backup.spool", "00000-old-000001.spool", "copy-of-00000-0000000001-000001.spool"])
def test_a_file_of_another_name_is_no_audit(production: Settings, name: str) -> None:
    """What somebody else put beside the audit does not keep the service from starting."""
    initialize(production)
    with opened(production) as folder:
        write_audit(folder)
    (spool_folder(production) / name).write_text("mine")
    with opened(production):
        pass
