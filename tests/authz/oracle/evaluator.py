"""The decision.

IAM User Guide, "Policy evaluation logic" (and "Determining whether a request is allowed or denied within an account",
"Cross-account policy evaluation logic"); AWS KMS Developer Guide, "Key policies in AWS KMS", "Grants in AWS KMS".
"""

from tests.authz.oracle.case import Case, Verdict
from tests.authz.oracle.grants import granted
from tests.authz.oracle.statements import ITSELF, ROLE, Policy, applying

RESOURCE, IDENTITY, SESSION = "RESOURCE", "IDENTITY", "SESSION"


def explicit_denials(case: Case) -> set[str]:
    """Where there is a Deny that applies."""
    found = set()
    if case.policy is not None and applying(Policy(case.policy, dict(case.bindings)), "Deny", case):
        found.add(RESOURCE)
    if any(applying(Policy(document), "Deny", case) for document in case.identity):
        found.add(IDENTITY)
    if case.session is not None and applying(Policy(case.session), "Deny", case):
        found.add(SESSION)
    return found


def identity_allows(case: Case) -> bool:
    """Whether the caller's side allows, as far as identity policies go; roots and services have none and need none."""
    if case.caller.kind in {"root", "service"}:
        return True
    return any(applying(Policy(document), "Allow", case) for document in case.identity)


def session_allows(case: Case) -> bool:
    """Whether the session policy, where there is one, allows."""
    return case.session is None or bool(applying(Policy(case.session), "Allow", case))


def missing(case: Case, *, identity: bool) -> set[str]:
    """Which policies of the caller's side do not allow; identity policies only where they are asked."""
    found = set() if session_allows(case) else {SESSION}
    return found | {IDENTITY} if identity and not identity_allows(case) else found


def lacking_without_policy(case: Case) -> set[str]:
    """What is missing on a resource that has no policy of its own: identity policies decide, in their own account."""
    if case.caller.kind == "service" or case.caller.account != case.owner:
        return {RESOURCE, IDENTITY, SESSION}
    return missing(case, identity=True)


def lacking(case: Case, how: str, *, granted: bool) -> set[str]:
    """What is missing although a key policy or a grant names the caller in some way."""
    if how == ITSELF and (granted or case.caller.account == case.owner or case.caller.kind == "service"):
        return set()
    if how == ROLE and (granted or case.caller.account == case.owner):
        return missing(case, identity=False)
    return missing(case, identity=True)


def implicit_denials(case: Case) -> set[str]:
    """Which policies fail to allow; empty when the request is allowed. AWS tells of one of them."""
    if case.policy is None:
        return lacking_without_policy(case)
    elsewhere = case.caller.kind != "service" and case.caller.account != case.owner
    if elsewhere and not case.cross_account:
        return {RESOURCE, IDENTITY, SESSION}
    ways = [(how, False) for how in applying(Policy(case.policy, dict(case.bindings)), "Allow", case)]
    ways += [(how, True) for how in granted(case)]
    if not ways:
        return {RESOURCE} | missing(case, identity=True)
    found = [lacking(case, how, granted=by_grant) for how, by_grant in ways]
    return set() if set() in found else min(found, key=len)


def evaluate(case: Case) -> Verdict:
    """Whether a request is allowed; where not, by what."""
    denials = explicit_denials(case)
    if denials:
        return Verdict(allowed=False, reasons=frozenset(f"EXPLICIT_{where}" for where in denials))
    lacks = implicit_denials(case)
    return Verdict(allowed=not lacks, reasons=frozenset(f"IMPLICIT_{where}" for where in lacks))
