"""Whom principals mean, and how policies show them when they are gone, renamed or re-made."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from strongroom.authz.policy import PolicyKind, parse
from strongroom.model.errors import MalformedPolicyDocumentException
from strongroom.model.identity import PrincipalKind
from strongroom.model.policy import BoundPolicy
from strongroom.operations.principals import account_of, bind, shown, shown_principal, token_of
from tests.actors import policy, role, statement, user
from tests.core import ACCOUNT, OTHER, Core, open_core

UNKNOWN = "999999999999"
ALICE, BOB, WORKER = "AIDAALICEXXXXXXXXXXXX", "AIDABOBXXXXXXXXXXXXXX", "AROAWORKERXXXXXXXXXXX"


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Core]:
    """A core with alice at ``/``, bob at ``/division/team/``, and the role worker, that no test changes."""
    with open_core(tmp_path_factory.mktemp("core")) as opened:
        user(opened)
        user(opened, "bob", path="/division/team/")
        role(opened)
        yield opened


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Core]:
    """A core of the test's own, with alice and worker."""
    with open_core(tmp_path) as opened:
        user(opened)
        role(opened)
        yield opened


IAM, STS = f"arn:aws:iam::{ACCOUNT}", f"arn:aws:sts::{ACCOUNT}"
ALICE_ARN = "arn:aws:iam::123456789012:user/alice"
MEANT = {
    ACCOUNT: ACCOUNT,
    UNKNOWN: UNKNOWN,
    f"{IAM}:root": ACCOUNT,
    f"arn:aws:iam::{UNKNOWN}:root": UNKNOWN,
    ALICE_ARN: ALICE,
    f"{IAM}:user/division/team/bob": BOB,
    f"{IAM}:role/worker": WORKER,
    f"{STS}:assumed-role/worker/job": f"{WORKER}:job",
    f"{STS}:assumed-role/worker/me@example.com=+,.-_": f"{WORKER}:me@example.com=+,.-_",
    ALICE: ALICE,
    WORKER: WORKER,
}
NOBODY = [
    "",
    "*",
    "alice",
    ACCOUNT[:-1],
    f"{ACCOUNT}1",
    f"{ACCOUNT}\n",
    "AIDANOBODYXXXXXXXXXXX",
    "AIDA",
    f"{WORKER}:job",
    f"{IAM}:root/",
    f"{IAM}:root/x",
    f"{IAM}:user",
    f"{IAM}:user/",
    f"{IAM}:user/nobody",
    f"{IAM}:user/Alice",
    f"{IAM}:user/alice\n",
    f"{IAM}:user//alice",
    f"{IAM}:user/team/alice",
    f"{IAM}:user/bob",
    f"{IAM}:user/division/bob",
    f"{IAM}:user/division/team/",
    f"{IAM}:user/worker",
    f"{IAM}:role/alice",
    f"{IAM}:role/*",
    f"{IAM}:group/admins",
    f"{IAM}:assumed-role/worker/job",
    f"{STS}:root",
    f"{STS}:user/alice",
    f"{STS}:role/worker",
    f"{STS}:assumed-role/worker",
    f"{STS}:assumed-role/worker/",
    f"{STS}:assumed-role/worker/j",
    f"{STS}:assumed-role/worker/a/b",
    f"{STS}:assumed-role/worker/{'x' * 65}",
    f"{STS}:assumed-role/nobody/job",
    f"{STS}:federated-user/alice",
    f"arn:aws:iam::{OTHER}:user/alice",
    f"arn:aws:iam::{UNKNOWN}:role/worker",
    f"arn:aws:iam:us-east-1:{ACCOUNT}:user/alice",
    f"arn:aws:s3::{ACCOUNT}:user/alice",
    f"arn:aws-cn:iam::{ACCOUNT}:root",
    f"arn:aws-cn:iam::{ACCOUNT}:user/alice",
    "arn:aws:iam::root",
]


