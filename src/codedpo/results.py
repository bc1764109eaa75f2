"""What each stage of a run has on disk, and what of it is still to be made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from codedpo.context import Dropped
from codedpo.places import Place
from codedpo.progress import Observer
from codedpo.shards import Made, Shard
from codedpo.store import count_values, read_records


@dataclass(frozen=True)
class StageResult:
    """A finished stage."""

    name: str
    makes: type
    shards: tuple[Shard, ...]
    made: tuple[Made, ...]
    """Of each shard."""
    source: Place | None
    """Dropped rows that belong to no shard: those of a first stage."""

    def rows(self) -> Iterator[Any]:
        """All rows, shard by shard."""
        for shard in self.shards:
            yield from read_records(shard.path, self.makes)

    def row_count(self) -> int:
        return sum(made.rows for made in self.made)

    def dropped_files(self) -> list[Place]:
        """Where that is written which was left out on the way here."""
        return [shard.dropped for shard in self.shards] if self.source is None else [self.source]

    def dropped(self) -> Iterator[Dropped]:
        """All that was left out on the way here, file by file."""
        for path in self.dropped_files():
            yield from read_records(path, Dropped)

    def drop_counts(self) -> Counter[tuple[str, ...]]:
        """How often each (what, reason) was left out; reads no other column."""
        return count_values(self.dropped_files(), Dropped, ("what", "reason"))

    def value_counts(self, *columns: str) -> Counter[tuple[str, ...]]:
        """How often each combination of values of these columns occurs; reads no other column."""
        return count_values([shard.path for shard in self.shards], self.makes, columns)


class Board:
    """A stage under way: its shards, and what is known of those that are made."""

    def __init__(
        self,
        stage: Any,
        above: StageResult | Board,
        shards: Sequence[Shard],
        made: Sequence[Made | None],
        skipped: Sequence[frozenset[int]],
    ):
        self.stage, self.above = stage, above
        self.skipped = skipped
        """Of each shard above the rows that the stage does not get."""
        self.makes: type = stage.MAKES
        self.shards, self.made = tuple(shards), list(made)
        self._missing = self.made.count(None)
        self._begun = False

    @property
    def is_complete(self) -> bool:
        return not self._missing

    def begin(self, observer: Observer) -> None:
        """Tell the observer, once, that the stage begins and what of it is there."""
        if self._begun:
            return
        self._begun = True
        known = isinstance(self.above, StageResult) or self.above.is_complete
        observer.started(self.stage.NAME, sum(made.rows for made in self.above.made if made) if known else None)
        if there := sum(made.read for made in self.made if made):
            observer.advanced(self.stage.NAME, rows=there)

    def expect(self, observer: Observer, rows: int) -> None:
        """Tell the observer how many rows will come in, where it has been told of the stage without them."""
        if self._begun:
            observer.expected(self.stage.NAME, rows)

    def put(self, index: int, made: Made) -> None:
        """A shard is on disk."""
        self.made[index] = made
        self._missing -= 1

    def result(self) -> StageResult:
        return StageResult(self.stage.NAME, self.makes, self.shards, tuple(made for made in self.made if made), None)
