"""Run times in, scores of efficiency out: those of ENAMEL, Mercury and EvalPerf, as pure functions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def hodges_lehmann(seconds: ArrayLike) -> float:
    """Hodges and Lehmann's estimate of a run time: the median of the means of all pairs, each one with itself too.

    ENAMEL (arXiv 2406.06647, section 2.3; enam/evaluate.py, `calc_exec_time`).

    Args:
        seconds: (n_repeats,) one or more.
    """
    values = np.asarray(seconds, dtype=np.float64)
    first, second = np.triu_indices(len(values))
    return float(np.median((values[first] + values[second]) / 2))


def level_score(seconds: Sequence[float], reference_seconds: Sequence[float], limit_seconds: float) -> float:
    """How near a program comes to the reference on the inputs of one level: 1 as fast, 0 at the limit, above 1 faster.

    ENAMEL (arXiv 2406.06647, equation 3; enam/evaluate.py, `calc_eff`): max(0, T - max t) / (T - max t*).

    Args:
        seconds: (n_inputs,) of the program; fewer than the reference's where it was ended: the score is 0.
        reference_seconds: (n_inputs,) of the reference, below the limit.
        limit_seconds: T, which is 2 times the reference's longest run on any level there.
    """
    if len(seconds) < len(reference_seconds):
        return 0.0
    return max(0.0, limit_seconds - max(seconds)) / (limit_seconds - max(reference_seconds))


def eff_at_k(scores: ArrayLike, k: int) -> float:
    """Expectation of the best score of k programs drawn from these, without bias and of least variance.

    ENAMEL (arXiv 2406.06647, equation 6): the r-th smallest of n scores is the best of a draw with probability
    C(r - 1, k - 1) / C(n, k).

    Args:
        scores: (n_programs,) e of each, 0 for those that do not pass.
        k: from 1 to n.

    Raises:
        ValueError: k is out of range.
    """
    ordered = np.sort(np.asarray(scores, dtype=np.float64))
    n = len(ordered)
    if not 1 <= k <= n:
        raise ValueError(f"eff@{k} of {n} programs: k must be from 1 to {n}")
    weights = [k / n]
    for r in range(n - 1, k - 1, -1):  # C(r - 1, k - 1) / C(r, k - 1) = (r - k + 1) / r
        weights.append(weights[-1] * (r - k + 1) / r)
    return float(np.dot(weights[::-1], ordered[k - 1 :]))


def beyond(seconds: float, published_seconds: Sequence[float]) -> float:
    """Share of the range of published run times that a program leaves behind, 0 to 1.

    Mercury (arXiv 2402.07844, section 3.3; bigcode-evaluation-harness, custom_metrics/beyond_eval.py):
    (max - clip(t, min, max)) / (max - min). Where all published solutions take the same time that says nothing; here it
    is 1 for a program that is no slower, else 0.

    Args:
        seconds: of a program that passes; one that does not has 0.
        published_seconds: of the published solutions, measured like the program.
    """
    least, most = min(published_seconds), max(published_seconds)
    if least == most:
        return float(seconds <= most)
    return (most - min(max(seconds, least), most)) / (most - least)


def performance_score(seconds: float, clusters: Sequence[tuple[float, int]]) -> float:
    """Differential performance score (DPS): share of the reference solutions that a program is not slower than, 0 to 1.

    EvalPerf (arXiv 2408.06450, section 3.4): references are clustered by run time, and a program has the share of all
    references that lie in clusters whose representative it keeps up with.

    Args:
        seconds: of a program that passes.
        clusters: (seconds of its representative, references in it) of each cluster.
    """
    total = sum(size for _, size in clusters)
    return sum(size for representative, size in clusters if seconds <= representative) / total
