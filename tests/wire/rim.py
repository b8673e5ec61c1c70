"""The endpoint of a worker on a real core, its requests signed by botocore; no socket."""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from botocore.serialize import create_serializer

from strongroom.identity.access_keys import DevAccessKeys, SessionKeys, StoredAccessKeys
from strongroom.identity.authenticate import Authenticator
from strongroom.keystores.session_tokens import SessionTokens
from strongroom.operations.dev import DEV
from strongroom.operations.iam import IAM
from strongroom.operations.kms import KMS
from strongroom.operations.sts import STS
from strongroom.ports import AuditEvent, AuditUnavailableError, Clocks, Trail
from strongroom.wire.endpoint import Endpoint
from strongroom.wire.lanes import open_lanes
from strongroom.wire.messages import HttpRequest, HttpResponse
from strongroom.wire.metrics import Metrics
from tests.core import ACCOUNT, MODELS, ROOTS, Core, open_core, secret_box
from tests.identity.signer import signed_headers
from tests.wire.counting import fresh_metrics

TLS = ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
PATIENCE = 30

_SERIALIZERS = {name: create_serializer(name, include_validation=False) for name in ("json", "query")}


class Reply(NamedTuple):
    """An answer, its JSON decoded; empty where there is no body."""

    status: int
    content_type: bytes
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body."""
        found: dict[str, Any] = json.loads(self.body) if self.body else {}
        return found

    @property
    def request_id(self) -> str:
        """What the header says."""
        return self.headers[b"x-amzn-RequestId"].decode()


class HeldTrail:
    """A trail that keeps what it gets until it is told how that went."""

    def __init__(self, trail: Trail) -> None:
        self._trail = trail
        self.held: list[Callable[[AuditUnavailableError | None], None]] = []

    def encode(self, *events: AuditEvent) -> bytes:
        """As the spool."""
        return self._trail.encode(*events)

    def append(self, _payload: bytes, done: Callable[[AuditUnavailableError | None], None]) -> None:
        """Hold."""
        self.held.append(done)

    def require_writable(self) -> None:
        """Pass."""


class Rim:
    """An endpoint and a loop that is run only as long as a request waits; made by ``open_rim``."""

    def __init__(
        self,
        core: Core,
        metrics: Metrics,
        hosts: frozenset[str] | None,
        loop: asyncio.AbstractEventLoop,
        *,
        dev: bool = False,
    ) -> None:
        self.core = core
        self.refused: dict[str, int] = {"malformed": 7}
        self.metrics = metrics
        self.loop = loop
        self.lanes = open_lanes(loop)
        self.endpoint = Endpoint(
            core=core.dispatcher,
            services=(KMS, IAM, STS, DEV) if dev else (KMS, IAM, STS),
            authenticator=Authenticator(
                access_keys=DevAccessKeys(ACCOUNT, StoredAccessKeys(core.views.credential, secret_box())),
                session_keys=SessionKeys(SessionTokens(ROOTS)),
                principal=core.views.principal,
                clocks=Clocks(machine=time.time, key_life=time.time),
            ),
            metrics=metrics,
            refused=self.refused,
            hosts=hosts,
            lanes=self.lanes,
            loop=loop,
        )
        self.answered: list[HttpResponse] = []

    def begin(self, request: HttpRequest) -> asyncio.Future[HttpResponse]:
        """Give the endpoint a request; the future gets its answer, which must come once, on the loop's thread."""
        future: asyncio.Future[HttpResponse] = self.loop.create_future()
        thread = threading.get_ident()

        def respond(response: HttpResponse) -> None:
            if threading.get_ident() == thread:
                self.answered.append(response)
                future.set_result(response)
            else:
                wrong = AssertionError("answered on another thread than the loop's")
                self.loop.call_soon_threadsafe(future.set_exception, wrong)

        self.endpoint(request, respond)
        return future

    def ask(self, request: HttpRequest) -> Reply:
        """Wait for the answer of a request."""

        async def answer() -> HttpResponse:
            return await asyncio.wait_for(self.begin(request), PATIENCE)

        return reply(self.loop.run_until_complete(answer()))

    def turn(self) -> None:
        """Let the loop do what it can do at once."""
        self.loop.run_until_complete(asyncio.sleep(0))

    def get(self, path: str, method: bytes = b"GET", host: bytes = b"localhost") -> Reply:
        """A request without a signature."""
        return self.ask(HttpRequest(method, path.encode(), b"", [(b"host", host)], b"", "127.0.0.1", None))

    def post(self, body: bytes, **signing: Any) -> Reply:
        """A signed request."""
        return self.ask(post(body, **signing))

    def call(self, operation: str, *, access_key: str = "test", **members: Any) -> Reply:
        """A call as botocore makes it."""
        return self.ask(call(operation, access_key=access_key, **members))

    def records(self) -> list[dict[str, Any]]:
        """All records of outbox and spool."""
        kept = [*self.core.outbox().values(), *self.core.spooled()]
        return [record for records in kept for record in records]

    def counted(self) -> dict[tuple[str, str], float]:
        """What was counted, by operation and code."""
        found: dict[tuple[str, str], float] = {}
        for family in self.metrics._requests.collect():
            for sample in family.samples:
                if sample.name == "strongroom_requests_total":
                    found[sample.labels["operation"], sample.labels["code"]] = sample.value
        return found


def reply(response: HttpResponse) -> Reply:
    """An answer as tests look at it."""
    return Reply(response.status, response.content_type, dict(response.headers), response.body)


def post(body: bytes, **signing: Any) -> HttpRequest:
    """A signed POST to ``/``."""
    return HttpRequest(b"POST", b"/", b"", signed_headers(body, **signing), body, "192.0.2.7", TLS)


def call(
    operation: str, *, access_key: str = "test", members: Mapping[str, Any] | None = None, **more: Any
) -> HttpRequest:
    """A signed call of an operation, of another service than KMS by its name in policies: ``iam:CreateUser``."""
    scope, _, name = operation.rpartition(":")
    model = MODELS[scope or "kms"].operation_model(name)
    serializer = _SERIALIZERS["query" if scope else "json"]
    body = serializer.serialize_to_request({**(members or {}), **more}, model)["body"]
    if scope:
        return post_form(body, access_key=access_key, service=scope)
    return post(body, access_key=access_key, target=f"TrentService.{name}")


def post_form(fields: Mapping[str, str], **signing: Any) -> HttpRequest:
    """A signed form, as botocore sends it to Query services."""
    form = "application/x-www-form-urlencoded; charset=utf-8"
    return post(urlencode(fields).encode(), target=None, content_type=form, **signing)


@contextlib.contextmanager
def open_rim(folder: Path, *, hosts: frozenset[str] | None = None, dev: bool = False, **failures: Any) -> Iterator[Rim]:
    """An endpoint over a new core in a folder, with dev mode's own calls or not; ``failures`` as for ``open_core``."""
    loop = asyncio.new_event_loop()
    counters = folder / "metrics"
    counters.mkdir(parents=True)
    try:
        with open_core(folder, loop=loop, dev=dev, **failures) as core, fresh_metrics(counters) as metrics:
            rim = Rim(core, metrics, hosts, loop, dev=dev)
            yield rim
            for lane in rim.lanes.values():
                lane.close()
    finally:
        loop.close()
