"""What tests of explanations share: a case explained, and its advice followed."""

import json
import re

from strongroom.authz.explain import explain
from strongroom.authz.explanation import Explanation, Half
from tests.authz.oracle.case import Case, Json
from tests.authz.oracle.engine import question

_REMOVE = re.compile(
    r'remove or narrow the Deny in statement (\d+)(?: \(".*"\))? of the (?:identity policy "(\d+)"|(\w+) policy)'
)
NO_WAY = ("cannot be done with a resource of another account", "does not exist")
"""In a verdict or an advice for which there is no help."""


def arn_of(case: Case) -> str:
    """The caller's ARN."""
    if case.caller.kind == "root":
        return f"arn:aws:iam::{case.caller.account}:root"
    return next(name for name, token in case.bindings if token == case.caller.ids[-1])


def explained(case: Case) -> Explanation:
    """The explanation of a case."""
    return explain(*question(case), caller=arn_of(case))


def halves(explanation: Explanation) -> tuple[Half, Half]:
    """The resource's half and the identity's."""
    assert explanation.of_resource is not None
    assert explanation.of_identity is not None
    return explanation.of_resource, explanation.of_identity


def hopeless(explanation: Explanation) -> bool:
    """Whether no policy could allow it."""
    resource, _ = halves(explanation)
    return any(part in text for part in NO_WAY for text in (resource.verdict, *resource.advice)) and bool(
        explanation.of_identity and explanation.of_identity.account != resource.account
    )


def follow(case: Case, advice: tuple[str, ...]) -> Case:
    """The case with all advice followed that is about policies."""
    removed = [match.groups() for match in map(_REMOVE.match, advice) if match]
    case = case._replace(
        policy=_without(case.policy, {number for number, identity, title in removed if title in {"key", "trust"}}),
        session=_without(case.session, {number for number, identity, title in removed if title == "session"}),
        identity=tuple(
            _without(document, {number for number, identity, _ in removed if identity == str(place)}) or ""
            for place, document in enumerate(case.identity)
        ),
    )
    allow: Json = {"Effect": "Allow", "Action": case.action, "Resource": case.resource}
    if any(line.startswith("an Allow") and f" for {arn_of(case)} in the" in line for line in advice):
        case = case._replace(policy=_with(case.policy, allow | {"Principal": {"AWS": arn_of(case)}}))
    if any(line.startswith("an Allow") and f" for account {case.caller.account} in the" in line for line in advice):
        case = case._replace(policy=_with(case.policy, allow | {"Principal": {"AWS": case.caller.account}}))
    if any(line.startswith("an Allow") and "in an identity policy of" in line for line in advice):
        case = case._replace(identity=(*case.identity, _with(None, allow)))
    if any(line.startswith("an Allow") and "in the session policy" in line for line in advice):
        case = case._replace(session=_with(case.session, allow))
    return case


def _statements(document: str) -> list[Json]:
    found = json.loads(document)["Statement"]
    return found if isinstance(found, list) else [found]


def _without(document: str | None, numbers: set[str]) -> str | None:
    if document is None or not numbers:
        return document
    kept = [each for number, each in enumerate(_statements(document), 1) if str(number) not in numbers]
    # A policy has a statement: what is left of one that loses its last is one about something else.
    other = {name: value for name, value in _statements(document)[0].items() if name in {"Principal", "NotPrincipal"}}
    nothing = other | {"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": "*"}
    return json.dumps(json.loads(document) | {"Statement": kept or [nothing]})


def _with(document: str | None, statement: Json) -> str:
    if "Principal" in statement and document is not None and '"sts:' in document.lower():
        statement = {name: value for name, value in statement.items() if name != "Resource"}
    rest = {} if document is None else json.loads(document)
    return json.dumps(rest | {"Statement": [*([] if document is None else _statements(document)), statement]})
