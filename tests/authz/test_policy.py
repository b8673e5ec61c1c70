"""Policies: to whom, to what and to which actions they apply."""

import json
from typing import Any

import pytest

from strongroom.authz.context import AMBIGUOUS, Context, Values
from strongroom.authz.policy import Ask, Grip, Policy, PolicyError, PolicyKind, Who, WhoKind, compile_policy
from strongroom.model.policy import BoundPolicy

KEY_ARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ALICE, BOB = "arn:aws:iam::111122223333:user/alice", "arn:aws:iam::111122223333:user/bob"
APP = "arn:aws:iam::111122223333:role/app"
ONE = "arn:aws:sts::111122223333:assumed-role/app/one"
ROOT, ELSEWHERE = "arn:aws:iam::111122223333:root", "arn:aws:iam::444455556666:root"
S3 = {"Service": "s3.amazonaws.com"}
BINDINGS = ((ALICE, "AIDAALICE"), (APP, "AROAAPP"), (ONE, "AROAAPP:one"))

WHO = {
    "root": Who("111122223333", WhoKind.ROOT),
    "alice": Who("111122223333", WhoKind.USER, ("AIDAALICE",)),
    "namesake": Who("111122223333", WhoKind.USER, ("AIDAOTHER",)),
    "one": Who("111122223333", WhoKind.SESSION, ("AROAAPP", "AROAAPP:one")),
    "two": Who("111122223333", WhoKind.SESSION, ("AROAAPP", "AROAAPP:two")),
    "s3": Who("111122223333", WhoKind.SERVICE, ("service:s3.amazonaws.com",)),
    "far": Who("444455556666", WhoKind.USER, ("AIDAFAR",)),
}
KEYS: dict[str, Values] = {
    "aws:username": ("alice",),
    "kms:encryptioncontext:app": ("billing",),
    "kms:encryptioncontext:twice": AMBIGUOUS,
}
CONTEXT = Context(KEYS.get)

NONE, ACCOUNT, ROLE, DIRECT, OWN = Grip

# Principal; the grip on each of root, alice, namesake, one, two, s3, far
GRIPS: list[tuple[Any, tuple[Grip, ...]]] = [
    ("*", (DIRECT, DIRECT, DIRECT, DIRECT, DIRECT, DIRECT, DIRECT)),
    ({"AWS": ROOT}, (DIRECT, ACCOUNT, ACCOUNT, ACCOUNT, ACCOUNT, NONE, NONE)),
    ({"AWS": "111122223333"}, (DIRECT, ACCOUNT, ACCOUNT, ACCOUNT, ACCOUNT, NONE, NONE)),
    ({"AWS": ELSEWHERE}, (NONE, NONE, NONE, NONE, NONE, NONE, ACCOUNT)),
    ({"AWS": ALICE}, (NONE, DIRECT, NONE, NONE, NONE, NONE, NONE)),
    ({"AWS": BOB}, (NONE, NONE, NONE, NONE, NONE, NONE, NONE)),
    ({"AWS": APP}, (NONE, NONE, NONE, ROLE, ROLE, NONE, NONE)),
    ({"AWS": ONE}, (NONE, NONE, NONE, OWN, NONE, NONE, NONE)),
    ({"AWS": [APP, ONE, ROOT]}, (DIRECT, ACCOUNT, ACCOUNT, OWN, ROLE, NONE, NONE)),
    ({"AWS": ["*", ONE, APP]}, (DIRECT, DIRECT, DIRECT, OWN, DIRECT, DIRECT, DIRECT)),
    (S3, (NONE, NONE, NONE, NONE, NONE, DIRECT, NONE)),
    ({"Federated": "accounts.google.com"}, (NONE, NONE, NONE, NONE, NONE, NONE, NONE)),
    ({**S3, "AWS": ALICE}, (NONE, DIRECT, NONE, NONE, NONE, DIRECT, NONE)),
]

# NotPrincipal; who is denied all the same
EXCEPTED: list[tuple[Any, set[str]]] = [
    ("*", set()),
    ({"AWS": ALICE}, set(WHO)),
    ({"AWS": ROOT}, set(WHO) - {"root"}),
    ({"AWS": [ALICE, ROOT]}, set(WHO) - {"root", "alice"}),
    ({"AWS": [BOB, ROOT]}, set(WHO) - {"root"}),
    ({"AWS": [APP, ROOT]}, set(WHO) - {"root"}),
    ({"AWS": [ONE, ROOT]}, set(WHO) - {"root"}),
    ({"AWS": [ONE, APP, ROOT]}, set(WHO) - {"root", "one"}),
    (S3, set(WHO) - {"s3"}),
]

