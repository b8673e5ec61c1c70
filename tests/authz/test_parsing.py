"""Reading policy documents: what is taken, what is refused, and in which words."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.authz.parsing import Document, Names, PolicyError, PolicyKind, must_be_bound, parse

KEY, TRUST, IDENTITY, SESSION = PolicyKind
ALL = tuple(PolicyKind)
ROOT = "arn:aws:iam::111122223333:root"
ALICE = "arn:aws:iam::111122223333:user/division/alice"
SYNTAX = "Syntax errors in policy."
VENDOR = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
INVALID = "Policy contains a statement with one or more invalid principals."
PERMISSIVE = (
    "OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued condition key matches requests"
    " without the specified {0} or with an unspecified {0}. To fix, remove ForAllValues."
)

VALID: dict[PolicyKind, dict[str, Any]] = {
    KEY: {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"},
    TRUST: {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"},
    IDENTITY: {"Effect": "Allow", "Action": "kms:*", "Resource": "*"},
    SESSION: {"Effect": "Allow", "Action": "kms:*", "Resource": "*"},
}


def policy(statements: Any, **members: Any) -> str:
    """A document of today's version."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements, **members})


def changed(kind: PolicyKind, **members: Any) -> str:
    """A valid document with one statement, some members of it others; None takes one away."""
    statement = {**VALID[kind], **members}
    return policy([{name: value for name, value in statement.items() if value is not None}])


def refused(document: str, kind: PolicyKind) -> str:
    """The text with which a document is refused."""
    with pytest.raises(PolicyError) as caught:
        parse(document, kind)
    return str(caught.value)


@pytest.mark.parametrize("kind", ALL)
def test_a_valid_document(kind: PolicyKind) -> None:
    """One statement or a list of them, with or without version, Id and Sid."""
    one = VALID[kind]
    for document in (
        policy(one),
        policy([one, one], Id="some id"),
        policy([{**one, "Sid": "A1"}, {**one, "Sid": "A2"}, {**one, "Sid": ""}, {**one, "Sid": ""}]),
        json.dumps({"Statement": one}),
        json.dumps({"Version": "2008-10-17", "Statement": [one]}),
    ):
        assert parse(document, kind).variables is ("2012" in document)
        assert len(parse(document, kind).statements) == document.count("Effect")


BROKEN = [
    "",
    "{",
    "[]",
    "null",
    '"text"',
    "1",
    "{}",
    '{"Statement": []}',
    '{"Statement": null}',
    '{"Statement": "Allow"}',
    '{"Statement": [[]]}',
    '{"Statement": [null]}',
    '{"Version": "2012-10-17", "Version": "2012-10-17", "Statement": {}}',
    '{"Statement": {}, "Statements": {}}',
    '{"Id": 1, "Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}}',
    '{"Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Effect": "Deny"}}',
    '{"Statement": {"Effect": "Deny", "Action": "kms:*", "Condition": {"Bool": {"aws:A": true, "aws:A": false}}}}',
    '{"Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "\\ud800"}}',
    '{"Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": NaN}}',
    "[" * 30_000,
    '{"Statement":' * 5_000,
]


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("document", BROKEN, ids=range(len(BROKEN)))
def test_what_is_no_policy(document: str, kind: PolicyKind) -> None:
    """What is no JSON has the text of what is no policy; in a trust policy its own. No member comes twice."""
    assert refused(document, kind) in ({SYNTAX, "This policy contains invalid Json"} if kind is TRUST else {SYNTAX})


def test_no_json() -> None:
    """The text of a trust policy that is no JSON."""
    assert refused('{"Statement": [},', TRUST) == "This policy contains invalid Json"


@pytest.mark.parametrize("version", ["2012-10-18", "", 1, None, ["2012-10-17"]])
def test_other_versions(version: object) -> None:
    """There are two versions."""
    expected = "Policy document must be version 2012-10-17 or greater."
    assert refused(policy(VALID[KEY], Version=version), KEY) == expected


