"""What grants permit, and who may retire them."""

import itertools
from typing import Any

import pytest

from strongroom.authz.context import AMBIGUOUS, Context, Values
from strongroom.authz.grants import matches, may_retire
from strongroom.authz.policy import Who, WhoKind
from strongroom.model.grant import Constraints, Grant, GrantOperation
from strongroom.model.region import Realm

OWNER, CREATOR, RETIRER, STRANGER = "111111111111", "222222222222", "333333333333", "444444444444"
USER, ROLE, SESSION, OTHER = "AIDAUSER", "AROAROLE", "AROAROLE:work", "AROAROLE:rest"
QUEUE = "arn:aws:sqs:us-east-1:111111111111:queue"

Op = GrantOperation


def grant(*operations: GrantOperation, constraints: Constraints | None = None, **changes: Any) -> Grant:
    """A grant on a key of ``OWNER`` that ``CREATOR`` made for ``USER``, with some members changed."""
    members: dict[str, Any] = {
        "realm": Realm(OWNER, "us-east-1"),
        "key_id": "1234abcd-12ab-34cd-56ef-1234567890ab",
        "grant_id": "ab" * 32,
        "name": "",
        "created_at": 1.0,
        "grantee": "arn:aws:iam::222222222222:user/alice",
        "grantee_token": USER,
        "retiring": None,
        "retiring_token": None,
        "issuing_account": CREATOR,
        "operations": operations,
        "constraints": constraints or Constraints(),
    }
    return Grant(**(members | changes))


def context(source: Values = None) -> Context:
    """A request's condition keys: who it is made for."""
    return Context({"aws:sourcearn": source}.get)


# --- operations ---


def test_a_grant_permits_its_operations_alone() -> None:
    """Every operation of the enum is permitted by a grant that lists it, and by no grant of all the others."""
    for operation in GrantOperation:
        others = [each for each in GrantOperation if each is not operation]
        assert matches(grant(operation), operation, {}, context(), None)
        assert not matches(grant(*others), operation, {}, context(), None)


# --- encryption context ---

IT = {"Department": "IT"}
EQUALS = {
    "the pairs": (IT, True),
    "one more": (IT | {"Purpose": "Test"}, False),
    "none": ({}, False),
    "another value": ({"Department": "HR"}, False),
    "a value in another case": ({"Department": "it"}, False),
    "a key in another case": ({"department": "IT"}, False),
    "no encryption context at all": (None, False),
}
SUBSET = EQUALS | {"one more": (IT | {"Purpose": "Test"}, True)}


@pytest.mark.parametrize("case", EQUALS)
def test_a_context_must_equal(case: str) -> None:
    """EncryptionContextEquals wants these pairs, no more and no fewer."""
    sent, permitted = EQUALS[case]
    limited = grant(Op.DECRYPT, constraints=Constraints(equals=IT))
    assert matches(limited, Op.DECRYPT, sent, context(), None) == permitted


@pytest.mark.parametrize("case", SUBSET)
def test_a_context_must_contain(case: str) -> None:
    """EncryptionContextSubset wants these pairs, and lets others pass."""
    sent, permitted = SUBSET[case]
    limited = grant(Op.DECRYPT, constraints=Constraints(subset=IT))
    assert matches(limited, Op.DECRYPT, sent, context(), None) == permitted


@pytest.mark.parametrize("operation", [Op.DESCRIBE_KEY, Op.RETIRE_GRANT])
def test_a_context_does_not_bind_what_has_none(operation: GrantOperation) -> None:
    """Constraints on the encryption context leave DescribeKey and RetireGrant as they are, and nothing else."""
    for constraints in (Constraints(equals=IT), Constraints(subset=IT)):
        assert matches(grant(operation, constraints=constraints), operation, None, context(), None)
        assert not matches(grant(Op.SIGN, constraints=constraints), Op.SIGN, None, context(), None)


def test_an_empty_constraint_is_one() -> None:
    """EncryptionContextEquals without pairs wants an empty context."""
    empty = grant(Op.DECRYPT, constraints=Constraints(equals={}))
    assert matches(empty, Op.DECRYPT, {}, context(), None)
    assert not matches(empty, Op.DECRYPT, IT, context(), None)


