"""The real server explains: from a denied call of boto3 to what would help, and simulations that agree with calls."""

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.guides import DOCS, python_examples, run, run_python
from tests.support import PROGRAM, Server, clean_environment, need

PAGE = DOCS / "guide" / "explaining-denials.md"
ACCOUNT, OTHER = "123456789012", "444455556666"
CONTEXT = {"app": "billing"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of two workers in a folder where the program finds it without being told."""
    folder = tmp_path_factory.mktemp("explain") / ".strongroom"
    folder.mkdir()
    with Server(folder / "data", "--workers", "2") as running:
        yield running


def program(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program beside a server's folder."""
    command = [str(PROGRAM), *arguments, "--data-dir", str(server.data_dir)]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=clean_environment(), timeout=60)


def explained(server: Server, request_id: str, *more: str) -> list[dict[str, Any]]:
    """What the program says of a request."""
    done = program(server, "explain", request_id, "--json", *more)
    assert (done.returncode, done.stderr) == (0, "")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def denied(call: Any, **members: Any) -> str:
    """Make a call that must be denied; its request id."""
    with pytest.raises(ClientError) as caught:
        call(**members)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    return str(caught.value.response["ResponseMetadata"]["RequestId"])


def user(server: Server, name: str, *statements: dict[str, Any]) -> Any:
    """A new user's client."""
    iam = server.client(service="iam")
    iam.create_user(UserName=name)
    if statements:
        document = {"Version": "2012-10-17", "Statement": statements}
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(document))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return server.client(access_key=made["AccessKeyId"], secret=made["SecretAccessKey"])


def test_a_denied_call_is_explained(service: Server) -> None:
    """The key policy leaves it to IAM, where a statement would allow it, but for its condition."""
    key = service.client().create_key()["KeyMetadata"]["Arn"]
    wanted = {"StringEquals": {"kms:EncryptionContext:app": "payroll"}}
    statement = {"Sid": "Pay", "Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*", "Condition": wanted}
    alice = user(service, "alice", statement)
    alice.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"app": "payroll"})
    request_id = denied(alice.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext=CONTEXT)
    (found,) = explained(service, request_id)
    assert (found["reason"], found["resource"]) == ("IMPLICIT_IDENTITY", key)
    (policy,) = found["ofIdentity"]["policies"]
    ((miss,),) = (view["misses"] for view in policy["statements"])
    assert "kms:EncryptionContext:app" in miss
    assert "billing" in miss
    assert any(
        '("Pay") of the identity policy "own" would allow it, but for' in line for line in found["ofIdentity"]["advice"]
    )


def test_both_actions_of_a_reencrypt_are_explained(service: Server) -> None:
    """The one that was denied, that is: the second is not asked where the first is denied."""
    kms = service.client()
    first, second = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    bob = user(service, "bob", {"Effect": "Allow", "Action": "kms:ReEncryptFrom", "Resource": "*"})
    sealed = kms.encrypt(KeyId=first, Plaintext=b"x")["CiphertextBlob"]
    request_id = denied(bob.re_encrypt, CiphertextBlob=sealed, DestinationKeyId=second)
    assert [(found["action"], found["resource"]) for found in explained(service, request_id)] == [
        ("kms:ReEncryptTo", second)
    ]


def test_a_denial_between_accounts_is_told_by_halves(service: Server) -> None:
    """The caller's account sees the same of a key that denies and of one that is not there; the key's sees its half."""
    kms, far = service.client(), service.client(access_key=OTHER)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    missing = key[:-4] + "0000"
    views = [
        explained(service, denied(far.encrypt, KeyId=arn, Plaintext=b"x"), "--account", OTHER) for arn in (key, missing)
    ]
    assert views[0] == views[1]
    assert key not in json.dumps(views)
    (found,) = explained(service, denied(far.encrypt, KeyId=key, Plaintext=b"x"), "--account", ACCOUNT)
    assert (found["caller"], found["resource"], "ofIdentity" in found) == (OTHER, key, False)


def test_simulations_agree_with_calls(service: Server) -> None:
    """What is allowed ends with 0 and what is denied with 4, for users and grants; nothing is recorded as a call."""
    kms = service.client()
    key = kms.create_key()["KeyMetadata"]["Arn"]
    carl = user(service, "carl")
    arn = f"arn:aws:iam::{ACCOUNT}:user/carl"
    question = ("simulate", "--principal", arn, "--action", "kms:Encrypt", "--key", key)
    assert program(service, *question).returncode == 4
    denied(carl.encrypt, KeyId=key, Plaintext=b"x")
    kms.create_grant(
        KeyId=key,
        GranteePrincipal=arn,
        Operations=["Encrypt"],
        Constraints={"EncryptionContextSubset": CONTEXT},
    )
    assert program(service, *question, "--context", "app=billing").returncode == 0
    carl.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=CONTEXT)
    assert program(service, *question, "--context", "app=payroll").returncode == 4
    denied(carl.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext={"app": "payroll"})
    assert program(service, *question, "--key", "alias/none").returncode == 1


def test_a_new_account_can_be_used(service: Server) -> None:
    """With the access key that was printed; it is listed, and made once."""
    done = program(service, "account", "create", "777788889999")
    assert done.returncode == 0
    (access_key,) = re.findall("^AWS_ACCESS_KEY_ID=(.*)$", done.stdout, re.MULTILINE)
    (secret,) = re.findall("^AWS_SECRET_ACCESS_KEY=(.*)$", done.stdout, re.MULTILINE)
    client = service.client(access_key=access_key, secret=secret)
    assert client.create_key()["KeyMetadata"]["AWSAccountId"] == "777788889999"
    assert "777788889999" in program(service, "account", "list").stdout.splitlines()
    done = program(service, "account", "create", "777788889999")
    assert (done.returncode, done.stdout) == (1, "")


def test_the_guide_works_as_written(service: Server) -> None:
    """Its examples run beside the data folder, and print what the page says."""
    need("aws")
    folder = service.data_dir.parents[1]
    text = PAGE.read_text()
    (code,) = python_examples(text)
    done = run_python(code, service, folder)
    assert (done.returncode, done.stderr) == (0, "")
    (shown,) = re.findall(r"^prints\n\n```\n(.*?)```$", text, re.MULTILINE | re.DOTALL)
    example = re.compile(r"key/[0-9a-f-]{36}")
    assert example.sub("key/", done.stdout).strip() == example.sub("key/", shown).strip()
    (script,) = re.findall(r"^<!-- test: sh -->\n```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    done = run(["sh", "-euc", script], service, folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall("^(Allowed|Denied)", done.stdout, re.MULTILINE) == ["Allowed", "Denied"]
