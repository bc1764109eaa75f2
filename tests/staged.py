"""Rows in, a finished stage on disk out, as the report reads it; its statistics in, their lines by name out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from codedpo.context import Dropped
from codedpo.report.numbers import StageStatistics
from codedpo.results import StageResult
from codedpo.shards import Made, Shard
from codedpo.store import write_records


def result(
    folder: Path,
    name: str,
    record: type,
    shards: Sequence[Sequence[object]],
    dropped: Sequence[tuple[str, str]] = (),
    read: int = 0,
) -> StageResult:
    """A stage on disk; all that was dropped, and the number of rows that came in, belong to its first shard."""
    made: list[Shard] = []
    for number, rows in enumerate(shards):
        shard = Shard(str(number), folder / name / f"{number:05d}.parquet")
        write_records(shard.path, record, rows)
        here = dropped if number == 0 else []
        write_records(shard.dropped, Dropped, [Dropped(name, what, "x", reason, "detail") for what, reason in here])
        made.append(shard)
    counts = tuple(Made(0 if number else read, len(rows), 0) for number, rows in enumerate(shards))
    return StageResult(name, record, tuple(made), counts, None)


def lines(statistics: tuple[StageStatistics, ...], stage: str) -> dict[str, str]:
    return {line.name: line.value for part in statistics if part.stage == stage for line in part.lines}
