"""What the user typed for a task in, the one row of the run that it names out; else an error with what is near."""

from __future__ import annotations

import heapq
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from codedpo.context import Dropped
from codedpo.errors import ConfigError
from codedpo.show.run import MAKES, TASK_IDS, Run
from codedpo.show.safe import one_line
from codedpo.store import read_column, select_records

_NEAR = 5


@dataclass(frozen=True)
class Row:
    """A task's row in a run."""

    number: int
    """Counted from 1, as the list of tasks counts."""
    index: int
    """Of its shard."""
    id: str
    entry_point: str
    repeat: int = 0
    """How many rows of the shard before it have the same id: those of the user's own tasks may repeat."""


@dataclass(frozen=True)
class Lost:
    """Something that never became a task: a seed, most often."""

    id: str
    dropped: tuple[Dropped, ...]


def find(run: Run, word: str) -> Row | Lost:
    """The row with this id, the only one with this beginning, or with this number (`#12`); a seed's id serves too.

    Raises:
        ConfigError: there is none, or several; names the nearest ones.
    """
    rows = list(task_rows(run))
    if re.fullmatch(r"#\d+", word):
        return _numbered(run, rows, int(word[1:]))
    for ids in ([row.id for row in rows], _seeds(run, word)):
        exact = [row for row, id in zip(rows, ids) if id == word]
        found = exact or [row for row, id in zip(rows, ids) if id.startswith(word)]
        if len(found) == 1:
            return found[0]
        if found:
            more = "give its number" if exact else "write more of it"
            raise ConfigError(f"{_quoted(word)} fits {len(found)} tasks: {_listed(found)}; {more}")
    lost = _lost(run, word)
    if lost is not None:
        return lost
    hint = f", for a row's number write '#{word}'" if word.isdecimal() else ""
    near = _listed(_near(rows, word))
    raise ConfigError(
        f"no task of {run.folder} is {_quoted(word)}{hint}; near ones: {near}; without a task all are listed"
    )


def task_rows(run: Run) -> Iterator[Row]:
    """All tasks of a run in their order; reads ids and entry points alone."""
    number = 0
    for index in run.shards[run.task_stage]:
        seen: Counter[str] = Counter()
        for id, entry_point in zip(
            _task_column(run, index, "id"), _task_column(run, index, "entry_point"), strict=True
        ):
            number += 1
            yield Row(number, index, id, entry_point, seen[id])
            seen[id] += 1


def base(id: str) -> str:
    """The id of the row that something dropped is a part of: `x` of `x#3`."""
    return re.sub(r"#\d+$", "", id)


def dropped_of(run: Run, index: int, *ids: str) -> tuple[Dropped, ...]:
    """What was left out of these rows, in the order of the stages; `index` is that of their shard."""
    files = [paths[i] for paths in run.dropped.values() for i in (-1, index) if i in paths]
    return tuple(drop for path in files for drop in select_records(path, Dropped, "id", lambda id: base(id) in ids))


def _numbered(run: Run, rows: Sequence[Row], number: int) -> Row:
    if not 1 <= number <= len(rows):
        raise ConfigError(f"#{number}: {run.folder} holds tasks #1 to #{len(rows)}")
    return rows[number - 1]


def _task_column(run: Run, index: int, name: str) -> list[Any]:
    stage = run.task_stage
    return read_column(run.shards[stage][index].path, MAKES[stage], TASK_IDS[stage].removesuffix("id") + name)


def _seeds(run: Run, word: str) -> list[str]:
    """The id of each task's seed; nothing where the word cannot be one."""
    if ":" not in word:
        return []
    return [id or "" for index in run.shards[run.task_stage] for id in _task_column(run, index, "seed.id")]


def _lost(run: Run, word: str) -> Lost | None:
    """What was left out and became no task, by its id or the only beginning."""
    drops = [
        drop
        for paths in run.dropped.values()
        for path in paths.values()
        for drop in select_records(path, Dropped, "id", lambda id: id.startswith(word))
    ]
    ids = sorted({base(drop.id) for drop in drops})
    ids = [word] if word in ids else ids
    if len(ids) > 1:
        listed = ", ".join(one_line(id) for id in ids[:_NEAR])
        raise ConfigError(f"{_quoted(word)} fits no task, but {len(ids)} things left out: {listed}; write more of it")
    return Lost(ids[0], tuple(drop for drop in drops if base(drop.id) == ids[0])) if ids else None


def _near(rows: Iterable[Row], word: str) -> list[Row]:
    """The tasks whose function is called so, then those whose ids share the longest beginning."""

    def distance(row: Row) -> tuple[bool, int]:
        same = itertools.takewhile(lambda letters: letters[0] == letters[1], zip(row.id, word))
        return word not in row.entry_point, -sum(1 for _ in same)

    return heapq.nsmallest(_NEAR, rows, key=distance)


def _listed(rows: Sequence[Row]) -> str:
    shown = ", ".join(f"{one_line(row.id)} (#{row.number} {one_line(row.entry_point)})" for row in rows[:_NEAR])
    return f"{shown} and {len(rows) - _NEAR} more" if len(rows) > _NEAR else shown


def _quoted(word: str) -> str:
    return f"'{one_line(word)}'"
