"""A service, all that was asked of it, and what its audit must therefore hold."""

import uuid
from pathlib import Path
from typing import Any, NamedTuple

from botocore import xform_name
from botocore.exceptions import ClientError

from tests.compat.calls import ACCOUNT, Answer, account, id_of, new_alias, post
from tests.policies import open_policy
from tests.support import Server
from tests.wrapping import by_pycryptodome, external, fresh_material

AGENT = "audit-test/1.0"
PLAINTEXT = b"the plaintext that no audit may hold"
MESSAGE = b"a message to sign that no audit may hold"
FORGED = b"a signature or MAC that somebody forged"
CONTEXT = {"customer": "in the clear, as in CloudTrail"}
POLICY = open_policy()


class Made(NamedTuple):
    """One call that was answered.

    Attributes:
        fault: The error's name, or None.
    """

    name: str
    request: dict[str, Any]
    answer: dict[str, Any]
    request_id: str
    fault: str | None
    message: str | None


class History:
    """Calls as boto3 made them, in order."""

    def __init__(self, kms: Any) -> None:
        self._kms = kms
        self.calls: list[Made] = []

    def __call__(self, name: str, **request: Any) -> dict[str, Any]:
        """Make a call, whatever its answer."""
        fault = message = None
        try:
            answer: dict[str, Any] = getattr(self._kms, xform_name(name))(**request)
        except ClientError as error:
            answer = error.response
            fault, message = answer["Error"]["Code"], answer["Error"]["Message"]
        request_id = answer["ResponseMetadata"]["RequestId"]
        self.calls.append(Made(name, request, answer, request_id, fault, message))
        return answer


class Story(NamedTuple):
    """A service that has stopped, and all that was asked of it."""

    data: Path
    log: bytes
    history: History
    raw: dict[str, str]
    arn: str
    other: str
    alias: str
    foreign: str
    secrets: list[bytes]
    unproven: list[str]


def _walk(call: History, foreign: str) -> tuple[str, str, str, list[bytes]]:
    """Calls of every operation, refused ones and dry runs among them; the secrets that they were about."""
    tags = [{"TagKey": "team", "TagValue": "blue"}]
    arn = call("CreateKey", Description="audited", Tags=tags, Policy=POLICY)["KeyMetadata"]["Arn"]
    other, name = call("CreateKey")["KeyMetadata"]["Arn"], new_alias()
    call("CreateAlias", AliasName=name, TargetKeyId=id_of(arn))
    blob = call("Encrypt", KeyId=name, Plaintext=PLAINTEXT, EncryptionContext=CONTEXT)["CiphertextBlob"]
    call("Decrypt", CiphertextBlob=blob, EncryptionContext=CONTEXT)
    call("Decrypt", CiphertextBlob=blob)
    call("Decrypt", CiphertextBlob=blob, EncryptionContext=CONTEXT, KeyId=other)
    moved = call("ReEncrypt", CiphertextBlob=blob, SourceEncryptionContext=CONTEXT, DestinationKeyId=other)
    data_key = call("GenerateDataKey", KeyId=arn, KeySpec="AES_256", EncryptionContext=CONTEXT)
    hidden = call("GenerateDataKeyWithoutPlaintext", KeyId=arn, NumberOfBytes=48)
    opened = call("Decrypt", CiphertextBlob=hidden["CiphertextBlob"])
    random = call("GenerateRandom", NumberOfBytes=40)
    more = _walk_other_kinds(call, arn) + _walk_import(call)
    call("Encrypt", KeyId=arn, Plaintext=PLAINTEXT, DryRun=True)
    call("Encrypt", KeyId=foreign, Plaintext=PLAINTEXT)
    call("Encrypt", KeyId=f"{foreign[:-36]}{uuid.uuid4()}", Plaintext=PLAINTEXT)
    call("Encrypt", KeyId=f"{arn[:-36]}{uuid.uuid4()}", Plaintext=PLAINTEXT)
    call("Encrypt", KeyId=arn, Plaintext=PLAINTEXT, GrantTokens=["a grant token that is a secret"])
    call("DescribeKey", KeyId=name)
    call("UpdateKeyDescription", KeyId=arn, Description="changed")
    call("TagResource", KeyId=arn, Tags=tags)
    call("TagResource", KeyId=arn, Tags=[{"TagKey": "aws:x", "TagValue": ""}])
    call("UntagResource", KeyId=arn, TagKeys=["team"])
    call("ListResourceTags", KeyId=arn)
    call("PutKeyPolicy", KeyId=arn, PolicyName="default", Policy=POLICY)
    call("GetKeyPolicy", KeyId=arn, PolicyName="default")
    call("ListKeyPolicies", KeyId=arn)
    call("GetKeyLastUsage", KeyId=arn)
    call("ListKeys", Limit=1)
    call("ListAliases", KeyId=arn)
    call("ListAliases")
    call("UpdateAlias", AliasName=name, TargetKeyId=other)
    call("DeleteAlias", AliasName=name)
    call("DeleteAlias", AliasName=name)
    _walk_life(call, arn)
    private = [PLAINTEXT, data_key["Plaintext"], opened["Plaintext"], random["Plaintext"], b"a grant token that is"]
    sealed = [blob, moved["CiphertextBlob"], data_key["CiphertextBlob"], hidden["CiphertextBlob"]]
    return arn, other, name, private + sealed + more


