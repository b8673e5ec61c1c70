"""The AWS CLI against the service: a walk over the operations, its exit codes and its error texts."""

import base64
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.compat.calls import ACCOUNT, REGION, account, new_alias
from tests.policies import open_policy
from tests.support import PROGRAM, Server, clean_environment, need

AWS = PROGRAM.with_name("aws")
# AWS CLI User Guide, "Return codes": version 1, which is the one on PyPI, ends with 255; version 2 would with 254.
SERVICE_REFUSED = 255


class Cli:
    """Runs ``aws kms`` in a folder, as one account."""

    def __init__(self, server: Server, folder: Path, access_key: str) -> None:
        self.folder = folder
        self._command = [str(AWS), "--endpoint-url", server.url, "--output", "json", "kms"]
        self._environment = clean_environment(
            AWS_ACCESS_KEY_ID=access_key,
            AWS_SECRET_ACCESS_KEY="test",
            AWS_DEFAULT_REGION=REGION,
            AWS_CONFIG_FILE=str(folder / "no-config"),
            AWS_SHARED_CREDENTIALS_FILE=str(folder / "no-credentials"),
            AWS_MAX_ATTEMPTS="1",
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            [*self._command, *arguments],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def ok(self, *arguments: str) -> Any:
        """Run a command that must succeed; its JSON, or None where it prints nothing."""
        done = self.run(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout) if done.stdout else None

    def refused(self, *arguments: str) -> str:
        """Run a command that the service must refuse; the error text."""
        done = self.run(*arguments)
        assert (done.returncode, done.stdout) == (SERVICE_REFUSED, "")
        return done.stderr.strip()


@pytest.fixture
def cli(server: Server, tmp_path: Path) -> Cli:
    """The CLI as the default account."""
    return Cli(server, tmp_path, "test")


def test_a_file_is_encrypted_and_decrypted(cli: Cli) -> None:
    """create-key, create-alias, encrypt and decrypt as in AWS's documentation; the file comes back."""
    secret = bytes(range(256)) * 16
    (cli.folder / "secret").write_bytes(secret)
    key = cli.ok("create-key", "--description", "for files", "--tags", "TagKey=team,TagValue=blue")["KeyMetadata"]
    name = new_alias()
    assert cli.ok("create-alias", "--alias-name", name, "--target-key-id", key["KeyId"]) is None
    context = ("--encryption-context", "file=secret,owner=me")
    sealed = cli.ok("encrypt", "--key-id", name, "--plaintext", "fileb://secret", *context)
    assert (sealed["KeyId"], sealed["EncryptionAlgorithm"]) == (key["Arn"], "SYMMETRIC_DEFAULT")
    (cli.folder / "sealed").write_bytes(base64.b64decode(sealed["CiphertextBlob"]))
    opened = cli.ok("decrypt", "--ciphertext-blob", "fileb://sealed", *context)
    assert base64.b64decode(opened["Plaintext"]) == secret
    text = cli.refused("decrypt", "--ciphertext-blob", "fileb://sealed", "--encryption-context", "file=other,owner=me")
    assert text.startswith("An error occurred (InvalidCiphertextException) when calling the Decrypt operation:")
    other = cli.ok("create-key")["KeyMetadata"]["KeyId"]
    moved = cli.ok(
        "re-encrypt", "--ciphertext-blob", "fileb://sealed", "--source-encryption-context", "file=secret,owner=me",
        "--destination-key-id", other,
    )  # fmt: skip
    assert (moved["SourceKeyId"], moved["KeyId"]) == (key["Arn"], key["Arn"].replace(key["KeyId"], other))


def test_data_keys_and_random_bytes(cli: Cli) -> None:
    """generate-data-key, its twin without plaintext, and generate-random."""
    key = cli.ok("create-key")["KeyMetadata"]["KeyId"]
    made = cli.ok("generate-data-key", "--key-id", key, "--key-spec", "AES_256")
    (cli.folder / "data-key").write_bytes(base64.b64decode(made["CiphertextBlob"]))
    opened = cli.ok("decrypt", "--ciphertext-blob", "fileb://data-key", "--key-id", key)
    assert opened["Plaintext"] == made["Plaintext"]
    hidden = cli.ok("generate-data-key-without-plaintext", "--key-id", key, "--number-of-bytes", "64")
    assert set(hidden) == {"CiphertextBlob", "KeyId", "KeyMaterialId"}
    assert len(base64.b64decode(cli.ok("generate-random", "--number-of-bytes", "33")["Plaintext"])) == 33


def test_lists_tags_and_policies(server: Server, tmp_path: Path) -> None:
    """The CLI's own paging meets all keys; tags and policy are put and read."""
    cli = Cli(server, tmp_path, account())
    arns = sorted(cli.ok("create-key")["KeyMetadata"]["Arn"] for _ in range(3))
    assert sorted(entry["KeyArn"] for entry in cli.ok("list-keys", "--page-size", "1")["Keys"]) == arns
    key = arns[0]
    cli.ok("tag-resource", "--key-id", key, "--tags", "TagKey=a,TagValue=1", "TagKey=b,TagValue=2")
    cli.ok("untag-resource", "--key-id", key, "--tag-keys", "a")
    assert cli.ok("list-resource-tags", "--key-id", key)["Tags"] == [{"TagKey": "b", "TagValue": "2"}]
    policy = open_policy() + "\n"
    (tmp_path / "policy.json").write_text(policy)
    cli.ok("put-key-policy", "--key-id", key, "--policy-name", "default", "--policy", "file://policy.json")
    assert cli.ok("get-key-policy", "--key-id", key, "--policy-name", "default")["Policy"] == policy


def test_states_of_a_key(cli: Cli) -> None:
    """disable, enable, schedule and cancel deletion, with the error texts of what is refused in between."""
    metadata = cli.ok("create-key")["KeyMetadata"]
    key, arn = metadata["KeyId"], metadata["Arn"]
    cli.ok("disable-key", "--key-id", key)
    text = cli.refused("encrypt", "--key-id", key, "--plaintext", "AAAA")
    assert text == f"An error occurred (DisabledException) when calling the Encrypt operation: {arn} is disabled."
    cli.ok("enable-key", "--key-id", key)
    scheduled = cli.ok("schedule-key-deletion", "--key-id", key, "--pending-window-in-days", "7")
    assert (scheduled["KeyId"], scheduled["KeyState"], scheduled["PendingWindowInDays"]) == (arn, "PendingDeletion", 7)
    assert re.match(r"\d{4}-\d\d-\d\dT|\d+(\.\d+)?\Z", str(scheduled["DeletionDate"]))
    text = cli.refused("enable-key", "--key-id", key)
    assert text.endswith(f"(KMSInvalidStateException) when calling the EnableKey operation: {arn} is pending deletion.")
    assert cli.ok("cancel-key-deletion", "--key-id", key) == {"KeyId": arn}
    assert cli.ok("describe-key", "--key-id", key)["KeyMetadata"]["KeyState"] == "Disabled"


def test_a_file_is_signed_and_verified_by_openssl(cli: Cli) -> None:
    """create-key, sign, get-public-key as in AWS's documentation; OpenSSL's program verifies, and so does verify."""
    openssl = need("openssl")
    (cli.folder / "message").write_bytes(b"a file that is signed")
    made = cli.ok("create-key", "--key-spec", "RSA_2048", "--key-usage", "SIGN_VERIFY")["KeyMetadata"]
    assert (made["KeySpec"], made["KeyUsage"]) == ("RSA_2048", "SIGN_VERIFY")
    how = ("--key-id", made["KeyId"], "--signing-algorithm", "RSASSA_PKCS1_V1_5_SHA_256", "--message-type", "RAW")
    signed = cli.ok("sign", *how, "--message", "fileb://message")
    (cli.folder / "signature").write_bytes(base64.b64decode(signed["Signature"]))
    public = cli.ok("get-public-key", "--key-id", made["KeyId"])["PublicKey"]
    (cli.folder / "public.der").write_bytes(base64.b64decode(public))
    command = [openssl, "dgst", "-sha256", "-verify", "public.der", "-keyform", "DER", "-signature", "signature"]
    done = subprocess.run([*command, "message"], cwd=cli.folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "Verified OK\n")
    with_signature = ("--signature", "fileb://signature")
    verified = cli.ok("verify", *how, "--message", "fileb://message", *with_signature)
    assert (verified["SignatureValid"], verified["KeyId"]) == (True, made["Arn"])
    (cli.folder / "message").write_bytes(b"a file that was changed")
    text = cli.refused("verify", *how, "--message", "fileb://message", *with_signature)
    assert text.startswith("An error occurred (KMSInvalidSignatureException) when calling the Verify operation:")
    assert subprocess.run([*command, "message"], cwd=cli.folder, capture_output=True, check=False).returncode == 1


def test_errors_of_the_command_line(cli: Cli) -> None:
    """Unknown keys, dry runs and wrong secrets end with the CLI's code for a failed command."""
    missing = "1234abcd-12ab-34cd-56ef-1234567890ab"
    assert cli.refused("describe-key", "--key-id", missing) == (
        "An error occurred (NotFoundException) when calling the DescribeKey operation:"
        f" Key 'arn:aws:kms:{REGION}:{ACCOUNT}:key/{missing}' does not exist"
    )
    key = cli.ok("create-key")["KeyMetadata"]["KeyId"]
    text = cli.refused("generate-data-key", "--key-id", key, "--key-spec", "AES_256", "--dry-run")
    assert "(DryRunOperationException)" in text
    cli._environment["AWS_SECRET_ACCESS_KEY"] = "wrong"
    assert "(InvalidSignatureException)" in cli.refused("list-keys")
    cli._environment["AWS_ACCESS_KEY_ID"] = "AKIAIOSFODNN7EXAMPLE"
    assert cli.refused("list-keys") == (
        "An error occurred (UnrecognizedClientException) when calling the ListKeys operation:"
        " The security token included in the request is invalid."
    )
