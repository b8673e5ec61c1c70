"""Partitions and Regions, against AWS's own list as botocore ships it."""

from typing import Any

import pytest
from botocore.loaders import Loader

from strongroom.model.region import PARTITION_OF, PARTITIONS, Realm

AWS: list[dict[str, Any]] = Loader().load_data("partitions")["partitions"]


def test_partitions_and_regions_are_awss() -> None:
    """Every Region of AWS is in its partition, and there is no other."""
    real = {part["id"]: {name for name in part["regions"] if not name.endswith("global")} for part in AWS}
    assert real == {name: set(regions) for name, regions in PARTITIONS.items()}


def test_no_region_is_in_two_partitions() -> None:
    """A Region says its partition."""
    assert len(PARTITION_OF) == sum(len(regions) for regions in PARTITIONS.values())


REALMS = {
    "commercial": ("eu-central-1", "aws"),
    "China": ("cn-northwest-1", "aws-cn"),
    "GovCloud": ("us-gov-east-1", "aws-us-gov"),
    "sovereign": ("eusc-de-east-1", "aws-eusc"),
    "the operator's own": ("cellar-1", "aws"),
}


@pytest.mark.parametrize("case", REALMS)
def test_partition_of_a_realm(case: str) -> None:
    """A realm is in its Region's partition; a Region that AWS does not have counts as aws."""
    region, partition = REALMS[case]
    assert Realm("123456789012", region).partition == partition
