"""Whatever strangers send to the running service: clean refusals or a closed connection, and it goes on."""

import json
import re
import socket
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from strongroom import sigv4
from strongroom.admin import AdminRequest, ask
from strongroom.operations.table import OPERATIONS
from tests.soak import fuzz
from tests.soak.wire import ACCOUNT, REGION, Answer, LostError, Wire, blob, target
from tests.support import SOAK, Server

PATIENCE = 10.0
"""Seconds without a byte after which a test calls it a hang; the service's own limits are shorter."""

_HEAD = re.compile(rb"HTTP/1\.1 (\d{3}) [ -~]+\r\n((?:[!-~]+: [ -~]*\r\n)*)\r\n")

pytestmark = pytest.mark.soak


def many(normally: int) -> settings:
    """So many examples normally, ten times as many in the soak."""
    return settings(
        max_examples=normally * (10 if SOAK else 1),
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


class Victim(NamedTuple):
    """The service under fire.

    Attributes:
        keys: Everything that can stand in a KeyId.
        ciphertexts: Ciphertexts of its keys.
    """

    server: Server
    keys: list[str]
    ciphertexts: list[bytes]


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """A service with short time limits; at the end: the same workers, nothing wrong in its log, good calls answered."""
    limits = {f"STRONGROOM_{name}_SECONDS": "2" for name in ("HEADER", "BODY", "IDLE")}
    with Server(tmp_path_factory.mktemp("victim") / "data", environment=limits) as server:
        workers = _workers(server)
        with Wire(server.port) as wire:
            arns = [wire.ask("CreateKey", {})["KeyMetadata"]["Arn"] for _ in range(3)]
            wire.ask("CreateAlias", {"AliasName": "alias/a", "TargetKeyId": arns[0]})
            made = [wire.ask("Encrypt", {"KeyId": arn, "Plaintext": blob(b"secret")}) for arn in arns]
        yield Victim(server, _key_ids(arns), [sigv4_blob(one["CiphertextBlob"]) for one in made])
        with Wire(server.port) as wire:
            key = wire.ask("CreateKey", {})["KeyMetadata"]["KeyId"]
            wire.ask("Encrypt", {"KeyId": key, "Plaintext": blob(b"secret")})
        assert _workers(server) == workers
        entries = [json.loads(line) for line in server.log.read_text().splitlines()]
        assert [entry for entry in entries if entry["level"] in {"ERROR", "CRITICAL"} or "traceback" in entry] == []
        assert server.stop() == 0
