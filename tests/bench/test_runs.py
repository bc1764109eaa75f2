"""A run whose tasks are a benchmark's problems: truth from the problem's own test, validity from its reference."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from codedpo.bench.judging import judged_tasks
from codedpo.benchmarks import Problem
from codedpo.errors import ConfigError, RecordError
from codedpo.records import Execution, Outcome, Samples, Task
from codedpo.sandbox import cross_execute
from codedpo.store import write_records

PROMPT = "ONE = 1\n\ndef f(x: int) -> int:\n    ..."


class Tiny:
    """A foreign benchmark of one problem, whose prompt brings a name that solutions use."""

    name = "tiny"

    def problems(self) -> list[Problem]:
        return [Problem("tiny/1", PROMPT, "f", "def f(x):\n    return x + 1", "assert f(5) == 6 and f(-1) == 0")]


def samples(id: str) -> Samples:
    task = Task(id, "Add one.", "def f(x: int) -> int:", "f", "", (), None, None)
    solutions = ("def f(x):\n    return x + ONE", "def f(x):\n    return abs(x) + 1")
    return Samples(task, solutions, ("assert f(5) == 6", "assert f(1) == 1"), 0, 0, None, None)


def run_folder(folder: Path, stage: str, record: type, rows: list[object]) -> Path:
    write_records(folder / stage / "00000-a.parquet", record, rows)
    (folder / "manifest.json").write_text(json.dumps({"stages": {stage: {"shards": [f"{stage}/00000-a.parquet"]}}}))
    return folder


def test_truth_comes_from_the_benchmark(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", "samples", Samples, [samples("tiny/1"), samples("other")])
    (task,) = judged_tasks(folder, "test_runs:Tiny", tmp_path / "cache", workers=1)
    assert task.id == "tiny/1"
    assert task.correct.tolist() == [True, False]
    assert task.test_valid.tolist() == [True, False]
    # A run executes its programs as they are, without what the prompt brings.
    assert task.outcomes.tolist() == [[Outcome.EXCEPTION] * 2, [Outcome.PASSED, Outcome.WRONG]]


def test_the_runs_own_executions_are_used_where_there_are_some(tmp_path: Path) -> None:
    own = samples("tiny/1")
    execution = dataclasses.replace(
        cross_execute(own.solutions, own.tests), samples=own, outcomes=np.full((2, 2), Outcome.FLAKY, np.uint8)
    )
    folder = run_folder(tmp_path / "run", "executions", Execution, [execution])
    (task,) = judged_tasks(folder, "test_runs:Tiny", tmp_path / "cache", workers=1)
    assert (task.outcomes == Outcome.FLAKY).all()


def test_a_run_of_other_tasks_is_refused(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", "samples", Samples, [samples("other")])
    with pytest.raises(
        RecordError, match="none of its 1 tasks has the id of a problem of test_runs:Tiny, such as tiny/1"
    ):
        judged_tasks(folder, "test_runs:Tiny", tmp_path / "cache")
    with pytest.raises(ConfigError, match="--benchmark: 'humanevil' is unknown; did you mean 'humaneval'"):
        judged_tasks(folder, "humanevil", tmp_path / "cache")
