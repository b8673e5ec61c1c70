"""IAM with AWS's own clients: the CLI's walk, boto3's waiters, pages and errors, and the guide as it is written."""

import json
import re
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.compat.calls import ACCOUNT, account
from tests.guides import DOCS, run
from tests.support import PROGRAM, Server, clean_environment

AWS = PROGRAM.with_name("aws")
ALLOW = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]})
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}],
    }
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A dev service with two workers: what one writes, the other has to know at the next request."""
    with Server(tmp_path_factory.mktemp("iam") / "data", "--workers", "2") as running:
        yield running
        assert running.stop() == 0


@pytest.fixture
def iam(service: Server) -> Any:
    """A boto3 client of an account in which there is nobody yet."""
    return service.client(service="iam", access_key=account())


def named() -> str:
    """A name of nobody."""
    return f"n{uuid.uuid4().hex[:12]}"


def refused(caught: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    """Status and code of a refusal."""
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def test_the_cli_walks(service: Server, tmp_path: Path) -> None:
    """Commands of a user's and a role's life go well, and print what AWS's documentation shows."""
    environment = clean_environment(
        AWS_ENDPOINT_URL=service.url,
        AWS_ACCESS_KEY_ID=account(),
        AWS_SECRET_ACCESS_KEY="test",
        AWS_DEFAULT_REGION="eu-west-1",
        AWS_CONFIG_FILE=str(tmp_path / "no-config"),
        AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "no-credentials"),
        AWS_MAX_ATTEMPTS="1",
    )

    def aws(command: str, *more: str) -> Any:
        words = [str(AWS), "--output", "json", "iam", *command.split(), *more]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, ""), command
        return json.loads(done.stdout) if done.stdout else None

    assert aws("create-user --user-name al --path /eng/")["User"]["Path"] == "/eng/"
    aws("put-user-policy --user-name al --policy-name p --policy-document", ALLOW)
    assert aws("get-user-policy --user-name al --policy-name p")["PolicyDocument"] == json.loads(ALLOW)
    aws("create-role --role-name r --assume-role-policy-document", TRUST)
    aws("wait role-exists --role-name r")
    aws("update-role --role-name r --max-session-duration 7200 --description", "a role & its <text>")
    role = aws("get-role --role-name r")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("a role & its <text>", 7200)
    assert role["AssumeRolePolicyDocument"] == json.loads(TRUST)
    aws("delete-role --role-name r")
    assert aws("list-roles") == {"Roles": []}


def test_waiters_and_pages(iam: Any) -> None:
    """boto3's waiter takes a user who is there, and its paginators go through every page."""
    for number in range(5):
        iam.create_user(UserName=f"u{number}")
    iam.get_waiter("user_exists").wait(UserName="u4", WaiterConfig={"MaxAttempts": 1})
    pages = list(iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 2}))
    assert [[user["UserName"] for user in page["Users"]] for page in pages] == [["u0", "u1"], ["u2", "u3"], ["u4"]]


def test_faults_are_boto3s_own(iam: Any) -> None:
    """Each is the exception that boto3 makes of AWS's answer, with AWS's status."""
    iam.create_user(UserName="alice")
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException) as exists:
        iam.create_user(UserName="alice")
    assert refused(exists) == (409, "EntityAlreadyExists")
    with pytest.raises(iam.exceptions.NoSuchEntityException) as missing:
        iam.get_role(RoleName="nobody")
    assert refused(missing) == (404, "NoSuchEntity")
    with pytest.raises(iam.exceptions.MalformedPolicyDocumentException) as malformed:
        iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument="{")
    assert refused(malformed) == (400, "MalformedPolicyDocument")
    with pytest.raises(ClientError) as invalid:
        iam.create_user(UserName="not a name")
    assert refused(invalid) == (400, "ValidationError")
    assert "at 'userName' failed to satisfy constraint" in invalid.value.response["Error"]["Message"]
    with pytest.raises(ClientError) as unknown:
        iam.list_groups()
    assert refused(unknown) == (400, "InvalidAction")


def test_what_is_done_to_a_key_holds_at_once(service: Server) -> None:
    """Off, on, gone: each holds for the next request, on whatever worker it lands."""
    iam, name = service.client(service="iam"), named()
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=ALLOW)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    names = {"UserName": name, "AccessKeyId": key["AccessKeyId"]}

    def tried() -> set[str]:
        """How four calls in a row end, each on a connection of its own."""
        ends = set()
        for _ in range(4):
            try:
                service.client(access_key=key["AccessKeyId"], secret=key["SecretAccessKey"]).list_keys(Limit=1)
            except ClientError as error:
                ends.add(str(error.response["Error"]["Code"]))
            else:
                ends.add("OK")
        return ends

    for _ in range(4):
        iam.update_access_key(Status="Inactive", **names)
        assert tried() == {"UnrecognizedClientException"}
        iam.update_access_key(Status="Active", **names)
        assert tried() == {"OK"}
    iam.delete_access_key(**names)
    assert tried() == {"UnrecognizedClientException"}


def test_a_renamed_user_goes_on(service: Server) -> None:
    """Its access key signs on, under the new name, with what the policies of others give it."""
    iam, old, new = service.client(service="iam"), named(), named()
    iam.create_user(UserName=old)
    iam.put_user_policy(UserName=old, PolicyName="p", PolicyDocument=ALLOW)
    key = iam.create_access_key(UserName=old)["AccessKey"]
    iam.update_user(UserName=old, NewUserName=new)
    keys = {"access_key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
    caller = service.client(service="sts", **keys).get_caller_identity()
    assert caller["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/{new}"
    service.client(**keys).list_keys(Limit=1)


PAGE = DOCS / "guide" / "identities.md"
EXAMPLES = re.findall(r"^<!-- test: sh -->\n```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_the_guide_works_as_written(service: Server, number: int, tmp_path: Path) -> None:
    """Its examples run with the AWS CLI, and each command of them goes well."""
    result = run(["sh", "-euc", EXAMPLES[number]], service, tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_guide_has_its_examples() -> None:
    """A user, a role, and the end of a user."""
    assert [("create-role" in example, "delete-user " in example) for example in EXAMPLES] == [
        (False, False),
        (True, False),
        (False, True),
    ]
