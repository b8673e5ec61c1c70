"""GenerateMac, VerifyMac."""

from typing import Any

import pytest

from tests.core import Core
from tests.operations.kms.kinds import Zoo

SIZES = {"HMAC_224": 28, "HMAC_256": 32, "HMAC_384": 48, "HMAC_512": 64}
MESSAGE = b"a message"
INVALID = ("KMSInvalidMacException", "")


@pytest.mark.parametrize("spec", SIZES)
def test_a_mac(core: Core, spec: str) -> None:
    """It is as long as its hash, always the same for a message and a key, and verified by that key alone."""
    algorithm = spec.replace("HMAC_", "HMAC_SHA_")
    key, other = (core.new_key(KeySpec=spec, KeyUsage="GENERATE_VERIFY_MAC") for _ in range(2))
    members: dict[str, Any] = {"KeyId": key, "Message": MESSAGE, "MacAlgorithm": algorithm}
    made = core.ok("GenerateMac", **members)
    mac = made["Mac"]
    assert made == {"Mac": mac, "MacAlgorithm": algorithm, "KeyId": key}
    assert len(mac) == SIZES[spec]
    assert core.ok("GenerateMac", **members)["Mac"] == mac
    assert core.ok("VerifyMac", **members, Mac=mac) == {"KeyId": key, "MacValid": True, "MacAlgorithm": algorithm}
    assert core.refused("VerifyMac", **members | {"KeyId": other}, Mac=mac) == INVALID
    assert core.refused("VerifyMac", **members | {"Message": MESSAGE + b"\0"}, Mac=mac) == INVALID


@pytest.mark.parametrize("cut", ["bit", "short", "one byte", "long", "longest"])
def test_a_mac_that_is_not_good(zoo: Zoo, cut: str) -> None:
    """Another bit, a beginning and a longer one are refused alike, without a word."""
    members = zoo.members("VerifyMac", "HMAC")
    mac = members["Mac"]
    bad = {
        "bit": mac[:-1] + bytes([mac[-1] ^ 1]),
        "short": mac[:16],
        "one byte": mac[:1],
        "long": mac + b"\0",
        "longest": mac.ljust(6144, b"\0"),
    }[cut]
    answer = zoo.core.call("VerifyMac", **members | {"Mac": bad})
    assert (answer.status, answer.body) == (400, b'{"__type":"KMSInvalidMacException"}')


@pytest.mark.parametrize("size", [0, 4097])
def test_a_message_is_bounded(zoo: Zoo, size: int) -> None:
    """1 to 4096 bytes; the text shows nothing of it."""
    for operation in ("GenerateMac", "VerifyMac"):
        code, text = zoo.core.refused(operation, **zoo.members(operation, "HMAC") | {"Message": b"x" * size})
        assert (code, "xx" in text) == ("ValidationException", False)


@pytest.mark.parametrize("size", [0, 6145])
def test_a_mac_is_bounded(zoo: Zoo, size: int) -> None:
    """1 to 6144 bytes, as in the model."""
    members = zoo.members("VerifyMac", "HMAC") | {"Mac": bytes(size)}
    assert zoo.core.refused("VerifyMac", **members)[0] == "ValidationException"
