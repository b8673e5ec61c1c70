"""Random questions to an authorizer: small vocabularies, so that what is asked and what is written often meet."""

import json
import random
from typing import NamedTuple

from tests.authz.oracle.case import Caller, Case, ContextKeys, Json

HOME, AWAY, THIRD = "111122223333", "444455556666", "777788889999"
KEY = f"arn:aws:kms:us-east-1:{HOME}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ROLE = f"arn:aws:iam::{HOME}:role/ExampleRole"
GONE = "arn:aws:iam::111122223333:user/gone"

CALLERS = (
    Caller("root", HOME),
    Caller("root", AWAY),
    Caller("user", HOME, ("AIDAALICE",)),
    Caller("user", HOME, ("AIDABOB",)),
    Caller("user", AWAY, ("AIDACAROL",)),
    Caller("session", HOME, ("AROAAPP", "AROAAPP:one")),
    Caller("session", HOME, ("AROAAPP", "AROAAPP:two")),
    Caller("session", AWAY, ("AROAFAR", "AROAFAR:one")),
    Caller("service", "", ("service:backup.example.internal",)),
)
PRINCIPALS = {
    f"arn:aws:iam::{HOME}:user/alice": "AIDAALICE",
    f"arn:aws:iam::{HOME}:user/bob": "AIDABOB",
    f"arn:aws:iam::{AWAY}:user/team/carol": "AIDACAROL",
    f"arn:aws:iam::{HOME}:role/app": "AROAAPP",
    f"arn:aws:sts::{HOME}:assumed-role/app/one": "AROAAPP:one",
    f"arn:aws:sts::{HOME}:assumed-role/app/two": "AROAAPP:two",
    f"arn:aws:iam::{AWAY}:role/far": "AROAFAR",
    f"arn:aws:sts::{AWAY}:assumed-role/far/one": "AROAFAR:one",
    GONE: "AIDAGONE",
    "AROA0000000000000GONE": "AROA0000000000000GONE",
}
"""As written, and what they were bound to when the policy was put."""

ACCOUNTS = (HOME, f"arn:aws:iam::{HOME}:root", AWAY, f"arn:aws:iam::{AWAY}:root", THIRD)

CRYPTOGRAPHIC = ("Encrypt", "Decrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo")
GRANTED = (*CRYPTOGRAPHIC, "DescribeKey", "CreateGrant", "Sign")
ACTIONS = (*(f"kms:{operation}" for operation in GRANTED), "kms:PutKeyPolicy", "kms:EnableKeyRotation")
ONLY_AT_HOME = {"kms:PutKeyPolicy", "kms:EnableKeyRotation"}
PATTERNS = ("*", "kms:*", "KMS:DECRYPT", "kms:?ecrypt", "kms:Generate*Key", "kms:*crypt*", "kms:d*", "kms:No", "iam:*")

WORDS = ("payroll", "Payroll", "billing", "pay*", "*roll", "p?yroll", "", "*")
NAMES = ("app", "two words", "${*}")

STRINGS = (
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
)
ORDER = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
ARNS = ("ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike")


class Kind(NamedTuple):
    """A kind of condition key.

    Attributes:
        keys: Condition keys.
        operators: Those that fit.
        values: What a request can have.
        patterns: What a policy can ask for.
    """

    keys: tuple[str, ...]
    operators: tuple[str, ...]
    values: tuple[str, ...]
    patterns: tuple[Json, ...]


