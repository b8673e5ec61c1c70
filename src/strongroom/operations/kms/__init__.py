"""The operations of AWS KMS, one file a family; importing this package fills the table."""

from strongroom.operations.kms import aliases, data_keys, deletion, encryption, keys, policies, randomness, tags

__all__ = ["aliases", "data_keys", "deletion", "encryption", "keys", "policies", "randomness", "tags"]
