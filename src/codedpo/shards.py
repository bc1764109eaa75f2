"""One shard of one stage in, its Parquet file and what was dropped on the way out; runs in any process of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codedpo.context import Advance, Context, Dropped, Tools
from codedpo.places import Place
from codedpo.store import RecordWriter, read_records, write_records


@dataclass(frozen=True)
class Shard:
    """Where one shard lies."""

    key: str
    path: Place

    @property
    def dropped(self) -> Place:
        return self.path.with_suffix(".dropped.parquet")


@dataclass(frozen=True)
class Work:
    """All that a process needs to make one shard; travels between processes."""

    stage: Any
    reads: type
    """The record class of the rows that come in."""
    above: Shard
    shard: Shard
    seed: int
    cache: Path
    skipped: frozenset[int] = frozenset()
    """What the stage's `skips` said of the shard above."""


@dataclass(frozen=True)
class Made:
    """What making a shard came to."""

    read: int
    """Rows that came in."""
    rows: int
    dropped: int


def make_shard(work: Work, tools: Tools, advance: Advance) -> Made:
    """Read the shard above, run the stage, write what was dropped, then the shard: that it exists says it is done."""
    with RecordWriter(work.shard.dropped, Dropped) as dropped:

        def drop(what: str, id: str, reason: str, detail: str = "") -> None:
            dropped.add(Dropped(work.stage.NAME, what, id, reason, detail))

        read: list[Any] = read_records(work.above.path, work.reads)
        context = Context(tools, work.seed, work.cache, drop, advance, work.skipped)
        rows = list(work.stage(read, context))
    write_records(work.shard.path, work.stage.MAKES, rows)
    return Made(len(read), len(rows), dropped.rows)
