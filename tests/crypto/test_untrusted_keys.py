"""Private keys of somebody else's making: in which form they are taken, and that they are stored in one."""

import subprocess
from collections.abc import Callable
from contextlib import suppress

import pytest
from Crypto.PublicKey import ECC, RSA
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.crypto import private_keys
from strongroom.crypto.errors import InvalidKeyError
from strongroom.model.spec import SPECS, KeySpec, Kind
from tests import asn1, wrapping
from tests.crypto.support_keys import other_key, pair
from tests.crypto.support_vectors import der

SPECS_OF_KEYS = [KeySpec(spec) for spec in wrapping.SPECS if SPECS[KeySpec(spec)].asymmetric]
CURVES = [spec for spec in SPECS_OF_KEYS if SPECS[spec].kind is Kind.ECC]
NAMES = {
    KeySpec.ECC_NIST_P256: "prime256v1",
    KeySpec.ECC_NIST_P384: "secp384r1",
    KeySpec.ECC_NIST_P521: "secp521r1",
    KeySpec.ECC_SECG_P256K1: "secp256k1",
}
# The order of each curve's base point (SEC 2, version 2).
ORDERS = {spec: int(ECC.generate(curve=wrapping.CURVES[spec])._curve.order) for spec in CURVES}


def openssl(given: bytes, *arguments: str) -> bytes:
    """What the program writes."""
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=True, timeout=60).stdout


def is_refused(spec: KeySpec, encoded: bytes) -> bool:
    """Whether bytes are not taken as a key of a spec."""
    try:
        private_keys.load_untrusted(spec, encoded)
    except InvalidKeyError:
        return True
    return False


@pytest.mark.parametrize("spec", SPECS_OF_KEYS)
def test_pkcs8_of_two_implementations_is_taken(spec: KeySpec) -> None:
    """A key that PyCryptodome wrote, and the same as the openssl program writes it, are one key, stored as one."""
    material = wrapping.fresh_material(spec)
    written = openssl(material, "pkcs8", "-inform", "DER", "-topk8", "-nocrypt", "-outform", "DER")
    loaded = private_keys.load_untrusted(spec, material)
    again = private_keys.load_untrusted(spec, written)
    assert private_keys.to_pkcs8(again) == private_keys.to_pkcs8(loaded)
    assert other_key(spec, loaded.spki) == other_key(spec, material).public_key()


@pytest.mark.parametrize("spec", CURVES)
def test_the_public_point_is_derived(spec: KeySpec) -> None:
    """A key without its public point is the same key, stored as the same bytes; one with another point is refused."""
    key, another = (other_key(spec, wrapping.fresh_material(spec)) for _ in range(2))
    size = (SPECS[spec].size + 7) // 8
    secret = int(key.d).to_bytes(size, "big")
    algorithm, point = _algorithm(spec), key.public_key().export_key(format="SEC1")

    def encoded(point: bytes | None) -> bytes:
        public = b"" if point is None else asn1.tagged(0xA1, asn1.tagged(0x03, b"\0" + point))
        return asn1.pkcs8(algorithm, asn1.sequence(asn1.integer(1), asn1.octets(secret), public))

    whole, bare = (private_keys.load_untrusted(spec, encoded(each)) for each in (point, None))
    assert private_keys.to_pkcs8(whole) == private_keys.to_pkcs8(bare)
    assert bare.spki == key.public_key().export_key(format="DER")
    assert is_refused(spec, encoded(another.public_key().export_key(format="SEC1")))


@pytest.mark.parametrize("spec", CURVES)
def test_the_scalar_is_in_range(spec: KeySpec) -> None:
    """It lies between 0 and the order of the base point, neither of them included."""
    size = (SPECS[spec].size + 7) // 8

    def encoded(scalar: int) -> bytes:
        secret = asn1.octets(scalar.to_bytes(size, "big"))
        return asn1.pkcs8(_algorithm(spec), asn1.sequence(asn1.integer(1), secret))

    for good in (1, 2, ORDERS[spec] - 1):
        assert not is_refused(spec, encoded(good))
    for bad in (0, ORDERS[spec], ORDERS[spec] + 1, 256**size - 1):
        assert is_refused(spec, encoded(bad))


def _algorithm(spec: KeySpec) -> bytes:
    """The AlgorithmIdentifier of a curve: it comes first in a public key, which PyCryptodome writes."""
    spki = ECC.generate(curve=wrapping.CURVES[spec]).public_key().export_key(format="DER")
    start = 3 if spki[1] == 0x81 else 2
    return bytes(spki[start : start + 2 + spki[start + 1]])


@pytest.mark.parametrize("spec", SPECS_OF_KEYS)
def test_a_key_of_another_spec_is_refused(spec: KeySpec) -> None:
    """Each spec takes its own keys alone: no other size, no other curve, no other kind."""
    for other in SPECS_OF_KEYS:
        assert is_refused(spec, wrapping.fresh_material(other)) is (other is not spec)
    assert is_refused(spec, private_keys.to_pkcs8(pair(KeySpec.ML_DSA_44)))


