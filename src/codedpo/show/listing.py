"""A run in, a line for each of its tasks out: number, id, solutions x tests, pairs by kind, entry point."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from codedpo.show.finding import task_rows
from codedpo.show.run import MAKES, TASK_IDS, Run
from codedpo.show.safe import one_line
from codedpo.store import read_column


def task_lines(run: Run) -> Iterator[str]:
    """The list of tasks, shard by shard; reads ids, entry points, shapes and kinds of pairs, nothing else."""
    total: Counter[str] = Counter()
    count = 0
    yield f"{'#':>7}  {'id':<14}{'n x m':>9}  {'pairs':<28}entry point"
    for index, rows in itertools.groupby(task_rows(run), key=lambda row: row.index):
        shapes, kinds = _shapes(run, index), _kinds(run, index)
        total += sum(kinds.values(), Counter[str]())
        for row in rows:
            pairs = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds[row.id].items()))
            count += 1
            task = f"{f'#{row.number}':>7}  {one_line(row.id):<14}{shapes.get(row.id, '-'):>9}"
            yield f"{task}  {pairs or '-':<28}{one_line(row.entry_point)}"
    summed = ", ".join(f"{number} {kind}" for kind, number in sorted(total.items())) or "none yet"
    yield f"{count} tasks; pairs: {summed}; shown in full by: codedpo show {run.folder} ID"


def _shapes(run: Run, index: int) -> Mapping[str, str]:
    """Solutions x tests of each task of a shard: as executed, else as sampled."""
    if shard := run.shards.get("executions", {}).get(index):
        ids, shapes = (
            read_column(shard.path, MAKES["executions"], name) for name in (TASK_IDS["executions"], "outcomes.shape")
        )
    elif shard := run.shards.get("samples", {}).get(index):
        ids = read_column(shard.path, MAKES["samples"], TASK_IDS["samples"])
        shapes = zip(
            *(
                [len(part) for part in read_column(shard.path, MAKES["samples"], name)]
                for name in ("solutions", "tests")
            )
        )
    else:
        return {}
    return {id: f"{n} x {m}" for id, (n, m) in zip(ids, shapes)}


def _kinds(run: Run, index: int) -> Mapping[str, Counter[str]]:
    """Pairs of each id; tasks of the user's own with the same id share them."""
    kinds: defaultdict[str, Counter[str]] = defaultdict(Counter)
    if shard := run.shards.get("pairs", {}).get(index):
        columns = (read_column(shard.path, MAKES["pairs"], name) for name in ("task_id", "kind"))
        for id, kind in zip(*columns, strict=True):
            kinds[id][kind] += 1
    return kinds