# Action or NotAction, and whether it is about kms:Decrypt
ACTIONS: list[tuple[dict[str, Any], bool]] = [
    ({"Action": "*"}, True),
    ({"Action": "kms:*"}, True),
    ({"Action": "KMS:decrypt"}, True),
    ({"Action": ["kms:Encrypt", "kms:De?rypt"]}, True),
    ({"Action": "kms:*crypt"}, True),
    ({"Action": "kms:${aws:username}"}, False),
    ({"Action": "kms:Encrypt"}, False),
    ({"Action": "kms:Decrypt "}, False),
    ({"NotAction": "kms:Encrypt"}, True),
    ({"NotAction": ["kms:Encrypt", "kms:DE*"]}, False),
]

# Resource or NotResource, and whether it is about KEY_ARN
RESOURCES: list[tuple[dict[str, Any], bool]] = [
    ({"Resource": "*"}, True),
    ({"Resource": ["arn:aws:s3:::a", "*"]}, True),
    ({"Resource": KEY_ARN}, True),
    ({"Resource": KEY_ARN.upper().replace("ARN:AWS", "arn:aws", 1)}, False),
    ({"Resource": "arn:aws:kms:*:111122223333:key/*"}, True),
    ({"Resource": "arn:aws:kms:*:444455556666:key/*"}, False),
    ({"Resource": "arn:aws:kms:us-east-1:111122223333:alias/*"}, False),
    ({"Resource": "arn:aws:kms:us-east-1:111122223333:key/${aws:userid, '1234abcd'}-*"}, True),
    ({"Resource": "arn:aws:kms:us-east-1:111122223333:key/${aws:userid}*"}, False),
    ({"NotResource": "arn:aws:kms:*:111122223333:alias/*"}, True),
    ({"NotResource": ["arn:aws:s3:::a", "arn:aws:kms:*"]}, False),
    ({"NotResource": "*"}, False),
]


def ask(who: str = "alice", action: str = "kms:Decrypt", resource: str = KEY_ARN) -> Ask:
    """Someone asks for something."""
    return Ask(action, resource, WHO[who], CONTEXT)


def compiled(*statements: dict[str, Any], kind: PolicyKind = PolicyKind.KEY, version: str = "2012-10-17") -> Policy:
    """A policy of statements; what is not said is that all may do all."""
    everything: dict[str, Any] = {"Effect": "Allow"}
    document = {"Version": version, "Statement": [{**everything, **statement} for statement in statements]}
    return compile_policy(BoundPolicy(json.dumps(document), BINDINGS), kind)


@pytest.mark.parametrize(("principal", "grips"), GRIPS)
def test_who_is_allowed(principal: Any, grips: tuple[Grip, ...]) -> None:
    """An Allow takes hold of its callers as strongly as it names them; unbound and other names are nobody's."""
    policy = compiled({"Principal": principal, "Action": "kms:*", "Resource": "*"})
    assert {name: policy.allows(ask(name)) for name in WHO} == dict(zip(WHO, grips, strict=True))
    assert not any(policy.denies(ask(name)) for name in WHO)


@pytest.mark.parametrize(("principal", "grips"), GRIPS)
def test_who_is_denied(principal: Any, grips: tuple[Grip, ...]) -> None:
    """A Deny is for all whom an Allow would take hold of, however weakly: an account's for everybody in it."""
    policy = compiled({"Effect": "Deny", "Principal": principal, "Action": "kms:*", "Resource": "*"})
    assert [policy.denies(ask(name)) for name in WHO] == [grip is not Grip.NONE for grip in grips]
    assert not any(policy.allows(ask(name)) for name in WHO)


@pytest.mark.parametrize(("principal", "denied"), EXCEPTED)
def test_who_is_excepted(principal: Any, denied: set[str]) -> None:
    """NotPrincipal spares those all of whose names it lists: the account's too, and for a session the role's."""
    policy = compiled({"Effect": "Deny", "NotPrincipal": principal, "Action": "kms:*", "Resource": "*"})
    assert {name for name in WHO if policy.denies(ask(name))} == denied


@pytest.mark.parametrize("kind", [PolicyKind.IDENTITY, PolicyKind.SESSION])
@pytest.mark.parametrize("who", WHO)
def test_policies_without_principals_are_their_callers(kind: PolicyKind, who: str) -> None:
    """An identity or session policy is for whoever has it."""
    policy = compiled(
        {"Action": "kms:*", "Resource": "*"}, {"Effect": "Deny", "Action": "kms:Sign", "Resource": "*"}, kind=kind
    )
    assert policy.allows(ask(who)) is Grip.DIRECT
    assert policy.denies(ask(who, "kms:Sign"))
    assert not policy.denies(ask(who))


