"""The endpoint of all APIs: a request's bytes to its operation, and the answer out once its record is durable."""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address

import msgspec

from strongroom.dispatch import Dispatcher, Facts, Outcome, Prepared, Work
from strongroom.identity.authenticate import Authenticator
from strongroom.ids import new_uuid
from strongroom.model.errors import (
    AccessDeniedException,
    Fault,
    KMSInternalException,
    ThrottlingException,
    UnknownOperationException,
)
from strongroom.model.identity import Caller
from strongroom.model.region import PARTITION_OF
from strongroom.operations.protocol import JSON11, Protocol
from strongroom.operations.table import Service
from strongroom.ports import AdapterError, AuditUnavailableError, StoreUnavailableError, TamperedStoreError
from strongroom.wire.lanes import Lanes, Step
from strongroom.wire.messages import HttpRequest, HttpResponse, Respond
from strongroom.wire.metrics import CONTENT_TYPE, UNKNOWN, UNPROVEN, Metrics
from strongroom.wire.routes import Route, Routes

_log = logging.getLogger("strongroom.wire")
_security_log = logging.getLogger("strongroom.security")

_OK = "OK"

# Health is for everybody, so it names no row; the log does.
_REASONS: dict[type[AdapterError], str] = {
    AuditUnavailableError: "the audit cannot be written",
    StoreUnavailableError: "the store cannot be read",
    TamperedStoreError: "the store is not as this service wrote it",
}
_MAX_HOSTS = 256


