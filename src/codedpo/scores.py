"""Verdicts in, scores out: pass@k, intervals, and paired comparisons of two models on the same problems."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codedpo.evaluate import PassRate, Verdict

KS = (1, 5, 10, 100)
"""The k of pass@k and eff@k, as far as there are answers."""
_RESAMPLES = 10_000


def pass_at_k(n: int, c: int, k: int) -> float:
    """Unbiased estimate of pass@k from n samples of which c pass: 1 - C(n-c, k) / C(n, k) (arXiv 2107.03374).

    Raises:
        ValueError: not 0 <= c <= n, or not 1 <= k <= n.
    """
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError(f"pass_at_k needs 0 <= c <= n and 1 <= k <= n, got n={n}, c={c}, k={k}")
    return 1.0 - math.comb(n - c, k) / math.comb(n, k)


@dataclass(frozen=True)
class Change:
    """The difference between two models on the same problems, and how much of it may be noise."""

    difference: float
    low: float
    high: float
    """95% interval of the difference: bootstrap over problems."""
    gained: int
    """Problems solved after but not before."""
    lost: int


def compare(before: PassRate, after: PassRate, *, resamples: int = _RESAMPLES) -> Change:
    """Paired comparison of two pass rates on the same problems."""
    differences = np.array(
        [float(b.passed) - float(a.passed) for a, b in zip(before.verdicts, after.verdicts, strict=True)]
    )
    draws = np.random.default_rng(0).integers(0, len(differences), (resamples, len(differences)))
    low, high = np.quantile(differences[draws].mean(axis=1), (0.025, 0.975))
    gained, lost = int((differences > 0).sum()), int((differences < 0).sum())
    return Change(float(differences.mean()), float(low), float(high), gained, lost)


def interval(rate: PassRate) -> tuple[float, float]:
    """95% Wilson interval of a pass rate."""
    n, p, z = len(rate.verdicts), rate.value, 1.96
    centre, spread = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, (centre - spread) / (1 + z * z / n)), min(1.0, (centre + spread) / (1 + z * z / n))


@dataclass(frozen=True)
class Score:
    """A number with its 95% interval: bootstrap over problems."""

    value: float
    low: float
    high: float


def pass_scores(verdicts: Sequence[Verdict], ks: Sequence[int], checks: Sequence[str] = ()) -> dict[int, Score]:
    """pass@k by k, unbiased, for those k of which every problem has as many answers.

    Args:
        checks: what counts, such as (`base`,); empty: everything that a program was judged by.
    """
    counts: dict[str, list[bool]] = {}
    for verdict in verdicts:
        counts.setdefault(verdict.problem, []).append(_passed(verdict, checks))
    found: dict[int, Score] = {}
    for k in ks:
        if counts and all(len(passed) >= k for passed in counts.values()):
            found[k] = mean_score(np.array([pass_at_k(len(passed), sum(passed), k) for passed in counts.values()]))
    return found


def mean_score(values: NDArray[np.float64]) -> Score:
    """The mean of values (n_problems,)."""
    draws = np.random.default_rng(0).integers(0, len(values), (_RESAMPLES, len(values)))
    low, high = np.quantile(values[draws].mean(axis=1), (0.025, 0.975))
    return Score(float(values.mean()), float(low), float(high))


def ratio_score(values: NDArray[np.float64], others: NDArray[np.float64]) -> Score:
    """The sum of values (n_problems,) over that of others (n_problems,)."""
    draws = np.random.default_rng(0).integers(0, len(values), (_RESAMPLES, len(values)))
    low, high = np.quantile(values[draws].sum(axis=1) / others[draws].sum(axis=1), (0.025, 0.975))
    return Score(float(values.sum() / others.sum()), float(low), float(high))


def _passed(verdict: Verdict, checks: Sequence[str]) -> bool:
    if not checks:
        return verdict.passed
    outcomes: Mapping[str, str] = {check.name: check.outcome for check in verdict.checks}
    return all(outcomes.get(name) == "passed" for name in checks)


def mcnemar(gained: int, lost: int) -> float:
    """Exact two-sided p-value of McNemar's test: were gains and losses a fair coin's (McNemar 1947)."""
    n, tail = gained + lost, min(gained, lost)
    return min(1.0, 2 * sum(math.comb(n, count) for count in range(tail + 1)) / 2**n) if n else 1.0
