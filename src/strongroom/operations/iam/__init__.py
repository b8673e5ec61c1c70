"""The operations of AWS IAM on users and roles, one file a family; importing this package fills the table."""

from strongroom.operations.iam import access_keys, attachments, policies, roles, sign_in, users
from strongroom.operations.iam.service import IAM

__all__ = ["IAM", "access_keys", "attachments", "policies", "roles", "sign_in", "users"]
