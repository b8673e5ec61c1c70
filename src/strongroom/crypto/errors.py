"""How the asymmetric primitives fail: one error for each thing that can be wrong, with no text and no cause."""


class InvalidKeyError(Exception):
    """Stored material is not a private key of its spec."""


class InvalidPublicKeyError(Exception):
    """A peer's public key cannot be used with ours; why is not said."""


class DecryptionError(Exception):
    """A ciphertext does not open; whether length, padding or content is wrong cannot be told."""
