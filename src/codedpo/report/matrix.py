"""A timed task in, its pass matrix as rows of cells out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from codedpo.records import Outcome, Timing


@dataclass(frozen=True)
class Cell:
    """One solution on one test."""

    outcome: str
    hint: str


@dataclass(frozen=True)
class SolutionRow:
    """One solution of the matrix."""

    index: int
    score: str
    milliseconds: str
    program: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class MatrixView:
    """What the page shows of one task; solutions and tests in the order of their scores."""

    task_id: str
    text: str
    signature: str
    tests: tuple[tuple[str, str, bool], ...]
    """(text, score, credible) each."""
    rows: tuple[SolutionRow, ...]


def matrix_view(timing: Timing) -> MatrixView:
    """Sort a task's solutions and tests by score."""
    ranking = timing.ranking
    execution, samples = ranking.execution, ranking.execution.samples
    task = samples.task
    assert task is not None
    tests: list[int] = np.argsort(-ranking.test_scores, kind="stable").tolist()
    order: list[int] = np.argsort(-ranking.solution_scores, kind="stable").tolist()
    reasons = {(reason.solution, reason.test): reason.text for reason in execution.reasons}
    best = {int(i): f"{np.median(seconds) * 1e3:.3f}" for i, seconds in zip(timing.timed, timing.seconds, strict=True)}

    def cell(i: int, j: int) -> Cell:
        outcome = Outcome(int(execution.outcomes[i, j])).name.lower()
        where = "" if execution.judged_outside[i, j] else "\njudged in the solution's own process"
        return Cell(outcome, f"{samples.tests[j]}\n{outcome} {reasons.get((i, j), '')}{where}")

    return MatrixView(
        task_id=task.id,
        text=task.text,
        signature=task.signature,
        tests=tuple((samples.tests[j], f"{ranking.test_scores[j]:.3g}", bool(ranking.credible[j])) for j in tests),
        rows=tuple(
            SolutionRow(
                index=i,
                score=f"{ranking.solution_scores[i]:.3g}",
                milliseconds=best.get(i, ""),
                program=samples.solutions[i],
                cells=tuple(cell(i, j) for j in tests),
            )
            for i in order
        ),
    )
