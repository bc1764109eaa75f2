"""Tasks with their truth's source in, judged tasks out: every solution met every test, in the sandbox, once and kept.

The file that keeps them is named after a hash of programs, tests, labels and limits: a change of any executes anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codedpo.bench.reading import LabelledTask, RunTask, is_run, read_labelled, read_run
from codedpo.benchmarks import judging as benchmark_judging
from codedpo.benchmarks import oracle as benchmark_oracle
from codedpo.benchmarks.judging import judge
from codedpo.benchmarks.oracle import Oracle
from codedpo.errors import ConfigError
from codedpo.evaluate import LIMITS as TRUTH_LIMITS
from codedpo.records import Outcome
from codedpo.sandbox import Limits, Sandbox
from codedpo.store import read_records, write_records

_LOG = logging.getLogger(__name__)
VERSION = 3
"""Raised whenever the same tasks would be judged otherwise."""
LIMITS = Limits(cpu_seconds=2)
"""Of a solution on a sampled test."""


@dataclass(frozen=True, eq=False)
class JudgedTask:
    """One task: what its solutions did on its tests, and which of both are right."""

    id: str
    outcomes: NDArray[np.uint8] = field(metadata={"dtype": "uint8"})
    """(n_solutions, n_tests) values of `Outcome`."""
    correct: NDArray[np.bool_] = field(metadata={"dtype": "bool"})
    """(n_solutions,)"""
    test_valid: NDArray[np.bool_] = field(metadata={"dtype": "bool"})
    """(n_tests,), or (0,) where it is not known."""


def judged_tasks(path: Path, benchmark: str, cache: Path, workers: int = 0) -> list[JudgedTask]:
    """Judge the tasks of a file or run, or read what an earlier call kept.

    Args:
        benchmark: whose problems a run's tasks are; unused for a file.
        cache: folder for what is kept.
        workers: processes of the sandbox; 0 takes one per core.

    Raises:
        ConfigError: a run without a benchmark. RecordError: wrong data. SandboxError: the sandbox broke.
    """
    workers = workers or len(os.sched_getaffinity(0))
    if not is_run(path):
        labelled = read_labelled(path)
        return _kept(cache, _key(labelled), lambda: _judge_labelled(labelled, workers))
    if not benchmark:
        raise ConfigError(f"{path} is a run, so name whose problems its tasks are: --benchmark humaneval")
    run = read_run(path, benchmark)
    return _kept(cache, _key(run), lambda: _judge_run(run, Oracle(cache), workers))


def _kept(cache: Path, key: str, judge: Callable[[], list[JudgedTask]]) -> list[JudgedTask]:
    file = cache / "bench" / f"{key}.parquet"
    if not file.exists():
        write_records(file, JudgedTask, judge())
    return read_records(file, JudgedTask)


def _judge_labelled(tasks: Sequence[LabelledTask], workers: int) -> list[JudgedTask]:
    with Sandbox(workers=workers, limits=LIMITS) as sandbox:
        executions = sandbox.execute_many((task.solutions, task.tests) for task in tasks)
        return [
            JudgedTask(task.id, execution.outcomes, np.array(task.correct), np.array(task.test_valid, dtype=bool))
            for task, execution in zip(tasks, executions, strict=True)
        ]


def _judge_run(tasks: Sequence[RunTask], oracle: Oracle, workers: int) -> list[JudgedTask]:
    """A solution is right where the problem's own oracle says so, a test valid where the reference passes it."""
    with Sandbox(workers=workers, limits=TRUTH_LIMITS) as sandbox:
        tasks = _with_sound_reference(tasks, sandbox, oracle)
        judged = iter(
            judge([(task.problem, program) for task in tasks for program in _programs(task)], sandbox, oracle)
        )
        right = [[next(judged).passed for _ in task.samples.solutions] for task in tasks]
        valid = list(sandbox.execute_many(([task.problem.reference], task.samples.tests) for task in tasks))
    with Sandbox(workers=workers, limits=LIMITS) as sandbox:
        missing = [task for task in tasks if task.outcomes is None]
        executions = sandbox.execute_many((task.samples.solutions, task.samples.tests) for task in missing)
        outcomes = [next(executions).outcomes if task.outcomes is None else task.outcomes for task in tasks]
    return [
        JudgedTask(task.problem.id, cells, np.array(truth, dtype=bool), reference.passed[0])
        for task, cells, truth, reference in zip(tasks, outcomes, right, valid, strict=True)
    ]


def _with_sound_reference(tasks: Sequence[RunTask], sandbox: Sandbox, oracle: Oracle) -> list[RunTask]:
    """The tasks whose reference passes the problem's own test within the limits; the others are named in the log."""
    faults = oracle.prepare([task.problem for task in tasks], sandbox)
    ready = [task for task in tasks if task.problem.id not in faults]
    found = judge([(task.problem, task.problem.reference) for task in ready], sandbox, oracle)
    sound = [task for task, judgement in zip(ready, found, strict=True) if judgement.passed]
    named = {task.problem.id for task in sound}
    unsound = [task.problem.id for task in tasks if task.problem.id not in named]
    if unsound:
        _LOG.warning("left out, since the reference fails its own test within the limits: %s", ", ".join(unsound))
    return sound


def _programs(task: RunTask) -> list[str]:
    return [task.problem.program(solution) for solution in task.samples.solutions]


def runs(task: JudgedTask) -> NDArray[np.bool_]:
    """(n_solutions,) whether a solution ran to an answer in at least one cell: PASSED or WRONG."""
    ran = (task.outcomes == Outcome.PASSED) | (task.outcomes == Outcome.WRONG)
    return np.asarray(ran.any(axis=1))


def _key(tasks: Sequence[LabelledTask] | Sequence[RunTask]) -> str:
    versions = [VERSION, benchmark_judging.VERSION, benchmark_oracle.VERSION]
    parts = [versions, asdict(LIMITS), asdict(TRUTH_LIMITS), [_content(task) for task in tasks]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _content(task: LabelledTask | RunTask) -> object:
    if isinstance(task, LabelledTask):
        return asdict(task)
    outcomes = None if task.outcomes is None else task.outcomes.tolist()
    return [task.problem.hash, task.samples.solutions, task.samples.tests, outcomes]
