"""The user's own files: read row by row, with errors that name file, row and column."""

from __future__ import annotations

import gzip
import json
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codedpo.errors import RecordError
from codedpo.imports import bring_samples, bring_tasks
from codedpo.records import Task
from codedpo.store import write_records

ROW = {"text": "Add one.", "signature": "def f(x: int) -> int:"}
SAMPLES = {**ROW, "solutions": ["def f(x): return x + 1"], "tests": ["assert f(1) == 2"]}


def write(folder: Path, *rows: Any) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return path


def test_jsonl_gzip_and_parquet_give_the_same_tasks(tmp_path: Path) -> None:
    plain = write(tmp_path, {**ROW, "concepts": ["sums"]}, "", {**ROW, "id": "b", "example": "f(1) == 2"})
    zipped, parquet = tmp_path / "rows.jsonl.gz", tmp_path / "rows.parquet"
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    rows = [json.loads(line) for line in plain.read_text().splitlines() if line]
    pq.write_table(
        pa.Table.from_pylist([{"id": None, "example": None, "concepts": None, **row} for row in rows]), parquet
    )
    tasks = list(bring_tasks(plain))
    assert [(task.entry_point, task.concepts, task.example) for task in tasks] == [
        ("f", ("sums",), ""),
        ("f", (), "f(1) == 2"),
    ]
    assert tasks[1].id == "b"
    assert list(bring_tasks(zipped)) == list(bring_tasks(parquet)) == tasks


def test_a_shard_of_a_run_keeps_its_provenance(tmp_path: Path) -> None:
    task = Task("t", "Add one.", "def f(x: int) -> int:", "f", "", ("a",), None, None, ("reasoning stripped",))
    write_records(tmp_path / "shard.parquet", Task, [task])
    assert list(bring_tasks(tmp_path / "shard.parquet")) == [task]


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ("{", "row 2: not JSON"),
        ("[1]", r"row 2: must be a JSON object, got \[1\]"),
        ({"signature": ROW["signature"]}, "row 2: column 'text' is missing; there are: signature"),
        ({**ROW, "text": "  "}, "row 2: column 'text' must be text, got '  '"),
        ({**ROW, "text": 3}, "row 2: column 'text' must be text, got 3"),
        ({**ROW, "signature": "f(x)"}, "row 2: column 'signature' is not like 'def f"),
        ({**ROW, "example": 3}, "row 2: column 'example' must be text, got 3"),
        ({**ROW, "concepts": "sums"}, "row 2: column 'concepts' must be a list of texts, got 'sums'"),
        ({"prompt": "", "canonical_solution": ""}, "row 2: looks like a benchmark's file, which is never trained on"),
    ],
)
def test_a_bad_task_is_named_with_file_row_and_column(tmp_path: Path, row: Any, error: str) -> None:
    with pytest.raises(RecordError, match=rf"rows\.jsonl, {error}"):
        list(bring_tasks(write(tmp_path, ROW, row)))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"solutions": []}, r"column 'solutions' must be a list of texts, got \[\]"),
        ({"tests": ["assert f(1)", 2]}, "column 'tests', item 1 must be text, got 2"),
    ],
)
def test_bad_samples_are_named_with_their_column(tmp_path: Path, change: dict[str, Any], error: str) -> None:
    with pytest.raises(RecordError, match=rf"row 1: {error}"):
        list(bring_samples(write(tmp_path, {**SAMPLES, **change})))


def test_rows_before_a_bad_one_come_out_first(tmp_path: Path) -> None:
    """The file is streamed: nothing is read ahead."""
    assert len(list(islice(bring_tasks(write(tmp_path, ROW, ROW, "{")), 2))) == 2


@pytest.mark.parametrize(("name", "content"), [("a.parquet", b"PAR1"), ("a.jsonl.gz", b"text"), ("a.jsonl", b"\xff\n")])
def test_a_file_that_is_not_what_its_name_says_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecordError, match=rf"{name}.*(cannot be read|is not UTF-8)"):
        list(bring_tasks(tmp_path / name))
