"""Cases from AWS's documentation, worked by hand: grants."""

import pytest

from tests.authz.oracle.case import Caller, Case, Json
from tests.authz.oracle.engine import ask
from tests.authz.oracle.evaluator import evaluate
from tests.authz.worked import (
    ALLOWED,
    ALLOWS,
    AWAY,
    DENIED,
    DENIES,
    HOME,
    SILENT,
    USER,
    Judge,
    Worked,
    about,
    asking,
    check,
    far_root,
    far_session,
    far_user,
    naming,
    root,
    service,
    session,
    user,
)

GRANTS = "AWS KMS Developer Guide, Grants in AWS KMS"
CREATING = "AWS KMS Developer Guide, Creating grants"
CHILDREN = f"{CREATING}: Granting CreateGrant permission"
CONSTRAINTS = "AWS KMS Developer Guide, Using grant constraints"
SESSIONS = "IAM User Guide, Policy evaluation logic: Session policies"
API = "AWS KMS API Reference, CreateGrant: Constraints"

SOMEBODY = naming("arn:aws:iam::111122223333:role/ExampleRole", action="kms:GetKeyPolicy")
"""A key policy that says nothing on what is asked."""

FINANCE = {"Department": "Finance", "Classification": "Public"}
IT = {"Department": "IT"}


def grant(token: str = "AIDAUSER", *operations: str, **constraints: Json) -> dict[str, Json]:
    """A grant of GenerateDataKey and Decrypt, or of other operations."""
    return {"token": token, "operations": list(operations or ("GenerateDataKey", "Decrypt")), **constraints}


def holding(one: dict[str, Json], pairs: dict[str, str] | None = None, caller: Caller = user, **more: Json) -> Case:
    """A question of one who has a grant, and of whom the key policy says nothing."""
    return asking(caller, SOMEBODY, grants=(one,), pairs={} if pairs is None else pairs, **more)


def of_service(source: str | None, action: str = "kms:Decrypt") -> Case:
    """A question of a service with a grant for one table, asking for the resource ``source``."""
    one = grant(
        "service:backup.example.internal", "Decrypt", "DescribeKey", source_arn="arn:aws:dynamodb:us-east-1:1:table/a"
    )
    return holding(one, caller=service, action=action, context={} if source is None else {"aws:SourceArn": source})


def making(parent: dict[str, Json], *operations: str, **constraints: Json) -> Case:
    """A question of one who has a grant with CreateGrant and wants to make a child."""
    child: dict[str, Json] = {"operations": list(operations), **constraints}
    return asking(user, SOMEBODY, action="kms:CreateGrant", grants=(parent,), child=child)


PARENT = grant("AIDAUSER", "GenerateDataKey", "Decrypt", "CreateGrant", subset=IT)
EXACT = grant("AIDAUSER", "Decrypt", "CreateGrant", equals=IT)
FREE = grant("AIDAUSER", "Decrypt", "CreateGrant")
SOURCED = grant("AIDAUSER", "Decrypt", "CreateGrant", source_arn="arn:aws:s3:::one")

WHO = (
    Worked("user's", GRANTS, holding(grant()), ALLOWED),
    Worked("another's", GRANTS, holding(grant("AIDAANOTHER")), DENIED),
    Worked("of another operation", GRANTS, holding(grant(), action="kms:Encrypt"), DENIED),
    Worked("of what grants do not permit", GRANTS, holding(grant(), action="kms:PutKeyPolicy"), DENIED),
    Worked(
        "key policy denies",
        f"{GRANTS}: grants cannot deny, policies can",
        asking(user, naming("*", effect="Deny"), grants=(grant(),), pairs={}),
        DENIED,
    ),
    Worked("identity policy denies", GRANTS, holding(grant(), identity=DENIES), DENIED),
    Worked("role's", GRANTS, holding(grant("AROAROLE"), caller=session), ALLOWED),
    Worked(
        "role's, session policy silent",
        SESSIONS,
        holding(grant("AROAROLE"), caller=session, session_policy=SILENT),
        DENIED,
    ),
    Worked(
        "role's, session policy allows",
        SESSIONS,
        holding(grant("AROAROLE"), caller=session, session_policy=ALLOWS),
        ALLOWED,
    ),
    Worked("session's", GRANTS, holding(grant("AROAROLE:example"), caller=session), ALLOWED),
    Worked(
        "session's, session policy silent",
        SESSIONS,
        holding(grant("AROAROLE:example"), caller=session, session_policy=SILENT),
        ALLOWED,
    ),
    Worked("another session's", GRANTS, holding(grant("AROAROLE:other"), caller=session), DENIED),
    Worked("account's", GRANTS, holding(grant(HOME)), DENIED),
    Worked("account's, identity policy allows", GRANTS, holding(grant(HOME), identity=ALLOWS), ALLOWED),
    Worked("account's, its root", GRANTS, holding(grant(HOME), caller=root), ALLOWED),
    Worked("far user's", GRANTS, holding(grant("AIDABOB"), caller=far_user), ALLOWED),
    Worked("far role's", GRANTS, holding(grant("AROAAUDIT"), caller=far_session), ALLOWED),
    Worked(
        "far role's, session policy silent",
        SESSIONS,
        holding(grant("AROAAUDIT"), caller=far_session, session_policy=SILENT),
        DENIED,
    ),
    Worked("far account's", GRANTS, holding(grant(AWAY), caller=far_user), DENIED),
    Worked(
        "far account's, identity policy allows", GRANTS, holding(grant(AWAY), caller=far_user, identity=ALLOWS), ALLOWED
    ),
    Worked("far account's, its root", GRANTS, holding(grant(AWAY), caller=far_root), ALLOWED),
)

