"""The report page: tables of rows and drops, pass matrices, pairs with their diff, curves, pass@1."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from importlib import resources
from typing import Any

import jinja2

from codedpo.config import Config, dump_config
from codedpo.decontaminate.overlap import Overlap
from codedpo.engine import StageResult
from codedpo.evaluate import PassRate
from codedpo.places import Place
from codedpo.records import Pair, Timing
from codedpo.report.diff import side_by_side
from codedpo.report.figures import pass_rate_figure
from codedpo.report.matrix import MatrixView, matrix_view
from codedpo.report.statistics import stage_statistics
from codedpo.report.training import training_view
from codedpo.rounds import Improvement
from codedpo.scores import compare, interval
from codedpo.store import write_text
from codedpo.train.result import TrainResult

_MATRICES = 4
_PAIRS = 12


@dataclass(frozen=True)
class RunSummary:
    """What the page shows."""

    config: Config
    results: dict[str, StageResult]
    improvement: Improvement | None = None
    """None where nothing was trained."""
    overlap: Overlap | None = None
    """Of the training pairs with the problems that were asked; None where none were."""

    @property
    def training(self) -> TrainResult | None:
        """Of the round whose model is the result."""
        return self.improvement.best.trained.result if self.improvement else None

    @property
    def before(self) -> PassRate | None:
        return self.improvement.before if self.improvement else None

    @property
    def after(self) -> PassRate | None:
        """Of the round whose model is the result."""
        return self.improvement.best.rate if self.improvement else None


def write_report(summary: RunSummary, path: Place) -> Place:
    """Write the page; it loads nothing from anywhere."""
    source = (resources.files("codedpo.report") / "page.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    write_text(path, environment.from_string(source).render(_view(summary)))
    return path


def _view(summary: RunSummary) -> dict[str, Any]:
    results = summary.results
    drops = {name: result.drop_counts() for name, result in results.items()}
    pairs: list[Pair] = list(itertools.islice(results["pairs"].rows(), _PAIRS)) if "pairs" in results else []
    timings = results["timings"].rows() if "timings" in results else iter(())
    kinds = results["pairs"].value_counts("kind") if "pairs" in results else Counter[tuple[str, ...]]()
    both = (summary.before, summary.after) if summary.before and summary.after else None
    return {
        "config": summary.config,
        "config_text": dump_config(summary.config),
        "stages": [(name, result.row_count(), drops[name].total()) for name, result in results.items()],
        "drops": [
            (name, what, reason, count) for name in results for (what, reason), count in drops[name].most_common()
        ],
        "seeds": _seed_sources(results),
        "statistics": stage_statistics(results, summary.config),
        "kinds": {kind: count for (kind,), count in kinds.items()},
        "matrices": _matrices(timings),
        "pairs": [(pair, side_by_side(pair.rejected_program, pair.chosen_program)) for pair in pairs],
        "training": training_view(summary.config.train, summary.training),
        "pass_rates": [(rate, interval(rate)) for rate in (summary.before, summary.after) if rate],
        "pass_figure": pass_rate_figure(*both) if both else "",
        "change": compare(*both) if both else None,
        "overlap": summary.overlap.describe() if summary.overlap else "",
        "rounds": summary.improvement.rounds if summary.improvement else (),
        "evaluated": summary.config.evaluate.title if summary.config.evaluate else "",
    }


def _matrices(timings: Any) -> list[MatrixView]:
    """The pass matrices that show most: with the largest spread of scores, in the order of the run."""
    candidates: list[Timing] = list(itertools.islice(timings, 200))
    spread = {id(timing): _spread(timing) for timing in candidates}
    best = sorted(candidates, key=lambda timing: -spread[id(timing)])[:_MATRICES]
    return [matrix_view(timing) for timing in candidates if timing in best]


def _spread(timing: Timing) -> float:
    passed = timing.ranking.execution.passed
    return len({tuple(row) for row in passed.tolist()}) if passed.any() else 0


def _seed_sources(results: dict[str, StageResult]) -> list[tuple[Any, ...]]:
    if "seeds" not in results:
        return []
    counts = results["seeds"].value_counts("source", "version", "licence")
    return [(*source, count) for source, count in sorted(counts.items())]
