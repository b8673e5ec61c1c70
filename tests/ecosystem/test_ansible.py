"""Ansible's modules for keys, users and roles: a playbook that asks for each change twice, and what it leaves."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ecosystem.conftest import REGION
from tests.support import PROGRAM, Server, clean_environment

PLAYBOOK = Path(__file__).with_name("ansible.yml")
ACCOUNT = "314159265358"  # of this test alone
CHANGES = 14  # that the playbook asks for twice


def play(server: Server, folder: Path) -> str:
    """Run the playbook to its end, as the root of the account; what Ansible printed."""
    (folder / "ansible.cfg").touch()
    done = subprocess.run(
        [PROGRAM.with_name("ansible-playbook"), PLAYBOOK, "--extra-vars", f"account={ACCOUNT}"],
        cwd=folder,
        env=clean_environment(
            HOME=str(folder),
            LC_ALL="C.UTF-8",
            AWS_ENDPOINT_URL=server.url,
            AWS_REGION=REGION,
            AWS_ACCESS_KEY_ID=ACCOUNT,
            AWS_SECRET_ACCESS_KEY="test",
            ANSIBLE_CONFIG=str(folder / "ansible.cfg"),
            ANSIBLE_HOME=str(folder / "ansible"),
            ANSIBLE_COLLECTIONS_PATH=sys.prefix,  # where scripts/ansible-collection puts it
            ANSIBLE_STDOUT_CALLBACK="default",
            ANSIBLE_PIPELINING="true",
        ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-5000:]}\n{done.stderr[-5000:]}"
    return done.stdout


@pytest.mark.timeout(600)  # some forty processes, each of which loads boto3
def test_each_change_is_one_and_then_none(server: Server, tmp_path: Path) -> None:
    """The playbook, which checks that, succeeds; boto3 sees what it asked for."""
    output = play(server, tmp_path)
    assert output.count("(item=True)") == output.count("(item=False)") == CHANGES
    assert re.search(rf" changed={CHANGES + 1} .* failed=0 .* ignored=0 ", output)  # an access key is made once

    kms, iam = (server.client(REGION, ACCOUNT, service=service) for service in ("kms", "iam"))
    aliases = {alias["AliasName"]: alias["TargetKeyId"] for alias in kms.list_aliases()["Aliases"]}
    assert aliases.keys() == {"alias/app/data", "alias/app/more", "alias/signing"}
    data, signing = aliases["alias/app/data"], aliases["alias/signing"]
    assert data == aliases["alias/app/more"]
    assert {key["KeyId"] for key in kms.list_keys()["Keys"]} == {data, signing}

    shown = kms.describe_key(KeyId=data)["KeyMetadata"]
    assert (shown["Description"], shown["KeyState"]) == ("second", "Enabled")
    tags = {tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=data)["Tags"]}
    assert tags == {"stage": "production", "owner": "ops"}
    assert not kms.get_key_rotation_status(KeyId=data)["KeyRotationEnabled"]
    assert json.loads(kms.get_key_policy(KeyId=data)["Policy"])["Id"] == "two"
    (grant,) = kms.list_grants(KeyId=data)["Grants"]
    assert grant["Name"] == "subset"
    assert set(grant["Operations"]) == {"DescribeKey", "Encrypt"}
    assert grant["Constraints"] == {"EncryptionContextEquals": {"Stage": "production", "app-Name": "Billing"}}

    assert kms.describe_key(KeyId=signing)["KeyMetadata"]["KeyState"] == "Disabled"
    assert kms.list_grants(KeyId=signing)["Grants"] == []
    assert (iam.list_users()["Users"], iam.list_roles()["Roles"]) == ([], [])