VARIABLES = (
    "${aws:username}",
    "${AWS:UserName}",
    "${aws:PrincipalTag/team}",
    "${aws:username, 'payroll'}",
    "${aws:PrincipalTag/team,'billing'}",
    "pay${*}",
    "${$}{aws:username}",
    "*${aws:username}",
    "${aws:TagKeys}",
    "${kms:EncryptionContext:app, 'payroll'}",
    "${kms:EncryptionContext:App}",
    "${aws:username",
)
SINGLE = Kind(
    ("aws:username", "aws:PrincipalTag/team", "AWS:principaltag/Team", "kms:ViaService"),
    STRINGS,
    ("payroll", "Payroll", "billing", "pay*", "${aws:username}", "${*}"),
    (*WORDS, *VARIABLES),
)
PAIRS = Kind(
    ("kms:EncryptionContext:app", "kms:EncryptionContext:App", "kms:encryptioncontext:APP"),
    STRINGS,
    ("payroll", "Payroll", "billing"),
    (*WORDS, *VARIABLES),
)
SETS = Kind(
    ("kms:EncryptionContextKeys", "aws:TagKeys"),
    STRINGS,
    ("payroll", "billing", "app", "App"),
    (*WORDS, "app", *VARIABLES),
)
NUMBERS = Kind(
    ("kms:RotationPeriodInDays",),
    tuple(f"Numeric{order}" for order in ORDER),
    ("90", "365", "365.0", "2560"),
    (90, 365, "365", "365.00", "1e3", "-1"),
)
DATES = Kind(
    ("aws:CurrentTime", "aws:EpochTime"),
    tuple(f"Date{order}" for order in ORDER),
    ("2026-01-01T00:00:00Z", "1767225600", "2026-06-30T12:00:00Z"),
    ("2026-01-01T00:00:00Z", "2026-01-01", "2026", "2026-01-01T01:00:00+01:00", "1767225600", 1767225600, "2026-07"),
)
TRUTHS = Kind(
    ("aws:SecureTransport", "kms:GrantIsForAWSResource"),
    ("Bool",),
    ("true", "false"),
    ("true", "false", True, False),
)
ADDRESSES = Kind(
    ("aws:SourceIp",),
    ("IpAddress", "NotIpAddress"),
    ("203.0.113.7", "198.51.100.1", "2001:db8:1234:5678::1"),
    ("203.0.113.0/24", "203.0.113.7", "203.0.113.7/32", "2001:DB8:1234:5678::/64", "0.0.0.0/0", "198.51.0.0/16"),
)
SOURCES = Kind(
    ("aws:SourceArn", "aws:PrincipalArn"),
    ARNS,
    ("arn:aws:s3:::payroll", f"arn:aws:iam::{HOME}:user/alice", "arn:aws:logs:us-east-1:1:group:payroll"),
    (
        "arn:aws:s3:::payroll",
        "arn:aws:s3:::*",
        "arn:aws:*:*:*:*",
        "arn:*:iam::1111*:user/?lice",
        "arn:aws:s3:::${aws:username}",
        "arn:aws:iam::111122223333:user/${aws:PrincipalTag/team, 'alice'}",
        "arn:aws:logs:*:payroll",
        "arn:aws:logs:us-east-1:1:*",
    ),
)
KINDS = (SINGLE, SINGLE, PAIRS, PAIRS, SETS, NUMBERS, DATES, TRUTHS, ADDRESSES, SOURCES)


