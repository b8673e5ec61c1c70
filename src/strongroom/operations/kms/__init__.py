"""The operations of AWS KMS, one file a family; importing this package fills the table."""

from strongroom.operations.kms import (
    agreement,
    aliases,
    data_keys,
    deletion,
    encapsulation,
    encryption,
    keys,
    macs,
    policies,
    public_keys,
    randomness,
    replication,
    signing,
    tags,
)

__all__ = [
    "agreement",
    "aliases",
    "data_keys",
    "deletion",
    "encapsulation",
    "encryption",
    "keys",
    "macs",
    "policies",
    "public_keys",
    "randomness",
    "replication",
    "signing",
    "tags",
]
