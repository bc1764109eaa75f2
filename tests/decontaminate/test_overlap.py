"""Training pairs against the problems that a model is then asked."""

from codedpo.benchmarks.humaneval import HumanEval
from codedpo.decontaminate.overlap import MOST_PAIRS, overlap
from codedpo.prompting import completion, solution_prompt
from codedpo.records import Pair

ORDINARY = "def total_price(items, tax):\n    return round(sum(price for _, price in items) * (1 + tax), 2)\n"


def pair(program: str, text: str = "Add up the prices of the items and the tax.") -> Pair:
    return Pair(
        prompt=list(solution_prompt(text, "def total_price(items, tax):")),
        chosen=[completion(program)],
        rejected=[completion(ORDINARY)],
        kind="correctness",
        task_id="t",
        chosen_index=0,
        rejected_index=1,
        chosen_program=program,
        rejected_program=ORDINARY,
        chosen_score=1.0,
        rejected_score=0.5,
        margin=0.5,
        chosen_seconds=float("nan"),
        rejected_seconds=float("nan"),
        ranker="codedpo",
        seed=None,
        generation=None,
    )


def test_pairs_that_give_a_problem_away_are_counted_and_named() -> None:
    problems = HumanEval().problems()
    copied, described = problems[109], problems[129]
    pairs = [pair(ORDINARY), pair(copied.reference), pair(ORDINARY, described.prompt), pair(copied.reference)]
    found = overlap(pairs, len(pairs), problems)
    assert (found.pairs, found.matched, found.problems) == (4, 3, (copied.id, described.id))
    assert found.describe() == f"3 of 4 training pairs give away 2 of its problems: {copied.id}, {described.id}"
    assert overlap(pairs[:1], 1, problems).describe() == "0 of 1 training pairs give away 0 of its problems"


def test_of_many_pairs_an_even_share_is_looked_at() -> None:
    pairs = [pair(ORDINARY)] * 30
    assert overlap(pairs, 10 * MOST_PAIRS, HumanEval().problems()[:2]).pairs == 3
