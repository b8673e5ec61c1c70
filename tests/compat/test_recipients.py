"""Answers for attested recipients through boto3: only the enclave that proved itself can read them."""

import json
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.attestations import ABSENT, Enclave
from tests.compat.calls import account, ask, ask_refused, new_key, post
from tests.compat.records import all_records
from tests.support import Server

PLAINTEXT = b"for the enclave alone"
CONTEXT = {"for": "an enclave"}
# What is in the clear without a recipient, by operation.
SECRETS = {
    "Decrypt": "Plaintext",
    "DeriveSharedSecret": "SharedSecret",
    "GenerateDataKey": "Plaintext",
    "GenerateDataKeyPair": "PrivateKeyPlaintext",
    "GenerateRandom": "Plaintext",
}
KINDS = ("an enclave", "an instance with NitroTPM")


@pytest.fixture(scope="module")
def holders() -> dict[str, Enclave]:
    """Who can prove itself, each under a root of its own; their documents are of now."""
    return {kind: Enclave(time.time(), nitro_tpm=kind == KINDS[1]) for kind in KINDS}


@pytest.fixture(scope="module")
def enclave(holders: dict[str, Enclave]) -> Enclave:
    """An enclave that the service trusts."""
    return holders[KINDS[0]]


@pytest.fixture(scope="module")
def trusting(holders: dict[str, Enclave], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service that trusts the roots of both."""
    folder = tmp_path_factory.mktemp("trusting")
    (folder / "roots.pem").write_bytes(b"".join(holder.roots for holder in holders.values()))
    environment = {"STRONGROOM_ATTESTATION_ROOTS": str(folder / "roots.pem")}
    with Server(folder / "data", environment=environment) as running:
        yield running
        assert running.stop() == 0


def request_of(kms: Any, operation: str) -> dict[str, Any]:
    """A request that would have a secret in its answer."""
    if operation == "GenerateRandom":
        return {"NumberOfBytes": 100}
    if operation == "DeriveSharedSecret":
        key = new_key(kms, KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")
        peer = kms.get_public_key(KeyId=key)["PublicKey"]
        return {"KeyId": key, "KeyAgreementAlgorithm": "ECDH", "PublicKey": peer}
    request: dict[str, Any] = {"KeyId": new_key(kms), "EncryptionContext": CONTEXT}
    if operation == "Decrypt":
        return request | {"CiphertextBlob": kms.encrypt(**request, Plaintext=PLAINTEXT)["CiphertextBlob"]}
    return request | ({"KeySpec": "AES_256"} if operation == "GenerateDataKey" else {"KeyPairSpec": "ECC_NIST_P256"})


def recipient(document: bytes) -> dict[str, Any]:
    """The member that asks for an answer to an enclave."""
    return {"Recipient": {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": document}}


def is_the_secret(kms: Any, operation: str, request: dict[str, Any], answer: dict[str, Any], secret: bytes) -> bool:
    """Whether what the recipient read is what the answer would have held, found in another way."""
    if operation == "GenerateRandom":
        return len(secret) == int(request["NumberOfBytes"])
    if operation == "DeriveSharedSecret":
        return bool(kms.derive_shared_secret(**request)["SharedSecret"] == secret)
    if operation == "Decrypt":
        return secret == PLAINTEXT
    blob = answer["PrivateKeyCiphertextBlob" if operation == "GenerateDataKeyPair" else "CiphertextBlob"]
    return bool(kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)["Plaintext"] == secret)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operation", SECRETS)
def test_the_recipient_alone_can_read(trusting: Server, holders: dict[str, Enclave], operation: str, kind: str) -> None:
    """The secret is in the envelope and nowhere else in the answer; the holder of the attested key opens it."""
    kms, holder = trusting.client(), holders[kind]
    request = request_of(kms, operation)
    answer = ask(kms, operation, request | recipient(holder.document()))
    secret = holder.open(answer["CiphertextForRecipient"])
    assert not answer.get(SECRETS[operation])
    assert not [member for member, value in answer.items() if isinstance(value, bytes) and secret in value]
    assert is_the_secret(kms, operation, request, answer, secret)


def test_no_two_envelopes_are_the_same(trusting: Server, enclave: Enclave) -> None:
    """The same answer is sealed differently each time."""
    kms = trusting.client()
    request = request_of(kms, "Decrypt") | recipient(enclave.document())
    assert len({ask(kms, "Decrypt", request)["CiphertextForRecipient"] for _ in range(5)}) == 5


def flipped(document: bytes, place: int) -> bytes:
    """A document with one bit changed."""
    return document[:place] + bytes([document[place] ^ 1]) + document[place + 1 :]


def bad_documents(enclave: Enclave) -> dict[str, bytes]:
    """Documents that prove nothing, each in its own way."""
    good, now = enclave.document(), time.time()
    other = Enclave(now)
    return {
        "garbage": b"a document",
        "nothing signed": good[: len(good) // 2],
        "one byte short": good[:-1],
        "one byte long": good + b"\0",
        "forged payload": flipped(good, good.index(b"SHA384")),
        "forged signature": flipped(good, len(good) - 1),
        "another root": other.document(),
        "another's chain": other.document(cabundle=[holder.der for holder in enclave.chain]),
        "another's certificate": other.document(
            certificate=enclave.signer.der, cabundle=[holder.der for holder in enclave.chain]
        ),
        "stale": enclave.document(timestamp=int((now - 600) * 1000)),
        "from the future": enclave.document(timestamp=int((now + 600) * 1000)),
        "without a key": enclave.document(public_key=None),
        "without a chain": enclave.document(cabundle=[]),
        "without registers": enclave.document(pcrs=ABSENT),
        "a key that is none": enclave.document(public_key=b"key"),
    }


@pytest.mark.parametrize("operation", SECRETS)
def test_bad_documents_are_refused(trusting: Server, enclave: Enclave, operation: str) -> None:
    """A forged, stale, truncated or foreign document is ValidationException: nothing leaves, in the clear or not."""
    kms = trusting.client()
    request = request_of(kms, operation)
    for case, document in bad_documents(enclave).items():
        refused = ask_refused(kms, operation, request | recipient(document))
        assert refused.code == "ValidationException", case
        assert "attestation document" in refused.message, case


@pytest.mark.parametrize("operation", SECRETS)
def test_without_a_root_every_document_is_refused(server: Server, enclave: Enclave, operation: str) -> None:
    """A service that trusts no root gives nobody's enclave anything."""
    kms = server.client()
    refused = ask_refused(kms, operation, request_of(kms, operation) | recipient(enclave.document()))
    assert refused.code == "ValidationException"


INCOMPLETE: dict[str, dict[str, str]] = {
    "nothing": {},
    "no document": {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256"},
    "no algorithm": {"AttestationDocument": "AAAA"},
    "an empty document": {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": ""},
    "another algorithm": {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_1", "AttestationDocument": "AAAA"},
}


@pytest.mark.parametrize("case", INCOMPLETE)
def test_an_incomplete_recipient_is_refused(trusting: Server, case: str) -> None:
    """No plaintext leaves in the clear for who asked for it encrypted to an enclave, however badly."""
    for name in ("GenerateRandom", "GenerateDataKey"):
        kms = trusting.client()
        answer = post(trusting, name, _as_json(request_of(kms, name)) | {"Recipient": INCOMPLETE[case]})
        assert (answer.status, answer.fault) == (400, "ValidationException")


def _as_json(request: dict[str, Any]) -> dict[str, Any]:
    """A request that has no blobs."""
    assert not [value for value in request.values() if isinstance(value, bytes)]
    return request


def test_a_document_opens_no_key(trusting: Server, enclave: Enclave) -> None:
    """Who proves to be an enclave still needs a key that he may use, in a state that allows it."""
    kms = trusting.client()
    request = request_of(kms, "Decrypt") | recipient(enclave.document())
    stranger = trusting.client(access_key=account())
    assert ask_refused(stranger, "Decrypt", request).code == "AccessDeniedException"
    assert ask_refused(kms, "Decrypt", request | {"EncryptionContext": {}}).code == "InvalidCiphertextException"
    kms.disable_key(KeyId=request["KeyId"])
    assert ask_refused(kms, "Decrypt", request).code == "DisabledException"


@pytest.mark.parametrize("operation", sorted(set(SECRETS) - {"GenerateRandom"}))
def test_dry_runs_check_the_document(trusting: Server, enclave: Enclave, operation: str) -> None:
    """A dry run succeeds with a good document and not with a bad one; GenerateRandom has none."""
    kms = trusting.client()
    dry = request_of(kms, operation) | {"DryRun": True}
    assert ask_refused(kms, operation, dry | recipient(enclave.document())).code == "DryRunOperationException"
    assert ask_refused(kms, operation, dry | recipient(enclave.document()[:-1])).code == "ValidationException"


# AWS KMS Developer Guide, "Logging requests for attested environments": a register that the record shows, by kind.
SHOWN = {KINDS[0]: ("attestationDocumentEnclaveImageDigest", 0), KINDS[1]: ("attestationDocumentNitroTPMPCR4", 4)}


def test_the_audit_says_who_the_recipient_was(holders: dict[str, Enclave], tmp_path: Path) -> None:
    """The record names the attested module and its measurements, and holds neither document nor answer."""
    (tmp_path / "roots.pem").write_bytes(b"".join(holder.roots for holder in holders.values()))
    sent: dict[str, tuple[bytes, bytes]] = {}
    with Server(tmp_path / "data", environment={"STRONGROOM_ATTESTATION_ROOTS": str(tmp_path / "roots.pem")}) as server:
        kms = server.client()
        request = request_of(kms, "Decrypt")
        for kind, holder in holders.items():
            document = holder.document()
            sent[kind] = document, ask(kms, "Decrypt", request | recipient(document))["CiphertextForRecipient"]
        assert server.stop() == 0
    records = [record for record in all_records(tmp_path / "data") if record["eventName"] == "Decrypt"]
    for kind, record in zip(holders, records, strict=True):
        shown, (name, register) = record["additionalEventData"]["recipient"], SHOWN[kind]
        assert shown["attestationDocumentModuleId"] == holders[kind].members()["module_id"]
        assert shown[name] == holders[kind].pcrs[register].hex()
        text = json.dumps(record)
        for secret in (*sent[kind], PLAINTEXT):
            assert b64encode(secret).decode()[4:-4] not in text
            assert secret.hex() not in text