COMMON: list[tuple[dict[str, Any], str]] = [
    ({"Effect": None}, SYNTAX),
    ({"Effect": "allow"}, SYNTAX),
    ({"Effect": ["Allow"]}, SYNTAX),
    ({"Sid": 1}, SYNTAX),
    ({"Comment": "none"}, SYNTAX),
    ({"NotAction": "kms:*"}, SYNTAX),
    ({"Action": 1}, SYNTAX),
    ({"Action": {}}, SYNTAX),
    ({"Action": ["kms:Encrypt", 1]}, SYNTAX),
    ({"Action": "Encrypt"}, VENDOR),
    ({"Action": ["kms:Encrypt", ""]}, VENDOR),
    ({"Action": "k*:Encrypt"}, VENDOR),
    ({"Action": "kms:"}, VENDOR),
    ({"Condition": []}, SYNTAX),
    ({"Condition": {"Bool": "true"}}, SYNTAX),
    ({"Condition": {"Bool": {"aws:SecureTransport": {}}}}, SYNTAX),
    ({"Condition": {"Bool": {"aws:SecureTransport": [["true"]]}}}, SYNTAX),
    ({"Condition": {"Bool": {"aws:SecureTransport": "maybe"}}}, SYNTAX),
    ({"Condition": {"Boolean": {"aws:SecureTransport": "true"}}}, SYNTAX),
    ({"Condition": {"NumericEquals": {"aws:EpochTime": "soon"}}}, SYNTAX),
    ({"Condition": {"Bool": {"SecureTransport": "true"}}}, VENDOR),
]


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(("members", "text"), COMMON)
def test_what_no_policy_may_have(kind: PolicyKind, members: dict[str, Any], text: str) -> None:
    """Elements of the wrong shape are refused wherever the policy stands."""
    assert refused(changed(kind, **members), kind) == text


PARTICULAR: list[tuple[PolicyKind, dict[str, Any], str]] = [
    (KEY, {"Principal": None}, "Policy contains a statement with no principal."),
    (KEY, {"Principal": {}}, "Policy contains a statement with no principal."),
    (KEY, {"Principal": {"AWS": []}}, "Policy contains a statement with no principal."),
    (KEY, {"Principal": "111122223333"}, SYNTAX),
    (KEY, {"Principal": ["*"]}, SYNTAX),
    (KEY, {"Principal": {"AWS": {}}}, SYNTAX),
    (KEY, {"Principal": {"AWS": 111122223333}}, SYNTAX),
    (KEY, {"NotPrincipal": {"AWS": ROOT}}, SYNTAX),
    (KEY, {"Principal": None, "NotPrincipal": {"AWS": ROOT}}, "Allow with NotPrincipal is not allowed."),
    (KEY, {"NotResource": "*"}, SYNTAX),
    (KEY, {"Principal": {"CanonicalUser": "79a59df900b949e5"}}, INVALID),
    (KEY, {"Principal": {"Service": "*"}}, INVALID),
    (KEY, {"Principal": {"Service": ""}}, INVALID),
    (KEY, {"Principal": {"Federated": ""}}, INVALID),
    (TRUST, {"Principal": None}, "Missing required field Principal"),
    (TRUST, {"Principal": {"AWS": "alice"}}, 'Invalid principal in policy: "AWS":"alice"'),
    (TRUST, {"Principal": {"Service": "*.amazonaws.com"}}, 'Invalid principal in policy: "Service":"*.amazonaws.com"'),
    (TRUST, {"Resource": "*"}, "Has prohibited field Resource"),
    (TRUST, {"NotResource": "*"}, "Has prohibited field NotResource"),
    (TRUST, {"Effect": "Deny", "Principal": None, "NotPrincipal": "*"}, "Has prohibited field NotPrincipal"),
    (TRUST, {"Action": None}, "Policy statement must contain actions."),
    (TRUST, {"Action": ["sts:AssumeRole", "kms:*"]}, "AssumeRole policy may only specify STS AssumeRole actions."),
    (TRUST, {"Action": "*"}, "AssumeRole policy may only specify STS AssumeRole actions."),
    *(
        (kind, members, text)
        for kind in (IDENTITY, SESSION)
        for members, text in (
            ({"Principal": "*"}, "Policy document should not specify a principal."),
            ({"NotPrincipal": {"AWS": ROOT}}, "Policy document should not specify a principal."),
            ({"Action": None}, "Policy statement must contain actions."),
            ({"Action": []}, "Policy statement must contain actions."),
            ({"Resource": None}, "Policy statement must contain resources."),
            ({"Resource": []}, "Policy statement must contain resources."),
            ({"Resource": ["*", "key/1"]}, 'Resource key/1 must be in ARN format or "*".'),
        )
    ),
]


