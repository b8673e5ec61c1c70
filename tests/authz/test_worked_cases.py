"""Cases from AWS's documentation, worked by hand: whom policies name, and which policies have to allow."""

import json

import pytest

from tests.authz.oracle.engine import ask
from tests.authz.oracle.evaluator import evaluate
from tests.authz.worked import (
    ALLOWED,
    ALLOWS,
    DENIED,
    DENIES,
    FAR_ROLE,
    FAR_ROOT,
    FAR_SESSION,
    FAR_USER,
    HOME,
    KEY,
    OTHER_KEY,
    ROLE,
    ROOT,
    SESSION,
    SILENT,
    USER,
    Judge,
    Worked,
    about,
    asking,
    check,
    document,
    far_root,
    far_session,
    far_user,
    naming,
    root,
    service,
    session,
    statement,
    user,
)

FLOW = "IAM User Guide, Policy evaluation logic: Determining whether a request is allowed or denied within an account"
ACROSS = "IAM User Guide, Cross-account policy evaluation logic: Determining whether a cross-account request is allowed"
PRINCIPAL = "IAM User Guide, AWS JSON policy elements: Principal"
NOT_PRINCIPAL = "IAM User Guide, AWS JSON policy elements: NotPrincipal"
KEY_POLICIES = "AWS KMS Developer Guide, Key policies in AWS KMS"
DEFAULT = "AWS KMS Developer Guide, Default key policy"
OTHERS = "AWS KMS Developer Guide, Allowing users in other accounts to use a KMS key"
RESOURCE = "IAM User Guide, IAM JSON policy elements: Resource"
ACTION = "IAM User Guide, IAM JSON policy elements: Action"

ME_AND_OURS = naming("*", effect="Deny", action="kms:Decrypt")


def but(*names: str) -> dict[str, object]:
    """A statement that denies all but these."""
    return statement(effect="Deny", NotPrincipal={"AWS": list(names)})


WITHIN = (
    Worked("user named", FLOW, asking(user, naming(USER)), ALLOWED),
    Worked("user named, identity policies silent", FLOW, asking(user, naming(USER), identity=SILENT), ALLOWED),
    Worked("other user named", PRINCIPAL, asking(user, naming(FAR_USER)), DENIED),
    Worked("role named", FLOW, asking(session, naming(ROLE)), ALLOWED),
    Worked("role named, session policy allows", FLOW, asking(session, naming(ROLE), session_policy=ALLOWS), ALLOWED),
    Worked("role named, session policy silent", FLOW, asking(session, naming(ROLE), session_policy=SILENT), DENIED),
    Worked("session named", FLOW, asking(session, naming(SESSION)), ALLOWED),
    Worked(
        "session named, session policy allows", FLOW, asking(session, naming(SESSION), session_policy=ALLOWS), ALLOWED
    ),
    Worked(
        "session named, session policy silent", FLOW, asking(session, naming(SESSION), session_policy=SILENT), ALLOWED
    ),
    Worked(
        "session named, session policy denies", FLOW, asking(session, naming(SESSION), session_policy=DENIES), DENIED
    ),
    Worked("account named, user without identity policy", DEFAULT, asking(user, naming(ROOT)), DENIED),
    Worked("account named, identity policy silent", DEFAULT, asking(user, naming(ROOT), identity=SILENT), DENIED),
    Worked("account named, identity policy allows", DEFAULT, asking(user, naming(ROOT), identity=ALLOWS), ALLOWED),
    Worked("account named by number", PRINCIPAL, asking(user, naming(HOME), identity=ALLOWS), ALLOWED),
    Worked("account named, its root", DEFAULT, asking(root, naming(ROOT)), ALLOWED),
    Worked("account named, session", DEFAULT, asking(session, naming(ROOT), identity=ALLOWS), ALLOWED),
    Worked(
        "account named, session policy allows",
        FLOW,
        asking(session, naming(ROOT), identity=ALLOWS, session_policy=ALLOWS),
        ALLOWED,
    ),
    Worked(
        "account named, session policy silent",
        FLOW,
        asking(session, naming(ROOT), identity=ALLOWS, session_policy=SILENT),
        DENIED,
    ),
    Worked("account named, session policy alone", FLOW, asking(session, naming(ROOT), session_policy=ALLOWS), DENIED),
    Worked("everybody named, user", f"{PRINCIPAL}: All principals", asking(user, naming("*")), ALLOWED),
    Worked("everybody named, session", f"{PRINCIPAL}: All principals", asking(session, naming("*")), ALLOWED),
    Worked(
        "everybody named, session policy allows",
        f"{PRINCIPAL}: All principals",
        asking(session, naming("*"), session_policy=ALLOWS),
        ALLOWED,
    ),
    Worked(
        "everybody named, session policy silent",
        f"{PRINCIPAL}: IAM role principals (session policies do not limit what a wildcard permits)",
        asking(
            session,
            naming("*", Condition={"ArnEquals": {"aws:PrincipalArn": ROLE}}),
            session_policy=SILENT,
            context={"aws:PrincipalArn": ROLE},
        ),
        ALLOWED,
    ),
    Worked("everybody named, root", f"{PRINCIPAL}: All principals", asking(root, naming("*")), ALLOWED),
    Worked("nobody of the account named, root", KEY_POLICIES, asking(root, naming(USER)), DENIED),
)

