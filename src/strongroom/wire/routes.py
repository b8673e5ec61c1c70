"""Which operation of which service a request names, before anything of it is proven.

The JSON services are told apart by the X-Amz-Target header, the Query services by the version that a form names. What
is read here decides in which words a refusal is said and to which service the signature must be scoped, no more.
"""

import re
from typing import NamedTuple

from strongroom.model.errors import UnknownOperationException
from strongroom.operations.query import FORM
from strongroom.operations.table import Operation, Service
from strongroom.wire.messages import HttpRequest
from strongroom.wire.metrics import UNKNOWN

_NAME = re.compile(rb"\w{1,128}")
_ACTION = re.compile(rb"(?:\A|&)Action=([^&]*)")
_VERSION = re.compile(rb"(?:\A|&)Version=([^&]*)")
_NO_VERSION = b"NO_VERSION_SPECIFIED"
_VERSION_FORM = re.compile(rb"[0-9A-Za-z_-]{1,32}")


class Route(NamedTuple):
    """Where a request goes.

    Attributes:
        service: In whose protocol it is answered, and for whom it has to be signed.
        name: The operation's name as the caller writes it, bounded; UNKNOWN where it is no name at all.
        operation: None where there is none of that name.
        served: Whether the service is one of those here.
        message: What is said where there is no operation.
    """

    service: Service
    name: str
    operation: Operation | None = None
    served: bool = True
    message: str = ""

    @property
    def fault(self) -> UnknownOperationException:
        """The refusal of a request that names no operation."""
        return UnknownOperationException(self.message)


class Routes:
    """The ways into the services of a worker.

    Args:
        services: Whose operations are served; a request that names none is the first one's.
    """

    def __init__(self, services: tuple[Service, ...]) -> None:
        self._default = services[0]
        self._json = [service for service in services if service.target_prefix]
        self._query = {service.version.encode(): service for service in services if service.version}
        self._targets = {
            f"{service.target_prefix}{name}".encode(): Route(service, name, operation)
            for service in self._json
            for name, operation in service.operations.items()
        }
        self._actions = {
            (version, name.encode()): Route(service, name, operation)
            for version, service in self._query.items()
            for name, operation in service.operations.items()
        }

    def find(self, request: HttpRequest) -> Route:
        """The way of a request; X-Amz-Target goes before the form."""
        target = request.header(b"x-amz-target")
        if target is None and self._query and _is_form(request.header(b"content-type")):
            return self._of_form(request.body)
        return self._targets.get(target or b"") or self._unknown_target(target or b"")

    def _unknown_target(self, target: bytes) -> Route:
        for service in self._json:
            prefix = service.target_prefix.encode()
            if target.startswith(prefix):
                return Route(service, _text(_NAME.fullmatch(target[len(prefix) :])))
        return Route(self._default, UNKNOWN)

    def _of_form(self, body: bytes) -> Route:
        version = _value(_VERSION, body) or _NO_VERSION
        action = _value(_ACTION, body)
        found = self._actions.get((version, action))
        if found is not None:
            return found
        name = _text(_NAME.fullmatch(action))
        known = _VERSION_FORM.fullmatch(version)
        message = f"Could not find operation {name} for version {_text(known)}"
        service = self._query.get(version)
        if service is None:
            return Route(next(iter(self._query.values())), name, served=False, message=message)
        return Route(service, name, message=message)


def _is_form(content_type: bytes | None) -> bool:
    return (content_type or b"").partition(b";")[0].strip().lower() == FORM


def _value(pattern: re.Pattern[bytes], body: bytes) -> bytes:
    found = pattern.search(body)
    return found[1] if found else b""


def _text(found: re.Match[bytes] | None) -> str:
    return found[0].decode() if found else UNKNOWN
