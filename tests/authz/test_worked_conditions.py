"""Cases from AWS's documentation, worked by hand: conditions and policy variables."""

import pytest

from tests.authz.oracle.case import Case, Json
from tests.authz.oracle.engine import ask
from tests.authz.oracle.evaluator import evaluate
from tests.authz.worked import (
    ALLOWED,
    DENIED,
    HOME,
    KEY,
    ROLE,
    ROOT,
    USER,
    Judge,
    Worked,
    about,
    asking,
    check,
    document,
    far_user,
    naming,
    session,
    statement,
    under,
    user,
)

OPERATORS = "IAM User Guide, IAM JSON policy elements: Condition operators"
STRINGS, NUMBERS = f"{OPERATORS}: String condition operators", f"{OPERATORS}: Numeric condition operators"
DATES, TRUTHS = f"{OPERATORS}: Date condition operators", f"{OPERATORS}: Boolean condition operators"
ADDRESSES, ARNS = f"{OPERATORS}: IP address condition operators", f"{OPERATORS}: ARN condition operators"
IF_EXISTS, NULL = f"{OPERATORS}: ...IfExists", f"{OPERATORS}: Condition operator to check existence"
SEVERAL = "IAM User Guide, Multivalued context keys"
LOGIC = "IAM User Guide, Conditions with multiple context keys or values"
VARIABLES = "IAM User Guide, Variables and tags"
VALUELESS = f"{VARIABLES}: Policy variables with no value"
CONTEXT = "AWS KMS Developer Guide, kms:EncryptionContext:context-key"
CONTEXT_KEYS = "AWS KMS Developer Guide, kms:EncryptionContextKeys"
KMS = "AWS KMS Developer Guide, AWS KMS condition keys"


def when(operator: str, key: str, wanted: Json, has: str | list[str] | None = None) -> Case:
    """A question to a key whose policy has one condition, of a request that has these values under its key."""
    return under(user, {operator: {key: wanted}}, {} if has is None else {key: has})


JOB, TAGS, SOURCE = "aws:PrincipalTag/job-category", "aws:TagKeys", "aws:SourceArn"
AGE, NOW, FROM = "kms:RotationPeriodInDays", "aws:CurrentTime", "aws:SourceIp"

STRING_CASES = (
    Worked("equal", STRINGS, when("StringEquals", JOB, "iamuser-admin", "iamuser-admin"), ALLOWED),
    Worked("equal but for case", STRINGS, when("StringEquals", JOB, "iamuser-admin", "IAMuser-admin"), DENIED),
    Worked("key absent", STRINGS, when("StringEquals", JOB, "iamuser-admin"), DENIED),
    Worked("no wildcards in StringEquals", STRINGS, when("StringEquals", JOB, "iam*", "iamuser-admin"), DENIED),
    Worked("ignoring case", STRINGS, when("StringEqualsIgnoreCase", JOB, "IAMUSER-admin", "iamuser-admin"), ALLOWED),
    Worked("not equal", STRINGS, when("StringNotEquals", JOB, "a", "b"), ALLOWED),
    Worked("not equal, but it is", STRINGS, when("StringNotEquals", JOB, "a", "a"), DENIED),
    Worked("not equal, absent", f"{OPERATORS}: Important", when("StringNotEquals", JOB, "a"), ALLOWED),
    Worked("not equal ignoring case", STRINGS, when("StringNotEqualsIgnoreCase", JOB, "a", "A"), DENIED),
    Worked("like", STRINGS, when("StringLike", JOB, "home/*/?", "home/a/b/c"), ALLOWED),
    Worked("like nothing", STRINGS, when("StringLike", JOB, ["", "home/"], ""), ALLOWED),
    Worked("not like", STRINGS, when("StringNotLike", JOB, "home/*", "home/a"), DENIED),
    Worked("not like, absent", f"{OPERATORS}: Important", when("StringNotLike", JOB, "home/*"), ALLOWED),
    Worked("one of several", LOGIC, when("StringEquals", JOB, ["a", "b"], "b"), ALLOWED),
    Worked("none of several", LOGIC, when("StringNotEquals", JOB, ["a", "b"], "b"), DENIED),
    Worked("none of several, it is another", LOGIC, when("StringNotEquals", JOB, ["a", "b"], "c"), ALLOWED),
    Worked(
        "keys know no case", LOGIC, under(user, {"StringEquals": {"AWS:username": "a"}}, {"aws:UserName": "a"}), ALLOWED
    ),
    Worked("two keys, both", LOGIC, under(user, {"StringEquals": {JOB: "a", NOW: "b"}}, {JOB: "a", NOW: "b"}), ALLOWED),
    Worked("two keys, one", LOGIC, under(user, {"StringEquals": {JOB: "a", NOW: "b"}}, {JOB: "a", NOW: "c"}), DENIED),
    Worked(
        "two operators, one",
        LOGIC,
        under(user, {"StringEquals": {JOB: "a"}, "Null": {JOB: "true"}}, {JOB: "a"}),
        DENIED,
    ),
)

