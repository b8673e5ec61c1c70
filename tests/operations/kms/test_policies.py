"""GetKeyPolicy, PutKeyPolicy, ListKeyPolicies, and the policy of a key that was made without one."""

import json

import pytest

from tests.core import ACCOUNT, Core

ROUND_TRIPS = {
    "AWS's form": '{"Version":"2012-10-17","Statement":[]}',
    "with blanks and line ends": '{\r\n\t"Version" : "2012-10-17" }\n',
    "with Latin letters": '{"Id":"\u00fc\u00ff"}',
    "as long as it may be": '{"Id":"' + "x" * (32_768 - 9) + '"}',
    "empty": "{}",
}
BAD = {
    "no JSON": ("allow all", "MalformedPolicyDocumentException"),
    "cut short": ('{"Version":', "MalformedPolicyDocumentException"),
    "two documents": ("{} {}", "MalformedPolicyDocumentException"),
    "a list": ("[]", "MalformedPolicyDocumentException"),
    "a member twice": ('{"Version":"2012-10-17","Version":"2008-10-17"}', "MalformedPolicyDocumentException"),
    "a member twice, deep inside": (
        '{"Statement":[{"Effect":"Deny","Effect":"Allow"}]}',
        "MalformedPolicyDocumentException",
    ),
    "a text": ('"{}"', "MalformedPolicyDocumentException"),
    "one byte too long": ('{"Id":"' + "x" * (32_769 - 9) + '"}', "LimitExceededException"),
    "too long in bytes": ('{"Id":"' + "\u00fc" * 20_000 + '"}', "LimitExceededException"),
    "empty": ("", "ValidationException"),
    "a character outside the model": ('{"Id":"\u0100"}', "ValidationException"),
}


@pytest.mark.parametrize(
    ("region", "partition"), [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_the_default_policy_gives_the_key_to_its_account(core: Core, region: str, partition: str) -> None:
    """It is AWS's: one statement, that lets the account's root do everything, in the partition of the Region."""
    key = core.new_key(region=region)
    found = core.ok("GetKeyPolicy", KeyId=key, region=region)
    assert found["PolicyName"] == "default"
    assert json.loads(found["Policy"]) == {
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [
            {
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:{partition}:iam::{ACCOUNT}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }


@pytest.mark.parametrize("case", ROUND_TRIPS)
def test_a_policy_comes_back_as_it_was_put(core: Core, key: str, case: str) -> None:
    """To the byte, whether the policy's name is given or not."""
    policy = ROUND_TRIPS[case]
    answer = core.call("PutKeyPolicy", KeyId=key, Policy=policy)
    assert (answer.status, answer.body) == (200, b"")
    assert core.ok("GetKeyPolicy", KeyId=key) == {"Policy": policy, "PolicyName": "default"}
    core.ok("PutKeyPolicy", KeyId=key, Policy="{}", PolicyName="default", BypassPolicyLockoutSafetyCheck=True)
    assert core.ok("GetKeyPolicy", KeyId=key, PolicyName="default")["Policy"] == "{}"


@pytest.mark.parametrize("case", BAD)
def test_a_bad_policy_is_refused(core: Core, key: str, case: str) -> None:
    """Put or given to a new key, it has the same fault, and the policy that was there stays."""
    policy, code = BAD[case]
    before = core.ok("GetKeyPolicy", KeyId=key)
    assert core.refused("PutKeyPolicy", KeyId=key, Policy=policy)[0] == code
    assert core.refused("CreateKey", Policy=policy)[0] == code
    assert core.ok("GetKeyPolicy", KeyId=key) == before


NAMES = {
    "RAM's": ("AWS_RAM", "The AWS_RAM policy can only be managed by the RAM service"),
    "another": ("spare", None),
}


@pytest.mark.parametrize("case", NAMES)
def test_only_the_default_policy_is_put(core: Core, key: str, case: str) -> None:
    """Another name is refused; AWS has words for its own."""
    name, text = NAMES[case]
    code, message = core.refused("PutKeyPolicy", KeyId=key, Policy="{}", PolicyName=name)
    assert code == "ValidationException"
    assert text is None or message == text
    assert core.refused("GetKeyPolicy", KeyId=key, PolicyName=name)[0] == "NotFoundException"


def test_the_names_of_policies(core: Core, key: str) -> None:
    """There is one, on one page, and AWS allows pages of up to 1000."""
    assert core.ok("ListKeyPolicies", KeyId=key) == {"PolicyNames": ["default"], "Truncated": False}
    assert core.ok("ListKeyPolicies", KeyId=key, Limit=1000)["Truncated"] is False
    assert core.refused("ListKeyPolicies", KeyId=key, Limit=1001)[0] == "ValidationException"
    assert core.refused("ListKeyPolicies", KeyId=key, Marker="bad")[0] == "InvalidMarkerException"


def test_policies_are_listed_by_pages(core: Core, key: str) -> None:
    """A key with a second policy, such as one that RAM manages, shows both, in the order of their names."""
    stored = core.stored(key)
    core.store.run(lambda tx: tx.put_policy(stored.key, "AWS_RAM", '{"Id":"shared"}'))
    first = core.ok("ListKeyPolicies", KeyId=key, Limit=1)
    last = core.ok("ListKeyPolicies", KeyId=key, Limit=1, Marker=first["NextMarker"])
    assert (first["PolicyNames"], first["Truncated"]) == (["AWS_RAM"], True)
    assert (last["PolicyNames"], last["Truncated"]) == (["default"], False)
    assert core.ok("GetKeyPolicy", KeyId=key, PolicyName="AWS_RAM")["Policy"] == '{"Id":"shared"}'
