import gzip
import json
import venv
from itertools import combinations
from pathlib import Path

import pytest

from codedpo.benchmarks import InputSet, Problem
from codedpo.benchmarks.humaneval import HumanEval
from codedpo.benchmarks.oracle import Oracle
from codedpo.errors import ConfigError, RecordError
from codedpo.evaluate import (
    Check,
    Court,
    Evaluate,
    PassRate,
    Verdict,
    evaluate,
    judge_answers,
    require_references,
)
from codedpo.llms import Completion
from codedpo.llms.openai import OpenAIServer
from codedpo.measure.measurement import pass_rates
from codedpo.sandbox import Limits, Sandbox, SandboxSettings
from codedpo.scores import compare, interval, mcnemar, pass_at_k, pass_scores
from loopback import LoopbackLLM

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


def test_every_reference_solution_of_humaneval_passes(tmp_path: Path) -> None:
    problems = HumanEval().problems()
    assert len(problems) == 164
    with Sandbox(workers=2, limits=LIMITS) as sandbox:
        require_references(problems, sandbox, Oracle(tmp_path))


def test_a_broken_oracle_gives_no_score(tmp_path: Path) -> None:
    from dataclasses import replace

    problems = [replace(problem, test="assert False") for problem in HumanEval().problems()[:2]]
    with Sandbox(limits=LIMITS) as sandbox, pytest.raises(RecordError, match="0 of 2 reference solutions pass here"):
        require_references(problems, sandbox, Oracle(tmp_path))


def test_a_benchmarks_own_fields_come_from_the_configuration(tmp_path: Path) -> None:
    row = {"task_id": "x/1", "prompt": "def f(x):\n", "canonical_solution": "    return x\n", "entry_point": "f",
           "atol": 0, "base_input": [[1]], "plus_input": [[2]]}  # fmt: skip
    (tmp_path / "data.jsonl").write_text(json.dumps(row))
    options = {"humaneval_plus": {"path": str(tmp_path / "data.jsonl")}}
    (problem,) = Evaluate(benchmark="humaneval_plus").problems(options)
    assert [inputs.arguments for inputs in problem.inputs] == [((1,),), ((2,),)]
    with pytest.raises(ConfigError, match=r"benchmarks\.humaneval_plus: .*paht"):
        Evaluate(benchmark="humaneval_plus").problems({"humaneval_plus": {"paht": "x"}})


def test_answers_are_judged_part_by_part(tmp_path: Path) -> None:
    inputs = (InputSet("base", ((1,),)), InputSet("plus", ((-1,),)))
    problem = Problem("t/1", "def f(x):\n", "f", "def f(x):\n    return abs(x)", inputs=inputs)
    answers = [Completion(text, "length", 0, 0) for text in ("```\ndef f(x):\n    return x\n```", "I cannot")]
    oracle = Oracle(tmp_path)
    with Sandbox(limits=LIMITS) as sandbox:
        require_references([problem], sandbox, oracle)
        half, none = judge_answers([problem] * 2, answers, sandbox, oracle)
    assert half.checks == (Check("base", "passed"), Check("plus", "wrong"))
    assert (half.passed, half.outcome) == (False, "wrong")
    assert half.reason == "plus: call 0, f(-1): -1 instead of 1"
    assert (none.passed, none.outcome, none.reason) == (
        False,
        "no_program",
        "the answer was cut at evaluate.max_tokens",
    )


