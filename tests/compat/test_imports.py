"""Imported key material through boto3: wrapped by the openssl program, used, checked by a second implementation."""

import re
import time
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from Crypto.PublicKey import RSA

from tests import support_formats, wrapping
from tests.compat import independent
from tests.compat.calls import new_key, post, refusal
from tests.guides import DOCS, run
from tests.support import Server

FOR_EVER = "KEY_MATERIAL_DOES_NOT_EXPIRE"
MESSAGE = b"a message"
MATERIAL = bytes(range(32))


def parameters(kms: Any, key: str, algorithm: str, wrapping_spec: str = "RSA_2048") -> dict[str, Any]:
    """What GetParametersForImport answers."""
    answer: dict[str, Any] = kms.get_parameters_for_import(
        KeyId=key, WrappingAlgorithm=algorithm, WrappingKeySpec=wrapping_spec
    )
    return answer


def imported(kms: Any, key: str, material: bytes, algorithm: str = "RSAES_OAEP_SHA_256", **members: Any) -> str:
    """Import a material that the openssl program wraps; its id, where the answer has one."""
    given = parameters(kms, key, algorithm, members.pop("wrapping_spec", "RSA_2048"))
    answer = kms.import_key_material(
        KeyId=key,
        ImportToken=given["ImportToken"],
        EncryptedKeyMaterial=wrapping.by_openssl(given["PublicKey"], algorithm, material),
        **({"ExpirationModel": FOR_EVER} if "ValidTo" not in members else {}),
        **members,
    )
    return str(answer.get("KeyMaterialId", ""))


# One row of the import matrix for each spec, and between them all algorithms with all wrapping keys.
ROWS = [
    ("SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_256", "RSA_4096"),
    ("SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1", "RSA_2048"),
    ("HMAC_224", "RSAES_OAEP_SHA_1", "RSA_3072"),
    ("HMAC_256", "RSAES_OAEP_SHA_256", "RSA_2048"),
    ("HMAC_384", "RSAES_OAEP_SHA_256", "RSA_3072"),
    ("HMAC_512", "RSAES_OAEP_SHA_1", "RSA_2048"),
    ("RSA_2048", "RSA_AES_KEY_WRAP_SHA_256", "RSA_4096"),
    ("RSA_3072", "RSA_AES_KEY_WRAP_SHA_1", "RSA_3072"),
    ("RSA_4096", "RSA_AES_KEY_WRAP_SHA_256", "RSA_2048"),
    ("ECC_NIST_P256", "RSAES_OAEP_SHA_256", "RSA_2048"),
    ("ECC_NIST_P384", "RSA_AES_KEY_WRAP_SHA_256", "RSA_3072"),
    ("ECC_NIST_P521", "RSAES_OAEP_SHA_256", "RSA_3072"),
    ("ECC_NIST_P521", "RSA_AES_KEY_WRAP_SHA_1", "RSA_2048"),
    ("ECC_SECG_P256K1", "RSAES_OAEP_SHA_1", "RSA_2048"),
    ("ECC_NIST_EDWARDS25519", "RSA_AES_KEY_WRAP_SHA_1", "RSA_2048"),
]


def check_symmetric(kms: Any, key: str, material: bytes) -> None:
    """A second reader opens with the material what the key sealed."""
    blob = kms.encrypt(KeyId=key, Plaintext=MESSAGE, EncryptionContext={"a": "b"})["CiphertextBlob"]
    assert support_formats.open_ciphertext(blob, material, {"a": "b"}) == MESSAGE
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"})["Plaintext"] == MESSAGE


def check_hmac(kms: Any, key: str, material: bytes) -> None:
    """The MAC is the one that the material makes elsewhere."""
    (algorithm,) = kms.describe_key(KeyId=key)["KeyMetadata"]["MacAlgorithms"]
    mac = kms.generate_mac(KeyId=key, Message=MESSAGE, MacAlgorithm=algorithm)["Mac"]
    assert mac == independent.mac(material, algorithm, MESSAGE)


