# pyright: basic
# (pyarrow ships no types)
"""Shards in, single columns out batch by batch; lists of numbers in, the words for them out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from codedpo.places import Place
from codedpo.results import StageResult

_BATCH_ROWS = 1024


@dataclass(frozen=True)
class Statistic:
    """One line of a stage's table."""

    name: str
    value: str


@dataclass(frozen=True)
class StageStatistics:
    """The numbers of one stage."""

    stage: str
    lines: tuple[Statistic, ...]
    figure: str = ""
    """SVG; empty where a stage has none."""


def stage_batches(result: StageResult, *columns: str) -> Iterator[Any]:
    """Batches of a stage's rows with these columns only."""
    return _batches((shard.path for shard in result.shards), columns)


def _batches(files: Iterable[Place], columns: Iterable[str]) -> Iterator[Any]:
    for path in files:
        with path.open("rb") as opened, pq.ParquetFile(opened) as file:
            yield from file.iter_batches(_BATCH_ROWS, columns=list(columns))


def flat_bytes(column: Any) -> np.ndarray:
    """The values of a column of one-byte arrays, all in a row."""
    data: pa.Array = column.field("data")
    return np.frombuffer(b"".join(data.to_pylist()), np.uint8)


def arrays(column: Any, dtype: str) -> Iterator[np.ndarray]:
    """The arrays of a column, row by row, as a record's field holds them."""
    cells: Iterable[Mapping[str, Any]] = column.to_pylist()
    return (np.frombuffer(cell["data"], dtype).reshape(cell["shape"]) for cell in cells)


def count_lines(text: str) -> int:
    """Lines that are not empty."""
    return sum(bool(line.strip()) for line in text.splitlines())


def share(part: int, whole: int) -> str:
    """`3 of 4 (75.0%)`."""
    return f"{part:,} of {whole:,}" + (f" ({part / whole:.1%})" if whole else "")


def quantiles(values: Any) -> str:
    """Median with the range of the middle 90%, of an `array` of numbers."""
    if not len(values):
        return "none"
    low, middle, high = np.quantile(np.frombuffer(values, values.typecode), [0.05, 0.5, 0.95])
    return f"median {_short(middle)}, 90% in {_short(low)} to {_short(high)}"


def quartiles(values: Any) -> str:
    """Median, quartiles and the highest, of an `array` of numbers."""
    if not len(values):
        return "none"
    low, middle, high, top = np.quantile(np.frombuffer(values, values.typecode), [0.25, 0.5, 0.75, 1])
    return f"median {_short(middle)}, quartiles {_short(low)} to {_short(high)}, highest {_short(top)}"


def _short(number: float) -> str:
    return f"{number:.3g}" if abs(number) < 100 else f"{number:,.0f}"