LIMITED = (
    Worked("subset, the same pairs", GRANTS, holding(grant(subset=FINANCE), FINANCE), ALLOWED),
    Worked(
        "subset, in another order", GRANTS, holding(grant(subset=FINANCE), dict(reversed(FINANCE.items()))), ALLOWED
    ),
    Worked(
        "subset, more pairs",
        GRANTS,
        holding(grant(subset=FINANCE), {"Customer": "12345", **FINANCE, "Purpose": "Test"}),
        ALLOWED,
    ),
    Worked("subset, one pair", GRANTS, holding(grant(subset=FINANCE), {"Department": "Finance"}), DENIED),
    Worked(
        "subset, in another case",
        GRANTS,
        holding(grant(subset=FINANCE), {"department": "finance", "classification": "public"}),
        DENIED,
    ),
    Worked(
        "subset, one pair of others",
        GRANTS,
        holding(grant(subset=FINANCE), {"Classification": "Public", "Customer": "12345"}),
        DENIED,
    ),
    Worked("equals, the pair", CONSTRAINTS, holding(grant(equals=IT), IT), ALLOWED),
    Worked("equals, more pairs", CONSTRAINTS, holding(grant(equals=IT), IT | {"Purpose": "Test"}), DENIED),
    Worked("equals, no pairs", CONSTRAINTS, holding(grant(equals=IT), {}), DENIED),
    Worked(
        "not for DescribeKey",
        API,
        holding(grant("AIDAUSER", "DescribeKey", equals=IT), action="kms:DescribeKey"),
        ALLOWED,
    ),
    Worked(
        "one grant of two",
        GRANTS,
        asking(user, SOMEBODY, grants=(grant(equals=FINANCE), grant(subset=IT)), pairs=IT),
        ALLOWED,
    ),
    Worked(
        "service, for the table",
        f"{CONSTRAINTS}: SourceArn",
        of_service("arn:aws:dynamodb:us-east-1:1:table/a"),
        ALLOWED,
    ),
    Worked(
        "service, for another table",
        f"{CONSTRAINTS}: SourceArn",
        of_service("arn:aws:dynamodb:us-east-1:1:table/b"),
        DENIED,
    ),
    Worked("service, for nothing", f"{CONSTRAINTS}: SourceArn", of_service(None), DENIED),
    Worked(
        "service, DescribeKey for another",
        f"{CONSTRAINTS}: SourceArn",
        of_service("arn:aws:dynamodb:us-east-1:1:table/b", "kms:DescribeKey"),
        DENIED,
    ),
)

MADE = (
    Worked("some of the operations", CHILDREN, making(PARENT, "Decrypt", "CreateGrant", equals=IT), ALLOWED),
    Worked(
        "all of the operations",
        CHILDREN,
        making(PARENT, "GenerateDataKey", "Decrypt", "CreateGrant", subset=IT),
        ALLOWED,
    ),
    Worked("another operation", CHILDREN, making(PARENT, "Decrypt", "ReEncryptFrom", subset=IT), DENIED),
    Worked("subset with more pairs", CHILDREN, making(PARENT, "Decrypt", subset=IT | FINANCE | IT), ALLOWED),
    Worked("subset without its pair", CHILDREN, making(PARENT, "Decrypt", subset={"Purpose": "Test"}), DENIED),
    Worked(
        "subset made equals, with more pairs",
        CHILDREN,
        making(PARENT, "Decrypt", equals=IT | {"Purpose": "Test"}),
        ALLOWED,
    ),
    Worked("no constraint under a subset", CHILDREN, making(PARENT, "Decrypt"), DENIED),
    Worked("equals kept", CHILDREN, making(EXACT, "Decrypt", equals=IT), ALLOWED),
    Worked("equals made subset", CHILDREN, making(EXACT, "Decrypt", subset=IT), DENIED),
    Worked("equals with more pairs", CHILDREN, making(EXACT, "Decrypt", equals=IT | {"Purpose": "Test"}), DENIED),
    Worked("no constraint under equals", CHILDREN, making(EXACT, "Decrypt"), DENIED),
    Worked("any constraint under none", CHILDREN, making(FREE, "Decrypt", equals=IT), ALLOWED),
    Worked("none under none", CHILDREN, making(FREE, "Decrypt"), ALLOWED),
    Worked("parent without CreateGrant", CHILDREN, making(grant(), "Decrypt"), DENIED),
    Worked(
        "source kept",
        CHILDREN,
        making(SOURCED, "Decrypt", source_arn="arn:aws:s3:::one")._replace(
            context=(("aws:SourceArn", ("arn:aws:s3:::one",)),)
        ),
        ALLOWED,
    ),
    Worked(
        "source dropped",
        CHILDREN,
        making(SOURCED, "Decrypt")._replace(context=(("aws:SourceArn", ("arn:aws:s3:::one",)),)),
        DENIED,
    ),
    Worked(
        "by policy, no such limits",
        CHILDREN,
        asking(user, naming(USER), action="kms:CreateGrant", grants=(PARENT,), child={"operations": ["Sign"]}),
        ALLOWED,
    ),
)

TABLE = (*WHO, *LIMITED, *MADE)


@pytest.mark.parametrize("judge", [evaluate, ask], ids=["oracle", "engine"])
@pytest.mark.parametrize("worked", TABLE, ids=about(TABLE))
def test_grants_are_those_of_the_documentation(worked: Worked, judge: Judge) -> None:
    """Both the oracle and the engine decide as the table says."""
    check(worked, judge)