@pytest.mark.parametrize("principal", MEANT)
def test_whom_a_principal_means(core: Core, principal: str) -> None:
    """Accounts stand for themselves, known here or not; who is in one is there under path and name."""
    assert token_of(core.store, "aws", principal) == MEANT[principal]


@pytest.mark.parametrize("principal", NOBODY)
def test_who_is_nobody(core: Core, principal: str) -> None:
    """Another path, letter case, kind, account, service or partition, and what is no principal at all."""
    assert token_of(core.store, "aws", principal) is None


def test_a_partition_is_the_callers(core: Core) -> None:
    """In another partition the same accounts go by its ARNs alone."""
    assert token_of(core.store, "aws-cn", f"arn:aws-cn:iam::{ACCOUNT}:user/alice") == ALICE
    assert token_of(core.store, "aws-cn", ALICE_ARN) is None


def test_the_account_of_a_principal() -> None:
    """It stands in the ARN, of whomever; a unique id tells none."""
    for principal in (f"{IAM}:root", f"{IAM}:user/nobody", f"{STS}:assumed-role/worker/job", ACCOUNT):
        assert account_of(principal) == ACCOUNT
    assert account_of(ALICE) is None
    assert account_of("*") is None


# --- binding ---


def bound(core: Core, document: str) -> BoundPolicy:
    """A key policy as it is put."""
    return bind(core.store, "aws", document, parse(document, PolicyKind.KEY))


def naming(*principals: str, element: str = "Principal") -> str:
    """A key policy that names principals."""
    return policy(statement("Deny", "kms:*", **{element: {"AWS": list(principals)}}))


def test_a_policy_is_bound(core: Core) -> None:
    """Users, roles and sessions get their unique ids; accounts, services and everybody need none."""
    bound_ones = [ALICE_ARN, f"{IAM}:role/worker", f"{STS}:assumed-role/worker/job"]
    principals = [*bound_ones, ACCOUNT, f"{IAM}:root", "*"]
    document = naming(*principals)
    found = bound(core, document)
    assert found.document == document
    assert found.bindings == tuple(sorted((name, MEANT[name]) for name in bound_ones))
    assert bound(core, policy(statement("Deny", "*", Principal={"Service": "a.example.internal"}))).bindings == ()


@pytest.mark.parametrize("element", ["Principal", "NotPrincipal"])
def test_a_policy_with_nobody_in_it_is_refused(core: Core, element: str) -> None:
    """One principal that does not exist is enough, also where it is only left out of a Deny; AWS's text names none."""
    document = naming(ALICE_ARN, f"{IAM}:user/nobody", element=element)
    with pytest.raises(MalformedPolicyDocumentException) as caught:
        bound(core, document)
    assert str(caught.value) == "Policy contains a statement with one or more invalid principals."


def test_a_refusal_can_name_the_principal(core: Core) -> None:
    """Other kinds of policies are refused in other words."""
    document = policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"{IAM}:user/nobody"}})
    with pytest.raises(MalformedPolicyDocumentException) as caught:
        bind(core.store, "aws", document, parse(document, PolicyKind.TRUST), refusal='no "{}"')
    assert str(caught.value) == f'no "{IAM}:user/nobody"'


# --- showing ---


def rename(core: Core, kind: PrincipalKind, old: str, **changes: str) -> None:
    """Give a user or a role another name or path."""

    def work(tx: Any) -> None:
        principal = tx.principal(ACCOUNT, kind, old).principal
        tx.delete_principal(principal)
        tx.put_principal(replace(principal, **changes))

    core.store.run(work)


def remove(core: Core, kind: PrincipalKind, name: str) -> None:
    """Remove a user or a role."""

    def work(tx: Any) -> None:
        tx.delete_principal(tx.principal(ACCOUNT, kind, name).principal)

    core.store.run(work)


SPACED = """{\r\n\t"Version" : "2012-10-17",  "Statement" :
 { "Effect":"Deny", "Action":"kms:*", "Resource" : "*", "Condition":{"NumericLessThan":{"kms:ValidTo":1.0e400}},
   "NotPrincipal" : {"Service":"a.example.internal", "AWS" : "WHO"} } }"""


