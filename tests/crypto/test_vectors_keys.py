"""Wycheproof's vectors for what takes a private key: OAEP, ECDH and ML-KEM."""

import pytest

from strongroom.crypto import agreement, kem, oaep, private_keys
from strongroom.crypto.errors import DecryptionError, InvalidKeyError, InvalidPublicKeyError
from strongroom.model.spec import EncryptionAlgorithm, KeySpec
from tests.crypto.support_keys import from_seed, other_key
from tests.crypto.support_vectors import der, groups, wycheproof

ALGORITHMS = {
    "SHA-1": EncryptionAlgorithm.RSAES_OAEP_SHA_1,
    "SHA-256": EncryptionAlgorithm.RSAES_OAEP_SHA_256,
}
SIZES = {2048, 3072, 4096}
OAEP = (
    "rsa_oaep_2048_sha1_mgf1sha1",
    "rsa_oaep_2048_sha256_mgf1sha1",
    "rsa_oaep_2048_sha256_mgf1sha256",
    "rsa_oaep_3072_sha256_mgf1sha1",
    "rsa_oaep_3072_sha256_mgf1sha256",
    "rsa_oaep_4096_sha256_mgf1sha1",
    "rsa_oaep_4096_sha256_mgf1sha256",
    "rsa_oaep_misc",
)
CURVES = {
    "secp256r1": KeySpec.ECC_NIST_P256,
    "secp384r1": KeySpec.ECC_NIST_P384,
    "secp521r1": KeySpec.ECC_NIST_P521,
}
ML_KEM = {KeySpec.ML_KEM_768: "mlkem_768", KeySpec.ML_KEM_1024: "mlkem_1024"}
# DER of RFC 9935 around a seed: OneAsymmetricKey, the parameter set, and the seed as [0].
ML_KEM_OIDS = {KeySpec.ML_KEM_768: "608648016503040402", KeySpec.ML_KEM_1024: "608648016503040403"}


@pytest.mark.parametrize("file", OAEP)
def test_oaep(file: str) -> None:
    """What is good, with an empty label and one hash, decrypts to its plaintext; all else is refused alike."""
    count, opened, wrong = 0, 0, []
    for group in groups(f"Cipher/wycheproof/{file}_test.json"):
        if group["sha"] not in ALGORITHMS or group["keySize"] not in SIZES:
            continue
        key = private_keys.load(KeySpec(f"RSA_{group['keySize']}"), bytes.fromhex(group["privateKeyPkcs8"]))
        for test in group["tests"]:
            count += 1
            good = test["result"] == "valid" and test["label"] == "" and group["mgfSha"] == group["sha"]
            try:
                answer = oaep.decrypt(key, ALGORITHMS[group["sha"]], bytes.fromhex(test["ct"]))
            except DecryptionError:
                answer = None
            if answer != (bytes.fromhex(test["msg"]) if good else None):
                wrong.append((test["tcId"], test["comment"]))
            opened += good
    assert wrong == []
    assert count > opened
    assert (opened > 0) is not file.endswith("256_mgf1sha1")


@pytest.mark.parametrize("curve", CURVES)
def test_ecdh(curve: str) -> None:
    """A good peer gives its secret. One on another curve, off the curve or written in another way is refused."""
    answers = {"valid": 0, "invalid": 0, "acceptable": 0}
    wrong = []
    for _, test in wycheproof(f"Protocol/wycheproof/ecdh_{curve}_pem_test.json"):
        key = private_keys.load(CURVES[curve], der(test["private"]))
        try:
            answer = agreement.agree(key, der(test["public"])).hex()
        except InvalidPublicKeyError:
            answer = "refused"
        answers[test["result"]] += 1
        # "Acceptable" are compressed points, explicit parameters and BER: encodings that we do not take.
        if answer != (test["shared"] if test["result"] == "valid" else "refused"):
            wrong.append((test["tcId"], test["comment"], test["flags"]))
    assert wrong == []
    assert all(answers.values())


def _pkcs8(spec: KeySpec, seed: bytes) -> bytes:
    """A seed, which may have a wrong length, as a private key with all lengths right."""

    def tagged(tag: int, content: bytes) -> bytes:
        length = bytes([len(content)]) if len(content) < 0x80 else bytes([0x81, len(content)])
        return bytes([tag]) + length + content

    algorithm = tagged(0x30, tagged(0x06, bytes.fromhex(ML_KEM_OIDS[spec])))
    return tagged(0x30, b"\2\1\0" + algorithm + tagged(0x04, tagged(0x80, seed)))


@pytest.mark.parametrize("spec", ML_KEM)
def test_ml_kem(spec: KeySpec) -> None:
    """A seed gives its public key, a ciphertext its secret, a bad one its rejection; wrong lengths are refused."""
    answers = {"valid": 0, "invalid": 0}
    for _, test in wycheproof(f"Protocol/wycheproof/{ML_KEM[spec]}_test.json"):
        answers[test["result"]] += 1
        pkcs8 = _pkcs8(spec, bytes.fromhex(test["seed"]))
        if test["result"] == "valid":
            key = private_keys.load(spec, pkcs8)
            assert private_keys.to_pkcs8(key) == pkcs8
            assert key.spki.endswith(bytes.fromhex(test["ek"]))
            assert kem.decapsulate(key, bytes.fromhex(test["c"])).hex() == test["K"]
        elif len(test["seed"]) != 128:
            with pytest.raises(InvalidKeyError):
                private_keys.load(spec, pkcs8)
        else:
            key = private_keys.load(spec, pkcs8)
            with pytest.raises(DecryptionError):
                kem.decapsulate(key, bytes.fromhex(test["c"]))
    assert all(answers.values())


@pytest.mark.parametrize("spec", ML_KEM)
def test_ml_kem_keys(spec: KeySpec) -> None:
    """Seeds give the public keys that NIST and others published for them."""
    for _, test in wycheproof(f"Protocol/wycheproof/{ML_KEM[spec]}_keygen_seed_test.json"):
        key = from_seed(spec, bytes.fromhex(test["seed"]))
        assert other_key(spec, key.spki).ek.hex() == test["ek"]
