"""Wycheproof's signatures: the good ones verify, the bad ones do not, and none raises."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import mldsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from strongroom.crypto import private_keys, signatures
from strongroom.crypto.private_keys import KeyPair
from strongroom.model.spec import KeySpec, MessageType, SigningAlgorithm
from tests.crypto.support_keys import from_seed
from tests.crypto.support_vectors import groups, public_pair, wycheproof

FOLDER = "Signature/wycheproof"
RAW, EXTERNAL_MU = MessageType.RAW, MessageType.EXTERNAL_MU
ML_DSA = SigningAlgorithm.ML_DSA_SHAKE_256

# File -> algorithm. The salts of these PSS files are as long as their hashes, and MGF1 has the same hash.
FILES = {
    **{f"rsa_signature_{n}_sha{h}": f"RSASSA_PKCS1_V1_5_SHA_{h}" for n in (2048, 3072, 4096) for h in (256, 384, 512)},
    "rsa_pss_2048_sha256_mgf1_32": "RSASSA_PSS_SHA_256",
    "rsa_pss_2048_sha384_mgf1_48": "RSASSA_PSS_SHA_384",
    "rsa_pss_3072_sha256_mgf1_32": "RSASSA_PSS_SHA_256",
    "rsa_pss_4096_sha256_mgf1_32": "RSASSA_PSS_SHA_256",
    "rsa_pss_4096_sha384_mgf1_48": "RSASSA_PSS_SHA_384",
    "rsa_pss_4096_sha512_mgf1_64": "RSASSA_PSS_SHA_512",
    "ecdsa_secp256r1_sha256": "ECDSA_SHA_256",
    "ecdsa_secp384r1_sha384": "ECDSA_SHA_384",
    "ecdsa_secp521r1_sha512": "ECDSA_SHA_512",
    "ecdsa_secp256k1_sha256": "ECDSA_SHA_256",
    "ed25519": "ED25519_SHA_512",
}
# Files of PSS signatures that are good, but whose salt or MGF1 is not that of an AWS KMS algorithm.
OTHER_PSS = {
    "rsa_pss_2048_sha256_mgf1_0": "RSASSA_PSS_SHA_256",
    "rsa_pss_2048_sha256_mgf1sha1_20": "RSASSA_PSS_SHA_256",
    "rsa_pss_4096_sha512_mgf1_32": "RSASSA_PSS_SHA_512",
}
GENERATED = ("rsa_pkcs1_2048_sig_gen", "rsa_pkcs1_3072_sig_gen", "rsa_pkcs1_4096_sig_gen")


def _verifies(key: KeyPair, algorithm: str, test: dict[str, Any]) -> bool:
    message, signature = bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])
    return signatures.verify(key, SigningAlgorithm(algorithm), RAW, message, signature)


@pytest.mark.parametrize("file", FILES)
def test_good_and_bad(file: str) -> None:
    """Every signature of a file is judged as Wycheproof judges it."""
    # "Acceptable" is what some verifiers take: RSA with no NULL after the hash, Ed25519 under a key of small order.
    judged = {"valid": 0, "invalid": 0, "acceptable": 0}
    wrong = []
    for group in groups(f"{FOLDER}/{file}_test.json"):
        key = public_pair(bytes.fromhex(group["publicKeyDer"]))
        for test in group["tests"]:
            judged[test["result"]] += 1
            answer = _verifies(key, FILES[file], test)
            if test["result"] != "acceptable" and answer is not (test["result"] == "valid"):
                wrong.append((test["tcId"], test["comment"], answer))
    assert wrong == []
    assert judged["valid"] > 0
    assert judged["invalid"] > 0


@pytest.mark.parametrize("file", OTHER_PSS)
def test_other_pss_parameters(file: str) -> None:
    """A PSS signature with another salt length or another MGF1 hash does not verify."""
    for group in groups(f"{FOLDER}/{file}_test.json"):
        key = public_pair(bytes.fromhex(group["publicKeyDer"]))
        good = [test for test in group["tests"] if test["result"] == "valid"]
        assert good
        assert not any(_verifies(key, OTHER_PSS[file], test) for test in good)


def test_many_pss_parameters() -> None:
    """Of all mixtures of hash, MGF1 hash and salt length, those of the AWS KMS algorithms verify, and no other."""
    names = {"SHA-256": 32, "SHA-384": 48, "SHA-512": 64}
    found = 0
    for group, test in wycheproof(f"{FOLDER}/rsa_pss_misc_test.json"):
        if group["sha"] in names:
            ours = group["mgfSha"] == group["sha"] and group["sLen"] == names[group["sha"]]
            key = public_pair(bytes.fromhex(group["publicKeyDer"]))
            assert _verifies(key, f"RSASSA_PSS_SHA_{group['sha'][-3:]}", test) is ours
            found += ours
    assert found == 3


@pytest.mark.parametrize("file", GENERATED)
def test_pkcs1_is_signed_as_published(file: str) -> None:
    """PKCS #1 v1.5 has no randomness: we write the very signatures of the file."""
    count = 0
    for group, test in wycheproof(f"{FOLDER}/{file}_test.json"):
        if group["sha"] in {"SHA-256", "SHA-384", "SHA-512"}:
            key = private_keys.load(KeySpec(f"RSA_{group['keySize']}"), bytes.fromhex(group["privateKeyPkcs8"]))
            algorithm = SigningAlgorithm(f"RSASSA_PKCS1_V1_5_SHA_{group['sha'][-3:]}")
            assert signatures.sign(key, algorithm, RAW, bytes.fromhex(test["msg"])).hex() == test["sig"]
            count += 1
    assert count > 0


