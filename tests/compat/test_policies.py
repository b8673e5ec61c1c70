"""Key policies through boto3: GetKeyPolicy, PutKeyPolicy, ListKeyPolicies."""

import json
from typing import Any

import pytest

from tests.compat.calls import ACCOUNT, Refusal, account, members, new_key, refusal
from tests.support import Server

STATEMENT = '{"Sid":"é","Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:*","Resource":"*"}'
BOUND = 32_768


def default_policy(caller: str, partition: str) -> dict[str, Any]:
    """AWS's default key policy ("Default key policy", AWS KMS Developer Guide)."""
    return {
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [
            {
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:{partition}:iam::{caller}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }


def padded(size: int) -> str:
    """A policy of so many bytes of UTF-8, with letters of two bytes in it."""
    start, end = f'{{"Statement":{STATEMENT},"Id":"éé', '"}'
    return start + "x" * (size - len((start + end).encode())) + end


def test_the_default_policy(kms: Any, key: str) -> None:
    """A key that was created without a policy has AWS's default policy."""
    answer = members(kms.get_key_policy(KeyId=key))
    assert (set(answer), answer["PolicyName"]) == ({"Policy", "PolicyName"}, "default")
    assert json.loads(answer["Policy"]) == default_policy(ACCOUNT, "aws")


def test_the_default_policy_names_the_partition(server: Server) -> None:
    """In China the default policy's principal is of the partition aws-cn."""
    caller = account()
    kms = server.client("cn-north-1", caller)
    policy = kms.get_key_policy(KeyId=new_key(kms), PolicyName="default")["Policy"]
    assert json.loads(policy) == default_policy(caller, "aws-cn")


POLICIES = {
    "spaces and line ends": ' \t{\r\n "Version" : "2012-10-17",\n\n"Statement":[' + STATEMENT + "] }\n ",
    "escapes": '{"Id":"\\u00e9\\/\\\\","Statement":[' + STATEMENT + "]}",
    "order of members": '{"Statement":[' + STATEMENT + '],"Version":"2008-10-17","Id":"z"}',
    "as large as may be": padded(BOUND),
}


@pytest.mark.parametrize("case", POLICIES)
def test_a_policy_comes_back_as_it_was_put(kms: Any, key: str, case: str) -> None:
    """PutKeyPolicy and CreateKey keep a document byte for byte."""
    document = POLICIES[case]
    assert members(kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document)) == {}
    created = new_key(kms, Policy=document, BypassPolicyLockoutSafetyCheck=True)
    for arn in (key, created):
        assert members(kms.get_key_policy(KeyId=arn)) == {"Policy": document, "PolicyName": "default"}


def test_a_policy_is_replaced(kms: Any, key: str) -> None:
    """The last policy counts; without PolicyName the default one is meant."""
    first, second = (f'{{"Id":"{name}","Statement":{STATEMENT}}}' for name in "12")
    for document in (first, second):
        kms.put_key_policy(KeyId=key, Policy=document)
    assert kms.get_key_policy(KeyId=key)["Policy"] == second


REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "no JSON": ({"Policy": "allow"}, "MalformedPolicyDocument"),
    "cut off": ({"Policy": '{"Version":"2012-10-17"'}, "MalformedPolicyDocument"),
    "a list": ({"Policy": "[]"}, "MalformedPolicyDocument"),
    "a byte too large": ({"Policy": padded(BOUND + 1)}, "LimitExceeded"),
    "a character of no policy": ({"Policy": '{"Id":"漢"}'}, "Validation"),
    "another name": ({"Policy": "{}", "PolicyName": "mine"}, "Validation"),
    "a name that is none": ({"Policy": "{}", "PolicyName": "de fault"}, "Validation"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_policies(kms: Any, key: str, case: str) -> None:
    """What cannot be a policy is refused, and the policy stays."""
    wanted, code = REFUSED[case]
    assert refusal(kms.put_key_policy, KeyId=key, **wanted).code == f"{code}Exception"
    assert json.loads(kms.get_key_policy(KeyId=key)["Policy"]) == default_policy(ACCOUNT, "aws")


def test_the_policy_of_shared_keys_is_not_put(kms: Any, key: str) -> None:
    """AWS_RAM belongs to the RAM service, and a key that nobody shares has none."""
    assert refusal(kms.put_key_policy, KeyId=key, PolicyName="AWS_RAM", Policy="{}") == Refusal(
        "ValidationException", "The AWS_RAM policy can only be managed by the RAM service"
    )
    assert refusal(kms.get_key_policy, KeyId=key, PolicyName="AWS_RAM").code == "NotFoundException"
    assert refusal(kms.get_key_policy, KeyId=key, PolicyName="other").code == "NotFoundException"


def test_list_key_policies(kms: Any, key: str) -> None:
    """Every key has one policy, named default."""
    pages = [members(page) for page in kms.get_paginator("list_key_policies").paginate(KeyId=key)]
    assert pages == [{"PolicyNames": ["default"], "Truncated": False}]
    assert refusal(kms.list_key_policies, KeyId=key, Marker="default").code == "InvalidMarkerException"
