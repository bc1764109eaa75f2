"""What the reference model makes of the training data, computed once and kept: its log-probabilities, key by key.

Files of one folder hold what was scored so far; a folder belongs to one model, a key to the token ids of a prompt and
a completion. So a run that goes on, another method, another ranker or another share of the same data find again
what was scored before.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codedpo.models import Model, weights_in
from codedpo.store import read_records, write_records
from codedpo.train.data import PromptCompletion
from codedpo.train.processes import Processes
from codedpo.train.scoring import log_probabilities

_SAVE_SECONDS = 120
_CHUNK = 64


@dataclass(frozen=True)
class ReferenceScore:
    """A sequence's log-probability under the reference model."""

    key: str
    log_probability: float
    """Nats, summed over the tokens of the completion."""


def reference_folder(references: Path, model: Model, start: Path | None, form: str = "") -> Path:
    """The folder of one reference model: the model as it is, or the one that an earlier training left in `start`.

    Args:
        form: how the weights were loaded: type, device, kernel, quantisation.
    """
    name = "+".join([model.sha256, *weights_in(model.path), *(weights_in(start) if start else ()), form])
    return references / hashlib.sha256(name.encode()).hexdigest()[:16]


def reference_scores(
    weights: Any, sequences: Iterable[PromptCompletion], folder: Path, *, pad: int, processes: Processes
) -> Mapping[str, float]:
    """Log-probabilities by the keys of the sequences; only what `folder` does not hold is computed.

    Several processes share the work, and the folder.

    Args:
        weights: the reference: the model before training.
        folder: of this model; see `reference_folder`.
    """
    wanted = {sequence.key: sequence for sequence in sequences}
    known = _read(folder)
    missing = sorted((key for key in wanted if key not in known), key=lambda key: (-wanted[key].length, key))
    processes.wait()  # all have read the same before one writes
    for part in _timed_parts(weights, [wanted[key] for key in missing[processes.rank :: processes.world]], pad):
        write_records(folder / f"{time.time_ns()}-{processes.rank}.parquet", ReferenceScore, part)
    processes.wait()
    found = _read(folder) if missing else known
    return {key: found[key] for key in wanted}


def _timed_parts(weights: Any, sequences: Sequence[PromptCompletion], pad: int) -> Iterator[list[ReferenceScore]]:
    """Scores, handed on every two minutes, so that no interruption costs more."""
    part: list[ReferenceScore] = []
    start = time.monotonic()
    for index in range(0, len(sequences), _CHUNK):
        chunk = sequences[index : index + _CHUNK]
        values = log_probabilities(weights, chunk, pad=pad)
        part += [ReferenceScore(sequence.key, value) for sequence, value in zip(chunk, values, strict=True)]
        if time.monotonic() - start > _SAVE_SECONDS:
            yield part
            part, start = [], time.monotonic()
    if part:
        yield part


def _read(folder: Path) -> dict[str, float]:
    rows = (row for path in sorted(folder.glob("*.parquet")) for row in read_records(path, ReferenceScore))
    return {row.key: row.log_probability for row in rows}
