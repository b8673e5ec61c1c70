"""Grants with AWS's own clients: boto3 and the CLI against a server, and the guide as it is written."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.compat.calls import ACCOUNT, account, new_key, refusal
from tests.guides import DOCS, python_examples, run, run_python, silent
from tests.support import Server

PAGE = (DOCS / "guide" / "grants.md").read_text()
SHELL = re.findall(r"^<!-- test: sh -->\n```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def test_the_guide_works_as_written(server: Server, tmp_path: Path) -> None:
    """Its examples run without a word: one in Python, one with the CLI."""
    (code,), (script,) = python_examples(PAGE), SHELL
    assert silent(run_python(code, server, tmp_path))
    assert silent(run(["sh", "-euc", script], server, tmp_path))


def test_grants_by_pages(kms: Any) -> None:
    """boto3's paginators find every grant once, in both lists."""
    key = new_key(kms)
    made = {
        kms.create_grant(KeyId=key, GranteePrincipal=ROOT, RetiringPrincipal=ROOT, Operations=["Decrypt"])["GrantId"]
        for _ in range(7)
    }
    pages = kms.get_paginator("list_grants").paginate(KeyId=key, PaginationConfig={"PageSize": 3})
    found = [[grant["GrantId"] for grant in page["Grants"]] for page in pages]
    assert [len(page) for page in found] == [3, 3, 1]
    assert {grant_id for page in found for grant_id in page} == made
    retirable = kms.get_paginator("list_retirable_grants").paginate(RetiringPrincipal=ROOT)
    assert made <= {grant["GrantId"] for page in retirable for grant in page["Grants"]}


def test_an_account_uses_the_key_of_another(server: Server, kms: Any) -> None:
    """From the grant to its end, each account with its own access key; the token works in every worker."""
    key, other = new_key(kms), account()
    theirs = server.client(access_key=other)
    assert refusal(theirs.encrypt, KeyId=key, Plaintext=b"x").code == "AccessDeniedException"
    grant = kms.create_grant(
        KeyId=key, GranteePrincipal=f"arn:aws:iam::{other}:root", Operations=["Encrypt", "Decrypt", "RetireGrant"]
    )
    blob = theirs.encrypt(KeyId=key, Plaintext=b"x", GrantTokens=[grant["GrantToken"]])["CiphertextBlob"]
    assert theirs.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert refusal(theirs.retire_grant, GrantToken=grant["GrantToken"], DryRun=True).code == "DryRunOperationException"
    theirs.retire_grant(KeyId=key, GrantId=grant["GrantId"])
    assert refusal(theirs.decrypt, CiphertextBlob=blob).code == "AccessDeniedException"
    assert kms.list_grants(KeyId=key)["Grants"] == []


@pytest.mark.parametrize("token", ["x", "AQUAAAAB", "x" * 8192])
def test_a_token_that_is_none(kms: Any, token: str) -> None:
    """Of whatever length the model allows."""
    key = new_key(kms)
    assert refusal(kms.retire_grant, GrantToken=token).code == "InvalidGrantTokenException"
    assert refusal(kms.describe_key, KeyId=key, GrantTokens=[token]).code == "InvalidGrantTokenException"
