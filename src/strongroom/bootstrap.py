"""The composition root: builds what a worker, and the supervisor, need from the adapters, and ties it to the core."""

import asyncio
import contextlib
import functools
import logging
import socket
import ssl
import time
from pathlib import Path

from strongroom.audit.frames import Head
from strongroom.audit.record import encode
from strongroom.audit.spool import Spool
from strongroom.crypto.kdf import derive
from strongroom.dispatch import Dispatcher
from strongroom.handover import Handover
from strongroom.identity.access_keys import AccessKeys, DevAccessKeys, StoredAccessKeys
from strongroom.identity.authenticate import Authenticator
from strongroom.identity.recipients import AttestedRecipients
from strongroom.jobs import JobCounter, Runner
from strongroom.keystores.markers import MarkerSeal
from strongroom.keystores.registry import Registry
from strongroom.keystores.root import Purpose, RootKeys
from strongroom.keystores.rowseal import RowSeal
from strongroom.keystores.secretbox import SecretBox
from strongroom.keystores.software import SoftwareKeyStore
from strongroom.keyview import KeyViews
from strongroom.ports import AdapterError, Clocks, TamperedStoreError
from strongroom.settings import Settings
from strongroom.storage.rows import AuditHead
from strongroom.storage.store import SqlStore, open_store
from strongroom.storage.transaction import SqlTransaction
from strongroom.wire.http import HttpServer, Limits
from strongroom.wire.json11 import Endpoint
from strongroom.wire.lanes import open_lanes
from strongroom.wire.listener import Listener, serve
from strongroom.wire.messages import HttpRequest, Respond
from strongroom.wire.metrics import Metrics

DATABASE_NAME = "strongroom.db"
SPOOL_FOLDER = "audit"
_CHAIN_LABEL = b"strongroom/audit-chain"

_log = logging.getLogger("strongroom.worker")

# Both clocks tell the machine's time; code says which of the two it means, since only the key-life clock may ever move.
CLOCKS = Clocks(machine=time.time, key_life=lambda: round(time.time(), 3))  # AWS tells key times in milliseconds


def database_path(settings: Settings) -> Path:
    """The database of a data folder."""
    return settings.data_dir / DATABASE_NAME


def spool_folder(settings: Settings) -> Path:
    """The folder of a data folder's audit."""
    return settings.data_dir / SPOOL_FOLDER


def chain_key(roots: RootKeys, root_version: int, worker: int, epoch: int) -> bytes:
    """The first key of a spool's chain of MACs (docs: audit, "The chain")."""
    place = worker.to_bytes(4, "big") + epoch.to_bytes(8, "big")
    return derive(roots.derive(Purpose.AUDIT, root_version), _CHAIN_LABEL, place)


def open_spool(settings: Settings, roots: RootKeys, worker: int, epoch: int, loop: asyncio.AbstractEventLoop) -> Spool:
    """Begin the audit of one process.

    Raises:
        AuditUnavailableError: It cannot be written.
    """
    key = chain_key(roots, roots.current, worker, epoch)
    return Spool(spool_folder(settings), worker, epoch, key, loop=loop, root_version=roots.current)


def recipients(settings: Settings) -> AttestedRecipients:
    """Who may be a recipient of answers.

    Raises:
        OSError: The file of the root certificates cannot be read.
        AdapterError: It holds no certificates.
    """
    path = settings.attestation_roots
    roots = None if path is None else path.read_bytes()
    return AttestedRecipients(roots, settings.attestation_max_age_seconds, CLOCKS.machine)


def open_runner(roots: RootKeys, store: SqlStore, *, holder: str, counter: JobCounter) -> Runner:
    """The runner of the jobs of a store."""
    return Runner(
        store=store,
        keystores=Registry(SoftwareKeyStore(roots)),
        clocks=CLOCKS,
        encode=encode,
        noted=lambda: None,
        holder=holder,
        counter=counter,
    )


