"""Key specs, usages and algorithms: one table (AWS KMS Developer Guide, "Key spec reference")."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from strongroom.model.region import PARTITIONS


class KeySpec(StrEnum):
    """The kind of key material."""

    RSA_2048 = "RSA_2048"
    RSA_3072 = "RSA_3072"
    RSA_4096 = "RSA_4096"
    ECC_NIST_P256 = "ECC_NIST_P256"
    ECC_NIST_P384 = "ECC_NIST_P384"
    ECC_NIST_P521 = "ECC_NIST_P521"
    ECC_SECG_P256K1 = "ECC_SECG_P256K1"
    SYMMETRIC_DEFAULT = "SYMMETRIC_DEFAULT"
    HMAC_224 = "HMAC_224"
    HMAC_256 = "HMAC_256"
    HMAC_384 = "HMAC_384"
    HMAC_512 = "HMAC_512"
    SM2 = "SM2"
    ML_DSA_44 = "ML_DSA_44"
    ML_DSA_65 = "ML_DSA_65"
    ML_DSA_87 = "ML_DSA_87"
    ECC_NIST_EDWARDS25519 = "ECC_NIST_EDWARDS25519"
    ML_KEM_512 = "ML_KEM_512"
    ML_KEM_768 = "ML_KEM_768"
    ML_KEM_1024 = "ML_KEM_1024"


class CustomerMasterKeySpec(StrEnum):
    """The old name of KeySpec; the newer specs are not in it."""

    RSA_2048 = "RSA_2048"
    RSA_3072 = "RSA_3072"
    RSA_4096 = "RSA_4096"
    ECC_NIST_P256 = "ECC_NIST_P256"
    ECC_NIST_P384 = "ECC_NIST_P384"
    ECC_NIST_P521 = "ECC_NIST_P521"
    ECC_SECG_P256K1 = "ECC_SECG_P256K1"
    SYMMETRIC_DEFAULT = "SYMMETRIC_DEFAULT"
    HMAC_224 = "HMAC_224"
    HMAC_256 = "HMAC_256"
    HMAC_384 = "HMAC_384"
    HMAC_512 = "HMAC_512"
    SM2 = "SM2"


class KeyUsage(StrEnum):
    """What a key is for; one usage a key, for ever."""

    SIGN_VERIFY = "SIGN_VERIFY"
    ENCRYPT_DECRYPT = "ENCRYPT_DECRYPT"
    GENERATE_VERIFY_MAC = "GENERATE_VERIFY_MAC"
    KEY_AGREEMENT = "KEY_AGREEMENT"
    ENCAPSULATE_DECAPSULATE = "ENCAPSULATE_DECAPSULATE"


class Origin(StrEnum):
    """Where the key material comes from."""

    AWS_KMS = "AWS_KMS"
    EXTERNAL = "EXTERNAL"
    AWS_CLOUDHSM = "AWS_CLOUDHSM"
    EXTERNAL_KEY_STORE = "EXTERNAL_KEY_STORE"


class KeyManager(StrEnum):
    """Who manages the key: AWS (here: this service) or the customer."""

    AWS = "AWS"
    CUSTOMER = "CUSTOMER"


class EncryptionAlgorithm(StrEnum):
    """Algorithms of Encrypt, Decrypt and ReEncrypt."""

    SYMMETRIC_DEFAULT = "SYMMETRIC_DEFAULT"
    RSAES_OAEP_SHA_1 = "RSAES_OAEP_SHA_1"
    RSAES_OAEP_SHA_256 = "RSAES_OAEP_SHA_256"
    SM2PKE = "SM2PKE"


class SigningAlgorithm(StrEnum):
    """Algorithms of Sign and Verify."""

    RSASSA_PSS_SHA_256 = "RSASSA_PSS_SHA_256"
    RSASSA_PSS_SHA_384 = "RSASSA_PSS_SHA_384"
    RSASSA_PSS_SHA_512 = "RSASSA_PSS_SHA_512"
    RSASSA_PKCS1_V1_5_SHA_256 = "RSASSA_PKCS1_V1_5_SHA_256"
    RSASSA_PKCS1_V1_5_SHA_384 = "RSASSA_PKCS1_V1_5_SHA_384"
    RSASSA_PKCS1_V1_5_SHA_512 = "RSASSA_PKCS1_V1_5_SHA_512"
    ECDSA_SHA_256 = "ECDSA_SHA_256"
    ECDSA_SHA_384 = "ECDSA_SHA_384"
    ECDSA_SHA_512 = "ECDSA_SHA_512"
    SM2DSA = "SM2DSA"
    ML_DSA_SHAKE_256 = "ML_DSA_SHAKE_256"
    ED25519_SHA_512 = "ED25519_SHA_512"
    ED25519_PH_SHA_512 = "ED25519_PH_SHA_512"


class MessageType(StrEnum):
    """What the message of Sign and Verify is: itself, its digest, or ML-DSA's message representative mu."""

    RAW = "RAW"
    DIGEST = "DIGEST"
    EXTERNAL_MU = "EXTERNAL_MU"


