"""What users can sign in with at AWS, beside access keys, and nobody has here.

Ansible and Terraform ask for these before they delete a user; the truth is an empty list.
"""

import msgspec

from strongroom.model.errors import NoSuchEntityException
from strongroom.model.identity import StoredPrincipal
from strongroom.operations.iam.access_keys import Status
from strongroom.operations.iam.service import IAM, ListRequest, ListResponse, Name, NewName, user
from strongroom.operations.shapes import Request, Response
from strongroom.operations.table import Call, operation


class LoginProfile(Response, frozen=True, kw_only=True):
    """A password."""

    user_name: str
    create_date: float
    password_reset_required: bool | None = None


class GetLoginProfileRequest(Request, frozen=True, kw_only=True):
    """Members of GetLoginProfile."""

    user_name: NewName | None = None


class GetLoginProfileResponse(Response, frozen=True, kw_only=True):
    """A user's password, without itself."""

    login_profile: LoginProfile


@operation(service=IAM, on=user("iam:GetLoginProfile"), errors="NoSuchEntity ServiceFailure")
def get_login_profile(call: Call, request: GetLoginProfileRequest, stored: StoredPrincipal) -> GetLoginProfileResponse:
    """Tell whether a user has a password: it has none.

    Raises:
        NoSuchEntityException: Always.
    """
    raise NoSuchEntityException(f"Login Profile for User {stored.principal.name} cannot be found.")


class MFADevice(Response, frozen=True, kw_only=True):
    """What tells a second factor."""

    user_name: str
    serial_number: str
    enable_date: float


class ListMFADevicesRequest(ListRequest, frozen=True, kw_only=True):
    """Members of ListMFADevices."""

    user_name: Name | None = None


class ListMFADevicesResponse(ListResponse, frozen=True, kw_only=True):
    """No devices."""

    mfa_devices: tuple[MFADevice, ...] = msgspec.field(name="MFADevices")


@operation(service=IAM, name="ListMFADevices", on=user("iam:ListMFADevices"), errors="NoSuchEntity ServiceFailure")
def list_mfa_devices(call: Call, request: ListMFADevicesRequest, stored: StoredPrincipal) -> ListMFADevicesResponse:
    """List a user's MFA devices: there are none."""
    return ListMFADevicesResponse(mfa_devices=(), is_truncated=False)


class SSHPublicKey(Response, frozen=True, kw_only=True):
    """A key for Git."""

    user_name: str
    ssh_public_key_id: str = msgspec.field(name="SSHPublicKeyId")
    status: Status
    upload_date: float


class ListSSHPublicKeysRequest(ListRequest, frozen=True, kw_only=True):
    """Members of ListSSHPublicKeys."""

    user_name: NewName | None = None


class ListSSHPublicKeysResponse(ListResponse, frozen=True, kw_only=True):
    """No keys."""

    ssh_public_keys: tuple[SSHPublicKey, ...] = msgspec.field(name="SSHPublicKeys")


@operation(service=IAM, name="ListSSHPublicKeys", on=user("iam:ListSSHPublicKeys"), errors="NoSuchEntity")
def list_ssh_public_keys(
    call: Call, request: ListSSHPublicKeysRequest, stored: StoredPrincipal
) -> ListSSHPublicKeysResponse:
    """List a user's keys for Git: there are none."""
    return ListSSHPublicKeysResponse(ssh_public_keys=(), is_truncated=False)


class SigningCertificate(Response, frozen=True, kw_only=True):
    """A certificate for SOAP."""

    user_name: str
    certificate_id: str
    certificate_body: str
    status: Status
    upload_date: float | None = None


class ListSigningCertificatesRequest(ListRequest, frozen=True, kw_only=True):
    """Members of ListSigningCertificates."""

    user_name: Name | None = None


class ListSigningCertificatesResponse(ListResponse, frozen=True, kw_only=True):
    """No certificates."""

    certificates: tuple[SigningCertificate, ...]


@operation(service=IAM, on=user("iam:ListSigningCertificates"), errors="NoSuchEntity ServiceFailure")
def list_signing_certificates(
    call: Call, request: ListSigningCertificatesRequest, stored: StoredPrincipal
) -> ListSigningCertificatesResponse:
    """List a user's certificates: there are none."""
    return ListSigningCertificatesResponse(certificates=(), is_truncated=False)


class ServiceSpecificCredential(Response, frozen=True, kw_only=True):
    """A password, or a key, for one service."""

    user_name: str
    status: Status
    service_user_name: str | None = None
    service_credential_alias: str | None = None
    create_date: float
    expiration_date: float | None = None
    service_specific_credential_id: str
    service_name: str


class ListServiceSpecificCredentialsRequest(ListRequest, frozen=True, kw_only=True):
    """Members of ListServiceSpecificCredentials."""

    user_name: NewName | None = None
    service_name: str | None = None
    all_users: bool | None = None


class ListServiceSpecificCredentialsResponse(ListResponse, frozen=True, kw_only=True):
    """No credentials."""

    service_specific_credentials: tuple[ServiceSpecificCredential, ...]


@operation(service=IAM, on=user("iam:ListServiceSpecificCredentials"), errors="NoSuchEntity ServiceNotSupported")
def list_service_specific_credentials(
    call: Call, request: ListServiceSpecificCredentialsRequest, stored: StoredPrincipal
) -> ListServiceSpecificCredentialsResponse:
    """List a user's credentials for single services: there are none."""
    return ListServiceSpecificCredentialsResponse(service_specific_credentials=(), is_truncated=False)
