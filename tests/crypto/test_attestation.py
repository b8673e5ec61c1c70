"""Attestation documents: those that hold, AWS's own among them, and the forms, signatures and times that do not."""

from collections.abc import Callable
from hashlib import sha256
from ssl import PEM_cert_to_DER_cert
from typing import Any, NamedTuple

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from strongroom.crypto import attestation
from strongroom.crypto.attestation import AttestationError, RootsError, load_roots, verify
from tests.attestations import ABSENT, Enclave, authority, sign1, signer
from tests.crypto.nitro import vector

NOW = 1_700_000_000.0
MAX_AGE = 300.0
ENCLAVE = Enclave(NOW)
TPM = Enclave(NOW, nitro_tpm=True)
ROOTS = load_roots(ENCLAVE.roots)
CHAIN = "its certificates do not lead to a configured root"


def refusal(document: bytes, *, roots: attestation.Roots = ROOTS, now: float = NOW) -> str:
    """The text with which a document is refused; it has no cause that could tell more."""
    with pytest.raises(AttestationError) as caught:
        verify(document, roots, now, MAX_AGE)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


# --- what holds ---


class Real(NamedTuple):
    """What is known of a document of AWS's."""

    module_id: str
    time: float
    registers: int
    key_bytes: int
    nitro_tpm: bool = False


REAL = {
    "enclave-2024.b64": Real("i-0bbf1bfe232b8c2ce-enc0191fc27458c1d41", 1_726_547_441.8, 16, 5),
    "enclave-2026.b64": Real("i-0340e0cb833504eb6-enc019c12d31f78864d", 1_770_065_027.502, 16, 5),
    "tpm-2026.b64": Real("i-000fa553dad58a9f1-tpm0000000000000000", 1_786_642_608.432, 24, 91, nitro_tpm=True),
}


@pytest.mark.parametrize("name", REAL)
def test_documents_of_aws_hold_at_their_time(name: str) -> None:
    """Documents of AWS's hardware verify under AWS's root; a day later, or under another root, they do not."""
    known, document, roots = REAL[name], vector(name), load_roots(vector("root.pem"))
    found = verify(document, roots, known.time, MAX_AGE)
    assert (found.module_id, found.nitro_tpm) == (known.module_id, known.nitro_tpm)
    assert len(found.public_key or b"") == known.key_bytes
    assert sorted(found.pcrs) == list(range(known.registers))
    assert {len(pcr) for pcr in found.pcrs.values()} == {48}
    assert refusal(document, roots=roots, now=known.time + 86_400) == CHAIN
    assert refusal(document, now=known.time) == CHAIN


def test_the_root_of_the_vectors_is_the_one_aws_publishes() -> None:
    """Its SHA-256 fingerprint is that of AWS's page "Verifying the root of trust", and the one that our docs give."""
    published = "641A0321A3E244EFE456463195D606317ED7CDCC3C1756E09893F3C68F79BB5B"
    assert sha256(PEM_cert_to_DER_cert(vector("root.pem").decode())).hexdigest().upper() == published


def indefinite(document: bytes) -> bytes:
    """The payload of a document as a map of indefinite length, signed again: newer hardware writes such."""
    payload = cbor2.loads(document)[2]
    assert payload[0] >> 5 == 5
    head = 1 if payload[0] & 31 < 24 else 2
    return sign1(b"\xbf" + payload[head:] + b"\xff", ENCLAVE.signer.key)


def under_the_root() -> bytes:
    """A document whose signer the root itself certifies."""
    issued = signer(ENCLAVE.chain[0], NOW)
    members = ENCLAVE.members(certificate=issued.der, cabundle=[ENCLAVE.chain[0].der])
    return sign1(cbor2.dumps(members), issued.key)


GOOD: dict[str, Callable[[], bytes]] = {
    "untagged": ENCLAVE.document,
    "tagged": lambda: b"\xd2" + ENCLAVE.document(),
    "a map of indefinite length": lambda: indefinite(ENCLAVE.document()),
    "optional members left out": lambda: ENCLAVE.document(user_data=ABSENT, nonce=ABSENT),
    "optional members empty": lambda: ENCLAVE.document(user_data=b"", nonce=b""),
    "optional members at their longest": lambda: ENCLAVE.document(user_data=bytes(1024), nonce=bytes(1024)),
    "certificates of the root's own": under_the_root,
    "as old as allowed": lambda: ENCLAVE.document(timestamp=int((NOW - MAX_AGE) * 1000)),
    "as far ahead as allowed": lambda: ENCLAVE.document(timestamp=int((NOW + MAX_AGE) * 1000)),
}


