"""A root and keys with fixed bytes, so that the second reader can be given the same."""

from typing import Any

from strongroom.keystores.root import RootKeys
from strongroom.model.key import Key
from strongroom.model.region import Realm
from strongroom.model.spec import KeyManager, KeySpec, KeyUsage, Origin
from strongroom.model.state import KeyState
from tests.support_formats import Root

ROOT = Root(7, bytes(range(32)))
ROOTS = RootKeys({ROOT.version: ROOT.root}, ROOT.version)
ACCOUNT, REGION = "012345678901", "eu-central-1"
UUID = "1234abcd-12ab-34cd-56ef-1234567890ab"
MRK = "mrk-1234abcd12ab34cd56ef1234567890ab"


def make_key(**changes: Any) -> Key:
    """A symmetric key, with some members changed."""
    members: dict[str, Any] = {
        "realm": Realm(ACCOUNT, REGION),
        "key_id": UUID,
        "spec": KeySpec.SYMMETRIC_DEFAULT,
        "usage": KeyUsage.ENCRYPT_DECRYPT,
        "origin": Origin.AWS_KMS,
        "manager": KeyManager.CUSTOMER,
        "state": KeyState.ENABLED,
        "description": "",
        "created_at": 1_700_000_000.5,
    }
    return Key(**(members | changes))
