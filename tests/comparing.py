"""Two finished runs in, what differs out: rows by content, measured columns aside."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow.parquet as pq

from codedpo.pipeline import STAGES
from codedpo.places import Place
from codedpo.records import Pair
from codedpo.store import measured_columns


def without_measurements(value: Any, measured: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {key: without_measurements(part, measured) for key, part in value.items() if key not in measured}
    return [without_measurements(part, measured) for part in value] if isinstance(value, list) else value


def rows(folder: Place, stage: str) -> list[Any]:
    """The rows of a stage less its measured columns; of timings also less which pairs they led to."""
    record = next(s.MAKES for s in STAGES if stage == s.NAME)
    names = json.loads((folder / "manifest.json").read_text())["stages"][stage]["shards"]
    table = [row for name in names for row in _table(folder / name)]
    if record is Pair:
        table = [row for row in table if row["kind"] == "correctness"]
    return without_measurements(table, measured_columns(record))


def drops(folder: Place) -> list[Any]:
    """What was dropped, less what depends on measured times."""
    rows = _table(folder / "dropped.parquet")
    return [row for row in rows if row["what"] != "efficiency" and row["stage"] != "timings"]


def _table(path: Place) -> list[Any]:
    return pq.read_table(io.BytesIO(path.read_bytes())).to_pylist()
