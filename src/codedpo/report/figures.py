# pyright: basic
"""Numbers in, figures as inline SVG out (matplotlib)."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from codedpo.evaluate import PassRate
from codedpo.report.pair_numbers import PairNumbers
from codedpo.scores import interval

_BARS = 20
_BLUE, _ORANGE, _GREY = "#2f6f9f", "#d9822b", "#8a8f98"
_KIND_COLOURS = {"correctness": _BLUE, "efficiency": _ORANGE}


def pass_rate_figure(before: PassRate, after: PassRate) -> str:
    """pass@1 before and after with 95% Wilson intervals."""
    figure, (axis,) = make_figure(1, width=4.2, height=2.6)
    for place, (rate, colour) in enumerate(((before, _GREY), (after, _BLUE))):
        low, high = interval(rate)
        error = [[100 * (rate.value - low)], [100 * (high - rate.value)]]
        axis.bar(place, 100 * rate.value, width=0.6, color=colour, yerr=error, capsize=5)
        axis.annotate(f"{100 * rate.value:.1f}%", (place, 3), ha="center", color="white", fontweight="bold")
    axis.set_xticks([0, 1], [before.label, after.label])
    axis.set_ylabel("pass@1 (%)")
    axis.set_ylim(0, 100)
    return to_svg(figure)


def pairs_figure(numbers: Mapping[str, PairNumbers]) -> str:
    """How the pairs' lengths, margins, syntax trees and run times are distributed, kind by kind."""
    if not numbers:
        return ""
    figure, axes = make_figure(4, width=10.5, height=2.4)
    panels = (
        ("characters, chosen / rejected", {kind: part.length_ratios for kind, part in numbers.items()}),
        (
            "margin, share of the chosen score",
            {kind: part.margins for kind, part in numbers.items() if kind != "efficiency"},
        ),
        ("share of syntax nodes that differ", {kind: part.tree_differences for kind, part in numbers.items()}),
        ("run time, rejected / chosen", {kind: part.time_ratios for kind, part in numbers.items()}),
    )
    for axis, (label, values) in zip(axes, panels, strict=True):
        _histogram(axis, values, is_ratio="/" in label)
        axis.set_xlabel(label, fontsize=9)
    axes[0].set_ylabel("pairs")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=2, frameon=False, fontsize=8)
    return to_svg(figure)


def _histogram(axis: Any, values: Mapping[str, Sequence[float]], *, is_ratio: bool) -> None:
    """Stacked bars, a colour for each kind; ratios on a scale on which halves and doubles are equally far from 1."""
    everything = [value for part in values.values() for value in part]
    if not everything:
        axis.set(xticks=[], yticks=[], title="none")
        return
    if is_ratio:
        edges = np.geomspace(min([1.0, *everything]), max([2.0, *everything]), _BARS + 1)
        axis.set_xscale("log", base=2)
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}" if value >= 1 else f"1/{1 / value:g}")
        axis.axvline(1, color=_GREY, linewidth=1)
    else:
        edges = np.linspace(0, 1, _BARS + 1)
    colours = [_KIND_COLOURS.get(kind, _GREY) for kind in values]
    axis.hist(list(values.values()), bins=edges, stacked=True, color=colours, label=list(values))
    axis.yaxis.get_major_locator().set_params(integer=True)
    axis.tick_params(labelsize=8)


def make_figure(panels: int, *, width: float, height: float) -> tuple[Any, Any]:
    """A figure and its axes, side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes: Any = figure.subplots(1, panels, squeeze=False)[0]
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", color="#e5e7eb")
        axis.set_axisbelow(True)
    return figure, axes


def to_svg(figure: Any) -> str:
    """The figure as text for a page."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
