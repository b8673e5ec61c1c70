"""Fixtures for the tests with real clients."""

from typing import Any

import pytest

from tests.compat.calls import account, new_key
from tests.compat.records import all_frames
from tests.compat.specs import Keys
from tests.compat.story import Story, tell
from tests.support import Server


@pytest.fixture(scope="session")
def kms(server: Server) -> Any:
    """A boto3 client of the default account in us-east-1."""
    return server.client()


@pytest.fixture
def key(kms: Any) -> str:
    """The ARN of a fresh key."""
    return new_key(kms)


@pytest.fixture(scope="session")
def keys(kms: Any) -> Keys:
    """Keys of every spec and usage, each made when it is first asked for."""
    return Keys(kms)


@pytest.fixture
def lonely(server: Server) -> Any:
    """A client of an account in which there is nothing yet."""
    return server.client(access_key=account())


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A service that was called in many ways and has stopped; nothing writes to its folder."""
    return tell(tmp_path_factory.mktemp("story") / "data")


@pytest.fixture(scope="session")
def frames(story: Story) -> list[list[dict[str, Any]]]:
    """All frames of the story's audit."""
    return all_frames(story.data)


@pytest.fixture(scope="session")
def by_request(frames: list[list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """The caller's record of each request of the story."""
    return {frame[0]["requestID"]: frame[0] for frame in frames}