@pytest.mark.parametrize(("element", "about"), ACTIONS)
def test_actions(element: dict[str, Any], *, about: bool) -> None:
    """Actions match in any case of letters, with wildcards, without variables; NotAction is all others."""
    for kind, principal in ((PolicyKind.KEY, {"Principal": "*"}), (PolicyKind.IDENTITY, {})):
        policy = compiled({**principal, **element, "Resource": "*"}, kind=kind)
        for _ in range(2):
            assert (policy.allows(ask()) is Grip.DIRECT) is about


@pytest.mark.parametrize(("element", "about"), RESOURCES)
def test_resources(element: dict[str, Any], *, about: bool) -> None:
    """Resources match in the case in which they stand, with wildcards and variables; NotResource is all others."""
    for kind, principal in ((PolicyKind.KEY, {"Principal": "*"}), (PolicyKind.IDENTITY, {})):
        policy = compiled({**principal, **element, "Action": "*"}, kind=kind)
        assert (policy.allows(ask()) is Grip.DIRECT) is about


def test_actions_on_no_resource() -> None:
    """Where an action is on no resource, a statement must be about all of them."""
    for resource, allowed in (("*", True), ("arn:aws:kms:*:*:*", False), (KEY_ARN, False)):
        policy = compiled({"Action": "kms:ListKeys", "Resource": resource}, kind=PolicyKind.IDENTITY)
        assert (policy.allows(ask(action="kms:ListKeys", resource="*")) is Grip.DIRECT) is allowed


@pytest.mark.parametrize("missing", [{"Resource": "*"}, {"Action": "*"}, {"NotAction": []}, {"NotResource": []}, {}])
def test_ineffective_statements(missing: dict[str, Any]) -> None:
    """A statement of a key policy without actions or without resources neither allows nor denies."""
    for effect in ("Allow", "Deny"):
        policy = compiled({"Effect": effect, "Principal": "*", **missing})
        assert policy.allows(ask()) is Grip.NONE
        assert not policy.denies(ask())


def test_trust_policies() -> None:
    """They are about their role, whichever it is."""
    policy = compiled({"Principal": {"AWS": ALICE}, "Action": "sts:AssumeRole"}, kind=PolicyKind.TRUST)
    assert policy.allows(ask("alice", "sts:AssumeRole", APP)) is Grip.DIRECT
    assert policy.allows(ask("alice", "sts:TagSession", APP)) is Grip.NONE
    assert policy.allows(ask("namesake", "sts:AssumeRole", APP)) is Grip.NONE


