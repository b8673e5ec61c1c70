"""GenerateMac and VerifyMac through boto3: the MACs of a second implementation, and bad ones."""

import base64
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.compat import independent
from tests.compat.calls import ACCOUNT, REGION, Refusal, id_of, new_key, post, refusal
from tests.compat.records import database
from tests.compat.specs import USAGES, Keys, with_usage
from tests.support import Server
from tests.support_formats import open_record, open_sealed_root, read_seal_file

USAGE = "GENERATE_VERIFY_MAC"
SPECS = with_usage(USAGE)
MESSAGE = b"a message to authenticate"
INVALID = Refusal("KMSInvalidMacException", "")


def request_of(keys: Keys, spec: str) -> dict[str, Any]:
    """A request of GenerateMac."""
    (algorithm,) = USAGES[spec][USAGE]
    return {"KeyId": keys(spec, USAGE), "MacAlgorithm": algorithm, "Message": MESSAGE}


def material_of(server: Server, arn: str, spec: str) -> bytes:
    """The material of a key, out of the data folder by the documented formats alone (docs: formats)."""
    with closing(sqlite3.connect(f"file:{database(server.data_dir)}?mode=ro", uri=True)) as connection:
        ((sealed,),) = connection.execute("SELECT sealed FROM root_keys").fetchall()
        query = "SELECT material_id, wrapped FROM materials WHERE key_id = ?"
        ((material_id, wrapped),) = connection.execute(query, (id_of(arn),)).fetchall()
    root = open_sealed_root(sealed, read_seal_file(server.data_dir.with_name("data.seal").read_text()))
    return open_record(wrapped, root, 1, (ACCOUNT, REGION, id_of(arn), material_id, spec, USAGE, "AWS_KMS"))


@pytest.mark.parametrize("spec", SPECS)
def test_a_second_implementation_makes_the_same_mac(server: Server, kms: Any, keys: Keys, spec: str) -> None:
    """The MAC is HMAC under the key's own material, which is as long as the hash; it is the same each time."""
    request = request_of(keys, spec)
    material = material_of(server, request["KeyId"], spec)
    assert len(material) == int(spec[-3:]) // 8
    for message in (MESSAGE, b"\0", b"m" * 4096):
        expected = independent.mac(material, request["MacAlgorithm"], message)
        for _ in range(2):
            assert kms.generate_mac(**request | {"Message": message})["Mac"] == expected
        assert kms.verify_mac(**request | {"Message": message}, Mac=expected)["MacValid"] is True


@pytest.mark.parametrize("spec", SPECS)
def test_bad_macs(kms: Any, keys: Keys, spec: str) -> None:
    """A MAC that is cut, lengthened, zero, changed in any byte, or of something else is refused, without a reason."""
    request = request_of(keys, spec)
    good = kms.generate_mac(**request)["Mac"]
    other_key = request | {"KeyId": new_key(kms, KeySpec=spec, KeyUsage=USAGE)}
    bad = [good[:-1], good[1:], good[:1], good + b"\0", b"\0" + good, good + good, bytes(len(good)), bytes(6144)]
    bad += [good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :] for place in range(len(good))]
    bad.append(kms.generate_mac(**request | {"Message": MESSAGE + b"!"})["Mac"])
    bad.append(kms.generate_mac(**other_key)["Mac"])
    for mac in bad:
        assert refusal(kms.verify_mac, **request, Mac=mac) == INVALID
    assert kms.verify_mac(**request, Mac=good)["MacValid"] is True


def test_the_answer_to_a_bad_mac(server: Server, keys: Keys) -> None:
    """The body of the fault has no message, as AWS's has none."""
    body = request_of(keys, "HMAC_256") | {"Message": "AAAA"}
    for mac in ("AAAA", base64.b64encode(bytes(32)).decode()):
        answer = post(server, "VerifyMac", body | {"Mac": mac})
        assert (answer.status, answer.body) == (400, b'{"__type":"KMSInvalidMacException"}')


LIMITS: dict[str, tuple[dict[str, str], bytes]] = {
    "no message": ({"Message": ""}, b"'message' failed to satisfy constraint: Member must have length greater than"),
    "4097 bytes": (
        {"Message": base64.b64encode(bytes(4097)).decode()},
        b"'message' failed to satisfy constraint: Member must have length less than or equal to 4096",
    ),
    "no MAC": ({"Mac": ""}, b"'mac' failed to satisfy constraint: Member must have length greater than"),
    "6145 bytes of MAC": (
        {"Mac": base64.b64encode(bytes(6145)).decode()},
        b"'mac' failed to satisfy constraint: Member must have length less than or equal to 6144",
    ),
}


@pytest.mark.parametrize("case", LIMITS)
def test_lengths(server: Server, keys: Keys, case: str) -> None:
    """Messages have 1 to 4096 bytes, MACs 1 to 6144."""
    members, text = LIMITS[case]
    body = request_of(keys, "HMAC_256") | {"Message": "AAAA", "Mac": "AAAA"} | members
    answer = post(server, "VerifyMac", body)
    assert (answer.status, answer.fault) == (400, "ValidationException")
    assert text in answer.body
