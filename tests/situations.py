"""Situations for tests of condition keys: an account's root asks something of a key, unless it is told otherwise."""

from typing import Any

from msgspec.structs import replace

from strongroom.authz.context import Values
from strongroom.dispatch.conditions import Situation, context_of
from strongroom.model.identity import Caller, PrincipalKind, Session
from strongroom.model.key import Alias, Key, StoredKey
from strongroom.model.spec import KeyManager, KeySpec, KeyUsage, Origin
from strongroom.model.state import KeyState
from strongroom.ports import LastUsage
from tests.core import ACCOUNT, ELSEWHERE, MISSING, OTHER, REALM, make_facts

CREATED = 1_790_000_000.0
DAY = 86_400
KEY = Key(
    realm=REALM,
    key_id=MISSING,
    spec=KeySpec.RSA_2048,
    usage=KeyUsage.SIGN_VERIFY,
    origin=Origin.EXTERNAL,
    manager=KeyManager.CUSTOMER,
    state=KeyState.ENABLED,
    description="",
    created_at=CREATED,
)
STORED = StoredKey(
    KEY,
    materials={},
    policies={},
    tags={"Team": "payroll", "Stage": "test"},
    aliases=tuple(Alias(REALM, f"alias/{name}", MISSING, CREATED, CREATED) for name in ("one", "two")),
)
PRIMARY = replace(STORED, key=replace(KEY, primary_region=REALM.region))
REPLICA = replace(STORED, key=replace(KEY, primary_region=ELSEWHERE))

ROOT = Caller("Root", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, "AKIAIOSFODNN7EXAMPLE")
USER = Caller(
    "IAMUser", OTHER, f"arn:aws:iam::{OTHER}:user/ops/ann", "AIDAEXAMPLE", "AKIAEXAMPLE", PrincipalKind.USER, "ann"
)
SESSION = Caller(
    "AssumedRole",
    ACCOUNT,
    f"arn:aws:sts::{ACCOUNT}:assumed-role/Deploy/ann",
    "AROAEXAMPLE:ann",
    "ASIAEXAMPLE",
    PrincipalKind.ROLE,
    "Deploy",
    Session(
        name="ann",
        role_id="AROAEXAMPLE",
        issued_at=1_546_257_599.9,
        expires_at=1_546_261_199.9,
        tags={"team": "payroll", "Cost Center": "7"},
        source_identity="ann@example",
    ),
    role_arn=f"arn:aws:iam::{ACCOUNT}:role/ci/Deploy",
)


def used(at: float) -> LastUsage:
    """The last usage of the key."""
    return LastUsage(REALM, MISSING, "Sign", at, "event", "request")


def situation(action: str = "kms:DescribeKey", *, caller: Caller = ROOT, **changes: Any) -> Situation:
    """The situation of an action on the key; what is not said is as plain as it can be."""
    plain = Situation(
        facts=make_facts(caller=caller),
        action=action,
        request=None,
        region=REALM.region,
        account=ACCOUNT,
        stored=STORED,
        alias=None,
        encryption_context=None,
        recipient=None,
        now=1_546_257_599.9,
        key_life=CREATED + 40 * DAY,
        last_usage=lambda: None,
    )
    return plain._replace(**changes)


def value(key: str, action: str = "kms:DescribeKey", **changes: Any) -> Values:
    """What a request has under a key, which is asked for as the compiler of policies does."""
    return context_of(situation(action, **changes)).get(key.lower())