def _encrypted(key: bytes) -> bytes:
    loaded = load_der_private_key(key, None)
    return loaded.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"password"))


def _older(key: bytes) -> bytes:
    """PKCS #1 or SEC 1."""
    return load_der_private_key(key, None).private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def _pem(key: bytes) -> bytes:
    return load_der_private_key(key, None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


OTHER_FORMS: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "a byte": lambda _: b"\x30",
    "rubbish": lambda key: bytes(len(key)),
    "half of it": lambda key: key[: len(key) // 2],
    "a byte less": lambda key: key[:-1],
    "a byte more": lambda key: key + b"\0",
    "twice": lambda key: key + key,
    "encrypted": _encrypted,
    "PEM": _pem,
    "in an octet string": asn1.octets,
}


@pytest.mark.parametrize("form", OTHER_FORMS)
@pytest.mark.parametrize("spec", [KeySpec.RSA_2048, KeySpec.ECC_NIST_P256, KeySpec.ECC_NIST_EDWARDS25519])
def test_other_forms_are_refused(spec: KeySpec, form: str) -> None:
    """Only unencrypted DER PKCS#8, whole and with nothing behind it, is taken."""
    material = wrapping.fresh_material(spec)
    assert not is_refused(spec, material)
    assert is_refused(spec, OTHER_FORMS[form](material))


@pytest.mark.parametrize("spec", [KeySpec.RSA_2048, *CURVES])
def test_the_forms_before_pkcs8_are_refused(spec: KeySpec) -> None:
    """PKCS #1 and SEC 1, which the openssl program writes as "traditional", are no PKCS#8."""
    assert is_refused(spec, _older(wrapping.fresh_material(spec)))


@pytest.mark.parametrize("spec", CURVES)
def test_a_curve_is_named(spec: KeySpec) -> None:
    """A key whose curve is told by its parameters is refused, though they are those of the spec's curve."""
    named = openssl(b"", "ecparam", "-name", NAMES[spec], "-genkey", "-noout")
    explicit = openssl(named, "ec", "-param_enc", "explicit")
    for key, refused in ((named, False), (explicit, True)):
        assert is_refused(spec, openssl(key, "pkcs8", "-topk8", "-nocrypt", "-outform", "DER")) is refused


def test_a_key_for_pss_alone_is_refused() -> None:
    """An RSA key that is marked for one padding (RFC 4055) is none that a KMS key could be."""
    pss = openssl(b"", "genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048")
    assert is_refused(KeySpec.RSA_2048, der(pss.decode()))


@pytest.mark.parametrize("curve", ["65", "66", "67", "68", "69", "6e", "6f", "70", "71", "72"])
def test_relatives_of_ed25519_are_refused(curve: str) -> None:
    """Other curves of RFC 8410, and identifiers beside them, with keys of the length of an Ed25519 key or another."""
    for size in (0, 31, 32, 33, 56, 57):
        algorithm = asn1.sequence(bytes.fromhex(f"06032b65{curve}"))
        encoded = asn1.pkcs8(algorithm, asn1.octets(bytes(range(size))))
        assert is_refused(KeySpec.ECC_NIST_EDWARDS25519, encoded) is not ((curve, size) == ("70", 32))


@settings(deadline=None)
@given(
    st.sampled_from([spec for spec in SPECS_OF_KEYS if SPECS[spec].kind is not Kind.RSA]),
    st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255), st.sampled_from("=+-")), min_size=1, max_size=4),
)
def test_whatever_is_changed_is_refused_or_stored(spec: KeySpec, changes: list[tuple[int, int, str]]) -> None:
    """No bytes do anything else, and what is taken is a key to PyCryptodome, too."""
    encoded = bytearray(wrapping.fresh_material(spec))
    for place, value, how in changes:
        at = place % len(encoded)
        encoded[at : at + (how != "+")] = b"" if how == "-" else bytes([value])
    with suppress(InvalidKeyError):
        stored = private_keys.to_pkcs8(private_keys.load_untrusted(spec, bytes(encoded)))
        assert other_key(spec, stored).has_private()


def test_attributes_do_not_matter() -> None:
    """PKCS#8 may carry attributes and, in version 2, the public key (RFC 5958): what is stored has neither."""
    key = RSA.import_key(wrapping.rsa_material(2048))
    algorithm = asn1.sequence(bytes.fromhex("06092a864886f70d010101"), b"\5\0")
    body = bytes(key.export_key(format="DER", pkcs=1))
    name = asn1.sequence(bytes.fromhex("060355040a"), asn1.tagged(0x31, b"\x0c\x01x"))
    plain, marked = asn1.pkcs8(algorithm, body), asn1.pkcs8(algorithm, body, asn1.tagged(0xA0, name))
    stored = {private_keys.to_pkcs8(private_keys.load_untrusted(KeySpec.RSA_2048, each)) for each in (plain, marked)}
    assert len(stored) == 1