def check_signing(kms: Any, key: str, material: bytes) -> None:
    """Signatures verify elsewhere with the public key that the material has there, and the other way round."""
    answer = kms.get_public_key(KeyId=key)
    public_key = independent.public_der(independent.load(material))
    assert answer["PublicKey"] == public_key
    for algorithm in set(answer["SigningAlgorithms"]) - {"ED25519_PH_SHA_512"}:
        request = {"KeyId": key, "Message": MESSAGE, "SigningAlgorithm": algorithm}
        assert independent.verifies(public_key, algorithm, MESSAGE, kms.sign(**request)["Signature"])
        assert kms.verify(**request, Signature=independent.sign(material, algorithm, MESSAGE))["SignatureValid"]


CHECKS: dict[str, Callable[[Any, str, bytes], None]] = {"SYM": check_symmetric, "HMA": check_hmac}


@pytest.mark.parametrize(("spec", "algorithm", "wrapping_spec"), ROWS)
def test_material_of_every_spec(kms: Any, spec: str, algorithm: str, wrapping_spec: str) -> None:
    """What the openssl program wrapped comes in, and a second implementation that has it agrees with the key."""
    key, material = new_key(kms, **wrapping.external(spec)), wrapping.fresh_material(spec)
    imported(kms, key, material, algorithm, wrapping_spec=wrapping_spec)
    found = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (found["KeyState"], found["Origin"], found["ExpirationModel"]) == ("Enabled", "EXTERNAL", FOR_EVER)
    CHECKS.get(spec[:3], check_signing)(kms, key, material)


def test_key_agreement_and_decryption(kms: Any) -> None:
    """The other usages of private keys."""
    material = wrapping.fresh_material("ECC_NIST_P384")
    key = new_key(kms, **wrapping.external("ECC_NIST_P384", "KEY_AGREEMENT"))
    imported(kms, key, material)
    peer = independent.public_der(independent.new_private_key("ECC_NIST_P384"))
    secret = kms.derive_shared_secret(KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=peer)
    assert secret["SharedSecret"] == independent.agree(independent.load(material), peer)
    assert secret["KeyOrigin"] == "EXTERNAL"
    material = wrapping.fresh_material("RSA_2048")
    key = new_key(kms, **wrapping.external("RSA_2048", "ENCRYPT_DECRYPT"))
    imported(kms, key, material, "RSA_AES_KEY_WRAP_SHA_256")
    blob = kms.encrypt(KeyId=key, Plaintext=MESSAGE, EncryptionAlgorithm="RSAES_OAEP_SHA_256")["CiphertextBlob"]
    assert independent.decrypt(material, "RSAES_OAEP_SHA_256", blob) == MESSAGE


@pytest.mark.parametrize("wrapping_spec", wrapping.WRAPPING_SPECS)
def test_the_parameters(kms: Any, wrapping_spec: str) -> None:
    """Each call makes a wrapping key of the size asked for, good for 24 hours."""
    key = new_key(kms, Origin="EXTERNAL")
    before = datetime.now(UTC)
    first, second = (parameters(kms, key, "RSAES_OAEP_SHA_256", wrapping_spec) for _ in range(2))
    assert first["KeyId"] == key
    assert RSA.import_key(first["PublicKey"]).size_in_bits() == int(wrapping_spec[-4:])
    assert first["PublicKey"] != second["PublicKey"]
    assert timedelta(hours=24) <= first["ParametersValidTo"] - before + timedelta(milliseconds=1)
    assert first["ParametersValidTo"] - datetime.now(UTC) <= timedelta(hours=24)


def test_a_damaged_wrap_says_nothing(server: Server, kms: Any) -> None:
    """Whatever is wrong with it, the answer is the same to the byte."""
    key, algorithm = new_key(kms, **wrapping.external("ECC_NIST_P256")), "RSA_AES_KEY_WRAP_SHA_256"
    given = parameters(kms, key, algorithm)
    good = wrapping.by_openssl(given["PublicKey"], algorithm, wrapping.fresh_material("ECC_NIST_P256"))
    bad = [good[:-1], good[:256], good[:100], b"\0", bytes(len(good))]
    bad += [good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :] for place in (0, 255, 256, len(good) - 1)]
    for wrapped in bad:
        body = {
            "KeyId": key,
            "ImportToken": b64encode(given["ImportToken"]).decode(),
            "EncryptedKeyMaterial": b64encode(wrapped).decode(),
            "ExpirationModel": FOR_EVER,
        }
        answer = post(server, "ImportKeyMaterial", body)
        assert (answer.status, answer.body) == (400, b'{"__type":"InvalidCiphertextException"}')


