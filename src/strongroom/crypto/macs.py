"""Message authentication codes: HMAC (FIPS 198-1) with SHA-2, never truncated."""

from hmac import digest

from strongroom.model.spec import MacAlgorithm

_HASHES = {
    MacAlgorithm.HMAC_SHA_224: "sha224",
    MacAlgorithm.HMAC_SHA_256: "sha256",
    MacAlgorithm.HMAC_SHA_384: "sha384",
    MacAlgorithm.HMAC_SHA_512: "sha512",
}


def mac(algorithm: MacAlgorithm, key: bytes, message: bytes) -> bytes:
    """The code of a message: 28, 32, 48 or 64 bytes. Compare codes with ``hmac.compare_digest``."""
    return digest(key, message, _HASHES[algorithm])
