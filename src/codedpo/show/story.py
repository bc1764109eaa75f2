"""A task's row in a run in, all that became of it out: what each stage made of it so far, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from codedpo.context import Dropped
from codedpo.errors import RecordError
from codedpo.records import Execution, Pair, Ranking, Samples, Task, Timing
from codedpo.show.finding import Row, dropped_of
from codedpo.show.run import MAKES, TASK_IDS, Run
from codedpo.store import select_records

Standing = Literal["done", "left out", "not made yet"]
_ROWS_OF_TASKS = tuple(name for name in TASK_IDS if name != "pairs")


@dataclass(frozen=True)
class Story:
    """A task with what is there of it; what no stage has made yet is None."""

    row: Row
    form: str
    """How the model was asked: `chat` or `text`."""
    task: Task
    samples: Samples | None
    execution: Execution | None
    ranking: Ranking | None
    timing: Timing | None
    pairs: tuple[Pair, ...]
    dropped: tuple[Dropped, ...]
    standing: Mapping[str, Standing]
    """Of each stage, from the first that has this task."""


def tell(run: Run, row: Row) -> Story:
    """Read what became of one task: of each stage the shard with the same index and no other.

    Raises:
        RecordError: the row is gone, since another process makes it anew.
    """
    found = _select(run, run.task_stage, row)
    if len(found) <= row.repeat:
        raise RecordError(f"{run.folder}: task {row.id} is gone, its shard was just made anew; try again")
    task, last, last_stage = _task(found[row.repeat]), found[row.repeat], run.task_stage
    for name in reversed(_ROWS_OF_TASKS):
        same = [later for later in _select(run, name, row) if _task(later) == task]
        if same:
            last, last_stage = same[0], name
            break
    timing = last if isinstance(last, Timing) else None
    ranking = timing.ranking if timing else last if isinstance(last, Ranking) else None
    execution = ranking.execution if ranking else last if isinstance(last, Execution) else None
    samples = execution.samples if execution else last if isinstance(last, Samples) else None
    return Story(
        row=row,
        form=run.form,
        task=task,
        samples=samples,
        execution=execution,
        ranking=ranking,
        timing=timing,
        pairs=_pairs(run, row, samples) if timing else (),
        dropped=dropped_of(run, row.index, row.id, *([task.seed.id] if task.seed else [])),
        standing=_standing(run, row.index, last_stage),
    )


def _select(run: Run, stage: str, row: Row) -> list[Any]:
    shard = run.shards.get(stage, {}).get(row.index)
    return [] if shard is None else select_records(shard.path, MAKES[stage], TASK_IDS[stage], lambda id: id == row.id)


def _task(row: Any) -> Task:
    """The task inside a row of any stage before pairs."""
    for name in ("ranking", "execution", "samples", "task"):
        row = getattr(row, name, row)
    return row


def _pairs(run: Run, row: Row, samples: Samples | None) -> tuple[Pair, ...]:
    """The task's pairs; where ids are the user's own, another task may have the same one, but not these programs."""
    solutions = samples.solutions if samples else ()
    pairs: list[Pair] = _select(run, "pairs", row)
    return tuple(
        pair
        for pair in pairs
        if pair.chosen_index < len(solutions) and solutions[pair.chosen_index] == pair.chosen_program
    )


def _standing(run: Run, index: int, last: str) -> dict[str, Standing]:
    """How far the task has come; the pairs of a task that was timed are chosen, even if there are none."""
    standing: dict[str, Standing] = {}
    stages = list(TASK_IDS)[list(TASK_IDS).index(run.task_stage) :]
    here = stages.index(last)
    for place, name in enumerate(stages):
        there = index in run.shards.get(name, {})
        lost = there and not (name == "pairs" and last == "timings")
        standing[name] = "done" if place <= here else "left out" if lost else "done" if there else "not made yet"
    return standing
