"""Wrapping of key material as an importer does it, twice: with the ``openssl`` program, and with PyCryptodome."""

import secrets
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from Crypto.Cipher import AES, PKCS1_OAEP
from Crypto.Hash import SHA1, SHA256
from Crypto.PublicKey import ECC, RSA

from tests.crypto import support_vectors

ALGORITHMS = (
    "RSAES_OAEP_SHA_1",
    "RSAES_OAEP_SHA_256",
    "RSA_AES_KEY_WRAP_SHA_1",
    "RSA_AES_KEY_WRAP_SHA_256",
)
WRAPPING_SPECS = ("RSA_2048", "RSA_3072", "RSA_4096")
Wrap = Callable[[bytes, str, bytes], bytes]

CURVES = {
    "ECC_NIST_P256": "P-256",
    "ECC_NIST_P384": "P-384",
    "ECC_NIST_P521": "P-521",
    "ECC_SECG_P256K1": "secp256k1",
    "ECC_NIST_EDWARDS25519": "Ed25519",
}
_BYTES = {"SYMMETRIC_DEFAULT": 32, "HMAC_224": 28, "HMAC_256": 32, "HMAC_384": 48, "HMAC_512": 64}
SPECS = (*_BYTES, "RSA_2048", "RSA_3072", "RSA_4096", *CURVES)

# A usage of each spec that has no default one.
USAGES = {
    **{spec: "GENERATE_VERIFY_MAC" for spec in _BYTES if spec.startswith("HMAC")},
    **dict.fromkeys(("RSA_2048", "RSA_3072", "RSA_4096", *CURVES), "SIGN_VERIFY"),
    "SYMMETRIC_DEFAULT": "ENCRYPT_DECRYPT",
}


def external(spec: str, usage: str | None = None) -> dict[str, str]:
    """The members of CreateKey for a key that is imported."""
    return {"Origin": "EXTERNAL", "KeySpec": spec, "KeyUsage": usage or USAGES[spec]}


def fresh_material(spec: str) -> bytes:
    """New material of a spec in the form in which it is imported; RSA keys are Wycheproof's, since they take long."""
    if spec in _BYTES:
        return secrets.token_bytes(_BYTES[spec])
    if spec in CURVES:
        return ecc_material(CURVES[spec])
    return rsa_material(int(spec[-4:]))


def ecc_material(curve: str) -> bytes:
    """A new key on a curve, PKCS#8 as PyCryptodome writes it."""
    return bytes(ECC.generate(curve=curve).export_key(format="DER", use_pkcs8=True))


@cache
def rsa_material(bits: int, number: int = 0) -> bytes:
    """An RSA key of a size, always the same one for a number, PKCS#8 as Wycheproof has it."""
    path = f"Signature/wycheproof/rsa_pkcs1_{bits}_sig_gen_test.json"
    keys = dict.fromkeys(group["privateKeyPkcs8"] for group in support_vectors.groups(path))
    return bytes.fromhex(list(keys)[number])


def by_openssl(public_key: bytes, algorithm: str, material: bytes) -> bytes:
    """Wrap with the ``openssl`` program, as AWS's guide does ("Importing key material, step 3")."""
    digest = algorithm.rpartition("_SHA_")[2]
    if algorithm.startswith("RSAES"):
        return _openssl_oaep(public_key, digest, material)
    aes_key = secrets.token_bytes(32)
    cipher = ("enc", "-id-aes256-wrap-pad", "-K", aes_key.hex(), "-iv", "A65959A6")
    return _openssl_oaep(public_key, digest, aes_key) + _openssl(material, *cipher)


def _openssl_oaep(public_key: bytes, digest: str, message: bytes) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "public.der"
        path.write_bytes(public_key)
        options = ("rsa_padding_mode:oaep", f"rsa_oaep_md:sha{digest}", f"rsa_mgf1_md:sha{digest}")
        flags = [flag for option in options for flag in ("-pkeyopt", option)]
        return _openssl(message, "pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", str(path), *flags)


def _openssl(given: bytes, *arguments: str) -> bytes:
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=True, timeout=30).stdout


def by_pycryptodome(public_key: bytes, algorithm: str, material: bytes) -> bytes:
    """Wrap with PyCryptodome, which has no code of OpenSSL."""
    if algorithm.startswith("RSAES"):
        return pycryptodome_oaep(public_key, algorithm, material)
    aes_key = secrets.token_bytes(32)
    return pycryptodome_oaep(public_key, algorithm, aes_key) + kwp(aes_key, material)


def pycryptodome_oaep(public_key: bytes, algorithm: str, message: bytes) -> bytes:
    """RSAES-OAEP with the hash that an algorithm names."""
    hash_module = SHA256 if algorithm.endswith("SHA_256") else SHA1
    return PKCS1_OAEP.new(RSA.import_key(public_key), hash_module).encrypt(message)


def kwp(aes_key: bytes, material: bytes) -> bytes:
    """AES key wrap with padding (RFC 5649)."""
    return bytes(AES.new(aes_key, AES.MODE_KWP).seal(material))


WAYS: dict[str, Wrap] = {"openssl": by_openssl, "PyCryptodome": by_pycryptodome}
