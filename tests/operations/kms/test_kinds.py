"""Which keys each cryptographic operation takes, and what a dry run says of each."""

import pytest

from strongroom.operations.table import OPERATIONS
from tests.operations.kms.kinds import KINDS, MEMBERS, Zoo

# AWS KMS Developer Guide, "Key type reference": the kinds of keys that each operation takes.
TAKES = {
    "Encrypt": {"symmetric", "RSA encryption"},
    "Decrypt": {"symmetric", "RSA encryption"},
    "ReEncrypt from": {"symmetric", "RSA encryption"},
    "ReEncrypt to": {"symmetric", "RSA encryption"},
    "GenerateDataKey": {"symmetric"},
    "GenerateDataKeyWithoutPlaintext": {"symmetric"},
    "GenerateDataKeyPair": {"symmetric"},
    "GenerateDataKeyPairWithoutPlaintext": {"symmetric"},
    "Sign": {"signing"},
    "Verify": {"signing"},
    "GenerateMac": {"HMAC"},
    "VerifyMac": {"HMAC"},
    "DeriveSharedSecret": {"agreement"},
    "Encapsulate": {"encapsulation"},
    "Decapsulate": {"encapsulation"},
    "GetPublicKey": {"RSA encryption", "signing", "agreement", "encapsulation"},
}
CELLS = [pytest.param(case, kind, id=f"{case}-{kind}") for case in TAKES for kind in KINDS]


def operation_of(case: str) -> str:
    """The operation of a case."""
    return case.split(maxsplit=1)[0]


def refusal(zoo: Zoo, case: str, kind: str) -> tuple[str, str]:
    """The fault of a key of a wrong kind, and its text."""
    operation, arn = operation_of(case), zoo.keys[kind]
    spec = KINDS[kind].get("KeySpec", "SYMMETRIC_DEFAULT")
    if operation == "GetPublicKey":
        return "UnsupportedOperationException", f"{arn} key spec is {spec} which is not valid for GetPublicKey."
    if kind == "RSA encryption" and operation.startswith("GenerateDataKey"):
        return "InvalidKeyUsageException", f"{arn} key spec is {spec} which is not valid for {operation}."
    usage = KINDS[kind].get("KeyUsage", "ENCRYPT_DECRYPT")
    return "InvalidKeyUsageException", f"{arn} key usage is {usage} which is not valid for {operation}."


@pytest.mark.parametrize(("case", "kind"), CELLS)
def test_an_operation_takes_keys_of_its_kinds_alone(zoo: Zoo, case: str, kind: str) -> None:
    """A key of a right kind works; every other is refused, and named with its usage or its spec."""
    members = zoo.members(case, kind)
    if kind in TAKES[case]:
        zoo.core.ok(operation_of(case), **members)
    else:
        assert zoo.core.refused(operation_of(case), **members) == refusal(zoo, case, kind)


@pytest.mark.parametrize(("case", "kind"), [cell for cell in CELLS if "GetPublicKey" not in str(cell.values)])
def test_a_dry_run_tells_whether_the_key_fits(zoo: Zoo, case: str, kind: str) -> None:
    """With a key of a right kind the request would have succeeded; with another it is refused as it would be."""
    text = "The request would have succeeded, but the DryRun option is set."
    expected = ("DryRunOperationException", text) if kind in TAKES[case] else refusal(zoo, case, kind)
    answer = zoo.core.call(operation_of(case), **zoo.members(case, kind), DryRun=True)
    assert (answer.code, answer.message, answer.members) == (*expected, {})
    assert "additionalEventData" not in answer.record


def test_every_cryptographic_operation_is_here() -> None:
    """All operations with a usage stand in the table."""
    cryptographic = {name for name, row in OPERATIONS.items() if row.usage is not None}
    assert {operation_of(case) for case in TAKES} == cryptographic | {"GetPublicKey"}
    assert TAKES.keys() == MEMBERS.keys()


WRONG_ALGORITHMS = {
    "Encrypt": ("RSA encryption", "EncryptionAlgorithm", "SYMMETRIC_DEFAULT"),
    "Encrypt to a symmetric key": ("symmetric", "EncryptionAlgorithm", "RSAES_OAEP_SHA_256"),
    "Decrypt": ("symmetric", "EncryptionAlgorithm", "RSAES_OAEP_SHA_1"),
    "Decrypt by RSA": ("RSA encryption", "EncryptionAlgorithm", "SM2PKE"),
    "ReEncrypt from": ("symmetric", "SourceEncryptionAlgorithm", "RSAES_OAEP_SHA_1"),
    "ReEncrypt to": ("symmetric", "DestinationEncryptionAlgorithm", "RSAES_OAEP_SHA_1"),
    "Sign": ("signing", "SigningAlgorithm", "ECDSA_SHA_384"),
    "Verify": ("signing", "SigningAlgorithm", "RSASSA_PSS_SHA_256"),
    "GenerateMac": ("HMAC", "MacAlgorithm", "HMAC_SHA_512"),
    "VerifyMac": ("HMAC", "MacAlgorithm", "HMAC_SHA_224"),
}


@pytest.mark.parametrize("dry_run", [False, True], ids=["real", "dry"])
@pytest.mark.parametrize("case", WRONG_ALGORITHMS)
def test_an_algorithm_of_another_spec(zoo: Zoo, case: str, *, dry_run: bool) -> None:
    """It is named with the key's spec, in a dry run, too."""
    kind, member, algorithm = WRONG_ALGORITHMS[case]
    named = case if case in MEMBERS else operation_of(case)
    members = zoo.members(named, kind) | {member: algorithm, "DryRun": dry_run}
    spec = KINDS[kind].get("KeySpec", "SYMMETRIC_DEFAULT")
    assert zoo.core.refused(operation_of(case), **members) == (
        "InvalidKeyUsageException",
        f"Algorithm {algorithm} is incompatible with key spec {spec}.",
    )


NEEDED = {
    "Sign": ("signing", "SigningAlgorithm"),
    "Verify": ("signing", "SigningAlgorithm"),
    "GenerateMac": ("HMAC", "MacAlgorithm"),
    "VerifyMac": ("HMAC", "MacAlgorithm"),
    "DeriveSharedSecret": ("agreement", "KeyAgreementAlgorithm"),
    "Encapsulate": ("encapsulation", "EncapsulationAlgorithm"),
    "Decapsulate": ("encapsulation", "EncapsulationAlgorithm"),
    "GenerateDataKeyPair": ("symmetric", "KeyPairSpec"),
}


@pytest.mark.parametrize("operation", NEEDED)
def test_an_algorithm_has_no_default(zoo: Zoo, operation: str) -> None:
    """Only encryption has one; elsewhere the member is required."""
    kind, member = NEEDED[operation]
    members = {name: value for name, value in zoo.members(operation, kind).items() if name != member}
    path = member[0].lower() + member[1:]
    assert zoo.core.refused(operation, **members) == (
        "ValidationException",
        f"1 validation error detected: Value null at '{path}' failed to satisfy constraint: Member must not be null",
    )


def test_aliases_name_keys_everywhere(zoo: Zoo) -> None:
    """Cryptographic operations take alias names; the answer has the key's ARN."""
    zoo.core.ok("CreateAlias", AliasName="alias/signer", TargetKeyId=zoo.keys["signing"])
    for operation in ("Sign", "GetPublicKey"):
        answer = zoo.core.ok(operation, **zoo.members(operation, "signing") | {"KeyId": "alias/signer"})
        assert answer["KeyId"] == zoo.keys["signing"]
    zoo.core.ok("DeleteAlias", AliasName="alias/signer")