OTHER_CASES = (
    Worked("number at most", NUMBERS, when("NumericLessThanEquals", AGE, "10", "10"), ALLOWED),
    Worked("number too large", NUMBERS, when("NumericLessThanEquals", AGE, "10", "11"), DENIED),
    Worked("numbers are no strings", NUMBERS, when("NumericLessThan", AGE, 90, "100"), DENIED),
    Worked("number however written", NUMBERS, when("NumericEquals", AGE, 365, "365.0"), ALLOWED),
    Worked("number absent", NUMBERS, when("NumericLessThan", AGE, 90), DENIED),
    Worked("number not equal, absent", f"{OPERATORS}: Important", when("NumericNotEquals", AGE, 90), ALLOWED),
    Worked("after", DATES, when("DateGreaterThan", NOW, "2020-01-01T00:00:01Z", "2020-06-30T12:00:00Z"), ALLOWED),
    Worked("not after", DATES, when("DateGreaterThan", NOW, "2020-01-01T00:00:01Z", "2020-01-01T00:00:01Z"), DENIED),
    Worked("at or after", DATES, when("DateGreaterThanEquals", NOW, "2020-01-01", "2020-01-01T00:00:00Z"), ALLOWED),
    Worked("epoch time", DATES, when("DateEquals", "aws:EpochTime", "2020-01-01T00:00:00Z", "1577836800"), ALLOWED),
    Worked("zones", DATES, when("DateEquals", NOW, "2020-01-01T01:00:00+01:00", "2020-01-01T00:00:00Z"), ALLOWED),
    Worked("a year", DATES, when("DateGreaterThanEquals", NOW, "2026", "2026-01-01T00:00:00Z"), ALLOWED),
    Worked("before a year", DATES, when("DateGreaterThanEquals", NOW, "2026", "2025-12-31T23:59:59Z"), DENIED),
    Worked("date absent", DATES, when("DateGreaterThan", "aws:TokenIssueTime", "2020-01-01"), DENIED),
    Worked("true", TRUTHS, when("Bool", "aws:SecureTransport", "true", "true"), ALLOWED),
    Worked("true, as JSON has it", KMS, when("Bool", "kms:GrantIsForAWSResource", wanted=True, has="true"), ALLOWED),
    Worked("false", TRUTHS, when("Bool", "aws:SecureTransport", "true", "false"), DENIED),
    Worked("neither", TRUTHS, when("Bool", "kms:GrantIsForAWSResource", "false"), DENIED),
    Worked("in the range", ADDRESSES, when("IpAddress", FROM, "203.0.113.0/24", "203.0.113.255"), ALLOWED),
    Worked("outside the range", ADDRESSES, when("IpAddress", FROM, "203.0.113.0/24", "203.0.114.0"), DENIED),
    Worked("one address", ADDRESSES, when("IpAddress", FROM, "203.0.113.7", "203.0.113.8"), DENIED),
    Worked(
        "IPv6 beside IPv4",
        ADDRESSES,
        when("IpAddress", FROM, ["203.0.113.0/24", "2001:DB8:1234:5678::/64"], "2001:db8:1234:5678::9"),
        ALLOWED,
    ),
    Worked("not in the range", ADDRESSES, when("NotIpAddress", FROM, "203.0.113.0/24", "203.0.113.1"), DENIED),
    Worked("no address", ADDRESSES, when("IpAddress", FROM, "203.0.113.0/24"), DENIED),
    Worked("not in the range, no address", f"{OPERATORS}: Important", when("NotIpAddress", FROM, "0.0.0.0/0"), ALLOWED),
    *(
        Worked(
            f"an ARN's parts by {operator}",
            ARNS,
            when(
                operator,
                SOURCE,
                "arn:aws:someservice:*:111122223333:finance/*",
                "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt",
            ),
            answer,
        )
        for operator, answer in (
            ("StringLike", ALLOWED),
            ("ArnLike", DENIED),
            ("ArnEquals", DENIED),
            ("ArnNotLike", ALLOWED),
        )
    ),
    Worked(
        "ArnEquals has wildcards",
        ARNS,
        when("ArnEquals", SOURCE, "arn:aws:sns:*:*:t*", "arn:aws:sns:a:1:topic"),
        ALLOWED,
    ),
    Worked("ARN absent", ARNS, when("ArnEquals", SOURCE, "arn:aws:sns:*:*:*"), DENIED),
)

