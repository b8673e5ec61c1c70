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
from strongroom.clock import MovableClock, machine_clocks
from strongroom.crypto.kdf import derive
from strongroom.denials import DenialLog
from strongroom.dispatch import Dispatcher, Usages, put_usages
from strongroom.handover import Handover
from strongroom.identity.access_keys import AccessKeys, DevAccessKeys, SessionKeys, StoredAccessKeys
from strongroom.identity.authenticate import Authenticator
from strongroom.identity.recipients import AttestedRecipients
from strongroom.jobs import JobCounter, Runner
from strongroom.keystores.grant_tokens import GrantTokens
from strongroom.keystores.markers import MarkerSeal
from strongroom.keystores.registry import Registry
from strongroom.keystores.root import Purpose, RootKeys
from strongroom.keystores.rowseal import RowSeal
from strongroom.keystores.secretbox import SecretBox
from strongroom.keystores.session_tokens import SessionTokens
from strongroom.keystores.software import SoftwareKeyStore
from strongroom.keyview import KeyViews
from strongroom.operations.dev import DEV
from strongroom.operations.iam import IAM
from strongroom.operations.kms import KMS
from strongroom.operations.sts import STS
from strongroom.ports import AdapterError, Clocks, KeyStores, TamperedStoreError
from strongroom.settings import Settings
from strongroom.storage.rows import AuditHead
from strongroom.storage.store import SqlStore, open_store
from strongroom.storage.transaction import SqlTransaction
from strongroom.wire.endpoint import Endpoint
from strongroom.wire.http import HttpServer, Limits
from strongroom.wire.lanes import open_lanes
from strongroom.wire.listener import Listener, serve
from strongroom.wire.messages import HttpRequest, Respond
from strongroom.wire.metrics import Metrics

DATABASE_NAME = "strongroom.db"
SPOOL_FOLDER = "audit"
DENIALS_FOLDER = "denials"
_USAGES_TOGETHER = 100
_CHAIN_LABEL = b"strongroom/audit-chain"

_log = logging.getLogger("strongroom.worker")


def database_path(settings: Settings) -> Path:
    """The database of a data folder."""
    return settings.data_dir / DATABASE_NAME


def spool_folder(settings: Settings) -> Path:
    """The folder of a data folder's audit."""
    return settings.data_dir / SPOOL_FOLDER


def denials_folder(settings: Settings) -> Path:
    """The folder where it is kept why something was denied."""
    return settings.data_dir / DENIALS_FOLDER


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
    return AttestedRecipients(roots, settings.attestation_max_age_seconds, time.time)


def clocks_of(settings: Settings, store: SqlStore) -> Clocks:
    """The clocks of a process: one of them can be moved, in dev mode alone."""
    return MovableClock(time.time, store.clock_offset).clocks() if settings.dev else machine_clocks(time.time)


def keystores_of(roots: RootKeys) -> Registry:
    """The key stores of a process."""
    return Registry(SoftwareKeyStore(roots))


def open_runner(keystores: KeyStores, store: SqlStore, clocks: Clocks, *, holder: str, counter: JobCounter) -> Runner:
    """The runner of the jobs of a store."""
    return Runner(
        store=store,
        keystores=keystores,
        clocks=clocks,
        encode=encode,
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
        clocks = clocks_of(settings, self._store)
        views = self._views = KeyViews(self._store, clocks.follow)
        secrets, session_tokens = SecretBox(roots), SessionTokens(roots)
        access_keys: AccessKeys = StoredAccessKeys(views.credential, secrets)
        if settings.dev:
            access_keys = DevAccessKeys(settings.account, access_keys)
        self._many_usages = asyncio.Event()
        self._usages = Usages(self._store, self._many_usages.set)
        self._denials = DenialLog(denials_folder(settings), handover.worker, settings.denial_seconds)
        self._lanes = open_lanes(loop)
        self._server = HttpServer(self._handle, _limits(settings))
        self._endpoint = Endpoint(
            core=Dispatcher(
                self._store,
                views,
                keystores_of(roots),
                clocks,
                MarkerSeal(roots),
                self._spool,
                recipients(settings),
                GrantTokens(roots),
                session_tokens,
                secrets,
                settings.served_regions,
                self._usages,
                self._denials,
                settings.grant_delay_seconds,
            ),
            authenticator=Authenticator(
                access_keys=access_keys,
                session_keys=SessionKeys(session_tokens),
                principal=views.principal,
                clocks=clocks,
            ),
            services=(KMS, IAM, STS, DEV) if settings.dev else (KMS, IAM, STS),
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
            asyncio.create_task(
                flush_for_ever(self._usages, self._store, many=self._many_usages, seconds=self._settings.usage_seconds)
            ),
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
        await flush(self._usages, self._store)
        for lane in self._lanes.values():
            lane.close()
        self._denials.close()
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


async def flush_for_ever(usages: Usages, store: SqlStore, *, many: asyncio.Event, seconds: float) -> None:
    """Write down when keys were last used, each so many seconds, and at once where there is much."""
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await many.wait()
        many.clear()
        await flush(usages, store)


async def flush(usages: Usages, store: SqlStore) -> None:
    """Write down when keys were last used, and wait until it is durable; what cannot be written waits for the next.

    Many keys are many transactions: one for all would hold up the writes of others for a second and more.
    """
    waiting = usages.waiting()
    try:
        for first in range(0, len(waiting), _USAGES_TOGETHER):
            batch = waiting[first : first + _USAGES_TOGETHER]
            await asyncio.to_thread(store.run, functools.partial(put_usages, batch))
            usages.forget(batch)
    except AdapterError as error:
        _log.error("when keys were last used cannot be written: %s", error)


def _checkpoint(head: Head, tx: SqlTransaction) -> None:
    tx.checkpoint_head(AuditHead(head.worker, head.epoch, head.sequence, head.mac, time.time()))


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
