"""GetParametersForImport and ImportKeyMaterial: every way to wrap every kind of material, and what does not fit."""

import json
from typing import Any

import pytest
from Crypto.PublicKey import RSA

from strongroom.dispatch import Work
from strongroom.operations.table import OPERATIONS
from tests import support_formats, wrapping
from tests.compat import independent
from tests.core import Core, key_id_of, make_facts
from tests.operations.kms.importing import DAY, FOR_EVER, OAEP, call_import, metadata, parcel, use_known_wrapping_keys

MESSAGE = b"a message"
DIRECT = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")
BY_AES_KEY = ("RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256")
EVERY_ALGORITHM = (*wrapping.ALGORITHMS, "RSAES_PKCS1_V1_5", "SM2PKE")
EVERY_WRAPPING_SPEC = (*wrapping.WRAPPING_SPECS, "SM2")


def allowed(spec: str) -> set[tuple[str, str]]:
    """The pairs of algorithm and wrapping key for a key spec (AWS KMS API Reference, "GetParametersForImport")."""
    algorithms = {"SYM": DIRECT, "HMA": DIRECT, "RSA": BY_AES_KEY, "ECC": (*DIRECT, *BY_AES_KEY)}[spec[:3]]
    pairs = {(algorithm, wrapping_spec) for algorithm in algorithms for wrapping_spec in wrapping.WRAPPING_SPECS}
    return pairs - {(algorithm, "RSA_2048") for algorithm in DIRECT} if spec == "ECC_NIST_P521" else pairs


MATRIX = [(spec, *pair) for spec in wrapping.SPECS for pair in sorted(allowed(spec))]


@pytest.fixture(autouse=True)
def _known_wrapping_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    use_known_wrapping_keys(monkeypatch)


def serves(core: Core, key: str, spec: str, material: bytes) -> None:
    """A second implementation, which has the material, agrees with the key on what it does."""
    if spec == "SYMMETRIC_DEFAULT":
        blob = core.ok("Encrypt", KeyId=key, Plaintext=MESSAGE, EncryptionContext={"a": "b"})["CiphertextBlob"]
        assert support_formats.open_ciphertext(blob, material, {"a": "b"}) == MESSAGE
        assert core.ok("Decrypt", CiphertextBlob=blob, EncryptionContext={"a": "b"})["Plaintext"] == MESSAGE
    elif spec.startswith("HMAC"):
        algorithm = spec.replace("HMAC_", "HMAC_SHA_")
        mac = core.ok("GenerateMac", KeyId=key, Message=MESSAGE, MacAlgorithm=algorithm)["Mac"]
        assert mac == independent.mac(material, algorithm, MESSAGE)
    else:
        public_key = independent.public_der(independent.load(material))
        answer = core.ok("GetPublicKey", KeyId=key)
        assert answer["PublicKey"] == public_key
        for algorithm in answer["SigningAlgorithms"]:
            given = independent.digest(algorithm, MESSAGE) if algorithm == "ED25519_PH_SHA_512" else MESSAGE
            kind = "DIGEST" if algorithm == "ED25519_PH_SHA_512" else "RAW"
            made = core.ok("Sign", KeyId=key, Message=given, MessageType=kind, SigningAlgorithm=algorithm)
            assert independent.verifies(public_key, algorithm, given, made["Signature"])


@pytest.mark.parametrize(("spec", "algorithm", "wrapping_spec"), MATRIX)
def test_every_way_to_import(core: Core, spec: str, algorithm: str, wrapping_spec: str) -> None:
    """Each kind of material comes in each way that AWS documents, and then does what a second implementation does."""
    key = core.new_key(**wrapping.external(spec))
    assert metadata(core, key)["KeyState"] == "PendingImport"
    material = wrapping.fresh_material(spec)
    request = parcel(core, key, material, algorithm, wrapping_spec)
    answer = core.ok("ImportKeyMaterial", **request, ExpirationModel=FOR_EVER)
    symmetric = spec == "SYMMETRIC_DEFAULT"
    of_material = {"KeyMaterialId": support_formats.material_id(material, key_id_of(key))} if symmetric else {}
    assert answer == {"KeyId": key} | of_material
    found = metadata(core, key)
    assert (found["KeyState"], found["Enabled"], found["ExpirationModel"]) == ("Enabled", True, FOR_EVER)
    assert "ValidTo" not in found
    assert found.get("CurrentKeyMaterialId") == of_material.get("KeyMaterialId")
    serves(core, key, spec, material)


@pytest.mark.parametrize("spec", wrapping.SPECS)
def test_ways_that_aws_does_not_have(core: Core, spec: str) -> None:
    """Any other pair of algorithm and wrapping key is refused before anything is made, in words that name all three."""
    key = core.new_key(**wrapping.external(spec))
    others = {(algorithm, kind) for algorithm in EVERY_ALGORITHM for kind in EVERY_WRAPPING_SPEC} - allowed(spec)
    for algorithm, wrapping_spec in sorted(others):
        code, text = core.refused(
            "GetParametersForImport", KeyId=key, WrappingAlgorithm=algorithm, WrappingKeySpec=wrapping_spec
        )
        assert code == "UnsupportedOperationException"
        assert all(name in text for name in (algorithm, wrapping_spec, spec))


