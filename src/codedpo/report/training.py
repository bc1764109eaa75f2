"""A training's settings and result in, what the page shows of it out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from codedpo.report.numbers import Statistic, share
from codedpo.report.training_figures import lengths_figure, likelihood_figure, training_figure
from codedpo.train.check import DataCheck
from codedpo.train.result import TrainResult
from codedpo.train.settings import Train


@dataclass(frozen=True)
class TrainingView:
    """The page's section on a training."""

    result: TrainResult
    method: str
    """Such as `SFT, then RPO`."""
    check: tuple[Statistic, ...]
    lengths: str
    """SVG, as the two below; empty where there is nothing to draw."""
    curves: str
    likelihoods: str


def training_view(settings: Train | None, result: TrainResult | None) -> TrainingView | None:
    """None where nothing was trained."""
    if settings is None or result is None:
        return None
    return TrainingView(
        result=result,
        method=", then ".join(method.upper() for method in settings.chain),
        check=tuple(_check_lines(result.check)),
        lengths=lengths_figure(result.check),
        curves=training_figure(result.curves),
        likelihoods=likelihood_figure(result.likelihoods),
    )


def _check_lines(check: DataCheck) -> Iterator[Statistic]:
    yield Statistic("pairs", f"{check.pairs:,}")
    yield Statistic("trained on", share(check.trained_on, check.pairs))
    for kind, count in check.kinds.items():
        yield Statistic(f"of these {kind}", share(count, check.trained_on))
    yield Statistic("held out", share(check.held_out, check.pairs))
    yield Statistic("longer than train.max_length, dropped whole", share(check.overlong, check.pairs))
    yield Statistic("chosen and rejected are the same tokens", share(check.identical, check.pairs))
    yield Statistic("the same as an earlier pair", share(check.duplicate, check.pairs))
    if check.positives or check.negatives:
        labels = check.positives + check.negatives
        yield Statistic("programs labelled good", share(check.positives, labels))
        yield Statistic("programs that fill no forward pass, left out", f"{check.unfilled:,}")
