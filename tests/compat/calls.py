"""What the tests of the whole service share: refusals, raw signed calls, and one request of each operation on a key."""

import http.client
import json
import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest
from botocore import xform_name
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.policies import open_policy
from tests.support import Server

ACCOUNT = "123456789012"
REGION = "us-east-1"


class Refusal(NamedTuple):
    """The name and the message of an error answer."""

    code: str
    message: str


def refusal(call: Callable[..., Any], **members: Any) -> Refusal:
    """Make a boto3 call that must be refused with HTTP 400."""
    with pytest.raises(ClientError) as caught:
        call(**members)
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    return Refusal(answer["Error"]["Code"], answer["Error"]["Message"])


def ask(kms: Any, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Make a boto3 call by the operation's name; the members of its answer."""
    return members(getattr(kms, xform_name(operation))(**request))


def ask_refused(kms: Any, operation: str, request: Mapping[str, Any]) -> Refusal:
    """Make a boto3 call by the operation's name that must be refused."""
    return refusal(getattr(kms, xform_name(operation)), **request)


def members(answer: Mapping[str, Any]) -> dict[str, Any]:
    """A boto3 answer without what boto3 added."""
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


class Answer(NamedTuple):
    """An HTTP answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def fault(self) -> str:
        """The ``__type`` of an error answer."""
        return str(json.loads(self.body)["__type"])


def signed(
    server: Server,
    operation: str,
    body: Mapping[str, Any] | bytes,
    *,
    access_key: str = "test",
    secret: str = "test",
    region: str = REGION,
    headers: Mapping[str, str] | None = None,
) -> tuple[dict[str, str], bytes]:
    """The headers and the body of a signed request; a body of bytes is sent as it is."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"X-Amz-Target": f"TrentService.{operation}", "Content-Type": "application/x-amz-json-1.1"}
    request = AWSRequest("POST", server.url + "/", data=content, headers=sent | dict(headers or {}))
    SigV4Auth(Credentials(access_key, secret), "kms", region).add_auth(request)
    return {"Host": server.url.rpartition("/")[2]} | dict(request.headers.items()), content


def post(server: Server, operation: str, body: Mapping[str, Any] | bytes, **signing: Any) -> Answer:
    """Make a signed call on a connection of its own, with nothing of boto3's in between."""
    headers, content = signed(server, operation, body, **signing)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request("POST", "/", body=content, headers=headers)
        response = connection.getresponse()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    finally:
        connection.close()


def account() -> str:
    """An account that no other test uses."""
    return str(10**11 + secrets.randbelow(9 * 10**11))


def new_alias() -> str:
    """An alias name that no other test uses."""
    return f"alias/{uuid.uuid4()}"


def new_key(kms: Any, **wanted: Any) -> str:
    """Create a key; its ARN."""
    return str(kms.create_key(**wanted)["KeyMetadata"]["Arn"])


def rotated(kms: Any, key: str) -> None:
    """Wait until a rotation on demand is done, which takes moments."""
    end = time.monotonic() + 20
    while "OnDemandRotationStartDate" in kms.get_key_rotation_status(KeyId=key):
        assert time.monotonic() < end
        time.sleep(0.02)


def id_of(arn: str) -> str:
    """The id at the end of a key ARN."""
    return arn.rpartition("/")[2]


class Given(NamedTuple):
    """What requests need beside the key they are about.

    Attributes:
        blob: What ``made_by`` gives.
        alias: An alias name that is free.
        taken: An alias that exists.
        other: Another key.
    """

    blob: bytes
    alias: str
    taken: str
    other: str


SIGNATURE = {"Message": b"a message", "SigningAlgorithm": "ECDSA_SHA_256"}
MAC = {"Message": b"a message", "MacAlgorithm": "HMAC_SHA_256"}
SIGNING = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}
AUTHENTICATING = {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}
AGREEING = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"}
ENCAPSULATING = {"KeySpec": "ML_KEM_768", "KeyUsage": "ENCAPSULATE_DECAPSULATE"}

KINDS: dict[str, dict[str, str]] = {
    "Sign": SIGNING,
    "Verify": SIGNING,
    "GetPublicKey": SIGNING,
    "GenerateMac": AUTHENTICATING,
    "VerifyMac": AUTHENTICATING,
    "DeriveSharedSecret": AGREEING,
    "Encapsulate": ENCAPSULATING,
    "Decapsulate": ENCAPSULATING,
}
"""The kind of key that a request of ``requests_on`` needs, where it is not a symmetric one."""


