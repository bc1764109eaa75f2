"""Speed of the paper's score: many matrices at once, against a plain loop and networkx; processor time of one core.

OPENBLAS_NUM_THREADS=1 python perf/ranking.py many        114,000 matrices of 15 x 15 (the paper's number of tasks)
OPENBLAS_NUM_THREADS=1 python perf/ranking.py scaling     one matrix, 10 x 10 to 1000 x 1000

`many` compares with networkx.hits where networkx and scipy are installed (pip install networkx scipy).
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import codedpo
from codedpo.rankers.codedpo import CodeDPO

MATRICES = 114_000
SAMPLE = 1000
SIZES = (10, 30, 100, 300, 1000)
CELLS = 4_000_000
"""Of each size together."""


@dataclass(frozen=True)
class Seconds:
    """Processor time of repeated runs."""

    least: float
    median: float

    def __str__(self) -> str:
        return f"{self.least:.3f} s (median {self.median:.3f})"


def measured(work: Callable[[], object], repeats: int) -> Seconds:
    """What is made is thrown away outside the clock."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        made = work()
        found.append(time.process_time() - start)
        del made
    return Seconds(min(found), statistics.median(found))


def matrices(count: int, n: int, m: int) -> NDArray[np.bool_]:
    """Solutions of different skill, tests of different difficulty, drawn anew for each task."""
    rng = np.random.default_rng(0)
    skill, ease = rng.normal(0, 1.5, (count, n, 1)), rng.normal(0, 1.5, (count, 1, m))
    return rng.random((count, n, m)) < 1 / (1 + np.exp(-skill - ease))


def loop(passed: list[list[bool]], damping: float, iterations: int) -> list[float]:
    """The paper's iteration as it is read: no numpy."""
    n, m = len(passed), len(passed[0])
    solutions, tests = [1.0] * n, [1.0] * m
    for _ in range(iterations):
        solutions, tests = (
            [
                (1 - damping) * solutions[i] + damping * sum(tests[j] for j in range(m) if passed[i][j])
                for i in range(n)
            ],
            [
                (1 - damping) * tests[j] + damping * sum(solutions[i] for i in range(n) if passed[i][j])
                for j in range(m)
            ],
        )
    return solutions


def hits(passed: NDArray[np.bool_]) -> object:
    """networkx.hits on the graph whose edges are the passes, solutions to tests."""
    import networkx

    graph = networkx.DiGraph()
    n, m = passed.shape
    graph.add_nodes_from(range(n + m))
    graph.add_edges_from((int(i), n + int(j)) for i, j in np.argwhere(passed))
    return networkx.hits(graph)


def many() -> None:
    passed = matrices(MATRICES, 15, 15)
    ragged = list(passed)
    ours = measured(lambda: codedpo.rank_many(passed), 5)
    print(f"rank_many, {MATRICES:,} of 15 x 15, one array: {ours}")
    print(f"rank_many, the same as a list of arrays: {measured(lambda: codedpo.rank_many(ragged), 5)}")
    rows = [matrix.tolist() for matrix in passed[:SAMPLE]]
    constants = CodeDPO()
    plain = measured(lambda: [loop(row, constants.damping, constants.iterations) for row in rows], 3)
    _ratio("a plain Python loop", plain, SAMPLE, ours)
    if importlib.util.find_spec("networkx") and importlib.util.find_spec("scipy"):
        hits(passed[0])
        _ratio(
            "networkx.hits", measured(lambda: [hits(matrix) for matrix in passed[: SAMPLE // 4]], 3), SAMPLE // 4, ours
        )


def _ratio(name: str, theirs: Seconds, count: int, ours: Seconds) -> None:
    each, own = theirs.least / count, ours.least / MATRICES
    print(f"{name}: {each * 1e6:.0f} us a matrix, ours {own * 1e6:.2f} us: ratio {each / own:.0f}")


def scaling() -> None:
    for size in SIZES:
        passed = list(matrices(max(1, min(2000, CELLS // size**2)), size, size))
        for name in ("codedpo", "majority"):
            found = measured(lambda passed=passed, name=name: [codedpo.rank(matrix, name) for matrix in passed], 3)
            print(f"{size} x {size}, {name}: {found.least / len(passed) / size**2 * 1e9:.2f} ns a cell")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = {"many": many, "scaling": scaling}
    parser.add_argument("verb", choices=verbs)
    print(f"load {os.getloadavg()[0]:.1f}")
    verbs[parser.parse_args().verb]()


if __name__ == "__main__":
    main()
