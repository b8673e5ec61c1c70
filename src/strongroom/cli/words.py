"""An explanation as text."""

from collections.abc import Iterator

from strongroom.authz.explanation import Explanation, GrantView, Half, PolicyView, StatementView

_INDENT = "  "


def text_of(explanation: Explanation) -> str:
    """An explanation for people: what was decided, then each half that it has."""
    return "\n".join(_lines(explanation))


def _lines(explanation: Explanation) -> Iterator[str]:
    verdict = "Allowed" if explanation.allowed else "Denied"
    on = "" if explanation.resource is None else f" on {explanation.resource}"
    yield f"{verdict}: {explanation.action}{on}"
    yield f"{_INDENT}by {explanation.caller}"
    if explanation.of_resource is not None:
        yield from _half("The resource's side", explanation.of_resource)
    if explanation.of_identity is not None:
        yield from _half("The caller's side", explanation.of_identity)


def _half(title: str, half: Half) -> Iterator[str]:
    yield ""
    yield f"{title} (account {half.account}): {half.verdict}"
    for policy in half.policies:
        yield from _policy(policy)
    if half.grants:
        yield f"{_INDENT}grants"
        yield from (f"{_INDENT * 2}{_grant(grant)}" for grant in half.grants)
        yield from _more(half.grants_left_out)
    for heading, lines in (("decided by", half.decided_by), ("what would help", half.advice)):
        if lines:
            yield f"{_INDENT}{heading}"
            yield from (f"{_INDENT * 2}- {line}" for line in lines)


def _policy(policy: PolicyView) -> Iterator[str]:
    yield f"{_INDENT}{policy.title}"
    yield from (f"{_INDENT * 2}{_statement(view)}" for view in policy.statements)
    yield from _more(policy.left_out)


def _more(count: int) -> Iterator[str]:
    if count:
        yield f"{_INDENT * 2}and {count} more"


def _statement(view: StatementView) -> str:
    name = f"{view.effect} {view.name}"
    if view.applies is None:
        return f"{name}: {'; '.join(view.misses)}"
    if not view.applies:
        return f"{name} does not apply: {'; '.join(view.misses)}"
    return f"{name} applies" + (", and leaves it to identity policies" if view.delegates else "")


def _grant(grant: GrantView) -> str:
    name = f"{grant.grant_id} ({', '.join(grant.operations)})"
    return f"{name} permits it" if grant.matches else f"{name} does not: {'; '.join(grant.misses)}"
