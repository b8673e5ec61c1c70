"""Answers for attested recipients: read by OpenSSL and by a reader of the tests' own, laid out as AWS lays them out."""

import re
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.crypto.cms import RecipientKeyError, envelop, recipient_key
from tests.attestations import opened, rsa_key, spki
from tests.crypto.nitro import vector

# Where the bytes stand that differ each time, in an answer of 32 bytes to a key of 2048 bits.
FRESH = {"identifier": (33, 65), "key": (131, 387), "iv": (415, 431), "ciphertext": (435, 483)}

KEY_SIZES = (2048, 3072, 4096)
LENGTHS = (0, 1, 15, 16, 17, 32, 1024, 4096)
RSA_2048 = spki(rsa_key())


def openssl_opened(folder: Path, envelope: bytes, key: rsa.RSAPrivateKey) -> bytes:
    """What the program `openssl` finds in an envelope, with the private key alone."""
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    command = ["openssl", "cms", "-decrypt", "-inform", "DER", "-binary", "-inkey", str(folder / "key.pem")]
    return subprocess.run(command, input=envelope, capture_output=True, check=True).stdout


@pytest.mark.parametrize("bits", KEY_SIZES)
def test_openssl_opens_what_was_enveloped(tmp_path: Path, bits: int) -> None:
    """OpenSSL's CMS, and the reader of the tests, find the plaintext, for all sizes of keys and plaintexts."""
    key = rsa_key(bits)
    for length in LENGTHS:
        plaintext = bytes(range(256)) * 16
        envelope = envelop(plaintext[:length], spki(key))
        assert openssl_opened(tmp_path, envelope, key) == plaintext[:length]
        assert opened(envelope, key) == plaintext[:length]
        assert len(envelope) <= 6144


@given(st.binary(max_size=5000))
@settings(max_examples=50)
def test_any_plaintext_comes_back(plaintext: bytes) -> None:
    """Lengths need one, two or three bytes in the encoding, and the padding is whatever it must be."""
    assert opened(envelop(plaintext, RSA_2048), rsa_key()) == plaintext


def skeleton(envelope: bytes) -> list[str]:
    """What `openssl` shows of a CMS structure, without the bytes that differ each time."""
    shown = subprocess.run(
        ["openssl", "cms", "-cmsout", "-print", "-noout", "-inform", "DER"],
        input=envelope,
        capture_output=True,
        check=True,
    )
    return [line for line in shown.stdout.decode().splitlines() if not re.match(r"\s+[0-9a-f]{4} - ", line)]


def test_the_layout_is_that_of_aws() -> None:
    """An answer of AWS KMS and ours for the same kind of key and plaintext differ only in key id, secrets and IV.

    So every reader of AWS's answers reads ours, those included that take one encoding alone.
    """
    aws, ours = vector("answer.b64"), envelop(bytes(32), RSA_2048)
    assert len(ours) == len(aws)
    for start, end in FRESH.values():
        assert ours[start - 2 : start] == aws[start - 2 : start]
        ours = ours[:start] + aws[start:end] + ours[end:]
    assert ours == aws
    assert skeleton(envelop(bytes(32), RSA_2048)) == skeleton(aws)


def test_the_key_identifier_is_that_of_aws() -> None:
    """AWS names the recipient by the SHA-256 of its SubjectPublicKeyInfo; its answer shows it, and ours does so."""
    public = load_pem_public_key(vector("recipient.pem"))
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert vector("answer.b64")[33:65] == sha256(der).digest() == envelop(b"", der)[33:65]


def test_answers_differ() -> None:
    """The same plaintext for the same key has a fresh content key and IV each time, so nothing repeats."""
    first, second = envelop(bytes(32), RSA_2048), envelop(bytes(32), RSA_2048)
    differ = {name: first[start:end] != second[start:end] for name, (start, end) in FRESH.items()}
    assert differ == {"identifier": False, "key": True, "iv": True, "ciphertext": True}


@pytest.mark.parametrize("bits", KEY_SIZES)
def test_keys_that_are_taken(bits: int) -> None:
    """RSA keys of these sizes; the key that comes out is the one that went in."""
    der = spki(rsa_key(bits))
    assert recipient_key(der).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == der


def numbers(modulus: int, exponent: int) -> bytes:
    """The SubjectPublicKeyInfo of an RSA key of whatever numbers, put together by hand."""

    def tlv(tag: int, content: bytes) -> bytes:
        return bytes([tag, 0x82]) + len(content).to_bytes(2, "big") + content

    def integer(value: int) -> bytes:
        content = value.to_bytes(value.bit_length() // 8 + 1, "big")
        return bytes([2, len(content)]) + content if len(content) < 128 else tlv(2, content)

    algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
    return tlv(0x30, algorithm + tlv(3, b"\0" + tlv(0x30, integer(modulus) + integer(exponent))))


MODULUS = rsa_key().public_key().public_numbers().n
NOT_TAKEN = {
    "nothing": b"",
    "rubbish": b"rubbish",
    "PEM": rsa_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "PKCS #1": rsa_key().public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1),
    "a private key": rsa_key().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
    "something behind it": RSA_2048 + b"\0",
    "cut short": RSA_2048[:-1],
    "a key for PSS alone": RSA_2048.replace(
        bytes.fromhex("06092a864886f70d010101"), bytes.fromhex("06092a864886f70d01010a")
    ),
    "an elliptic curve": spki(ec.generate_private_key(ec.SECP384R1())),
    "Ed25519": spki(ed25519.Ed25519PrivateKey.generate()),
    "1024 bits": spki(rsa_key(1024)),
    "2047 bits": numbers(MODULUS >> 1 | 1, 65537),
    "4097 bits": numbers(rsa_key(4096).public_key().public_numbers().n << 1 | 1, 65537),
    "an even modulus": numbers(MODULUS - 1, 65537),
    "exponent 3": numbers(MODULUS, 3),
    "exponent 1": numbers(MODULUS, 1),
    "an even exponent": numbers(MODULUS, 65538),
    "an exponent of zero": numbers(MODULUS, 0),
}


def test_keys_by_hand_are_right() -> None:
    """The maker of strange keys makes this good one, so that only the numbers are what is refused."""
    assert numbers(MODULUS, 65537) == RSA_2048


@pytest.mark.parametrize("case", NOT_TAKEN)
def test_keys_that_are_not_taken(case: str) -> None:
    """Other keys, other encodings, sizes out of bounds and unsound numbers; nothing is encrypted to them."""
    for refuse in (recipient_key, lambda der: envelop(b"secret", der)):
        with pytest.raises(RecipientKeyError) as caught:
            refuse(NOT_TAKEN[case])
        assert str(caught.value) == ""


@given(st.binary(max_size=600))
def test_no_bytes_raise_anything_else(rubbish: bytes) -> None:
    """Whatever comes as a key is a key or is refused."""
    for der in (rubbish, RSA_2048[: len(rubbish) % 294] + rubbish):
        with pytest.raises(RecipientKeyError):
            recipient_key(der)
