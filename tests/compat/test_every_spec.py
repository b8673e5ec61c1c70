"""Every key spec, usage, algorithm and message type of AWS's model through the API.

What a key makes, a second implementation checks, and the other way round; what does not go together is refused. The
cases come from the enums of AWS's model, so that a new value turns this file red until it is decided.
"""

from typing import Any

import pytest

from tests.compat import independent
from tests.compat.calls import Refusal, ask_refused, members, post, refusal
from tests.compat.specs import (
    ALGORITHM_MEMBERS,
    KINDS,
    MESSAGE_TYPES,
    OLD_NAMES,
    UNSUPPORTED,
    UNSUPPORTED_ALGORITHMS,
    USAGES,
    Keys,
    all_algorithms,
    enum,
    has_public_key,
    with_usage,
)
from tests.support import Server

MESSAGE = b"a message for every algorithm"
REGIONS = ("us-east-1", "cn-north-1")
SECRET_BYTES = {"ECC_NIST_P256": 32, "ECC_NIST_P384": 48, "ECC_NIST_P521": 66}
ENCAPSULATED_BYTES = {"ML_KEM_768": 1088, "ML_KEM_1024": 1568}
SIGNATURE_BYTES = {
    "RSA_2048": 256, "RSA_3072": 384, "RSA_4096": 512, "ECC_NIST_EDWARDS25519": 64,
    "ML_DSA_44": 2420, "ML_DSA_65": 3309, "ML_DSA_87": 4627,
}  # fmt: skip


def test_every_value_of_the_model_is_decided() -> None:
    """No spec, usage, algorithm or message type of AWS's model is left out of the tables, and none is made up."""
    assert {*USAGES} | UNSUPPORTED == {*enum("KeySpec")}
    assert {usage for usages in USAGES.values() for usage in usages} == {*enum("KeyUsageType")}
    assert {*MESSAGE_TYPES} == {*enum("SigningAlgorithmSpec")}
    assert {kind for kinds in MESSAGE_TYPES.values() for kind in kinds} == {*enum("MessageType")}
    for usage in ALGORITHM_MEMBERS:
        used = {name for usages in USAGES.values() for name in usages.get(usage, ())}
        assert used == {*all_algorithms(usage)} - UNSUPPORTED_ALGORITHMS
        assert not used & UNSUPPORTED_ALGORITHMS


# --- CreateKey, DescribeKey, GetPublicKey ---


@pytest.mark.parametrize(("spec", "usage"), KINDS)
def test_a_key_says_what_it_can_do(kms: Any, keys: Keys, spec: str, usage: str) -> None:
    """A key of every spec and usage is made, and lists its algorithms in the one member of its usage."""
    metadata = kms.describe_key(KeyId=keys(spec, usage))["KeyMetadata"]
    assert (metadata["KeySpec"], metadata["KeyUsage"], metadata["KeyState"]) == (spec, usage, "Enabled")
    assert metadata.get("CustomerMasterKeySpec") == (spec if spec in OLD_NAMES else None)
    assert ("CurrentKeyMaterialId" in metadata) == (spec == "SYMMETRIC_DEFAULT")
    listed = {member: metadata[member] for member, _ in ALGORITHM_MEMBERS.values() if member in metadata}
    assert listed == {ALGORITHM_MEMBERS[usage][0]: list(USAGES[spec][usage])}


MISFITS = [(spec, usage) for spec in USAGES for usage in enum("KeyUsageType") if usage not in USAGES[spec]]


@pytest.mark.parametrize(("spec", "usage"), MISFITS)
def test_a_usage_that_the_spec_does_not_allow(kms: Any, spec: str, usage: str) -> None:
    """A key that could not be used is not made."""
    refused = refusal(kms.create_key, KeySpec=spec, KeyUsage=usage)
    assert refused == Refusal("ValidationException", f"KeyUsage {usage} is not compatible with KeySpec {spec}")