BETWEEN = (
    *(
        Worked(f"{who} named, caller's account silent", ACROSS, asking(caller, naming(name)), DENIED)
        for who, name, caller in (
            ("user", FAR_USER, far_user),
            ("role", FAR_ROLE, far_session),
            ("session", FAR_SESSION, far_session),
            ("account", FAR_ROOT, far_user),
            ("everybody", "*", far_user),
        )
    ),
    *(
        Worked(f"{who} named, both accounts allow", ACROSS, asking(caller, naming(name), identity=ALLOWS), ALLOWED)
        for who, name, caller in (
            ("user", FAR_USER, far_user),
            ("role", FAR_ROLE, far_session),
            ("session", FAR_SESSION, far_session),
            ("account", FAR_ROOT, far_user),
            ("everybody", "*", far_user),
        )
    ),
    *(
        Worked(
            f"{who} named, both accounts allow, session policy {text}",
            ACROSS,
            asking(far_session, naming(name), identity=ALLOWS, session_policy=policy),
            policy == ALLOWS,
        )
        for who, name in (("role", FAR_ROLE), ("session", FAR_SESSION), ("account", FAR_ROOT), ("everybody", "*"))
        for text, policy in (("allows", ALLOWS), ("silent", SILENT))
    ),
    Worked("key policy silent", ACROSS, asking(far_user, naming(ROOT), identity=ALLOWS), DENIED),
    Worked("far account named, its root", OTHERS, asking(far_root, naming(FAR_ROOT)), ALLOWED),
    Worked("far account not named, its root", OTHERS, asking(far_root, naming(ROOT)), DENIED),
    Worked(
        "identity policy for another key",
        ACROSS,
        asking(far_user, naming(FAR_USER), identity=document(statement(resource=OTHER_KEY))),
        DENIED,
    ),
    Worked(
        "operation that works in its own account only",
        "AWS KMS Developer Guide, AWS KMS permissions: Cross-account use",
        asking(far_user, naming(FAR_USER), identity=ALLOWS, action="kms:PutKeyPolicy")._replace(cross_account=DENIED),
        DENIED,
    ),
)