def test_a_policy_is_shown_as_it_was_put(own: Core) -> None:
    """To the byte, while all its principals are who they were."""
    for document in (SPACED.replace("WHO", ALICE_ARN), naming(ALICE_ARN, f"{STS}:assumed-role/worker/job", ALICE)):
        assert shown(own.store, "aws", bound(own, document)) == document


def test_who_is_gone_is_shown_by_the_unique_id(own: Core) -> None:
    """In NotPrincipal as in Principal; all else stays as it was, to the letter."""
    found = bound(own, SPACED.replace("WHO", ALICE_ARN))
    remove(own, PrincipalKind.USER, "alice")
    now = shown(own.store, "aws", found)
    assert '{"NumericLessThan":{"kms:ValidTo":1.0e400}}' in now
    assert json.loads(now) == json.loads(SPACED.replace("WHO", ALICE))


def test_the_others_stay(own: Core) -> None:
    """Of several statements and principals only those change that are gone."""
    others: list[Any] = [{"AWS": [f"{IAM}:role/worker", ACCOUNT]}, "*", {"Service": "b.example.internal"}]
    named = [{"AWS": [f"{IAM}:root", ALICE_ARN, f"{IAM}:role/worker"]}, {"AWS": ALICE_ARN}, *others]
    found = bound(own, policy(*(statement("Allow", "kms:*", Principal=each) for each in named)))
    remove(own, PrincipalKind.USER, "alice")
    now = json.loads(shown(own.store, "aws", found))["Statement"]
    expected = [{"AWS": [f"{IAM}:root", ALICE, f"{IAM}:role/worker"]}, {"AWS": ALICE}, *others]
    assert [each["Principal"] for each in now] == expected


def test_a_namesake_is_another(own: Core) -> None:
    """Who is made later under the name of somebody who is gone is not shown in a policy that named that one."""
    found = bound(own, naming(ALICE_ARN))
    remove(own, PrincipalKind.USER, "alice")
    user(own)
    rename(own, PrincipalKind.USER, "alice", unique_id="AIDASECONDXXXXXXXXXXX")
    assert json.loads(shown(own.store, "aws", found))["Statement"][0]["Principal"] == {"AWS": [ALICE]}
    assert bound(own, naming(ALICE_ARN)).bindings == ((ALICE_ARN, "AIDASECONDXXXXXXXXXXX"),)


def test_who_has_another_name_is_shown_by_it(own: Core) -> None:
    """A user with another path or name, and the sessions of a role: the ARN that they have now, as AWS shows them."""
    tokens = {name: MEANT[name] for name in (ALICE_ARN, f"{STS}:assumed-role/worker/job")}
    rename(own, PrincipalKind.USER, "alice", name="alicia", path="/team/")
    rename(own, PrincipalKind.ROLE, "worker", name="helper")
    names = [shown_principal(own.store, "aws", name, token) for name, token in tokens.items()]
    assert names == [f"{IAM}:user/team/alicia", f"{STS}:assumed-role/helper/job"]
    remove(own, PrincipalKind.ROLE, "helper")
    assert shown_principal(own.store, "aws", f"{STS}:assumed-role/worker/job", f"{WORKER}:job") == f"{WORKER}:job"


def test_what_is_shown_can_be_put_again(own: Core) -> None:
    """After a new name, not after an end: then AWS's text says that a principal is invalid."""
    found = bound(own, naming(ALICE_ARN))
    rename(own, PrincipalKind.USER, "alice", name="alicia")
    again = bound(own, shown(own.store, "aws", found))
    assert again.bindings == ((f"{IAM}:user/alicia", ALICE),)
    remove(own, PrincipalKind.USER, "alicia")
    with pytest.raises(MalformedPolicyDocumentException):
        bound(own, shown(own.store, "aws", again))
