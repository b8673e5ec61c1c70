"""Published vectors by way of an import, and what a key's material has to do with its id."""

import secrets

import pytest
from Crypto.PublicKey import ECC, RSA

from tests import asn1, wrapping
from tests.core import Core, key_id_of
from tests.crypto.support_vectors import der, groups, rfc_4231, wycheproof
from tests.operations.kms.importing import FOR_EVER, parcel, put, use_known_wrapping_keys

MESSAGE = b"a message"
BY_AES_KEY = "RSA_AES_KEY_WRAP_SHA_256"
LENGTHS = {"HMAC_224": 28, "HMAC_256": 32, "HMAC_384": 48, "HMAC_512": 64}


@pytest.fixture(autouse=True)
def _known_wrapping_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    use_known_wrapping_keys(monkeypatch)


@pytest.mark.parametrize("spec", LENGTHS)
def test_hmac_vectors(core: Core, spec: str) -> None:
    """The MACs of RFC 4231: HMAC fills a key with zero bytes, so that a shorter key is one of the spec's length."""
    algorithm = spec.replace("HMAC_", "HMAC_SHA_")
    count = 0
    for key_bytes, message, code in rfc_4231(spec[-3:]):
        if len(key_bytes) > LENGTHS[spec]:
            continue
        key = core.new_key(**wrapping.external(spec))
        put(core, key, key_bytes.ljust(LENGTHS[spec], b"\0"))
        assert core.ok("GenerateMac", KeyId=key, Message=message, MacAlgorithm=algorithm)["Mac"] == code
        core.ok("VerifyMac", KeyId=key, Message=message, MacAlgorithm=algorithm, Mac=code)
        count += 1
    assert count >= 4


@pytest.mark.parametrize("spec", ["RSA_2048", "RSA_3072", "RSA_4096"])
def test_rsa_vectors(core: Core, spec: str) -> None:
    """Wycheproof's keys make Wycheproof's signatures; those that it made up with the exponent 3 are refused."""
    signatures = 0
    for group in groups(f"Signature/wycheproof/rsa_pkcs1_{spec[-4:]}_sig_gen_test.json"):
        if group["sha"] not in {"SHA-256", "SHA-384", "SHA-512"}:
            continue
        private = bytes.fromhex(group["privateKeyPkcs8"])
        key = core.new_key(**wrapping.external(spec))
        answer = core.call("ImportKeyMaterial", **parcel(core, key, private, BY_AES_KEY), ExpirationModel=FOR_EVER)
        if RSA.import_key(private).e == 3:
            assert answer.code == "IncorrectKeyMaterialException"
            continue
        algorithm = f"RSASSA_PKCS1_V1_5_{group['sha'].replace('-', '_')}"
        for test in group["tests"]:
            message = bytes.fromhex(test["msg"])
            if message:
                made = core.ok("Sign", KeyId=key, Message=message, SigningAlgorithm=algorithm)["Signature"]
                assert made.hex() == test["sig"]
                signatures += 1
    assert signatures > 10


@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521"])
def test_ecdh_vectors(core: Core, spec: str) -> None:
    """Wycheproof's keys agree with its peers on its secrets."""
    curve = spec.replace("ECC_NIST_P", "secp")
    tests = [
        test for _, test in wycheproof(f"Protocol/wycheproof/ecdh_{curve}r1_pem_test.json") if test["result"] == "valid"
    ]
    for test in tests[:: len(tests) // 12]:
        key = core.new_key(**wrapping.external(spec, "KEY_AGREEMENT"))
        request = parcel(core, key, der(test["private"]), BY_AES_KEY)
        core.ok("ImportKeyMaterial", **request, ExpirationModel=FOR_EVER)
        answer = core.ok("DeriveSharedSecret", KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=der(test["public"]))
        assert answer["SharedSecret"].hex() == test["shared"]


def test_a_ciphertext_belongs_to_its_key(core: Core) -> None:
    """The same material in two keys has two ids, and what the one sealed the other does not open."""
    material = secrets.token_bytes(32)
    first, second = (core.new_key(Origin="EXTERNAL") for _ in range(2))
    assert put(core, first, material) != put(core, second, material)
    blob = core.ok("Encrypt", KeyId=first, Plaintext=MESSAGE)["CiphertextBlob"]
    assert core.refused("Decrypt", KeyId=second, CiphertextBlob=blob)[0] == "IncorrectKeyException"
    forged = blob.replace(*(bytes.fromhex(key_id_of(key).replace("-", "")) for key in (first, second)))
    assert core.refused("Decrypt", CiphertextBlob=forged)[0] == "InvalidCiphertextException"
    assert core.ok("Decrypt", CiphertextBlob=blob)["Plaintext"] == MESSAGE


def test_one_material_has_one_id(core: Core) -> None:
    """However it is wrapped and encoded it is the same material when it comes again."""
    material = secrets.token_bytes(32)
    key = core.new_key(Origin="EXTERNAL")
    ids = {put(core, key, material)}
    for direct in ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"):
        request = parcel(core, key, material, direct, "RSA_4096") | {"ExpirationModel": FOR_EVER}
        ids.add(core.ok("ImportKeyMaterial", **request)["KeyMaterialId"])
    assert len(ids) == 1
    private = ECC.generate(curve="P-256")
    key = core.new_key(**wrapping.external("ECC_NIST_P256"))
    algorithm = bytes(private.public_key().export_key(format="DER"))[2:23]
    bare = asn1.sequence(asn1.integer(1), asn1.octets(int(private.d).to_bytes(32, "big")))
    for written in (private.export_key(format="DER", use_pkcs8=True), asn1.pkcs8(algorithm, bare)):
        put(core, key, bytes(written))
    assert len(core.stored(key).materials) == 1
