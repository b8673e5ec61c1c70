"""What ImportKeyMaterial refuses: wraps and tokens that are damaged or another's, and material that does not fit."""

from collections.abc import Callable
from typing import Any

import pytest

from tests import wrapping
from tests.core import ELSEWHERE, REGION, Core
from tests.jobs import run_jobs
from tests.operations.kms.importing import DAY, FOR_EVER, metadata, parcel, put, put_refused, use_known_wrapping_keys

BY_AES_KEY = "RSA_AES_KEY_WRAP_SHA_256"
LENGTHS = {"SYMMETRIC_DEFAULT": 32, "HMAC_224": 28, "HMAC_256": 32, "HMAC_384": 48, "HMAC_512": 64}


@pytest.fixture(autouse=True)
def _known_wrapping_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    use_known_wrapping_keys(monkeypatch)


Damage = Callable[[dict[str, Any]], dict[str, Any]]


def _bent(member: str, place: int) -> Damage:
    def bend(request: dict[str, Any]) -> dict[str, Any]:
        value = bytearray(request[member])
        value[place] ^= 1
        return request | {member: bytes(value)}

    return bend


def _cut(member: str) -> Damage:
    return lambda request: request | {member: request[member][:-1]}


def _longer(member: str) -> Damage:
    return lambda request: request | {member: request[member] + b"\0"}


DAMAGED_WRAPS: dict[str, Damage] = {
    "a bit in the RSA part": _bent("EncryptedKeyMaterial", 100),
    "a bit at the end": _bent("EncryptedKeyMaterial", -1),
    "cut": _cut("EncryptedKeyMaterial"),
    "longer": _longer("EncryptedKeyMaterial"),
    "a byte": lambda request: request | {"EncryptedKeyMaterial": b"\0"},
    "zeros": lambda request: request | {"EncryptedKeyMaterial": bytes(len(request["EncryptedKeyMaterial"]))},
}


@pytest.mark.parametrize("algorithm", wrapping.ALGORITHMS)
def test_damaged_wraps_are_one_fault(core: Core, algorithm: str) -> None:
    """Whatever does not open, and why ever, the answer is the same to the byte, without a message."""
    key = core.new_key(**wrapping.external("ECC_NIST_P256"))
    good = parcel(core, key, wrapping.fresh_material("ECC_NIST_P256"), algorithm) | {"ExpirationModel": FOR_EVER}
    given = core.ok("GetParametersForImport", KeyId=key, WrappingAlgorithm=algorithm, WrappingKeySpec="RSA_3072")
    bad = [damage(good) for damage in DAMAGED_WRAPS.values()]
    bad.append(good | {"ImportToken": given["ImportToken"]})
    others = [parcel(core, key, b"x", other) for other in wrapping.ALGORITHMS if other != algorithm]
    bad += [good | {"ImportToken": other["ImportToken"]} for other in others]
    for request in bad:
        answer = core.call("ImportKeyMaterial", **request)
        assert (answer.status, answer.body) == (400, b'{"__type":"InvalidCiphertextException"}')
        assert "errorMessage" not in answer.record
    assert metadata(core, key)["KeyState"] == "PendingImport"
    core.ok("ImportKeyMaterial", **good)


DAMAGED_TOKENS: dict[str, Damage] = {
    "a bit": _bent("ImportToken", 500),
    "a bit of its head": _bent("ImportToken", 3),
    "cut": _cut("ImportToken"),
    "longer": _longer("ImportToken"),
    "a byte": lambda request: request | {"ImportToken": b"\0"},
    "a ciphertext": lambda request: request | {"ImportToken": request["EncryptedKeyMaterial"]},
}


@pytest.mark.parametrize("damage", DAMAGED_TOKENS)
def test_damaged_tokens_are_invalid(core: Core, damage: str) -> None:
    """They are refused by name, and the material is not looked at."""
    key = core.new_key(Origin="EXTERNAL")
    request = DAMAGED_TOKENS[damage](parcel(core, key, bytes(32)) | {"ExpirationModel": FOR_EVER})
    assert core.refused("ImportKeyMaterial", **request)[0] == "InvalidImportTokenException"


def test_a_token_of_another_key_is_invalid(core: Core) -> None:
    """Of another key, spec or Region, even of a related key's; the key's own is taken, as often as one likes."""
    key = core.new_key(Origin="EXTERNAL", MultiRegion=True)
    own = parcel(core, key, bytes(32)) | {"ExpirationModel": FOR_EVER}
    others = [core.new_key(Origin="EXTERNAL"), core.new_key(**wrapping.external("HMAC_256"))]
    for other in others:
        request = own | {"KeyId": other}
        assert core.refused("ImportKeyMaterial", **request)[0] == "InvalidImportTokenException"
    for _ in range(2):
        core.ok("ImportKeyMaterial", **own)
    core.ok("ReplicateKey", KeyId=key, ReplicaRegion=ELSEWHERE)
    run_jobs(core)
    replica = key.replace(REGION, ELSEWHERE)
    answer = core.call("ImportKeyMaterial", region=ELSEWHERE, **own | {"KeyId": replica})
    assert answer.code == "InvalidImportTokenException"
    put(core, replica, bytes(32))


def test_a_token_lives_for_a_day_of_key_life(core: Core) -> None:
    """The machine's clock does not end it, the clock of key life does."""
    key = core.new_key(Origin="EXTERNAL")
    request = parcel(core, key, bytes(32)) | {"ExpirationModel": FOR_EVER}
    core.clock.machine += 2 * DAY
    core.clock.key_life += DAY - 0.001
    core.ok("ImportKeyMaterial", **request)
    core.clock.key_life += 0.001
    assert core.refused("ImportKeyMaterial", **request)[0] == "ExpiredImportTokenException"


@pytest.mark.parametrize("spec", LENGTHS)
def test_material_of_another_length_is_incorrect(core: Core, spec: str) -> None:
    """A byte less, a byte more, and the lengths of the other specs."""
    key, right = core.new_key(**wrapping.external(spec)), LENGTHS[spec]
    for length in {0, 16, right - 1, right + 1, *LENGTHS.values()} - {right}:
        assert put_refused(core, key, bytes(length)) == (
            "IncorrectKeyMaterialException",
            f"The key material is not valid for the key spec {spec}.",
        )
    assert metadata(core, key)["KeyState"] == "PendingImport"


@pytest.mark.parametrize("spec", [spec for spec in wrapping.SPECS if spec not in LENGTHS])
def test_a_private_key_of_another_spec_is_incorrect(core: Core, spec: str) -> None:
    """Of every other kind, size and curve; a byte cut or added; and raw bytes."""
    key, right = core.new_key(**wrapping.external(spec)), wrapping.fresh_material(spec)
    others = [wrapping.fresh_material(other) for other in wrapping.SPECS if other != spec]
    for material in (right[:-1], right + b"\0", *others):
        request = parcel(core, key, material, BY_AES_KEY) | {"ExpirationModel": FOR_EVER}
        assert core.refused("ImportKeyMaterial", **request)[0] == "IncorrectKeyMaterialException"
    assert metadata(core, key)["KeyState"] == "PendingImport"
