"""Fixtures for the tests with libraries that sign, seal or verify by way of KMS."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.ecosystem.keys import Keys
from tests.support import Server

REGION = "eu-central-1"


@pytest.fixture(scope="module")
def kms(server: Server) -> Any:
    """A boto3 client of the default account."""
    return server.client(REGION)


@pytest.fixture(scope="module")
def keys(kms: Any) -> Keys:
    """The keys of a test module, each made when it is first asked for."""
    return Keys(kms)


@pytest.fixture(scope="module")
def ambient(server: Server) -> Iterator[None]:
    """The environment of a user who set the endpoint URL, credentials and a Region, and nothing else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_KMS", server.url)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setenv("AWS_CONFIG_FILE", "/dev/null")
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        patch.setattr(boto3, "DEFAULT_SESSION", None)  # it remembers credentials of before
        yield
