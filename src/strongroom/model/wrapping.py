"""How key material may be wrapped for import: one rule (AWS KMS API Reference, "GetParametersForImport")."""

from enum import StrEnum

from strongroom.model.spec import SPECS, KeySpec, Kind


class AlgorithmSpec(StrEnum):
    """Wrapping algorithms; the names of KMS's model, of which RSAES_PKCS1_V1_5 and SM2PKE are not supported."""

    RSAES_PKCS1_V1_5 = "RSAES_PKCS1_V1_5"
    RSAES_OAEP_SHA_1 = "RSAES_OAEP_SHA_1"
    RSAES_OAEP_SHA_256 = "RSAES_OAEP_SHA_256"
    RSA_AES_KEY_WRAP_SHA_1 = "RSA_AES_KEY_WRAP_SHA_1"
    RSA_AES_KEY_WRAP_SHA_256 = "RSA_AES_KEY_WRAP_SHA_256"
    SM2PKE = "SM2PKE"


class WrappingKeySpec(StrEnum):
    """The kinds of wrapping keys, of which SM2 is not supported (docs: ADR 7)."""

    RSA_2048 = "RSA_2048"
    RSA_3072 = "RSA_3072"
    RSA_4096 = "RSA_4096"
    SM2 = "SM2"


class ImportType(StrEnum):
    """Whether the material to import is one that the key knows already."""

    NEW_KEY_MATERIAL = "NEW_KEY_MATERIAL"
    EXISTING_KEY_MATERIAL = "EXISTING_KEY_MATERIAL"


_DIRECT = frozenset({AlgorithmSpec.RSAES_OAEP_SHA_1, AlgorithmSpec.RSAES_OAEP_SHA_256})
_BY_AES_KEY = frozenset({AlgorithmSpec.RSA_AES_KEY_WRAP_SHA_1, AlgorithmSpec.RSA_AES_KEY_WRAP_SHA_256})
_ALGORITHMS = {
    Kind.SYMMETRIC: _DIRECT,
    Kind.HMAC: _DIRECT,
    Kind.RSA: _BY_AES_KEY,
    Kind.ECC: _DIRECT | _BY_AES_KEY,
    Kind.ED25519: _DIRECT | _BY_AES_KEY,
}


def can_wrap(spec: KeySpec, algorithm: AlgorithmSpec, wrapping_spec: WrappingKeySpec) -> bool:
    """Whether material of a key spec can be imported that way: a P-521 key is too long for OAEP with RSA_2048."""
    if wrapping_spec is WrappingKeySpec.SM2 or algorithm not in _ALGORITHMS.get(SPECS[spec].kind, ()):
        return False
    too_long = spec is KeySpec.ECC_NIST_P521 and wrapping_spec is WrappingKeySpec.RSA_2048
    return not (too_long and algorithm in _DIRECT)