@pytest.mark.parametrize("spec", [spec for spec in USAGES if spec != "SYMMETRIC_DEFAULT"])
def test_only_a_symmetric_key_has_a_usage_by_itself(kms: Any, spec: str) -> None:
    """KeyUsage must be stated for every other spec, even where there is but one."""
    assert refusal(kms.create_key, KeySpec=spec).code == "ValidationException"


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("spec", sorted(UNSUPPORTED))
def test_specs_without_a_trusted_library(server: Server, spec: str, region: str) -> None:
    """SM2 and ML_KEM_512 keys and key pairs are refused in every Region, whatever the usage; nothing is made."""
    kms = server.client(region)
    for usage in enum("KeyUsageType"):
        assert refusal(kms.create_key, KeySpec=spec, KeyUsage=usage).code == "UnsupportedOperationException"
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    for call in (kms.generate_data_key_pair, kms.generate_data_key_pair_without_plaintext):
        assert refusal(call, KeyId=key, KeyPairSpec=spec).code == "UnsupportedOperationException"


@pytest.mark.parametrize("spec", sorted(ENCAPSULATED_BYTES))
def test_there_is_no_ml_kem_in_china(server: Server, spec: str) -> None:
    """AWS has no ML-KEM in its China Regions, neither as keys nor as key pairs; other specs are there."""
    kms = server.client("cn-north-1")
    wanted = {"KeySpec": spec, "KeyUsage": "ENCAPSULATE_DECAPSULATE"}
    assert refusal(kms.create_key, **wanted).code == "UnsupportedOperationException"
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    for call in (kms.generate_data_key_pair, kms.generate_data_key_pair_without_plaintext):
        assert refusal(call, KeyId=key, KeyPairSpec=spec).code == "UnsupportedOperationException"
    assert kms.create_key(KeySpec="ML_DSA_65", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"].startswith("arn:aws-cn:")


@pytest.mark.parametrize(("spec", "usage"), [kind for kind in KINDS if has_public_key(kind[0])])
def test_public_key(kms: Any, keys: Keys, spec: str, usage: str) -> None:
    """GetPublicKey has exactly AWS's members; a second parser reads a key of the spec in it, the same each time."""
    answer = members(kms.get_public_key(KeyId=keys(spec, usage)))
    der = answer.pop("PublicKey")
    assert answer == {
        "KeyId": keys(spec, usage),
        "KeySpec": spec,
        "KeyUsage": usage,
        ALGORITHM_MEMBERS[usage][0]: list(USAGES[spec][usage]),
    } | ({"CustomerMasterKeySpec": spec} if spec in OLD_NAMES else {})
    assert independent.spec_of(der) == spec
    assert not independent.load(der).has_private()
    assert keys.public(spec, usage) == der


@pytest.mark.parametrize("spec", [spec for spec in USAGES if not has_public_key(spec)])
def test_keys_without_a_public_key(kms: Any, keys: Keys, spec: str) -> None:
    """GetPublicKey of a symmetric or HMAC key is UnsupportedOperationException."""
    (usage,) = USAGES[spec]
    assert refusal(kms.get_public_key, KeyId=keys(spec, usage)).code == "UnsupportedOperationException"


# --- usages ---

# Operation: the usage that it needs, and a request without its KeyId; the algorithm is one of the usage.
USES: dict[str, tuple[str, dict[str, Any]]] = {
    "Encrypt": ("ENCRYPT_DECRYPT", {"Plaintext": MESSAGE, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}),
    "Decrypt": ("ENCRYPT_DECRYPT", {"CiphertextBlob": MESSAGE, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}),
    "Sign": ("SIGN_VERIFY", {"Message": MESSAGE, "SigningAlgorithm": "ECDSA_SHA_256"}),
    "Verify": ("SIGN_VERIFY", {"Message": MESSAGE, "SigningAlgorithm": "ECDSA_SHA_256", "Signature": MESSAGE}),
    "GenerateMac": ("GENERATE_VERIFY_MAC", {"Message": MESSAGE, "MacAlgorithm": "HMAC_SHA_256"}),
    "VerifyMac": ("GENERATE_VERIFY_MAC", {"Message": MESSAGE, "MacAlgorithm": "HMAC_SHA_256", "Mac": MESSAGE}),
    "DeriveSharedSecret": ("KEY_AGREEMENT", {"KeyAgreementAlgorithm": "ECDH", "PublicKey": MESSAGE}),
    "Encapsulate": ("ENCAPSULATE_DECAPSULATE", {"EncapsulationAlgorithm": "ML_KEM"}),
    "Decapsulate": (
        "ENCAPSULATE_DECAPSULATE",
        {"EncapsulationAlgorithm": "ML_KEM", "SharedSecretCiphertextBlob": MESSAGE},
    ),
}
SYMMETRIC_ONLY: dict[str, dict[str, Any]] = {
    "GenerateDataKey": {"KeySpec": "AES_256"},
    "GenerateDataKeyWithoutPlaintext": {"KeySpec": "AES_256"},
    "GenerateDataKeyPair": {"KeyPairSpec": "ECC_NIST_P256"},
    "GenerateDataKeyPairWithoutPlaintext": {"KeyPairSpec": "ECC_NIST_P256"},
}


@pytest.mark.parametrize(("spec", "usage"), KINDS)
def test_operations_of_other_usages(kms: Any, keys: Keys, spec: str, usage: str) -> None:
    """A key serves the operations of its own usage alone, and only a symmetric key makes data keys."""
    key = keys(spec, usage)
    misuses = {name: request for name, (needed, request) in USES.items() if needed != usage}
    if spec != "SYMMETRIC_DEFAULT":
        misuses |= SYMMETRIC_ONLY
    for name, request in misuses.items():
        assert ask_refused(kms, name, request | {"KeyId": key}).code == "InvalidKeyUsageException", name


@pytest.mark.parametrize(("spec", "usage"), [kind for kind in KINDS if kind[1] != "ENCRYPT_DECRYPT"])
def test_re_encryption_with_keys_of_other_usages(kms: Any, keys: Keys, spec: str, usage: str) -> None:
    """Neither source nor destination of ReEncrypt can be a key of another usage."""
    fine = keys("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    blob = kms.encrypt(KeyId=fine, Plaintext=b"x")["CiphertextBlob"]
    refused = refusal(kms.re_encrypt, CiphertextBlob=blob, DestinationKeyId=keys(spec, usage))
    assert refused.code == "InvalidKeyUsageException"
    source = {"SourceKeyId": keys(spec, usage), "SourceEncryptionAlgorithm": "RSAES_OAEP_SHA_1"}
    refused = refusal(kms.re_encrypt, CiphertextBlob=b"x", DestinationKeyId=fine, **source)
    assert refused.code == "InvalidKeyUsageException"


# --- Sign, Verify ---


def sent(public_key: bytes, algorithm: str, message_type: str) -> bytes:
    """What is sent of MESSAGE for a message type."""
    if message_type == "EXTERNAL_MU":
        return independent.mu(public_key, MESSAGE)
    return independent.digest(algorithm, MESSAGE) if message_type == "DIGEST" else MESSAGE


FITTING = [
    (spec, algorithm, message_type)
    for spec in with_usage("SIGN_VERIFY")
    for algorithm in USAGES[spec]["SIGN_VERIFY"]
    for message_type in MESSAGE_TYPES[algorithm]
]


@pytest.mark.parametrize(("spec", "algorithm", "message_type"), FITTING)
def test_signature(kms: Any, keys: Keys, spec: str, algorithm: str, message_type: str) -> None:
    """A signature of every algorithm and message type verifies here and in a second implementation."""
    key, public_key = keys(spec, "SIGN_VERIFY"), keys.public(spec, "SIGN_VERIFY")
    message = sent(public_key, algorithm, message_type)
    request = {"KeyId": key, "SigningAlgorithm": algorithm, "Message": message, "MessageType": message_type}
    answer = members(kms.sign(**request))
    signature = answer.pop("Signature")
    assert answer == {"KeyId": key, "SigningAlgorithm": algorithm}
    assert len(signature) == SIGNATURE_BYTES.get(spec, len(signature))
    # KMS hashes the digest of Ed25519ph again: to a second implementation it is the message (AWS KMS Developer Guide).
    signed = message if algorithm == "ED25519_PH_SHA_512" else MESSAGE
    assert independent.verifies(public_key, algorithm, signed, signature)
    assert members(kms.verify(**request, Signature=signature)) == answer | {"SignatureValid": True}
    for other in MESSAGE_TYPES[algorithm]:
        again = request | {"Message": sent(public_key, algorithm, other), "MessageType": other}
        assert kms.verify(**again, Signature=signature)["SignatureValid"] is True
    altered = request | {"Message": message[:-1] + bytes([message[-1] ^ 1])}
    assert refusal(kms.verify, **altered, Signature=signature) == Refusal("KMSInvalidSignatureException", "")


@pytest.mark.parametrize("algorithm", enum("SigningAlgorithmSpec"))
@pytest.mark.parametrize("spec", with_usage("SIGN_VERIFY"))
def test_signing_that_does_not_fit(kms: Any, keys: Keys, spec: str, algorithm: str) -> None:
    """A foreign algorithm is InvalidKeyUsageException; a message type that the algorithm lacks ValidationException."""
    key = keys(spec, "SIGN_VERIFY")
    fits = algorithm in USAGES[spec]["SIGN_VERIFY"]
    for message_type in enum("MessageType"):
        types = MESSAGE_TYPES[algorithm]
        if message_type in types and fits:
            continue
        request = {
            "KeyId": key,
            "SigningAlgorithm": algorithm,
            "MessageType": message_type,
            "Message": bytes(types.get(message_type) or 64),
        }
        expected = "InvalidKeyUsageException" if message_type in types else "ValidationException"
        assert refusal(kms.sign, **request).code == expected
        assert refusal(kms.verify, **request, Signature=b"x").code == expected


SIZED = [
    (algorithm, message_type, size)
    for algorithm, types in MESSAGE_TYPES.items()
    for message_type, size in types.items()
    if size and algorithm not in UNSUPPORTED_ALGORITHMS
]


@pytest.mark.parametrize(("algorithm", "message_type", "size"), SIZED)
def test_digests_of_other_lengths(kms: Any, keys: Keys, algorithm: str, message_type: str, size: int) -> None:
    """A digest, or mu, that is not as long as the algorithm's is ValidationException."""
    spec = next(spec for spec in with_usage("SIGN_VERIFY") if algorithm in USAGES[spec]["SIGN_VERIFY"])
    request = {"KeyId": keys(spec, "SIGN_VERIFY"), "SigningAlgorithm": algorithm, "MessageType": message_type}
    for length in {1, 20, 28, 32, 48, 64, size - 1, size + 1, 4096} - {size}:
        assert refusal(kms.sign, **request, Message=bytes(length)).code == "ValidationException"
        assert refusal(kms.verify, **request, Message=bytes(length), Signature=b"x").code == "ValidationException"


# --- Encrypt, Decrypt ---

ENCRYPTING = [
    (spec, algorithm) for spec in with_usage("ENCRYPT_DECRYPT") for algorithm in all_algorithms("ENCRYPT_DECRYPT")
]


@pytest.mark.parametrize(("spec", "algorithm"), ENCRYPTING)
def test_encryption(kms: Any, keys: Keys, spec: str, algorithm: str) -> None:
    """What was encrypted comes back; what a second implementation encrypted to the public key does, too."""
    key = keys(spec, "ENCRYPT_DECRYPT")
    request = {"KeyId": key, "EncryptionAlgorithm": algorithm}
    if algorithm not in USAGES[spec]["ENCRYPT_DECRYPT"]:
        misfit = Refusal("InvalidKeyUsageException", f"Algorithm {algorithm} is incompatible with key spec {spec}.")
        assert refusal(kms.encrypt, **request, Plaintext=MESSAGE) == misfit
        assert refusal(kms.decrypt, **request, CiphertextBlob=MESSAGE) == misfit
        return
    sealed = members(kms.encrypt(**request, Plaintext=MESSAGE))
    blobs = [sealed.pop("CiphertextBlob")]
    assert sealed == request
    if has_public_key(spec):
        assert len(blobs[0]) == int(spec[-4:]) // 8
        blobs.append(independent.encrypt(keys.public(spec, "ENCRYPT_DECRYPT"), algorithm, MESSAGE))
    for blob in blobs:
        opened = members(kms.decrypt(**request, CiphertextBlob=blob))
        assert ("KeyMaterialId" in opened) == (spec == "SYMMETRIC_DEFAULT")
        assert opened.items() >= (request | {"Plaintext": MESSAGE}).items()


# --- GenerateMac, VerifyMac; test_macs.py has the second implementation ---


@pytest.mark.parametrize("algorithm", enum("MacAlgorithmSpec"))
@pytest.mark.parametrize("spec", with_usage("GENERATE_VERIFY_MAC"))
def test_mac(kms: Any, keys: Keys, spec: str, algorithm: str) -> None:
    """A MAC is as long as its hash and verifies; an HMAC key knows the algorithm of its own size alone."""
    request = {"KeyId": keys(spec, "GENERATE_VERIFY_MAC"), "MacAlgorithm": algorithm}
    if algorithm not in USAGES[spec]["GENERATE_VERIFY_MAC"]:
        misfit = Refusal("InvalidKeyUsageException", f"Algorithm {algorithm} is incompatible with key spec {spec}.")
        assert refusal(kms.generate_mac, **request, Message=MESSAGE) == misfit
        assert refusal(kms.verify_mac, **request, Message=MESSAGE, Mac=b"x") == misfit
        return
    answer = members(kms.generate_mac(**request, Message=MESSAGE))
    mac = answer.pop("Mac")
    assert (answer, len(mac)) == (request, int(spec[-3:]) // 8)
    assert members(kms.verify_mac(**request, Message=MESSAGE, Mac=mac)) == request | {"MacValid": True}


# --- DeriveSharedSecret ---


@pytest.mark.parametrize("spec", with_usage("KEY_AGREEMENT"))
def test_key_agreement(kms: Any, keys: Keys, spec: str) -> None:
    """Both sides of an agreement have the same secret, ours and that of a second implementation."""
    key = keys(spec, "KEY_AGREEMENT")
    peer = independent.new_private_key(spec)
    answer = members(
        kms.derive_shared_secret(KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=independent.public_der(peer))
    )
    secret = answer.pop("SharedSecret")
    assert answer == {"KeyId": key, "KeyAgreementAlgorithm": "ECDH", "KeyOrigin": "AWS_KMS"}
    assert len(secret) == SECRET_BYTES[spec]
    assert secret == independent.agree(peer, keys.public(spec, "KEY_AGREEMENT"))


# --- Encapsulate, Decapsulate ---


@pytest.mark.parametrize("spec", with_usage("ENCAPSULATE_DECAPSULATE"))
def test_encapsulation(kms: Any, keys: Keys, spec: str) -> None:
    """What was encapsulated here, or by a second implementation to the public key, gives the same secret here."""
    request = {"KeyId": keys(spec, "ENCAPSULATE_DECAPSULATE"), "EncapsulationAlgorithm": "ML_KEM"}
    answer = members(kms.encapsulate(**request))
    pairs = [(answer.pop("SharedSecret"), answer.pop("SharedSecretCiphertextBlob"))]
    assert answer == request
    pairs.append(independent.encapsulate(keys.public(spec, "ENCAPSULATE_DECAPSULATE")))
    for secret, blob in pairs:
        assert (len(secret), len(blob)) == (32, ENCAPSULATED_BYTES[spec])
        opened = members(kms.decapsulate(**request, SharedSecretCiphertextBlob=blob))
        assert opened == request | {"SharedSecret": secret}


# --- values that are in no enum ---

UNKNOWN: dict[str, dict[str, Any]] = {
    "CreateKey": {"KeySpec": "RSA_1024", "KeyUsage": "SIGN_VERIFY"},
    "Sign": {"Message": "eA==", "SigningAlgorithm": "RSASSA_PSS_SHA_1"},
    "Verify": {"Message": "eA==", "Signature": "eA==", "SigningAlgorithm": "ECDSA_SHA_1"},
    "Encrypt": {"Plaintext": "eA==", "EncryptionAlgorithm": "RSAES_PKCS1_V1_5"},
    "GenerateMac": {"Message": "eA==", "MacAlgorithm": "HMAC_SHA_1"},
    "VerifyMac": {"Message": "eA==", "Mac": "eA==", "MacAlgorithm": "HMAC_MD5"},
    "DeriveSharedSecret": {"PublicKey": "eA==", "KeyAgreementAlgorithm": "X25519"},
    "Encapsulate": {"EncapsulationAlgorithm": "KYBER"},
    "GenerateDataKeyPair": {"KeyPairSpec": "ML_DSA_65"},
}


@pytest.mark.parametrize("operation", UNKNOWN)
def test_values_that_are_in_no_enum(server: Server, keys: Keys, operation: str) -> None:
    """A name that AWS's model does not have is ValidationException, and the answer lists the names that it has."""
    key = {} if operation == "CreateKey" else {"KeyId": keys("ECC_NIST_P256", "SIGN_VERIFY")}
    answer = post(server, operation, UNKNOWN[operation] | key)
    assert (answer.status, answer.fault) == (400, "ValidationException")
    assert b"Member must satisfy enum value set: [" in answer.body
