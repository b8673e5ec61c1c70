"""GenerateDataKeyPair, GenerateDataKeyPairWithoutPlaintext."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

from strongroom.model.spec import DataKeyPairSpec
from tests.core import Core
from tests.operations.kms.kinds import Zoo

BOTH = ["GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"]
NOT_HERE = {"SM2", "ML_KEM_512"}
MADE = sorted({item.value for item in DataKeyPairSpec} - NOT_HERE)
CONTEXT = {"a": "b"}
CHINA = "cn-north-1"


@pytest.mark.parametrize("spec", MADE)
def test_a_pair_of_every_spec(zoo: Zoo, spec: str) -> None:
    """The private key belongs to the public one, and Decrypt opens its ciphertext under the context alone."""
    core, key = zoo.core, zoo.keys["symmetric"]
    made = core.ok("GenerateDataKeyPair", KeyId=key, KeyPairSpec=spec, EncryptionContext=CONTEXT)
    private, blob = made.pop("PrivateKeyPlaintext"), made.pop("PrivateKeyCiphertextBlob")
    public = load_der_private_key(private, None).public_key()
    assert made == {
        "KeyId": key,
        "KeyPairSpec": spec,
        "KeyMaterialId": core.stored(key).key.material_id,
        "PublicKey": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    }
    opened = core.ok("Decrypt", CiphertextBlob=blob, EncryptionContext=CONTEXT)
    assert (opened["Plaintext"], opened["KeyId"]) == (private, key)
    assert core.refused("Decrypt", CiphertextBlob=blob)[0] == "InvalidCiphertextException"


def test_without_plaintext_there_is_none(zoo: Zoo) -> None:
    """The private key leaves encrypted only, and is the public key's."""
    core, key = zoo.core, zoo.keys["symmetric"]
    made = core.ok("GenerateDataKeyPairWithoutPlaintext", KeyId=key, KeyPairSpec="ECC_NIST_P384")
    assert made.keys() == {"KeyId", "KeyPairSpec", "KeyMaterialId", "PublicKey", "PrivateKeyCiphertextBlob"}
    private = core.ok("Decrypt", CiphertextBlob=made["PrivateKeyCiphertextBlob"])["Plaintext"]
    public = load_der_private_key(private, None).public_key()
    assert made["PublicKey"] == public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("operation", BOTH)
def test_no_two_pairs_are_alike(zoo: Zoo, operation: str) -> None:
    """Each call makes another one."""
    members = zoo.members(operation, "symmetric")
    assert len({zoo.core.ok(operation, **members)["PublicKey"] for _ in range(5)}) == 5


@pytest.mark.parametrize("spec", sorted(NOT_HERE))
@pytest.mark.parametrize("operation", BOTH)
def test_a_spec_that_is_not_here(zoo: Zoo, operation: str, spec: str) -> None:
    """SM2 and ML_KEM_512 are named as not supported."""
    members = zoo.members(operation, "symmetric") | {"KeyPairSpec": spec}
    assert zoo.core.refused(operation, **members) == (
        "UnsupportedOperationException",
        f"KeyPairSpec {spec} is not supported.",
    )


@pytest.mark.parametrize("dry_run", [False, True], ids=["real", "dry"])
@pytest.mark.parametrize("operation", BOTH)
def test_ml_kem_is_not_in_china(core: Core, operation: str, *, dry_run: bool) -> None:
    """In China Regions there are no ML-KEM pairs, as there are no such keys; a dry run says so, too."""
    place: dict[str, Any] = {"region": CHINA}
    key = core.new_key(**place)
    for spec in ("ML_KEM_768", "ML_KEM_1024"):
        refused = core.refused(operation, KeyId=key, KeyPairSpec=spec, DryRun=dry_run, **place)
        assert refused == ("UnsupportedOperationException", f"KeySpec {spec} is not supported in this Region.")
    answer = core.call(operation, KeyId=key, KeyPairSpec="ECC_NIST_P256", DryRun=dry_run, **place)
    assert answer.code == ("DryRunOperationException" if dry_run else None)


@pytest.mark.parametrize("operation", BOTH)
def test_a_context_has_a_size(zoo: Zoo, operation: str) -> None:
    """8,192 bytes in its canonical form."""
    members = zoo.members(operation, "symmetric") | {"EncryptionContext": {"a": "b" * 8192}}
    assert zoo.core.refused(operation, **members)[0] == "ValidationException"
