# pyright: basic
"""Tables of one set of tasks in, a figure as SVG out (matplotlib): pair accuracy of each ranker, a panel a setting."""

from __future__ import annotations

import io
from collections.abc import Sequence

from codedpo.bench.comparing import BASELINE, Table
from codedpo.bench.measuring import METRICS
from codedpo.bench.tables import is_apart

_BLUE, _ORANGE, _GREY = "#2f6f9f", "#d9822b", "#8a8f98"
_PAIRS = METRICS.index("pair accuracy")


def pair_accuracy_figure(tables: Sequence[Table]) -> str:
    """Dots with 95% intervals; orange: the paired difference to the baseline excludes 0, whichever way."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.hashsalt": "codedpo", "svg.fonttype": "none"}):
        figure = Figure(figsize=(2.6 + 2.4 * len(tables), 0.9 + 0.3 * len(tables[0].lines)), layout="constrained")
        axes = figure.subplots(1, len(tables), squeeze=False, sharey=True, sharex=True)[0]
        for axis, table in zip(axes, tables, strict=True):
            _panel(axis, table)
        legend = f"dashed: {BASELINE}; orange: the paired difference to it excludes 0"
        figure.supxlabel(f"pair accuracy, {tables[0].data} ({legend})", fontsize=9)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _panel(axis, table: Table) -> None:
    names = [line.ranker for line in table.lines]
    for place, line in enumerate(table.lines):
        found = line.estimates[_PAIRS]
        colour = _BLUE if line.ranker == BASELINE else _ORANGE if is_apart(line.differences[_PAIRS]) else _GREY
        axis.plot([found.low, found.high], [place, place], color=colour, linewidth=2)
        axis.plot([found.value], [place], marker="o", markersize=5, color=colour)
        if line.ranker == BASELINE:
            axis.axvline(found.value, color=_BLUE, linewidth=0.8, linestyle="--")
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.set_title(table.setting, fontsize=9)
    axis.tick_params(axis="x", labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="x", color="#e5e7eb")
    axis.set_axisbelow(True)
