"""Key agreement against another implementation, and which public keys of a peer are refused."""

from collections.abc import Callable

import pytest
from Crypto.Protocol.DH import key_agreement
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from strongroom.crypto import agreement, private_keys
from strongroom.crypto.errors import InvalidPublicKeyError
from strongroom.crypto.private_keys import KeyPair
from strongroom.model.spec import KeySpec
from tests.crypto.support_keys import AGREEING, other, other_key, pair

FIELD_BYTES = {KeySpec.ECC_NIST_P256: 32, KeySpec.ECC_NIST_P384: 48, KeySpec.ECC_NIST_P521: 66}
P_521 = 2**521 - 1


def _same(secret: bytes) -> bytes:
    return secret


@pytest.mark.parametrize("spec", AGREEING)
def test_another_implementation_agrees(spec: KeySpec) -> None:
    """Both sides get the same secret, one of them PyCryptodome: the x coordinate, always as long as the field."""
    for _ in range(20):
        peer = private_keys.generate(spec)
        ours = agreement.agree(pair(spec), peer.spki)
        theirs = other_key(spec, private_keys.to_pkcs8(peer))
        assert ours == key_agreement(static_priv=theirs, static_pub=other(spec).public_key(), kdf=_same)
        assert ours == agreement.agree(peer, pair(spec).spki)
        assert len(ours) == FIELD_BYTES[spec]


def _with_point(key: KeyPair, point: bytes) -> bytes:
    """A SubjectPublicKeyInfo like that of a key, around another encoding of a point, its lengths right."""
    assert isinstance(key.public, EllipticCurvePublicKey)
    compressed = key.public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    old = key.public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert key.spki.endswith(old)
    assert len(compressed) < len(old)
    inner = key.spki[3:] if key.spki[1] == 0x81 else key.spki[2:]
    algorithm = inner[: 2 + inner[1]]

    def tagged(tag: int, content: bytes) -> bytes:
        length = bytes([len(content)]) if len(content) < 0x80 else bytes([0x81, len(content)])
        return bytes([tag]) + length + content

    return tagged(0x30, algorithm + tagged(0x03, b"\0" + point))


def _point(key: KeyPair, form: PublicFormat = PublicFormat.UncompressedPoint) -> bytes:
    assert isinstance(key.public, EllipticCurvePublicKey)
    return key.public.public_bytes(Encoding.X962, form)


def _hybrid(key: KeyPair) -> bytes:
    point = _point(key)
    return bytes([6 + point[-1] % 2]) + point[1:]


BAD: dict[str, Callable[[KeyPair], bytes]] = {
    "empty": lambda _: b"",
    "rubbish": lambda peer: b"\x5a" * len(peer.spki),
    "truncated": lambda peer: peer.spki[:-1],
    "a byte behind": lambda peer: peer.spki + b"\0",
    "a byte before": lambda peer: b"\0" + peer.spki,
    "the bare point": _point,
    "PEM": lambda peer: peer.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "compressed": lambda peer: _with_point(peer, _point(peer, PublicFormat.CompressedPoint)),
    "hybrid": lambda peer: _with_point(peer, _hybrid(peer)),
    "the point at infinity": lambda peer: _with_point(peer, b"\0"),
    "zeros for the point": lambda peer: _with_point(peer, b"\4" + bytes(len(_point(peer)) - 1)),
    "y changed": lambda peer: _with_point(peer, _point(peer)[:-1] + bytes([_point(peer)[-1] ^ 1])),
    "x changed": lambda peer: _with_point(peer, _point(peer)[:1] + bytes([_point(peer)[1] ^ 1]) + _point(peer)[2:]),
    "coordinates of ones": lambda peer: _with_point(peer, b"\4" + b"\xff" * (len(_point(peer)) - 1)),
    "a private key": private_keys.to_pkcs8,
    "secp256k1": lambda _: pair(KeySpec.ECC_SECG_P256K1).spki,
    "RSA": lambda _: pair(KeySpec.RSA_2048).spki,
    "Ed25519": lambda _: pair(KeySpec.ECC_NIST_EDWARDS25519).spki,
    "ML-KEM": lambda _: pair(KeySpec.ML_KEM_768).spki,
}


@pytest.mark.parametrize("spec", AGREEING)
@pytest.mark.parametrize("name", BAD)
def test_a_bad_peer_is_refused(spec: KeySpec, name: str) -> None:
    """A peer's key that is no point of our curve, or is written in another way, is refused without a reason."""
    peer = private_keys.generate(spec)
    assert _with_point(peer, _point(peer)) == peer.spki
    with pytest.raises(InvalidPublicKeyError) as caught:
        agreement.agree(pair(spec), BAD[name](peer))
    assert str(caught.value) == ""
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("spec", AGREEING)
def test_a_key_of_another_curve_is_refused(spec: KeySpec) -> None:
    """No NIST curve agrees with another."""
    for wrong in AGREEING:
        if wrong is not spec:
            with pytest.raises(InvalidPublicKeyError):
                agreement.agree(pair(spec), pair(wrong).spki)


def test_coordinates_are_reduced() -> None:
    """A coordinate plus the prime of the field, which is the same point, is refused (SP 800-56A, 5.6.2.3.3)."""
    spec = KeySpec.ECC_NIST_P521
    point = _point(pair(spec))
    x = (int.from_bytes(point[1:67], "big") + P_521).to_bytes(66, "big")
    with pytest.raises(InvalidPublicKeyError):
        agreement.agree(pair(spec), _with_point(pair(spec), point[:1] + x + point[67:]))
