"""CreateGrant: what can be asked for, what is stored, and what a grant then permits."""

from typing import Any

import pytest

from strongroom.keystores.grant_tokens import GrantTokens
from strongroom.model.region import Realm
from strongroom.operations.kms import grants as module
from strongroom.ports import GrantPointer
from tests.actors import policy, role, session_of, statement, user
from tests.core import ACCOUNT, MODEL, OTHER, REGION, ROOTS, Core, key_id_of
from tests.operations.kms.state_table import KINDS

IAM = f"arn:aws:iam::{ACCOUNT}"
ROOT = f"{IAM}:root"
OTHER_ROOT = f"arn:aws:iam::{OTHER}:root"
SERVICE = "backup.example.internal"
VAULT = f"arn:aws:backup:{REGION}:{ACCOUNT}:vault"
VALIDATION, DENIED = "ValidationException", "AccessDeniedException"
IT = {"Department": "IT"}


def grant_to(core: Core, key: str, principal: str = ROOT, *operations: str, **members: Any) -> dict[str, Any]:
    """Create a grant; its token and id."""
    return core.ok(
        "CreateGrant", KeyId=key, GranteePrincipal=principal, Operations=operations or ("Decrypt",), **members
    )


def listed(core: Core, key: str) -> list[dict[str, Any]]:
    """The grants on a key."""
    grants: list[dict[str, Any]] = core.ok("ListGrants", KeyId=key)["Grants"]
    return grants


# --- what can be asked for ---

NEITHER = "You must specify either GranteePrincipal or GranteeServicePrincipal, but not both."
FOR_SERVICE = (
    "A grant for a GranteeServicePrincipal must have a SourceArn constraint, and a RetiringPrincipal or a"
    " RetiringServicePrincipal."
)
PAIRS = {str(number): "x" * 384 for number in range(8)}
REFUSED: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "no grantee": ({"GranteePrincipal": None}, VALIDATION, NEITHER),
    "two grantees": ({"GranteeServicePrincipal": SERVICE}, VALIDATION, NEITHER),
    "two to retire it": (
        {"RetiringPrincipal": ROOT, "RetiringServicePrincipal": SERVICE},
        VALIDATION,
        "You can specify either RetiringPrincipal or RetiringServicePrincipal, but not both.",
    ),
    "a service without a resource": (
        {"GranteePrincipal": None, "GranteeServicePrincipal": SERVICE, "RetiringPrincipal": ROOT},
        VALIDATION,
        FOR_SERVICE,
    ),
    "a service that nobody can retire": (
        {"GranteePrincipal": None, "GranteeServicePrincipal": SERVICE, "Constraints": {"SourceArn": VAULT}},
        VALIDATION,
        FOR_SERVICE,
    ),
    "no operations": ({"Operations": []}, VALIDATION, None),
    "an operation that no grant permits": ({"Operations": ["DisableKey"]}, VALIDATION, None),
    "nothing but CreateGrant": (
        {"Operations": ["CreateGrant", "CreateGrant"]},
        VALIDATION,
        "Grants must not contain only the CreateGrant operation.",
    ),
    "two constraints": (
        {"Constraints": {"EncryptionContextSubset": IT, "EncryptionContextEquals": {}}},
        VALIDATION,
        "More than one constraint supplied",
    ),
    "too many pairs": ({"Constraints": {"EncryptionContextEquals": PAIRS | {"8": ""}}}, VALIDATION, None),
    "a value that is too long": ({"Constraints": {"EncryptionContextSubset": {"a": "x" * 385}}}, VALIDATION, None),
    "a resource that is none": ({"Constraints": {"SourceArn": "vault" * 5}}, VALIDATION, None),
    "a name with a blank": ({"Name": "my grant"}, VALIDATION, None),
    "nobody": (
        {"GranteePrincipal": f"{IAM}:user/nobody"},
        "InvalidArnException",
        f"ARN does not refer to a valid principal: {IAM}:user/nobody",
    ),
    "a group": ({"GranteePrincipal": f"{IAM}:group/admins"}, "InvalidArnException", None),
    "everybody": ({"GranteePrincipal": "*"}, VALIDATION, None),
    "a service by its name": ({"GranteePrincipal": SERVICE}, "InvalidArnException", None),
    "nobody to retire it": ({"RetiringPrincipal": f"{IAM}:role/nobody"}, "InvalidArnException", None),
    "an alias": ({"KeyId": "alias/key"}, "NotFoundException", None),
    "a token that is none": ({"GrantTokens": ["token"]}, "InvalidGrantTokenException", None),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(core: Core, key: str, case: str) -> None:
    """In AWS's words where they are known; and no grant is made."""
    changes, code, text = REFUSED[case]
    members: dict[str, Any] = {"KeyId": key, "GranteePrincipal": ROOT, "Operations": ["Decrypt"]} | changes
    found = core.refused("CreateGrant", **{name: value for name, value in members.items() if value is not None})
    assert found == (code, text or found[1])
    assert listed(core, key) == []