PUBLIC: dict[KeySpec, Any] = {
    KeySpec.ML_DSA_44: mldsa.MLDSA44PublicKey,
    KeySpec.ML_DSA_65: mldsa.MLDSA65PublicKey,
    KeySpec.ML_DSA_87: mldsa.MLDSA87PublicKey,
}


@pytest.mark.parametrize("spec", PUBLIC)
def test_ml_dsa(spec: KeySpec) -> None:
    """Good signatures with an empty context verify; those that are bad or have a context do not."""
    wrong, answers = [], set()
    for group, test in wycheproof(f"{FOLDER}/{spec.lower().replace('ml_dsa', 'mldsa')}_verify_test.json"):
        if "IncorrectPublicKeyLength" in test["flags"]:
            continue  # no public key but that of a private key of ours ever comes here
        public = PUBLIC[spec].from_public_bytes(bytes.fromhex(group["publicKey"]))
        key = public_pair(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
        answer = _verifies(key, ML_DSA, test)
        answers.add(answer)
        if answer is not (test["result"] == "valid" and test.get("ctx", "") == ""):
            wrong.append((test["tcId"], test["comment"], answer))
    assert wrong == []
    assert answers == {True, False}


@pytest.mark.parametrize("spec", PUBLIC)
def test_ml_dsa_seeds(spec: KeySpec) -> None:
    """A seed gives the published public key, under which the published signatures verify, over message and over mu."""
    counts = {RAW: 0, EXTERNAL_MU: 0}
    for group, test in wycheproof(f"{FOLDER}/{spec.lower().replace('ml_dsa', 'mldsa')}_sign_seed_test.json"):
        if test["result"] != "valid":
            continue
        key = from_seed(spec, bytes.fromhex(group["privateSeed"]))
        assert key.spki.endswith(bytes.fromhex(group["publicKey"]))
        signature = bytes.fromhex(test["sig"])
        if "msg" in test:
            expected = test.get("ctx", "") == ""
            assert signatures.verify(key, ML_DSA, RAW, bytes.fromhex(test["msg"]), signature) is expected
            counts[RAW] += 1
        assert signatures.verify(key, ML_DSA, EXTERNAL_MU, bytes.fromhex(test["mu"]), signature)
        counts[EXTERNAL_MU] += 1
    assert all(counts.values())
