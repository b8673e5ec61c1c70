"""Grants (AWS KMS Developer Guide, "Grants in AWS KMS", "Creating grants")."""

from tests.authz.oracle.case import Case, Json
from tests.authz.oracle.patterns import arn_like, values_of, with_wildcards
from tests.authz.oracle.statements import NOBODY, named


def contains(larger: dict[str, str], smaller: dict[str, str]) -> bool:
    """Whether all pairs of one encryption context are in another, exactly."""
    return all(larger.get(key) == value for key, value in smaller.items())


def as_strict(child: Json, parent: Json) -> bool:
    """Whether a child's constraints are at least as strict ("Granting CreateGrant permission")."""
    if "source_arn" in parent and child.get("source_arn") != parent["source_arn"]:
        return False
    if "equals" in parent:
        return bool(child.get("equals") == parent["equals"])
    if "subset" in parent:
        pairs = child.get("equals", child.get("subset"))
        return pairs is not None and contains(pairs, parent["subset"])
    return True


def constraint_holds(grant: Json, operation: str, case: Case) -> bool:
    """Whether the encryption context is as the grant wants it ("Using grant constraints")."""
    if operation in {"DescribeKey", "RetireGrant"} or not {"equals", "subset"} & grant.keys():
        return True
    if case.encryption_context is None:
        return False
    if "equals" in grant:
        return bool(case.encryption_context == grant["equals"])
    return contains(case.encryption_context, grant["subset"])


def source_holds(grant: Json, operation: str, case: Case) -> bool:
    """Whether the resource for which a service calls is the grant's."""
    if operation == "RetireGrant" or "source_arn" not in grant:
        return True
    pattern = with_wildcards(grant["source_arn"])
    return any(arn_like(pattern, arn) for arns in values_of(case.context, "aws:SourceArn") for arn in arns)


def permits(grant: Json, case: Case) -> bool:
    """Whether a grant permits the operation, whoever asks."""
    operation = case.action.removeprefix("kms:")
    if operation not in grant["operations"] or not source_holds(grant, operation, case):
        return False
    if operation == "CreateGrant":
        child = case.child
        assert child is not None, "a CreateGrant has a grant to make"
        return set(child["operations"]) <= set(grant["operations"]) and as_strict(child, grant)
    return constraint_holds(grant, operation, case)


def granted(case: Case) -> list[str]:
    """How each grant that permits the operation names the caller."""
    ways = [named({grant["token"]}, case.caller) for grant in case.grants if permits(grant, case)]
    return [how for how in ways if how != NOBODY]
