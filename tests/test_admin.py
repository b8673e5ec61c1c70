"""The operator's socket: who is answered, what a request must be, and that each is in the audit."""

import asyncio
import getpass
import json
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from strongroom import admin
from strongroom.admin import (
    MAX_REQUEST_BYTES,
    SOCKET_NAME,
    AdminAnswer,
    AdminRequest,
    AdminServer,
    Command,
    CommandError,
    ask,
)
from strongroom.audit.spool import Spool
from strongroom.ports import AuditEvent, AuditUnavailableError
from tests.audit.reader import read_folder
from tests.core import CHAIN_KEY

STATUS = {"url": "http://127.0.0.1:1", "workers": [1, 2]}


async def status(_arguments: Mapping[str, str], _event: AuditEvent) -> dict[str, Any]:
    """A command that reads."""
    return STATUS


Script = Callable[[AdminServer, Spool], Awaitable[Any]]


async def lend(arguments: Mapping[str, str], event: AuditEvent) -> dict[str, Any]:
    """A command that writes, and makes its own record where it succeeds."""
    if arguments != {"what": "a key"}:
        raise CommandError("ValidationException", "there is no such thing")
    return {"recorded": event.event_id, "by": event.caller.principal_id if event.caller else None}


COMMANDS = {"status": Command(status), "lend": Command(lend, recorded=True)}


def with_server(folder: Path, script: Script, noted: Callable[[], Mapping[str, Any] | None] = lambda: None) -> Any:
    """Run a script while a server serves the folder; its result."""

    async def main() -> Any:
        spool = Spool(folder / "audit", 0, 1, CHAIN_KEY, loop=asyncio.get_running_loop(), root_version=1)
        try:
            async with AdminServer(folder, spool, COMMANDS, noted) as server:
                return await script(server, spool)
        finally:
            spool.close()

    return asyncio.run(main())


def asking(folder: Path, *requests: AdminRequest) -> list[AdminAnswer]:
    """Ask, one connection after the other, as the program does."""

    async def script(_server: AdminServer, _spool: Spool) -> list[AdminAnswer]:
        return [await asyncio.to_thread(ask, folder, request) for request in requests]

    answers: list[AdminAnswer] = with_server(folder, script)
    return answers


def sending(folder: Path, data: bytes) -> bytes:
    """Send bytes as they are; all that comes back until the server closes."""

    def client() -> bytes:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(folder / SOCKET_NAME))
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                with connection.makefile("rb") as answer:
                    return answer.read()
            except ConnectionError:
                return b""

    async def script(_server: AdminServer, _spool: Spool) -> bytes:
        return await asyncio.to_thread(client)

    answer: bytes = with_server(folder, script)
    return answer


def records(folder: Path) -> list[dict[str, Any]]:
    """The audit."""
    return [json.loads(link.payload)[0] for link in read_folder(folder / "audit", CHAIN_KEY)]


def test_status_is_answered_and_audited(tmp_path: Path) -> None:
    """The answer is what the service says; the record has the OS user and the command."""
    assert asking(tmp_path, AdminRequest("status")) == [AdminAnswer(result=STATUS)]
    (record,) = records(tmp_path)
    assert record["userIdentity"]["type"] == "OSUser"
    assert record["userIdentity"]["principalId"] == getpass.getuser()
    assert (record["eventName"], record["eventSource"]) == ("status", "strongroom.admin")
    assert record["requestParameters"] is None
    assert "errorCode" not in record


def test_arguments_are_audited(tmp_path: Path) -> None:
    """What the operator gave stands in the record."""
    asking(tmp_path, AdminRequest("status", {"why": "to see"}))
    assert records(tmp_path)[0]["requestParameters"] == {"why": "to see"}


def test_an_unknown_command_is_refused_and_audited(tmp_path: Path) -> None:
    """It does nothing, and the record says that it was refused."""
    assert asking(tmp_path, AdminRequest("shred", {"key": "x"})) == [AdminAnswer(error="unknown command")]
    (record,) = records(tmp_path)
    assert (record["eventName"], record["errorCode"]) == ("shred", "UnknownCommand")
    assert record["requestParameters"] == {"key": "x"}


def test_each_request_has_a_record_of_its_own(tmp_path: Path) -> None:
    """As many ids as requests."""
    asking(tmp_path, *[AdminRequest("status")] * 3)
    assert len({record["eventID"] for record in records(tmp_path)}) == 3


def test_a_command_gets_its_arguments_and_its_record(tmp_path: Path) -> None:
    """One that writes puts the record where its change is, so it is not written a second time."""
    (answer,) = asking(tmp_path, AdminRequest("lend", {"what": "a key"}))
    assert answer.result is not None
    assert answer.result["by"] == getpass.getuser()
    assert answer.result["recorded"]
    assert records(tmp_path) == []


def test_a_command_that_refuses_is_audited(tmp_path: Path) -> None:
    """Code and text are the command's; there is no change whose record it could be."""
    assert asking(tmp_path, AdminRequest("lend", {"what": "a cup"})) == [AdminAnswer(error="there is no such thing")]
    (record,) = records(tmp_path)
    assert (record["errorCode"], record["errorMessage"]) == ("ValidationException", "there is no such thing")
    assert record["requestParameters"] == {"what": "a cup"}


