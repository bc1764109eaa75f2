"""Do performance inputs give more efficiency pairs than the tests? `python perf/inputs.py RUN [--tasks N]`.

Reads the rankings of a run and times each task twice, on its credible tests alone and on generated inputs; nothing is
written to the run. Both ways in turn for each task, so that the machine's mood is shared.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from codedpo.config import load_config
from codedpo.context import Context
from codedpo.decontaminate import Index
from codedpo.llms import LLM
from codedpo.records import Pair, Ranking, Timing
from codedpo.sandbox import Sandbox
from codedpo.stages.pairs import ChoosePairs
from codedpo.stages.timings import TimeSolutions
from codedpo.store import read_records


@dataclass
class Way:
    """One way of timing, and what came of it so far."""

    stage: TimeSolutions
    tasks: Counter[str] = field(default_factory=Counter)
    ratios: list[float] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    """Of the fastest solution, by task."""
    growths: list[tuple[float, float]] = field(default_factory=list)
    wall_seconds: float = 0.0

    def add(self, timing: Timing, pair: Pair | None) -> None:
        """Count one task."""
        self.tasks["timed"] += len(timing.timed) > 0
        self.tasks["on inputs"] += timing.workload is not None
        self.tasks["verdict"] += bool(timing.faster.any())
        if np.isfinite(timing.seconds).any():
            self.milliseconds.append(1e3 * float(np.nanmin(np.median(timing.seconds, axis=1))))
        if pair is not None:
            self.tasks["pair"] += 1
            self.ratios.append(pair.rejected_seconds / pair.chosen_seconds)
            self.growths.append((pair.chosen_growth, pair.rejected_growth))

    def row(self, name: str) -> str:
        """A line of the table."""
        counts = " ".join(f"{self.tasks[what]:9d}" for what in ("timed", "on inputs", "verdict", "pair"))
        ratios = " ".join(f"{found:6.2f}" for found in quantiles(self.ratios))
        fastest = f"{np.median(self.milliseconds):8.3f}" if self.milliseconds else "       -"
        return f"{name:<14} {counts}   {ratios} {fastest} {self.wall_seconds:7.0f}"


@dataclass
class Tools:
    """A sandbox, and no LLM."""

    pool: Sandbox

    def sandbox(self) -> Sandbox:
        return self.pool

    def llm(self) -> LLM:
        raise NotImplementedError

    def benchmarks(self) -> Index | None:
        return None


def quantiles(values: list[float]) -> list[float]:
    """Lower quartile, median, upper quartile."""
    return np.quantile(values, [0.25, 0.5, 0.75]).tolist() if values else [float("nan")] * 3


def line(ranking: Ranking, timing: Timing, pairs: list[Pair]) -> Iterator[str]:
    """What came of one task."""
    task = ranking.execution.samples.task
    yield task.id if task else ""
    yield f"{len(timing.timed)} solutions"
    if timing.workload is not None:
        yield f"sizes up to {timing.workload.sizes[-1]}, growth {np.round(timing.growth, 2).tolist()}"
    for pair in pairs:
        yield f"{1e3 * pair.chosen_seconds:.4f} ms against {1e3 * pair.rejected_seconds:.4f} ms"


def rankings(run: Path) -> Iterator[Ranking]:
    """The run's rankings."""
    for name in json.loads((run / "manifest.json").read_text())["stages"]["rankings"]["shards"]:
        yield from read_records(run / name, Ranking)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--tasks", type=int, default=None, help="at most so many")
    options = parser.parse_args()
    config = load_config(options.run / "config.yaml")
    ways = {
        "tests alone": Way(replace(config.timings, inputs=False)),
        "with inputs": Way(replace(config.timings, inputs=True)),
    }
    reasons: Counter[str] = Counter()
    n_tasks = n_generators = 0

    def drop(what: str, id: str, reason: str, detail: str = "") -> None:
        if what == "input generator":
            reasons[reason] += 1

    def advance(**_: int) -> None: ...

    with Sandbox.of(config.sandbox, workers=1) as sandbox:
        context = Context(Tools(sandbox), config.seed, options.run, drop, advance)
        for ranking in list(rankings(options.run))[: options.tasks]:
            n_tasks += 1
            n_generators += bool(ranking.execution.samples.input_generators)
            for name, way in ways.items():
                start = time.monotonic()
                (timing,) = way.stage([ranking], context)
                way.wall_seconds += time.monotonic() - start
                pairs = [pair for pair in ChoosePairs()([timing], context) if pair.kind == "efficiency"]
                way.add(timing, pairs[0] if pairs else None)
                if len(timing.timed):
                    print(name, *line(ranking, timing, pairs), flush=True)
    print(f"{n_tasks} tasks, {n_generators} with generators; ratio and ms: quartiles of pairs, median of tasks")
    print(f"{'':14}     timed on inputs   verdict      pair   ratio                   ms  wall s")
    for name, way in ways.items():
        print(way.row(name))
    print("growth of chosen -> rejected:", *(f"{a:.2f}->{b:.2f}" for a, b in ways["with inputs"].growths if a == a))
    print("generators dropped:", *(f"\n  {count:4d} {reason}" for reason, count in reasons.most_common()))


if __name__ == "__main__":
    main()