def test_the_strongest_grip_counts_if_its_statement_applies() -> None:
    """The order of statements does not matter, and one whose conditions fail does not count."""
    by_account = {"Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}
    by_name = {"Principal": {"AWS": ALICE}, "Action": "kms:Decrypt", "Resource": "*"}
    for statements in ((by_account, by_name), (by_name, by_account)):
        assert compiled(*statements).allows(ask()) is Grip.DIRECT
        assert compiled(*statements).allows(ask(action="kms:Sign")) is Grip.ACCOUNT
    failing = {**by_name, "Condition": {"StringEquals": {"kms:EncryptionContext:app": "payroll"}}}
    assert compiled(by_account, failing).allows(ask()) is Grip.ACCOUNT


def test_all_conditions_must_hold() -> None:
    """Several operators and several keys are all wanted."""
    holding, failing = {"aws:username": "alice"}, {"kms:EncryptionContext:APP": "payroll"}
    for condition, applies in (
        ({"StringEquals": holding}, True),
        ({"StringEquals": {**holding, **failing}}, False),
        ({"StringEquals": holding, "StringLike": failing}, False),
        ({"StringLike": failing, "StringEquals": holding}, False),
        ({"StringEquals": holding, "StringNotEquals": failing}, True),
    ):
        statement = {"Principal": "*", "Action": "*", "Resource": "*", "Condition": condition}
        assert (compiled(statement).allows(ask()) is Grip.DIRECT) is applies
        assert compiled({**statement, "Effect": "Deny"}).denies(ask()) is applies


def test_names_that_differ_in_case() -> None:
    """An Allow on a key that was sent twice does not apply, and a Deny does; in conditions and in variables alike."""
    for part in (
        {"Resource": "*", "Condition": {"StringEquals": {"kms:EncryptionContext:Twice": "a"}}},
        {"Resource": "*", "Condition": {"StringNotEquals": {"kms:EncryptionContext:Twice": "a"}}},
        {"Resource": "*", "Condition": {"Null": {"kms:EncryptionContext:Twice": "true"}}},
        {"Resource": "arn:aws:kms:us-east-1:111122223333:key/${kms:EncryptionContext:Twice}"},
        {"NotResource": "arn:aws:kms:us-east-1:111122223333:key/${kms:EncryptionContext:Twice}"},
    ):
        statement = {"Principal": "*", "Action": "*", **part}
        assert compiled(statement).allows(ask()) is Grip.NONE
        assert compiled({**statement, "Effect": "Deny"}).denies(ask())


@pytest.mark.parametrize(("version", "allowed"), [("2012-10-17", True), ("2008-10-17", False)])
def test_variables_need_the_version(version: str, *, allowed: bool) -> None:
    """In a document of 2008 they are text, in resources and in conditions."""
    for part in (
        {"Resource": "arn:aws:kms:us-east-1:111122223333:key/${aws:userid, '1234abcd'}*"},
        {"Resource": "*", "Condition": {"StringEquals": {"aws:username": "${aws:username}"}}},
    ):
        policy = compiled({"Principal": "*", "Action": "*", **part}, version=version)
        assert (policy.allows(ask()) is Grip.DIRECT) is allowed


MISSES: list[tuple[dict[str, Any], list[str]]] = [
    ({"Action": "*", "Resource": "*"}, []),
    ({"Action": "kms:Encrypt", "Resource": "*"}, ["the action kms:Decrypt is not among its actions"]),
    ({"NotAction": "kms:*", "Resource": "*"}, ["the action kms:Decrypt is among the actions that it excepts"]),
    ({"Resource": "*"}, ["it has no actions"]),
    ({"Action": "*"}, ["it has no resources"]),
    ({}, ["it has no actions", "it has no resources"]),
    ({"Action": "*", "Resource": ROOT}, [f"the resource {KEY_ARN} is not among its resources"]),
    ({"Action": "*", "NotResource": "*"}, [f"the resource {KEY_ARN} is among the resources that it excepts"]),
    (
        {"Action": "*", "Resource": "*", "Condition": {"StringEquals": {"kms:EncryptionContext:app": "payroll"}}},
        ['Condition StringEquals kms:EncryptionContext:app: the request has "billing", wanted "payroll"'],
    ),
]


@pytest.mark.parametrize(("parts", "misses"), MISSES)
def test_why_a_statement_does_not_apply(parts: dict[str, Any], misses: list[str]) -> None:
    """Each part that does not match has its reason, and what applies has none."""
    (statement,) = compiled({"Principal": "*", "Sid": "Example", **parts}).statements
    assert statement.misses(ask()) == misses
    assert (statement.index, statement.sid, statement.effect) == (0, "Example", "Allow")
    (statement,) = compiled({"Principal": {"AWS": BOB}, **parts}).statements
    assert sorted(statement.misses(ask())) == sorted([*misses, "the caller is not among its principals"])


def test_why_a_deny_does_not_apply() -> None:
    """Who is excepted is told so; statements count from 0."""
    spared = {"Effect": "Deny", "NotPrincipal": {"AWS": [ALICE, ROOT]}, "Action": "*", "Resource": "*"}
    first, second = compiled({"Principal": "*", "Action": "*", "Resource": "*"}, spared).statements
    assert (first.index, second.index, second.sid, second.effect) == (0, 1, None, "Deny")
    assert second.misses(ask()) == ["the caller is among the principals that it excepts"]
    assert second.misses(ask("far")) == []


def test_misses_agree_with_decisions() -> None:
    """A statement that applies is one without misses, whatever it is made of."""
    for element in (*ACTIONS, *RESOURCES):
        for principal, _ in GRIPS:
            statement = {"Action": "*", "Resource": "*", "Principal": principal, **element[0]}
            for twin in ("Action", "Resource"):
                if f"Not{twin}" in statement:
                    del statement[twin]
            policy = compiled(statement)
            for name in WHO:
                assert bool(policy.allows(ask(name))) is not bool(policy.statements[0].misses(ask(name)))


def test_compiled_once() -> None:
    """The same document with the same bindings is the same policy; with others it is another."""
    document = json.dumps({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}})
    one = compile_policy(BoundPolicy(document), PolicyKind.KEY)
    assert compile_policy(BoundPolicy(str(document.encode(), "utf-8")), PolicyKind.KEY) is one
    assert compile_policy(BoundPolicy(document, ((ALICE, "AIDAALICE"),)), PolicyKind.KEY) is not one
    with pytest.raises(PolicyError):
        compile_policy(BoundPolicy(document), PolicyKind.IDENTITY)
