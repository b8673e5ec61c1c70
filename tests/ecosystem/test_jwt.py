"""JSON Web Tokens that KMS signed, verified by PyJWT and by joserfc; tokens with a MAC, verified through KMS.

The algorithms are those of RFC 7518, RFC 8812 (ES256K) and RFC 8037 and 9864 (Ed25519).
"""

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from joserfc import jwt as jose
from joserfc.errors import BadSignatureError, SecurityWarning
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.utils import base64url_decode, base64url_encode, der_to_raw_signature

from tests.ecosystem.keys import Keys

CLAIMS = {"sub": "alice", "iss": "https://issuer.example", "admin": False}
MAX_MESSAGE = 4096


class Case(NamedTuple):
    """What a JWS algorithm is in KMS."""

    spec: str
    algorithm: str


ALGORITHMS = {
    "RS256": Case("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256"),
    "RS384": Case("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_384"),
    "RS512": Case("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_512"),
    "PS256": Case("RSA_2048", "RSASSA_PSS_SHA_256"),
    "PS384": Case("RSA_2048", "RSASSA_PSS_SHA_384"),
    "PS512": Case("RSA_2048", "RSASSA_PSS_SHA_512"),
    "ES256": Case("ECC_NIST_P256", "ECDSA_SHA_256"),
    "ES384": Case("ECC_NIST_P384", "ECDSA_SHA_384"),
    "ES512": Case("ECC_NIST_P521", "ECDSA_SHA_512"),
    "ES256K": Case("ECC_SECG_P256K1", "ECDSA_SHA_256"),
    "EdDSA": Case("ECC_NIST_EDWARDS25519", "ED25519_SHA_512"),
}
DIGESTED = [name for name in ALGORITHMS if name != "EdDSA"]
"""Ed25519 hashes the message twice, so that KMS must have it whole."""

TO_JWK: dict[str, Callable[[Any], str]] = {
    "R": RSAAlgorithm.to_jwk,
    "P": RSAAlgorithm.to_jwk,
    "ES": ECAlgorithm.to_jwk,
    "Ed": OKPAlgorithm.to_jwk,
}
"""How PyJWT makes a JWK of a public key, by how the algorithm's name starts."""


class Issuer:
    """Makes tokens with a KMS key.

    Args:
        keys: The keys of the test module.
        name: The JWS algorithm.
    """

    def __init__(self, keys: Keys, name: str) -> None:
        self.kms = keys.kms
        self.name = name
        self.spec, self.algorithm = ALGORITHMS[name]
        self.arn = keys.arn(self.spec)
        self.public = keys.public(self.arn)
        self.pem = keys.pem(self.arn)

    def token(self, claims: dict[str, Any]) -> str:
        """A token in the compact form; of a long one KMS gets the digest."""
        signed = signing_input(self.name, self.arn, claims)
        if len(signed) <= MAX_MESSAGE:
            message = {"Message": signed, "MessageType": "RAW"}
        else:
            digest = hashlib.new("sha" + self.name[2:5], signed).digest()
            message = {"Message": digest, "MessageType": "DIGEST"}
        signature = self.kms.sign(KeyId=self.arn, SigningAlgorithm=self.algorithm, **message)["Signature"]
        if isinstance(self.public, EllipticCurvePublicKey):
            signature = der_to_raw_signature(signature, self.public.curve)
        return (signed + b"." + base64url_encode(signature)).decode()

    def jwk(self) -> dict[str, Any]:
        """The public key as a JWK, with the key's ARN as its name."""
        (to_jwk,) = [to_jwk for start, to_jwk in TO_JWK.items() if self.name.startswith(start)]
        members: dict[str, Any] = json.loads(to_jwk(self.public))
        return members | {"kid": self.arn, "use": "sig"}


def signing_input(name: str, kid: str, claims: dict[str, Any]) -> bytes:
    """Header and claims, as they are signed."""
    parts = ({"alg": name, "typ": "JWT", "kid": kid}, claims)
    return b".".join(base64url_encode(json.dumps(part, separators=(",", ":")).encode()) for part in parts)


@pytest.fixture(params=ALGORITHMS)
def issuer(keys: Keys, request: pytest.FixtureRequest) -> Issuer:
    """An issuer for each algorithm."""
    return Issuer(keys, request.param)