# AWS KMS Developer Guide, "Grant operations": which kinds of keys take which.
ANY_KEY = {"CreateGrant", "RetireGrant", "DescribeKey"}
CIPHER = {"Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo"}
DATA_KEYS = {
    "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext",
}  # fmt: skip
FITTING = {
    "symmetric": ANY_KEY | CIPHER | DATA_KEYS,
    "HMAC": ANY_KEY | {"GenerateMac", "VerifyMac"},
    "RSA": ANY_KEY | CIPHER | {"GetPublicKey"},
    "signing": ANY_KEY | {"Sign", "Verify", "GetPublicKey"},
    "agreement": ANY_KEY | {"DeriveSharedSecret", "GetPublicKey"},
    "encapsulation": ANY_KEY | {"Encapsulate", "Decapsulate", "GetPublicKey"},
}


@pytest.mark.parametrize("kind", FITTING)
def test_operations_fit_the_key(core: Core, kind: str) -> None:
    """Every operation that a key of the kind can do can be granted, and no other."""
    key = core.new_key(**KINDS[kind].create)
    every = set(MODEL.shape_for("GrantOperation").enum)
    for operation in every:
        answer = core.call("CreateGrant", KeyId=key, GranteePrincipal=ROOT, Operations=["DescribeKey", operation])
        assert answer.code == (None if operation in FITTING[kind] else VALIDATION), operation
    assert len(listed(core, key)) == len(FITTING[kind])


@pytest.mark.parametrize("kind", [kind for kind in FITTING if kind != "symmetric"])
def test_encryption_context_is_for_symmetric_keys(core: Core, kind: str) -> None:
    """Other keys know none; a resource can be asked for with every kind."""
    key = core.new_key(**KINDS[kind].create)
    members = {"KeyId": key, "GranteePrincipal": ROOT, "Operations": ["DescribeKey"]}
    limits: list[dict[str, Any]] = [{"EncryptionContextSubset": {}}, {"EncryptionContextEquals": IT}]
    for constraints in limits:
        assert core.refused("CreateGrant", Constraints=constraints, **members)[0] == VALIDATION
    core.ok("CreateGrant", Constraints={"SourceArn": VAULT}, **members)


# --- what is stored ---


