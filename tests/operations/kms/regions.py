"""A multi-Region key of several Regions, for the tests of what related keys do."""

from tests.core import Core
from tests.jobs import run_jobs

HOME, NEAR, FAR = "us-east-1", "eu-west-3", "ap-south-1"


def at(arn: str, region: str) -> str:
    """The ARN of the related key in another Region."""
    parts = arn.split(":")
    return ":".join([*parts[:3], region, *parts[4:]])


def replicated(core: Core, *regions: str, **members: object) -> str:
    """The ARN of a new primary key that has finished replicas in Regions."""
    primary = core.new_key(MultiRegion=True, **members)
    for region in regions:
        core.ok("ReplicateKey", KeyId=primary, ReplicaRegion=region)
    run_jobs(core)
    return primary


def state(core: Core, arn: str) -> str:
    """The state of a key as DescribeKey tells it."""
    return str(core.ok("DescribeKey", region=arn.split(":")[3], KeyId=arn)["KeyMetadata"]["KeyState"])


def places(core: Core, arn: str) -> tuple[str, str, list[str]]:
    """Of a key as DescribeKey tells it: its type, the primary Region, and the replicas' Regions."""
    found = core.ok("DescribeKey", region=arn.split(":")[3], KeyId=arn)["KeyMetadata"]["MultiRegionConfiguration"]
    for place in (found["PrimaryKey"], *found["ReplicaKeys"]):
        assert place["Arn"] == at(arn, place["Region"])
    return found["MultiRegionKeyType"], found["PrimaryKey"]["Region"], [key["Region"] for key in found["ReplicaKeys"]]
