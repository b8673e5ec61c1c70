"""Tags of keys: TagResource, UntagResource, ListResourceTags."""

from strongroom.model.errors import LimitExceededException, TagException
from strongroom.model.key import StoredKey
from strongroom.model.state import NOT_PENDING_DELETION
from strongroom.operations import shapes
from strongroom.operations.paging import cut, decode_marker, encode_marker, page_size
from strongroom.operations.shapes import Request, Response, Tag
from strongroom.operations.table import Call, WriteCall, key, operation

MAX_TAGS = 50


def require_new_tags(tags: tuple[Tag, ...]) -> None:
    """Refuse the tags of a CreateKey that cannot be.

    Raises:
        TagException: As for ``require_tags``, or more than 50 tags.
    """
    require_tags(tags)
    if len(tags) > MAX_TAGS:
        raise TagException("Too many tags")


def require_tags(tags: tuple[Tag, ...]) -> None:
    """Refuse tags that no key can have.

    Raises:
        TagException: A tag key stands twice, or starts with the reserved ``aws:`` in any letter case.
    """
    if len({tag.tag_key for tag in tags}) != len(tags):
        raise TagException("Duplicate tag keys")
    if any(tag.tag_key.lower().startswith("aws:") for tag in tags):
        raise TagException("aws: prefixed tag key names are not allowed for external use.")


class TagResourceRequest(Request, frozen=True, kw_only=True):
    """Members of TagResource."""

    key_id: shapes.KeyId
    tags: tuple[Tag, ...]


_ERRORS = "KMSInternal NotFound InvalidArn KMSInvalidState Tag"


@operation(
    on=key("key_id", "kms:TagResource"),
    states=NOT_PENDING_DELETION,
    writes=True,
    check=lambda request: require_tags(request.tags),
    errors=f"{_ERRORS} LimitExceeded",
)
def tag_resource(call: WriteCall, request: TagResourceRequest, stored: StoredKey) -> None:
    """Add tags to a key, or replace their values."""
    tags = {tag.tag_key: tag.tag_value for tag in request.tags}
    if len(stored.tags | tags) > MAX_TAGS:
        raise LimitExceededException("Too many tags")
    call.tx.put_tags(stored.key, tags)


class UntagResourceRequest(Request, frozen=True, kw_only=True):
    """Members of UntagResource."""

    key_id: shapes.KeyId
    tag_keys: tuple[shapes.TagKey, ...]


@operation(on=key("key_id", "kms:UntagResource"), states=NOT_PENDING_DELETION, writes=True, errors=_ERRORS)
def untag_resource(call: WriteCall, request: UntagResourceRequest, stored: StoredKey) -> None:
    """Remove tags of a key; unknown tag keys are passed over."""
    call.tx.delete_tags(stored.key, request.tag_keys)


class ListResourceTagsRequest(Request, frozen=True, kw_only=True):
    """Members of ListResourceTags."""

    key_id: shapes.KeyId
    limit: shapes.Limit | None = None
    marker: shapes.Marker | None = None


class ListResourceTagsResponse(Response, frozen=True, kw_only=True):
    """A page of tags."""

    tags: tuple[Tag, ...]
    next_marker: str | None = None
    truncated: bool


@operation(on=key("key_id", "kms:ListResourceTags"), errors="KMSInternal NotFound InvalidArn InvalidMarker")
def list_resource_tags(call: Call, request: ListResourceTagsRequest, stored: StoredKey) -> ListResourceTagsResponse:
    """List the tags of a key in the order of their keys."""
    size = page_size(request.limit, default=MAX_TAGS, largest=MAX_TAGS)
    after = decode_marker(call.markers, request.marker, "ListResourceTags", call.realm)
    names, more = cut([name for name in sorted(stored.tags) if name > after], size)
    return ListResourceTagsResponse(
        tags=tuple(Tag(name, stored.tags[name]) for name in names),
        next_marker=encode_marker(call.markers, "ListResourceTags", call.realm, names[-1]) if more else None,
        truncated=more,
    )