def test_other_refusals(kms: Any) -> None:
    """Another key's token, material of another length, other material than before, and a way that AWS does not have."""
    key, other = (new_key(kms, Origin="EXTERNAL") for _ in range(2))
    algorithm = "RSAES_OAEP_SHA_256"
    given = parameters(kms, other, algorithm)
    request = {
        "KeyId": key,
        "ImportToken": given["ImportToken"],
        "EncryptedKeyMaterial": wrapping.by_openssl(given["PublicKey"], algorithm, bytes(32)),
        "ExpirationModel": FOR_EVER,
    }
    assert refusal(kms.import_key_material, **request).code == "InvalidImportTokenException"
    assert refusal(lambda: imported(kms, key, bytes(31))).code == "IncorrectKeyMaterialException"
    imported(kms, key, bytes(32))
    assert refusal(lambda: imported(kms, key, b"x" * 32)).code == "IncorrectKeyMaterialException"
    assert refusal(lambda: parameters(kms, key, "RSA_AES_KEY_WRAP_SHA_1")).code == "UnsupportedOperationException"
    assert refusal(lambda: parameters(kms, new_key(kms), algorithm)).code == "UnsupportedOperationException"


def test_deleted_material_comes_again(kms: Any) -> None:
    """Without it nothing works, with it everything does."""
    key = new_key(kms, Origin="EXTERNAL")
    material_id = imported(kms, key, MATERIAL)
    blob = kms.encrypt(KeyId=key, Plaintext=MESSAGE)["CiphertextBlob"]
    deleted = kms.delete_imported_key_material(KeyId=key)
    assert (deleted["KeyId"], deleted["KeyMaterialId"]) == (key, material_id)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingImport"
    assert refusal(kms.decrypt, CiphertextBlob=blob).code == "KMSInvalidStateException"
    assert imported(kms, key, MATERIAL) == material_id
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == MESSAGE


def test_material_expires_by_itself(kms: Any) -> None:
    """With nobody asking it is deleted, a few seconds after it was imported."""
    key = new_key(kms, Origin="EXTERNAL")
    valid_to = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
    imported(kms, key, MATERIAL, ValidTo=valid_to)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["ValidTo"] == valid_to
    listed = kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert [entry["ImportState"] for entry in listed] == ["IMPORTED"]
    end = time.monotonic() + 30
    while listed[0]["ImportState"] == "IMPORTED":
        assert time.monotonic() < end
        time.sleep(0.05)
        listed = kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert datetime.now(UTC) >= valid_to
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingImport"


def test_many_imports_at_once(server: Server, kms: Any) -> None:
    """RSA keys that come in while other calls are made: all of them, and all answers are right."""
    material = wrapping.rsa_material(3072)
    keys = [new_key(kms, **wrapping.external("RSA_3072")) for _ in range(4)]
    symmetric = new_key(kms)
    with ThreadPoolExecutor(len(keys)) as pool:
        waiting = [pool.submit(imported, server.client(), key, material, "RSA_AES_KEY_WRAP_SHA_256") for key in keys]
        while not all(each.done() for each in waiting):
            blob = kms.encrypt(KeyId=symmetric, Plaintext=MESSAGE)["CiphertextBlob"]
            assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == MESSAGE
        assert [each.result() for each in waiting] == [""] * len(keys)
    assert {kms.get_public_key(KeyId=key)["PublicKey"] for key in keys} == {
        independent.public_der(independent.load(material))
    }


PAGE = DOCS / "guide" / "importing.md"
EXAMPLES = re.findall(r"^<!-- test: sh -->\n```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_the_guide_works_as_written(server: Server, number: int, tmp_path: Path) -> None:
    """Its examples run, with the AWS CLI and the openssl program, and each command of them goes well."""
    result = run(["sh", "-euc", EXAMPLES[number]], server, tmp_path)
    assert result.returncode == 0, result.stderr


def test_the_guide_has_its_examples() -> None:
    """One with RSA encryption alone, one with an AES key between."""
    assert [("id-aes256-wrap-pad" in example) for example in EXAMPLES] == [False, True]
