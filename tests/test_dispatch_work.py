"""How long the rest of a request takes: what could hold up the event loop is told before it is done."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from strongroom.dispatch import Work
from strongroom.operations.table import OPERATIONS
from strongroom.ports import Recipient
from tests.core import MISSING, Core, make_facts, open_core


class Trusting:
    """Recipients that believe everybody."""

    def attested(self, _document: bytes) -> Recipient:
        """Each document is good."""
        return Recipient("i-0123-enc0123", b"public key", {}, nitro_tpm=False)

    def envelop(self, _recipient: Recipient, plaintext: bytes) -> bytes:
        """No envelope at all."""
        return plaintext


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """A core of the test's own, which believes every attestation document."""
    with open_core(tmp_path) as opened:
        opened.dispatcher = msgspec.structs.replace(opened.dispatcher, recipients=Trusting())
        yield opened


SYMMETRIC: dict[str, Any] = {}
SIGNING = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}
SLOW = {"KeySpec": "ECC_NIST_P521", "KeyUsage": "SIGN_VERIFY"}
RECIPIENT = {"Recipient": {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": "AAAA"}}
# The operation, the key that it is done with, the other members, and how long it takes.
CASES: dict[str, tuple[str, dict[str, Any] | None, dict[str, Any], Work]] = {
    "a symmetric key": ("Encrypt", SYMMETRIC, {"Plaintext": "eA=="}, Work.SHORT),
    "a fast private key": ("Sign", SIGNING, {"Message": "eA==", "SigningAlgorithm": "ECDSA_SHA_256"}, Work.SHORT),
    "a slow private key": ("Sign", SLOW, {"Message": "eA==", "SigningAlgorithm": "ECDSA_SHA_512"}, Work.LONG),
    "a slow key that is only read": ("DescribeKey", SLOW, {}, Work.SHORT),
    "a data key": ("GenerateDataKey", SYMMETRIC, {"KeySpec": "AES_256"}, Work.SHORT),
    "a data key for a recipient": ("GenerateDataKey", SYMMETRIC, {"KeySpec": "AES_256", **RECIPIENT}, Work.LONG),
    "a curve's key pair": ("GenerateDataKeyPair", SYMMETRIC, {"KeyPairSpec": "ECC_NIST_P256"}, Work.SHORT),
    "an RSA key pair": ("GenerateDataKeyPair", SYMMETRIC, {"KeyPairSpec": "RSA_2048"}, Work.GENERATION),
    "a new symmetric key": ("CreateKey", None, {}, Work.SHORT),
    "a new RSA key": ("CreateKey", None, {"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}, Work.GENERATION),
    "what is refused": ("Sign", SLOW, {"Message": "eA==", "SigningAlgorithm": "ECDSA_SHA_256"}, Work.SHORT),
    "what is not there": ("Encrypt", None, {"KeyId": MISSING, "Plaintext": "eA=="}, Work.SHORT),
}


@pytest.mark.parametrize("case", CASES)
def test_how_long_a_request_takes(core: Core, case: str) -> None:
    """It is known once the request is decided."""
    operation, spec, members, work = CASES[case]
    named = {} if spec is None else {"KeyId": core.new_key(**spec)}
    prepared = core.dispatcher.prepare(make_facts(), OPERATIONS[operation], json.dumps(named | members).encode())
    if prepared.attests:
        prepared.attest()
        core.dispatcher.decide(prepared)
    assert prepared.work is work
    assert (prepared.refused is not None) is case.startswith("what is ")