def test_a_grant_is_what_was_asked_for(core: Core, key: str) -> None:
    """Id and token have AWS's form; the list shows all that was sent, and what AWS adds."""
    user(core)
    answer = grant_to(
        core,
        key,
        f"{IAM}:user/alice",
        "Decrypt",
        "Encrypt",
        "Decrypt",
        RetiringPrincipal=OTHER_ROOT,
        Constraints={"EncryptionContextSubset": PAIRS, "SourceArn": VAULT},
        Name="a/grant:of_mine-1",
    )
    assert len(answer["GrantId"]) == 64
    assert int(answer["GrantId"], 16)
    assert GrantTokens(ROOTS).open(answer["GrantToken"]) == GrantPointer(
        Realm(ACCOUNT, REGION), key_id_of(key), answer["GrantId"]
    )
    (shown,) = listed(core, key)
    assert shown.pop("CreationDate").timestamp() == core.clock.key_life
    assert shown == {
        "KeyId": key,
        "GrantId": answer["GrantId"],
        "Name": "a/grant:of_mine-1",
        "GranteePrincipal": f"{IAM}:user/alice",
        "RetiringPrincipal": OTHER_ROOT,
        "IssuingAccount": ROOT,
        "Operations": ["Decrypt", "Encrypt"],
        "Constraints": {"EncryptionContextSubset": PAIRS, "SourceArn": VAULT},
    }


def test_a_grant_for_a_service(core: Core, key: str) -> None:
    """Services are shown in members of their own."""
    core.ok(
        "CreateGrant",
        KeyId=key,
        GranteeServicePrincipal=SERVICE,
        RetiringServicePrincipal="retire.example.internal",
        Operations=["Decrypt"],
        Constraints={"SourceArn": VAULT},
    )
    (shown,) = listed(core, key)
    assert (shown["GranteeServicePrincipal"], shown["RetiringServicePrincipal"]) == (SERVICE, "retire.example.internal")
    assert not {"GranteePrincipal", "RetiringPrincipal"} & shown.keys()


def test_a_plain_grant_shows_no_more_than_it_has(core: Core, key: str) -> None:
    """The name is empty, and what was not sent is left out, constraints without a word included."""
    grant_to(core, key, Constraints={})
    (shown,) = listed(core, key)
    assert shown["Name"] == ""
    assert not {"RetiringPrincipal", "Constraints"} & shown.keys()
    grant_to(core, core.new_key(), Constraints={"EncryptionContextEquals": {}})


# --- names ---

SAME: list[dict[str, Any]] = [
    {},
    {"Operations": ["Encrypt", "Decrypt"]},
    {"Operations": ["Decrypt", "Encrypt", "Decrypt"]},
    {"GranteePrincipal": ACCOUNT},
]
DIFFERENT: list[dict[str, Any]] = [
    {"Operations": ["Decrypt"]},
    {"GranteePrincipal": OTHER_ROOT},
    {"RetiringPrincipal": OTHER_ROOT},
    {"Constraints": {"EncryptionContextEquals": IT}},
    {"Constraints": {"EncryptionContextSubset": IT, "SourceArn": VAULT}},
    {"Name": "another"},
    {"Name": None},
]


def test_a_name_makes_retries_safe(core: Core, key: str) -> None:
    """The same request again gets the same grant and another token; whatever is different makes another grant."""
    base: dict[str, Any] = {
        "KeyId": key,
        "GranteePrincipal": ROOT,
        "Operations": ["Decrypt", "Encrypt"],
        "RetiringPrincipal": ROOT,
        "Constraints": {"EncryptionContextSubset": IT},
        "Name": "mine",
    }
    first = core.ok("CreateGrant", **base)
    for changes in SAME:
        again = core.ok("CreateGrant", **(base | changes))
        assert again["GrantId"] == first["GrantId"]
        assert again["GrantToken"] != first["GrantToken"]
    assert len(listed(core, key)) == 1
    for changes in DIFFERENT:
        members = {name: value for name, value in (base | changes).items() if value is not None}
        assert core.ok("CreateGrant", **members)["GrantId"] != first["GrantId"]
    assert len(listed(core, key)) == 1 + len(DIFFERENT)
    elsewhere = core.ok("CreateGrant", **(base | {"KeyId": core.new_key()}))
    assert elsewhere["GrantId"] != first["GrantId"]


def test_without_a_name_each_request_makes_a_grant(core: Core, key: str) -> None:
    """As AWS documents it."""
    assert len({grant_to(core, key)["GrantId"] for _ in range(3)}) == len(listed(core, key)) == 3


