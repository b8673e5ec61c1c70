"""Key policies: GetKeyPolicy, PutKeyPolicy, ListKeyPolicies, and what a policy must be to be put."""

from msgspec.structs import replace

from strongroom.authz.policy import Document, PolicyError, PolicyKind, parse
from strongroom.model.arn import root_arn
from strongroom.model.errors import (
    LimitExceededException,
    MalformedPolicyDocumentException,
    NotFoundException,
    ValidationException,
)
from strongroom.model.key import DEFAULT_POLICY_NAME, StoredKey
from strongroom.model.policy import BoundPolicy
from strongroom.model.region import Realm
from strongroom.operations import shapes
from strongroom.operations.paging import cut, decode_marker, encode_marker, page_size
from strongroom.operations.principals import bind, shown
from strongroom.operations.shapes import Request, Response
from strongroom.operations.table import Call, WriteCall, key, operation

MAX_POLICY_BYTES = 32_768
RAM_POLICY_NAME = "AWS_RAM"

_DEFAULT = """{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "%s"
    },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}"""


def default_policy(realm: Realm) -> str:
    """The policy of a key that was created without one (AWS KMS Developer Guide, "Default key policy")."""
    return _DEFAULT % root_arn(realm.account, realm.partition)


def require_policy(document: str) -> None:
    """Refuse a document that cannot be a key policy, whoever its principals are.

    Raises:
        LimitExceededException: Over 32,768 bytes.
        MalformedPolicyDocumentException: It is no valid key policy.
    """
    if len(document.encode()) > MAX_POLICY_BYTES:
        raise LimitExceededException(f"The policy document is larger than the limit of {MAX_POLICY_BYTES} bytes.")
    _parsed(document)


def _parsed(document: str) -> Document:
    try:
        return parse(document, PolicyKind.KEY)
    except PolicyError as error:
        raise MalformedPolicyDocumentException(str(error)) from None


def with_policy(call: Call, stored: StoredKey, document: str | None, *, bypass: bool) -> StoredKey:
    """A key with a policy that passed ``require_policy``, or with the default one; its principals are bound.

    Args:
        call: Its caller must be able to put another policy later (AWS KMS Developer Guide, "Default key policy").
        stored: The key as it will be, whatever its policy.
        document: None asks for the default policy, which gives the key to its account.
        bypass: Whether the caller wants to give that up.

    Raises:
        MalformedPolicyDocumentException: A principal does not exist, or the caller would lock itself out.
    """
    realm = stored.key.realm
    if document is None:
        return _having(stored, BoundPolicy(default_policy(realm)))
    changed = _having(stored, bind(call.reads, realm.partition, document, _parsed(document)))
    if not bypass and not call.would_allow(changed, "kms:PutKeyPolicy"):
        raise MalformedPolicyDocumentException(
            "The new key policy will not allow you to update the key policy in the future."
        )
    return changed


def _having(stored: StoredKey, bound: BoundPolicy) -> StoredKey:
    return replace(stored, policies={**stored.policies, DEFAULT_POLICY_NAME: bound})


class GetKeyPolicyRequest(Request, frozen=True, kw_only=True):
    """Members of GetKeyPolicy."""

    key_id: shapes.KeyId
    policy_name: shapes.PolicyName = DEFAULT_POLICY_NAME


class GetKeyPolicyResponse(Response, frozen=True, kw_only=True, omit_defaults=False):
    """The document."""

    policy: str
    policy_name: str


_ERRORS = "NotFound InvalidArn DependencyTimeout KMSInternal KMSInvalidState"


@operation(on=key("key_id", "kms:GetKeyPolicy"), errors=_ERRORS)
def get_key_policy(call: Call, request: GetKeyPolicyRequest, stored: StoredKey) -> GetKeyPolicyResponse:
    """Read a policy of a key, with the names that its principals have now."""
    bound = stored.policies.get(request.policy_name)
    if bound is None:
        raise NotFoundException("No such policy exists")
    document = shown(call.reads, stored.key.realm.partition, bound)
    return GetKeyPolicyResponse(policy=document, policy_name=request.policy_name)


class PutKeyPolicyRequest(Request, frozen=True, kw_only=True):
    """Members of PutKeyPolicy."""

    key_id: shapes.KeyId
    policy_name: shapes.PolicyName = DEFAULT_POLICY_NAME
    policy: shapes.PolicyDocument
    bypass_policy_lockout_safety_check: bool = False


def _check_put(request: PutKeyPolicyRequest) -> None:
    if request.policy_name == RAM_POLICY_NAME:
        raise ValidationException("The AWS_RAM policy can only be managed by the RAM service")
    if request.policy_name != DEFAULT_POLICY_NAME:
        raise ValidationException(f"Policy name must be '{DEFAULT_POLICY_NAME}'")
    require_policy(request.policy)


@operation(
    on=key("key_id", "kms:PutKeyPolicy"),
    writes=True,
    check=_check_put,
    errors=f"{_ERRORS} MalformedPolicyDocument UnsupportedOperation LimitExceeded",
)
def put_key_policy(call: WriteCall, request: PutKeyPolicyRequest, stored: StoredKey) -> None:
    """Replace the key's default policy."""
    bypass = request.bypass_policy_lockout_safety_check
    changed = with_policy(call, stored, request.policy, bypass=bypass)
    call.tx.put_policy(stored.key, request.policy_name, changed.policies[DEFAULT_POLICY_NAME])


class ListKeyPoliciesRequest(Request, frozen=True, kw_only=True):
    """Members of ListKeyPolicies."""

    key_id: shapes.KeyId
    limit: shapes.Limit | None = None
    marker: shapes.Marker | None = None


class ListKeyPoliciesResponse(Response, frozen=True, kw_only=True):
    """A page of policy names."""

    policy_names: tuple[str, ...]
    next_marker: str | None = None
    truncated: bool


@operation(on=key("key_id", "kms:ListKeyPolicies"), errors=_ERRORS)
def list_key_policies(call: Call, request: ListKeyPoliciesRequest, stored: StoredKey) -> ListKeyPoliciesResponse:
    """List the names of a key's policies."""
    size = page_size(request.limit, default=100, largest=1000)
    after = decode_marker(call.markers, request.marker, "ListKeyPolicies", call.realm)
    names, more = cut([name for name in sorted(stored.policies) if name > after], size)
    return ListKeyPoliciesResponse(
        policy_names=tuple(names),
        next_marker=encode_marker(call.markers, "ListKeyPolicies", call.realm, names[-1]) if more else None,
        truncated=more,
    )
