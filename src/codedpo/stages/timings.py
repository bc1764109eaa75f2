"""Rankings in, timings out: processor time of the solutions that pass all credible tests.

They are timed on those tests; where the samples have generators of inputs, and one of them gives calls that take long
enough and on which the solutions agree (sandbox/workloads.py), on its largest call, and at three sizes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from codedpo.checks import require_at_least
from codedpo.code.normal import fingerprint
from codedpo.context import Context
from codedpo.credible import backing_tests
from codedpo.errors import SandboxError
from codedpo.records import Ranking, Timing, Workload
from codedpo.sandbox.prepared import prepared_call
from codedpo.sandbox.timing import TimingSettings, compare
from codedpo.sandbox.workloads import Candidates, find_workload, growth_exponents


@dataclass(frozen=True)
class TimeSolutions(TimingSettings):
    """Measure run time; the stage runs alone on the machine."""

    NAME: ClassVar[str] = "timings"
    VERSION: ClassVar[int] = 4
    MAKES: ClassVar[type] = Timing
    NEEDS: ClassVar[Literal["quiet"]] = "quiet"

    min_credible_tests: int = 2
    """Fewer credible tests than this, those that say the same among them, and nothing is timed."""
    max_solutions: int = 64
    """At most this many of a task's credible solutions are timed, the best-scored first."""
    inputs: bool = True
    """Time on generated inputs where the samples have generators; no: on the credible tests always."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(self, "timings", min_credible_tests=1, max_solutions=2)

    def __call__(self, rows: Iterable[Ranking], context: Context) -> Iterator[Timing]:
        for ranking in rows:
            try:
                timing = self._time(ranking, context)
            except SandboxError as error:
                context.drop("timing", _task_id(ranking), "the sandbox failed", str(error))
                timing = _untimed(ranking)
            context.advance(rows=1)
            yield timing

    def _time(self, ranking: Ranking, context: Context) -> Timing:
        indices = self._timed(ranking)
        if isinstance(indices, str):
            context.drop("timing", _task_id(ranking), indices)
            return _untimed(ranking)
        samples, sandbox = ranking.execution.samples, context.tools.sandbox()
        candidates = _candidates(ranking, indices)
        workload = self._workload(ranking, candidates, context) if self.inputs else None
        if workload is None:
            tests = [samples.tests[j] for j in np.flatnonzero(ranking.credible)]
            growth = np.empty(0)
        else:
            call = prepared_call(candidates.entry_point, workload.generator, workload.sizes[-1], workload.seed)
            tests, growth = [call], growth_exponents(sandbox, candidates, workload)
        comparison = compare(sandbox, candidates.solutions, tests, self)
        timed = np.array(indices, dtype=np.int32)
        return Timing(ranking, timed, comparison.seconds, comparison.faster, workload, growth)

    def _workload(self, ranking: Ranking, candidates: Candidates, context: Context) -> Workload | None:
        search = find_workload(context.tools.sandbox(), candidates, ranking.execution.samples.input_generators)
        for dropped in search.dropped:
            detail = f"{dropped.detail}\n{dropped.generator}"
            context.drop("input generator", _task_id(ranking), dropped.reason, detail)
        return search.workload

    def _timed(self, ranking: Ranking) -> list[int] | str:
        """Solutions that pass every credible test, one of each normal form; why, where there is nothing to compare."""
        backing = backing_tests(ranking.execution.passed, ranking.credible, ranking.flaws)
        if not ranking.credible.any() or backing.sum() < self.min_credible_tests:
            return "too few credible tests"
        passes_all = ranking.execution.passed[:, ranking.credible].all(axis=1)
        different: dict[str, int] = {}
        for index in np.flatnonzero(passes_all).tolist():
            different.setdefault(fingerprint(ranking.execution.samples.solutions[index]), index)
        if len(different) < 2:
            return "fewer than two different credible solutions"
        best = sorted(different.values(), key=lambda index: (-ranking.solution_scores[index], index))
        return sorted(best[: self.max_solutions])


@dataclass(frozen=True)
class LeaveUntimed:
    """Time nothing, for runs that make no efficiency pairs; needs no quiet machine."""

    NAME: ClassVar[str] = "timings"
    VERSION: ClassVar[int] = 1
    MAKES: ClassVar[type] = Timing
    NEEDS: ClassVar[Literal["cores"]] = "cores"

    def __call__(self, rows: Iterable[Ranking], context: Context) -> Iterator[Timing]:
        for ranking in rows:
            context.advance(rows=1)
            yield _untimed(ranking)


def _candidates(ranking: Ranking, indices: list[int]) -> Candidates:
    samples = ranking.execution.samples
    assert samples.task is not None
    reference = int(np.argmax(ranking.solution_scores[indices]))
    return Candidates(samples.task.entry_point, tuple(samples.solutions[index] for index in indices), reference)


def _untimed(ranking: Ranking) -> Timing:
    nobody = np.empty(0, dtype=np.int32)
    return Timing(ranking, nobody, np.empty((0, 0)), np.empty((0, 0), dtype=bool), None, np.empty(0))


def _task_id(ranking: Ranking) -> str:
    task = ranking.execution.samples.task
    return task.id if task else ""