# --- the resource that a service calls for ---

SOURCES: dict[str, tuple[str, Values, bool]] = {
    "the same": (QUEUE, (QUEUE,), True),
    "another": (QUEUE, (QUEUE + "2",), False),
    "in another case": (QUEUE, (QUEUE.replace("queue", "Queue"),), False),
    "none": (QUEUE, None, False),
    "ambiguous": (QUEUE, AMBIGUOUS, False),
    "like a pattern": (QUEUE[:-1] + "*", (QUEUE,), True),
    "a pattern that is no variable": ("arn:aws:sqs:us-east-1:111111111111:${aws:username}", (QUEUE,), False),
}


@pytest.mark.parametrize("case", SOURCES)
def test_a_grant_for_a_resource(case: str) -> None:
    """SourceArn holds as a condition ArnLike on aws:SourceArn, for DescribeKey and CreateGrant as well."""
    wanted, sent, permitted = SOURCES[case]
    limited = grant(Op.DECRYPT, Op.DESCRIBE_KEY, Op.CREATE_GRANT, constraints=Constraints(source_arn=wanted))
    child = ((Op.DECRYPT,), Constraints(source_arn=wanted))
    assert matches(limited, Op.DECRYPT, {}, context(sent), None) == permitted
    assert matches(limited, Op.DESCRIBE_KEY, None, context(sent), None) == permitted
    assert matches(limited, Op.CREATE_GRANT, None, context(sent), child) == permitted


def test_a_resource_does_not_bind_retirement() -> None:
    """RetireGrant is permitted whoever calls for what."""
    limited = grant(Op.RETIRE_GRANT, constraints=Constraints(source_arn=QUEUE))
    assert matches(limited, Op.RETIRE_GRANT, None, context(), None)


# --- grants made by grants ---


def test_a_child_permits_no_more_operations() -> None:
    """A grantee can hand on what its grant lists, in part or whole."""
    parent = grant(Op.CREATE_GRANT, Op.DECRYPT, Op.ENCRYPT)
    for size in (1, 2, 3):
        for operations in itertools.permutations(parent.operations, size):
            assert matches(parent, Op.CREATE_GRANT, None, context(), (operations, Constraints()))
    for operations in ((Op.SIGN,), (Op.DECRYPT, Op.DESCRIBE_KEY), tuple(GrantOperation)):
        assert not matches(parent, Op.CREATE_GRANT, None, context(), (operations, Constraints()))


CONTEXTS = [
    {key: value for key, value in zip("abc", values, strict=True) if value}
    for values in itertools.product(("", "1", "2"), repeat=3)
]
LIMITS = [
    Constraints(),
    *(Constraints(equals=pairs) for pairs in CONTEXTS if "c" not in pairs),
    *(Constraints(subset=pairs) for pairs in CONTEXTS if "c" not in pairs),
]


def let_pass(constraints: Constraints) -> list[dict[str, str]]:
    """The encryption contexts, of those with up to three keys, under which a grant permits an operation."""
    limited = grant(Op.DECRYPT, constraints=constraints)
    return [each for each in CONTEXTS if matches(limited, Op.DECRYPT, each, context(), None)]


@pytest.mark.parametrize("parent", LIMITS, ids=str)
def test_a_child_is_as_strict(parent: Constraints) -> None:
    """A child may be made exactly if it lets no context pass that its parent would not.

    Where the parent has a constraint, the child must have one.
    """
    limited = grant(Op.CREATE_GRANT, Op.DECRYPT, constraints=parent)
    for child in LIMITS:
        permitted = matches(limited, Op.CREATE_GRANT, None, context(), ((Op.DECRYPT,), child))
        expected = all(each in let_pass(parent) for each in let_pass(child))
        if child == Constraints():
            expected = parent == Constraints()
        assert permitted == expected, child


def test_a_child_serves_the_same_resource() -> None:
    """A child of a grant for a resource is for that one; any other may add one."""
    parent = grant(Op.CREATE_GRANT, Op.DECRYPT, constraints=Constraints(source_arn=QUEUE))
    for source, permitted in ((QUEUE, True), (QUEUE + "2", False), (QUEUE[:-1] + "*", False), (None, False)):
        child = ((Op.DECRYPT,), Constraints(source_arn=source))
        assert matches(parent, Op.CREATE_GRANT, None, context((QUEUE,)), child) == permitted
        assert matches(grant(Op.CREATE_GRANT, Op.DECRYPT), Op.CREATE_GRANT, None, context(), child)


