"""The table of key specs and the enums, against AWS's model and the Developer Guide's key spec reference."""

from enum import StrEnum

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from strongroom.model.region import PARTITIONS
from strongroom.model.spec import (
    DATA_KEY_BYTES,
    MESSAGE_BYTES,
    SPECS,
    CustomerMasterKeySpec,
    DataKeyPairSpec,
    DataKeySpec,
    EncapsulationAlgorithm,
    EncryptionAlgorithm,
    KeyAgreementAlgorithm,
    KeyManager,
    KeySpec,
    KeyUsage,
    MacAlgorithm,
    MessageType,
    Origin,
    SigningAlgorithm,
    max_plaintext,
)
from strongroom.model.state import KeyState

MODEL = ServiceModel(Loader().load_service_model("kms", "service-2", "2014-11-01"))

ENUMS: dict[str, type[StrEnum]] = {
    "KeySpec": KeySpec,
    "CustomerMasterKeySpec": CustomerMasterKeySpec,
    "KeyUsageType": KeyUsage,
    "OriginType": Origin,
    "KeyManagerType": KeyManager,
    "KeyState": KeyState,
    "EncryptionAlgorithmSpec": EncryptionAlgorithm,
    "SigningAlgorithmSpec": SigningAlgorithm,
    "MessageType": MessageType,
    "MacAlgorithmSpec": MacAlgorithm,
    "KeyAgreementAlgorithmSpec": KeyAgreementAlgorithm,
    "EncapsulationAlgorithmSpec": EncapsulationAlgorithm,
    "DataKeySpec": DataKeySpec,
    "DataKeyPairSpec": DataKeyPairSpec,
}


@pytest.mark.parametrize("name", ENUMS)
def test_enums_are_awss(name: str) -> None:
    """Every value of the model is there and no other, each named as it is written."""
    enum = ENUMS[name]
    assert {item.value for item in enum} == set(MODEL.shape_for(name).enum)


# AWS KMS Developer Guide, "Key spec reference": of each spec its usages, with the algorithms of each.
REFERENCE = """
SYMMETRIC_DEFAULT     ENCRYPT_DECRYPT         SYMMETRIC_DEFAULT
HMAC_224              GENERATE_VERIFY_MAC     HMAC_SHA_224
HMAC_256              GENERATE_VERIFY_MAC     HMAC_SHA_256
HMAC_384              GENERATE_VERIFY_MAC     HMAC_SHA_384
HMAC_512              GENERATE_VERIFY_MAC     HMAC_SHA_512
RSA_2048              ENCRYPT_DECRYPT         RSAES_OAEP_SHA_1 RSAES_OAEP_SHA_256
RSA_2048              SIGN_VERIFY             RSASSA
RSA_3072              ENCRYPT_DECRYPT         RSAES_OAEP_SHA_1 RSAES_OAEP_SHA_256
RSA_3072              SIGN_VERIFY             RSASSA
RSA_4096              ENCRYPT_DECRYPT         RSAES_OAEP_SHA_1 RSAES_OAEP_SHA_256
RSA_4096              SIGN_VERIFY             RSASSA
ECC_NIST_P256         SIGN_VERIFY             ECDSA_SHA_256
ECC_NIST_P256         KEY_AGREEMENT           ECDH
ECC_NIST_P384         SIGN_VERIFY             ECDSA_SHA_384
ECC_NIST_P384         KEY_AGREEMENT           ECDH
ECC_NIST_P521         SIGN_VERIFY             ECDSA_SHA_512
ECC_NIST_P521         KEY_AGREEMENT           ECDH
ECC_SECG_P256K1       SIGN_VERIFY             ECDSA_SHA_256
ECC_NIST_EDWARDS25519 SIGN_VERIFY             ED25519_PH_SHA_512 ED25519_SHA_512
ML_DSA_44             SIGN_VERIFY             ML_DSA_SHAKE_256
ML_DSA_65             SIGN_VERIFY             ML_DSA_SHAKE_256
ML_DSA_87             SIGN_VERIFY             ML_DSA_SHAKE_256
ML_KEM_768            ENCAPSULATE_DECAPSULATE ML_KEM
ML_KEM_1024           ENCAPSULATE_DECAPSULATE ML_KEM
"""
RSASSA = {f"RSASSA_{padding}_SHA_{size}" for padding in ("PKCS1_V1_5", "PSS") for size in (256, 384, 512)}


