"""A key as a value."""

import msgspec
import pytest

from strongroom.model.key import Key
from strongroom.model.life import next_step
from strongroom.model.region import Realm
from strongroom.model.spec import KeyManager, KeySpec, KeyUsage, Origin
from strongroom.model.state import KeyState

KEY = Key(
    realm=Realm("123456789012", "cn-north-1"),
    key_id="mrk-1234abcd12ab34cd56ef1234567890ab",
    spec=KeySpec.SYMMETRIC_DEFAULT,
    usage=KeyUsage.ENCRYPT_DECRYPT,
    origin=Origin.AWS_KMS,
    manager=KeyManager.CUSTOMER,
    state=KeyState.ENABLED,
    description="",
    created_at=1_700_000_000.5,
)


def test_a_key_knows_its_arn() -> None:
    """The ARN is of the key's own account, Region and partition."""
    assert KEY.arn == "arn:aws-cn:kms:cn-north-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab"


def test_a_key_does_not_change() -> None:
    """A cached key cannot be altered by who reads it."""
    with pytest.raises(AttributeError):
        KEY.state = KeyState.DISABLED  # type: ignore[misc] # what must not work


def test_a_new_key_waits_for_nothing() -> None:
    """No deletion is pending, and the key is in one Region, unless it is said."""
    assert not KEY.multi_region
    assert not KEY.is_replica
    assert KEY.related == ()
    assert next_step(KEY) is None


def test_related_keys_are_all_but_the_key_itself() -> None:
    """The primary first, then the replicas in order; the primary is no replica."""
    regions = {"primary_region": "cn-north-1", "replica_regions": ("cn-northwest-1",)}
    primary = msgspec.structs.replace(KEY, **regions)
    replica = msgspec.structs.replace(primary, realm=Realm("123456789012", "cn-northwest-1"))
    assert (primary.multi_region, primary.is_replica) == (True, False)
    assert (replica.multi_region, replica.is_replica) == (True, True)
    assert primary.related == (replica.realm,)
    assert replica.related == (primary.realm,)