def test_verdicts_are_kept_until_packages_or_data_change(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", symlinks=True)
    (packages,) = (tmp_path / "env" / "lib").glob("python*/site-packages")
    (tmp_path / "data").mkdir()
    settings = SandboxSettings(python=str(tmp_path / "env" / "bin" / "python"), readable=(str(tmp_path / "data"),))
    court = Court(tmp_path / "verdicts", Oracle(tmp_path), settings, lambda chosen: Sandbox.of(chosen, workers=1))
    problem = Problem("t/1", "def f(x):\n", "f", "def f(x):\n    return x", inputs=(InputSet("base", ((1,),)),))

    def asked() -> int:
        model = OpenAIServer("m", base_url=server.base_url).open(cache=tmp_path, log=tmp_path)
        evaluate(Evaluate(), [problem], "w", lambda: model, court, label="before", on_answer=lambda *_: None)
        return len(server.requests)

    with LoopbackLLM() as server:
        assert [asked(), asked()] == [1, 1]
        (packages / "demo-1.0.dist-info").mkdir()
        assert [asked(), asked()] == [2, 2]
        (tmp_path / "data" / "table.csv").write_text("1,2")
        assert [asked(), asked()] == [3, 3]


def test_a_subset_is_fixed_and_named() -> None:
    settings = Evaluate(every=40)
    assert [problem.id for problem in settings.problems()] == [f"HumanEval/{i}" for i in (0, 40, 80, 120, 160)]
    assert settings.title == "humaneval, every 40th problem from the first"


@pytest.mark.parametrize(("model", "at_least"), [("qwen2.5-coder-0.5b", 76), ("smollm2-135m", 12)])
def test_real_answers_are_read_as_well_as_they_can_be(
    shared_data: Path, model: str, at_least: int, tmp_path: Path
) -> None:
    with gzip.open(shared_data / "answers" / f"humaneval_{model}_greedy.jsonl.gz", "rt") as file:
        answers = {row["task_id"]: row["answer"] for row in map(json.loads, file)}
    problems = HumanEval().problems()
    completions = [Completion(answers[problem.id], "stop", 0, 0) for problem in problems]
    oracle = Oracle(tmp_path)
    with Sandbox(workers=2, limits=LIMITS) as sandbox:
        require_references(problems, sandbox, oracle)
        verdicts = judge_answers(problems, completions, sandbox, oracle)
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


@pytest.mark.parametrize(("gained", "lost", "p"), [(0, 0, 1.0), (5, 0, 0.0625), (1, 8, 0.0390625), (4, 4, 1.0)])
def test_mcnemars_exact_test_in_known_cases(gained: int, lost: int, p: float) -> None:
    assert mcnemar(gained, lost) == mcnemar(lost, gained) == pytest.approx(p)


def test_pass_at_k_of_answers_by_what_counts() -> None:
    def verdict(problem: str, *outcomes: str) -> Verdict:
        checks = tuple(Check(name, outcome) for name, outcome in zip(("base", "plus"), outcomes, strict=True))
        return Verdict(problem, set(outcomes) == {"passed"}, "", "", "", "", checks)

    half, right, wrong = ("passed", "wrong"), ("passed", "passed"), ("wrong", "passed")
    verdicts = [verdict("a", *half), verdict("a", *right), verdict("b", *wrong), verdict("b", *half)]
    assert {k: score.value for k, score in pass_scores(verdicts, (1, 2, 5)).items()} == {1: 0.25, 2: 0.5}
    assert pass_scores(verdicts, (1,), ("base",))[1].value == 0.75
    assert (pass_scores(verdicts, (2,))[2].low, pass_scores(verdicts, (2,))[2].high) == (0, 1)
    assert pass_scores([], (1,)) == {}


def test_parts_are_scored_where_all_problems_have_them() -> None:
    def verdict(problem: str, *checks: str) -> Verdict:
        return Verdict(problem, True, "passed", "", "", "", tuple(Check(name, "passed") for name in checks))

    alike = [verdict("a", "base", "plus"), verdict("b", "base", "plus"), Verdict("c", False, "no_program", "", "", "")]
    assert {name: scores[1].value for name, scores in pass_rates(alike).items()} == pytest.approx(
        {"all": 2 / 3, "base": 2 / 3, "plus": 2 / 3}
    )
    assert set(pass_rates([verdict("a", "equal", "truth"), verdict("b", "equal")])) == {"all"}
