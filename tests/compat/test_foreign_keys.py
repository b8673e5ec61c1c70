"""A key of another account on the real server: whatever is wrong, the answers are the same to the last header."""

import json
from typing import Any

import pytest

from tests.compat.calls import ACCOUNT, REGION, Answer, account, id_of, new_key, post
from tests.support import Server

MISSING = "1234abcd-12ab-34cd-56ef-1234567890ab"
OWN_TO_EACH = {"date", "x-amzn-requestid"}


@pytest.fixture
def stranger(server: Server) -> dict[str, str]:
    """How a user of another account signs, to whom that account allows everything."""
    other = account()
    iam = server.client(REGION, other, service="iam")
    iam.create_user(UserName="stranger")
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_user_policy(UserName="stranger", PolicyName="all", PolicyDocument=json.dumps(everything))
    made = iam.create_access_key(UserName="stranger")["AccessKey"]
    return {"access_key": made["AccessKeyId"], "secret": made["SecretAccessKey"]}


def statement(effect: str, principal: str) -> dict[str, Any]:
    """A statement of a key policy about everything."""
    return {"Effect": effect, "Principal": {"AWS": principal}, "Action": "kms:*", "Resource": "*"}


def same(one: Answer, other: Answer) -> bool:
    """Whether two answers are the same but for what is each answer's own."""
    shown = [{name: text for name, text in it.headers.items() if name not in OWN_TO_EACH} for it in (one, other)]
    return (one.status, one.body, shown[0]) == (other.status, other.body, shown[1])


@pytest.mark.parametrize("operation", ["Encrypt", "DescribeKey", "GetKeyPolicy", "DisableKey", "CreateGrant"])
def test_missing_not_allowed_and_denied_are_one_answer(
    server: Server, kms: Any, stranger: dict[str, str], operation: str
) -> None:
    """Status, body and every header but the date and the request id are the same, in their order, too."""
    key = new_key(kms)
    members: dict[str, dict[str, Any]] = {
        "Encrypt": {"Plaintext": "eA=="},
        "CreateGrant": {"GranteePrincipal": f"arn:aws:iam::{ACCOUNT}:root", "Operations": ["Encrypt"]},
    }
    more = members.get(operation, {})

    def ask(arn: str) -> Answer:
        return post(server, operation, {"KeyId": arn, **more}, **stranger)

    missing = ask(key.replace(id_of(key), MISSING))
    assert (missing.status, missing.fault) == (400, "AccessDeniedException")
    not_allowed = ask(key)
    caller = json.loads(missing.body)["message"].split()[1]
    denying = {"Version": "2012-10-17", "Statement": [statement("Allow", ACCOUNT), statement("Deny", caller)]}
    kms.put_key_policy(KeyId=key, Policy=json.dumps(denying))
    assert same(missing, not_allowed)
    assert same(missing, ask(key))
    assert list(missing.headers) == list(not_allowed.headers)