DENIALS = (
    Worked("key policy denies", FLOW, asking(user, naming(USER), naming(USER, effect="Deny")), DENIED),
    Worked("identity policy denies", FLOW, asking(user, naming(USER), identity=DENIES), DENIED),
    Worked("identity policy denies a role", FLOW, asking(session, naming(ROLE), identity=DENIES), DENIED),
    Worked("denied as account", PRINCIPAL, asking(user, naming(USER), naming(ROOT, effect="Deny")), DENIED),
    Worked("root denied as account", PRINCIPAL, asking(root, naming(ROOT), naming(ROOT, effect="Deny")), DENIED),
    Worked("denied as role", PRINCIPAL, asking(session, naming(SESSION), naming(ROLE, effect="Deny")), DENIED),
    Worked("denied as session", PRINCIPAL, asking(session, naming(ROLE), naming(SESSION, effect="Deny")), DENIED),
    Worked("denied with everybody", PRINCIPAL, asking(user, naming(USER), ME_AND_OURS), DENIED),
    Worked("another user denied", PRINCIPAL, asking(user, naming(USER), naming(FAR_USER, effect="Deny")), ALLOWED),
    Worked("another action denied", FLOW, asking(user, naming(USER), ME_AND_OURS, action="kms:Encrypt"), ALLOWED),
    Worked("far key policy denies", ACROSS, asking(far_user, naming("*"), ME_AND_OURS, identity=ALLOWS), DENIED),
    Worked("far identity policy denies", ACROSS, asking(far_user, naming(FAR_USER), identity=DENIES), DENIED),
    Worked(
        "both Bob and his account spared",
        f"{NOT_PRINCIPAL}: IAM user in the same or a different account",
        asking(far_user, naming(FAR_USER), but(FAR_USER, FAR_ROOT), identity=ALLOWS),
        ALLOWED,
    ),
    Worked(
        "Bob spared, not his account",
        NOT_PRINCIPAL,
        asking(far_user, naming(FAR_USER), but(FAR_USER), identity=ALLOWS),
        DENIED,
    ),
    Worked("another than Bob", NOT_PRINCIPAL, asking(user, naming(USER), but(FAR_USER, FAR_ROOT)), DENIED),
    Worked(
        "session, role and account spared",
        f"{NOT_PRINCIPAL}: IAM role in same or different account",
        asking(far_session, naming(FAR_ROLE), but(FAR_SESSION, FAR_ROLE, FAR_ROOT), identity=ALLOWS),
        ALLOWED,
    ),
    Worked(
        "session and account spared, not the role",
        f"{NOT_PRINCIPAL}: IAM role in same or different account",
        asking(far_session, naming(FAR_ROLE), but(FAR_SESSION, FAR_ROOT), identity=ALLOWS),
        DENIED,
    ),
    Worked(
        "session and role spared, not the account",
        f"{NOT_PRINCIPAL}: IAM role in same or different account",
        asking(far_session, naming(FAR_ROLE), but(FAR_SESSION, FAR_ROLE), identity=ALLOWS),
        DENIED,
    ),
)

