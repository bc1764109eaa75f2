# pyright: basic
# (matplotlib is only partly typed)
"""A paired comparison in, figures as SVG out: scores, what became of each problem, and how run times changed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from codedpo.measure.paired import PairedComparison
from codedpo.measure.speed import FASTER, SpeedComparison
from codedpo.report.figures import make_figure, to_svg

_BLUE, _ORANGE, _GREY, _LIGHT = "#2f6f9f", "#d9822b", "#8a8f98", "#dfe3e8"


def comparison_figure(found: PairedComparison) -> str:
    """Left: pass@1 of both. Right: problems solved by both, gained, lost, solved by neither."""
    figure, (scores, problems) = make_figure(2, width=8.5, height=2.4)
    for place, (summary, colour) in enumerate(((found.first, _GREY), (found.second, _BLUE))):
        score = summary.pass_at_k["all"][1]
        scores.plot([100 * score.low, 100 * score.high], [place, place], color=colour, linewidth=2)
        scores.plot([100 * score.value], [place], marker="o", color=colour)
    scores.set_yticks([0, 1], ["first", "second"])
    scores.set_ylim(1.5, -0.5)
    scores.set_title("pass@1 (%), 95% intervals", fontsize=10)
    left = 0
    parts = (
        ("both", found.both, _LIGHT), ("gained", len(found.gained), _BLUE), ("lost", len(found.lost), _ORANGE),
        ("neither", found.neither, _GREY),
    )  # fmt: skip
    for name, count, colour in parts:
        problems.barh([0], [count], left=left, color=colour, label=f"{name} {count}")
        left += count
    problems.set_yticks([])
    problems.set_title(f"problems; McNemar p = {found.p_value:.3g}", fontsize=10)
    problems.legend(frameon=False, fontsize=8, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.15))
    return to_svg(figure)


def speed_figure(found: SpeedComparison) -> str:
    """Share of problems up to each speed-up, and the same of the first one's programs against themselves."""
    figure, (axis,) = make_figure(1, width=6.5, height=2.6)
    for name, ratios, colour in (
        ("the same programs twice (noise)", [item.floor for item in found.items], _GREY),
        ("second against first", [item.ratio for item in found.items], _BLUE),
    ):
        _steps(axis, ratios, name, colour)
    for limit in (1 / FASTER, FASTER):
        axis.axvline(limit, color=_LIGHT, linewidth=1, zorder=0)
    axis.set_xscale("log")
    axis.set_xlabel("speed-up: run time of the first / of the second", fontsize=9)
    axis.set_ylabel("share of problems", fontsize=9)
    axis.legend(frameon=False, fontsize=8, loc="upper left")
    return to_svg(figure)


def _steps(axis, ratios: Sequence[float], name: str, colour: str) -> None:
    ordered = np.sort(np.array(ratios))
    axis.step(ordered, np.arange(1, len(ordered) + 1) / len(ordered), where="post", color=colour, label=name)