class Maker:
    """Makes cases from one seed."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)  # noqa: S311 - cases, no secrets
        self._choice = self._random.choice

    def _chance(self, odds: float) -> bool:
        return self._random.random() < odds

    def _some(self, of: tuple[Json, ...], at_most: int) -> list[Json]:
        return [self._choice(of) for _ in range(self._random.randint(1, at_most))]

    def _written(self, values: list[Json]) -> Json:
        """One value may stand alone instead of in a list."""
        return values[0] if len(values) == 1 and self._chance(0.7) else values

    # --- policies ---

    def _operator(self, kind: Kind) -> tuple[str, Json]:
        """An operator and the values it is given."""
        if self._chance(0.1):
            return "Null", self._written(self._some(("true", "false", True, False), 1))
        prefix = self._choice(("ForAllValues:", "ForAnyValue:")) if self._chance(0.8 if kind is SETS else 0.0) else ""
        if kind not in {SETS, PAIRS} and self._chance(0.05):
            prefix = self._choice(("ForAllValues:", "ForAnyValue:"))
        suffix = "IfExists" if self._chance(0.2) else ""
        return prefix + self._choice(kind.operators) + suffix, self._written(self._some(kind.patterns, 3))

    def _condition(self) -> Json:
        """One to three lines of a Condition block."""
        block: dict[str, dict[str, Json]] = {}
        for _ in range(self._random.randint(1, 3) if self._chance(0.4) else 1):
            kind = self._choice(KINDS)
            operator, values = self._operator(kind)
            key = self._choice((SINGLE if self._chance(0.05) else kind).keys)  # SINGLE's are no dates, and so on
            known = {name.lower() for name in block.get(operator, {})}
            if key.lower() not in known:
                block.setdefault(operator, {})[key] = values
        return block

    def _principal(self, caller: Caller) -> Json:
        """A Principal element, more often than not with the caller in it."""
        own = [name for name, token in PRINCIPALS.items() if token in caller.ids]
        own += [name for name in ACCOUNTS if caller.account and caller.account in name]
        everybody = (*PRINCIPALS, *ACCOUNTS, "*", *own * 8)
        if caller.kind == "service" and self._chance(0.7):
            return {"Service": self._written(["backup.example.internal", *self._some(("a.b.c",), 1)])}
        if self._chance(0.05):
            return "*"
        return {"AWS": self._written(list(dict.fromkeys(self._some(everybody, 3))))}

    def _all_but(self, caller: Caller) -> Json:
        """A NotPrincipal element, which sometimes lists all names of the caller."""
        names = self._some((*PRINCIPALS, *ACCOUNTS), 2)
        names += [name for name, token in PRINCIPALS.items() if token in caller.ids and self._chance(0.8)]
        names += [name for name in ACCOUNTS[1::2] if caller.account and caller.account in name and self._chance(0.8)]
        return {"AWS": list(dict.fromkeys(names))} | (
            {"Service": "backup.example.internal"} if self._chance(0.5) else {}
        )

    def _resources(self) -> Json:
        """Resource patterns, most of which match."""
        prefix = f"arn:aws:kms:us-east-1:{HOME}:"
        tail = (
            "key/*",
            "key/1234abcd-*",
            "*ab",
            "key/9*",
            "alias/*",
            "key/${aws:username}",
            "${aws:username,'key/1'}*",
            "key/${kms:EncryptionContext:App}*",
        )
        near = (
            "arn:aws:kms:*:*:key/*",
            "arn:aws:kms:us-????-1:*:*",
            f"arn:aws:kms:us-west-2:{HOME}:key/*",
            KEY.replace("abcd", "ABCD"),
        )
        return self._written(self._some(("*", "*", "*", "*", KEY, KEY, *near, *(prefix + end for end in tail)), 2))

    def _statement(self, action: str, *, trust: bool) -> dict[str, Json]:
        """All of a statement but its principal."""
        deny = self._chance(0.22)
        statement: dict[str, Json] = {"Effect": "Deny" if deny else "Allow"}
        actions = (
            ("sts:AssumeRole", "STS:assumerole", "sts:TagSession")
            if trust
            else (*ACTIONS, *PATTERNS, *[action] * 8, *["kms:*"] * 4)
        )
        statement["NotAction" if self._chance(0.1) else "Action"] = self._written(self._some(actions, 3))
        if not trust:
            statement["NotResource" if self._chance(0.07) else "Resource"] = self._resources()
        if self._chance(0.7 if deny else 0.4):
            statement["Condition"] = self._condition()
        return statement

    def _document(self, action: str, principals_of: Caller | None = None, *, trust: bool = False) -> str:
        """A policy; with principals where it is a resource's."""
        statements = []
        for _ in range(self._random.randint(1, 4)):
            statement = self._statement(action, trust=trust)
            if principals_of is not None and statement["Effect"] == "Deny" and not trust and self._chance(0.3):
                statement["NotPrincipal"] = self._all_but(principals_of)
            elif principals_of is not None:
                statement["Principal"] = self._principal(principals_of)
                if not trust and self._chance(0.02):  # accepted in key policies, and of no effect
                    for part in self._choice((("Action", "NotAction"), ("Resource", "NotResource"))):
                        statement.pop(part, None)
            statements.append(statement)
        version = {"Version": self._choice(("2012-10-17",) * 6 + ("2008-10-17",))} if self._chance(0.95) else {}
        return json.dumps(version | {"Statement": self._written(statements)})

    # --- the request ---

    def _context(self) -> ContextKeys:
        """Condition keys; now and then two that differ only in case."""
        found: list[tuple[str, tuple[str, ...]]] = []
        for kind in (SINGLE, SETS, NUMBERS, DATES, TRUTHS, ADDRESSES, SOURCES):
            for name in dict.fromkeys(key.lower() for key in kind.keys):
                if self._chance(0.65):
                    values = self._some(kind.values, 3 if kind is SETS else 1)
                    found.append((name, tuple(dict.fromkeys(values))))
        if self._chance(0.7):
            found.append(("kms:EncryptionContext:app", (self._choice(PAIRS.values),)))
            if self._chance(0.1):
                found.append(("kms:EncryptionContext:APP", (self._choice(PAIRS.values),)))
        return tuple(sorted(found))

    def _pairs(self) -> dict[str, str]:
        """An encryption context."""
        return {key: self._choice(("it", "IT")) for key in ("dept", "Dept", "use") if self._chance(0.4)}

    def _constraints(self) -> dict[str, Json]:
        """Of a grant; more often none."""
        found: dict[str, Json] = {}
        if self._chance(0.5):
            found[self._choice(("equals", "subset"))] = self._pairs()
        if self._chance(0.2):
            found["source_arn"] = self._choice(SOURCES.values)
        return found

    def _grant(self, caller: Caller, action: str) -> dict[str, Json]:
        """A grant for one of the caller's names."""
        names = (*caller.ids, *caller.ids, *([caller.account] if caller.account else []))
        operations = {operation for operation in GRANTED if self._chance(0.4)}
        if self._chance(0.6):
            operations |= {action.removeprefix("kms:")} & set(GRANTED)
        return {"token": self._choice(names), "operations": sorted(operations), **self._constraints()}

    def _child(self, grants: tuple[dict[str, Json], ...]) -> dict[str, Json]:
        """A grant to be made, often like one that there is."""
        parent = self._choice(grants) if grants else {}
        child = {name: value for name, value in parent.items() if name != "token"} if self._chance(0.7) else {}
        if not child or self._chance(0.5):
            child = {"operations": [self._choice(GRANTED)], **(child and self._constraints())}
        if "subset" in child and self._chance(0.4):
            child["equals"] = child.pop("subset")
        for name in ("equals", "subset"):
            if name in child and self._chance(0.3):
                child[name] = child[name] | self._pairs()
        return child

    def _trust(self, caller: Caller) -> Case:
        """Somebody assumes a role."""
        action = "sts:AssumeRole"
        return Case(
            caller=caller,
            action=action,
            resource=ROLE,
            owner=HOME,
            context=self._context(),
            policy=self._document(action, caller, trust=True),
            bindings=tuple(PRINCIPALS.items()),
            identity=self._identity(caller, action),
            session=self._session(caller, action),
        )

    def _identity(self, caller: Caller, action: str) -> tuple[str, ...]:
        if caller.kind in {"root", "service"}:
            return ()
        return tuple(self._document(action) for _ in range(self._random.randint(0, 2)))

    def _session(self, caller: Caller, action: str) -> str | None:
        return self._document(action) if caller.kind == "session" and self._chance(0.5) else None

    def case(self) -> Case:
        """One question."""
        caller, action = self._choice(CALLERS), self._choice(ACTIONS)
        if self._chance(0.08):
            return self._trust(caller)
        grants = tuple(
            self._grant(caller, action) for _ in range(self._random.randint(1, 2) if self._chance(0.3) else 0)
        )
        bare = self._chance(0.06)
        return Case(
            caller=caller,
            action=action,
            resource="*" if bare else KEY,
            owner=caller.account if bare and self._chance(0.8) else HOME,
            context=self._context(),
            policy=None if bare else self._document(action, caller),
            bindings=tuple(PRINCIPALS.items()),
            identity=self._identity(caller, action),
            session=self._session(caller, action),
            grants=() if bare else grants,
            cross_account=action not in ONLY_AT_HOME,
            encryption_context=self._pairs() if action.removeprefix("kms:") in CRYPTOGRAPHIC else None,
            child=self._child(grants) if action == "kms:CreateGrant" else None,
        )
