"""A use of a key is known when, and only when, its record is durable."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from strongroom.ports import AuditUnavailableError
from tests.core import REALM
from tests.wire.rim import HeldTrail, Rim, call, open_rim, reply


@pytest.mark.parametrize("error", [None, AuditUnavailableError("no room")])
def test_a_use_is_noted_with_its_record(tmp_path: Path, error: AuditUnavailableError | None) -> None:
    """Nothing is noted while the record is on its way, nor where it cannot be kept and the call fails."""
    with open_rim(tmp_path) as plain:
        key = plain.call("CreateKey").json["KeyMetadata"]["KeyId"]
        trail = HeldTrail(plain.core.spool)
        plain.core.dispatcher = replace(plain.core.dispatcher, trail=trail)
        held = Rim(plain.core, plain.metrics, None, plain.loop)
        waiting = held.begin(call("Encrypt", KeyId=key, Plaintext=b"x"))
        held.turn()
        assert plain.core.usages.last(REALM, key) is None
        trail.held[0](error)
        answer = reply(waiting.result())
        noted = plain.core.usages.last(REALM, key)
        assert (answer.status, noted is None) == ((200, False) if error is None else (500, True))
        assert noted is None or noted.request_id == answer.request_id
