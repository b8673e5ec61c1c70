"""Second implementations of every algorithm: PyCryptodome's and kyber-py's own code, none of OpenSSL's.

Keys come as DER, SubjectPublicKeyInfo or PKCS#8, and are parsed here by PyCryptodome.
"""

from contextlib import suppress
from typing import Any

from Crypto.Cipher import PKCS1_OAEP
from Crypto.Hash import HMAC, SHA1, SHA224, SHA256, SHA384, SHA512
from Crypto.Protocol.DH import key_agreement
from Crypto.PublicKey import ECC, MLDSA, MLKEM, RSA
from Crypto.Signature import DSS, eddsa, mldsa, pkcs1_15, pss
from kyber_py.ml_kem import ML_KEM_768, ML_KEM_1024

HASHES: dict[str, Any] = {"SHA_1": SHA1, "SHA_224": SHA224, "SHA_256": SHA256, "SHA_384": SHA384, "SHA_512": SHA512}
CURVES = {
    "ECC_NIST_P256": "NIST P-256",
    "ECC_NIST_P384": "NIST P-384",
    "ECC_NIST_P521": "NIST P-521",
    "ECC_SECG_P256K1": "secp256k1",
    "ECC_NIST_EDWARDS25519": "Ed25519",
}
KEMS = {"ML-KEM-768": ML_KEM_768, "ML-KEM-1024": ML_KEM_1024}


def load(der: bytes) -> Any:
    """Parse a public or private key of any kind."""
    for parser in (RSA, ECC, MLDSA, MLKEM):
        with suppress(ValueError):
            return parser.import_key(der)
    raise ValueError("a key of no known kind")


def spec_of(der: bytes) -> str:
    """The key spec that a key is of."""
    key = load(der)
    if isinstance(key, RSA.RsaKey):
        return f"RSA_{key.size_in_bits()}"
    if isinstance(key, ECC.EccKey):
        return next(spec for spec, curve in CURVES.items() if curve == key.curve)
    return str(key.param_set.value.replace("-", "_"))


def new_private_key(spec: str) -> ECC.EccKey:
    """A private key on the curve of a spec."""
    return ECC.generate(curve=CURVES[spec])


def public_der(key: Any) -> bytes:
    """The public key of a private one."""
    der: bytes = key.public_key().export_key(format="DER")
    return der


def _hash(algorithm: str) -> Any:
    """The hash that the name of an algorithm ends with."""
    return next(module for name, module in HASHES.items() if algorithm.endswith(name))


def digest(algorithm: str, message: bytes) -> bytes:
    """The digest of a message by an algorithm's hash."""
    value: bytes = _hash(algorithm).new(message).digest()
    return value


def mu(public_key: bytes, message: bytes) -> bytes:
    """ML-DSA's message representative of a message, its context empty (FIPS 204, section 6.2)."""
    return mldsa.MLDSAMuHash(load(public_key), data=message).digest()


def mac(key: bytes, algorithm: str, message: bytes) -> bytes:
    """The HMAC of a message."""
    return HMAC.new(key, message, _hash(algorithm)).digest()


def _scheme(key: Any, algorithm: str) -> Any:
    """What signs and verifies."""
    if algorithm.startswith("RSASSA_PSS"):
        return pss.new(key, salt_bytes=_hash(algorithm).digest_size)
    if algorithm.startswith("RSASSA_PKCS1"):
        return pkcs1_15.new(key)
    if algorithm.startswith("ECDSA"):
        return DSS.new(key, "sec1", encoding="der")
    return mldsa.new(key) if algorithm.startswith("ML_DSA") else eddsa.new(key, "rfc8032")


def _input(algorithm: str, message: bytes) -> Any:
    """What is signed: the message, or where the algorithm hashes it first its hash object."""
    return message if algorithm in {"ML_DSA_SHAKE_256", "ED25519_SHA_512"} else _hash(algorithm).new(message)


def sign(private_key: bytes, algorithm: str, message: bytes) -> bytes:
    """Sign a message; of Ed25519ph, the message before its prehash."""
    signature: bytes = _scheme(load(private_key), algorithm).sign(_input(algorithm, message))
    return signature


def verifies(public_key: bytes, algorithm: str, message: bytes, signature: bytes) -> bool:
    """Whether a signature is good; of Ed25519ph, of the message before its prehash."""
    try:
        _scheme(load(public_key), algorithm).verify(_input(algorithm, message), signature)
    except ValueError:
        return False
    return True


def encrypt(public_key: bytes, algorithm: str, plaintext: bytes) -> bytes:
    """Encrypt with RSAES-OAEP, its label empty, one hash for all."""
    return PKCS1_OAEP.new(load(public_key), _hash(algorithm)).encrypt(plaintext)


def decrypt(private_key: bytes, algorithm: str, ciphertext: bytes) -> bytes:
    """Decrypt with RSAES-OAEP."""
    return PKCS1_OAEP.new(load(private_key), _hash(algorithm)).decrypt(ciphertext)


def agree(private_key: ECC.EccKey, public_key: bytes) -> bytes:
    """The raw ECDH secret."""
    return bytes(key_agreement(static_priv=private_key, static_pub=load(public_key), kdf=lambda secret: secret))


def encapsulate(public_key: bytes) -> tuple[bytes, bytes]:
    """A fresh shared secret, and its ciphertext."""
    key = load(public_key)
    secret, blob = KEMS[key.param_set.value].encaps(key.ek)
    return secret, blob


def decapsulate(private_key: bytes, blob: bytes) -> bytes:
    """The shared secret of a ciphertext."""
    key = load(private_key)
    kem = KEMS[key.param_set.value]
    _, decapsulation_key = kem.key_derive(key.seed)
    secret: bytes = kem.decaps(decapsulation_key, blob)
    return secret


def mask(seed: bytes, size: int, hash_module: Any) -> bytes:
    """MGF1 with a hash of one's choice (RFC 8017, appendix B.2.1)."""
    return pss.MGF1(seed, size, hash_module)
