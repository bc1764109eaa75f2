"""A finished ablation and its table in, one self-contained HTML page out."""

from __future__ import annotations

from importlib import resources

import jinja2

from codedpo.ablate.figure import ablation_figure
from codedpo.ablate.numbers import Table
from codedpo.ablate.study import Study
from codedpo.ablate.tables import note, sheets, title
from codedpo.config import dump_config
from codedpo.report.training_figures import compared_likelihoods_figure, training_figure


def page(study: Study, table: Table) -> str:
    """Figure, table, counts and curves; it loads nothing from anywhere."""
    source = (resources.files("codedpo.ablate") / "page.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source).render(
        table=table,
        title=title(table),
        note=note(table),
        config=study.config,
        config_text=dump_config(study.config),
        figure=ablation_figure(table),
        sheets=sheets(table),
        trials=[
            (trial, [training_figure(training.result.curves) for training in trial.trainings]) for trial in study.trials
        ],
        likelihoods=likelihoods(study),
    )


def likelihoods(study: Study) -> str:
    """How likely each class of held-out programs became in each arm, with its first seed, on one scale."""
    return compared_likelihoods_figure({trial.arm.name: trial.trainings[0].result for trial in study.trials})
