"""Ablations from a run's shards to a table, with a real tiny model: nothing is made twice, also not after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from codedpo.ablate.command import ablate
from codedpo.ablate.study import Study, study
from codedpo.ablate.tables import markdown
from codedpo.config import make_config
from codedpo.job import run
from codedpo.progress import Silent
from codedpo.records import Ranking, Timing
from codedpo.store import read_records
from conftest import run_settings, write_source
from loopback import LoopbackLLM
from tiny_model import save_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings of torch and transformers are not ours to mend
TRAIN = {"batch_size": 2, "learning_rate": 1e-3, "warmup_ratio": 0, "save_steps": 1, "lora_rank": 4}
TRAIN |= {"likelihood_points": 0}


@dataclass(frozen=True)
class Parent:
    """A run whose pairs are there."""

    settings: dict[str, Any]
    server: LoopbackLLM

    @property
    def folder(self) -> Path:
        return Path(self.settings["run_folder"])

    def files(self, pattern: str) -> dict[str, int]:
        """When each file of the run was last written."""
        return {str(path): path.stat().st_mtime_ns for path in self.folder.glob(pattern) if path.is_file()}


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parent]:
    folder = tmp_path_factory.mktemp("ablate")
    with LoopbackLLM() as server:
        settings = {
            **run_settings(folder / "run", write_source(folder / "source"), server.base_url),
            "timings": {"min_credible_tests": 99},  # nothing is timed
            "train": {**TRAIN, "model": str(save_tiny_model(folder / "tiny"))},
        }
        run(make_config(settings), until="pairs")
        yield Parent(settings, server)


def test_rankers_share_the_runs_executions_and_time_nothing(parent: Parent) -> None:
    before, asked = parent.files("*/*.parquet") | parent.files("*"), len(parent.server.requests)
    given = {**parent.settings, "ablations": {"rankers": ["codedpo", "random"]}}
    found = study(make_config(given), "rankers", observer=Silent())
    after = parent.files("*/*.parquet") | parent.files("*")
    assert {name: after[name] for name in before if "run.log" not in name} == {
        name: time for name, time in before.items() if "run.log" not in name
    }
    new = {Path(name).parent.name for name in set(after) - set(before) if "training" not in name}
    assert new <= {"rankings", "timings", "pairs", "rankers", "run", "evaluation"}
    assert len(parent.server.requests) == asked
    timings = [row for path in parent.folder.glob("timings/*.parquet") if "dropped" not in path.name
               for row in read_records(path, Timing)]  # fmt: skip
    assert not any(len(row.timed) for row in timings)
    rankers = {row.ranker for path in parent.folder.glob("rankings/*.parquet") if "dropped" not in path.name
               for row in read_records(path, Ranking)}  # fmt: skip
    assert rankers == {"codedpo", "random"}
    _require_equal(found)


@pytest.mark.timeout(300)  # three trainings and their evaluations, in two processes
def test_a_killed_ablation_goes_on_and_scores_no_pair_twice(parent: Parent, tmp_path: Path) -> None:
    given = {
        **parent.settings,
        "ablations": {"methods": ["rpo", "dpo"]},
        "evaluate": {"every": 80, "max_tokens": 4},
    }
    (tmp_path / "settings.json").write_text(json.dumps(given))
    driver = [sys.executable, str(Path(__file__).parent / "kill_ablation.py"), str(tmp_path / "settings.json")]
    there = parent.files("training/*/result.json")
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    killed = subprocess.run(
        [*driver, "methods", "dpo: train", "2"],
        env={**os.environ, "PYTHONPATH": paths, "TMPDIR": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    kept = parent.files("training/*/result.json") | parent.files("evaluation/*")
    assert len(kept) - len(there) == 3  # RPO's training, before and after
    references = parent.files("training/references/*/*")
    assert references
    assert parent.files("training/*/*/checkpoint-*/*")
    console = Console(file=StringIO(), width=160)
    table = ablate(make_config(given), "methods", console)
    made = parent.files("training/*/result.json") | parent.files("evaluation/*")
    assert {name: made[name] for name in kept} == kept
    assert len(made) - len(kept) == 2
    assert parent.files("training/references/*/*") == references  # DPO asks for what RPO has scored
    assert [line.arm for line in table.lines] == ["rpo", "dpo"]
    assert {line.before.value for line in table.lines} == {0.0}
    _require_written(parent.folder / "ablations" / "methods", markdown(table))
    again = study(make_config(given), "methods", observer=Silent())
    assert (parent.files("training/*/result.json") | parent.files("evaluation/*")) == made
    _require_equal(again)


def _require_equal(found: Study) -> None:
    """The same tasks, steps and held-out pairs for each arm, and what was promised was done."""
    assert len({trial.counts.tasks for trial in found.trials}) == 1
    assert len({trial.counts.steps for trial in found.trials}) == 1
    assert len({trial.held_out_tasks for trial in found.trials}) == 1
    for trial in found.trials:
        (training,) = trial.trainings
        counts, result = trial.counts, training.result
        assert (result.trained_pairs, result.trained_rows, result.steps) == (counts.pairs, counts.rows, counts.steps)
        assert result.held_out_pairs == counts.held_out_pairs == len(result.chosen_gains) > 0


def _require_written(folder: Path, text: str) -> None:
    assert (folder / "table.md").read_text() == text
    assert "| arm | tasks | pairs | rows | steps | pass@1 before | pass@1 after | change | to first arm |" in text
    assert "| rpo | " in text
    assert (folder / "figure.svg").read_text().startswith("<svg")
    page = (folder / "report.html").read_text()
    assert page.count("<svg") == 4  # the comparison, the curves of each arm, and what became of held-out solutions
    assert "dpo, seed 0: 3 steps on " in page
    results = json.loads((folder / "results.json").read_text())
    assert [arm["arm"] for arm in results["arms"]] == ["rpo", "dpo"]
    assert results["arms"][0]["trainings"][0]["pass@1"] == {"passed": 0, "problems": 3}
    assert results["arms"][1]["differences to the first arm"]["pass@1"] == [0.0, 0.0, 0.0]
