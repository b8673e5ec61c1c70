"""Key ids, alias names and their ARNs (AWS KMS Developer Guide, "Key identifiers")."""

import re
from typing import NamedTuple

from strongroom.model.errors import InvalidArnException, NotFoundException
from strongroom.model.region import Realm

_KEY_ID = re.compile(r"(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32})\Z")
_ACCOUNT = re.compile(r"[0-9]{12}")
_ARN_PARTS = 6


class KeyRef(NamedTuple):
    """What a KeyId parameter names: a key id or an alias name, in a realm that an ARN may have chosen."""

    realm: Realm
    key_id: str | None
    alias: str | None

    @property
    def arn(self) -> str:
        """The ARN that is meant, whichever form was sent."""
        return key_arn(self.realm, self.key_id) if self.key_id else alias_arn(self.realm, self.alias or "")


def is_multi_region(key_id: str) -> bool:
    """Whether a key id is that of a multi-Region key (AWS KMS Developer Guide, "Multi-Region keys")."""
    return key_id.startswith("mrk-")


def key_arn(realm: Realm, key_id: str) -> str:
    """The ARN of a KMS key."""
    return f"arn:{realm.partition}:kms:{realm.region}:{realm.account}:key/{key_id}"


def alias_arn(realm: Realm, name: str) -> str:
    """The ARN of an alias; ``name`` starts with ``alias/``."""
    return f"arn:{realm.partition}:kms:{realm.region}:{realm.account}:{name}"


def root_arn(account: str, partition: str) -> str:
    """The ARN of an account's root principal."""
    return f"arn:{partition}:iam::{account}:root"


def session_arn(account: str, role: str, session: str, partition: str) -> str:
    """The ARN of a role's session; the role's path is not in it."""
    return f"arn:{partition}:sts::{account}:assumed-role/{role}/{session}"


def parse_key_ref(value: str, realm: Realm, *, aliases: bool) -> KeyRef:
    """Read a KeyId parameter as sent by a caller of ``realm``.

    Args:
        value: A key id, key ARN, alias name or alias ARN.
        realm: The caller's account and the endpoint's Region.
        aliases: Whether the operation takes alias names and alias ARNs.

    Raises:
        NotFoundException: The value has none of the forms, an alias where none is taken, or an ARN of another Region.
        InvalidArnException: An ARN that is malformed, of another service or partition, or an alias ARN where none is
            taken.
    """
    if value.startswith("arn:"):
        return _parse_arn(value, realm, aliases=aliases)
    if aliases and value.startswith("alias/"):
        return KeyRef(realm, None, value)
    if _KEY_ID.match(value):
        return KeyRef(realm, value, None)
    raise NotFoundException(f"Invalid keyId '{value}'")


def _parse_arn(value: str, realm: Realm, *, aliases: bool) -> KeyRef:
    parts = value.split(":", _ARN_PARTS - 1)
    if len(parts) != _ARN_PARTS or parts[2] != "kms" or not _ACCOUNT.fullmatch(parts[4]):
        raise InvalidArnException(f"Invalid arn {value}")
    _, partition, _, region, account, resource = parts
    if region != realm.region:
        raise NotFoundException(f"Invalid arn {region}")
    if partition != realm.partition:
        raise InvalidArnException(f"Invalid arn {value}")
    target = Realm(account, region)
    if resource.startswith("alias/") and aliases:
        return KeyRef(target, None, resource)
    if resource.startswith("key/") and _KEY_ID.match(resource, len("key/")):
        return KeyRef(target, resource[len("key/") :], None)
    raise InvalidArnException(f"Invalid arn {value}")
