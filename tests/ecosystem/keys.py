"""The KMS keys of the tests with real libraries."""

from functools import cache
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key


class Keys:
    """Keys made when they are first asked for, so that a module makes each but once.

    Args:
        kms: The boto3 client that makes them.
    """

    def __init__(self, kms: Any) -> None:
        self.kms = kms
        self.arn = cache(self._create)
        self.public = cache(self._public)

    def _create(self, spec: str, usage: str = "SIGN_VERIFY", name: str = "") -> str:
        """The ARN of the key of a spec; keys of other names are other keys."""
        made = self.kms.create_key(KeySpec=spec, KeyUsage=usage, Description=name)
        return str(made["KeyMetadata"]["Arn"])

    def _public(self, arn: str) -> Any:
        """The public key of a key, as GetPublicKey has it."""
        return load_der_public_key(self.kms.get_public_key(KeyId=arn)["PublicKey"])

    def pem(self, arn: str) -> bytes:
        """The public key of a key in PEM."""
        return bytes(self.public(arn).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