class Endpoint:
    """The handler of every HTTP request of a worker.

    Args:
        core: The dispatcher.
        services: Whose operations are served; a request that names no service is for the first.
        authenticator: Who checks signatures.
        metrics: What counts.
        refused: The HTTP wall's counters, for the metrics page.
        hosts: The host names answered to beside loopback, or None to answer to all (production).
        lanes: Where long work is done.
        loop: The event loop; every answer leaves on its thread.
    """

    def __init__(
        self,
        *,
        core: Dispatcher,
        services: tuple[Service, ...],
        authenticator: Authenticator,
        metrics: Metrics,
        refused: Mapping[str, int],
        hosts: frozenset[str] | None,
        lanes: Lanes,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._core = core
        self._routes = Routes(services)
        self._regions = {service.scope: _regions_of(service, core.regions) for service in services}
        self._authenticator = authenticator
        self._metrics = metrics
        self._refused = refused
        self._hosts = None if hosts is None else frozenset(map(str.lower, hosts))
        self._known_hosts: dict[bytes, bool] = {}
        self._lanes = lanes
        self._loop = loop
        self._pages: dict[bytes, Callable[[], HttpResponse]] = {
            b"/health/live": lambda: _page(200, {"status": "live"}),
            b"/health/ready": self._ready,
            b"/metrics": lambda: HttpResponse(200, CONTENT_TYPE, metrics.scrape(self._refused)),
        }

    def __call__(self, request: HttpRequest, respond: Respond) -> None:
        """Answer one request; ``respond`` is called once, now or when the record of the answer is durable."""
        started = time.perf_counter()
        exchange = _Exchange(new_uuid(), started, respond)
        page = self._pages.get(request.path) if request.method in {b"GET", b"HEAD"} else None
        if self._hosts is not None and not self._serves_host(request.header(b"host") or b"", self._hosts):
            self._turn_away(exchange, AccessDeniedException("The Host header names another host."))
        elif page is not None:
            respond(page())
        elif request.method != b"POST" or request.path != b"/":
            self._turn_away(exchange, UnknownOperationException())
        else:
            self._api(request, exchange)

    def _api(self, request: HttpRequest, exchange: "_Exchange") -> None:
        route = self._routes.find(request)
        exchange.protocol = route.service.protocol
        if not route.served:
            self._turn_away(exchange, route.fault)
            return
        scope = route.service.scope
        try:
            self._core.views.refresh()
            caller, region = self._authenticator.authenticate(
                request.method,
                request.path,
                request.query,
                request.headers,
                request.body,
                service=scope,
                regions=self._regions[scope],
            )
        except Fault as fault:
            self._turn_away(exchange, fault)
            return
        except AdapterError as error:
            _security_log.error("%s: %s", exchange.request_id, error)
            self._turn_away(exchange, KMSInternalException("The service cannot read its store."))
            return
        self._proven(route, request, exchange, _facts(request, exchange.request_id, caller, region))

    def _proven(self, route: Route, request: HttpRequest, exchange: "_Exchange", facts: Facts) -> None:
        if route.operation is None:
            exchange.operation = UNKNOWN
            self._record(self._core.unknown(facts, route.service, route.name, route.fault), exchange)
            return
        exchange.operation = route.name
        prepared = self._core.prepare(facts, route.operation, request.body)
        if prepared.attests:
            self._on_lane(Work.LONG, prepared, exchange, prepared.attest, lambda: self._attested(prepared, exchange))
        else:
            self._carry_out(prepared, exchange)

    def _attested(self, prepared: Prepared, exchange: "_Exchange") -> None:
        self._core.decide(prepared)
        self._carry_out(prepared, exchange)

    def _carry_out(self, prepared: Prepared, exchange: "_Exchange") -> None:
        """Do the work of a decided request, on a lane where it takes long."""
        work = prepared.work
        if work is Work.SHORT:
            prepared.perform()
            self._finish(prepared, exchange)
        else:
            self._on_lane(work, prepared, exchange, prepared.perform, lambda: self._finish(prepared, exchange))

    def _on_lane(
        self,
        work: Work,
        prepared: Prepared,
        exchange: "_Exchange",
        step: Step,
        then: Step,
    ) -> None:
        if not self._lanes[work].take(step, then):
            busy = ThrottlingException(
                "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."
            )
            self._record(prepared.refuse(busy), exchange)

    def _finish(self, prepared: Prepared, exchange: "_Exchange") -> None:
        if prepared.writes:
            self._write(prepared, exchange)
        else:
            self._record(prepared.finish(), exchange)

    def _write(self, prepared: Prepared, exchange: "_Exchange") -> None:
        def written(result: Outcome | BaseException) -> None:
            self._loop.call_soon_threadsafe(self._written, prepared, exchange, result)

        self._core.store.submit(prepared.transact, written)

    def _written(self, prepared: Prepared, exchange: "_Exchange", result: Outcome | BaseException) -> None:
        """A committed transaction holds its own record; a refused one's goes to the spool."""
        if isinstance(result, BaseException):
            self._record(prepared.refuse(result), exchange)
        else:
            self._answer(result, exchange)

    def _record(self, outcome: Outcome, exchange: "_Exchange") -> None:
        def durable(error: AdapterError | None) -> None:
            if error is None:
                self._core.usages.note(outcome.usages)
                self._answer(outcome, exchange)
            else:
                _log.error("%s: %s", exchange.request_id, error)
                self._fail(exchange, KMSInternalException("The service cannot write its audit."))

        self._core.trail.append(outcome.payload, durable)

    def _answer(self, outcome: Outcome, exchange: "_Exchange") -> None:
        self._metrics.count(exchange.operation, outcome.fault or _OK, time.perf_counter() - exchange.started)
        exchange.respond(HttpResponse(outcome.status, exchange.protocol.content_type, outcome.body, exchange.headers))

    def _fail(self, exchange: "_Exchange", fault: Fault) -> None:
        answer = exchange.protocol.fault(fault, exchange.request_id)
        self._metrics.count(exchange.operation, answer.code, time.perf_counter() - exchange.started)
        exchange.respond(HttpResponse(answer.status, exchange.protocol.content_type, answer.body, exchange.headers))

    def _turn_away(self, exchange: "_Exchange", fault: Fault) -> None:
        """Answer a request whose caller is not proven: a counter and a braked log line, no record."""
        _security_log.warning("%s: refused before a caller was proven: %s", exchange.request_id, fault.type)
        self._fail(exchange, fault)

    def _ready(self) -> HttpResponse:
        try:
            self._core.trail.require_writable()
            self._core.views.refresh()
        except AdapterError as error:
            _security_log.error("not ready: %s", error)
            return _page(503, {"status": "not ready", "reason": _REASONS[type(error)]})
        return _page(200, {"status": "ready"})

    def _serves_host(self, host: bytes, hosts: frozenset[str]) -> bool:
        known = self._known_hosts.get(host)
        if known is None:
            known = _names_loopback_or(host.decode("latin-1"), hosts)
            if len(self._known_hosts) < _MAX_HOSTS:
                self._known_hosts[host] = known
        return known


class _Exchange:
    """One request's own state: who waits for its answer, and since when."""

    __slots__ = ("headers", "operation", "protocol", "request_id", "respond", "started")

    def __init__(self, request_id: str, started: float, respond: Respond) -> None:
        self.request_id = request_id
        self.started = started
        self.respond = respond
        self.operation = UNPROVEN
        self.protocol: Protocol = JSON11
        self.headers = ((b"x-amzn-RequestId", request_id.encode()),)


def _facts(request: HttpRequest, request_id: str, caller: Caller, region: str) -> Facts:
    return Facts(
        request_id,
        caller,
        region,
        request.peer,
        (request.header(b"user-agent") or b"").decode("latin-1"),
        request.tls,
        (request.header(b"host") or b"").decode("latin-1"),
    )


def _regions_of(service: Service, served: frozenset[str]) -> frozenset[str]:
    """The Regions that signatures for a service may name: those served, and its homes in their partitions."""
    partitions = {PARTITION_OF.get(region, "aws") for region in served}
    return served | {region for region in service.home_regions if PARTITION_OF[region] in partitions}


def _page(status: int, content: dict[str, str]) -> HttpResponse:
    return HttpResponse(status, b"application/json", msgspec.json.encode(content))


def _names_loopback_or(host: str, hosts: frozenset[str]) -> bool:
    """Whether a Host header names loopback or one of ``hosts``: a web page must not reach dev mode by DNS rebinding."""
    name = re.sub(r":[0-9]*\Z", "", host).lower()
    if name in hosts or name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
