"""What operators can ask the running service for, beside its status: each a function behind the admin socket."""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from strongroom import denials
from strongroom.admin import Command, CommandError
from strongroom.authz.explanation import Explanation, for_account
from strongroom.dispatch.simulation import SimulationError, simulate
from strongroom.ids import new_access_key_id, new_secret_key
from strongroom.jobs import transact
from strongroom.model.errors import Fault
from strongroom.model.identity import CREDENTIAL_PURPOSE, Credential, PrincipalKind
from strongroom.operations.dev.clock import ClockResponse, advance, clock_at, seconds_of
from strongroom.ports import AdapterError, AuditEvent, Clocks, KeyStores, SecretBox, Store, Transaction

T = TypeVar("T")

_ACCOUNT = re.compile(r"[0-9]{12}")
_PAGE = 1000
_REGION_OF_ARN = 3
_USUAL_REGION = "us-east-1"

_log = logging.getLogger("strongroom.supervisor")


class ClockCommands:
    """``clock-show`` and ``clock-advance``: the key-life clock of dev mode.

    Args:
        store: The store; its reads are this thread's.
        keystores: For what falls due.
        machine: The machine's clock.
        encode: Makes the payload of audit records.
        dev: Whether this is dev mode; production refuses.
    """

    def __init__(
        self,
        store: Store,
        keystores: KeyStores,
        machine: Callable[[], float],
        encode: Callable[[AuditEvent], bytes],
        *,
        dev: bool,
    ) -> None:
        self._store = store
        self._keystores = keystores
        self._machine = machine
        self._encode = encode
        self._dev = dev

    def by_name(self) -> dict[str, Command]:
        """The commands."""
        return {"clock-show": Command(self._show), "clock-advance": Command(self._advance, recorded=True)}

    async def _show(self, _arguments: Mapping[str, str], _event: AuditEvent) -> dict[str, Any]:
        self._require_dev()
        try:
            return _shown(clock_at(self._machine(), self._store.clock_offset()))
        except AdapterError as error:
            raise CommandError("InternalFailure", str(error)) from None

    async def _advance(self, arguments: Mapping[str, str], event: AuditEvent) -> dict[str, Any]:
        self._require_dev()

        def work(tx: Transaction) -> ClockResponse:
            seconds = seconds_of(arguments.get("duration", ""))
            after = advance(tx, self._keystores, self._machine(), self._encode, seconds)
            tx.add_record(event.event_id, self._encode(event))
            return after

        try:
            after = await transact(self._store, work)
        except Fault as fault:
            raise CommandError(fault.type, fault.message) from None
        except Exception as error:  # noqa: BLE001 - whatever a step raised, the operator is told and it is audited
            _log.exception("the clock was not advanced")
            raise CommandError("InternalFailure", f"the clock was not advanced: {error}") from None
        return _shown(after)

    def _require_dev(self) -> None:
        if not self._dev:
            raise CommandError("UnsupportedOperation", "the clock of keys can be moved in dev mode alone")


def _shown(clock: ClockResponse) -> dict[str, Any]:
    """What the program prints: times in UTC."""
    return {
        "keyLifeTime": _iso(clock.key_life_time),
        "machineTime": _iso(clock.machine_time),
        "offsetSeconds": clock.offset_seconds,
    }


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class AccountCommands:
    """``account-create`` and ``account-list``.

    Args:
        store: The store; its reads are this thread's.
        box: Seals the secrets of access keys.
        machine: The machine's clock.
        encode: Makes the payload of audit records.
    """

    def __init__(
        self, store: Store, box: SecretBox, machine: Callable[[], float], encode: Callable[[AuditEvent], bytes]
    ) -> None:
        self._store = store
        self._box = box
        self._machine = machine
        self._encode = encode

    def by_name(self) -> dict[str, Command]:
        """The commands."""
        return {"account-create": Command(self._create, recorded=True), "account-list": Command(self._list)}

    async def _create(self, arguments: Mapping[str, str], event: AuditEvent) -> dict[str, Any]:
        """Make an account; the secret of its root's access key is told this once."""
        account = arguments.get("account", "")
        if not _ACCOUNT.fullmatch(account):
            raise CommandError("ValidationException", "an account has 12 digits")
        access_key_id, secret = new_access_key_id("AKIA"), new_secret_key()
        now = self._machine()
        credential = Credential(
            access_key_id=access_key_id,
            account=account,
            sealed_secret=self._box.seal(CREDENTIAL_PURPOSE, (access_key_id, account), secret.encode()),
            active=True,
            created_at=now,
        )

        def work(tx: Transaction) -> None:
            if tx.principal(account, PrincipalKind.ROOT, "") is not None:
                raise CommandError("EntityAlreadyExists", f"account {account} is there already")
            tx.put_account(account, now)
            tx.put_credential(credential)
            tx.add_record(event.event_id, self._encode(event))

        try:
            await transact(self._store, work)
        except AdapterError as error:
            raise CommandError("InternalFailure", str(error)) from None
        return {"account": account, "accessKeyId": access_key_id, "secretAccessKey": secret}

    async def _list(self, _arguments: Mapping[str, str], _event: AuditEvent) -> dict[str, Any]:
        try:
            return {"accounts": list(self._names())}
        except AdapterError as error:
            raise CommandError("InternalFailure", str(error)) from None

    def _names(self) -> Iterator[str]:
        page = self._store.account_names("", _PAGE)
        while page:
            yield from page
            page = self._store.account_names(page[-1], _PAGE)


