"""GenerateRandom."""

import pytest

from tests.core import Core


@pytest.mark.parametrize("size", [1, 32, 1024])
def test_as_many_bytes_as_asked_for(core: Core, size: int) -> None:
    """The answer holds them and nothing else."""
    answer = core.ok("GenerateRandom", NumberOfBytes=size)
    assert answer.keys() == {"Plaintext"}
    assert len(answer["Plaintext"]) == size


def test_no_two_answers_are_alike(core: Core) -> None:
    """Thirty-two bytes do not come twice."""
    assert len({core.ok("GenerateRandom", NumberOfBytes=32)["Plaintext"] for _ in range(10)}) == 10


@pytest.mark.parametrize("size", [0, 1025, None])
def test_the_number_is_needed_and_bounded(core: Core, size: int | None) -> None:
    """1 to 1024, and it has no default."""
    members = {} if size is None else {"NumberOfBytes": size}
    assert core.refused("GenerateRandom", **members)[0] == "ValidationException"


def test_there_are_no_custom_key_stores(core: Core) -> None:
    """Every id of one is not found."""
    asked = {"NumberOfBytes": 1, "CustomKeyStoreId": "cks-1234567890abcdef0"}
    assert core.refused("GenerateRandom", **asked)[0] == "CustomKeyStoreNotFoundException"
