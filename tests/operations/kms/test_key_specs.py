"""CreateKey for every key spec and usage, and what the metadata says of the new key."""

import json
import threading
from pathlib import Path
from typing import Any, ClassVar

import pytest

from strongroom.keystores.registry import Registry
from strongroom.keystores.software import SoftwareKeyStore
from strongroom.model.key import Key, Material
from strongroom.model.spec import KeySpec, KeyUsage, Origin
from strongroom.operations.table import OPERATIONS
from tests.core import ELSEWHERE, ROOTS, Core, open_core

CHINA = "cn-north-1"
RSASSA = [f"RSASSA_{padding}_SHA_{size}" for padding in ("PKCS1_V1_5", "PSS") for size in (256, 384, 512)]
OAEP = ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]

# AWS KMS API Reference, "CreateKey" and "KeyMetadata": of each spec and usage, the member that lists the algorithms.
MADE: dict[tuple[str, str], tuple[str, list[str]]] = {
    ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"): ("EncryptionAlgorithms", ["SYMMETRIC_DEFAULT"]),
    ("HMAC_224", "GENERATE_VERIFY_MAC"): ("MacAlgorithms", ["HMAC_SHA_224"]),
    ("HMAC_256", "GENERATE_VERIFY_MAC"): ("MacAlgorithms", ["HMAC_SHA_256"]),
    ("HMAC_384", "GENERATE_VERIFY_MAC"): ("MacAlgorithms", ["HMAC_SHA_384"]),
    ("HMAC_512", "GENERATE_VERIFY_MAC"): ("MacAlgorithms", ["HMAC_SHA_512"]),
    ("RSA_2048", "ENCRYPT_DECRYPT"): ("EncryptionAlgorithms", OAEP),
    ("RSA_2048", "SIGN_VERIFY"): ("SigningAlgorithms", RSASSA),
    ("RSA_3072", "ENCRYPT_DECRYPT"): ("EncryptionAlgorithms", OAEP),
    ("RSA_3072", "SIGN_VERIFY"): ("SigningAlgorithms", RSASSA),
    ("RSA_4096", "ENCRYPT_DECRYPT"): ("EncryptionAlgorithms", OAEP),
    ("RSA_4096", "SIGN_VERIFY"): ("SigningAlgorithms", RSASSA),
    ("ECC_NIST_P256", "SIGN_VERIFY"): ("SigningAlgorithms", ["ECDSA_SHA_256"]),
    ("ECC_NIST_P256", "KEY_AGREEMENT"): ("KeyAgreementAlgorithms", ["ECDH"]),
    ("ECC_NIST_P384", "SIGN_VERIFY"): ("SigningAlgorithms", ["ECDSA_SHA_384"]),
    ("ECC_NIST_P384", "KEY_AGREEMENT"): ("KeyAgreementAlgorithms", ["ECDH"]),
    ("ECC_NIST_P521", "SIGN_VERIFY"): ("SigningAlgorithms", ["ECDSA_SHA_512"]),
    ("ECC_NIST_P521", "KEY_AGREEMENT"): ("KeyAgreementAlgorithms", ["ECDH"]),
    ("ECC_SECG_P256K1", "SIGN_VERIFY"): ("SigningAlgorithms", ["ECDSA_SHA_256"]),
    ("ECC_NIST_EDWARDS25519", "SIGN_VERIFY"): ("SigningAlgorithms", ["ED25519_PH_SHA_512", "ED25519_SHA_512"]),
    ("ML_DSA_44", "SIGN_VERIFY"): ("SigningAlgorithms", ["ML_DSA_SHAKE_256"]),
    ("ML_DSA_65", "SIGN_VERIFY"): ("SigningAlgorithms", ["ML_DSA_SHAKE_256"]),
    ("ML_DSA_87", "SIGN_VERIFY"): ("SigningAlgorithms", ["ML_DSA_SHAKE_256"]),
    ("ML_KEM_768", "ENCAPSULATE_DECAPSULATE"): ("EncapsulationAlgorithms", ["ML_KEM"]),
    ("ML_KEM_1024", "ENCAPSULATE_DECAPSULATE"): ("EncapsulationAlgorithms", ["ML_KEM"]),
}
SPECS = {spec for spec, _ in MADE}
NOT_HERE = {spec.value for spec in KeySpec} - SPECS
NEW_SPECS = {"ECC_NIST_EDWARDS25519", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87", "ML_KEM_768", "ML_KEM_1024"}


@pytest.mark.parametrize(("spec", "usage"), MADE, ids=lambda value: value)
def test_a_key_of_every_spec_and_usage(core: Core, spec: str, usage: str) -> None:
    """It is told with its algorithms in the one member of its usage; only a symmetric key shows its material's id."""
    made = json.loads(core.call("CreateKey", KeySpec=spec, KeyUsage=usage).body)["KeyMetadata"]
    told = json.loads(core.call("DescribeKey", KeyId=made["KeyId"]).body)["KeyMetadata"]
    assert told == made
    lists = {name: sorted(made[name]) for name in made if name.endswith("Algorithms")}
    member, algorithms = MADE[spec, usage]
    assert lists == {member: algorithms}
    assert (made["KeySpec"], made["KeyUsage"], made["KeyState"]) == (spec, usage, "Enabled")
    assert made.get("CustomerMasterKeySpec") == (None if spec in NEW_SPECS else spec)
    assert ("CurrentKeyMaterialId" in made) == (spec == "SYMMETRIC_DEFAULT")


@pytest.mark.parametrize("spec", sorted(SPECS))
def test_a_usage_that_the_spec_does_not_allow(core: Core, spec: str) -> None:
    """Every usage that is not the spec's is refused in AWS's words, and makes no key."""
    for usage in KeyUsage:
        if (spec, usage.value) not in MADE:
            assert core.refused("CreateKey", KeySpec=spec, KeyUsage=usage.value) == (
                "ValidationException",
                f"KeyUsage {usage} is not compatible with KeySpec {spec}",
            )
    assert core.ok("ListKeys")["Keys"] == []


@pytest.mark.parametrize("spec", sorted(SPECS - {"SYMMETRIC_DEFAULT"}))
def test_a_usage_is_needed(core: Core, spec: str) -> None:
    """Only a symmetric encryption key has one by default, not even a key with a single usage."""
    assert core.refused("CreateKey", KeySpec=spec) == (
        "ValidationException",
        "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
    )


@pytest.mark.parametrize("spec", sorted(NOT_HERE))
@pytest.mark.parametrize("region", [ELSEWHERE, CHINA])
def test_a_spec_that_is_not_here(core: Core, spec: str, region: str) -> None:
    """SM2 and ML_KEM_512 are named as not supported, whatever the usage, in China as well."""
    for usage in ({}, *({"KeyUsage": item.value} for item in KeyUsage)):
        refused = core.refused("CreateKey", KeySpec=spec, region=region, **usage)
        assert refused == ("UnsupportedOperationException", f"KeySpec {spec} is not supported.")


@pytest.mark.parametrize("spec", ["ML_KEM_768", "ML_KEM_1024"])
def test_ml_kem_is_not_in_china(core: Core, spec: str) -> None:
    """AWS has no ML-KEM keys in China Regions."""
    asked: dict[str, Any] = {"KeySpec": spec, "KeyUsage": "ENCAPSULATE_DECAPSULATE", "region": CHINA}
    assert core.refused("CreateKey", **asked) == (
        "UnsupportedOperationException",
        f"KeySpec {spec} is not supported in this Region.",
    )
    assert core.ok("ListKeys", region=CHINA)["Keys"] == []


def test_the_old_name_of_the_spec_makes_the_same_key(core: Core) -> None:
    """CustomerMasterKeySpec works for all specs that it has."""
    made = core.ok("CreateKey", CustomerMasterKeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")["KeyMetadata"]
    assert (made["KeySpec"], made["KeyAgreementAlgorithms"]) == ("ECC_NIST_P256", ["ECDH"])


def test_only_rsa_keys_take_long_to_make() -> None:
    """Requests that make RSA keys are known before the work, and no others."""
    create, pair = OPERATIONS["CreateKey"], OPERATIONS["GenerateDataKeyPair"]
    assert create.slow is not None
    assert pair.slow is not None
    slow = {spec for spec in KeySpec if create.slow(create.request(key_spec=spec))}
    assert {spec.value for spec in slow} == {"RSA_2048", "RSA_3072", "RSA_4096"}
    assert not create.slow(create.request())
    assert create.slow(create.request(customer_master_key_spec="RSA_2048"))
    assert not create.slow(create.request(key_spec=KeySpec.RSA_2048, origin=Origin.EXTERNAL))
    assert pair.slow(pair.request(key_id="x", key_pair_spec="RSA_3072"), None)
    assert not pair.slow(pair.request(key_id="x", key_pair_spec="ECC_NIST_P521"), None)


class Watched(SoftwareKeyStore):
    """A key store that tells which threads generate keys."""

    threads: ClassVar[list[int]] = []

    def generate(self, key: Key) -> Material:
        """As the original, and remembered."""
        self.threads.append(threading.get_ident())
        return super().generate(key)


def test_a_key_is_made_outside_of_the_transaction(tmp_path: Path) -> None:
    """It is generated before its transaction begins, not on the thread of the writer."""
    with open_core(tmp_path, keystores=Registry(Watched(ROOTS))) as core:
        core.new_key()
    assert Watched.threads == [threading.get_ident()]
