"""Ethereum messages and transactions that KMS signed: the key's address is recovered from them by eth-keys."""

from typing import Any

import pytest
import rlp
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from eth_keys.datatypes import PublicKey, Signature
from eth_utils.crypto import keccak

from tests.ecosystem.keys import Keys

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""The order of secp256k1 (SEC 2, 2.4.1)."""

RECIPIENT = bytes.fromhex("5aaeb6053f3e94c9b9a09f33669435e7ef1beaed")

DYNAMIC = [1, 7, 10**9, 30 * 10**9, 21_000, RECIPIENT, 10**18, b"", []]
"""An EIP-1559 transaction: chain, nonce, tip and fee at most, gas, recipient, value, data, access list."""
DYNAMIC_DIGEST = "374751c04c4833f47d6f076cb99f3f1fda0643f698646b9e2c82975edb093d35"
"""What eth-account 0.14.0 has for its digest (``TypedTransaction.hash``)."""

LEGACY = [9, 20 * 10**9, 21_000, b"\x35" * 20, 10**18, b""]
"""The example of EIP-155: nonce, gas price, gas, recipient, value, data."""
LEGACY_DIGEST = "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53"
"""What EIP-155 has for its digest on chain 1."""


class Signer:
    """An Ethereum account whose key is in KMS.

    Args:
        keys: The keys of the test module.
        name: Which of its keys.
    """

    def __init__(self, keys: Keys, name: str = "") -> None:
        self.kms = keys.kms
        self.arn = keys.arn("ECC_SECG_P256K1", name=name)
        point = keys.public(self.arn).public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.public = PublicKey(point[1:])
        self.address = self.public.to_checksum_address()

    def der(self, digest: bytes) -> bytes:
        """KMS's signature of a digest of 32 bytes."""
        answer = self.kms.sign(KeyId=self.arn, Message=digest, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256")
        return bytes(answer["Signature"])

    def sign(self, digest: bytes) -> Signature:
        """An Ethereum signature of a digest: s in the lower half (EIP-2), and the recovery id that leads to the key."""
        return self.normal(self.der(digest), digest)

    def normal(self, der: bytes, digest: bytes) -> Signature:
        """The Ethereum signature that a DER signature stands for."""
        r, s = decode_dss_signature(der)
        found = [Signature(vrs=(parity, r, min(s, ORDER - s))) for parity in (0, 1)]
        (right,) = [one for one in found if recover(one, digest) == self.address]
        return right


def recover(signature: Signature, digest: bytes) -> str:
    """The address of who signed a digest, by eth-keys."""
    return signature.recover_public_key_from_msg_hash(digest).to_checksum_address()


def message_digest(message: bytes) -> bytes:
    """What a wallet signs of a message (EIP-191, version 0x45)."""
    return keccak(b"\x19Ethereum Signed Message:\n%d%b" % (len(message), message))


def sender(raw: bytes) -> str:
    """The address that a chain finds for the sender of a raw transaction (EIP-1559, EIP-155)."""
    if raw[0] == 2:  # its first byte is its type; an old transaction starts with the head of a list
        *fields, v, r, s = rlp.decode(raw[1:])
        digest, parity = keccak(raw[:1] + rlp.encode(fields)), int.from_bytes(v)
    else:
        *fields, v, r, s = rlp.decode(raw)
        chain, parity = divmod(int.from_bytes(v) - 35, 2)
        digest = keccak(rlp.encode([*fields, chain, 0, 0]))
    return recover(Signature(vrs=(parity, int.from_bytes(r), int.from_bytes(s))), digest)


@pytest.fixture(scope="module")
def signer(keys: Keys) -> Signer:
    """The account of the tests here."""
    return Signer(keys)


def test_digests_are_the_published_ones() -> None:
    """The digests here are what others compute: EIP-155's example, eth-account's and, for EIP-191, ethers.js's."""
    assert keccak(b"\x02" + rlp.encode(DYNAMIC)).hex() == DYNAMIC_DIGEST
    assert keccak(rlp.encode([*LEGACY, 1, 0, 0])).hex() == LEGACY_DIGEST
    published = "a1de988600a42c4b4ab089b619297c17d53cffae5d5120d82d8a92d0bb3b78f2"
    assert message_digest(b"Hello World").hex() == published


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"Sign in to example.org as alice", id="text"),
        pytest.param(b"\xff\x00" * 9, id="bytes"),
    ],
)
def test_a_message_leads_to_the_address(signer: Signer, message: bytes) -> None:
    """The address recovered from a signed message is the key's; of another message it is not."""
    compact = signer.sign(message_digest(message)).to_bytes()
    received = Signature(signature_bytes=compact)
    assert recover(received, message_digest(message)) == signer.address
    assert recover(received, message_digest(message + b"!")) != signer.address


def test_a_transaction_leads_to_its_sender(signer: Signer) -> None:
    """An EIP-1559 transaction has the key's address for its sender, and with another value a stranger's."""
    signature = signer.sign(bytes.fromhex(DYNAMIC_DIGEST))
    raw = b"\x02" + rlp.encode([*DYNAMIC, *signature.vrs])
    assert sender(raw) == signer.address
    richer = b"\x02" + rlp.encode([*DYNAMIC[:6], 10**19, *DYNAMIC[7:], *signature.vrs])
    assert sender(richer) != signer.address


def test_an_old_transaction_leads_to_its_sender(signer: Signer) -> None:
    """So has a transaction of before EIP-2718, whose v holds the chain (EIP-155); on another chain it does not."""
    v, r, s = signer.sign(bytes.fromhex(LEGACY_DIGEST)).vrs
    assert sender(rlp.encode([*LEGACY, v + 37, r, s])) == signer.address
    assert sender(rlp.encode([*LEGACY, v + 39, r, s])) != signer.address


def test_a_signature_and_its_twin(signer: Signer) -> None:
    """KMS verifies a signature and its twin with the other s; both come to one Ethereum signature."""
    digest = keccak(text="twins")
    der = signer.der(digest)
    r, s = decode_dss_signature(der)
    asked: dict[str, Any] = {"Message": digest, "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"}
    for one in (der, encode_dss_signature(r, ORDER - s)):
        assert signer.kms.verify(KeyId=signer.arn, Signature=one, **asked)["SignatureValid"]
        assert signer.normal(one, digest) == signer.normal(der, digest)


def test_many_digests(signer: Signer) -> None:
    """Whatever the digest, and whichever half s and parity fall into, the signature leads to the key."""
    digests = [keccak(text=f"transfer {number}") for number in range(32)]
    signatures = [signer.sign(digest) for digest in digests]
    assert {one.v for one in signatures} == {0, 1}
    assert all(one.s <= ORDER // 2 for one in signatures)
    assert len({one.r for one in signatures}) == len(signatures)
    assert {recover(one, digest) for one, digest in zip(signatures, digests, strict=True)} == {signer.address}


def test_addresses_of_two_keys_differ(keys: Keys, signer: Signer) -> None:
    """Another key is another account."""
    assert Signer(keys, "second").address != signer.address