def made_by(kms: Any, key: str, name: str) -> bytes:
    """What a request of ``requests_on`` needs of its key: a ciphertext, a signature, or the like."""
    makers: dict[str, tuple[str, dict[str, Any], str]] = {
        "Verify": ("Sign", SIGNATURE, "Signature"),
        "VerifyMac": ("GenerateMac", MAC, "Mac"),
        "DeriveSharedSecret": ("GetPublicKey", {}, "PublicKey"),
        "Decapsulate": ("Encapsulate", {"EncapsulationAlgorithm": "ML_KEM"}, "SharedSecretCiphertextBlob"),
    }
    if name in KINDS and name not in makers:
        return b"nothing"
    operation, request, member = makers.get(name, ("Encrypt", {"Plaintext": b"x"}, "CiphertextBlob"))
    made: bytes = ask(kms, operation, {"KeyId": key} | request)[member]
    return made


def requests_on(key: str, given: Given) -> dict[str, dict[str, Any]]:
    """A request of every built operation that takes a KeyId, by its name; of ReEncrypt one for either of its keys."""
    return {
        "CancelKeyDeletion": {"KeyId": key},
        "CreateAlias": {"AliasName": given.alias, "TargetKeyId": key},
        "Decapsulate": {"KeyId": key, "SharedSecretCiphertextBlob": given.blob, "EncapsulationAlgorithm": "ML_KEM"},
        "Decrypt": {"CiphertextBlob": given.blob, "KeyId": key},
        "DeriveSharedSecret": {"KeyId": key, "KeyAgreementAlgorithm": "ECDH", "PublicKey": given.blob},
        "DescribeKey": {"KeyId": key},
        "DisableKey": {"KeyId": key},
        "DisableKeyRotation": {"KeyId": key},
        "EnableKey": {"KeyId": key},
        "EnableKeyRotation": {"KeyId": key},
        "Encapsulate": {"KeyId": key, "EncapsulationAlgorithm": "ML_KEM"},
        "Encrypt": {"KeyId": key, "Plaintext": b"16 bytes exactly"},
        "GenerateDataKey": {"KeyId": key, "KeySpec": "AES_256"},
        "GenerateDataKeyPair": {"KeyId": key, "KeyPairSpec": "ECC_NIST_P256"},
        "GenerateDataKeyPairWithoutPlaintext": {"KeyId": key, "KeyPairSpec": "ECC_NIST_P256"},
        "GenerateDataKeyWithoutPlaintext": {"KeyId": key, "KeySpec": "AES_256"},
        "GenerateMac": {"KeyId": key, **MAC},
        "GetKeyLastUsage": {"KeyId": key},
        "GetKeyPolicy": {"KeyId": key},
        "GetKeyRotationStatus": {"KeyId": key},
        "GetPublicKey": {"KeyId": key},
        "ListAliases": {"KeyId": key},
        "ListKeyPolicies": {"KeyId": key},
        "ListKeyRotations": {"KeyId": key},
        "ListResourceTags": {"KeyId": key},
        "PutKeyPolicy": {"KeyId": key, "Policy": open_policy()},
        "ReEncrypt from": {"CiphertextBlob": given.blob, "SourceKeyId": key, "DestinationKeyId": given.other},
        "ReEncrypt to": {"CiphertextBlob": given.blob, "DestinationKeyId": key},
        "RotateKeyOnDemand": {"KeyId": key},
        "ScheduleKeyDeletion": {"KeyId": key},
        "Sign": {"KeyId": key, **SIGNATURE},
        "TagResource": {"KeyId": key, "Tags": [{"TagKey": "k", "TagValue": "v"}]},
        "UntagResource": {"KeyId": key, "TagKeys": ["k"]},
        "UpdateAlias": {"AliasName": given.taken, "TargetKeyId": key},
        "UpdateKeyDescription": {"KeyId": key, "Description": "d"},
        "Verify": {"KeyId": key, **SIGNATURE, "Signature": given.blob},
        "VerifyMac": {"KeyId": key, **MAC, "Mac": given.blob},
    }


KEYED = tuple(requests_on("", Given(b"", "", "", "")))
"""The names of ``requests_on``."""


def operation_of(name: str) -> str:
    """The operation behind a name of ``requests_on``."""
    return name.partition(" ")[0]
