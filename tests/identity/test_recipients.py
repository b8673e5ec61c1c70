"""Attested recipients: from a document to whom it proves, in AWS's faults; and the way of an answer to it."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from strongroom.identity.recipients import AttestedRecipients
from strongroom.model.errors import ValidationException
from strongroom.ports import AdapterError, Recipient, Recipients
from tests.attestations import ABSENT, Enclave, authority, rsa_key, spki

NOW = 1_700_000_000.0
ENCLAVE = Enclave(NOW)
TPM = Enclave(NOW, nitro_tpm=True)
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "recipients.md"


def recipients(
    roots: bytes | None = ENCLAVE.roots + TPM.roots, *, now: float = NOW, max_age: float = 300.0
) -> Recipients:
    """Recipients under these roots, at this time."""
    return AttestedRecipients(roots, max_age, lambda: now)


def fault(document: bytes, *, now: float = NOW, max_age: float = 300.0) -> str:
    """The message with which a document is refused."""
    with pytest.raises(ValidationException) as caught:
        recipients(now=now, max_age=max_age).attested(document)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value.message


@pytest.mark.parametrize(("who", "nitro_tpm"), [(ENCLAVE, False), (TPM, True)], ids=["enclave", "TPM"])
def test_a_document_proves_a_recipient(who: Enclave, *, nitro_tpm: bool) -> None:
    """Who it is, its registers and its key; an answer to it opens with its key and holds what was enveloped."""
    found = recipients().attested(who.document())
    module, key = who.members()["module_id"], who.members()["public_key"]
    assert found == Recipient(module_id=module, public_key=key, pcrs=who.pcrs, nitro_tpm=nitro_tpm)
    assert who.open(recipients().envelop(found, b"secret")) == b"secret"


NO_KEY = "The attestation document is not accepted: it has no public key."
BAD_KEY = "The attestation document is not accepted: its public key is not an RSA key of 2048 to 4096 bits."
KEYS = {
    "none": (ABSENT, NO_KEY),
    "null": (None, NO_KEY),
    "rubbish": (b"dummy", BAD_KEY),
    "an elliptic curve": (spki(ec.generate_private_key(ec.SECP384R1())), BAD_KEY),
    "too small": (spki(rsa_key(1024)), BAD_KEY),
    "something behind it": (spki(rsa_key()) + b"\0", BAD_KEY),
}


@pytest.mark.parametrize("case", KEYS)
def test_a_key_that_nothing_is_encrypted_to(case: str) -> None:
    """A document that holds, but gives no RSA key, is refused before anything is done for it."""
    key, message = KEYS[case]
    assert fault(ENCLAVE.document(public_key=key)) == message


def test_refusals_are_faults_of_the_caller() -> None:
    """What is wrong with a document comes back as a ValidationException that says it."""
    document = ENCLAVE.document()
    begin = "The attestation document is not accepted: "
    assert fault(document[:-1]) == begin + "it is not a COSE_Sign1 structure with algorithm ES384."
    assert fault(document[:-1] + b"\0") == begin + "its signature does not verify."
    assert fault(Enclave(NOW).document()) == begin + "its certificates do not lead to a configured root."
    stale = begin + "its timestamp is more than {} seconds away from the service's time."
    assert fault(document, now=NOW + 301) == stale.format(300)
    assert fault(document, now=NOW + 3, max_age=2.5) == stale.format(2.5)


def test_without_roots_no_document_is_accepted() -> None:
    """The fault says that the service has no root, not that the document is bad."""
    with pytest.raises(ValidationException) as caught:
        recipients(None).attested(ENCLAVE.document())
    assert caught.value.message == "No attestation root is configured, so no attestation document can be verified."


@pytest.mark.parametrize("roots", [b"", b"rubbish", authority("other", None, NOW, curve=ec.SECP256R1()).pem])
def test_a_file_of_no_roots_is_told_to_the_operator(roots: bytes) -> None:
    """The service does not start without the trust that it was told to have; the text names the setting."""
    with pytest.raises(AdapterError, match=r"^the file of attestation_roots holds (no|a) ") as caught:
        recipients(roots)
    assert caught.value.__suppress_context__


def test_the_recipe_of_the_docs_works(tmp_path: Path) -> None:
    """The program that the documentation gives makes a root and a document that are accepted."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "recipe.py").write_text(program)
    subprocess.run([sys.executable, "recipe.py"], cwd=tmp_path, check=True)
    roots, document = (tmp_path / "root.pem").read_bytes(), (tmp_path / "document.cbor").read_bytes()
    found = AttestedRecipients(roots, 300.0, time.time).attested(document)
    assert found.module_id.startswith("i-")
    assert not found.nitro_tpm
