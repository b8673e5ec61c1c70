"""Signatures: RSA (RFC 8017), ECDSA (FIPS 186-5, DER), Ed25519 and Ed25519ph (RFC 8032), ML-DSA (FIPS 204).

What each algorithm of AWS KMS means is in the AWS KMS Developer Guide, "Key spec reference": PSS has a salt as long as
the hash and MGF1 with the same hash; Ed25519ph and ML-DSA have an empty context.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, AsymmetricPadding, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from nacl.bindings import (
    crypto_sign_BYTES,
    crypto_sign_ed25519ph_final_create,
    crypto_sign_ed25519ph_final_verify,
    crypto_sign_ed25519ph_state,
    crypto_sign_ed25519ph_update,
)
from nacl.exceptions import BadSignatureError

from strongroom.crypto.private_keys import KeyPair
from strongroom.model.spec import MessageType, SigningAlgorithm


class _Scheme(NamedTuple):
    """A signature scheme over keys of its kind; verify raises InvalidSignature."""

    sign: Callable[[Any, bytes], bytes]
    verify: Callable[[Any, bytes, bytes], None]


def _rsa(padding: AsymmetricPadding, hashing: HashAlgorithm | Prehashed) -> _Scheme:
    return _Scheme(
        lambda private, message: private.sign(message, padding, hashing),
        lambda public, message, signature: public.verify(signature, message, padding, hashing),
    )


def _ecdsa(hashing: HashAlgorithm | Prehashed) -> _Scheme:
    algorithm = ec.ECDSA(hashing)
    return _Scheme(
        lambda private, message: private.sign(message, algorithm),
        lambda public, message, signature: public.verify(signature, message, algorithm),
    )


def _prehash(message: bytes) -> crypto_sign_ed25519ph_state:
    state = crypto_sign_ed25519ph_state()
    crypto_sign_ed25519ph_update(state, message)
    return state


def _sign_ed25519ph(private: Ed25519PrivateKey, message: bytes) -> bytes:
    # libsodium takes the seed followed by the public key.
    secret = private.private_bytes_raw() + private.public_key().public_bytes_raw()
    return crypto_sign_ed25519ph_final_create(_prehash(message), secret)


def _verify_ed25519ph(public: Ed25519PublicKey, message: bytes, signature: bytes) -> None:
    if len(signature) != crypto_sign_BYTES:
        raise InvalidSignature
    try:
        crypto_sign_ed25519ph_final_verify(_prehash(message), signature, public.public_bytes_raw())
    except BadSignatureError:
        raise InvalidSignature from None


def _schemes() -> dict[tuple[SigningAlgorithm, MessageType], _Scheme]:
    """Every algorithm with each message type that it takes; paddings and hashes are built here, once."""
    pure = _Scheme(
        lambda private, message: private.sign(message),
        lambda public, message, signature: public.verify(signature, message),
    )
    over_mu = _Scheme(
        lambda private, mu: private.sign_mu(mu),
        lambda public, mu, signature: public.verify_mu(signature, mu),
    )
    schemes = {
        (SigningAlgorithm.ED25519_SHA_512, MessageType.RAW): pure,
        # The message is a digest already, and is hashed again all the same (FIPS 186-5, section 7.8.1, step 1).
        (SigningAlgorithm.ED25519_PH_SHA_512, MessageType.DIGEST): _Scheme(_sign_ed25519ph, _verify_ed25519ph),
        (SigningAlgorithm.ML_DSA_SHAKE_256, MessageType.RAW): pure,
        (SigningAlgorithm.ML_DSA_SHAKE_256, MessageType.EXTERNAL_MU): over_mu,
    }
    hashes: dict[str, HashAlgorithm] = {"256": SHA256(), "384": SHA384(), "512": SHA512()}
    for size, algorithm in hashes.items():
        pss = PSS(MGF1(algorithm), algorithm.digest_size)
        for message_type, hashing in (MessageType.RAW, algorithm), (MessageType.DIGEST, Prehashed(algorithm)):
            schemes[SigningAlgorithm(f"RSASSA_PSS_SHA_{size}"), message_type] = _rsa(pss, hashing)
            schemes[SigningAlgorithm(f"RSASSA_PKCS1_V1_5_SHA_{size}"), message_type] = _rsa(PKCS1v15(), hashing)
            schemes[SigningAlgorithm(f"ECDSA_SHA_{size}"), message_type] = _ecdsa(hashing)
    return schemes


_SCHEMES = _schemes()


def sign(pair: KeyPair, algorithm: SigningAlgorithm, message_type: MessageType, message: bytes) -> bytes:
    """Sign a message.

    Args:
        pair: A key of a spec that has the algorithm.
        algorithm: The algorithm.
        message_type: What the message is, one of the algorithm's.
        message: The message, of the length that ``model.spec.MESSAGE_BYTES`` gives.

    Returns:
        RSA: as long as the modulus. ECDSA: DER SEQUENCE of r and s (RFC 3279). Ed25519: 64 bytes. ML-DSA: 2420, 3309 or
        4627 bytes.
    """
    return _SCHEMES[algorithm, message_type].sign(pair.private, message)


def verify(
    pair: KeyPair, algorithm: SigningAlgorithm, message_type: MessageType, message: bytes, signature: bytes
) -> bool:
    """Whether a signature is the key's over a message; arguments as for ``sign``, the signature any bytes at all."""
    try:
        _SCHEMES[algorithm, message_type].verify(pair.public, message, signature)
    except InvalidSignature:
        return False
    return True
