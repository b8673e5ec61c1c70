"""``strongroom explain`` and ``strongroom simulate``."""

import json
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from strongroom.admin import AdminAnswer, AdminRequest
from strongroom.authz.explanation import Explanation, GrantView, Half, PolicyView, StatementView
from strongroom.cli.words import text_of
from tests.cli.conftest import Run, Service

ALICE = "arn:aws:iam::111122223333:user/alice"
KEY = "arn:aws:kms:us-east-1:111122223333:key/1"
OF_RESOURCE = Half(
    "111122223333",
    "it is left to the identity policies of account 111122223333",
    policies=(
        PolicyView(
            "key policy",
            (
                StatementView('statement 1 ("Enable")', "Allow", applies=True, delegates=True),
                StatementView("statement 3", "Allow", applies=False, misses=("this", "that")),
            ),
            left_out=1,
        ),
    ),
    grants=(
        GrantView("f" * 64, ("Encrypt", "Sign"), matches=False, misses=("it does not permit Decrypt",)),
        GrantView("0" * 64, ("Decrypt",), matches=True),
    ),
    grants_left_out=2,
)
OF_IDENTITY = Half(
    "111122223333",
    "a Deny applies",
    policies=(PolicyView('identity policy "p"', (StatementView("statement 1", "Deny", applies=True),)),),
    decided_by=('statement 1 of the identity policy "p"',),
    advice=('remove or narrow the Deny in statement 1 of the identity policy "p"', "another thing"),
)
DENIED = Explanation(
    allowed=False,
    action="kms:Decrypt",
    caller=ALICE,
    reason="EXPLICIT_IDENTITY",
    resource=KEY,
    of_resource=OF_RESOURCE,
    of_identity=OF_IDENTITY,
)
JSON = json.loads(msgspec.json.encode(DENIED))
TEXT = f"""\
Denied: kms:Decrypt on {KEY}
  by {ALICE}

The resource's side (account 111122223333): it is left to the identity policies of account 111122223333
  key policy
    Allow statement 1 ("Enable") applies, and leaves it to identity policies
    Allow statement 3 does not apply: this; that
    and 1 more
  grants
    {"f" * 64} (Encrypt, Sign) does not: it does not permit Decrypt
    {"0" * 64} (Decrypt) permits it
    and 2 more

The caller's side (account 111122223333): a Deny applies
  identity policy "p"
    Deny statement 1 applies
  decided by
    - statement 1 of the identity policy "p"
  what would help
    - remove or narrow the Deny in statement 1 of the identity policy "p"
    - another thing
"""


def test_an_explanation_as_text() -> None:
    """What was decided, then each half: its verdict, policies, grants, what decided and what would allow it."""
    assert text_of(DENIED) + "\n" == TEXT


def test_a_half_as_text() -> None:
    """What an account may not see has no heading; what depends on the other account says so."""
    hidden = StatementView("statement 1", "Allow", applies=None, misses=("it depends",))
    half = Half("111122223333", "it is allowed here", policies=(PolicyView("key policy", (hidden,)),))
    assert text_of(Explanation(allowed=True, action="kms:Sign", caller=ALICE, of_resource=half)) == (
        f"Allowed: kms:Sign\n  by {ALICE}\n\nThe resource's side (account 111122223333): it is allowed here\n"
        "  key policy\n    Allow statement 1: it depends"
    )
    assert text_of(Explanation(allowed=True, action="kms:Sign", caller=ALICE, of_identity=half)).count("side") == 1


def test_explain_prints_all_denials_of_a_request(run: Run, service: Service, tmp_path: Path) -> None:
    """As text, one after the other; as JSON, a list."""
    service.answer = AdminAnswer(result={"explanations": [JSON] * 2})
    done = run("explain", "request", "--data-dir", tmp_path)
    assert (done.exit_code, done.stdout) == (0, f"{TEXT}\n{TEXT}")
    done = run("explain", "request", "--json", "--account", "111122223333")
    assert (done.exit_code, json.loads(done.stdout)) == (0, [JSON] * 2)
    assert service.asked == [
        (tmp_path, AdminRequest("explain", {"requestId": "request"})),
        (Path(".strongroom/data"), AdminRequest("explain", {"requestId": "request", "account": "111122223333"})),
    ]


def test_explain_of_what_is_not_kept(run: Run, service: Service) -> None:
    """Ends with 1 and the service's words."""
    service.answer = AdminAnswer(error="no denial of request x is kept")
    done = run("explain", "x")
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", "strongroom: no denial of request x is kept\n")


ASKED = ("--principal", ALICE, "--action", "kms:Decrypt", "--key", KEY)


def test_simulate_says_by_its_exit_code(run: Run, service: Service) -> None:
    """0 where it would be allowed, 4 where it would be denied, as text and as JSON."""
    for explanation, code in ((DENIED, 4), (replace(DENIED, allowed=True), 0)):
        service.answer = AdminAnswer(result=msgspec.to_builtins(explanation))
        done = run("simulate", *ASKED)
        assert (done.exit_code, done.stdout) == (code, text_of(explanation) + "\n")
        done = run("simulate", *ASKED, "--json")
        assert (done.exit_code, json.loads(done.stdout)) == (code, JSON | {"allowed": explanation.allowed})


def test_simulate_asks_as_it_was_asked(run: Run, service: Service) -> None:
    """Pairs go as JSON; a value may hold an equals sign; what was not given is left out."""
    service.answer = AdminAnswer(result=JSON)
    run("simulate", *ASKED)
    run(
        *("simulate", *ASKED, "--region", "eu-west-1", "--context", "app=a=b", "--context", "empty="),
        *("--condition", "aws:SourceIp=192.0.2.1"),
    )
    plain = {"principal": ALICE, "action": "kms:Decrypt", "key": KEY}
    more = {
        "region": "eu-west-1",
        "context": '{"app": "a=b", "empty": ""}',
        "conditions": '{"aws:SourceIp": "192.0.2.1"}',
    }
    assert [request.arguments for _, request in service.asked] == [plain, plain | more]


@pytest.mark.parametrize(
    "arguments",
    [
        ASKED[:4],
        (*ASKED, "--context", "app"),
        (*ASKED, "--condition", "app"),
        (*ASKED, "--context", "app=1", "--context", "app=2"),
        (*ASKED, "more"),
    ],
)
def test_a_question_that_is_none(run: Run, service: Service, arguments: tuple[str, ...]) -> None:
    """Ends with 2 before any service is asked."""
    assert run("simulate", *arguments).exit_code == 2
    assert service.asked == []


def test_a_service_that_is_not_there(run: Run) -> None:
    """Ends with 1, which is not what a denial ends with."""
    for arguments in (("simulate", *ASKED), ("explain", "x")):
        done = run(*arguments)
        assert (done.exit_code, done.stdout) == (1, "")
        assert "no service answers" in done.stderr