@pytest.mark.parametrize(("kind", "members", "text"), PARTICULAR)
def test_what_one_kind_may_not_have(kind: PolicyKind, members: dict[str, Any], text: str) -> None:
    """Principals, resources and actions are refused in the words of the API that takes the policy."""
    assert refused(changed(kind, **members), kind) == text


@pytest.mark.parametrize("missing", [{"Action": None}, {"Action": []}, {"Resource": None}, {"Resource": []}])
def test_a_key_policy_may_lack_actions_or_resources(missing: dict[str, Any]) -> None:
    """AWS takes such a statement; it is not effective."""
    (statement,) = parse(changed(KEY, **missing), KEY).statements
    assert (statement.actions is None) is ("Action" in missing)
    assert (statement.resources is None) is ("Resource" in missing)


@pytest.mark.parametrize("kind", ALL)
def test_sids(kind: PolicyKind) -> None:
    """IAM wants letters and digits, and none twice; KMS takes any."""
    spaced = policy([{**VALID[kind], "Sid": "Allow use of the key"}, {**VALID[kind], "Sid": "b-c"}])
    twice = policy([{**VALID[kind], "Sid": "A"}, {**VALID[kind], "Sid": "A"}])
    if kind is KEY:
        assert [one.sid for one in parse(spaced, kind).statements] == ["Allow use of the key", "b-c"]
        assert [one.sid for one in parse(twice, kind).statements] == ["A", "A"]
    else:
        assert refused(spaced, kind) == "The following Statement Ids are invalid: Allow use of the key, b-c"
        assert refused(twice, kind) == "Statement IDs (SID) in a single policy must be unique."


PRINCIPALS: list[tuple[Any, tuple[str, ...]]] = [
    ("*", ("*",)),
    ({"AWS": "*"}, ("*",)),
    ({"AWS": ["111122223333", "arn:aws-cn:iam::444455556666:root"]}, ("111122223333", "444455556666")),
    (
        {"AWS": [], "Service": ["s3.amazonaws.com"], "Federated": "accounts.google.com"},
        ("service:s3.amazonaws.com", "federated:accounts.google.com"),
    ),
    ({"AWS": [ALICE, "*"]}, (ALICE, "*")),
]
BOUND = [
    ALICE,
    "arn:aws:iam::111122223333:role/app",
    "arn:aws-us-gov:iam::111122223333:role/division/app",
    "arn:aws:sts::111122223333:assumed-role/app/session@example.com",
    "arn:aws:sts::111122223333:federated-user/bob",
    "AIDACKCEVSQ6C2EXAMPLE",
    "AROADBQP57FF2AEXAMPLE",
    "AROADBQP57FF2AEXAMPLE:session",
]
NOBODY = [
    "",
    "alice",
    "11112222333",
    "1111222233334",
    "arn:aws:iam::111122223333:*",
    "arn:aws:iam::111122223333:user/*",
    "arn:aws:iam::111122223333:role/a?p",
    "arn:aws:iam::111122223333:role/a p",
    "arn:aws:iam::111122223333:user/",
    "arn:aws:iam::111122223333:group/developers",
    "arn:aws:iam::1111:user/alice",
    "arn:aws:iam:us-east-1:111122223333:user/alice",
    "arn:aws:organizations::111122223333:organization/o-1",
    "aws:iam::111122223333:root",
    "AROA",
]


@pytest.mark.parametrize(("written", "tokens"), PRINCIPALS)
@pytest.mark.parametrize("kind", [KEY, TRUST])
def test_principals(kind: PolicyKind, written: Any, tokens: tuple[str, ...]) -> None:
    """Accounts, services and everybody are tokens; users, roles and sessions stay as written."""
    document = parse(changed(kind, Principal=written), kind)
    assert document.statements[0].principals == Names(negated=False, values=tokens)
    assert document.principals == {token for token in tokens if token == ALICE}


