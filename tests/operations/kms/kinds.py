"""One key of each kind that operations tell apart, and a well-formed request for each operation on any of them."""

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.core import Core

# Of each kind, the members of CreateKey.
KINDS: dict[str, dict[str, str]] = {
    "symmetric": {},
    "HMAC": {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"},
    "RSA encryption": {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"},
    "signing": {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"},
    "agreement": {"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"},
    "encapsulation": {"KeySpec": "ML_KEM_768", "KeyUsage": "ENCAPSULATE_DECAPSULATE"},
}

RSA = "RSAES_OAEP_SHA_256"
MESSAGE = b"a message"


class Zoo(NamedTuple):
    """A core with a key of each kind; who uses it changes nothing.

    Attributes:
        keys: ARNs by kind.
        other: A second symmetric key.
    """

    core: Core
    keys: dict[str, str]
    other: str

    def members(self, operation: str, kind: str) -> dict[str, Any]:
        """A request for an operation that works where the operation takes keys of the kind."""
        return MEMBERS[operation](self, kind)

    def algorithm(self, kind: str) -> str:
        """The encryption algorithm for a key of a kind; the default one for keys that are not for encryption."""
        return RSA if kind == "RSA encryption" else "SYMMETRIC_DEFAULT"

    def blob(self, kind: str) -> bytes:
        """A ciphertext of the key, or of no key where the key is not for encryption."""
        if kind not in {"symmetric", "RSA encryption"}:
            return MESSAGE
        key = self.keys[kind]
        answer = self.core.ok("Encrypt", KeyId=key, Plaintext=MESSAGE, EncryptionAlgorithm=self.algorithm(kind))
        return bytes(answer["CiphertextBlob"])


def open_zoo(core: Core) -> Zoo:
    """Make the keys."""
    return Zoo(core, {kind: core.new_key(**members) for kind, members in KINDS.items()}, core.new_key())


def _of_key(**members: Any) -> Callable[[Zoo, str], dict[str, Any]]:
    return lambda zoo, kind: {"KeyId": zoo.keys[kind], **members}


def _with(operation: str, member: str, of: str, kind: str) -> Callable[[Zoo, str], dict[str, Any]]:
    """The request of one operation, with what another one answered for the key of a kind."""

    def members(zoo: Zoo, asked: str) -> dict[str, Any]:
        made = zoo.core.ok(of, **zoo.members(of, kind))
        return {**zoo.members(operation, asked), member: made[member]}

    return members


def _decrypt(zoo: Zoo, kind: str) -> dict[str, Any]:
    return {"KeyId": zoo.keys[kind], "CiphertextBlob": zoo.blob(kind), "EncryptionAlgorithm": zoo.algorithm(kind)}


def _re_encrypt_from(zoo: Zoo, kind: str) -> dict[str, Any]:
    return {
        "SourceKeyId": zoo.keys[kind],
        "CiphertextBlob": zoo.blob(kind),
        "SourceEncryptionAlgorithm": zoo.algorithm(kind),
        "DestinationKeyId": zoo.other,
    }


def _re_encrypt_to(zoo: Zoo, kind: str) -> dict[str, Any]:
    return {
        "CiphertextBlob": zoo.blob("symmetric"),
        "DestinationKeyId": zoo.keys[kind],
        "DestinationEncryptionAlgorithm": zoo.algorithm(kind),
    }


def _derive(zoo: Zoo, kind: str) -> dict[str, Any]:
    peer = zoo.core.ok("GetPublicKey", KeyId=zoo.keys["signing"])["PublicKey"]
    return {"KeyId": zoo.keys[kind], "KeyAgreementAlgorithm": "ECDH", "PublicKey": peer}


# By operation; ReEncrypt stands here twice, once for each of its keys.
MEMBERS: dict[str, Callable[[Zoo, str], dict[str, Any]]] = {
    "Encrypt": lambda zoo, kind: {
        "KeyId": zoo.keys[kind], "Plaintext": MESSAGE, "EncryptionAlgorithm": zoo.algorithm(kind),
    },
    "Decrypt": _decrypt,
    "ReEncrypt from": _re_encrypt_from,
    "ReEncrypt to": _re_encrypt_to,
    "GenerateDataKey": _of_key(KeySpec="AES_256"),
    "GenerateDataKeyWithoutPlaintext": _of_key(KeySpec="AES_256"),
    "GenerateDataKeyPair": _of_key(KeyPairSpec="ECC_NIST_P256"),
    "GenerateDataKeyPairWithoutPlaintext": _of_key(KeyPairSpec="ECC_NIST_P256"),
    "Sign": _of_key(Message=MESSAGE, SigningAlgorithm="ECDSA_SHA_256"),
    "Verify": _with("Sign", "Signature", "Sign", "signing"),
    "GenerateMac": _of_key(Message=MESSAGE, MacAlgorithm="HMAC_SHA_256"),
    "VerifyMac": _with("GenerateMac", "Mac", "GenerateMac", "HMAC"),
    "DeriveSharedSecret": _derive,
    "Encapsulate": _of_key(EncapsulationAlgorithm="ML_KEM"),
    "Decapsulate": _with("Encapsulate", "SharedSecretCiphertextBlob", "Encapsulate", "encapsulation"),
    "GetPublicKey": _of_key(),
}  # fmt: skip