def test_usages_and_algorithms_are_those_of_the_reference() -> None:
    """Each spec has the usages, and each usage the algorithms, that AWS documents, and no others."""
    own = {
        (spec.value, usage.value): {item.value for item in algorithms}
        for spec, row in SPECS.items()
        for usage, algorithms in row.algorithms.items()
    }
    lines = [line.split() for line in REFERENCE.split("\n") if line]
    assert own == {(spec, usage): RSASSA if names == ["RSASSA"] else set(names) for spec, usage, *names in lines}


def test_specs_without_a_row() -> None:
    """All specs of the model can be created but these."""
    assert set(KeySpec) - SPECS.keys() == {KeySpec.SM2, KeySpec.ML_KEM_512}


def test_only_the_symmetric_key_has_a_usage_by_default() -> None:
    """AWS KMS API Reference, "CreateKey": KeyUsage is optional for symmetric encryption keys alone."""
    defaults = {spec: row.default_usage for spec, row in SPECS.items() if row.default_usage is not None}
    assert defaults == {KeySpec.SYMMETRIC_DEFAULT: KeyUsage.ENCRYPT_DECRYPT}


def test_asymmetric_specs() -> None:
    """All have a public key but the symmetric and the HMAC keys."""
    assert {spec.value for spec, row in SPECS.items() if not row.asymmetric} == {
        "SYMMETRIC_DEFAULT", "HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512",
    }  # fmt: skip


def test_only_ml_kem_is_not_in_china() -> None:
    """Every other spec exists in every partition."""
    for spec, row in SPECS.items():
        missing = {"aws-cn"} if spec.value.startswith("ML_KEM") else set()
        assert set(PARTITIONS) - row.partitions == missing


def test_every_signing_algorithm_has_its_message_types() -> None:
    """A digest is as long as the hash in the algorithm's name says; exceptions are Ed25519, ML-DSA and SM2."""
    assert MESSAGE_BYTES.keys() == set(SigningAlgorithm)
    raw, digest, mu = MessageType.RAW, MessageType.DIGEST, MessageType.EXTERNAL_MU
    special: dict[str, dict[MessageType, int | None]] = {
        "ED25519_SHA_512": {raw: None},
        "ED25519_PH_SHA_512": {digest: 64},
        "ML_DSA_SHAKE_256": {raw: None, mu: 64},
        "SM2DSA": {raw: None, digest: 32},
    }
    for algorithm, types in MESSAGE_BYTES.items():
        bits = algorithm.value.rpartition("_")[2]
        assert types == (special.get(algorithm.value) or {raw: None, digest: int(bits) // 8})


# AWS KMS API Reference, "Encrypt".
LARGEST = {
    ("SYMMETRIC_DEFAULT", "SYMMETRIC_DEFAULT"): 4096,
    ("RSA_2048", "RSAES_OAEP_SHA_1"): 214,
    ("RSA_2048", "RSAES_OAEP_SHA_256"): 190,
    ("RSA_3072", "RSAES_OAEP_SHA_1"): 342,
    ("RSA_3072", "RSAES_OAEP_SHA_256"): 318,
    ("RSA_4096", "RSAES_OAEP_SHA_1"): 470,
    ("RSA_4096", "RSAES_OAEP_SHA_256"): 446,
}


@pytest.mark.parametrize(("spec", "algorithm"), LARGEST)
def test_sizes_of_plaintexts(spec: str, algorithm: str) -> None:
    """The most bytes that Encrypt takes are AWS's."""
    assert max_plaintext(KeySpec(spec), EncryptionAlgorithm(algorithm)) == LARGEST[spec, algorithm]


def test_sizes_of_data_keys() -> None:
    """A data key is as long as its cipher's key."""
    assert {spec.value: size for spec, size in DATA_KEY_BYTES.items()} == {"AES_128": 16, "AES_256": 32}


def test_every_pair_spec_is_a_key_spec() -> None:
    """A data key pair is made as a key of the same name."""
    assert {item.value for item in DataKeyPairSpec} <= {item.value for item in KeySpec}
