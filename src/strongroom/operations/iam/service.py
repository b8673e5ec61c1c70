"""The IAM service, and what its operations share: types of members, who is meant, pages.

Users and roles belong to accounts and are the same in all Regions; their ARNs are of the partition of the Region that
the request was sent to.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Meta

from strongroom.model.errors import InvalidInputException, InvalidMarkerException, ValidationException
from strongroom.model.identity import PrincipalKind
from strongroom.model.region import Realm
from strongroom.operations.paging import cut, decode_marker, encode_marker
from strongroom.operations.query import query
from strongroom.operations.shapes import Request, Response, full_pattern, unicode_pattern
from strongroom.operations.table import Call, Need, PrincipalTarget, Service

T = TypeVar("T")

IAM = Service(
    "iam",
    "iam.amazonaws.com",
    protocol=query("https://iam.amazonaws.com/doc/2010-05-08/", failure="ServiceFailure"),
    version="2010-05-08",
    # Where AWS's clients send IAM's requests, one of each partition (botocore 1.44.8, "endpoints").
    home_regions=frozenset({
        "us-east-1", "cn-north-1", "eusc-de-east-1", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1",
        "us-isof-south-1", "us-gov-west-1",
    }),
)  # fmt: skip

# --- types of members ---

_NAME = full_pattern(r"[\w+=,.@-]+")
NewName = Annotated[str, Meta(min_length=1, max_length=64, pattern=_NAME)]
Name = Annotated[str, Meta(min_length=1, max_length=128, pattern=_NAME)]
Document = Annotated[
    str, Meta(min_length=1, max_length=131072, pattern=full_pattern(r"[\u0009\u000A\u000D\u0020-\u00FF]+"))
]
Path = Annotated[
    str, Meta(min_length=1, max_length=512, pattern=full_pattern(r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)"))
]
PathPrefix = Annotated[str, Meta(min_length=1, max_length=512, pattern=full_pattern(r"\u002F[\u0021-\u007F]*"))]
Arn = Annotated[str, Meta(min_length=20, max_length=2048)]


class Tag(msgspec.Struct, frozen=True, rename="pascal"):
    """A tag of a user or a role."""

    key: Annotated[str, Meta(min_length=1, max_length=128, pattern=unicode_pattern(r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+"))]
    value: Annotated[str, Meta(max_length=256, pattern=unicode_pattern(r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*"))]


Tags = Annotated[tuple[Tag, ...], Meta(max_length=50)]


def refuse_unsupported(permissions_boundary: str | None, tags: tuple[Tag, ...]) -> None:
    """Refuse what a caller would take for a limit or an attribute, and is none here.

    Raises:
        InvalidInputException: There is a permissions boundary, or there are tags.
    """
    if permissions_boundary is not None:
        raise InvalidInputException("This service has no permissions boundaries.")
    if tags:
        raise InvalidInputException("This service has no tags of users and roles.")


# --- who is meant ---


class UserRequest(Request, frozen=True, kw_only=True):
    """A request that only names a user."""

    user_name: Name


class RoleRequest(Request, frozen=True, kw_only=True):
    """A request that only names a role."""

    role_name: NewName


def user(action: str) -> PrincipalTarget:
    """The user that UserName names; the caller, where it is left out."""
    return PrincipalTarget(action, PrincipalKind.USER, "user_name")


def role(action: str) -> PrincipalTarget:
    """The role that RoleName names."""
    return PrincipalTarget(action, PrincipalKind.ROLE, "role_name")


def need(action: str, realm: Realm, kind: PrincipalKind, path: str, name: str = "") -> tuple[Need, ...]:
    """An action on a user or role that is not there yet, or, without a name, on a path."""
    return (Need(action, f"arn:{realm.partition}:iam::{realm.account}:{kind}{path}{name}"),)


# --- answers ---


def encoded(document: str) -> str:
    """A policy document as IAM answers with it, URL-encoded (IAM API Reference, "GetUserPolicy"; RFC 3986)."""
    return quote(document, safe="")


class ListRequest(Request, frozen=True, kw_only=True):
    """Members of all list operations."""

    marker: Annotated[str, Meta(min_length=1, max_length=320, pattern=full_pattern(r"[\u0020-\u00FF]+"))] | None = None
    max_items: Annotated[int, Meta(ge=1, le=1000)] = 100


class ListResponse(Response, frozen=True, kw_only=True):
    """Members of all their answers."""

    is_truncated: bool
    marker: str | None = None


def start(call: Call, request: ListRequest, operation: str) -> str:
    """The sort key that a page begins after.

    Raises:
        ValidationException: The marker was not made for this operation in this account.
    """
    try:
        return decode_marker(call.markers, request.marker, operation, _everywhere(call))
    except InvalidMarkerException:
        raise ValidationException("Invalid Marker.") from None


def page(
    call: Call, request: ListRequest, operation: str, items: Sequence[T], sort_key: Callable[[T], str]
) -> tuple[Sequence[T], str | None]:
    """The items of a page, and the marker of the next where there are more.

    Args:
        call: The call.
        request: Its request.
        operation: The operation's name.
        items: What comes after ``start``, in order; one more than the page holds is enough.
        sort_key: Of an item.
    """
    shown, more = cut(items, request.max_items)
    marker = encode_marker(call.markers, operation, _everywhere(call), sort_key(shown[-1])) if more else None
    return shown, marker


def _everywhere(call: Call) -> Realm:
    """The scope of markers: the account, since its users and roles are the same in all Regions."""
    return Realm(call.realm.account, "")