@pytest.mark.parametrize("case", GOOD)
def test_what_holds(case: str) -> None:
    """A document says whose it is, its registers, and the enclave's key, whatever way it is written."""
    found = verify(GOOD[case](), ROOTS, NOW, MAX_AGE)
    assert found.module_id == ENCLAVE.members()["module_id"]
    assert found.public_key == ENCLAVE.members()["public_key"]
    assert found.pcrs == ENCLAVE.pcrs
    assert not found.nitro_tpm


def test_a_nitro_tpm_is_told_apart() -> None:
    """Registers of a NitroTPM are read, and known as such: policies have other condition keys for them."""
    found = verify(TPM.document(), load_roots(TPM.roots), NOW, MAX_AGE)
    assert (found.nitro_tpm, found.pcrs) == (True, TPM.pcrs)


def test_the_enclaves_key_is_its_own() -> None:
    """The member public_key may be missing, null or of any kind; who needs it judges it."""
    for key, known in ((ABSENT, None), (None, None), (b"x", b"x"), (bytes(1024), bytes(1024))):
        assert verify(ENCLAVE.document(public_key=key), ROOTS, NOW, MAX_AGE).public_key == known


@pytest.mark.parametrize("length", [32, 48, 64])
def test_registers_have_three_lengths(length: int) -> None:
    """All that AWS allows, in a map of one and in a map of all numbers."""
    for numbers in ((31,), range(32)):
        pcrs = {number: bytes(length) for number in numbers}
        assert verify(ENCLAVE.document(pcrs=pcrs), ROOTS, NOW, MAX_AGE).pcrs == pcrs


def test_each_of_several_roots_counts() -> None:
    """A file of roots may hold several, in any order; one that is not in it does not count."""
    other = authority("other", None, NOW)
    for pem in (ENCLAVE.roots + other.pem, other.pem + ENCLAVE.roots):
        verify(ENCLAVE.document(), load_roots(pem), NOW, MAX_AGE)
    assert refusal(ENCLAVE.document(), roots=load_roots(other.pem)) == CHAIN


BAD_ROOTS = {
    "empty": (b"", "no PEM certificates that can be read"),
    "rubbish": (b"rubbish", "no PEM certificates that can be read"),
    "DER": (ENCLAVE.chain[0].der, "no PEM certificates that can be read"),
    "cut short": (ENCLAVE.roots[:300] + ENCLAVE.roots[-60:], "no PEM certificates that can be read"),
    "another curve": (
        ENCLAVE.roots + authority("other", None, NOW, curve=ec.SECP256R1()).pem,
        "a certificate whose key is not on the curve P-384",
    ),
}


@pytest.mark.parametrize("case", BAD_ROOTS)
def test_files_that_are_no_roots(case: str) -> None:
    """A file without certificates, or with one that nothing could chain to, is refused as a whole."""
    pem, text = BAD_ROOTS[case]
    with pytest.raises(RootsError, match=f"^{text}$"):
        load_roots(pem)


# --- what does not ---


def resigned(members: dict[Any, Any]) -> bytes:
    """A document of these members, signed by the enclave's signer."""
    return sign1(cbor2.dumps(members), ENCLAVE.signer.key)


def structure(*, replace: dict[int, Any]) -> bytes:
    """A good document with items of its COSE_Sign1 replaced."""
    items = cbor2.loads(ENCLAVE.document())
    return cbor2.dumps([replace.get(place, item) for place, item in enumerate(items)])


def raw_payload(payload: bytes) -> bytes:
    """A payload that is not CBOR of a map, signed all the same."""
    return sign1(payload, ENCLAVE.signer.key)


def protected(header: Any) -> bytes:
    """A document whose signed header is another one."""
    return sign1(cbor2.dumps(ENCLAVE.members()), ENCLAVE.signer.key, protected=header)


def doubled() -> bytes:
    """A payload with a member twice: readers could differ about which counts."""
    payload = cbor2.dumps(ENCLAVE.members())
    return raw_payload(bytes([payload[0] + 1]) + payload[1:] + cbor2.dumps("module_id") + cbor2.dumps("i-other"))


def with_timestamp(encoded: bytes) -> bytes:
    """A payload whose timestamp is this CBOR."""
    plain = cbor2.dumps("timestamp") + cbor2.dumps(int(NOW * 1000))
    payload = cbor2.dumps(ENCLAVE.members())
    assert plain in payload
    return raw_payload(payload.replace(plain, cbor2.dumps("timestamp") + encoded))


COSE = "it is not a COSE_Sign1 structure with algorithm ES384"
PAYLOAD = "its payload is not a map of an attestation document's members"
SIGNATURE = "its signature does not verify"
TIME = "its timestamp is more than 300 seconds away from the service's time"
MILLISECONDS = int(NOW * 1000).to_bytes(8, "big")


def member(name: str) -> str:
    """The refusal that names a member."""
    return f"its member {name} is missing or not valid"


