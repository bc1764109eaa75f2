"""`codedpo bench rankers` as a user meets it, with the real sandbox."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codedpo.bench.judging import judged_tasks
from codedpo.bench.reading import read_labelled
from codedpo.errors import ConfigError, RecordError
from codedpo.rankers import Scores
from codedpo.records import Outcome

ROWS: list[dict[str, Any]] = [
    {
        "task_id": "add",
        "solutions": [
            "def f(x):\n    return x + 1",
            "def f(x):\n    return x",
            "def f(x):\n    return x + 2",
            "def f(x):\n    1/0",
        ],
        "tests": ["assert f(1) == 2", "assert f(0) == 1", "assert f(0) == 7"],
        "correct": [True, False, False, False],
        "test_valid": [True, True, False],
    },
    {
        "task_id": "none",
        "solutions": ["def f(x):\n    return x", "def f(x):\n    return -x"],
        "tests": [],
        "correct": [True, False],
        "test_valid": [],
    },
]


def written(folder: Path, rows: list[dict[str, Any]], name: str = "tasks.jsonl.gz") -> Path:
    path = folder / name
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return path


def bench(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    here = str(Path(__file__).parent)
    environment = os.environ | {"CODEDPO_CACHE": str(cwd / "cache"), "PYTHONPATH": os.pathsep.join([here, *sys.path])}
    command = [sys.executable, "-m", "codedpo", "bench", "rankers", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=90, check=False)


def test_labelled_samples_are_executed_once(tmp_path: Path) -> None:
    path = written(tmp_path, ROWS)
    first, empty = judged_tasks(path, "", tmp_path / "cache", workers=1)
    wrong, passed = Outcome.WRONG, Outcome.PASSED
    assert first.outcomes.tolist()[:2] == [[passed, passed, wrong], [wrong, wrong, wrong]]
    assert first.outcomes[3].tolist() == [Outcome.EXCEPTION] * 3
    assert empty.outcomes.shape == (2, 0)
    (kept,) = (tmp_path / "cache" / "bench").iterdir()
    before = kept.stat().st_mtime_ns
    again = judged_tasks(path, "", tmp_path / "cache", workers=1)
    assert (again[0].outcomes == first.outcomes).all()
    assert kept.stat().st_mtime_ns == before
    judged_tasks(written(tmp_path, ROWS[:1]), "", tmp_path / "cache", workers=1)
    assert len(list((tmp_path / "cache" / "bench").iterdir())) == 2


def test_the_command_prints_a_table_for_each_setting_and_writes_what_it_found(tmp_path: Path) -> None:
    path = written(tmp_path, ROWS)
    result = bench(str(path), "--draws", "5", "--rankers", "count,test_command:Fewest", "--output", "out", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    for setting in ("raw", "7 trivial tests added", "7 smoke tests added", "half of the valid tests removed"):
        assert f"tasks, {setting}" in result.stdout
    raw = json.loads((tmp_path / "out" / "results.json").read_text())["tables"][0]
    assert (raw["data"], raw["tasks"], raw["mixed"]) == ("tasks", 2, 2)
    # One task is solved by counting, the other has no test: (1 + 0) / 2. The foreign ranker
    # puts solutions that pass nothing on top of the one and, by chance, the right one on top of the other: (0 + 1/2) / 2.
    assert raw["rankers"]["count"]["pair accuracy"]["estimate"][0] == 0.5
    assert raw["rankers"]["test_command:Fewest"]["top-1"]["estimate"][0] == 0.25
    assert "| count |" in (tmp_path / "out" / "tables.md").read_text()
    assert (tmp_path / "out" / "rankers.svg").read_text().startswith("<svg")


class Fewest:
    """A foreign ranker: fewer passed tests are better."""

    def __call__(self, passed: np.ndarray) -> Scores:
        return Scores(-passed.sum(axis=1).astype(float), -passed.sum(axis=0).astype(float))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"correct": [True]}, "row 1: column 'correct' has 1 values for 4 texts"),
        ({"correct": ["yes"] * 4}, "row 1: column 'correct' must be a list of true and false, got ['yes'"),
        ({"test_valid": [True]}, "row 1: column 'test_valid' has 1 values for 3 texts"),
        ({"solutions": []}, "row 1: column 'solutions' must be a list of texts, got []"),
        ({"tests": None}, "row 1: column 'tests' must be a list of texts, got None"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, change: dict[str, Any], text: str) -> None:
    with pytest.raises(RecordError) as error:
        read_labelled(written(tmp_path, [ROWS[0] | change]))
    assert f"tasks.jsonl.gz, {text}" in str(error.value)


def test_missing_truth_and_empty_files_are_explained(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="holds no task"):
        read_labelled(written(tmp_path, []))
    with pytest.raises(ConfigError, match="no such file or run folder"):
        judged_tasks(tmp_path / "nothing", "", tmp_path)
    with pytest.raises(ConfigError, match="is a run, so name whose problems its tasks are"):
        judged_tasks(tmp_path, "", tmp_path)
    with pytest.raises(RecordError, match="manifest.json: cannot be read"):
        judged_tasks(tmp_path, "humaneval", tmp_path)


def test_a_shape_that_is_none_ends_with_2(tmp_path: Path) -> None:
    result = bench(str(written(tmp_path, ROWS)), "--shape", "15", cwd=tmp_path)
    assert result.returncode == 2
    assert "--shape: '15' must be solutions x tests, such as 15x15" in result.stderr
