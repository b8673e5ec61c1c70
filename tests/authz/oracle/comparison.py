"""The engine beside the oracle, on random cases."""

from tests.authz.generator import Maker
from tests.authz.oracle.case import Case, Verdict
from tests.authz.oracle.engine import ask
from tests.authz.oracle.evaluator import evaluate


def agree(ours: Verdict, oracles: Verdict) -> bool:
    """Whether two answers are the same, and our one reason for a denial is among those that the oracle knows."""
    return ours.allowed == oracles.allowed and ours.reasons <= oracles.reasons and ours.allowed != bool(ours.reasons)


def shown(case: Case) -> str:
    """A case to look at, one field a line."""
    return "\n".join(f"  {name} = {value}" for name, value in case._asdict().items())


def compare(seed: str, cases: int) -> float:
    """Ask both of them many questions; the share of what was allowed.

    Raises:
        AssertionError: They differ; the text names the seed, the number of the case, and the case.
    """
    print(f"seed {seed}")
    maker = Maker(seed)
    allowed = 0
    for number in range(cases):
        case = maker.case()
        ours, oracles = ask(case), evaluate(case)
        assert agree(ours, oracles), f"seed {seed}, case {number}\nengine {ours}\noracle {oracles}\n{shown(case)}"
        allowed += ours.allowed
    return allowed / cases
