"""GenerateDataKeyPair and GenerateDataKeyPairWithoutPlaintext through boto3: pairs that fit, sealed under a context."""

from typing import Any

import pytest

from tests.compat import independent
from tests.compat.calls import Refusal, ask, id_of, members, refusal
from tests.compat.specs import UNSUPPORTED, USAGES, enum

PAIR_SPECS = [spec for spec in enum("DataKeyPairSpec") if spec not in UNSUPPORTED]
CONTEXT = {"pair": "for a test"}
MESSAGE = b"a message for a pair"
INVALID = Refusal("InvalidCiphertextException", "")
ML_KEM = [spec for spec in PAIR_SPECS if spec.startswith("ML_KEM")]


def test_pair_specs_are_key_specs() -> None:
    """Every kind of pair is a key spec of the same name; there is none of ML-DSA."""
    assert set(PAIR_SPECS) == {spec for spec in USAGES if spec.startswith(("RSA", "ECC", "ML_KEM"))}


def fits(spec: str, public_key: bytes, private_key: bytes) -> bool:
    """Whether a second implementation can use both halves of a pair together."""
    if spec.startswith("ML_KEM"):
        secret, blob = independent.encapsulate(public_key)
        return independent.decapsulate(private_key, blob) == secret
    if spec.startswith("RSA"):
        blob = independent.encrypt(public_key, "RSAES_OAEP_SHA_256", MESSAGE)
        if independent.decrypt(private_key, "RSAES_OAEP_SHA_256", blob) != MESSAGE:
            return False
    algorithm = USAGES[spec]["SIGN_VERIFY"][-1]
    signature = independent.sign(private_key, algorithm, MESSAGE)
    return independent.verifies(public_key, algorithm, MESSAGE, signature)


@pytest.mark.parametrize("spec", PAIR_SPECS)
def test_pair_with_plaintext(kms: Any, key: str, spec: str) -> None:
    """Both halves are of the spec and fit; the sealed private key is the one in the clear, under its context alone."""
    answer = members(kms.generate_data_key_pair(KeyId=id_of(key), KeyPairSpec=spec, EncryptionContext=CONTEXT))
    blob, private_key = answer.pop("PrivateKeyCiphertextBlob"), answer.pop("PrivateKeyPlaintext")
    public_key = answer.pop("PublicKey")
    material_id = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    assert answer == {"KeyId": key, "KeyPairSpec": spec, "KeyMaterialId": material_id}
    assert independent.spec_of(public_key) == independent.spec_of(private_key) == spec
    assert fits(spec, public_key, private_key)
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)["Plaintext"] == private_key
    assert refusal(kms.decrypt, CiphertextBlob=blob) == INVALID
    assert refusal(kms.decrypt, CiphertextBlob=blob, EncryptionContext=CONTEXT | {"more": ""}) == INVALID


@pytest.mark.parametrize("spec", PAIR_SPECS)
def test_pair_without_plaintext(kms: Any, key: str, spec: str) -> None:
    """The private key comes sealed only, and fits the public key once it is opened."""
    request = {"KeyId": key, "KeyPairSpec": spec, "EncryptionContext": CONTEXT}
    answer = members(kms.generate_data_key_pair_without_plaintext(**request))
    assert set(answer) == {"PrivateKeyCiphertextBlob", "PublicKey", "KeyId", "KeyPairSpec", "KeyMaterialId"}
    assert (answer["KeyId"], answer["KeyPairSpec"]) == (key, spec)
    blob = answer["PrivateKeyCiphertextBlob"]
    private_key = kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)["Plaintext"]
    assert independent.public_der(independent.load(private_key)) == answer["PublicKey"]
    assert refusal(kms.decrypt, CiphertextBlob=blob) == INVALID


def test_ml_kem_private_keys_are_seeds(kms: Any, key: str) -> None:
    """ML-KEM's private keys are in seed form, of the same length for every spec (RFC 9935, section 6)."""
    made = [kms.generate_data_key_pair(KeyId=key, KeyPairSpec=spec)["PrivateKeyPlaintext"] for spec in ML_KEM]
    assert {len(independent.load(private_key).seed) for private_key in made} == {64}
    assert {len(private_key) for private_key in made} == {86}


def test_rsa_pairs_have_the_usual_exponent(kms: Any, key: str) -> None:
    """The public exponent is 65537."""
    public_key = kms.generate_data_key_pair_without_plaintext(KeyId=key, KeyPairSpec="RSA_2048")["PublicKey"]
    assert independent.load(public_key).e == 65537


@pytest.mark.parametrize("operation", ["GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"])
@pytest.mark.parametrize("spec", [spec for spec in PAIR_SPECS if not spec.startswith("RSA")])
def test_no_two_pairs_are_the_same(kms: Any, key: str, operation: str, spec: str) -> None:
    """Each call makes a new pair."""
    made = {ask(kms, operation, {"KeyId": key, "KeyPairSpec": spec})["PublicKey"] for _ in range(3)}
    assert len(made) == 3


def test_a_sealed_private_key_can_be_re_encrypted(kms: Any, key: str) -> None:
    """The private key of a pair moves to another context as every plaintext does."""
    blob = kms.generate_data_key_pair_without_plaintext(KeyId=key, KeyPairSpec="RSA_2048")["PrivateKeyCiphertextBlob"]
    request = {"CiphertextBlob": blob, "DestinationKeyId": key, "DestinationEncryptionContext": CONTEXT}
    moved = kms.re_encrypt(**request)["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=moved, EncryptionContext=CONTEXT)["Plaintext"]
    assert opened == kms.decrypt(CiphertextBlob=blob)["Plaintext"]
    assert independent.spec_of(opened) == "RSA_2048"