def test_a_key_has_room_for_so_many(core: Core, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The quota is that of one key; a retry makes no grant and passes."""
    monkeypatch.setattr(module, "MAX_GRANTS", 2)
    first = grant_to(core, key, Name="first")
    grant_to(core, key)
    code, _ = core.refused("CreateGrant", KeyId=key, GranteePrincipal=ROOT, Operations=["Decrypt"])
    assert code == "LimitExceededException"
    assert grant_to(core, key, Name="first")["GrantId"] == first["GrantId"]
    grant_to(core, core.new_key())
    core.ok("RevokeGrant", KeyId=key, GrantId=first["GrantId"])
    grant_to(core, key)


def test_the_quota_is_awss() -> None:
    """AWS KMS Developer Guide, "Resource quotas"."""
    assert module.MAX_GRANTS == 50_000


# --- what a grant permits ---


def test_a_grantee_uses_the_key(core: Core, key: str) -> None:
    """A user without any policy can do what the grant says, and nothing else; others cannot."""
    alice, bob = user(core), user(core, "bob")
    grant_to(core, key, alice.arn, "Encrypt", "Decrypt")
    blob = core.ok("Encrypt", caller=alice, KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert core.ok("Decrypt", caller=alice, CiphertextBlob=blob)["Plaintext"] == b"x"
    assert core.refused("DescribeKey", caller=alice, KeyId=key)[0] == DENIED
    assert core.refused("Encrypt", caller=bob, KeyId=key, Plaintext=b"x")[0] == DENIED


def test_a_constraint_holds(core: Core, key: str) -> None:
    """The encryption context decides, whether the grant counts by itself or its token is sent."""
    alice = user(core)
    token = grant_to(core, key, alice.arn, "Encrypt", Constraints={"EncryptionContextSubset": IT})["GrantToken"]
    for members in ({}, {"GrantTokens": [token]}):
        call = {"caller": alice, "KeyId": key, "Plaintext": b"x", **members}
        core.ok("Encrypt", EncryptionContext=IT | {"Purpose": "Test"}, **call)
        assert core.refused("Encrypt", EncryptionContext={"Department": "HR"}, **call)[0] == DENIED
        assert core.refused("Encrypt", **call)[0] == DENIED


def test_a_grant_makes_grants_no_wider_than_itself(core: Core, key: str) -> None:
    """A grantee of CreateGrant hands on operations of its own under constraints as strict, and others not."""
    alice, bob = user(core), user(core, "bob")
    grant_to(core, key, alice.arn, "CreateGrant", "Decrypt", Constraints={"EncryptionContextSubset": IT})
    call: dict[str, Any] = {"caller": alice, "KeyId": key, "GranteePrincipal": bob.arn}
    for operations, constraints, code in (
        (["Decrypt"], {"EncryptionContextEquals": IT}, None),
        (["Decrypt", "CreateGrant"], {"EncryptionContextSubset": IT | {"a": "b"}}, None),
        (["Encrypt"], {"EncryptionContextSubset": IT}, DENIED),
        (["Decrypt"], {"EncryptionContextSubset": {"a": "b"}}, DENIED),
        (["Decrypt"], {}, DENIED),
    ):
        assert core.call("CreateGrant", Operations=operations, Constraints=constraints, **call).code == code
    assert [grant["IssuingAccount"] for grant in listed(core, key)] == [ROOT] * 3


def test_the_creator_needs_none_of_the_operations(core: Core, key: str) -> None:
    """Who may make grants by policy may grant what the policy does not let him do."""
    maker = user(core, "maker", policy(statement("Allow", "kms:CreateGrant")))
    worker = session_of(role(core))
    core.ok("CreateGrant", caller=maker, KeyId=key, GranteePrincipal=f"{IAM}:role/worker", Operations=["Encrypt"])
    assert core.refused("Encrypt", caller=maker, KeyId=key, Plaintext=b"x")[0] == DENIED
    core.ok("Encrypt", caller=worker, KeyId=key, Plaintext=b"x")
