"""STS with AWS's own clients: sessions from the CLI, from boto3 and from a config file, and how they end."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.compat.calls import ACCOUNT, REGION, new_key, post
from tests.support import PROGRAM, Server, clean_environment

AWS = PROGRAM.with_name("aws")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A dev service with two workers: what one gives out, the other has to know."""
    with Server(tmp_path_factory.mktemp("sts") / "data", "--workers", "2") as running:
        yield running
        assert running.stop() == 0


def allow(*actions: str, **more: Any) -> str:
    """A policy of one statement."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions} | more]})


class Cast:
    """A user, a role for them that may encrypt, and one for that role that may decrypt."""

    def __init__(self, service: Server, name: str) -> None:
        self.service = service
        self.name = name
        self.iam = service.client(service="iam")
        self.user = self.iam.create_user(UserName=name)["User"]["Arn"]
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        self.keys = {"access_key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
        self.first = self.role("first", self.user, "kms:Encrypt", "sts:*")
        self.second = self.role("second", self.first, "kms:Decrypt")

    def role(self, name: str, trusted: str, *actions: str) -> str:
        """A role that somebody may assume and that may do some actions; its ARN."""
        trust = allow("sts:AssumeRole", Principal={"AWS": trusted})
        full = f"{self.name}-{name}"
        role = self.iam.create_role(RoleName=full, AssumeRolePolicyDocument=trust)["Role"]
        self.iam.put_role_policy(RoleName=full, PolicyName="p", PolicyDocument=allow(*actions, Resource="*"))
        return str(role["Arn"])

    def session(self, **members: Any) -> dict[str, str]:
        """The keys of a session of the first role."""
        sts = self.service.client(service="sts", **self.keys)
        got = sts.assume_role(RoleArn=self.first, RoleSessionName="run", **members)["Credentials"]
        return {
            "access_key": got["AccessKeyId"],
            "secret": got["SecretAccessKey"],
            "aws_session_token": got["SessionToken"],
        }

    def config(self, folder: Path) -> dict[str, str]:
        """Variables for clients: both roles as profiles, and a home in which the CLI keeps the sessions it has."""
        common = f"region = {REGION}\nendpoint_url = {self.service.url}\n"
        (folder / "config").write_text(
            f"[profile first]\nrole_arn = {self.first}\nsource_profile = user\nrole_session_name = one\n{common}"
            f"[profile second]\nrole_arn = {self.second}\nsource_profile = first\nrole_session_name = two\n{common}"
            f"[profile user]\n{common}"
        )
        (folder / "credentials").write_text(
            f"[user]\naws_access_key_id = {self.keys['access_key']}\naws_secret_access_key = {self.keys['secret']}\n"
        )
        return {
            "HOME": str(folder),
            "AWS_CONFIG_FILE": str(folder / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        }


@pytest.fixture(scope="module")
def cast(service: Server) -> Cast:
    """People whom no test changes."""
    return Cast(service, "alice")


def refused(service: Server, keys: Mapping[str, Any], name: str = "kms") -> tuple[str, int]:
    """How a call with keys is refused: the code, and the HTTP status."""
    client = service.client(service=name, **keys)
    call = client.list_keys if name == "kms" else client.get_caller_identity
    with pytest.raises(ClientError) as caught:
        call()
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def cli(service: Server, *arguments: str, **environment: str) -> Any:
    """Run ``aws``, which must succeed; its JSON."""
    done = subprocess.run(
        [str(AWS), "--endpoint-url", service.url, "--output", "json", *arguments],
        env=clean_environment(AWS_DEFAULT_REGION=REGION, **environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_the_cli_learns_who_it_is_and_assumes_a_role(service: Server, cast: Cast) -> None:
    """``aws sts`` as a root, as a user and, with what it got, as a session."""
    identity = cli(service, "sts", "get-caller-identity", AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    assert identity == {"UserId": ACCOUNT, "Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root"}
    mine = {"AWS_ACCESS_KEY_ID": cast.keys["access_key"], "AWS_SECRET_ACCESS_KEY": cast.keys["secret"]}
    assert cli(service, "sts", "get-caller-identity", **mine)["Arn"] == cast.user
    members = ("--role-arn", cast.first, "--role-session-name", "cli", "--duration-seconds", "900")
    assumed = cli(service, "sts", "assume-role", *members, **mine)
    got = assumed["Credentials"]
    theirs = {
        "AWS_ACCESS_KEY_ID": got["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": got["SecretAccessKey"],
        "AWS_SESSION_TOKEN": got["SessionToken"],
    }
    assert cli(service, "sts", "get-caller-identity", **theirs) == {
        "UserId": assumed["AssumedRoleUser"]["AssumedRoleId"],
        "Account": ACCOUNT,
        "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/alice-first/cli",
    }


def test_a_session_may_what_its_role_may(service: Server, cast: Cast) -> None:
    """On both workers: it encrypts, and does nothing else; less where a session policy leaves less."""
    key = new_key(service.client())
    session = cast.session()
    for _ in range(8):  # each client has a connection of its own, which the kernel gives to either worker
        kms = service.client(**session)
        assert kms.encrypt(KeyId=key, Plaintext=b"x")["KeyId"] == key
        with pytest.raises(
            ClientError, match=r"assumed-role/alice-first/run is not authorized to perform: kms:Decrypt"
        ):
            kms.decrypt(CiphertextBlob=kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"])
    narrow = service.client(**cast.session(Policy=allow("kms:Decrypt", Resource="*")))
    with pytest.raises(ClientError, match="AccessDeniedException"):
        narrow.encrypt(KeyId=key, Plaintext=b"x")


def test_profiles_of_a_config_file_are_a_chain(
    service: Server, cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The providers of boto3 and of the CLI assume one role after the other by themselves."""
    variables = cast.config(tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    key = new_key(service.client())
    encrypts, decrypts = (boto3.Session(profile_name=name).client("kms") for name in ("first", "second"))
    blob = encrypts.encrypt(KeyId=key, Plaintext=b"kept")["CiphertextBlob"]
    assert decrypts.decrypt(CiphertextBlob=blob)["Plaintext"] == b"kept"
    identity = cli(service, "--profile", "second", "sts", "get-caller-identity", **variables)
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/alice-second/two"


def test_a_session_ends_when_its_time_is_over(service: Server, cast: Cast) -> None:
    """By the clock that keys live by; each API says so in its own words."""
    session = cast.session(DurationSeconds=900)
    assert service.client(service="sts", **session).get_caller_identity()["Account"] == ACCOUNT
    moved = post(service, "", {"Seconds": 900}, headers={"X-Amz-Target": "StrongroomDev.AdvanceClock"})
    assert moved.status == 200
    assert refused(service, session) == ("ExpiredTokenException", 400)
    assert refused(service, session, "sts") == ("ExpiredToken", 403)


def test_a_session_ends_with_its_role(service: Server) -> None:
    """A role that is made again under the same name and policies is another one."""
    cast = Cast(service, "bob")
    session = cast.session()
    assert service.client(service="sts", **session).get_caller_identity()["Account"] == ACCOUNT
    cast.iam.delete_role_policy(RoleName="bob-first", PolicyName="p")
    cast.iam.delete_role(RoleName="bob-first")
    assert refused(service, session) == ("UnrecognizedClientException", 400)
    cast.role("first", cast.user, "kms:Encrypt")
    assert refused(service, session) == ("UnrecognizedClientException", 400)
    assert refused(service, session, "sts") == ("InvalidClientTokenId", 403)
    assert service.client(service="sts", **cast.session()).get_caller_identity()["Account"] == ACCOUNT


def test_a_changed_token_is_no_token(service: Server, cast: Cast) -> None:
    """One letter in the middle is enough, and so are another session's token, and none."""
    session = cast.session()
    token = session["aws_session_token"]
    middle = len(token) // 2
    changed = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    for other in (changed, cast.session()["aws_session_token"], None):
        assert refused(service, session | {"aws_session_token": other}) == ("UnrecognizedClientException", 400)
    assert refused(service, cast.keys | {"aws_session_token": token}) == ("UnrecognizedClientException", 400)


def test_a_session_outlives_the_service(tmp_path: Path) -> None:
    """All of it is in its token: after a restart it is still the session, with the same rights."""
    with Server(tmp_path / "data") as running:
        cast = Cast(running, "alice")
        key = new_key(running.client())
        session = cast.session()
        assert running.stop() == 0
    with Server(tmp_path / "data") as running:
        assert running.client(**session).encrypt(KeyId=key, Plaintext=b"x")["KeyId"] == key
        assert running.stop() == 0
