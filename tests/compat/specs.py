"""What AWS's documentation says of every key spec, and keys of each spec and usage, made once.

Written from the AWS KMS Developer Guide, "Key spec reference", and the AWS KMS API Reference, "Sign".
"""

from typing import Any

import botocore.session

from tests.compat.calls import new_key

MODEL = botocore.session.get_session().get_service_model("kms")

RSA_SIGNING = tuple(
    f"RSASSA_{padding}_SHA_{bits}" for padding in ("PKCS1_V1_5", "PSS") for bits in ("256", "384", "512")
)
RSA_ENCRYPTION = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")
Algorithms = dict[str, tuple[str, ...]]
RSA: Algorithms = {"ENCRYPT_DECRYPT": RSA_ENCRYPTION, "SIGN_VERIFY": RSA_SIGNING}
ML_DSA: Algorithms = {"SIGN_VERIFY": ("ML_DSA_SHAKE_256",)}
ML_KEM: Algorithms = {"ENCAPSULATE_DECAPSULATE": ("ML_KEM",)}

# Spec: usage: algorithms, in AWS's order.
USAGES: dict[str, Algorithms] = {
    "SYMMETRIC_DEFAULT": {"ENCRYPT_DECRYPT": ("SYMMETRIC_DEFAULT",)},
    "HMAC_224": {"GENERATE_VERIFY_MAC": ("HMAC_SHA_224",)},
    "HMAC_256": {"GENERATE_VERIFY_MAC": ("HMAC_SHA_256",)},
    "HMAC_384": {"GENERATE_VERIFY_MAC": ("HMAC_SHA_384",)},
    "HMAC_512": {"GENERATE_VERIFY_MAC": ("HMAC_SHA_512",)},
    "RSA_2048": RSA,
    "RSA_3072": RSA,
    "RSA_4096": RSA,
    "ECC_NIST_P256": {"SIGN_VERIFY": ("ECDSA_SHA_256",), "KEY_AGREEMENT": ("ECDH",)},
    "ECC_NIST_P384": {"SIGN_VERIFY": ("ECDSA_SHA_384",), "KEY_AGREEMENT": ("ECDH",)},
    "ECC_NIST_P521": {"SIGN_VERIFY": ("ECDSA_SHA_512",), "KEY_AGREEMENT": ("ECDH",)},
    "ECC_SECG_P256K1": {"SIGN_VERIFY": ("ECDSA_SHA_256",)},
    "ECC_NIST_EDWARDS25519": {"SIGN_VERIFY": ("ED25519_PH_SHA_512", "ED25519_SHA_512")},
    "ML_DSA_44": ML_DSA,
    "ML_DSA_65": ML_DSA,
    "ML_DSA_87": ML_DSA,
    "ML_KEM_768": ML_KEM,
    "ML_KEM_1024": ML_KEM,
}
# No library for them is trusted (docs: ADR 7).
UNSUPPORTED = {"SM2", "ML_KEM_512"}
UNSUPPORTED_ALGORITHMS = {"SM2PKE", "SM2DSA"}

# The newer specs have no name in CustomerMasterKeySpec.
OLD_NAMES = set(MODEL.shape_for("CustomerMasterKeySpec").enum)

# Signing algorithm: message type: the length that the message must have, None where it may have any.
MESSAGE_TYPES: dict[str, dict[str, int | None]] = {
    **{name: {"RAW": None, "DIGEST": int(name[-3:]) // 8} for name in RSA_SIGNING},
    "ECDSA_SHA_256": {"RAW": None, "DIGEST": 32},
    "ECDSA_SHA_384": {"RAW": None, "DIGEST": 48},
    "ECDSA_SHA_512": {"RAW": None, "DIGEST": 64},
    "SM2DSA": {"RAW": None, "DIGEST": 32},
    "ML_DSA_SHAKE_256": {"RAW": None, "EXTERNAL_MU": 64},
    "ED25519_SHA_512": {"RAW": None},
    "ED25519_PH_SHA_512": {"DIGEST": 64},
}

# Usage: the member that lists a key's algorithms, and the shape of their names.
ALGORITHM_MEMBERS = {
    "ENCRYPT_DECRYPT": ("EncryptionAlgorithms", "EncryptionAlgorithmSpec"),
    "SIGN_VERIFY": ("SigningAlgorithms", "SigningAlgorithmSpec"),
    "GENERATE_VERIFY_MAC": ("MacAlgorithms", "MacAlgorithmSpec"),
    "KEY_AGREEMENT": ("KeyAgreementAlgorithms", "KeyAgreementAlgorithmSpec"),
    "ENCAPSULATE_DECAPSULATE": ("EncapsulationAlgorithms", "EncapsulationAlgorithmSpec"),
}

KINDS = [(spec, usage) for spec, usages in USAGES.items() for usage in usages]


def enum(shape: str) -> list[str]:
    """The values of an enum of AWS's model."""
    return list(MODEL.shape_for(shape).enum)


def all_algorithms(usage: str) -> list[str]:
    """Every algorithm of AWS's model for a usage, whatever the key spec."""
    return enum(ALGORITHM_MEMBERS[usage][1])


def with_usage(usage: str) -> list[str]:
    """The specs that allow a usage."""
    return [spec for spec, usages in USAGES.items() if usage in usages]


def has_public_key(spec: str) -> bool:
    """Whether keys of a spec are asymmetric."""
    return spec != "SYMMETRIC_DEFAULT" and not spec.startswith("HMAC")


class Keys:
    """Keys that tests share, since RSA keys take long to make; nobody changes their state."""

    def __init__(self, kms: Any) -> None:
        self._kms = kms
        self._made: dict[tuple[str, str], str] = {}

    def __call__(self, spec: str, usage: str) -> str:
        """The ARN of the key of a spec and usage."""
        if (spec, usage) not in self._made:
            self._made[spec, usage] = new_key(self._kms, KeySpec=spec, KeyUsage=usage)
        return self._made[spec, usage]

    def public(self, spec: str, usage: str) -> bytes:
        """The public key of that key."""
        der: bytes = self._kms.get_public_key(KeyId=self(spec, usage))["PublicKey"]
        return der
