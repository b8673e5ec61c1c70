"""A second reader and writer of every format in docs/reference/formats.md.

Written from that page with PyCryptodome and the standard library. Nothing of the product is imported: where code and
page part, tests turn red.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from Crypto.Cipher import AES
from Crypto.Protocol.KDF import SP800_108_Counter

ZERO_NONCE = bytes(12)


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA-256."""
    return hmac.new(key, data, hashlib.sha256).digest()


def kdf(key: bytes, label: str, context: bytes) -> bytes:
    """Section "Primitives": KDF."""
    derived = SP800_108_Counter(key, 32, hmac_sha256, label=label.encode("ascii"), context=context)
    assert isinstance(derived, bytes)
    return derived


def gcm_seal(key: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """AES-256-GCM under a key of one message."""
    cipher = AES.new(key, AES.MODE_GCM, nonce=ZERO_NONCE)
    cipher.update(aad)
    ciphertext, tag = cipher.encrypt_and_digest(plaintext)
    return ciphertext + tag


def gcm_open(key: bytes, sealed: bytes, aad: bytes) -> bytes:
    """AES-256-GCM under a key of one message; ValueError where the tag does not fit."""
    cipher = AES.new(key, AES.MODE_GCM, nonce=ZERO_NONCE)
    cipher.update(aad)
    return cipher.decrypt_and_verify(sealed[:-16], sealed[-16:])


def open_message(key: bytes, message: bytes, aad: bytes) -> bytes:
    """Section "Primitives": open a Message."""
    return gcm_open(kdf(key, "strongroom/message", message[:16]), message[16:], aad)


def seal_message(key: bytes, salt: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Section "Primitives": make a Message, its salt given."""
    return salt + gcm_seal(kdf(key, "strongroom/message", salt), plaintext, aad)


def framed(*parts: bytes) -> bytes:
    """Section "Conventions": framed parts."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def purpose_key(root: bytes, label: str, version: int) -> bytes:
    """Section "Keys and labels": a key derived from the root."""
    return kdf(root, label, version.to_bytes(4, "big"))


# --- seal file, sealed root, hand-over ---


def read_seal_file(text: str) -> bytes:
    """Section "Seal file": the seal key."""
    name, encoded = text.removesuffix("\n").split(":")
    assert name == "strongroom-seal-v1"
    return base64.b64decode(encoded)


class Root(NamedTuple):
    """A root key and its version."""

    version: int
    root: bytes


def open_sealed_root(blob: bytes, seal_key: bytes) -> Root:
    """Section "Sealed root": the root in it."""
    assert (len(blob), blob[0], blob[1]) == (70, 1, 1)
    root = open_message(seal_key, blob[6:], b"strongroom/sealed-root" + blob[:6])
    return Root(int.from_bytes(blob[2:6], "big"), root)


def read_hand_over(blob: bytes) -> tuple[int, list[Root]]:
    """Section "Root hand-over": the current version, and the roots in order."""
    assert blob[0] == 1
    roots = [Root(int.from_bytes(blob[at : at + 4], "big"), blob[at + 4 : at + 36]) for at in range(5, len(blob), 36)]
    return int.from_bytes(blob[1:5], "big"), roots


# --- sealed records ---

RECORD_LABELS = {
    1: "strongroom/wrap",
    2: "strongroom/credential",
    3: "strongroom/import-token",
    4: "strongroom/session",
    5: "strongroom/grant-token",
}


def open_record(blob: bytes, root: Root, kind: int, facts: tuple[str, ...]) -> bytes:
    """Section "Sealed record": open one of a kind."""
    assert (blob[0], blob[1], int.from_bytes(blob[2:6], "big")) == (1, kind, root.version)
    key = purpose_key(root.root, RECORD_LABELS[kind], root.version)
    return open_message(key, blob[6:], blob[:6] + framed(*(fact.encode() for fact in facts)))


def seal_record(secret: bytes, root: Root, kind: int, facts: tuple[str, ...], salt: bytes) -> bytes:
    """Section "Sealed record": make one of a kind, its salt given."""
    head = bytes((1, kind)) + root.version.to_bytes(4, "big")
    key = purpose_key(root.root, RECORD_LABELS[kind], root.version)
    return head + seal_message(key, salt, secret, head + framed(*(fact.encode() for fact in facts)))


def read_session_token(token: str, root: Root) -> dict[str, Any]:
    """Section "Session token": what is in one."""
    contents: dict[str, Any] = json.loads(open_record(base64.b64decode(token), root, 4, ()))
    return contents


def make_session_token(contents: dict[str, Any], root: Root) -> str:
    """Section "Session token": make one."""
    return base64.b64encode(seal_record(json.dumps(contents).encode(), root, 4, (), bytes(16))).decode()


def read_grant_token(token: str, root: Root) -> tuple[str, ...]:
    """Section "Grant token": what one points at."""
    return tuple(open_record(base64.b64decode(token), root, 5, ()).decode().split("\0"))


def make_grant_token(root: Root, salt: bytes, *pointer: str) -> str:
    """Section "Grant token": make one, its salt given."""
    return base64.b64encode(seal_record("\0".join(pointer).encode(), root, 5, (), salt)).decode()


def wrap_facts(account: str, region: str, key_id: str, material_id: str) -> tuple[str, ...]:
    """The facts of a wrap of a symmetric key made here."""
    return (account, region, key_id, material_id, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "AWS_KMS")


def material_id(material: bytes, key_id: str) -> str:
    """Section "Key material": the id of a material in a key."""
    return kdf(material, "strongroom/material-id", key_id.encode()).hex()


# --- ciphertext ---


def encode_context(context: Mapping[str, str]) -> bytes:
    """Section "Encryption context"."""
    pairs = {key.encode(): value.encode() for key, value in context.items()}
    return len(pairs).to_bytes(4, "big") + b"".join(framed(key, pairs[key]) for key in sorted(pairs))


def encode_header(account: str, key_id: str, material: str, salt: bytes) -> bytes:
    """Section "Ciphertext": bytes 0 to 72."""
    form = 1 if key_id.startswith("mrk-") else 0
    digits = key_id.removeprefix("mrk-").replace("-", "")
    ids = bytes.fromhex(digits) + bytes.fromhex(material)
    return bytes((1, 1, form)) + int(account).to_bytes(6, "big") + ids + salt


def encryption_key(material: bytes, header: bytes) -> bytes:
    """Section "Ciphertext": the encryption key of a message."""
    return kdf(material, "strongroom/symmetric/encryption", header)


def commitment(material: bytes, header: bytes) -> bytes:
    """Section "Ciphertext": the key commitment of a message."""
    return kdf(material, "strongroom/symmetric/commitment", header)


def make_ciphertext(header: bytes, material: bytes, plaintext: bytes, context: Mapping[str, str]) -> bytes:
    """Section "Ciphertext": make a blob."""
    body = gcm_seal(encryption_key(material, header), plaintext, header + encode_context(context))
    return header + commitment(material, header) + body


def open_ciphertext(blob: bytes, material: bytes, context: Mapping[str, str]) -> bytes:
    """Section "Ciphertext": open a blob; AssertionError or ValueError where it does not fit."""
    header, committed, body = blob[:73], blob[73:105], blob[105:]
    assert (header[0], header[1]) == (1, 1)
    assert committed == commitment(material, header)
    return gcm_open(encryption_key(material, header), body, header + encode_context(context))


# --- rows ---


def row_mac(root: Root, row: bytes) -> bytes:
    """Section "Rows": the MAC of a row, given its canonical encoding."""
    return hmac_sha256(purpose_key(root.root, "strongroom/row-mac", root.version), row)


def set_hash(root: Root, nonce: bytes, macs: list[bytes]) -> int:
    """Section "Rows": the set hash of a parent, given the MACs of its rows."""
    key = purpose_key(root.root, "strongroom/row-set", root.version)
    shares = [hmac_sha256(key, b"\0" + nonce), *(hmac_sha256(key, b"\1" + mac) for mac in macs)]
    return sum(int.from_bytes(share, "big") for share in shares) % 2**256
