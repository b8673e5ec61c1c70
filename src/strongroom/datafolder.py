"""A data folder as the supervisor opens it: root key unsealed, database checked, audit recovered, one owner."""

import asyncio
import fcntl
import logging
import os
import stat
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from strongroom.admin import AdminRequest, operator_event
from strongroom.audit.record import encode
from strongroom.audit.recovery import newest_epoch, recover
from strongroom.audit.spool import Spool
from strongroom.bootstrap import database_path, open_spool, spool_folder
from strongroom.ids import new_access_key_id, new_secret_key, new_uuid
from strongroom.keystores.root import RootKeys
from strongroom.keystores.rowseal import RowSeal
from strongroom.keystores.seal_file import create_seal_file, read_seal_file
from strongroom.keystores.secretbox import SecretBox
from strongroom.model.identity import CREDENTIAL_PURPOSE, Credential
from strongroom.ports import AdapterError, StoreUnavailableError
from strongroom.settings import Settings
from strongroom.storage.create import create_store, root_keys
from strongroom.storage.migrate import upgrade
from strongroom.storage.rows import RootKeyRow
from strongroom.storage.store import open_store
from strongroom.storage.transaction import SqlTransaction

LOCK_NAME = "lock"
SUPERVISOR = 0  # its number among the writers of the audit

_MODE, _ACCOUNT, _EPOCH, _NODE = "mode", "account", "epoch", "node"  # facts in the store's meta table

_log = logging.getLogger("strongroom.supervisor")


class NotOursError(AdapterError):
    """The folder holds something else than what these settings, or this audit, belong to."""


class FirstKey(NamedTuple):
    """The access key that ``init`` prints once."""

    access_key_id: str
    secret: str

    def __repr__(self) -> str:
        return f"<FirstKey {self.access_key_id}>"


def initialize(settings: Settings) -> FirstKey:
    """Make a data folder: seal file, root key, database, account; the folder is dev or production for ever.

    A seal file that is there already is used; what an interrupted call left is taken over.

    Raises:
        AdapterError: There is a store already, or one cannot be made.
    """
    _make_folder(settings.data_dir)
    if _holds_store(settings):
        raise NotOursError(f"{settings.data_dir} holds a store already")
    seal_path = settings.seal_path
    roots = RootKeys.create()
    sealed = roots.seal(read_seal_file(seal_path) if seal_path.exists() else create_seal_file(seal_path))
    now = time.time()
    first = FirstKey(new_access_key_id("AKIA"), new_secret_key())
    box = SecretBox(roots)

    def fill(tx: SqlTransaction) -> None:
        tx.put_root_key(RootKeyRow(roots.current, sealed, now))
        tx.put_meta(_MODE, _mode(settings))
        tx.put_meta(_ACCOUNT, settings.account)
        tx.put_meta(_EPOCH, "0")
        tx.put_meta(_NODE, new_uuid())
        tx.put_account(settings.account, now)
        event = operator_event(
            AdminRequest("init", {"account": settings.account, "mode": _mode(settings)}), os.getuid()
        )
        tx.add_record(event.event_id, encode(event))
        if not settings.dev:
            parts = (first.access_key_id, settings.account)
            secret = box.seal(CREDENTIAL_PURPOSE, parts, first.secret.encode())
            tx.put_credential(
                Credential(
                    access_key_id=first.access_key_id,
                    account=settings.account,
                    sealed_secret=secret,
                    active=True,
                    created_at=now,
                )
            )

    create_store(database_path(settings), RowSeal(roots, roots.current), fill)
    return first


