"""Private keys: made, stored as PKCS#8 (RFC 5958), loaded; one KeyPair for every asymmetric key spec.

ML-DSA and ML-KEM keys are stored as their seed (RFC 9881 and RFC 9935, section 6), so all their sizes are short.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import msgspec
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, mlkem, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from strongroom.crypto import rsa_validation
from strongroom.crypto.errors import InvalidKeyError
from strongroom.model.spec import SPECS, KeySpec, Kind

MlDsaPrivateKey = mldsa.MLDSA44PrivateKey | mldsa.MLDSA65PrivateKey | mldsa.MLDSA87PrivateKey
MlDsaPublicKey = mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey
MlKemPrivateKey = mlkem.MLKEM768PrivateKey | mlkem.MLKEM1024PrivateKey
MlKemPublicKey = mlkem.MLKEM768PublicKey | mlkem.MLKEM1024PublicKey
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | Ed25519PrivateKey | MlDsaPrivateKey | MlKemPrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | Ed25519PublicKey | MlDsaPublicKey | MlKemPublicKey

_PUBLIC_EXPONENT = 65537
_VERSION_BYTES = 3  # an INTEGER of one byte
_LONG_LENGTH = 0x80  # plus how many bytes of length follow
_UNENCRYPTED = NoEncryption()


class KeyPair(msgspec.Struct, frozen=True, eq=False):
    """A private key ready for use, with its public key; shows nothing of it and cannot be pickled.

    Attributes:
        private: The private key.
        public: The public key that belongs to it.
        spki: The public key as DER SubjectPublicKeyInfo (RFC 5280), the form of GetPublicKey.
    """

    private: PrivateKey
    public: PublicKey
    spki: bytes

    def __repr__(self) -> str:
        return "<KeyPair>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("KeyPair holds a key and cannot be pickled")


class _Material(NamedTuple):
    """How a key of one spec is made, and how it is told from all others."""

    make: Callable[[], PrivateKey]
    fits: Callable[[object], bool]


def _rsa(size: int) -> _Material:
    def fits(key: object) -> bool:
        return isinstance(key, rsa.RSAPrivateKey) and key.key_size == size

    return _Material(lambda: rsa.generate_private_key(_PUBLIC_EXPONENT, size), fits)


def _ecc(curve: ec.EllipticCurve) -> _Material:
    def fits(key: object) -> bool:
        return isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == curve.name

    return _Material(lambda: ec.generate_private_key(curve), fits)


def _one_class(key_class: Any) -> _Material:
    return _Material(key_class.generate, lambda key: isinstance(key, key_class))


_MATERIALS: dict[KeySpec, _Material] = {
    **{spec: _rsa(row.size) for spec, row in SPECS.items() if row.kind is Kind.RSA},
    KeySpec.ECC_NIST_P256: _ecc(ec.SECP256R1()),
    KeySpec.ECC_NIST_P384: _ecc(ec.SECP384R1()),
    KeySpec.ECC_NIST_P521: _ecc(ec.SECP521R1()),
    KeySpec.ECC_SECG_P256K1: _ecc(ec.SECP256K1()),
    KeySpec.ECC_NIST_EDWARDS25519: _one_class(Ed25519PrivateKey),
    KeySpec.ML_DSA_44: _one_class(mldsa.MLDSA44PrivateKey),
    KeySpec.ML_DSA_65: _one_class(mldsa.MLDSA65PrivateKey),
    KeySpec.ML_DSA_87: _one_class(mldsa.MLDSA87PrivateKey),
    KeySpec.ML_KEM_768: _one_class(mlkem.MLKEM768PrivateKey),
    KeySpec.ML_KEM_1024: _one_class(mlkem.MLKEM1024PrivateKey),
}


def _pair(private: Any) -> KeyPair:
    public = private.public_key()
    return KeyPair(private, public, public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def generate(spec: KeySpec) -> KeyPair:
    """Make a new key of an asymmetric spec, RSA with the public exponent 65537. RSA takes 0.05 to several seconds."""
    return _pair(_MATERIALS[spec].make())


def load(spec: KeySpec, pkcs8: bytes) -> KeyPair:
    """Load a key that ``to_pkcs8`` wrote.

    Args:
        spec: The spec that the key must have.
        pkcs8: DER, authenticated before: bytes that anybody could have written must not come here.

    Raises:
        InvalidKeyError: It is not a private key of that spec.
    """
    # Testing the primes again costs 40 to 250 ms and can find nothing: we sealed these bytes with AES-GCM when the key
    # was made, and have just opened them with it.
    return _pair(_parsed(spec, pkcs8))


def load_untrusted(spec: KeySpec, pkcs8: bytes) -> KeyPair:
    """Load a key of somebody else's making; ``to_pkcs8`` then writes one key in one form, in whatever form it came.

    Of an ECC key the loader checks the scalar, and the public key where there is one; it is derived anew all the same.

    Args:
        spec: The spec that the key must have.
        pkcs8: DER of an unencrypted PrivateKeyInfo (RFC 5958), a curve by its name.

    Raises:
        InvalidKeyError: It is anything else.
    """
    private = _parsed(spec, pkcs8)
    if isinstance(private, rsa.RSAPrivateKey):
        private = rsa_validation.validated(private)
    elif isinstance(private, ec.EllipticCurvePrivateKey):
        private = ec.derive_private_key(private.private_numbers().private_value, private.curve)
    pair = _pair(private)
    # The loader also takes the older forms PKCS #1 and SEC 1, and curves by their parameters. In PKCS#8 and in
    # SubjectPublicKeyInfo, version aside, the same AlgorithmIdentifier comes first; it is shorter than 128 bytes.
    algorithm = _content(pair.spki)
    algorithm = algorithm[: 2 + algorithm[1]]
    if _content(pkcs8)[_VERSION_BYTES:].startswith(algorithm):
        return pair
    raise InvalidKeyError


def _parsed(spec: KeySpec, pkcs8: bytes) -> Any:
    """A private key of a spec; the numbers of an RSA key are not looked at.

    Raises:
        InvalidKeyError: It is not a private key of that spec.
    """
    try:
        private = load_der_private_key(pkcs8, None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm, InternalError):
        # TypeError: it is encrypted. InternalError: an Ed448 or X448 key of a wrong length, which OpenSSL finds out.
        raise InvalidKeyError from None
    if not _MATERIALS[spec].fits(private):
        raise InvalidKeyError
    return private


def _content(der: bytes) -> bytes:
    """What is in a DER SEQUENCE that was parsed before."""
    length = der[1]
    return der[2:] if length < _LONG_LENGTH else der[2 + length - _LONG_LENGTH :]


def to_pkcs8(pair: KeyPair) -> bytes:
    """The private key as unencrypted DER PrivateKeyInfo, the form of GenerateDataKeyPair and of stored material."""
    return pair.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, _UNENCRYPTED)
