import gzip
import json
from itertools import combinations
from pathlib import Path

import pytest

from codedpo.benchmarks.humaneval import HumanEval
from codedpo.errors import RecordError
from codedpo.evaluate import Evaluate, PassRate, Verdict, compare, interval, judge, pass_at_k, require_references
from codedpo.llms import Completion
from codedpo.sandbox import Limits, Sandbox

LIMITS = Limits(cpu_seconds=5, memory_mb=1024)


@pytest.mark.parametrize(("n", "c", "k"), [(5, 2, 1), (5, 2, 3), (6, 0, 2), (6, 6, 2), (4, 1, 4)])
def test_pass_at_k_equals_the_share_of_all_draws(n: int, c: int, k: int) -> None:
    draws = list(combinations([1] * c + [0] * (n - c), k))
    assert codedpo_pass(n, c, k) == pytest.approx(sum(any(draw) for draw in draws) / len(draws))


def codedpo_pass(n: int, c: int, k: int) -> float:
    return pass_at_k(n, c, k)


def test_pass_at_k_refuses_impossible_counts() -> None:
    with pytest.raises(ValueError, match="0 <= c <= n"):
        pass_at_k(3, 4, 1)


def test_every_reference_solution_of_humaneval_passes() -> None:
    problems = HumanEval().problems()
    assert len(problems) == 164
    with Sandbox(workers=2, limits=LIMITS) as sandbox:
        require_references(problems, sandbox)


def test_a_broken_oracle_gives_no_score() -> None:
    from dataclasses import replace

    problems = [replace(problem, test="assert False") for problem in HumanEval().problems()[:2]]
    with Sandbox(limits=LIMITS) as sandbox, pytest.raises(RecordError, match="0 of 2 reference solutions pass here"):
        require_references(problems, sandbox)


def test_a_subset_is_fixed_and_named() -> None:
    settings = Evaluate(every=40)
    assert [problem.id for problem in settings.problems()] == [f"HumanEval/{i}" for i in (0, 40, 80, 120, 160)]
    assert settings.title == "humaneval, every 40th problem from the first"


@pytest.mark.parametrize(("model", "at_least"), [("qwen2.5-coder-0.5b", 76), ("smollm2-135m", 12)])
def test_real_answers_are_read_as_well_as_they_can_be(shared_data: Path, model: str, at_least: int) -> None:
    with gzip.open(shared_data / "answers" / f"humaneval_{model}_greedy.jsonl.gz", "rt") as file:
        answers = {row["task_id"]: row["answer"] for row in map(json.loads, file)}
    problems = HumanEval().problems()
    completions = [Completion(answers[problem.id], "stop", 0, 0) for problem in problems]
    with Sandbox(workers=2, limits=LIMITS) as sandbox:
        verdicts = judge(problems, completions, sandbox)
    assert sum(verdict.passed for verdict in verdicts) >= at_least


def rate(*passed: int) -> PassRate:
    return PassRate("x", tuple(Verdict(str(i), bool(p), "", "", "", "") for i, p in enumerate(passed)))


def test_a_comparison_is_paired() -> None:
    change = compare(rate(1, 0, 0, 1), rate(1, 1, 1, 0))
    assert (change.difference, change.gained, change.lost) == (0.25, 2, 1)
    assert change.low <= 0 <= change.high
    same = compare(rate(1, 0), rate(1, 0))
    assert (same.low, same.high) == (0, 0)


def test_the_wilson_interval_of_a_known_case() -> None:
    low, high = interval(rate(*[1] * 5, *[0] * 5))  # 5 of 10: 0.2366 to 0.7634 (Wilson 1927, z = 1.96)
    assert (round(low, 4), round(high, 4)) == (0.2366, 0.7634)
