"""Verdicts of one benchmark in, a folder of them out and back: `verdicts.jsonl`, `summary.json`, `run_times.jsonl`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from codedpo.benchmarks import Problem
from codedpo.decontaminate.overlap import Overlap
from codedpo.errors import RecordError
from codedpo.evaluate import Verdict
from codedpo.measure.efficiency import EfficiencyScores, Timed
from codedpo.places import Place, names_in
from codedpo.scores import KS, Score, pass_scores
from codedpo.store import write_text

_VERDICTS, _SUMMARY, _RUN_TIMES = "verdicts.jsonl", "summary.json", "run_times.jsonl"


@dataclass(frozen=True)
class Summary:
    """What a measurement came to, and all that it depends on."""

    benchmark: str
    title: str
    model: str
    """Its name, or the file of programs."""
    weights: str
    """Hash of the model's weights, as far as known, or of the file."""
    problems: int
    """Those whose reference solution passes here, or which have none."""
    references: int
    """All of them; where that is more, the difference is left out."""
    samples: int
    """Answers to each problem, the most where they differ."""
    pass_at_k: Mapping[str, Mapping[int, Score]]
    """By what counts: `all` that a program is judged by, or one part of it, such as `base`, or all of the problems of
    one group; then by k."""
    outcomes: Mapping[str, int]
    """How often each was the end of an answer."""
    seconds: float
    """Wall time of asking and judging, this time."""
    asked: Mapping[str, Any]
    """Sampling parameters, seed, and a hash of all requests."""
    data: str
    """Hash of all problems."""
    overlap: Overlap | None
    """What the training pairs of the run folder give away of the problems; None where it holds no pairs."""
    code: Mapping[str, Any]
    """Versions of codedpo and Python and of what decides verdicts, and a hash of codedpo's source."""
    forgeable: int | None = None
    """Passes of programs that were checked, in part or whole, in their own process; None: not known."""
    efficiency: EfficiencyScores | None = None
    """What run times come to; None where they were not scored."""


@dataclass(frozen=True)
class Measurement:
    """What a benchmark tells of a model, or of the programs of a file."""

    summary: Summary
    verdicts: tuple[Verdict, ...]
    timed: tuple[Timed, ...] = ()
    """Of the answers, where the benchmark scores run times."""


def pass_rates(verdicts: Sequence[Verdict], problems: Sequence[Problem] = ()) -> dict[str, dict[int, Score]]:
    """pass@k by what counts and by k; parts where there are several, the same for all, then the problems' groups."""
    judged = [{check.name: None for check in verdict.checks} for verdict in verdicts if verdict.checks]
    parts = judged[0] if judged and all(checks == judged[0] for checks in judged) else {}
    names = ["all", *(parts if len(parts) > 1 else ())]
    found = {name: pass_scores(verdicts, KS, () if name == "all" else (name,)) for name in names}
    for group in dict.fromkeys(group for problem in problems for group in problem.groups):
        members = {problem.id for problem in problems if group in problem.groups}
        chosen = [verdict for verdict in verdicts if verdict.problem in members]
        found |= {group: pass_scores(chosen, KS, ())} if chosen else {}
    return found


def write_measurement(folder: Place, found: Measurement) -> None:
    """One line an answer: program, verdict, reason, time; the summary; and run times, a line an answer too."""
    write_text(folder / _VERDICTS, _lines(found.verdicts))
    write_text(folder / _SUMMARY, json.dumps(asdict(found.summary), indent=1))
    if found.timed or _RUN_TIMES in names_in(folder):
        write_text(folder / _RUN_TIMES, _lines(found.timed))


def _lines(records: Sequence[Any]) -> str:
    return "".join(json.dumps(asdict(record)) + "\n" for record in records)


def read_measurement(folder: Path) -> tuple[Summary, tuple[Verdict, ...]]:
    """What `write_measurement` wrote.

    Raises:
        RecordError: the folder holds no measurement.
    """
    try:
        summary = TypeAdapter(Summary).validate_json((folder / _SUMMARY).read_bytes())
        lines = (folder / _VERDICTS).read_text(encoding="utf-8").splitlines()
        verdicts = tuple(TypeAdapter(Verdict).validate_json(line) for line in lines)
    except (OSError, ValidationError) as error:
        raise RecordError(
            f"{folder}: holds no measurement ({error}); name a folder that `codedpo evaluate` wrote"
        ) from error
    return summary, verdicts
