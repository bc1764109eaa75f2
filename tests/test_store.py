from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from codedpo.errors import RecordError
from codedpo.places import atomic_path
from codedpo.records import Execution, Generation, Pair, Ranking, Samples, Seed, Task, Timing
from codedpo.store import measured_columns, read_records, schema_of, write_records

SEED = Seed("s", "f", "def f(): ...", "doc", "pkg", "1.0", "a.py", 3, "MIT")
GENERATION = Generation("m", "w", "task-1", 0.8, 0.95, 0, 100, 7)
TASK = Task("t", "text", "def f(x: int) -> int:", "f", "f(1) == 1", ("a", "b"), SEED, GENERATION)
SAMPLES = Samples(
    TASK,
    ("def f(x): return x",),
    ("assert f(1) == 1", "assert f(2) == \ud800".replace("\ud800", "3")),
    0,
    0,
    None,
    None,
)


def timing() -> Timing:
    execution = Execution(
        SAMPLES, np.array([[0, 1]], np.uint8), np.ones((1, 2), np.float32), np.zeros((1, 2), bool), ()
    )
    ranking = Ranking(
        execution, "codedpo", np.array([1.5]), np.array([2.0, 0.5]), np.array([True, False]), np.zeros(2, np.uint8)
    )
    return Timing(ranking, np.array([0], np.int32), np.array([[0.1, 0.2]]), np.array([[False]]))


def test_nested_records_come_back_equal(tmp_path: Path) -> None:
    write_records(tmp_path / "a.parquet", Timing, [timing()])
    (row,) = read_records(tmp_path / "a.parquet", Timing)
    assert row.ranking.execution.samples == SAMPLES
    assert row.ranking.execution.outcomes.tolist() == [[0, 1]]
    assert row.ranking.execution.passed.tolist() == [[True, False]]
    assert row.seconds.dtype == np.float64
    assert row.seconds.tolist() == [[0.1, 0.2]]
    assert row.ranking.credible.tolist() == [True, False]


def test_measured_columns_are_marked() -> None:
    assert schema_of(Timing).field("seconds").metadata == {b"measured": b"true"}
    assert schema_of(Timing).field("timed").metadata is None
    assert measured_columns(Timing) == {"seconds", "faster", "workload", "growth", "cpu_seconds"}
    pair = {"chosen_seconds", "rejected_seconds", "timed_on", "chosen_growth", "rejected_growth"}
    assert measured_columns(Pair) == pair


def test_another_schema_is_refused(tmp_path: Path) -> None:
    write_records(tmp_path / "a.parquet", Task, [TASK])
    with pytest.raises(RecordError, match="its columns are not those of Seed"):
        read_records(tmp_path / "a.parquet", Seed)


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("no")
    with pytest.raises(RecordError, match=r"a\.parquet: cannot be read as Parquet"):
        read_records(tmp_path / "a.parquet", Seed)


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_path(path) as temporary:
        temporary.write_text("new")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_pairs_are_what_the_field_reads(tmp_path: Path) -> None:
    pair = Pair(
        [{"role": "user", "content": "p"}], [{"role": "assistant", "content": "c"}], [{"role": "assistant", "content": "r"}],
        "correctness", "t", 0, 1, "c", "r", 2.0, 1.0, 0.5, float("nan"), float("nan"), "codedpo", SEED, GENERATION,
    )  # fmt: skip
    write_records(tmp_path / "a.parquet", Pair, [pair])
    row = pq.read_table(tmp_path / "a.parquet").to_pylist()[0]
    assert row["prompt"] == [{"role": "user", "content": "p"}]
    assert row["chosen"][0]["content"] == "c"


def test_a_row_that_cannot_be_written_leaves_neither_file_nor_draft(tmp_path: Path) -> None:
    odd = replace(SEED, line=2**70)
    with pytest.raises((OverflowError, ValueError)):
        write_records(tmp_path / "a.parquet", Seed, [odd])
    assert not list(tmp_path.iterdir())
