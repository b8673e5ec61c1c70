"""A grant: a permission on one key for one grantee (AWS KMS Developer Guide, "Grants in AWS KMS")."""

from enum import StrEnum

import msgspec

from strongroom.model.region import Realm


class GrantOperation(StrEnum):
    """What a grant can permit."""

    DECRYPT = "Decrypt"
    ENCRYPT = "Encrypt"
    GENERATE_DATA_KEY = "GenerateDataKey"
    GENERATE_DATA_KEY_WITHOUT_PLAINTEXT = "GenerateDataKeyWithoutPlaintext"
    RE_ENCRYPT_FROM = "ReEncryptFrom"
    RE_ENCRYPT_TO = "ReEncryptTo"
    SIGN = "Sign"
    VERIFY = "Verify"
    GET_PUBLIC_KEY = "GetPublicKey"
    CREATE_GRANT = "CreateGrant"
    RETIRE_GRANT = "RetireGrant"
    DESCRIBE_KEY = "DescribeKey"
    GENERATE_DATA_KEY_PAIR = "GenerateDataKeyPair"
    GENERATE_DATA_KEY_PAIR_WITHOUT_PLAINTEXT = "GenerateDataKeyPairWithoutPlaintext"
    GENERATE_MAC = "GenerateMac"
    VERIFY_MAC = "VerifyMac"
    DERIVE_SHARED_SECRET = "DeriveSharedSecret"  # noqa: S105 - an operation's name
    ENCAPSULATE = "Encapsulate"
    DECAPSULATE = "Decapsulate"


class Constraints(msgspec.Struct, frozen=True, kw_only=True):
    """When a grant counts.

    Attributes:
        equals: The encryption context must be these pairs, no more and no fewer; None where not asked for.
        subset: The encryption context must contain these pairs; None where not asked for.
        source_arn: The resource for which an AWS service must be calling; None where not asked for.
    """

    equals: dict[str, str] | None = None
    subset: dict[str, str] | None = None
    source_arn: str | None = None


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A grant as stored.

    Attributes:
        realm: The key's account and Region.
        grant_id: 64 lower-case hex digits.
        name: The caller's own, empty where there is none.
        created_at: Epoch seconds on the key-life clock.
        grantee: Who gets the permission, as sent: an ARN, an account's root, or a service's name.
        grantee_token: The same as policies bind it: an account, a unique id, ``ROLE-ID:session-name``,
            ``service:NAME``.
        retiring: Who may retire it, as ``grantee``; None where nobody is named.
        retiring_token: As ``grantee_token``.
        issuing_account: The account of who created it.
    """

    realm: Realm
    key_id: str
    grant_id: str
    name: str
    created_at: float
    grantee: str
    grantee_token: str
    retiring: str | None
    retiring_token: str | None
    issuing_account: str
    operations: tuple[GrantOperation, ...]
    constraints: Constraints
