"""HumanEval+ and MBPP+ judged by our oracle, against the published verdicts of the reference evaluator."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from codedpo.benchmarks import Problem
from codedpo.benchmarks.evalplus import HumanEvalPlus, MbppPlus
from codedpo.benchmarks.judging import Judgement, judge
from codedpo.benchmarks.oracle import Oracle
from codedpo.errors import RecordError
from codedpo.records import Outcome
from codedpo.sandbox import Limits, Sandbox

LIMITS = Limits(memory_mb=4096)
LONG = {"HumanEval/15", "HumanEval/130", "HumanEval/139"}
"""Their references take seconds each; perf/evaluation.py judges all."""


@pytest.fixture(scope="module")
def humaneval(shared_data: Path) -> Sequence[Problem]:
    return HumanEvalPlus(path=str(shared_data / "humanevalplus/HumanEvalPlus-v0.1.10.jsonl.gz")).problems()


@pytest.fixture(scope="module")
def mbpp(shared_data: Path) -> Sequence[Problem]:
    return MbppPlus(path=str(shared_data / "mbppplus/MbppPlus-v0.2.0.jsonl.gz")).problems()


def judged(problems: Sequence[Problem], programs: Sequence[str], folder: Path) -> list[Judgement]:
    oracle = Oracle(folder)
    with Sandbox(workers=2, limits=LIMITS) as sandbox:
        oracle.prepare(problems, sandbox)
        return judge(list(zip(problems, programs, strict=True)), sandbox, oracle)


def published(shared_data: Path, pattern: str) -> dict[str, Any]:
    path = next((shared_data / "evalplus_results").glob(pattern))
    results = json.loads(gzip.decompress(path.read_bytes()))["eval"]
    return {name: found[0] for name, found in results.items()}


def test_all_problems_and_inputs_are_read(humaneval: Sequence[Problem], mbpp: Sequence[Problem]) -> None:
    for problems, count, plus in ((humaneval, 164, 122_683), (mbpp, 378, 39_841)):
        assert len(problems) == count
        assert (
            sum(len(part.arguments) for problem in problems for part in problem.inputs if part.name == "plus") == plus
        )
        assert len({problem.hash for problem in problems}) == count


@pytest.mark.parametrize("model", ["meta*", "custom*"])
def test_verdicts_are_the_published_ones(
    model: str, humaneval: Sequence[Problem], mbpp: Sequence[Problem], shared_data: Path, tmp_path: Path
) -> None:
    for problems, results in (
        (
            [problem for problem in humaneval[::6] if problem.id not in LONG],
            published(shared_data, f"humaneval__{model}"),
        ),
        (mbpp[1::24], published(shared_data, f"mbpp__{model}")),
    ):
        found = judged(problems, [results[problem.id]["solution"] for problem in problems], tmp_path)
        for problem, ours in zip(problems, found, strict=True):
            theirs = {name: results[problem.id][f"{name}_status"] == "pass" for name in ("base", "plus")}
            assert {name: outcome == Outcome.PASSED for name, outcome in ours.outcomes.items()} == theirs, problem.id
        assert len({ours.passed for ours in found}) == 2


def test_inputs_have_the_types_that_json_lacks(mbpp: Sequence[Problem]) -> None:
    by_name = {problem.entry_point: problem.inputs[0].arguments for problem in mbpp}
    assert by_name["similar_elements"][0] == ((3, 4, 5, 6), (5, 7, 4, 10))
    assert by_name["angle_complex"][0] == (0.0, 1j)
    assert by_name["convert"][0] == (1 + 0j,)
    assert by_name["extract_even"][0] == ((4, 5, (7, 6, (2, 4)), 6, 8),)
    assert by_name["count_first_elements"][1] == ((2, 9, (5, 7), 11),)
    assert by_name["sort_sublists"][0] == ([["green", "orange"], ["black", "white"], ["white", "black", "orange"]],)
    assert by_name["filter_data"][0][0]["Cierra Vega"] == (6.2, 70)


def test_any_zero_of_a_polynomial_is_right_but_not_for_the_reference_evaluator(
    humaneval: Sequence[Problem], shared_data: Path, tmp_path: Path
) -> None:
    (right,) = [problem for problem in humaneval if problem.entry_point == "find_zero"]
    path = str(shared_data / "humanevalplus/HumanEvalPlus-v0.1.10.jsonl.gz")
    (never,) = [problem for problem in HumanEvalPlus(path=path, compatible=True).problems() if problem.id == right.id]
    assert right.hash != never.hash
    wrong = f"{right.reference}\n_found = find_zero\ndef find_zero(xs):\n    return _found(xs) + 1\n"
    (good,) = judged([right], [right.reference], tmp_path)
    (bad,) = judged([right], [wrong], tmp_path)
    (theirs,) = judged([never], [right.reference], tmp_path)
    assert good.passed
    assert bad.outcomes == {"base": Outcome.WRONG, "plus": Outcome.WRONG}
    assert theirs.outcomes == {"base": Outcome.WRONG, "plus": Outcome.WRONG}


def test_a_test_lends_its_imports_to_no_solution(mbpp: Sequence[Problem], tmp_path: Path) -> None:
    (sphere,) = [problem for problem in mbpp if problem.id == "Mbpp/82"]
    program = "def volume_sphere(radius):\n    return (4/3) * math.pi * radius ** 3\n"
    found = judged([sphere, sphere], [program, f"import math\n{program}"], tmp_path)
    assert [ours.passed for ours in found] == [False, True]
    assert "NameError: name 'math' is not defined" in found[0].reason


@pytest.mark.parametrize(
    ("benchmark", "variable", "what"),
    [(HumanEvalPlus, "HUMANEVAL_OVERRIDE_PATH", "HumanEval"), (MbppPlus, "MBPP_OVERRIDE_PATH", "MBPP")],
)
def test_a_file_that_is_not_there_is_named(
    benchmark: type[HumanEvalPlus | MbppPlus], variable: str, what: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(variable, raising=False)
    with pytest.raises(RecordError, match=f"benchmarks.{benchmark.name}.path, or in the variable {variable}"):
        benchmark().problems()
    (tmp_path / "other.jsonl").write_text('{"task_id": "x"}\n')
    monkeypatch.setenv(variable, str(tmp_path / "other.jsonl"))
    with pytest.raises(RecordError, match=f"not {what}"):
        benchmark().problems()
