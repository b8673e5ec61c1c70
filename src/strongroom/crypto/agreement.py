"""Key agreement: the ECC CDH primitive of NIST SP 800-56A Rev. 3, section 5.7.1.2, on the NIST prime curves."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDH, EllipticCurvePublicKey

from strongroom.crypto.errors import InvalidPublicKeyError
from strongroom.crypto.private_keys import KeyPair

_ECDH = ECDH()


def agree(pair: KeyPair, peer_spki: bytes) -> bytes:
    """The raw shared secret: the x coordinate, padded to the size of the field (32, 48 or 66 bytes).

    A peer's key has one encoding: DER, the curve by its name, the point uncompressed (RFC 5480 makes only this a must).
    So it is our own up to the point. Explicit parameters, compressed points, the point at infinity and other key types
    differ there, in lengths if not in names, and are refused before anything is parsed.

    Args:
        pair: A key on a NIST prime curve; these have cofactor 1.
        peer_spki: The peer's public key, DER SubjectPublicKeyInfo.

    Raises:
        InvalidPublicKeyError: It is not a public key on our curve in that encoding.
    """
    private: Any = pair.private
    curve = private.curve
    point = len(pair.spki) - 2 * ((curve.key_size + 7) // 8) - 1
    if peer_spki[:point] != pair.spki[:point]:
        raise InvalidPublicKeyError
    try:
        peer = EllipticCurvePublicKey.from_encoded_point(curve, peer_spki[point:])
    except ValueError:  # not as long as it says, a coordinate out of range, or off the curve
        raise InvalidPublicKeyError from None
    secret: bytes = private.exchange(_ECDH, peer)
    return secret