def _walk_other_kinds(call: History, symmetric: str) -> list[bytes]:
    """Calls on asymmetric and HMAC keys, and key pairs; what no audit may hold of them."""
    pair = call("GenerateDataKeyPair", KeyId=symmetric, KeyPairSpec="ECC_NIST_P384", EncryptionContext=CONTEXT)
    hidden = call("GenerateDataKeyPairWithoutPlaintext", KeyId=symmetric, KeyPairSpec="ML_KEM_768")
    signer = call("CreateKey", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    signing = {"KeyId": signer, "SigningAlgorithm": "ECDSA_SHA_256", "Message": MESSAGE}
    signature = call("Sign", **signing)["Signature"]
    call("Verify", **signing, Signature=signature)
    call("Verify", **signing, Signature=FORGED)
    public_key = call("GetPublicKey", KeyId=signer)["PublicKey"]
    authenticator = call("CreateKey", KeySpec="HMAC_512", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["Arn"]
    authenticating = {"KeyId": authenticator, "MacAlgorithm": "HMAC_SHA_512", "Message": MESSAGE}
    mac = call("GenerateMac", **authenticating)["Mac"]
    call("VerifyMac", **authenticating, Mac=mac)
    call("VerifyMac", **authenticating, Mac=FORGED)
    agreeing = call("CreateKey", KeySpec="ECC_NIST_P384", KeyUsage="KEY_AGREEMENT")["KeyMetadata"]["Arn"]
    agreed = call("DeriveSharedSecret", KeyId=agreeing, KeyAgreementAlgorithm="ECDH", PublicKey=pair["PublicKey"])[
        "SharedSecret"
    ]
    kem = call("CreateKey", KeySpec="ML_KEM_768", KeyUsage="ENCAPSULATE_DECAPSULATE")["KeyMetadata"]["Arn"]
    sealed = call("Encapsulate", KeyId=kem, EncapsulationAlgorithm="ML_KEM")
    blob = sealed["SharedSecretCiphertextBlob"]
    call("Decapsulate", KeyId=kem, EncapsulationAlgorithm="ML_KEM", SharedSecretCiphertextBlob=blob)
    rsa = call("CreateKey", KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["Arn"]
    padded = {"KeyId": rsa, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    ciphertext = call("Encrypt", **padded, Plaintext=PLAINTEXT)["CiphertextBlob"]
    call("Decrypt", **padded, CiphertextBlob=ciphertext)
    private_keys = [pair["PrivateKeyPlaintext"], pair["PrivateKeyCiphertextBlob"], hidden["PrivateKeyCiphertextBlob"]]
    public_keys = [pair["PublicKey"], hidden["PublicKey"], public_key]
    made = [MESSAGE, FORGED, signature, mac, agreed, sealed["SharedSecret"], blob, ciphertext]
    return private_keys + public_keys + made


def _walk_life(call: History, arn: str) -> None:
    """Calls on the life of a key; none after which the service does something by itself, beside the story."""
    call("EnableKeyRotation", KeyId=arn, RotationPeriodInDays=90)
    call("GetKeyRotationStatus", KeyId=arn)
    call("ListKeyRotations", KeyId=arn, IncludeKeyMaterial="ALL_KEY_MATERIAL")
    call("DisableKeyRotation", KeyId=arn)
    call("ReplicateKey", KeyId=arn, ReplicaRegion="eu-west-1")
    call("UpdatePrimaryRegion", KeyId=arn, PrimaryRegion="us-east-1")
    call("DisableKey", KeyId=arn)
    call("RotateKeyOnDemand", KeyId=arn)
    call("Encrypt", KeyId=arn, Plaintext=PLAINTEXT)
    call("EnableKey", KeyId=arn)
    call("ScheduleKeyDeletion", KeyId=arn, PendingWindowInDays=7)
    call("EnableKey", KeyId=arn)
    call("CancelKeyDeletion", KeyId=arn)


def _walk_import(call: History) -> list[bytes]:
    """Material comes and goes; what no audit may hold of it."""
    arn = call("CreateKey", **external("SYMMETRIC_DEFAULT"))["KeyMetadata"]["Arn"]
    wrapping = {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}
    given = call("GetParametersForImport", KeyId=arn, **wrapping)
    material = fresh_material("SYMMETRIC_DEFAULT")
    wrapped = by_pycryptodome(given["PublicKey"], wrapping["WrappingAlgorithm"], material)
    importing = {"KeyId": arn, "ImportToken": given["ImportToken"], "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    call("ImportKeyMaterial", **importing, EncryptedKeyMaterial=FORGED)
    call("ImportKeyMaterial", **importing, EncryptedKeyMaterial=wrapped)
    call("DeleteImportedKeyMaterial", KeyId=arn)
    return [given["ImportToken"], given["PublicKey"], material, wrapped]


def tell(data: Path) -> Story:
    """Run a service with two workers, call it in many ways, stop it."""
    with Server(data, "--workers", "2") as server:
        stranger = server.client(access_key=account())
        foreign = stranger.create_key()["KeyMetadata"]["Arn"]
        history = History(server.client())
        arn, other, alias, private = _walk(history, foreign)
        raw = {
            "not JSON": _id_of(post(server, "Encrypt", b"{")),
            "unknown operation": _id_of(post(server, "NoSuchOperation", {})),
            "two faults": _id_of(post(server, "CreateKey", {"KeySpec": "X", "KeyUsage": "Y"})),
            "user agent": _id_of(post(server, "ListKeys", {}, headers={"User-Agent": AGENT})),
        }
        unproven = [
            _id_of(post(server, "ListKeys", {}, secret="wrong")),
            _id_of(post(server, "ListKeys", {}, access_key="nobody")),
            _id_of(post(server, "ListKeys", {}, region="mars-north-1")),
        ]
        assert server.stop() == 0
    return Story(data, server.log.read_bytes(), history, raw, arn, other, alias, foreign, private, unproven)


def _id_of(answer: Answer) -> str:
    """The request id of an answer."""
    return answer.headers["x-amzn-requestid"]


def resource(arn: str) -> dict[str, str]:
    """A key, or an alias, as a resource of the default account."""
    return {"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": arn}


def first(story: Story, by_request: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    """The record of the first call of an operation."""
    return next(by_request[call.request_id] for call in story.history.calls if call.name == name)
