"""``strongroom account``."""

from pathlib import Path

import pytest

from strongroom.admin import AdminAnswer, AdminRequest
from tests.cli.conftest import Run, Service


def test_create_prints_the_key_once(run: Run, service: Service, tmp_path: Path) -> None:
    """As init does, so that the same scripts can read it."""
    made = {"account": "111122223333", "accessKeyId": "AKIAEXAMPLE", "secretAccessKey": "s3cret"}
    service.answer = AdminAnswer(result=made)
    done = run("account", "create", "111122223333", "--data-dir", tmp_path)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "Account:     111122223333",
        "The account's root access key, shown this once:",
        "AWS_ACCESS_KEY_ID=AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY=s3cret",
    ]
    assert service.asked == [(tmp_path, AdminRequest("account-create", {"account": "111122223333"}))]


def test_list_prints_one_a_line(run: Run, service: Service) -> None:
    """All of them, and nothing else."""
    service.answer = AdminAnswer(result={"accounts": ["111122223333", "444455556666"]})
    done = run("account", "list")
    assert (done.exit_code, done.stdout) == (0, "111122223333\n444455556666\n")
    assert service.asked == [(Path(".strongroom/data"), AdminRequest("account-list"))]


@pytest.mark.parametrize("arguments", [("create", "111122223333"), ("list",)])
def test_what_the_service_refuses(run: Run, service: Service, arguments: tuple[str, ...]) -> None:
    """Its reason on standard error, nothing on standard output, and 1."""
    service.answer = AdminAnswer(error="account 111122223333 is there already")
    done = run("account", *arguments)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "strongroom: account 111122223333 is there already\n"


@pytest.mark.parametrize("arguments", [("create",), ("create", "1", "2"), ("list", "1")])
def test_wrong_usage(run: Run, arguments: tuple[str, ...]) -> None:
    """Ends with 2."""
    assert run("account", *arguments).exit_code == 2
