"""Runs that are interrupted, repeated or enlarged end with the same rows as one that was left alone."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from codedpo.config import make_config
from codedpo.job import run
from codedpo.pipeline import STAGE_NAMES
from codedpo.progress import Silent
from codedpo.records import Pair
from codedpo.store import read_records
from comparing import drops, rows
from conftest import run_settings, write_source
from kill_driver import __file__ as DRIVER
from killing import kept_answers, run_until, text_of
from loopback import LoopbackLLM


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An uninterrupted run, its server still up."""
    folder = tmp_path_factory.mktemp("reference")
    source = write_source(folder / "source")
    with LoopbackLLM() as server:
        run(make_config(run_settings(folder / "run", source, server.base_url)))
        yield folder / "run", source, server


@pytest.fixture(scope="module")
def killed(reference: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By stage, the folder of a run that was killed in it: `settings.json`, `run` and its temporary files."""
    _, source, server = reference
    folders = {stage: tmp_path_factory.mktemp(stage) for stage in STAGE_NAMES}
    for folder in folders.values():
        settings = run_settings(folder / "run", source, server.base_url)
        (folder / "settings.json").write_text(json.dumps(settings))
        (folder / "scratch").mkdir()
    runs = [argument for stage in STAGE_NAMES for argument in (folders[stage] / "settings.json", stage, "6")]
    done = subprocess.run([sys.executable, DRIVER, *runs], capture_output=True, text=True, check=False)
    assert done.stdout == json.dumps([-signal.SIGKILL] * len(STAGE_NAMES)), done.stderr
    return folders


def test_the_reference_run_made_something_in_every_stage(reference: Any) -> None:
    folder, _, _ = reference
    counts = {stage: len(rows(folder, stage)) for stage in STAGE_NAMES}
    assert counts["seeds"] == counts["tasks"] == 10
    assert min(counts.values()) >= 5
    kinds = {pair.kind for pair in read_records(next((folder / "pairs").glob("00000-????????????????.parquet")), Pair)}
    assert "correctness" in kinds


@pytest.mark.parametrize("stage", STAGE_NAMES)
def test_killed_in_any_stage_a_second_run_ends_with_the_same_rows(
    stage: str, reference: Any, killed: dict[str, Path]
) -> None:
    expected, _, server = reference
    folder = killed[stage]
    finished = {path: path.stat().st_mtime_ns for path in (folder / "run").rglob("0*.parquet")}
    asked = len(server.requests)
    kept = kept_answers(folder / "run" / "llm_cache", server.requests)
    run(make_config(json.loads((folder / "settings.json").read_text())))
    for name in STAGE_NAMES:
        assert rows(folder / "run", name) == rows(expected, name), name
    assert drops(folder / "run") == drops(expected)
    assert all(path.stat().st_mtime_ns == time for path, time in finished.items() if "dropped" not in path.name)
    assert kept or stage in ("seeds", "tasks")
    assert not kept & {text_of(payload) for payload in server.requests[asked:]}
    if stage in ("timings", "pairs"):
        assert len(server.requests) == asked
    assert not list((folder / "run").rglob("*.tmp"))
    assert not list((folder / "scratch").iterdir())


@pytest.mark.timeout(400)
def test_killed_at_random_moments_it_ends_with_the_same_rows(reference: Any, tmp_path: Path) -> None:
    expected, source, server = reference
    settings, folder = tmp_path / "settings.json", tmp_path / "run"
    settings.write_text(json.dumps(run_settings(folder, source, server.base_url)))
    (tmp_path / "scratch").mkdir()
    draw = random.Random(4)
    files = len(list(expected.rglob("*.parquet")))
    for point in sorted(draw.sample(range(1, files), 5)):
        delay, reached = draw.uniform(0, 0.3), []

        def is_time(point: int = point, delay: float = delay, reached: list[float] = reached) -> bool:
            if not reached and len(list(folder.rglob("*.parquet"))) >= point:
                reached.append(time.monotonic())
            return bool(reached) and time.monotonic() - reached[0] > delay

        kept, asked = kept_answers(folder / "llm_cache", server.requests), len(server.requests)
        assert run_until(settings, tmp_path / "scratch", is_time)
        assert not kept & {text_of(payload) for payload in server.requests[asked:]}
    run(make_config(json.loads(settings.read_text())))
    for name in STAGE_NAMES:
        assert rows(folder, name) == rows(expected, name), name
    assert drops(folder) == drops(expected)


def test_a_finished_run_does_nothing_twice(reference: Any) -> None:
    folder, source, server = reference
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("0*.parquet")}
    asked = len(server.requests)
    run(make_config(run_settings(folder, source, server.base_url)))
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("0*.parquet")} == before
    assert len(server.requests) == asked


def test_a_larger_limit_keeps_the_finished_shards(source_folder: Path, loopback: LoopbackLLM, tmp_path: Path) -> None:
    settings = run_settings(tmp_path / "run", source_folder, loopback.base_url)
    run(make_config({**settings, "limit": 4}))
    small = {path.name for path in (tmp_path / "run").rglob("0*.parquet")}
    asked = len(loopback.requests)
    run(make_config({**settings, "limit": 8}))
    assert small < {path.name for path in (tmp_path / "run").rglob("0*.parquet")}
    assert len(rows(tmp_path / "run", "seeds")) == 8
    assert len(loopback.requests) == 2 * asked


def test_a_changed_setting_remakes_what_depends_on_it(
    source_folder: Path, loopback: LoopbackLLM, tmp_path: Path
) -> None:
    settings = run_settings(tmp_path / "run", source_folder, loopback.base_url)
    run(make_config(settings))
    asked = len(loopback.requests)
    changed = {**settings, "rankings": {"ranker": "count"}}
    result = run(make_config(changed))
    assert len(loopback.requests) == asked
    (name,) = {row["ranker"] for row in rows(result.folder, "rankings")}
    assert name == "count"
    assert (
        len(
            {path.name.split("-")[1] for path in (tmp_path / "run" / "rankings").glob("00000-????????????????.parquet")}
        )
        >= 2
    )


def test_the_endpoint_is_not_part_of_the_recipe(reference: Any, tmp_path: Path) -> None:
    folder, source, _ = reference
    with LoopbackLLM() as another:
        run(make_config(run_settings(folder, source, another.base_url)))
        assert another.requests == []


class Interrupt(Silent):
    """Presses Ctrl-C while the samples are made."""

    def advanced(self, step: str, *, rows: int = 0, answers: int = 0, tokens: int = 0) -> None:
        if step == "samples" and answers:
            raise KeyboardInterrupt


def test_ctrl_c_keeps_what_was_answered(source_folder: Path, loopback: LoopbackLLM, tmp_path: Path) -> None:
    settings = make_config(run_settings(tmp_path / "run", source_folder, loopback.base_url))
    with pytest.raises(KeyboardInterrupt):
        run(settings, observer=Interrupt())
    assert list((tmp_path / "run" / "llm_cache").glob("*.jsonl"))
    assert run(settings).rows["pairs"] > 0


def test_another_shard_size_neither_doubles_nor_loses_rows(
    source_folder: Path, loopback: LoopbackLLM, tmp_path: Path
) -> None:
    settings = run_settings(tmp_path / "run", source_folder, loopback.base_url)
    run(make_config({**settings, "shard_size": 2, "limit": 4}), until="seeds")
    run(make_config({**settings, "shard_size": 4, "limit": 6}), until="seeds")
    ids = [row["id"] for row in rows(tmp_path / "run", "seeds")]
    run(make_config({**settings, "run_folder": str(tmp_path / "whole"), "limit": 6}), until="seeds")
    assert ids == [row["id"] for row in rows(tmp_path / "whole", "seeds")]
