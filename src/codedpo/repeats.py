# pyright: basic
# (pyarrow ships no types)
"""The shards of all tasks in, the rows that repeat an earlier one out: what no single shard can see.

Within a shard the stage `tasks` leaves repeats out itself. This corpus step streams two columns and holds 8 bytes and a
set's overhead (about 70 bytes in all) per task.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow.parquet as pq

from codedpo.code.normal import task_fingerprint
from codedpo.places import Place


def repeated_tasks(shards: Iterable[Place]) -> Iterator[frozenset[int]]:
    """For each shard the numbers of the rows, counted from 0, whose task stands in an earlier row of any shard.

    A shard's answer depends on the shards before it alone, so a larger `limit` changes none that was given.
    """
    seen: set[int] = set()
    for shard in shards:
        repeated: set[int] = set()
        with shard.open("rb") as opened, pq.ParquetFile(opened) as file:
            rows = file.read(["text", "signature"]).to_pylist()
        for number, row in enumerate(rows):
            key = int(task_fingerprint(row["text"], row["signature"]), 16)
            if key in seen:
                repeated.add(number)
            seen.add(key)
        yield frozenset(repeated)
