# pyright: basic
# (matplotlib is only partly typed)
"""What a training logged, checked and followed in, figures as inline SVG out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from codedpo.report.figures import make_figure, to_svg
from codedpo.train.check import DataCheck
from codedpo.train.likelihood import Class, Likelihood
from codedpo.train.result import TrainResult

_BLUE, _ORANGE, _GREY, _GREEN, _RED = "#2f6f9f", "#d9822b", "#8a8f98", "#2f9e63", "#d9534f"
_CLASS_COLOURS: Mapping[Class, str] = {"correct": _GREEN, "incorrect": _RED, "fast": _BLUE, "slow": _ORANGE}
_PER_TOKEN = "log-probability per token (nats)"


def training_figure(curves: Sequence[Mapping[str, float]]) -> str:
    """Loss with its parts, rewards, and log-probabilities over optimiser steps; empty without any."""
    steps = [entry for entry in curves if "loss" in entry]
    panels = [
        ("loss", (("loss", "total", _BLUE), ("loss/dpo", "DPO part", _ORANGE), ("loss/sft", "SFT part", _GREY))),
        ("implicit reward", (("rewards/chosen", "chosen", _BLUE), ("rewards/rejected", "rejected", _ORANGE))),
        ("log-probability (nats)", (("logps/chosen", "chosen", _BLUE), ("logps/rejected", "rejected", _ORANGE))),
    ]
    panels = [panel for panel in panels if any(key in entry for entry in steps for key, _, _ in panel[1])]
    if not panels:
        return ""
    figure, axes = make_figure(len(panels), width=3.5 * len(panels), height=2.9)
    for axis, (title, lines) in zip(axes, panels, strict=True):
        for key, label, colour in lines:
            points = [(entry["step"], entry[key]) for entry in steps if key in entry]
            if points:
                axis.plot(*zip(*points, strict=True), marker="o", markersize=3, label=label, color=colour)
        _finish(axis, title)
    return to_svg(figure)


def likelihood_figure(likelihoods: Sequence[Likelihood]) -> str:
    """How likely each class of solutions is as training goes on, and how that changed; empty without any."""
    if not any(entry.means for entry in likelihoods):
        return ""
    figure, axes = make_figure(2, width=8.5, height=3.0)
    _draw_classes(axes[0], likelihoods, is_change=False)
    _draw_classes(axes[1], likelihoods, is_change=True)
    _finish(axes[0], _PER_TOKEN)
    _finish(axes[1], "change since step 0 (nats per token)")
    return to_svg(figure)


def compared_likelihoods_figure(trainings: Mapping[str, TrainResult]) -> str:
    """The change of each class's likelihood under several trainings side by side, on one scale; empty without any.

    Args:
        trainings: by name, such as `SFT` and `RPO`; those that followed nothing are left out.
    """
    followed = {
        name: result.likelihoods for name, result in trainings.items() if any(each.means for each in result.likelihoods)
    }
    if not followed:
        return ""
    figure, axes = make_figure(len(followed), width=3.8 * len(followed), height=3.0)
    for axis, (name, likelihoods) in zip(axes, followed.items(), strict=True):
        _draw_classes(axis, likelihoods, is_change=True)
        _finish(axis, name)
    ends = [end for axis in axes for end in axis.get_ylim()]
    for axis in axes:
        axis.set_ylim(min(ends), max(ends))
    axes[0].set_ylabel("change since step 0\n(nats per token)", fontsize=9)
    return to_svg(figure)


def lengths_figure(check: DataCheck) -> str:
    """The histogram of the pairs' lengths; empty without pairs."""
    if not check.lengths:
        return ""
    figure, (axis,) = make_figure(1, width=4.2, height=2.0)
    ends = [bar.tokens for bar in check.lengths]
    width = ends[1] - ends[0] if len(ends) > 1 else 1
    axis.bar([end - width / 2 for end in ends], [bar.pairs for bar in check.lengths], 0.9 * width, color=_BLUE)
    axis.set_xlabel("tokens of prompt and longer completion", fontsize=9)
    axis.set_ylabel("pairs", fontsize=9)
    axis.yaxis.get_major_locator().set_params(integer=True)
    return to_svg(figure)


def _draw_classes(axis: Any, likelihoods: Sequence[Likelihood], *, is_change: bool) -> None:
    for kind, colour in _CLASS_COLOURS.items():
        points = [(entry.step, entry.means[kind]) for entry in likelihoods if kind in entry.means]
        if points:
            start = points[0][1] if is_change else 0.0
            values = [value - start for _, value in points]
            label = f"{kind} ({likelihoods[0].counts.get(kind, 0)})"
            axis.plot([step for step, _ in points], values, marker="o", markersize=3, label=label, color=colour)
    if is_change:
        axis.axhline(0, color=_GREY, linewidth=1)


def _finish(axis: Any, title: str) -> None:
    axis.set_title(title, fontsize=10)
    axis.set_xlabel("optimiser step")
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.legend(frameon=False, fontsize=8)
