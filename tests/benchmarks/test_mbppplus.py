"""MBPP+ judged by our oracle, against the published verdicts of the reference evaluator."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from codedpo.benchmarks import Problem
from codedpo.benchmarks.mbppplus import MbppPlus
from codedpo.errors import RecordError
from codedpo.sandbox import Limits, Sandbox

FILE = "mbppplus/MbppPlus-v0.2.0.jsonl.gz"
TYPED = {"Mbpp/2", "Mbpp/409", "Mbpp/124", "Mbpp/252", "Mbpp/404", "Mbpp/580"}


@pytest.fixture(scope="module")
def published(request: pytest.FixtureRequest) -> Sequence[Problem]:
    return MbppPlus(path=str(request.getfixturevalue("shared_data") / FILE)).problems()


def passes(pairs: list[tuple[str, str]]) -> list[bool]:
    """Whether each (program, test) passes."""
    with Sandbox(limits=Limits(cpu_seconds=10, memory_mb=1024)) as sandbox:
        return [bool(found.passed[0, 0]) for found in sandbox.execute_many(([p], [t]) for p, t in pairs)]


def test_references_pass_with_inputs_of_the_types_that_json_lacks(published: Sequence[Problem]) -> None:
    chosen = [problem for problem in published if problem.id in TYPED]
    assert len(published) == 378 and len(chosen) == len(TYPED)
    assert all(passes([(problem.reference, problem.test) for problem in chosen]))


def test_verdicts_are_the_published_ones(published: Sequence[Problem], shared_data: Path) -> None:
    path = next((shared_data / "evalplus_results").glob("mbpp__meta*"))
    results = json.load(gzip.open(path))["eval"]
    judged = [(problem, results[problem.id][0]) for problem in published[1::12]]
    ours = passes([(result["solution"], problem.test) for problem, result in judged])
    theirs = [result["base_status"] == result["plus_status"] == "pass" for _, result in judged]
    assert ours == theirs and len(set(theirs)) == 2


def test_a_test_lends_its_imports_to_no_solution(published: Sequence[Problem]) -> None:
    sphere = next(problem for problem in published if problem.id == "Mbpp/82")
    program = "def volume_sphere(radius):\n    return (4/3) * math.pi * radius ** 3\n"
    assert passes([(program, sphere.test), (f"import math\n{program}", sphere.test)]) == [False, True]


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MBPP_OVERRIDE_PATH", raising=False)
    with pytest.raises(RecordError, match="MBPP_OVERRIDE_PATH"):
        MbppPlus().problems()
    (tmp_path / "other.jsonl").write_text('{"task_id": "x"}\n')
    monkeypatch.setenv("MBPP_OVERRIDE_PATH", str(tmp_path / "other.jsonl"))
    with pytest.raises(RecordError, match="not MBPP"):
        MbppPlus().problems()