def test_a_request_for_a_grant_has_no_context_of_its_own() -> None:
    """Without a child to look at, a parent with a constraint permits nothing."""
    parent = grant(Op.CREATE_GRANT, constraints=Constraints(subset={}))
    assert not matches(parent, Op.CREATE_GRANT, None, context(), None)


# --- retirement ---

CALLERS = {
    "the creator's root": Who(CREATOR, WhoKind.ROOT),
    "the owner's root": Who(OWNER, WhoKind.ROOT),
    "the retiring account's root": Who(RETIRER, WhoKind.ROOT),
    "a stranger's root": Who(STRANGER, WhoKind.ROOT),
    "a creator's user": Who(CREATOR, WhoKind.USER, ("AIDAANOTHER",)),
    "an owner's user": Who(OWNER, WhoKind.USER, ("AIDAANOTHER",)),
    "a retiring account's user": Who(RETIRER, WhoKind.USER, ("AIDAANOTHER",)),
    "a stranger's user": Who(STRANGER, WhoKind.USER, ("AIDAANOTHER",)),
    "the user": Who(STRANGER, WhoKind.USER, (USER,)),
    "the session": Who(STRANGER, WhoKind.SESSION, (ROLE, SESSION)),
    "another session": Who(STRANGER, WhoKind.SESSION, (ROLE, OTHER)),
    "a service": Who(STRANGER, WhoKind.SERVICE, ("service:backup.example.internal",)),
}
CREATORS, OWNERS = ["the creator's root"], ["the owner's root"]
ALLOWED_USERS = ["a creator's user", "an owner's user"]
RETIRERS = {
    # token of the retiring one: who may without a policy, and who if an identity policy allows it
    None: ([], []),
    USER: (["the user"], []),
    ROLE: (["the session", "another session"], []),
    SESSION: (["the session"], []),
    RETIRER: (["the retiring account's root"], ["a retiring account's user"]),
    "service:backup.example.internal": (["a service"], []),
}


@pytest.mark.parametrize("member", ["retiring_token", "grantee_token"])
@pytest.mark.parametrize("token", RETIRERS, ids=str)
def test_who_may_retire(token: str | None, member: str) -> None:
    """The retiring one, the grantee of RetireGrant, the accounts that made the grant and own the key, and delegates."""
    always, delegates = RETIRERS[token]
    operations = (Op.DECRYPT,) if member == "retiring_token" else (Op.DECRYPT, Op.RETIRE_GRANT)
    changes: dict[str, Any] = {"grantee_token": "AIDANOBODY", member: token} if token else {}
    found = grant(*operations, **changes)
    expected = {*CREATORS, *OWNERS, *always}
    if token is None and member == "grantee_token":
        expected.add("the user")
    for name, who in CALLERS.items():
        assert may_retire(found, who, identity_allows=False, session_allows=True) == (name in expected), name
        allowed = name in {*expected, *delegates, *ALLOWED_USERS}
        assert may_retire(found, who, identity_allows=True, session_allows=True) == allowed, name


def test_a_grantee_needs_the_operation() -> None:
    """A grantee without RetireGrant cannot retire its grant, and neither can its account."""
    found = grant(Op.DECRYPT, grantee_token=STRANGER)
    for name in ("a stranger's root", "a stranger's user"):
        assert not may_retire(found, CALLERS[name], identity_allows=True, session_allows=True)


def test_a_session_policy_limits_the_role() -> None:
    """What the role may, and what its account lets it, only with the session policy; what names the session without."""
    session = CALLERS["the session"]
    for token in (ROLE, STRANGER):
        found = grant(Op.DECRYPT, retiring_token=token)
        assert may_retire(found, session, identity_allows=True, session_allows=True)
        assert not may_retire(found, session, identity_allows=True, session_allows=False)
    own = grant(Op.DECRYPT, retiring_token=SESSION)
    assert may_retire(own, session, identity_allows=False, session_allows=False)
