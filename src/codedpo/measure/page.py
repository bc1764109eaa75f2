"""A comparison of two measurements in, one self-contained HTML page out."""

from __future__ import annotations

from importlib import resources

import jinja2

from codedpo.measure.figure import comparison_figure, speed_figure
from codedpo.measure.paired import PairedComparison
from codedpo.measure.speed import Efficiency, SpeedComparison
from codedpo.measure.texts import percent, times


def page(found: PairedComparison, speed: SpeedComparison | None) -> str:
    """Scores, gained and lost problems, speed-ups, and what was asked; it loads nothing from anywhere."""
    source = (resources.files("codedpo.measure") / "page.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source).render(
        found=found,
        figure=comparison_figure(found),
        scores=_scores(found),
        difference=percent(found.difference, signed=True),
        speed=speed,
        speed_figure=speed_figure(speed) if speed else "",
        speed_rows=[_speed_row(name, part) for name, part in _parts(speed)] if speed else [],
    )


def _scores(found: PairedComparison) -> list[tuple[str, list[str]]]:
    """By what counts: pass@k of both, for those k that both have."""
    rows: list[tuple[str, list[str]]] = []
    for name, scores in found.first.pass_at_k.items():
        others = found.second.pass_at_k.get(name, {})
        rows += [
            (f"{name}, pass@{k}", [percent(score), percent(others[k])]) for k, score in scores.items() if k in others
        ]
    return rows


def _parts(speed: SpeedComparison) -> list[tuple[str, Efficiency]]:
    return [("second against first", speed.found), ("first against itself (noise)", speed.floor)]


def _speed_row(name: str, part: Efficiency) -> tuple[str, list[str]]:
    return name, [times(part.mean), times(part.geometric_mean), percent(part.faster), percent(part.slower)]
