"""A task's execution, ranking and times in, its pass matrix as lines of a given width out; the best come first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from codedpo.records import Execution, Outcome, Ranking, Timing

_LETTERS = {
    Outcome.PASSED: ("+", "green"),
    Outcome.WRONG: ("w", "red"),
    Outcome.EXCEPTION: ("e", "yellow"),
    Outcome.TIMEOUT: ("t", "magenta"),
    Outcome.OUT_OF_MEMORY: ("m", "magenta"),
    Outcome.CRASH: ("c", "magenta"),
    Outcome.BLOCKED: ("b", "cyan"),
    Outcome.FLAKY: ("f", "cyan"),
    Outcome.NOT_RUN: ("-", "dim"),
}
"""Each outcome's letter and colour."""


@dataclass(frozen=True)
class Order:
    """Solutions and tests, each sorted by score where they have one."""

    solutions: tuple[int, ...]
    tests: tuple[int, ...]


def order_of(execution: Execution, ranking: Ranking | None) -> Order:
    """The best score first; of equal ones the earlier first."""
    n, m = execution.outcomes.shape
    if ranking is None:
        return Order(tuple(range(n)), tuple(range(m)))
    return Order(_descending(ranking.solution_scores), _descending(ranking.test_scores))


def matrix_lines(execution: Execution, ranking: Ranking | None, timing: Timing | None, width: int) -> Iterator[Text]:
    """A line for each solution, above them the tests' numbers; tests that the width does not hold are counted."""
    order = order_of(execution, ranking)
    labels = [_label(execution, ranking, timing, solution) for solution in order.solutions]
    left = max(map(len, labels))
    step = 2 if left + 2 * len(order.tests) <= width else 1
    tests = order.tests[: max((width - left) // step, 1)]
    gap = " " * (step - 1)
    for row in _numbers(tests):
        yield Text(" " * left + gap.join(row), style="dim")
    if ranking is not None:
        marks = gap.join("*" if ranking.credible[test] else " " for test in tests)
        yield Text(f"{'credible':>{left - 1}} {marks}".rstrip(), style="bold")
    for label, solution in zip(labels, order.solutions, strict=True):
        line = Text(label.ljust(left))
        for place, test in enumerate(tests):
            line.append(gap if place else "").append(*_letter(execution.outcomes[solution, test]))
        yield line
    if len(tests) < len(order.tests):
        yield Text(f"{len(order.tests) - len(tests)} more tests do not fit in {width} columns", style="dim")
    yield _legend(execution)


def _label(execution: Execution, ranking: Ranking | None, timing: Timing | None, solution: int) -> str:
    passed = execution.passed[solution]
    score = f"{ranking.solution_scores[solution]:10.4g}" if ranking is not None else ""
    time = f"{duration(timing.median_seconds(solution)):>9}" if timing is not None and len(timing.timed) else ""
    return f"{f's{solution}':<5}{score}{f'{passed.sum()}/{len(passed)}':>8}{time}  "


def duration(seconds: float) -> str:
    """A time with three digits and its unit; empty for nan."""
    if np.isnan(seconds):
        return ""
    unit, factor = next(((u, f) for u, f in (("s", 1.0), ("ms", 1e3)) if seconds * f >= 1), ("µs", 1e6))
    return f"{seconds * factor:.3g} {unit}"


def _numbers(tests: tuple[int, ...]) -> list[str]:
    """The tests' numbers, written downwards: a string for each row of digits."""
    digits = len(str(max(tests)))
    return ["".join(column) for column in zip(*(f"{test:>{digits}}" for test in tests), strict=True)]


def _letter(outcome: int) -> tuple[str, str]:
    return _LETTERS[Outcome(int(outcome))]


def _legend(execution: Execution) -> Text:
    counts = Counter(execution.outcomes.ravel().tolist())
    legend = Text()
    for outcome in sorted(counts):
        legend.append("  " if legend else "").append(*_letter(outcome))
        legend.append(f" {Outcome(outcome).name.lower().replace('_', ' ')} {counts[outcome]}", style="dim")
    inside = int((~execution.judged_outside & (execution.outcomes != Outcome.NOT_RUN)).sum())
    return legend.append(f"  ({inside} judged in the solution's own process)", style="dim") if inside else legend


def _descending(scores: NDArray[np.float64]) -> tuple[int, ...]:
    return tuple(np.argsort(-scores, kind="stable").tolist())
