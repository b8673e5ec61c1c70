"""NIST's vectors: CAVP for RSA and ECDSA (FIPS 186-3), ACVP for ML-DSA (FIPS 204)."""

from typing import Any

import pytest
from Crypto.Hash import SHAKE256
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from strongroom.crypto import private_keys, signatures
from strongroom.crypto.private_keys import KeyPair
from strongroom.model.spec import KeySpec, MessageType, SigningAlgorithm
from tests.crypto.support_keys import from_seed, pair
from tests.crypto.support_vectors import cavp, groups, public_pair, wycheproof

RAW, EXTERNAL_MU = MessageType.RAW, MessageType.EXTERNAL_MU
HASHES = {"SHA256": 32, "SHA384": 48, "SHA512": 64}
SIZES = {"mod=2048", "mod=3072"}
CURVES: dict[str, tuple[ec.EllipticCurve, SigningAlgorithm]] = {
    "P-256,SHA-256": (ec.SECP256R1(), SigningAlgorithm.ECDSA_SHA_256),
    "P-384,SHA-384": (ec.SECP384R1(), SigningAlgorithm.ECDSA_SHA_384),
    "P-521,SHA-512": (ec.SECP521R1(), SigningAlgorithm.ECDSA_SHA_512),
}
ML_DSA = SigningAlgorithm.ML_DSA_SHAKE_256


def _public(numbers: rsa.RSAPublicNumbers | ec.EllipticCurvePublicNumbers) -> KeyPair:
    return public_pair(numbers.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _judge(case: dict[str, str], key: KeyPair, algorithm: SigningAlgorithm, signature: bytes) -> bool:
    message = bytes.fromhex(case["Msg"].zfill(256))  # some have lost the zero that they begin with
    return signatures.verify(key, algorithm, RAW, message, signature)


@pytest.mark.parametrize(("scheme", "file"), [("PSS", "PKCS1-PSS/SigVerPSS"), ("PKCS1_V1_5", "PKCS1-v1.5/SigVer15")])
def test_rsa_verification(scheme: str, file: str) -> None:
    """RSA signatures are judged as NIST judges them, but that a PSS salt must be as long as the hash."""
    answers = []
    for case in cavp(f"Signature/{file}_186-3.rsp", "Result"):
        if case["section"] not in SIZES or case["SHAAlg"] not in HASHES:
            continue
        key = _public(rsa.RSAPublicNumbers(int(case["e"], 16), int(case["n"], 16)))
        expected = case["Result"].startswith("P")
        if scheme == "PSS":
            expected = expected and len(case["SaltVal"]) == 2 * HASHES[case["SHAAlg"]]
        algorithm = SigningAlgorithm(f"RSASSA_{scheme}_SHA_{case['SHAAlg'][-3:]}")
        assert _judge(case, key, algorithm, bytes.fromhex(case["S"].zfill(len(case["n"])))) is expected
        answers.append(expected)
    assert len(answers) == 108
    assert set(answers) == {True, False}


def test_rsa_pkcs1_generation() -> None:
    """The PKCS #1 v1.5 signatures that NIST publishes come out, byte for byte."""
    keys: dict[str, KeyPair] = {}
    count = 0
    for case in cavp("Signature/PKCS1-v1.5/SigGen15_186-3.txt", "S"):
        if case["section"] not in SIZES or case["SHAAlg"] not in HASHES:
            continue
        if case["n"] not in keys:
            n, e, d = (int(case[name], 16) for name in "ned")
            p, q = rsa.rsa_recover_prime_factors(n, e, d)
            parts = (p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q))
            private = rsa.RSAPrivateNumbers(*parts, rsa.RSAPublicNumbers(e, n)).private_key()
            pkcs8 = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
            keys[case["n"]] = private_keys.load(KeySpec(f"RSA_{case['section'][4:]}"), pkcs8)
        algorithm = SigningAlgorithm(f"RSASSA_PKCS1_V1_5_SHA_{case['SHAAlg'][-3:]}")
        assert signatures.sign(keys[case["n"]], algorithm, RAW, bytes.fromhex(case["Msg"])).hex() == case["S"]
        count += 1
    assert count == 60


def test_ecdsa_verification() -> None:
    """ECDSA signatures are judged as NIST judges them."""
    answers = []
    for case in cavp("Signature/ECDSA/SigVer.rsp", "Result"):
        if case["section"] in CURVES:
            curve, algorithm = CURVES[case["section"]]
            key = _public(ec.EllipticCurvePublicNumbers(int(case["Qx"], 16), int(case["Qy"], 16), curve))
            signature = encode_dss_signature(int(case["R"], 16), int(case["S"], 16))
            expected = case["Result"].startswith("P")
            assert _judge(case, key, algorithm, signature) is expected
            answers.append(expected)
    assert len(answers) == 45
    assert set(answers) == {True, False}


def _spki(spec: KeySpec, public: bytes) -> bytes:
    """The SubjectPublicKeyInfo of an ML-DSA public key: the head of another key's, and the key."""
    return pair(spec).spki[: -len(public)] + public


def _acvp(file: str) -> list[tuple[KeySpec, dict[str, Any], dict[str, Any]]]:
    return [
        (KeySpec(group["parameterSet"].replace("-", "_")), group, test)
        for group, test in wycheproof(f"PublicKey/MLDSA/ML-DSA-{file}-FIPS204.json")
    ]


def test_ml_dsa_key_generation() -> None:
    """Seeds give the public keys that NIST publishes."""
    count = 0
    for spec, _, test in _acvp("keyGen"):
        key = from_seed(spec, bytes.fromhex(test["seed"]))
        assert key.spki.endswith(bytes.fromhex(test["pk"]))
        count += 1
    assert count == 9


@pytest.mark.parametrize("file", ["sigGen", "sigVer"])
def test_ml_dsa_verification(file: str) -> None:
    """Signatures are judged as NIST judges them, over mu; over a message that has a context too they are bad.

    Tests of the internal interface give the bytes that come after tr in the input of mu (FIPS 204, algorithm 7).
    """
    answers = []
    for spec, group, test in _acvp(file):
        public = bytes.fromhex(test["pk"])
        key = public_pair(_spki(spec, public))
        signature = bytes.fromhex(test["signature"])
        if group["externalMu"]:
            mu = bytes.fromhex(test["mu"])
        else:
            message, context = bytes.fromhex(test["message"]), bytes.fromhex(test.get("context", ""))
            head = bytes([0, len(context)]) + context if group["signatureInterface"] == "external" else b""
            mu = SHAKE256.new(SHAKE256.new(public).read(64) + head + message).read(64)
            assert not signatures.verify(key, ML_DSA, RAW, message, signature)
        answer = signatures.verify(key, ML_DSA, EXTERNAL_MU, mu, signature)
        assert answer is test.get("testPassed", True)
        answers.append(answer)
    assert len(answers) == sum(len(group["tests"]) for group in groups(f"PublicKey/MLDSA/ML-DSA-{file}-FIPS204.json"))
    assert set(answers) == ({True} if file == "sigGen" else {True, False})
