"""Answers for attested recipients, where attestation itself is played: what is left out, and what is there instead."""

from typing import Any

import msgspec
import pytest

from strongroom.model.errors import ValidationException
from strongroom.operations.table import OPERATIONS
from strongroom.ports import Recipient
from tests.core import Core
from tests.operations.kms.kinds import Zoo, open_zoo

DOCUMENT = b"a good document"
RECIPIENT = {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": DOCUMENT}


class Played:
    """Recipients whose envelopes are open to everybody."""

    def attested(self, document: bytes) -> Recipient:
        """Only one document is good."""
        if document != DOCUMENT:
            raise ValidationException("The attestation document is not valid.")
        return Recipient("i-0123-enc0123", b"public key", {0: bytes(48)}, nitro_tpm=False)

    def envelop(self, recipient: Recipient, plaintext: bytes) -> bytes:
        """The plaintext with an address."""
        return recipient.module_id.encode() + b":" + plaintext


def opened(envelope: bytes) -> bytes:
    """The plaintext in an envelope."""
    address, _, plaintext = envelope.partition(b":")
    assert address == b"i-0123-enc0123"
    return plaintext


@pytest.fixture
def played(core: Core) -> Zoo:
    """Keys of all kinds, and played recipients."""
    core.dispatcher = msgspec.structs.replace(core.dispatcher, recipients=Played())
    return open_zoo(core)


# AWS KMS API Reference, "Response syntax" and text of CiphertextForRecipient: of each operation, a kind of key that it
# takes, the member that the recipient gets, and the other members that are left out.
ENVELOPED = {
    "Decrypt": ("symmetric", "Plaintext", {"KeyMaterialId"}),
    "Decrypt by RSA": ("RSA encryption", "Plaintext", set()),
    "DeriveSharedSecret": ("agreement", "SharedSecret", set()),
    "GenerateDataKey": ("symmetric", "Plaintext", {"KeyMaterialId"}),
    "GenerateDataKeyPair": ("symmetric", "PrivateKeyPlaintext", set()),
    "GenerateRandom": (None, "Plaintext", set()),
}


def members_of(zoo: Zoo, case: str) -> tuple[str, dict[str, Any]]:
    """An operation and a request for it."""
    operation, kind = case.split(maxsplit=1)[0], ENVELOPED[case][0]
    return operation, {"NumberOfBytes": 32} if kind is None else zoo.members(operation, kind)


def secret_of(zoo: Zoo, answer: dict[str, Any], plain: dict[str, Any], secret: str) -> bytes:
    """What the recipient must find: the key in the answer's ciphertext, or what everybody else is answered."""
    for member in ("CiphertextBlob", "PrivateKeyCiphertextBlob"):
        if member in answer:
            return bytes(zoo.core.ok("Decrypt", CiphertextBlob=answer[member])["Plaintext"])
    return bytes(plain[secret])


@pytest.mark.parametrize("case", ENVELOPED)
def test_the_secret_goes_to_the_recipient_alone(played: Zoo, case: str) -> None:
    """It is in the envelope, in place of the member that has it in the clear; all else is as usual."""
    operation, members = members_of(played, case)
    plain = played.core.ok(operation, **members)
    answer = played.core.ok(operation, **members, Recipient=RECIPIENT)
    _, secret, left_out = ENVELOPED[case]
    assert answer.keys() == plain.keys() - {secret} - left_out | {"CiphertextForRecipient"}
    found = opened(answer["CiphertextForRecipient"])
    if operation == "GenerateRandom":
        assert len(found) == 32
    else:
        assert found == secret_of(played, answer, plain, secret)


REGISTERS = {number: bytes([number]) * 48 for number in range(32)}
SHOWN = "attestationDocument"

# AWS KMS Developer Guide, "Monitoring attested requests": the registers that records show, by who was attested.
MEASUREMENTS = {
    "enclave": (
        False,
        {0: "EnclaveImageDigest", 1: "EnclavePCR1", 2: "EnclavePCR2", 3: "EnclavePCR3", 4: "EnclavePCR4",
         8: "EnclavePCR8"},
    ),
    "NitroTPM": (
        True,
        {4: "NitroTPMPCR4", 7: "NitroTPMPCR7", 8: "NitroTPMPCR8", 9: "NitroTPMPCR9", 16: "NitroTPMPCR16",
         23: "NitroTPMPCR23"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("who", MEASUREMENTS)
@pytest.mark.parametrize("registers", [REGISTERS, {4: REGISTERS[4]}], ids=["all registers", "one register"])
def test_the_record_tells_who_was_attested(core: Core, who: str, registers: dict[int, bytes]) -> None:
    """Module and measurements stand beside the material; registers that the document lacks are left out."""
    nitro_tpm, names = MEASUREMENTS[who]

    class Attested(Played):
        def attested(self, document: bytes) -> Recipient:
            return Recipient(document.decode(), b"public key", registers, nitro_tpm)

    core.dispatcher = msgspec.structs.replace(core.dispatcher, recipients=Attested())
    recipient = RECIPIENT | {"AttestationDocument": b"i-0123-enc0123"}
    key = core.new_key()
    data = core.call("GenerateDataKey", KeyId=key, KeySpec="AES_256", Recipient=recipient).record["additionalEventData"]
    assert data == {
        "keyMaterialId": core.stored(key).key.material_id,
        "recipient": {
            f"{SHOWN}ModuleId": "i-0123-enc0123",
            **{f"{SHOWN}{name}": registers[number].hex() for number, name in names.items() if number in registers},
        },
    }
    assert core.call("GenerateRandom", NumberOfBytes=8, Recipient=recipient).record["additionalEventData"] == {
        "recipient": data["recipient"]
    }


@pytest.mark.parametrize("case", ENVELOPED)
def test_a_document_that_is_not_good(played: Zoo, case: str) -> None:
    """Nothing is answered in the clear, and the record has no document."""
    operation, members = members_of(played, case)
    answer = played.core.call(operation, **members, Recipient=RECIPIENT | {"AttestationDocument": b"forged"})
    assert (answer.code, answer.members) == ("ValidationException", {})
    assert "forged" not in str(answer.record)


NULL = "Value null at 'recipient.{}' failed to satisfy constraint: Member must not be null"
INCOMPLETE = {
    "empty": ({}, ["keyEncryptionAlgorithm", "attestationDocument"]),
    "no document": ({"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256"}, ["attestationDocument"]),
    "no algorithm": ({"AttestationDocument": DOCUMENT}, ["keyEncryptionAlgorithm"]),
}


@pytest.mark.parametrize("lack", INCOMPLETE)
@pytest.mark.parametrize("case", ENVELOPED)
def test_a_recipient_is_whole(played: Zoo, case: str, lack: str) -> None:
    """Half a recipient is not taken for none: what is missing is named, and nothing is answered."""
    operation, members = members_of(played, case)
    recipient, missing = INCOMPLETE[lack]
    answer = played.core.call(operation, **members, Recipient=recipient)
    plural = "s" if len(missing) > 1 else ""
    text = f"{len(missing)} validation error{plural} detected: {'; '.join(map(NULL.format, missing))}"
    assert (answer.code, answer.message, answer.members) == ("ValidationException", text, {})


def test_a_dry_run_checks_the_document(played: Zoo) -> None:
    """A forged one is refused, a good one would have succeeded."""
    members = played.members("GenerateDataKey", "symmetric") | {"DryRun": True, "Recipient": RECIPIENT}
    assert played.core.refused("GenerateDataKey", **members)[0] == "DryRunOperationException"
    forged = members | {"Recipient": RECIPIENT | {"AttestationDocument": b"forged"}}
    assert played.core.refused("GenerateDataKey", **forged)[0] == "ValidationException"


def test_the_table_names_what_recipients_get() -> None:
    """Exactly the operations with a Recipient have secrets for one, and those are members that may be missing."""
    with_recipient = {name for name, row in OPERATIONS.items() if "recipient" in row.request.__struct_fields__}
    assert {case.split(maxsplit=1)[0] for case in ENVELOPED} == with_recipient
    assert {name for name, row in OPERATIONS.items() if row.secret} == with_recipient
    for name in with_recipient:
        row = OPERATIONS[name]
        assert row.response is not None
        defaults = {field.name: field.default for field in msgspec.structs.fields(row.response)}
        assert {defaults[member] for member in (*row.secret, "ciphertext_for_recipient")} == {None}