class MacAlgorithm(StrEnum):
    """Algorithms of GenerateMac and VerifyMac."""

    HMAC_SHA_224 = "HMAC_SHA_224"
    HMAC_SHA_256 = "HMAC_SHA_256"
    HMAC_SHA_384 = "HMAC_SHA_384"
    HMAC_SHA_512 = "HMAC_SHA_512"


class KeyAgreementAlgorithm(StrEnum):
    """Algorithms of DeriveSharedSecret."""

    ECDH = "ECDH"


class EncapsulationAlgorithm(StrEnum):
    """Algorithms of Encapsulate and Decapsulate."""

    ML_KEM = "ML_KEM"


class DataKeySpec(StrEnum):
    """Sizes of symmetric data keys."""

    AES_256 = "AES_256"
    AES_128 = "AES_128"


DATA_KEY_BYTES: dict[DataKeySpec, int] = {DataKeySpec.AES_256: 32, DataKeySpec.AES_128: 16}


class DataKeyPairSpec(StrEnum):
    """Kinds of data key pairs; each is the key spec of the same name."""

    RSA_2048 = "RSA_2048"
    RSA_3072 = "RSA_3072"
    RSA_4096 = "RSA_4096"
    ECC_NIST_P256 = "ECC_NIST_P256"
    ECC_NIST_P384 = "ECC_NIST_P384"
    ECC_NIST_P521 = "ECC_NIST_P521"
    ECC_SECG_P256K1 = "ECC_SECG_P256K1"
    SM2 = "SM2"
    ECC_NIST_EDWARDS25519 = "ECC_NIST_EDWARDS25519"
    ML_KEM_512 = "ML_KEM_512"
    ML_KEM_768 = "ML_KEM_768"
    ML_KEM_1024 = "ML_KEM_1024"


Algorithm = EncryptionAlgorithm | SigningAlgorithm | MacAlgorithm | KeyAgreementAlgorithm | EncapsulationAlgorithm


class Kind(StrEnum):
    """The family of a key spec: what its material is."""

    SYMMETRIC = "symmetric"
    HMAC = "HMAC"
    RSA = "RSA"
    ECC = "ECC"
    ED25519 = "Ed25519"
    ML_DSA = "ML-DSA"
    ML_KEM = "ML-KEM"


class SpecRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one key spec can do.

    Attributes:
        kind: What the material is: raw bytes for symmetric and HMAC keys, else a private key.
        size: Bytes of raw material; for an RSA or ECC key, bits of the modulus or of the curve's field; for the other
            private keys, bytes of the seed that they are made of.
        algorithms: The usages that the spec allows, with the algorithms of each.
        default_usage: The usage of CreateKey without KeyUsage, or None where it must be stated.
        importable: Whether AWS lets the material be imported.
        partitions: Where the spec exists.
        slow: Whether work with its private key would hold up an event loop: over about 0.15 ms a call.
    """

    kind: Kind
    size: int
    algorithms: Mapping[KeyUsage, tuple[Algorithm, ...]]
    default_usage: KeyUsage | None = None
    importable: bool = True
    partitions: frozenset[str] = frozenset(PARTITIONS)
    slow: bool = False

    @property
    def asymmetric(self) -> bool:
        """Whether keys of the spec have a public key."""
        return self.kind not in {Kind.SYMMETRIC, Kind.HMAC}


_RSA_ENCRYPTION = (EncryptionAlgorithm.RSAES_OAEP_SHA_1, EncryptionAlgorithm.RSAES_OAEP_SHA_256)
_RSA_SIGNING = (
    SigningAlgorithm.RSASSA_PKCS1_V1_5_SHA_256,
    SigningAlgorithm.RSASSA_PKCS1_V1_5_SHA_384,
    SigningAlgorithm.RSASSA_PKCS1_V1_5_SHA_512,
    SigningAlgorithm.RSASSA_PSS_SHA_256,
    SigningAlgorithm.RSASSA_PSS_SHA_384,
    SigningAlgorithm.RSASSA_PSS_SHA_512,
)
_NOT_IN_CHINA = frozenset(PARTITIONS) - {"aws-cn"}


def _hmac(size: int, algorithm: MacAlgorithm) -> SpecRow:
    return SpecRow(kind=Kind.HMAC, size=size, algorithms={KeyUsage.GENERATE_VERIFY_MAC: (algorithm,)})


def _rsa(size: int) -> SpecRow:
    usages: Mapping[KeyUsage, tuple[Algorithm, ...]] = {
        KeyUsage.ENCRYPT_DECRYPT: _RSA_ENCRYPTION,
        KeyUsage.SIGN_VERIFY: _RSA_SIGNING,
    }
    return SpecRow(kind=Kind.RSA, size=size, algorithms=usages, slow=True)


def _nist_curve(size: int, algorithm: SigningAlgorithm, *, slow: bool) -> SpecRow:
    usages: Mapping[KeyUsage, tuple[Algorithm, ...]] = {
        KeyUsage.SIGN_VERIFY: (algorithm,),
        KeyUsage.KEY_AGREEMENT: (KeyAgreementAlgorithm.ECDH,),
    }
    return SpecRow(kind=Kind.ECC, size=size, algorithms=usages, slow=slow)


def _ml_dsa() -> SpecRow:
    usages = {KeyUsage.SIGN_VERIFY: (SigningAlgorithm.ML_DSA_SHAKE_256,)}
    return SpecRow(kind=Kind.ML_DSA, size=32, algorithms=usages, importable=False, slow=True)


def _ml_kem() -> SpecRow:
    usages = {KeyUsage.ENCAPSULATE_DECAPSULATE: (EncapsulationAlgorithm.ML_KEM,)}
    return SpecRow(kind=Kind.ML_KEM, size=64, algorithms=usages, importable=False, partitions=_NOT_IN_CHINA)


# A spec without a row is answered with UnsupportedOperationException: SM2 and ML_KEM_512 (docs: ADR 7).
SPECS: dict[KeySpec, SpecRow] = {
    KeySpec.SYMMETRIC_DEFAULT: SpecRow(
        kind=Kind.SYMMETRIC,
        size=32,
        algorithms={KeyUsage.ENCRYPT_DECRYPT: (EncryptionAlgorithm.SYMMETRIC_DEFAULT,)},
        default_usage=KeyUsage.ENCRYPT_DECRYPT,
    ),
    KeySpec.HMAC_224: _hmac(28, MacAlgorithm.HMAC_SHA_224),
    KeySpec.HMAC_256: _hmac(32, MacAlgorithm.HMAC_SHA_256),
    KeySpec.HMAC_384: _hmac(48, MacAlgorithm.HMAC_SHA_384),
    KeySpec.HMAC_512: _hmac(64, MacAlgorithm.HMAC_SHA_512),
    KeySpec.RSA_2048: _rsa(2048),
    KeySpec.RSA_3072: _rsa(3072),
    KeySpec.RSA_4096: _rsa(4096),
    KeySpec.ECC_NIST_P256: _nist_curve(256, SigningAlgorithm.ECDSA_SHA_256, slow=False),
    KeySpec.ECC_NIST_P384: _nist_curve(384, SigningAlgorithm.ECDSA_SHA_384, slow=True),
    KeySpec.ECC_NIST_P521: _nist_curve(521, SigningAlgorithm.ECDSA_SHA_512, slow=True),
    KeySpec.ECC_SECG_P256K1: SpecRow(
        kind=Kind.ECC,
        size=256,
        algorithms={KeyUsage.SIGN_VERIFY: (SigningAlgorithm.ECDSA_SHA_256,)},
        slow=True,
    ),
    KeySpec.ECC_NIST_EDWARDS25519: SpecRow(
        kind=Kind.ED25519,
        size=32,
        algorithms={KeyUsage.SIGN_VERIFY: (SigningAlgorithm.ED25519_PH_SHA_512, SigningAlgorithm.ED25519_SHA_512)},
    ),
    KeySpec.ML_DSA_44: _ml_dsa(),
    KeySpec.ML_DSA_65: _ml_dsa(),
    KeySpec.ML_DSA_87: _ml_dsa(),
    KeySpec.ML_KEM_768: _ml_kem(),
    KeySpec.ML_KEM_1024: _ml_kem(),
}

_RAW, _DIGEST, _MU = MessageType.RAW, MessageType.DIGEST, MessageType.EXTERNAL_MU

# The message types that a signing algorithm takes, each with the one length in bytes that the message must have; None
# is any length up to the limit (AWS KMS API Reference, "Sign").
MESSAGE_BYTES: dict[SigningAlgorithm, dict[MessageType, int | None]] = {
    SigningAlgorithm.RSASSA_PSS_SHA_256: {_RAW: None, _DIGEST: 32},
    SigningAlgorithm.RSASSA_PSS_SHA_384: {_RAW: None, _DIGEST: 48},
    SigningAlgorithm.RSASSA_PSS_SHA_512: {_RAW: None, _DIGEST: 64},
    SigningAlgorithm.RSASSA_PKCS1_V1_5_SHA_256: {_RAW: None, _DIGEST: 32},
    SigningAlgorithm.RSASSA_PKCS1_V1_5_SHA_384: {_RAW: None, _DIGEST: 48},
    SigningAlgorithm.RSASSA_PKCS1_V1_5_SHA_512: {_RAW: None, _DIGEST: 64},
    SigningAlgorithm.ECDSA_SHA_256: {_RAW: None, _DIGEST: 32},
    SigningAlgorithm.ECDSA_SHA_384: {_RAW: None, _DIGEST: 48},
    SigningAlgorithm.ECDSA_SHA_512: {_RAW: None, _DIGEST: 64},
    SigningAlgorithm.SM2DSA: {_RAW: None, _DIGEST: 32},
    SigningAlgorithm.ML_DSA_SHAKE_256: {_RAW: None, _MU: 64},
    SigningAlgorithm.ED25519_SHA_512: {_RAW: None},
    SigningAlgorithm.ED25519_PH_SHA_512: {_DIGEST: 64},
}

# Bytes that OAEP adds: two digests and two bytes (RFC 8017, section 7.1.1).
_OAEP_BYTES = {EncryptionAlgorithm.RSAES_OAEP_SHA_1: 42, EncryptionAlgorithm.RSAES_OAEP_SHA_256: 66}


def max_plaintext(spec: KeySpec, algorithm: EncryptionAlgorithm) -> int:
    """The most bytes that Encrypt takes under a key of a spec (AWS KMS API Reference, "Encrypt")."""
    overhead = _OAEP_BYTES.get(algorithm)
    return 4096 if overhead is None else SPECS[spec].size // 8 - overhead
