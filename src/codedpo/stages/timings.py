"""Rankings in, timings out: processor time of the solutions that pass all credible tests, on those tests."""

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
from codedpo.records import Ranking, Timing
from codedpo.sandbox.timing import TimingSettings, compare


@dataclass(frozen=True)
class TimeSolutions(TimingSettings):
    """Measure run time; the stage runs alone on the machine."""

    NAME: ClassVar[str] = "timings"
    VERSION: ClassVar[int] = 3
    MAKES: ClassVar[type] = Timing
    NEEDS: ClassVar[Literal["quiet"]] = "quiet"

    min_credible_tests: int = 2
    """Fewer credible tests than this, those that say the same among them, and nothing is timed."""
    max_solutions: int = 64
    """At most this many of a task's credible solutions are timed, the best-scored first."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(self, "timings", min_credible_tests=1, max_solutions=2)

    def __call__(self, rows: Iterable[Ranking], context: Context) -> Iterator[Timing]:
        for ranking in rows:
            samples = ranking.execution.samples
            indices = self._candidates(ranking)
            tests = [samples.tests[j] for j in np.flatnonzero(ranking.credible)]
            solutions = [samples.solutions[i] for i in indices]
            try:
                comparison = compare(context.tools.sandbox(), solutions, tests, self)
                seconds, faster = comparison.seconds, comparison.faster
            except SandboxError as error:
                context.drop("timing", samples.task.id if samples.task else "", "the sandbox failed", str(error))
                indices, seconds, faster = [], np.empty((0, 0)), np.empty((0, 0), dtype=bool)
            context.advance(rows=1)
            yield Timing(ranking=ranking, timed=np.array(indices, dtype=np.int32), seconds=seconds, faster=faster)

    def _candidates(self, ranking: Ranking) -> list[int]:
        """Solutions that pass every credible test, one of each normal form; none where there is nothing to compare."""
        backing = backing_tests(ranking.execution.passed, ranking.credible, ranking.flaws)
        if not ranking.credible.any() or backing.sum() < self.min_credible_tests:
            return []
        passes_all = ranking.execution.passed[:, ranking.credible].all(axis=1)
        different: dict[str, int] = {}
        for index in np.flatnonzero(passes_all).tolist():
            different.setdefault(fingerprint(ranking.execution.samples.solutions[index]), index)
        best = sorted(different.values(), key=lambda index: (-ranking.solution_scores[index], index))
        return sorted(best[: self.max_solutions]) if len(different) > 1 else []