REFUSED: dict[str, tuple[str, Callable[[], bytes]]] = {
    # The structure.
    "nothing": (COSE, lambda: b""),
    "no CBOR": (COSE, lambda: b"\xff" * 100),
    "text": (COSE, lambda: cbor2.dumps("document")),
    "a map": (COSE, lambda: cbor2.dumps(ENCLAVE.members())),
    "three items": (COSE, lambda: cbor2.dumps(cbor2.loads(ENCLAVE.document())[:3])),
    "five items": (COSE, lambda: cbor2.dumps([*cbor2.loads(ENCLAVE.document()), b""])),
    "something behind it": (COSE, lambda: ENCLAVE.document() + b"\0"),
    "two of them": (COSE, lambda: ENCLAVE.document() * 2),
    "another tag": (COSE, lambda: b"\xd1" + ENCLAVE.document()),
    "two tags": (COSE, lambda: b"\xd2\xd2" + ENCLAVE.document()),
    "a tag within": (COSE, lambda: structure(replace={3: cbor2.CBORTag(24, bytes(96))})),
    "an item that is null": (COSE, lambda: structure(replace={2: None})),
    "a payload that is text": (COSE, lambda: structure(replace={2: "payload"})),
    "an unprotected header": (COSE, lambda: sign1(b"", ENCLAVE.signer.key, unprotected={4: b"key"})),
    "an unprotected header that is no map": (COSE, lambda: structure(replace={1: []})),
    "an algorithm that is unprotected": (COSE, lambda: structure(replace={0: b"", 1: {1: -35}})),
    "no protected header": (COSE, lambda: protected(b"")),
    "another algorithm": (COSE, lambda: protected(cbor2.dumps({1: -7}))),
    "a critical header": (COSE, lambda: protected(cbor2.dumps({1: -35, 2: [4]}))),
    "a protected header with more": (COSE, lambda: protected(cbor2.dumps({1: -35, 4: b"key"}))),
    "a payload that is too long": (COSE, lambda: raw_payload(bytes(attestation.MAX_PAYLOAD_BYTES + 1))),
    "a document that is too long": ("it is longer than 16640 bytes", lambda: b"\0" * 16_641),
    # The payload.
    "an empty payload": (PAYLOAD, lambda: raw_payload(b"")),
    "a payload that is no CBOR": (PAYLOAD, lambda: raw_payload(b"\xff")),
    "a payload that is a list": (PAYLOAD, lambda: raw_payload(cbor2.dumps(list(ENCLAVE.members().values())))),
    "a payload with something behind it": (PAYLOAD, lambda: raw_payload(cbor2.dumps(ENCLAVE.members()) + b"\0")),
    "a tagged payload": (PAYLOAD, lambda: raw_payload(b"\xd2" + cbor2.dumps(ENCLAVE.members()))),
    "a member twice": (PAYLOAD, doubled),
    "an unknown member": (PAYLOAD, lambda: ENCLAVE.document(secret=b"x")),
    "a member's name in bytes": (PAYLOAD, lambda: resigned(ENCLAVE.members() | {b"nonce": b""})),
    "no module": (member("module_id"), lambda: ENCLAVE.document(module_id=ABSENT)),
    "an empty module": (member("module_id"), lambda: ENCLAVE.document(module_id="")),
    "a module in bytes": (member("module_id"), lambda: ENCLAVE.document(module_id=b"i-0")),
    "a module that is null": (member("module_id"), lambda: ENCLAVE.document(module_id=None)),
    "no digest": (member("digest"), lambda: ENCLAVE.document(digest=ABSENT)),
    "another digest": (member("digest"), lambda: ENCLAVE.document(digest="SHA256")),
    "no timestamp": (member("timestamp"), lambda: ENCLAVE.document(timestamp=ABSENT)),
    "a timestamp of zero": (member("timestamp"), lambda: ENCLAVE.document(timestamp=0)),
    "a negative timestamp": (member("timestamp"), lambda: ENCLAVE.document(timestamp=-1)),
    "a timestamp in text": (member("timestamp"), lambda: ENCLAVE.document(timestamp=str(int(NOW * 1000)))),
    "a timestamp with a fraction": (member("timestamp"), lambda: ENCLAVE.document(timestamp=NOW * 1000)),
    "a timestamp that is a truth": (member("timestamp"), lambda: ENCLAVE.document(timestamp=True)),
    "a timestamp that is a big number": (PAYLOAD, lambda: with_timestamp(b"\xc2\x48" + MILLISECONDS)),
    "a timestamp that is a date": (PAYLOAD, lambda: with_timestamp(b"\xc1" + cbor2.dumps(int(NOW)))),
    "no registers": (member("pcrs"), lambda: ENCLAVE.document(pcrs=ABSENT)),
    "registers that are null": (member("pcrs"), lambda: ENCLAVE.document(pcrs=None)),
    "registers in a list": (member("pcrs"), lambda: ENCLAVE.document(pcrs=[bytes(48)])),
    "a map of no registers": (member("pcrs"), lambda: ENCLAVE.document(pcrs={})),
    "registers of both kinds": (member("pcrs"), lambda: ENCLAVE.document(nitrotpm_pcrs={0: bytes(48)})),
    "33 registers": (member("pcrs"), lambda: ENCLAVE.document(pcrs={number: bytes(48) for number in range(33)})),
    "a register 32": (member("pcrs"), lambda: ENCLAVE.document(pcrs={32: bytes(48)})),
    "a register below zero": (member("pcrs"), lambda: ENCLAVE.document(pcrs={-1: bytes(48)})),
    "a register with a name": (member("pcrs"), lambda: ENCLAVE.document(pcrs={"0": bytes(48)})),
    "a register numbered with a fraction": (member("pcrs"), lambda: ENCLAVE.document(pcrs={0.5: bytes(48)})),
    "a register of 47 bytes": (member("pcrs"), lambda: ENCLAVE.document(pcrs={0: bytes(48), 1: bytes(47)})),
    "a register of 65 bytes": (member("pcrs"), lambda: ENCLAVE.document(pcrs={0: bytes(65)})),
    "a register in text": (member("pcrs"), lambda: ENCLAVE.document(pcrs={0: "0" * 48})),
    "no certificate": (member("certificate"), lambda: ENCLAVE.document(certificate=ABSENT)),
    "an empty certificate": (member("certificate"), lambda: ENCLAVE.document(certificate=b"")),
    "a certificate of 1025 bytes": (member("certificate"), lambda: ENCLAVE.document(certificate=bytes(1025))),
    "no bundle": (member("cabundle"), lambda: ENCLAVE.document(cabundle=ABSENT)),
    "an empty bundle": (member("cabundle"), lambda: ENCLAVE.document(cabundle=[])),
    "a bundle that is one certificate": (
        member("cabundle"),
        lambda: ENCLAVE.document(cabundle=ENCLAVE.chain[0].der),
    ),
    "a bundle with an empty place": (member("cabundle"), lambda: ENCLAVE.document(cabundle=[b""])),
    "a bundle with a long place": (member("cabundle"), lambda: ENCLAVE.document(cabundle=[bytes(1025)])),
    "a bundle within a bundle": (PAYLOAD, lambda: ENCLAVE.document(cabundle=[[ENCLAVE.chain[0].der]])),
    "an empty key": (member("public_key"), lambda: ENCLAVE.document(public_key=b"")),
    "a key of 1025 bytes": (member("public_key"), lambda: ENCLAVE.document(public_key=bytes(1025))),
    "a key in text": (member("public_key"), lambda: ENCLAVE.document(public_key="a2V5")),
    "user data of 1025 bytes": (member("user_data"), lambda: ENCLAVE.document(user_data=bytes(1025))),
    "a nonce of 1025 bytes": (member("nonce"), lambda: ENCLAVE.document(nonce=bytes(1025))),
    # The signature and the time.
    "no signature": (COSE, lambda: structure(replace={3: b""})),
    "a signature in DER": (COSE, lambda: structure(replace={3: b"\x30\x66" + bytes(102)})),
    "a signature of zeros": (SIGNATURE, lambda: structure(replace={3: bytes(96)})),
    "a signature of ones": (SIGNATURE, lambda: structure(replace={3: b"\xff" * 96})),
    "the signature of another payload": (
        SIGNATURE,
        lambda: structure(replace={2: cbor2.dumps(ENCLAVE.members(module_id="i-other"))}),
    ),
    "the signature of another key": (SIGNATURE, lambda: sign1(cbor2.dumps(ENCLAVE.members()), ENCLAVE.chain[3].key)),
    "too old": (TIME, lambda: ENCLAVE.document(timestamp=int((NOW - MAX_AGE) * 1000) - 1)),
    "too far ahead": (TIME, lambda: ENCLAVE.document(timestamp=int((NOW + MAX_AGE) * 1000) + 1)),
    "at the end of time": (TIME, lambda: ENCLAVE.document(timestamp=2**64 - 1)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    """Each document breaks one rule, and the refusal says which."""
    expected, document = REFUSED[case]
    assert refusal(document()) == expected


def test_a_refusal_holds_nothing_of_the_document() -> None:
    """Names and values that a stranger wrote do not come back in the text."""
    for document in (
        ENCLAVE.document(canary=1),
        ENCLAVE.document(digest="canary"),
        ENCLAVE.document(pcrs={"canary": b""}),
        raw_payload(cbor2.dumps({"canary": 1})),
        sign1(b"canary", ENCLAVE.signer.key),
    ):
        assert "canary" not in refusal(document)