EXISTENCE = (
    Worked("IfExists, absent", IF_EXISTS, when("StringLikeIfExists", JOB, ["t1.*", "t2.*"]), ALLOWED),
    Worked("IfExists, other", IF_EXISTS, when("StringLikeIfExists", JOB, ["t1.*", "t2.*"], "m3.x"), DENIED),
    Worked("IfExists, matching", IF_EXISTS, when("StringLikeIfExists", JOB, ["t1.*", "t2.*"], "t2.x"), ALLOWED),
    Worked(
        "IfExists with another condition",
        IF_EXISTS,
        under(user, {"BoolIfExists": {NOW: "true"}, "Bool": {NOW: "true"}}, {}),
        DENIED,
    ),
    Worked(
        "negated IfExists in a Deny, absent",
        IF_EXISTS,
        asking(user, naming(USER), naming("*", effect="Deny", Condition={"StringNotEqualsIfExists": {JOB: "a"}})),
        DENIED,
    ),
    Worked("Null true, absent", NULL, when("Null", "aws:TokenIssueTime", "true"), ALLOWED),
    Worked("Null true, present", NULL, when("Null", "aws:TokenIssueTime", "true", "2026-01-01T00:00:00Z"), DENIED),
    Worked("Null false, absent", NULL, when("Null", "aws:TokenIssueTime", "false"), DENIED),
    Worked("Null false, present", NULL, when("Null", "aws:TokenIssueTime", wanted=False, has="2026-01-01"), ALLOWED),
    Worked(
        "no bypass parameter",
        f"{KMS}: kms:BypassPolicyLockoutSafetyCheck",
        when("Null", "kms:BypassPolicyLockoutSafetyCheck", wanted=True),
        ALLOWED,
    ),
    Worked("ForAllValues, all", SEVERAL, when("ForAllValues:StringEquals", TAGS, ["a", "b", "c"], ["a", "c"]), ALLOWED),
    Worked("ForAllValues, not all", SEVERAL, when("ForAllValues:StringEquals", TAGS, ["a", "b"], ["a", "c"]), DENIED),
    Worked("ForAllValues, key absent", SEVERAL, when("ForAllValues:StringEquals", TAGS, "a"), ALLOWED),
    Worked(
        "ForAllValues and Null, key absent",
        SEVERAL,
        under(user, {"ForAllValues:StringEquals": {TAGS: "a"}, "Null": {TAGS: "false"}}, {}),
        DENIED,
    ),
    Worked("ForAnyValue, one", SEVERAL, when("ForAnyValue:StringEquals", TAGS, ["a", "b"], ["c", "b"]), ALLOWED),
    Worked("ForAnyValue, none", SEVERAL, when("ForAnyValue:StringEquals", TAGS, ["a", "b"], ["c"]), DENIED),
    Worked("ForAnyValue, key absent", SEVERAL, when("ForAnyValue:StringEquals", TAGS, "a"), DENIED),
    Worked("ForAnyValue, negated, key absent", SEVERAL, when("ForAnyValue:StringNotEquals", TAGS, "a"), DENIED),
    Worked("ForAnyValue, negated", SEVERAL, when("ForAnyValue:StringNotEquals", TAGS, "a", ["a", "b"]), ALLOWED),
    Worked("ForAllValues, negated", SEVERAL, when("ForAllValues:StringNotEquals", TAGS, "a", ["a", "b"]), DENIED),
    Worked("ForAllValues, like", SEVERAL, when("ForAllValues:StringLike", TAGS, "key1*", ["key1", "key1b"]), ALLOWED),
)


