"""All that a training needs in a folder, so that processes which torchrun starts, on any machine, can read it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from codedpo.models import Model
from codedpo.records import Pair
from codedpo.store import read_records, write_records, write_text
from codedpo.train.likelihood import Probe
from codedpo.train.settings import Train

ERROR = "error.txt"
"""In the folder: what ended the processes that trained together."""
_PAIRS, _PROBES, _JOB = "pairs.parquet", "probes.parquet", "job.json"


@dataclass(frozen=True)
class TrainJob:
    """One training: pairs in, a model in `folder` out."""

    settings: Train
    model: Model
    pairs: tuple[Pair, ...]
    held_out: frozenset[str]
    """Tasks whose pairs are scored, not trained on."""
    probes: tuple[Probe, ...]
    """Solutions of held-out tasks, by class, to be scored as training goes on."""
    folder: Path
    """Checkpoints, `final` with the weights or adapter, `result.json`."""
    references: Path
    """Where log-probabilities under reference models are kept, for this and other trainings."""
    seed: int
    start: Path | None = None
    """Trained weights or an adapter to go on from, as in a second round; None: the model as it is."""


@dataclass(frozen=True)
class _Plain:
    """What of a job is not in a Parquet file."""

    settings: Train
    model: Model
    held_out: tuple[str, ...]
    references: Path
    seed: int
    start: Path | None


def write_job(job: TrainJob) -> None:
    """Write the job to its folder."""
    write_records(job.folder / _PAIRS, Pair, job.pairs)
    write_records(job.folder / _PROBES, Probe, job.probes)
    plain = _Plain(
        job.settings, job.model, tuple(sorted(job.held_out)), job.references.absolute(), job.seed,
        job.start.absolute() if job.start else None,
    )  # fmt: skip
    write_text(job.folder / _JOB, json.dumps(asdict(plain), default=str, indent=1))


def read_job(folder: Path) -> TrainJob:
    """The job that was written to a folder."""
    plain = TypeAdapter(_Plain).validate_json((folder / _JOB).read_text())
    pairs: Sequence[Pair] = read_records(folder / _PAIRS, Pair)
    probes: Sequence[Probe] = read_records(folder / _PROBES, Probe)
    return TrainJob(
        plain.settings, plain.model, tuple(pairs), frozenset(plain.held_out), tuple(probes), folder, plain.references,
        plain.seed, plain.start,
    )  # fmt: skip


def part_of(job: TrainJob, number: int, method: str, start: Path | None) -> TrainJob:
    """The job's part for one method of its chain, in a folder of its own."""
    return replace(
        job, settings=job.settings.only(method), folder=job.folder / f"{number}-{method}", start=start or job.start
    )