class DecisionCommands:
    """``explain`` and ``simulate``: why something was denied, and whether something would be.

    Args:
        store: The store; its reads are this thread's.
        denials_folder: Where the workers keep their denials.
        regions: The Regions that are served.
        clocks: For simulations.
        grant_delay: Seconds for which a new grant counts with its token only.
        tls: Whether requests come over TLS.
    """

    def __init__(
        self,
        store: Store,
        denials_folder: Path,
        regions: frozenset[str],
        clocks: Clocks,
        grant_delay: float,
        *,
        tls: bool,
    ) -> None:
        self._store = store
        self._denials_folder = denials_folder
        self._regions = regions
        self._clocks = clocks
        self._grant_delay = grant_delay
        self._tls = tls

    def by_name(self) -> dict[str, Command]:
        """The commands."""
        return {"explain": Command(self._explain), "simulate": Command(self._simulate)}

    async def _explain(self, arguments: Mapping[str, str], _event: AuditEvent) -> dict[str, Any]:
        request_id, account = arguments.get("requestId", ""), arguments.get("account")
        try:
            kept = await asyncio.to_thread(denials.find, self._denials_folder, request_id)
        except OSError as error:
            raise CommandError("InternalFailure", f"denials cannot be read: {error.strerror}") from None
        found = [msgspec.json.decode(each, type=Explanation) for each in kept]
        shown = [each if account is None else for_account(each, account) for each in found]
        explanations = [msgspec.to_builtins(each) for each in shown if each is not None]
        if not explanations:
            whom = "" if account is None else f" that account {account} has a part in"
            raise CommandError("NotFound", f"no denial of request {request_id}{whom} is kept")
        return {"explanations": explanations}

    async def _simulate(self, arguments: Mapping[str, str], _event: AuditEvent) -> dict[str, Any]:
        key = arguments.get("key", "")
        try:
            explanation = simulate(
                self._store,
                principal=arguments.get("principal", ""),
                action=arguments.get("action", ""),
                key=key,
                context=_pairs(arguments, "context"),
                conditions=_pairs(arguments, "conditions"),
                region=arguments.get("region") or self._region_of(key),
                clocks=self._clocks,
                grant_delay=self._grant_delay,
                tls=self._tls,
            )
        except SimulationError as error:
            raise CommandError("ValidationException", str(error)) from None
        except AdapterError as error:
            raise CommandError("InternalFailure", str(error)) from None
        found: dict[str, Any] = msgspec.to_builtins(explanation)
        return found

    def _region_of(self, key: str) -> str:
        """The Region that an ARN names; else the only one served, or the one that production serves unless told."""
        parts = key.split(":")
        if len(parts) > _REGION_OF_ARN:
            return parts[_REGION_OF_ARN]
        return _USUAL_REGION if _USUAL_REGION in self._regions else min(self._regions)


def _pairs(arguments: Mapping[str, str], name: str) -> dict[str, str]:
    """An argument that is a JSON object of texts; empty where it is not given."""
    try:
        return msgspec.json.decode(arguments.get(name, "{}"), type=dict[str, str])
    except msgspec.MsgspecError:
        raise CommandError("ValidationException", f"{name} is no JSON object of texts") from None