@pytest.fixture(autouse=True)
def _eddsa_is_an_old_name() -> Iterator[None]:
    """Let joserfc say that RFC 9864 renames EdDSA."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "EdDSA is deprecated", SecurityWarning)
        yield


def changed(token: str) -> Iterator[str]:
    """The token with other claims, with a bit of its signature changed, without a signature, and for no algorithm."""
    head, body, signature = token.split(".")
    claims = json.loads(base64url_decode(body)) | {"admin": True}
    raw = bytearray(base64url_decode(signature))
    raw[-1] ^= 1
    yield f"{head}.{base64url_encode(json.dumps(claims).encode()).decode()}.{signature}"
    yield f"{head}.{body}.{base64url_encode(bytes(raw)).decode()}"
    yield f"{head}.{body}."
    yield f"{base64url_encode(json.dumps({'alg': 'none', 'typ': 'JWT'}).encode()).decode()}.{body}."


def test_pyjwt_takes_a_token(issuer: Issuer) -> None:
    """PyJWT verifies a token by the PEM of GetPublicKey and by the JWK made of it, and no changed one."""
    token = issuer.token(CLAIMS)
    for key in (issuer.pem, jwt.PyJWK(issuer.jwk(), algorithm=issuer.name)):
        assert jwt.decode(token, key, algorithms=[issuer.name]) == CLAIMS
        for other in changed(token):
            with pytest.raises((jwt.InvalidSignatureError, jwt.InvalidAlgorithmError)):
                jwt.decode(other, key, algorithms=[issuer.name])


def test_joserfc_takes_a_token(issuer: Issuer) -> None:
    """By joserfc a token verifies with the PEM of GetPublicKey, and a changed one does not."""
    token = issuer.token(CLAIMS)
    kinds: dict[str, type[RSAKey | ECKey | OKPKey]] = {"R": RSAKey, "P": RSAKey, "ES": ECKey, "Ed": OKPKey}
    (kind,) = [kind for start, kind in kinds.items() if issuer.name.startswith(start)]
    key = kind.import_key(issuer.pem)
    assert jose.decode(token, key, algorithms=[issuer.name]).claims == CLAIMS
    for other in list(changed(token))[:2]:
        with pytest.raises(BadSignatureError):
            jose.decode(other, key, algorithms=[issuer.name])


@pytest.mark.parametrize("name", DIGESTED)
def test_a_long_token_is_signed_by_its_digest(keys: Keys, name: str) -> None:
    """A token too long for a message to KMS is signed by its digest, and verifies as any other."""
    issuer = Issuer(keys, name)
    claims = CLAIMS | {"groups": [f"group-{number}" for number in range(500)]}
    token = issuer.token(claims)
    assert len(token) > MAX_MESSAGE
    assert jwt.decode(token, issuer.pem, algorithms=[name]) == claims


def test_a_jwks_names_the_key_of_each_token(keys: Keys) -> None:
    """With the key set of all keys, each token is verified by the key that it names, in either library."""
    issuers = [Issuer(keys, name) for name in ALGORITHMS]
    published = json.dumps({"keys": list({issuer.arn: issuer.jwk() for issuer in issuers}.values())})
    assert published.count('"kid"') == len({case.spec for case in ALGORITHMS.values()})
    theirs, jose_keys = jwt.PyJWKSet.from_json(published), KeySet.import_key_set(json.loads(published))
    for issuer in issuers:
        token = issuer.token(CLAIMS)
        key = theirs[jwt.get_unverified_header(token)["kid"]]
        assert jwt.decode(token, key.key, algorithms=[issuer.name]) == CLAIMS
        assert jose.decode(token, jose_keys, algorithms=[issuer.name]).claims == CLAIMS


def test_a_fully_specified_name(keys: Keys) -> None:
    """A token whose header says Ed25519, as RFC 9864 has it, verifies in joserfc by the signature that EdDSA has."""
    issuer = Issuer(keys, "EdDSA")
    issuer.name = "Ed25519"
    token = issuer.token(CLAIMS)
    assert jose.decode(token, OKPKey.import_key(issuer.pem), algorithms=["Ed25519"]).claims == CLAIMS


def test_another_key_does_not_verify(keys: Keys) -> None:
    """A token signed by a second key of the same kind is refused under the first."""
    issuer = Issuer(keys, "ES256")
    token = issuer.token(CLAIMS)
    second = keys.arn("ECC_NIST_P256", name="second")
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, keys.pem(second), algorithms=["ES256"])


class RemoteHmac(HMACAlgorithm):
    """An HMAC of PyJWT whose secret is in KMS; its key is the ARN.

    Args:
        kms: The boto3 client.
        bits: The length of the hash.
    """

    def __init__(self, kms: Any, bits: int) -> None:
        super().__init__(getattr(hashlib, f"sha{bits}"))
        self.kms = kms
        self.algorithm = f"HMAC_SHA_{bits}"

    def prepare_key(self, key: str | bytes) -> bytes:
        """The ARN."""
        return key if isinstance(key, bytes) else key.encode()

    def sign(self, msg: bytes, key: bytes) -> bytes:
        """The MAC that KMS makes."""
        return bytes(self.kms.generate_mac(KeyId=key.decode(), MacAlgorithm=self.algorithm, Message=msg)["Mac"])

    def verify(self, msg: bytes, key: bytes, sig: bytes) -> bool:
        """Whether KMS finds the MAC right."""
        try:
            return bool(
                self.kms.verify_mac(KeyId=key.decode(), MacAlgorithm=self.algorithm, Message=msg, Mac=sig)["MacValid"]
            )
        except self.kms.exceptions.KMSInvalidMacException:
            return False


@pytest.mark.parametrize("bits", [256, 384, 512])
def test_a_token_with_a_mac_is_verified_through_kms(keys: Keys, bits: int) -> None:
    """PyJWT signs and verifies HS tokens whose secret never leaves KMS; a changed token is refused."""
    name = f"HS{bits}"
    tokens = jwt.PyJWS()
    tokens.unregister_algorithm(name)
    tokens.register_algorithm(name, RemoteHmac(keys.kms, bits))
    arn = keys.arn(f"HMAC_{bits}", "GENERATE_VERIFY_MAC")
    token = tokens.encode(json.dumps(CLAIMS).encode(), arn, algorithm=name)
    assert json.loads(tokens.decode(token, arn, algorithms=[name])) == CLAIMS
    assert len(base64url_decode(token.rpartition(".")[2])) * 8 == bits
    for other in list(changed(token))[:2]:
        with pytest.raises(jwt.InvalidSignatureError):
            tokens.decode(other, arn, algorithms=[name])
    with pytest.raises(jwt.InvalidAlgorithmError):
        tokens.decode(list(changed(token))[3], arn, algorithms=[name])
