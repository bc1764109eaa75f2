"""Two measurements of one benchmark in, what one solves and the other does not out, with McNemar's test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codedpo.errors import RecordError
from codedpo.evaluate import Verdict
from codedpo.measure.measurement import Summary, read_measurement
from codedpo.scores import Score, mcnemar, mean_score


@dataclass(frozen=True)
class PairedComparison:
    """The same problems answered twice."""

    first: Summary
    second: Summary
    difference: Score
    """Of pass@1, second less first; bootstrap over problems."""
    gained: tuple[str, ...]
    """Problems of which more answers of the second pass."""
    lost: tuple[str, ...]
    both: int
    """Problems that every answer of both solves."""
    neither: int
    partly: int
    """Problems of which the same share of the answers passes, some and not all."""
    p_value: float
    """McNemar's exact test on gained and lost problems."""


def compare_measurements(first: Path, second: Path) -> PairedComparison:
    """Compare two folders, problem by problem.

    Raises:
        RecordError: a folder holds no measurement, or they are of other problems.
    """
    (one, one_verdicts), (other, other_verdicts) = read_measurement(first), read_measurement(second)
    if one.data != other.data:
        raise RecordError(
            f"{first} and {second}: measured on other problems ({one.title}; {other.title}), so nothing is paired; "
            "evaluate both on the same benchmark and data"
        )
    before, after = _shares(one_verdicts), _shares(other_verdicts)
    both_ready = before.keys() & after.keys()  # a reference may have failed in one of them
    differences = {name: after[name] - before[name] for name in before if name in both_ready}
    gained = tuple(name for name, difference in differences.items() if difference > 0)
    lost = tuple(name for name, difference in differences.items() if difference < 0)
    return PairedComparison(
        first=one,
        second=other,
        difference=mean_score(np.array(list(differences.values()))),
        gained=gained,
        lost=lost,
        both=sum(before[name] == after[name] == 1 for name in differences),
        neither=sum(before[name] == after[name] == 0 for name in differences),
        partly=sum(0 < before[name] == after[name] < 1 for name in differences),
        p_value=mcnemar(len(gained), len(lost)),
    )


def _shares(verdicts: Sequence[Verdict]) -> dict[str, float]:
    """By problem: the share of its answers that pass."""
    passed: dict[str, list[bool]] = {}
    for verdict in verdicts:
        passed.setdefault(verdict.problem, []).append(verdict.passed)
    return {name: sum(found) / len(found) for name, found in passed.items()}
