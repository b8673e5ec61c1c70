"""Who calls."""

import msgspec


class Caller(msgspec.Struct, frozen=True):
    """A proven principal.

    Attributes:
        type: CloudTrail's userIdentity type, such as ``Root``.
        account: The caller's account, 12 digits.
        arn: The principal's ARN.
        principal_id: The unique id; the account for its root.
        access_key_id: The access key that signed.
    """

    type: str
    account: str
    arn: str
    principal_id: str
    access_key_id: str
