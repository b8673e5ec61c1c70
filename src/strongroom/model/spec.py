"""Key specs, usages and algorithms: one table (AWS KMS Developer Guide, "Key spec reference")."""

from enum import StrEnum

import msgspec


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


class DataKeySpec(StrEnum):
    """Sizes of symmetric data keys."""

    AES_256 = "AES_256"
    AES_128 = "AES_128"


DATA_KEY_BYTES: dict[DataKeySpec, int] = {DataKeySpec.AES_256: 32, DataKeySpec.AES_128: 16}


class SpecRow(msgspec.Struct, frozen=True):
    """What one key spec can do.

    Attributes:
        usages: The usages allowed; the first is the default where AWS has one.
        default_usage: The usage of CreateKey without KeyUsage, or None where it must be stated.
        encryption_algorithms: By usage ENCRYPT_DECRYPT.
        material_bytes: Size of raw symmetric material.
    """

    usages: tuple[KeyUsage, ...]
    default_usage: KeyUsage | None
    encryption_algorithms: tuple[EncryptionAlgorithm, ...]
    material_bytes: int


# A spec without a row is refused by CreateKey with UnsupportedOperationException.
SPECS: dict[KeySpec, SpecRow] = {
    KeySpec.SYMMETRIC_DEFAULT: SpecRow(
        usages=(KeyUsage.ENCRYPT_DECRYPT,),
        default_usage=KeyUsage.ENCRYPT_DECRYPT,
        encryption_algorithms=(EncryptionAlgorithm.SYMMETRIC_DEFAULT,),
        material_bytes=32,
    ),
}
