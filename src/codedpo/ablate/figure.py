# pyright: basic
"""An ablation's table in, a figure as SVG out (matplotlib): pass@1 and the held-out margin gain of each arm."""

from __future__ import annotations

import io

from codedpo.ablate.numbers import MARGIN, PASS_RATE, Table
from codedpo.bench.intervals import Estimate
from codedpo.bench.tables import is_apart

_BLUE, _ORANGE, _GREY = "#2f6f9f", "#d9822b", "#8a8f98"
_TITLES = {PASS_RATE: "pass@1 (%)", MARGIN: "margin gain on held-out pairs (nats)"}


def ablation_figure(table: Table) -> str:
    """A panel for each of the two that was measured; shares of the data along the axis, other arms below each other."""
    import matplotlib
    from matplotlib.figure import Figure

    names = [name for name in _TITLES if all(name in line.estimates for line in table.lines)]
    draw = {"data": _shares, "models": _models}.get(table.kind, _arms)
    height = 2.8 if table.kind == "data" else 1.1 + 0.35 * len(table.lines)
    with matplotlib.rc_context({"svg.hashsalt": "codedpo", "svg.fonttype": "none"}):
        figure = Figure(figsize=(2.2 + 3.6 * max(1, len(names)), height), layout="constrained")
        axes = figure.subplots(1, max(1, len(names)), squeeze=False, sharey=table.kind != "data")[0]
        for axis, name in zip(axes, names, strict=False):
            draw(axis, table, name)
            axis.set_title(_TITLES[name], fontsize=9)
            axis.tick_params(labelsize=8)
            axis.spines[["top", "right"]].set_visible(False)
            axis.grid(axis="y" if table.kind == "data" else "x", color="#e5e7eb")
            axis.set_axisbelow(True)
        figure.supxlabel(_legend(table), fontsize=8)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _legend(table: Table) -> str:
    if table.kind == "models":
        return "grey: before, blue: after training on the same pairs"
    before = "dashed: pass@1 before; " if table.evaluated else ""
    return f"{before}orange: the paired difference to {table.lines[0].arm} excludes 0"


def _arms(axis, table: Table, name: str) -> None:
    """Dots with intervals, one row an arm."""
    for place, line in enumerate(table.lines):
        low, value, high = _scaled(line.estimates[name], name)
        axis.plot([low, high], [place, place], color=_colour(table, place, name), linewidth=2)
        axis.plot([value], [place], marker="o", markersize=5, color=_colour(table, place, name))
    if name == PASS_RATE:
        axis.axvline(_scaled(table.lines[0].before, name)[1], color=_GREY, linewidth=0.8, linestyle="--")
    _name_rows(axis, table)


def _models(axis, table: Table, name: str) -> None:
    """Bars: before and after where there are both."""
    for place, line in enumerate(table.lines):
        bars = [(line.before, _GREY), (line.estimates[name], _BLUE)] if name == PASS_RATE else []
        bars = bars or [(line.estimates[name], _BLUE)]
        height = 0.7 / len(bars)
        for number, (found, colour) in enumerate(bars):
            low, value, high = _scaled(found, name)
            where = place + (number - (len(bars) - 1) / 2) * height
            axis.barh(where, value, height, color=colour, xerr=[[value - low], [high - value]], capsize=2)
    _name_rows(axis, table)


def _shares(axis, table: Table, name: str) -> None:
    """A curve over the share of the tasks."""
    order = sorted(range(len(table.lines)), key=lambda place: table.lines[place].share)
    points = [_scaled(table.lines[place].estimates[name], name) for place in order]
    shares = [100 * table.lines[place].share for place in order]
    axis.plot(shares, [value for _, value, _ in points], color=_GREY, linewidth=1)
    for place, share, (low, value, high) in zip(order, shares, points, strict=True):
        axis.plot([share, share], [low, high], color=_colour(table, place, name), linewidth=2)
        axis.plot([share], [value], marker="o", markersize=5, color=_colour(table, place, name))
    if name == PASS_RATE:
        axis.axhline(_scaled(table.lines[0].before, name)[1], color=_GREY, linewidth=0.8, linestyle="--")
    axis.set_xticks(shares, [f"{share:g}%" for share in shares])
    axis.set_xlabel("tasks trained on", fontsize=8)


def _name_rows(axis, table: Table) -> None:
    axis.set_yticks(range(len(table.lines)), [line.arm for line in table.lines], fontsize=8)
    axis.set_ylim(len(table.lines) - 0.5, -0.5)


def _colour(table: Table, place: int, name: str) -> str:
    return _BLUE if place == 0 else _ORANGE if is_apart(table.lines[place].differences[name]) else _GREY


def _scaled(found: Estimate, name: str) -> tuple[float, float, float]:
    scale = 100 if name == PASS_RATE else 1
    return scale * found.low, scale * found.value, scale * found.high