def test_the_other_usages(core: Core) -> None:
    """An imported RSA key decrypts what a second implementation encrypted, an imported NIST key agrees with it."""
    material = wrapping.rsa_material(2048)
    key = core.new_key(**wrapping.external("RSA_2048", "ENCRYPT_DECRYPT"))
    core.ok("ImportKeyMaterial", **parcel(core, key, material, BY_AES_KEY[1]), ExpirationModel=FOR_EVER)
    for algorithm in DIRECT:
        blob = independent.encrypt(independent.public_der(independent.load(material)), algorithm, MESSAGE)
        opened = core.ok("Decrypt", KeyId=key, CiphertextBlob=blob, EncryptionAlgorithm=algorithm)
        assert opened["Plaintext"] == MESSAGE
    for spec in ("ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521"):
        private = wrapping.fresh_material(spec)
        key = core.new_key(**wrapping.external(spec, "KEY_AGREEMENT"))
        core.ok("ImportKeyMaterial", **parcel(core, key, private, BY_AES_KEY[0]), ExpirationModel=FOR_EVER)
        peer = independent.new_private_key(spec)
        secret = core.ok(
            "DeriveSharedSecret", KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=independent.public_der(peer)
        )
        assert secret["SharedSecret"] == independent.agree(independent.load(private), independent.public_der(peer))
        assert secret["KeyOrigin"] == "EXTERNAL"


def test_the_parameters(core: Core) -> None:
    """The ARN whatever was sent, a public key of the size asked for, a token, and the end of their 24 hours."""
    key = core.new_key(Origin="EXTERNAL")
    answer = core.call(
        "GetParametersForImport", KeyId=key_id_of(key), WrappingAlgorithm=OAEP, WrappingKeySpec="RSA_3072"
    )
    found = answer.members
    assert found["KeyId"] == key
    assert found["ParametersValidTo"].timestamp() == core.clock.key_life + DAY
    assert RSA.import_key(found["PublicKey"]).size_in_bits() == 3072
    assert len(found["ImportToken"]) <= 6144
    assert not answer.in_outbox
    assert answer.record["requestParameters"] == {
        "keyId": key_id_of(key),
        "wrappingAlgorithm": OAEP,
        "wrappingKeySpec": "RSA_3072",
    }
    assert answer.record["responseElements"] is None
    assert answer.record["readOnly"] is True


def test_the_record_of_an_import(core: Core) -> None:
    """It has what was asked for and which material it became; neither token nor material."""
    key = core.new_key(Origin="EXTERNAL")
    core.clock.key_life = 1_747_720_000.0
    answer = call_import(
        core,
        key,
        bytes(32),
        ValidTo=1_747_806_465,
        ExpirationModel="KEY_MATERIAL_EXPIRES",
        ImportType="NEW_KEY_MATERIAL",
        KeyMaterialDescription="from the safe",
    )
    assert answer.status == 200
    assert answer.in_outbox
    assert answer.record["requestParameters"] == {
        "keyId": key,
        "validTo": "May 21, 2025, 5:47:45 AM",
        "expirationModel": "KEY_MATERIAL_EXPIRES",
        "importType": "NEW_KEY_MATERIAL",
        "keyMaterialDescription": "from the safe",
    }
    assert answer.record["responseElements"] == {"keyId": key, "keyMaterialId": answer.members["KeyMaterialId"]}
    assert answer.record["readOnly"] is False
    assert [each["ARN"] for each in answer.record["resources"]] == [key]


@pytest.mark.parametrize("operation", ["GetParametersForImport", "ImportKeyMaterial", "DeleteImportedKeyMaterial"])
def test_a_key_of_this_services_making_takes_no_import(core: Core, key: str, operation: str) -> None:
    """It is refused in AWS's words, in every state that the key can have."""
    members: dict[str, dict[str, Any]] = {
        "GetParametersForImport": {"WrappingAlgorithm": OAEP, "WrappingKeySpec": "RSA_2048"},
        "ImportKeyMaterial": {"ImportToken": b"x", "EncryptedKeyMaterial": b"x", "ExpirationModel": FOR_EVER},
        "DeleteImportedKeyMaterial": {},
    }
    refusal = ("UnsupportedOperationException", f"{key} origin is AWS_KMS which is not valid for this operation.")
    assert core.refused(operation, KeyId=key, **members[operation]) == refusal
    core.ok("ScheduleKeyDeletion", KeyId=key)
    assert core.refused(operation, KeyId=key, **members[operation]) == refusal


LANES = {"SYMMETRIC_DEFAULT": Work.LONG, "ECC_NIST_P521": Work.LONG, "RSA_2048": Work.GENERATION}


@pytest.mark.parametrize("spec", LANES)
def test_imports_leave_the_loop(core: Core, spec: str) -> None:
    """Neither wrapping keys are made nor wraps opened there, and primes are not tested where signatures wait."""
    key = core.new_key(**wrapping.external(spec))
    algorithm = min(allowed(spec))[0]
    bodies: dict[str, dict[str, str]] = {
        "GetParametersForImport": {"WrappingAlgorithm": algorithm, "WrappingKeySpec": "RSA_4096"},
        "ImportKeyMaterial": {"ImportToken": "AAAA", "EncryptedKeyMaterial": "AAAA", "ExpirationModel": FOR_EVER},
    }
    for operation, work in (("GetParametersForImport", Work.GENERATION), ("ImportKeyMaterial", LANES[spec])):
        body = json.dumps(bodies[operation] | {"KeyId": key}).encode()
        assert core.dispatcher.prepare(make_facts(), OPERATIONS[operation], body).work is work