class DataFolder:
    """An open data folder; in dev mode it is made where there is none.

    Attributes:
        roots: The unsealed root keys.
        store: The open store.
        node: What the folder is called among those that work on a store.

    Raises:
        NotOursError: It is of the other mode or account, or its database is older than its audit.
        SealError: The seal file is missing, exposed or another one.
        TamperedStoreError: The database is not as this service wrote it.
        AdapterError: Something cannot be opened.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._spool: Spool | None = None
        if settings.dev:
            _make_folder(settings.data_dir)
        with ExitStack() as opened:
            opened.callback(os.close, _lock(settings.data_dir))
            if settings.dev and not _holds_store(settings):
                initialize(settings)
            self.roots = _unseal(settings)
            seal = RowSeal(self.roots, self.roots.current)
            self.store = open_store(database_path(settings), seal, before_commit=lambda: None)
            opened.callback(self.store.close)
            self.store.check()
            self._require_ours()
            self.node = self.store.read_meta(_NODE) or ""
            self._epoch = self._first_epoch()
            self._recover_audit()
            self._opened = opened.pop_all()

    def next_epoch(self) -> int:
        """A number for the audit of one more process: greater than all before, and stored before it is used."""
        self._epoch += 1
        epoch = self._epoch
        self.store.run(lambda tx: tx.put_meta(_EPOCH, str(epoch)))
        return epoch

    def open_trail(self) -> Spool:
        """The supervisor's own audit."""
        self._spool = open_spool(self._settings, self.roots, SUPERVISOR, self.next_epoch(), asyncio.get_running_loop())
        return self._spool

    def close(self) -> None:
        """Leave the folder to its next owner."""
        if self._spool is not None:
            self._spool.close()
        self._opened.close()

    def _require_ours(self) -> None:
        wanted = {_MODE: _mode(self._settings), _ACCOUNT: self._settings.account}
        for name, value in wanted.items():
            found = self.store.read_meta(name)
            if found != value:
                raise NotOursError(f"{self._settings.data_dir} was made for {name} {found}, not {value}, and stays so")

    def _first_epoch(self) -> int:
        """The epoch to count from. An audit newer than the database says that an older database was put back."""
        stored = int(self.store.read_meta(_EPOCH) or 0)
        written = newest_epoch(spool_folder(self._settings))
        if written > stored and not self._settings.accept_rollback:
            raise NotOursError(
                f"the database is older than its audit (epoch {stored}, audit {written}): an older copy was put back;"
                " to go on with it all the same, start once with --accept-rollback"
            )
        return max(stored, written)

    def _recover_audit(self) -> None:
        if not spool_folder(self._settings).exists():
            return
        for report in recover(spool_folder(self._settings)):
            if report.fault is not None:
                _log.error("audit file %s is damaged: %s", report.path.name, report.fault)
            elif report.cut_bytes:
                _log.warning("audit file %s: a torn tail of %d bytes was cut", report.path.name, report.cut_bytes)


def _unseal(settings: Settings) -> RootKeys:
    """Bring the database to this program's schema, and open the root key in it.

    Raises:
        NotOursError: There is no store.
        SealError: The seal file is missing, exposed or another one.
    """
    path = database_path(settings)
    if not path.exists():
        raise NotOursError(f"{settings.data_dir} holds no store; make one with: strongroom init")
    upgrade(path)
    sealed = root_keys(path)
    if not sealed:
        raise NotOursError(f"{settings.data_dir} holds half a store; make it whole with: strongroom init")
    return RootKeys.unseal(sealed[-1].sealed, read_seal_file(settings.seal_path))


def _make_folder(folder: Path) -> None:
    """Make a folder that is closed to others, or take one that is; nobody else's folder is changed.

    Raises:
        NotOursError: There is one that is another user's, or that others may use.
    """
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        found = folder.stat()
        if found.st_uid != os.getuid() or found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise NotOursError(
                f"{folder} is open to others; make it yours alone (chmod 700), or name another"
            ) from None


def _holds_store(settings: Settings) -> bool:
    """Whether a store was made here, wholly: its root key is written with the last thing that makes it."""
    path = database_path(settings)
    try:
        return path.exists() and bool(root_keys(path))
    except StoreUnavailableError:
        return False


def _mode(settings: Settings) -> str:
    return "dev" if settings.dev else "production"


def _lock(folder: Path) -> int:
    """Make this process the folder's one owner.

    Raises:
        AdapterError: There is another, or the folder does not exist.
    """
    try:
        descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise AdapterError(f"cannot open the data folder {folder}: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise AdapterError(f"another service runs on the data folder {folder}") from None
    return descriptor
