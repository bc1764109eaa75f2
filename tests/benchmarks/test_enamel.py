"""ENAMEL: its inputs are made and its programs run in the sandbox; samples of known verdicts get them."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from codedpo.benchmarks import Problem
from codedpo.benchmarks.enamel import CASES, LIMITS, Enamel
from codedpo.benchmarks.enamel_draws import miller_rabin, rand_parens, rand_primality, rand_probably_prime
from codedpo.benchmarks.enamel_timing import Score, score
from codedpo.benchmarks.judging import judge
from codedpo.benchmarks.oracle import Oracle
from codedpo.benchmarks.rules import Rule
from codedpo.errors import RecordError
from codedpo.sandbox import Sandbox

EQUAL = "def __check(input, answer, output):\n    return type(output) == type(answer) and output == answer\n"
ROW = {
    "task_id": "Made/0",
    "prompt": 'def total(n):\n    """ Sum of the numbers below n. """',
    "input_generator": "def generate_input(size: int, lid: int, cid: int):\n    return size + cid + random.randint(0, 1),\n",
    "input_levels": "10 100 1000 400000",
    "reference_solution": "    return n * (n - 1) // 2 + 0 * sum(range(20000))\n",
    "checker": EQUAL,
    "entry_point": "total",
}


def written(folder: Path, *rows: dict[str, str], **changes: str) -> Enamel:
    """The benchmark of rows made by hand, one where none is given."""
    path = folder / "enamel.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(ROW))
        writer.writeheader()
        writer.writerows(rows or [ROW | changes])
    return Enamel(path=str(path))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    (problem,) = written(tmp_path_factory.mktemp("enamel")).problems()
    return problem


def scored(problem: Problem, program: str) -> Score:
    with Sandbox(limits=LIMITS) as sandbox:
        return score(problem, program, sandbox, repeats=2)


def test_inputs_are_drawn_with_upstreams_seeds(made: Problem) -> None:
    assert tuple(len(inputs.arguments) for inputs in made.inputs) == CASES
    assert [inputs.may_exceed for inputs in made.inputs] == [False, True, True, True]
    wanted: list[int] = []
    for number in range(20):  # seed ^ place ^ (cases before, of all levels)
        level = min(3, max(0, number // 4 - 1))
        case = number if level == 0 else (number - 8) % 4
        random.seed(998244353 ^ 0 ^ number)
        wanted.append((10, 100, 1000, 400000)[level] + case + random.randint(0, 1))
    assert [given for inputs in made.inputs for (given,) in inputs.arguments] == wanted


def test_inputs_are_made_once_where_there_is_a_cache(tmp_path: Path, made: Problem) -> None:
    other = ROW | {"task_id": "Made/1", "input_generator": ROW["input_generator"].replace("size +", "2 * size +")}
    benchmark = replace(written(tmp_path, ROW, other), cache=str(tmp_path))
    first = benchmark.problems()
    assert first[0] == made and first[1].inputs != made.inputs
    files = {file: file.stat().st_mtime_ns for file in (tmp_path / "benchmarks" / "enamel").iterdir()}
    assert len(files) == 2
    again = benchmark.problems()
    assert [problem.inputs for problem in again] == [problem.inputs for problem in first]
    assert [problem.hash for problem in again] == [problem.hash for problem in first]
    assert {file: file.stat().st_mtime_ns for file in files} == files
    for file in files:
        file.write_bytes(file.read_bytes()[:20])
    with pytest.raises(RecordError, match="cannot be read: .*; delete it and run again"):
        benchmark.problems()


def test_reference_passes_against_itself(made: Problem) -> None:
    found = scored(made, made.reference)
    assert found.passed and not found.reason
    assert len(found.levels) == 4 and all(level > 0 for level in found.levels[1:])


def test_wrong_values_fail_at_any_level(made: Problem) -> None:
    for limit, call in ((0, 0), (200_000, 16)):
        found = scored(made, f"def total(n):\n    return n * (n - 1) // 2 + (n > {limit})")
        assert not found.passed and found.value == 0.0 and found.reason == f"call {call}: another value"
    assert not scored(made, "def total(n):\n    return n * (n - 1) / 2").passed, "a float is no int"
    assert "ZeroDivisionError" in scored(made, "def total(n):\n    return n // 0").reason
    assert "NameError" in scored(made, "total = none_such").reason


def test_program_that_is_slow_on_large_inputs_passes_with_less(made: Problem) -> None:
    found = scored(
        made, "def total(n):\n    for _ in range(n // 400):\n        found = sum(range(n))\n    return n * (n - 1) // 2"
    )
    assert found.passed and found.levels[3] == 0.0
    found = scored(made, "def total(n):\n    while True: pass")
    assert not found.passed and found.reason, "level 0 must be finished"


def test_too_large_numbers_count_as_too_slow(made: Problem) -> None:
    found = scored(made, "def total(n):\n    return n * (n - 1) // 2 if n < 1000 else int(10.0 ** n)")
    assert found.passed and found.levels[2:] == (0.0, 0.0) and "OverflowError" in found.reason


def test_judging_lets_large_inputs_take_too_long(made: Problem, tmp_path: Path) -> None:
    slow = "def total(n):\n    while n > 2000: pass\n    return n * (n - 1) // 2"
    wrong = "def total(n):\n    return n"
    oracle = Oracle(tmp_path)
    with Sandbox(limits=LIMITS) as sandbox:
        assert oracle.prepare([made], sandbox) == {}
        passes, fails = judge([(made, slow), (made, wrong)], sandbox, oracle)
    assert passes.passed and list(passes.outcomes) == ["level_0", "level_1", "level_2"]
    assert not fails.passed


def test_checkers_are_recognised(tmp_path: Path) -> None:
    near = EQUAL.replace("== type(answer) and output == answer", "in (int, float) and abs(answer - output) < 1e-4")
    (problem,) = written(tmp_path, checker=near).problems()
    rule = problem.inputs[0].rule
    assert rule.is_same(1, 1.00005, (), 0.0) and not rule.is_same(1.0002, 1.0, (), 0.0)
    assert not rule.is_same(True, 1.0, (), 0.0) and not rule.is_same([1.0], 1.0, (), 0.0)
    assert rule.is_same([1, 2.0], [1.0, 2.0], (), 0.0) and not rule.is_same((1.0,), [1.0], (), 0.0)
    assert not rule.is_same([1.0], [1.0, 2.0], (), 0.0)
    assert not Rule(compare="is").is_same(1.0, 1, (), 0.0) and Rule(compare="is").is_same([1], [1.0], (), 0.0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"checker": "def __check(*_): return True"}, "the checker of Made/0 is none of those published"),
        ({"input_generator": "def generate_input(size, lid, cid):\n    return 1 / 0"}, "Made/0 fails: ZeroDivision"),
        ({"input_generator": "def generate_input(size, lid, cid):\n    return [1]"}, "Made/0 fails: it gives no tuple"),
        ({"input_generator": "none_such"}, "Made/0 fails: NameError"),
    ],
)
def test_faults_of_the_file_are_named(changes: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=said):
        written(tmp_path, **changes).problems()


def test_missing_and_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"name enamel\.csv in benchmarks\.enamel\.path"):
        Enamel().problems()
    (tmp_path / "other.csv").write_text("task_id,code\n1,2\n")
    with pytest.raises(RecordError, match="not ENAMEL's published file"):
        Enamel(path=str(tmp_path / "other.csv")).problems()


def test_draws_are_what_their_names_say() -> None:
    random.seed(1)
    assert [n for n in range(1, 40) if miller_rabin(n)] == [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37]
    groups = rand_parens(9, sep=None)
    assert isinstance(groups, list) and "".join(groups).count("(") == 5
    assert len(rand_parens(10, valid=False)) == 10
    assert 50 <= rand_probably_prime(100) <= 100
    assert [rand_primality(100, 0, case) for case in range(4)] == [30031, 561, 2, 125]


@pytest.fixture(scope="module")
def published(shared_data: Path) -> Sequence[Problem]:
    return Enamel(path=str(shared_data / "enamel/enamel.csv"), every=47).problems()


def test_published_problems_are_read(published: Sequence[Problem]) -> None:
    assert [problem.id for problem in published] == ["HumanEval/0", "HumanEval/51", "HumanEval/105", "HumanEval/163"]
    assert published[0].inputs[0].arguments[0][0] == [], "the generator's special case of level 0"
    assert [len(inputs.arguments[0][0]) for inputs in published[0].inputs[1:]] == [100, 10000, 15000]


@pytest.mark.parametrize(("sample", "fails"), [("humaneval", {"HumanEval/163"}), ("humanevalplus", set[str]())])
def test_canonical_samples_get_known_verdicts(
    sample: str, fails: set[str], published: Sequence[Problem], shared_data: Path
) -> None:
    programs = json.loads((shared_data / f"enamel/{sample}-canonical.json").read_text())
    with Sandbox(limits=LIMITS) as sandbox:
        found = {
            problem.id: score(problem, programs[int(problem.id.split("/")[1])][0], sandbox, repeats=1)
            for problem in published
        }
    assert {name for name, one in found.items() if not one.passed} == fails