ELEMENTS = (
    Worked("IAM policy alone", KEY_POLICIES, asking(user, naming(FAR_USER), identity=ALLOWS), DENIED),
    Worked("IAM policy alone, session", KEY_POLICIES, asking(session, naming(USER), identity=ALLOWS), DENIED),
    Worked("action in another case", ACTION, asking(user, naming(USER, action="KMS:decrypt")), ALLOWED),
    Worked("action with *", ACTION, asking(user, naming(USER, action="kms:D*")), ALLOWED),
    Worked("action with ?", ACTION, asking(user, naming(USER, action="kms:De?rypt")), ALLOWED),
    Worked("? is one character", ACTION, asking(user, naming(USER, action="kms:Decrypt?")), DENIED),
    Worked(
        "this key by its ARN",
        f"{KEY_POLICIES}: Resource",
        asking(user, naming(USER, Resource=KEY)),
        ALLOWED,
    ),
    Worked(
        "key policy for another key",
        f"{KEY_POLICIES}: Resource",
        asking(user, naming(USER, Resource=OTHER_KEY)),
        DENIED,
    ),
    Worked(
        "all keys of an account", RESOURCE, asking(user, naming(USER, Resource=f"arn:aws:kms:*:{HOME}:key/*")), ALLOWED
    ),
    Worked("resources know case", RESOURCE, asking(user, naming(USER, Resource=KEY.upper())), DENIED),
    Worked(
        "no Resource in a key policy: no effect",
        KEY_POLICIES,
        asking(user, {"Effect": "Allow", "Principal": {"AWS": USER}, "Action": "kms:*"}),
        DENIED,
    ),
    Worked(
        "NotAction",
        "IAM User Guide, IAM JSON policy elements: NotAction",
        asking(user, naming(ROOT), identity=document({"Effect": "Allow", "NotAction": "kms:Encrypt", "Resource": "*"})),
        ALLOWED,
    ),
    Worked(
        "NotResource",
        "IAM User Guide, IAM JSON policy elements: NotResource",
        asking(user, naming(USER), identity=document({"Effect": "Deny", "Action": "*", "NotResource": KEY})),
        ALLOWED,
    ),
    Worked(
        "namesake made later",
        f"{PRINCIPAL}: IAM user principals (the unique id is what a policy keeps)",
        asking(user._replace(ids=("AIDANEW",)), naming(USER)),
        DENIED,
    ),
)

BARE = asking(user, naming(USER), action="kms:CreateKey", identity=ALLOWS)._replace(policy=None, resource="*")
CREATE = "AWS KMS Developer Guide, Permissions for creating KMS keys"
ALONE = (
    Worked("identity policy alone where there is no key", CREATE, BARE, ALLOWED),
    Worked("no identity policy where there is no key", CREATE, BARE._replace(identity=()), DENIED),
    Worked("root where there is no key", FLOW, BARE._replace(caller=root, identity=()), ALLOWED),
    Worked("session policy silent", FLOW, BARE._replace(caller=session, session=SILENT), DENIED),
    Worked("session policy allows", FLOW, BARE._replace(caller=session, session=ALLOWS), ALLOWED),
)

SERVICE = {"Effect": "Allow", "Principal": {"Service": "backup.example.internal"}, "Action": "kms:*", "Resource": "*"}
SERVICES = (
    Worked("service named", f"{PRINCIPAL}: AWS service principals", asking(service, SERVICE), ALLOWED),
    Worked("service not named", f"{PRINCIPAL}: AWS service principals", asking(service, naming(ROOT, USER)), DENIED),
    Worked("everybody named, service", f"{PRINCIPAL}: All principals", asking(service, naming("*")), ALLOWED),
    Worked("another named", f"{PRINCIPAL}: AWS service principals", asking(user, SERVICE, identity=ALLOWS), DENIED),
    Worked(
        "service and everybody denied",
        PRINCIPAL,
        asking(service, SERVICE, naming("*", effect="Deny")),
        DENIED,
    ),
    Worked(
        "service spared",
        NOT_PRINCIPAL,
        asking(service, SERVICE, statement(effect="Deny", NotPrincipal={"Service": "backup.example.internal"})),
        ALLOWED,
    ),
    Worked("service not spared", NOT_PRINCIPAL, asking(service, SERVICE, but(ROOT)), DENIED),
)

TABLE = (*SERVICES, *WITHIN, *BETWEEN, *DENIALS, *ELEMENTS, *ALONE)


@pytest.mark.parametrize("judge", [evaluate, ask], ids=["oracle", "engine"])
@pytest.mark.parametrize("worked", TABLE, ids=about(TABLE))
def test_decisions_are_those_of_the_documentation(worked: Worked, judge: Judge) -> None:
    """Both the oracle and the engine decide as the table says."""
    check(worked, judge)


def test_each_case_is_there_once() -> None:
    """No case stands in the table twice, under whatever name."""
    cases = [json.dumps(worked.case) for worked in TABLE]
    assert len(set(cases)) == len(cases)
    assert len(set(about(TABLE))) == len(TABLE)