@pytest.mark.parametrize("principal", BOUND)
@pytest.mark.parametrize("kind", [KEY, TRUST])
def test_principals_that_must_be_bound(kind: PolicyKind, principal: str) -> None:
    """What names a user, a role or a session must be bound to a unique id."""
    assert must_be_bound(principal)
    assert parse(changed(kind, Principal={"AWS": ["*", principal]}), kind).principals == {principal}


@pytest.mark.parametrize("principal", NOBODY)
def test_principals_that_are_none(principal: str) -> None:
    """No groups, no wildcards in a name, nothing without an account."""
    assert not must_be_bound(principal)
    assert refused(changed(KEY, Principal={"AWS": principal}), KEY) == INVALID
    assert refused(changed(TRUST, Principal={"AWS": ["*", principal]}), TRUST).startswith(
        "Invalid principal in policy: "
    )


def test_not_principal() -> None:
    """In a Deny of a key policy alone."""
    document = parse(changed(KEY, Effect="Deny", Principal=None, NotPrincipal={"AWS": [ALICE, ROOT]}), KEY)
    assert document.statements[0].principals == Names(negated=True, values=(ALICE, "111122223333"))
    assert document.principals == {ALICE}


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("kms:EncryptionContext:App", "encryption context"),
        ("KMS:encryptioncontext:a", "encryption context"),
        ("aws:RequestTag/team", "tag"),
        ("AWS:REQUESTTAG/team", "tag"),
    ],
)
def test_for_all_values_of_one_value(key: str, what: str) -> None:
    """KMS refuses what would hold for requests that have no such key; other policies may have it, and other keys."""
    wrong = {"ForAllValues:StringEquals": {key: "a"}}
    for effect in ("Allow", "Deny"):
        assert refused(changed(KEY, Effect=effect, Condition=wrong), KEY) == PERMISSIVE.format(what)
    for kind in (TRUST, IDENTITY, SESSION):
        assert parse(changed(kind, Condition=wrong), kind).statements[0].conditions
    for right in (
        {"ForAnyValue:StringEquals": {key: "a"}},
        {"StringEquals": {key: "a"}},
        {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": "a", "aws:TagKeys": "a"}},
    ):
        assert parse(changed(KEY, Condition=right), KEY).statements[0].conditions


def test_conditions() -> None:
    """Texts, numbers and booleans, alone or in lists, keep how they were written."""
    document = policy({**VALID[KEY], "Condition": {}}).replace(
        '"Condition": {}',
        '"Condition": {"Bool": {"aws:SecureTransport": true, "kms:GrantIsForAWSResource": [false, "true"]},'
        ' "NumericLessThan": {"kms:RotationPeriodInDays": 90.50}, "NumericEquals": {"aws:EpochTime": [1e2, "5"]},'
        ' "StringLike": {"kms:ViaService": []}}',
    )
    (statement,) = parse(document, KEY).statements
    assert [(one.operator, one.key, one.values) for one in statement.conditions] == [
        ("Bool", "aws:SecureTransport", ("true",)),
        ("Bool", "kms:GrantIsForAWSResource", ("false", "true")),
        ("NumericLessThan", "kms:RotationPeriodInDays", ("90.50",)),
        ("NumericEquals", "aws:EpochTime", ("1e2", "5")),
        ("StringLike", "kms:ViaService", ()),
    ]
    assert parse(changed(KEY, Condition={"Bool": {}}), KEY).statements[0].conditions == ()


MEMBERS = (
    *("Version", "Statement", "Effect", "Principal", "NotPrincipal", "AWS", "Action", "Resource", "Condition"),
    *("StringEquals", "ForAllValues:Bool", "aws:username"),
)
LEAVES = st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["Allow", "*", "kms:*", ROOT, ALICE])
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(MEMBERS), inner), max_leaves=12
)


@settings(max_examples=60)
@given(TREES, st.sampled_from(ALL))
def test_nothing_but_a_document_or_an_error(tree: Any, kind: PolicyKind) -> None:
    """Whatever the JSON is, the answer is a document or a refusal."""
    for document in (json.dumps(tree), policy(tree), policy({**VALID[kind], "Condition": tree})):
        with suppress(PolicyError):
            assert isinstance(parse(document, kind), Document)
