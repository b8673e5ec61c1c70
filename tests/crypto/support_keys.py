"""Keys for the tests of the primitives, and the same keys and schemes in PyCryptodome, which has no code of OpenSSL."""

from functools import cache
from typing import Any

from Crypto.Hash import SHA256, SHA384, SHA512
from Crypto.PublicKey import ECC, MLDSA, MLKEM, RSA
from Crypto.Signature import DSS, eddsa, mldsa, pkcs1_15, pss

from strongroom.crypto import private_keys
from strongroom.crypto.private_keys import KeyPair
from strongroom.model.spec import MESSAGE_BYTES, SPECS, KeySpec, KeyUsage, Kind, MessageType, SigningAlgorithm
from tests.crypto import support_vectors

ASYMMETRIC = [spec for spec, row in SPECS.items() if row.asymmetric]
SIGNING = [
    (spec, algorithm, message_type)
    for spec in ASYMMETRIC
    for algorithm in SPECS[spec].algorithms.get(KeyUsage.SIGN_VERIFY, ())
    if isinstance(algorithm, SigningAlgorithm)
    for message_type in MESSAGE_BYTES[algorithm]
]
AGREEING = [spec for spec in ASYMMETRIC if KeyUsage.KEY_AGREEMENT in SPECS[spec].algorithms]
ENCAPSULATING = [spec for spec in ASYMMETRIC if SPECS[spec].kind is Kind.ML_KEM]
ENCRYPTING = [spec for spec in ASYMMETRIC if SPECS[spec].kind is Kind.RSA]

_HASHES: dict[str, Any] = {"256": SHA256, "384": SHA384, "512": SHA512}
_READERS: dict[Kind, Any] = {
    Kind.RSA: RSA.import_key,
    Kind.ECC: ECC.import_key,
    Kind.ED25519: ECC.import_key,
    Kind.ML_DSA: MLDSA.import_key,
    Kind.ML_KEM: MLKEM.import_key,
}


@cache
def pair(spec: KeySpec) -> KeyPair:
    """A key of a spec, always the same within a run. Those of RSA are Wycheproof's, since it takes long to make one."""
    row = SPECS[spec]
    if row.kind is Kind.RSA:
        path = f"Cipher/wycheproof/rsa_oaep_{row.size}_sha256_mgf1sha256_test.json"
        group, _ = next(support_vectors.wycheproof(path))
        return private_keys.load(spec, bytes.fromhex(group["privateKeyPkcs8"]))
    return private_keys.generate(spec)


def from_seed(spec: KeySpec, seed: bytes) -> KeyPair:
    """The key of a seed: it ends the stored form of an Ed25519, ML-DSA or ML-KEM key, whose head never changes."""
    return private_keys.load(spec, private_keys.to_pkcs8(pair(spec))[: -len(seed)] + seed)


def other_key(spec: KeySpec, encoded: bytes) -> Any:
    """A private key from PKCS#8, or a public key from SubjectPublicKeyInfo, as PyCryptodome reads it."""
    return _READERS[SPECS[spec].kind](encoded)


@cache
def other(spec: KeySpec) -> Any:
    """The key of ``pair`` in PyCryptodome."""
    return other_key(spec, private_keys.to_pkcs8(pair(spec)))


def other_hash(algorithm: SigningAlgorithm, message: bytes) -> Any:
    """A message hashed with the hash of an algorithm that has one."""
    return _HASHES[algorithm[-3:]].new(message)


def given(spec: KeySpec, algorithm: SigningAlgorithm, message_type: MessageType, message: bytes) -> bytes:
    """What Sign is given to sign a message, computed by PyCryptodome: the message, its digest, or its mu."""
    if message_type is MessageType.DIGEST:
        digest: bytes = other_hash(algorithm, message).digest()
        return digest
    if message_type is MessageType.EXTERNAL_MU:
        return mldsa.MLDSAMuHash(other(spec), data=message).digest()
    return message


def other_scheme(algorithm: SigningAlgorithm, key: Any) -> Any:
    """PyCryptodome's object for an algorithm, with ``sign`` and ``verify`` over what ``other_input`` gives."""
    if algorithm.startswith("RSASSA_PSS"):
        return pss.new(key)
    if algorithm.startswith("RSASSA_PKCS1"):
        return pkcs1_15.new(key)
    if algorithm.startswith("ECDSA"):
        return DSS.new(key, "sec1", "der")
    if algorithm.startswith("ED25519"):
        return eddsa.new(key, "rfc8032")
    return mldsa.new(key)


def other_input(algorithm: SigningAlgorithm, message: bytes) -> Any:
    """What PyCryptodome's scheme is given to sign a message as AWS KMS does: for Ed25519ph, the digest hashed again."""
    if algorithm is SigningAlgorithm.ED25519_PH_SHA_512:
        return SHA512.new(SHA512.new(message).digest())
    if algorithm.startswith(("ED25519", "ML_DSA")):
        return message
    return other_hash(algorithm, message)


def other_verifies(algorithm: SigningAlgorithm, key: Any, message: bytes, signature: bytes) -> bool:
    """Whether PyCryptodome takes a signature."""
    scheme, signed = other_scheme(algorithm, key), other_input(algorithm, message)
    try:
        scheme.verify(signed, signature)
    except ValueError:
        return False
    return True