class Service:
    """A worker's parts, started and stopped in order.

    Raises:
        AdapterError: The store or the audit cannot be opened.
    """

    def __init__(self, handover: Handover, loop: asyncio.AbstractEventLoop) -> None:
        settings = self._settings = handover.settings
        roots = RootKeys.from_bytes(handover.roots)
        self._spool = open_spool(settings, roots, handover.worker, handover.epoch, loop)
        seal = RowSeal(roots, roots.current)
        self._store = open_store(database_path(settings), seal, self._spool.require_writable)
        try:
            self._store.check()
        except TamperedStoreError as error:
            # The store has taken note: every call is refused until it checks, and health says why.
            _log.error("the store is not as it was written: %s", error)
        views = self._views = KeyViews(self._store)
        access_keys: AccessKeys = (
            DevAccessKeys(settings.account) if settings.dev else StoredAccessKeys(views.credential, SecretBox(roots))
        )
        self._lanes = open_lanes(loop)
        self._server = HttpServer(self._handle, _limits(settings))
        self._endpoint = Endpoint(
            core=Dispatcher(
                self._store,
                views,
                Registry(SoftwareKeyStore(roots)),
                CLOCKS,
                MarkerSeal(roots),
                self._spool,
                recipients(settings),
                settings.served_regions,
            ),
            authenticator=Authenticator(access_keys, settings.served_regions, CLOCKS.machine),
            metrics=Metrics(),
            refused=self._server.refused,
            hosts=frozenset(settings.hosts) if settings.dev else None,
            lanes=self._lanes,
            loop=loop,
        )
        self._listener: Listener | None = None
        self._routines: list[asyncio.Task[None]] = []

    def _handle(self, request: HttpRequest, respond: Respond) -> None:
        self._endpoint(request, respond)

    async def start(self, listener: socket.socket) -> None:
        """Begin to serve a bound socket."""
        self._listener = await serve(self._server, listener, tls_context(self._settings))
        self._routines = [
            asyncio.create_task(self._checkpoint_for_ever()),
            asyncio.create_task(self._recheck_for_ever()),
        ]

    async def stop(self) -> None:
        """Accept no more, finish what is in flight, and leave everything durable."""
        if self._listener is not None:
            self._listener.close()
        await self._server.drain(self._settings.drain_seconds)
        for routine in self._routines:
            routine.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await routine
        for lane in self._lanes.values():
            lane.close()
        self._store.close()
        self._spool.close()

    async def _checkpoint_for_ever(self) -> None:
        """Put the head of the audit into the database now and then, so that its end cannot be cut off unseen."""
        written = 0
        while True:
            await asyncio.sleep(self._settings.checkpoint_seconds)
            head = self._spool.head()
            if head.sequence != written:
                written = head.sequence
                self._store.submit(functools.partial(_checkpoint, head), lambda _: None)

    async def _recheck_for_ever(self) -> None:
        """Look, and check the whole on a thread, now and then: no edit is taken for the service's own for long."""
        while True:
            await asyncio.sleep(self._settings.recheck_seconds)
            try:
                self._views.refresh()
                await asyncio.to_thread(self._store.recheck)
            except AdapterError as error:
                _log.error("the store does not check: %s", error)


def _checkpoint(head: Head, tx: SqlTransaction) -> None:
    tx.checkpoint_head(AuditHead(head.worker, head.epoch, head.sequence, head.mac, CLOCKS.machine()))


def _limits(settings: Settings) -> Limits:
    return Limits(
        max_body=settings.max_body_bytes,
        max_connections=settings.max_connections,
        header_timeout=settings.header_seconds,
        body_timeout=settings.body_seconds,
        idle_timeout=settings.idle_seconds,
    )


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """The TLS side of a worker, TLS 1.2 or newer; None for plain HTTP.

    Raises:
        OSError: The files cannot be used.
    """
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.tls_cert, settings.tls_key)
    return context
