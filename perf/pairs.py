"""A finished run in; how many pairs each rule and filter makes or stops, and pairs drawn by a seed, shown whole, out.

    python perf/pairs.py filters RUN     # every setting beside the defaults, on the run's own samples
    python perf/pairs.py filters RUN --benchmark mbpp_plus    # and how many of the pairs are what they claim to be
    python perf/pairs.py draw RUN --count 10 --seed 0

Samples are executed (stubs too) and timed here again, since credible tests differ from setting to setting.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codedpo.bench.judging import judged_tasks
from codedpo.bench.reading import stage_rows
from codedpo.context import Context
from codedpo.models import default_cache
from codedpo.pipeline import ChoosePairs, CrossExecute, RankSolutions, TimeSolutions
from codedpo.records import Pair, Samples, TestFlaw, Timing
from codedpo.sandbox import Sandbox
from codedpo.store import write_records

_RANKINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "trivial tests may be credible": {"max_stub_passes": 2.0},
    "constant tests may be credible": {"drop_constant": False},
    "duplicate tests may be credible": {"drop_duplicates": False},
    "all tests may be credible (paper)": {"max_stub_passes": 2.0, "drop_constant": False, "drop_duplicates": False},
}
_PAIRS: dict[str, dict[str, Any]] = {
    "no margin": {"min_margin": 0.0},
    "margin 0.3": {"min_margin": 0.3},
    "3 informative tests": {"min_informative_tests": 3},
    "text differs by 0.1": {"min_text_difference": 0.1},
    "tree differs by 0.1": {"min_tree_difference": 0.1},
    "any length ratio": {"max_length_ratio": 0.0},
    "length ratio 2": {"max_length_ratio": 2.0},
    "repeats kept": {"drop_repeats": False},
    "speed-up 1.0": {"min_speedup": 1.0},
    "speed-up 1.5": {"min_speedup": 1.5},
    "at most 4 pairs": {"max_pairs": 4},
    "over_margin, at most 4": {"rule": "over_margin", "max_pairs": 4},
    "top_k_bottom_k, at most 4": {"rule": "top_k_bottom_k", "max_pairs": 4},
    "acecoder, at most 4": {"rule": "acecoder", "max_pairs": 4},
    "code_optimise": {"rule": "code_optimise"},
}


@dataclass
class _Tools:
    """The tools of these stages, and what they drop."""

    box: Sandbox
    right: dict[str, NDArray[np.bool_]]
    """Task -> (n_solutions,) the truth; empty where it is not known."""
    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)

    def sandbox(self) -> Sandbox:
        return self.box

    def context(self, skipped: frozenset[int] = frozenset()) -> Context:
        def drop(what: str, id: str, reason: str, detail: str = "") -> None:
            self.dropped[what, reason] += 1

        return Context(self, 0, Path("."), drop, lambda **_: None, skipped)  # pyright: ignore


def _filters(run: Path, limit: int, benchmark: str) -> None:
    judged = judged_tasks(run, benchmark, default_cache()) if benchmark else []
    right = {task.id: task.correct for task in judged}
    known = [row for row in stage_rows(run, "samples", Samples) if not benchmark or row.task.id in right]
    samples = known[:limit]
    with Sandbox() as box:
        tools = _Tools(box, right)
        executions = list(CrossExecute()(samples, tools.context()))
        print(f"{len(samples)} tasks, {sum(len(s.solutions) * len(s.tests) for s in samples)} cells")
        for name, settings in _RANKINGS.items():
            tools.dropped.clear()
            rankings = list(RankSolutions(**settings)(executions, tools.context()))
            timings = list(TimeSolutions()(rankings, tools.context()))
            if name == "defaults":
                base = timings
                flaws = Counter(TestFlaw(flaw).name for ranking in rankings for flaw in ranking.flaws.tolist())
                print("tests:", ", ".join(f"{count} {flaw.lower()}" for flaw, count in flaws.most_common()))
            enough = sum(len(timing.timed) > 0 for timing in timings)
            _line(name, timings, ChoosePairs(), tools, f"{enough} tasks timed")
        for name, settings in _PAIRS.items():
            _line(name, base, ChoosePairs(**settings), tools, "")


def _line(name: str, timings: list[Timing], stage: ChoosePairs, tools: _Tools, note: str) -> None:
    """Print how many pairs a setting gives, and what stopped the others."""
    tools.dropped.clear()
    # One shard: what repeats an earlier task is found as `skips` finds it.
    pairs = list(stage(timings, tools.context(_repeats(stage, timings))))
    kinds = Counter(pair.kind for pair in pairs)
    longer = sum(len(pair.chosen_program) > len(pair.rejected_program) for pair in pairs)
    found = f"{kinds['correctness']} correctness, {kinds['efficiency']} efficiency"
    print(f"\n{name}: {found}; chosen longer in {longer}; {_truth(pairs, tools.right)}{note}")
    for (what, reason), count in sorted(tools.dropped.items()):
        print(f"    {what}: {reason}: {count}")


def _truth(pairs: list[Pair], right: dict[str, NDArray[np.bool_]]) -> str:
    """How many pairs of each kind are what they claim to be."""
    if not right:
        return ""
    sound: Counter[str] = Counter()
    for pair in pairs:
        chosen, rejected = (bool(right[pair.task_id][i]) for i in (pair.chosen_index, pair.rejected_index))
        sound[pair.kind] += chosen and (rejected if pair.kind == "efficiency" else not rejected)
        sound["both right"] += pair.kind == "correctness" and chosen and rejected
        sound["chosen right"] += pair.kind == "correctness" and chosen
    return (
        f"right over wrong in {sound['correctness']} (chosen right in {sound['chosen right']}, both right in "
        f"{sound['both right']}), both right in {sound['efficiency']} of efficiency; "
    )


def _repeats(stage: ChoosePairs, timings: list[Timing]) -> frozenset[int]:
    with tempfile.TemporaryDirectory() as folder:
        shard = Path(folder) / "timings.parquet"
        write_records(shard, Timing, timings)
        return next(stage.skips([shard]))


def _draw(run: Path, count: int, seed: int) -> None:
    pairs = list(stage_rows(run, "pairs", Pair))
    for number, pair in enumerate(random.Random(seed).sample(pairs, min(count, len(pairs)))):
        print(f"\n{'=' * 100}\n{number + 1}. {pair.kind} · {pair.task_id} · margin {pair.margin:.2f}")
        print(pair.prompt[-1]["content"])
        for name in ("chosen", "rejected"):
            seconds, score = getattr(pair, f"{name}_seconds"), getattr(pair, f"{name}_score")
            print(f"--- {name}: score {score:.4g}, {seconds * 1e6:.1f} us\n{getattr(pair, f'{name}_program')}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["filters", "draw"])
    parser.add_argument("run", type=Path)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, default=1_000_000)
    parser.add_argument("--benchmark", default="", help="whose problems the run's tasks are, so that truth is known")
    arguments = parser.parse_args()
    if arguments.verb == "filters":
        _filters(arguments.run, arguments.limit, arguments.benchmark)
    else:
        _draw(arguments.run, arguments.count, arguments.seed)


if __name__ == "__main__":
    main()