def test_records_note_what_they_are_told_to(tmp_path: Path) -> None:
    """In additionalEventData, of a command and of what the supervisor records itself."""

    async def script(server: AdminServer, _spool: Spool) -> None:
        await server.record(AdminRequest("serve"), os.getuid())
        await asyncio.to_thread(ask, tmp_path, AdminRequest("status"))

    with_server(tmp_path, script, lambda: {"keyLifeClockOffsetSeconds": 1.0})
    assert [record["additionalEventData"] for record in records(tmp_path)] == [{"keyLifeClockOffsetSeconds": 1.0}] * 2


MALFORMED = {
    "other bytes than UTF-8": b'{"command":"\xff"}\n',
    "nothing": b"",
    "an empty line": b"\n",
    "no JSON": b"status\n",
    "no object": b"[]\n",
    "no command": b"{}\n",
    "a command in capitals": b'{"command":"STATUS"}\n',
    "a command with a line end": b'{"command":"status\\n"}\n',
    "a long command": b'{"command":"' + b"x" * 65 + b'"}\n',
    "an argument that is no text": b'{"command":"status","arguments":{"a":1}}\n',
    "a member too many": b'{"command":"status","user":"root"}\n',
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_request_is_refused(tmp_path: Path, case: str) -> None:
    """It is told that it is none; there is no command to put into the audit."""
    answer = msgspec.json.decode(sending(tmp_path, MALFORMED[case]), type=AdminAnswer)
    assert answer.result is None
    assert (answer.error or "").startswith("not a request: ")
    assert records(tmp_path) == []


def test_an_endless_line_is_given_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A line over the limit ends the connection; the service goes on."""
    assert sending(tmp_path, b'{"command":"' + b"x" * 2 * MAX_REQUEST_BYTES) == b""
    assert "given up" in caplog.text
    assert records(tmp_path) == []


def test_a_silent_peer_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Who connects and says nothing holds nothing for long."""
    monkeypatch.setattr(admin, "_PATIENCE", 0.01)

    async def script(_server: AdminServer, _spool: Spool) -> bytes:
        reader, writer = await asyncio.open_unix_connection(tmp_path / SOCKET_NAME)
        try:
            return await asyncio.wait_for(reader.read(), 30)
        finally:
            writer.close()
            await writer.wait_closed()

    assert with_server(tmp_path, script) == b""
    assert "given up: TimeoutError" in caplog.text


def test_another_user_gets_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A peer whose uid is not the service's is cut off, whatever it sends."""
    own = os.getuid()
    monkeypatch.setattr("strongroom.admin.os.getuid", lambda: own + 1)
    assert sending(tmp_path, b'{"command":"status"}\n') == b""
    assert f"refused uid {own}" in caplog.text
    assert records(tmp_path) == []


def test_no_answer_without_a_record(tmp_path: Path) -> None:
    """Where the audit cannot be written, the result stays inside."""

    async def script(_server: AdminServer, spool: Spool) -> AdminAnswer:
        spool.close()
        return await asyncio.to_thread(ask, tmp_path, AdminRequest("status"))

    answer: AdminAnswer = with_server(tmp_path, script)
    assert answer.result is None
    assert "audit" in (answer.error or "")


class TwiceTrail(Spool):
    """A spool whose answers come twice, the second when nobody waits any more."""

    def append(self, payload: bytes, done: Any) -> None:
        """Answer twice."""

        def twice(error: AuditUnavailableError | None) -> None:
            done(error)
            done(error)

        super().append(payload, twice)


def test_a_record_is_awaited_once(tmp_path: Path) -> None:
    """A second word of the trail changes nothing."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        spool = TwiceTrail(tmp_path / "audit", 0, 1, CHAIN_KEY, loop=loop, root_version=1)
        try:
            await AdminServer(tmp_path, spool, {}).record(AdminRequest("serve", {"a": "b"}), os.getuid())
        finally:
            spool.close()

    asyncio.run(main())
    assert [record["eventName"] for record in records(tmp_path)] == ["serve"]


def test_a_user_without_a_name_is_a_number() -> None:
    """A uid that the system has no name for stands as it is."""
    event = admin.operator_event(AdminRequest("status"), 2**31 - 7)
    assert event.caller is not None
    assert event.caller.principal_id == str(2**31 - 7)


def test_the_socket_is_the_users_alone(tmp_path: Path) -> None:
    """Mode 0600 while it serves, over whatever was left there; gone after."""
    path = tmp_path / SOCKET_NAME
    path.write_text("left over")

    async def script(_server: AdminServer, _spool: Spool) -> int:
        return path.stat().st_mode

    mode: int = with_server(tmp_path, script)
    assert (oct(mode & 0o777), path.exists()) == ("0o600", False)


def test_nobody_answers(tmp_path: Path) -> None:
    """Without a service there, the program learns so by an OSError; with another one, that it is another."""
    with pytest.raises(OSError, match="No such file"):
        ask(tmp_path, AdminRequest("status"))
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / SOCKET_NAME))
        other.listen()

        def stranger() -> None:
            connection, _ = other.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 mail\n")

        async def main() -> AdminAnswer:
            strange = asyncio.to_thread(stranger)
            answer, _ = await asyncio.gather(asyncio.to_thread(ask, tmp_path, AdminRequest("status")), strange)
            return answer

        with pytest.raises(msgspec.MsgspecError):
            asyncio.run(main())
