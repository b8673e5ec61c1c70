"""AWS-shaped faults: what a caller sees when a request is refused.

One class for each ``__type``; the class name is the wire name. Status codes as the JSON protocol sends them: 400 for
the client's faults, 500 for the service's (AWS KMS API Reference, "Common Errors").
"""

from typing import ClassVar


class Fault(Exception):  # noqa: N818 - AWS calls these exceptions and faults
    """An error answer; ``str(fault)`` is the message, which may be empty (AWS sends some faults without one)."""

    status: ClassVar[int] = 400

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message

    @property
    def type(self) -> str:
        """The ``__type`` member of the error body."""
        return type(self).__name__


# --- the framework's faults: protocol and authentication (IAM User Guide, "Troubleshoot Signature Version 4") ---


class UnknownOperationException(Fault):
    """The target header names no operation of this service."""


class SerializationException(Fault):
    """The body is not JSON, or a member has the wrong JSON type or is not base64."""


class ValidationException(Fault):
    """A member is missing or breaks its constraint."""


class MissingAuthenticationTokenException(Fault):
    """The request carries no Authorization header."""


class IncompleteSignatureException(Fault):
    """The Authorization header is malformed, or the date is missing."""


class InvalidSignatureException(Fault):
    """The signature does not match, is out of time, or its scope is wrong."""


class UnrecognizedClientException(Fault):
    """The access key or the session token is not known."""


class ExpiredTokenException(Fault):
    """The session is over."""


class AccessDeniedException(Fault):
    """The caller may not do this."""


class ThrottlingException(Fault):
    """There are more requests than the service can take; this one can be retried later."""


# --- the faults of the KMS model (kms/2014-11-01) ---


class AlreadyExistsException(Fault):
    """A resource of that name exists."""


class ConflictException(Fault):
    """A rotation of the key is in progress, or begins soon."""


class DisabledException(Fault):
    """The KMS key is disabled."""


class DryRunOperationException(Fault):
    """The request would have succeeded, but DryRun was set."""


class ExpiredImportTokenException(Fault):
    """The import token's 24 hours are over."""


class IncorrectKeyException(Fault):
    """The key of the request is not the one that made the ciphertext."""


class IncorrectKeyMaterialException(Fault):
    """The key material is not one that the key can have, or not the one that it should be."""


class InvalidAliasNameException(Fault):
    """The alias name is not valid."""


class InvalidArnException(Fault):
    """The ARN is malformed or cannot be used here."""


class InvalidCiphertextException(Fault):
    """The ciphertext, its context or its key do not fit; nothing more is said."""


class InvalidGrantTokenException(Fault):
    """The grant token is not valid."""


class InvalidImportTokenException(Fault):
    """The import token is not one of ours, or another key's."""


class InvalidKeyUsageException(Fault):
    """The key's usage or spec does not allow this."""


class InvalidMarkerException(Fault):
    """The pagination marker is not one of ours."""


class KMSInternalException(Fault):
    """The service failed; the request can be retried."""

    status = 500


class KMSInvalidMacException(Fault):
    """The MAC is not that of the message; nothing more is said."""


class KMSInvalidSignatureException(Fault):
    """The signature is not good for message, key and algorithm; nothing more is said."""


class KMSInvalidStateException(Fault):
    """The key's state does not allow this."""


class LimitExceededException(Fault):
    """A quota is reached."""


class MalformedPolicyDocumentException(Fault):
    """The policy is not valid."""


class NotFoundException(Fault):
    """The key, alias or other resource does not exist."""


class TagException(Fault):
    """A tag is not valid."""


class UnsupportedOperationException(Fault):
    """The operation, or a parameter's value, does not apply."""


class CustomKeyStoreNotFoundException(Fault):
    """No custom key store has that id."""


# --- the faults of the IAM model (iam/2010-05-08); status and code: operations.query ---


class DeleteConflictException(Fault):
    """The user or role still has something that must be deleted first."""


class EntityAlreadyExistsException(Fault):
    """There is a user or role of that name."""


class InvalidInputException(Fault):
    """A parameter's value is not taken."""


class NoSuchEntityException(Fault):
    """There is no such user, role, access key or policy."""


# --- the faults of the STS model (sts/2011-06-15) ---


class PackedPolicyTooLargeException(Fault):
    """Session policy and session tags together do not fit into a session token."""