def named(variable: str, has: str | None, *, operator: str = "StringLike", version: str = "2012-10-17") -> Case:
    """A question under a condition on a tag with a variable for the user's name."""
    context: dict[str, str | list[str]] = {JOB: "home/David/x"}
    if has is not None:
        context["aws:username"] = has
    return under(user, {operator: {JOB: variable}}, context, version=version)


def on_resource(resource: str, name: str | None) -> Case:
    """A question under an identity policy for a resource with a variable."""
    allow = document(statement(resource=resource))
    return asking(user, naming(ROOT), identity=allow, context={} if name is None else {"aws:username": name})


PREFIX = f"arn:aws:kms:us-east-1:{HOME}:key/"
VARIABLE_CASES = (
    Worked("own name", f"{VARIABLES}: Introduction", named("home/${aws:username}/*", "David"), ALLOWED),
    Worked("another's name", f"{VARIABLES}: Introduction", named("home/${aws:username}/*", "Adele"), DENIED),
    Worked("names of variables know no case", VARIABLES, named("home/${AWS:UserName}/*", "David"), ALLOWED),
    Worked(
        "no variables in version 2008-10-17",
        VARIABLES,
        named("home/${aws:username}/*", "David", version="2008-10-17"),
        DENIED,
    ),
    Worked("no value", VALUELESS, named("home/${aws:username}/*", None), DENIED),
    Worked("no value, negated", VALUELESS, named("home/${aws:username}/*", None, operator="StringNotLike"), ALLOWED),
    Worked(
        "default value",
        f"{VARIABLES}: Specifying default values",
        named("home/${aws:username, 'David'}/x", None),
        ALLOWED,
    ),
    Worked(
        "default value not needed",
        f"{VARIABLES}: Specifying default values",
        named("home/${aws:username, 'David'}/x", "A"),
        DENIED,
    ),
    Worked("a literal *", f"{VARIABLES}: Special characters", named("home/${*}", "David"), DENIED),
    Worked("a value's * is no wildcard", VARIABLES, named("home/${aws:username}", "*"), DENIED),
    Worked(
        "in a resource",
        f"{VARIABLES}: Resource element",
        on_resource(PREFIX + "${aws:username}-*", "1234abcd"),
        ALLOWED,
    ),
    Worked(
        "in a resource, another",
        f"{VARIABLES}: Resource element",
        on_resource(PREFIX + "${aws:username}-*", "x"),
        DENIED,
    ),
    Worked("no wildcard beside a variable", STRINGS, named("*${aws:username}", "x", operator="StringEquals"), DENIED),
    Worked("in a resource, no value", VALUELESS, on_resource(PREFIX + "${aws:username}*", None), DENIED),
    Worked(
        "no value, nothing excluded",
        VALUELESS,
        asking(
            user,
            naming(ROOT),
            identity=document({"Effect": "Allow", "Action": "*", "NotResource": PREFIX + "${aws:username}"}),
        ),
        ALLOWED,
    ),
    Worked(
        "in a resource, no value, beside another",
        VALUELESS,
        asking(user, naming(ROOT), identity=document(statement(resource=[PREFIX + "${aws:username}", KEY]))),
        ALLOWED,
    ),
)


def app(condition: Json, pairs: dict[str, str]) -> Case:
    """The guide's key policy for RoleForExampleApp, asked with an encryption context."""
    context: dict[str, str | list[str]] = {f"kms:EncryptionContext:{key}": value for key, value in pairs.items()}
    if pairs:
        context["kms:EncryptionContextKeys"] = list(pairs)
    key_policy = naming(ROLE, action="kms:GenerateDataKey*", Condition=condition)
    return asking(session, key_policy, action="kms:GenerateDataKey", context=context, pairs=pairs)


