"""Fixtures for the tests with real clients."""

from typing import Any

import pytest

from tests.compat.calls import account, new_key
from tests.support import Server


@pytest.fixture(scope="session")
def kms(server: Server) -> Any:
    """A boto3 client of the default account in us-east-1."""
    return server.client()


@pytest.fixture
def key(kms: Any) -> str:
    """The ARN of a fresh key."""
    return new_key(kms)


@pytest.fixture
def lonely(server: Server) -> Any:
    """A client of an account in which there is nothing yet."""
    return server.client(access_key=account())
