"""The operator's socket, ``DATA/admin.sock``: one JSON request and one JSON answer a connection, each request audited.

Only processes of the same user get an answer: the socket's mode is 0600, and the peer's uid is checked as well.
"""

import asyncio
import logging
import os
import pwd
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Self

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from strongroom.ids import new_uuid
from strongroom.model.identity import Caller
from strongroom.ports import AuditEvent, AuditUnavailableError, Trail

SOCKET_NAME = "admin.sock"
EVENT_SOURCE = "strongroom.admin"
MAX_REQUEST_BYTES = 65_536
_READ_ONLY = frozenset({"status", "clock-show", "account-list", "explain", "simulate"})
_PATIENCE = 10.0  # seconds for a request to arrive
_PEER = struct.Struct("3i")  # struct ucred: pid, uid, gid (unix(7))

_log = logging.getLogger("strongroom.admin")


class AdminRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One command of an operator.

    Attributes:
        command: Its name, such as ``status``.
        arguments: As the operator gave them; they go into the audit.
    """

    command: Annotated[str, Meta(pattern=r"^[a-z][a-z-]{0,63}\Z")]
    arguments: dict[str, str] = {}


class AdminAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer: a result, or an error."""

    result: dict[str, Any] | None = None
    error: str | None = None


class CommandError(Exception):
    """A command was refused, or failed; the text is for the operator, the code for the audit."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Command(msgspec.Struct, frozen=True):
    """What an operator can ask for.

    Attributes:
        run: Gets the arguments and the audit record of the command; returns the answer, or raises CommandError.
        recorded: Whether ``run`` makes the record durable itself, in the transaction of what it did; where it raises,
            the record is made after it like all others.
    """

    run: Callable[[Mapping[str, str], AuditEvent], Awaitable[dict[str, Any]]]
    recorded: bool = False


class AdminServer:
    """Serves the socket between ``async with`` and its end.

    Args:
        data_dir: The data folder, in which the socket lies.
        trail: The supervisor's own audit.
        commands: What can be asked for, by name.
        noted: What records note in additionalEventData at the moment, or None.
    """

    def __init__(
        self,
        data_dir: Path,
        trail: Trail,
        commands: Mapping[str, Command],
        noted: Callable[[], Mapping[str, Any] | None] = lambda: None,
    ) -> None:
        self._path = data_dir / SOCKET_NAME
        self._trail = trail
        self._commands = commands
        self._noted = noted
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._path, limit=MAX_REQUEST_BYTES)
        self._path.chmod(0o600)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            peer = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
            _, uid, _ = _PEER.unpack(peer)
            if uid == os.getuid():
                async with asyncio.timeout(_PATIENCE):
                    line = await reader.readline()
                writer.write(msgspec.json.encode(await self._answer(line, uid)) + b"\n")
                await writer.drain()
            else:
                _log.warning("refused uid %d", uid)
        except (TimeoutError, ValueError, OSError) as error:
            _log.warning("a request was given up: %s", type(error).__name__)
        finally:
            writer.close()

    async def _answer(self, line: bytes, uid: int) -> AdminAnswer:
        try:
            request = msgspec.json.decode(line, type=AdminRequest)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return AdminAnswer(error=f"not a request: {error}")
        event = operator_event(request, uid, self._noted())
        command = self._commands.get(request.command, _UNKNOWN)
        try:
            answer = AdminAnswer(result=await command.run(request.arguments, event))
        except CommandError as error:
            answer = AdminAnswer(error=str(error))
            event = replace(event, error_code=error.code, error_message=str(error))
        else:
            if command.recorded:
                return answer
        try:
            await self._append(event)
        except AuditUnavailableError as error:
            return AdminAnswer(error=str(error))
        return answer

    async def record(self, request: AdminRequest, uid: int) -> None:
        """Audit a command with its OS user, and wait until that is durable.

        Raises:
            AuditUnavailableError: It cannot be written.
        """
        await self._append(operator_event(request, uid, self._noted()))

    async def _append(self, event: AuditEvent) -> None:
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done(failed: AuditUnavailableError | None) -> None:
            if not durable.done():
                durable.set_result(None) if failed is None else durable.set_exception(failed)

        self._trail.append(self._trail.encode(event), done)
        await durable


async def _refuse_unknown(_arguments: Mapping[str, str], _event: AuditEvent) -> dict[str, Any]:
    raise CommandError("UnknownCommand", "unknown command")


_UNKNOWN = Command(_refuse_unknown)


def operator_event(request: AdminRequest, uid: int, noted: Mapping[str, Any] | None = None) -> AuditEvent:
    """The audit record of an operator's command; ``noted`` is its additionalEventData."""
    arguments: Mapping[str, str] | None = request.arguments or None
    return AuditEvent(
        event_id=new_uuid(),
        request_id=new_uuid(),
        time=time.time(),
        name=request.command,
        source=EVENT_SOURCE,
        region="local",
        caller=Caller("OSUser", "", "", _user_name(uid), ""),
        source_ip=SOCKET_NAME,
        user_agent="strongroom",
        read_only=request.command in _READ_ONLY,
        recipient="",
        request_parameters=arguments,
        additional_event_data=noted,
    )


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def ask(data_dir: Path, request: AdminRequest, patience: float = _PATIENCE) -> AdminAnswer:
    """Send one command to the service of a data folder and wait for its answer, for so many seconds at most.

    Raises:
        OSError: No service answers there.
        msgspec.MsgspecError: What answers is not this service.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(_PATIENCE)
        client.connect(str(data_dir / SOCKET_NAME))
        client.sendall(msgspec.json.encode(request) + b"\n")
        client.settimeout(patience)
        with client.makefile("rb") as answer:
            return msgspec.json.decode(answer.readline(), type=AdminAnswer)
