# pyright: basic
# (matplotlib is only partly typed)
"""A paired comparison in, a figure as SVG out: both scores with intervals, and what became of each problem."""

from __future__ import annotations

from codedpo.measure.paired import PairedComparison
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
