"""Executions in, rankings out: scores of solutions and tests by mutual verification, and the credible tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from codedpo.context import Context
from codedpo.rankers import Ranker, credible_tests, make_ranker
from codedpo.records import Execution, Ranking


@dataclass(frozen=True)
class RankSolutions:
    """Rank the solutions and tests of each task."""

    NAME: ClassVar[str] = "rankings"
    VERSION: ClassVar[int] = 1
    MAKES: ClassVar[type] = Ranking
    NEEDS: ClassVar[Literal["cores"]] = "cores"

    ranker: str = "codedpo"
    """A name in `codedpo.RANKERS` or `package.module:Class`."""
    parameters: dict[str, float] = field(default_factory=dict[str, float])
    """The ranker's own, such as `{damping: 0.85, iterations: 10}`."""

    def make(self) -> Ranker:
        """The configured ranker; raises ConfigError where its name or parameters are wrong."""
        return make_ranker(self.ranker, **_whole_numbers(self.parameters))

    def __call__(self, rows: Iterable[Execution], context: Context) -> Iterator[Ranking]:
        ranker = self.make()
        for execution in rows:
            scores = ranker(execution.passed)
            context.advance(rows=1)
            yield Ranking(
                execution=execution,
                ranker=self.ranker,
                solution_scores=scores.solutions,
                test_scores=scores.tests,
                credible=credible_tests(execution.passed, scores.solutions),
            )


def _whole_numbers(parameters: dict[str, float]) -> dict[str, float]:
    """YAML's 10 arrives as 10.0: rankers count iterations in whole numbers."""
    return {name: int(value) if float(value).is_integer() else value for name, value in parameters.items()}