APP, PATH = {"AppName": "ExampleApp"}, {"FilePath": "/var/opt/secrets/"}
BOTH = {"StringEquals": {f"kms:EncryptionContext:{key}": value for key, value in (APP | PATH).items()}}
ONE = {"StringEquals": {"kms:EncryptionContext:AppName": "ExampleApp"}}
HAS_APP = {"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "AppName"}}
BY_EC2 = {"StringEquals": {"kms:CallerAccount": HOME, "kms:ViaService": "ec2.us-west-2.amazonaws.com"}}
GRANTING = {"ForAllValues:StringEquals": {"kms:GrantOperations": ["Encrypt", "ReEncryptTo"]}}
KMS_CASES = (
    Worked("the pair", CONTEXT, app(ONE, APP), ALLOWED),
    Worked("no encryption context", CONTEXT, app(ONE, {}), DENIED),
    Worked("another value", CONTEXT, app(ONE, {"AppName": "exampleapp"}), DENIED),
    Worked("the key in another case", CONTEXT, app(ONE, {"appname": "ExampleApp"}), ALLOWED),
    Worked("one pair of two", CONTEXT, app(BOTH, APP), DENIED),
    Worked("two pairs in another order", CONTEXT, app(BOTH, PATH | APP), ALLOWED),
    Worked("case of the key wanted, too", CONTEXT, app(ONE | HAS_APP, {"appname": "ExampleApp"}), DENIED),
    Worked("a key, whatever its value", CONTEXT_KEYS, app(HAS_APP, {"AppName": "other", "FilePath": "x"}), ALLOWED),
    Worked("the key missing", CONTEXT_KEYS, app(HAS_APP, PATH), DENIED),
    Worked(
        "among others, without a set operator",
        CONTEXT_KEYS,
        app({"StringEquals": {"kms:EncryptionContextKeys": "AppName"}}, APP | PATH),
        ALLOWED,
    ),
    Worked("any encryption context", CONTEXT_KEYS, app({"Null": {"kms:EncryptionContextKeys": False}}, PATH), ALLOWED),
    Worked("none at all", CONTEXT_KEYS, app({"Null": {"kms:EncryptionContextKeys": False}}, {}), DENIED),
    Worked(
        "through EC2",
        f"{KMS}: kms:CallerAccount",
        under(user, BY_EC2, {"kms:CallerAccount": HOME, "kms:ViaService": "ec2.us-west-2.amazonaws.com"}),
        ALLOWED,
    ),
    Worked("not through a service", f"{KMS}: kms:ViaService", under(user, BY_EC2, {"kms:CallerAccount": HOME}), DENIED),
    Worked(
        "through another service",
        f"{KMS}: kms:ViaService",
        under(user, BY_EC2, {"kms:CallerAccount": HOME, "kms:ViaService": "s3.us-west-2.amazonaws.com"}),
        DENIED,
    ),
    Worked(
        "of another account through EC2",
        f"{KMS}: kms:CallerAccount",
        under(far_user, BY_EC2, {"kms:CallerAccount": "444455556666"}),
        DENIED,
    ),
    Worked(
        "grant of what may be granted",
        f"{KMS}: kms:GrantOperations",
        under(user, GRANTING, {"kms:GrantOperations": ["Encrypt"]}),
        ALLOWED,
    ),
    Worked(
        "grant of more",
        f"{KMS}: kms:GrantOperations",
        under(user, GRANTING, {"kms:GrantOperations": ["Encrypt", "Decrypt"]}),
        DENIED,
    ),
    Worked(
        "denied without ViaService",
        f"{KMS}: kms:ViaService",
        asking(
            user,
            naming(USER),
            naming("*", effect="Deny", Condition={"StringNotEquals": {"kms:ViaService": "s3.us-west-2.amazonaws.com"}}),
        ),
        DENIED,
    ),
)

TABLE = (*STRING_CASES, *OTHER_CASES, *EXISTENCE, *VARIABLE_CASES, *KMS_CASES)


@pytest.mark.parametrize("judge", [evaluate, ask], ids=["oracle", "engine"])
@pytest.mark.parametrize("worked", TABLE, ids=about(TABLE))
def test_conditions_are_those_of_the_documentation(worked: Worked, judge: Judge) -> None:
    """Both the oracle and the engine decide as the table says."""
    check(worked, judge)


@pytest.mark.parametrize("judge", [evaluate, ask], ids=["oracle", "engine"])
@pytest.mark.parametrize(
    "operator", ["StringEquals", "StringNotEquals", "StringEqualsIfExists", "ForAnyValue:StringLike", "Null"]
)
def test_keys_that_differ_in_case_alone_permit_nothing_and_deny(operator: str, judge: Judge) -> None:
    """A condition on an ambiguous key holds in no Allow and in every Deny."""
    wanted = {operator: {"kms:EncryptionContext:app": "true"}}
    context: dict[str, str | list[str]] = {"kms:EncryptionContext:app": "true", "kms:EncryptionContext:App": "false"}
    assert not judge(under(user, wanted, context)).allowed
    denying = naming("*", effect="Deny", Condition=wanted)
    assert not judge(asking(user, naming(USER), denying, context=context)).allowed
