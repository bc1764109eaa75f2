"""Executions in, rankings out: scores of solutions and tests by mutual verification, and the credible tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from codedpo.checks import require_at_least
from codedpo.context import Context
from codedpo.credible import credible_tests, find_flaws
from codedpo.rankers import Ranker, make_ranker
from codedpo.rankers.scores import settled
from codedpo.records import Execution, Ranking, TestFlaw


@dataclass(frozen=True)
class RankSolutions:
    """Rank the solutions and tests of each task."""

    NAME: ClassVar[str] = "rankings"
    VERSION: ClassVar[int] = 3
    MAKES: ClassVar[type] = Ranking
    NEEDS: ClassVar[Literal["cores"]] = "cores"

    ranker: str = "codedpo"
    """A name in `codedpo.RANKERS` or `package.module:Class`."""
    parameters: dict[str, float] = field(default_factory=dict[str, float])
    """The ranker's own, such as `{damping: 0.85, iterations: 10}`."""

    max_stub_passes: float = 0.7
    """A test that this share of the stubs passes is trivial; above 1: none is."""
    drop_constant: bool = True
    """Tests that all solutions pass, or none, are not credible."""
    drop_duplicates: bool = True
    """Of tests that the same solutions pass only the first is credible."""

    def __post_init__(self) -> None:
        require_at_least(self, "rankings", max_stub_passes=0)

    def make(self) -> Ranker:
        """The configured ranker; raises ConfigError where its name or parameters are wrong."""
        return make_ranker(self.ranker, **_whole_numbers(self.parameters))

    def __call__(self, rows: Iterable[Execution], context: Context) -> Iterator[Ranking]:
        ranker = self.make()
        for execution in rows:
            scores = ranker(execution.passed)
            solutions = settled(scores.solutions)
            flaws = find_flaws(execution.passed, execution.stub_passes, self.max_stub_passes)
            context.advance(rows=1)
            yield Ranking(
                execution=execution,
                ranker=self.ranker,
                solution_scores=solutions,
                test_scores=scores.tests,
                credible=credible_tests(execution.passed, solutions, self._allowed(flaws)),
                flaws=flaws,
            )

    def _allowed(self, flaws: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """(n_tests,) the tests that no filter keeps out of the credible ones."""
        filters = {
            TestFlaw.TRIVIAL: True,
            TestFlaw.PASSED_BY_ALL: self.drop_constant,
            TestFlaw.PASSED_BY_NONE: self.drop_constant,
            TestFlaw.DUPLICATE: self.drop_duplicates,
        }
        return ~np.isin(flaws, [flaw for flaw, is_on in filters.items() if is_on])


def _whole_numbers(parameters: dict[str, float]) -> dict[str, float]:
    """YAML's 10 arrives as 10.0: rankers count iterations in whole numbers."""
    return {name: int(value) if float(value).is_integer() else value for name, value in parameters.items()}
