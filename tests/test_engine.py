"""Stages overlap where they may, timings run alone, and what fails stops the rest without losing answers."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from codedpo.config import make_config
from codedpo.errors import LLMError
from codedpo.job import run
from codedpo.pipeline import ChoosePairs
from codedpo.progress import Silent
from codedpo.store import read_metadata
from comparing import drops, rows
from conftest import NAMES, run_settings
from killing import text_of
from loopback import LoopbackLLM


class Story(Silent):
    """What the engine tells, in order, and from which threads."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.threads: dict[str, set[str]] = {}
        self.totals: dict[str, int | None] = {}
        self.rows: dict[str, int] = {}

    def started(self, step: str, total: int | None) -> None:
        self.totals[step] = total

    def expected(self, step: str, total: int) -> None:
        self.totals[step] = total

    def advanced(self, step: str, *, rows: int = 0, answers: int = 0, tokens: int = 0) -> None:
        self.steps.append(step)
        self.threads.setdefault(step, set()).add(threading.current_thread().name)
        self.rows[step] = self.rows.get(step, 0) + rows


def told(settings: dict[str, Any]) -> Story:
    story = Story()
    run(make_config(settings), observer=story)
    return story


def test_execution_begins_before_generation_ends(source_folder: Path, loopback: LoopbackLLM, tmp_path: Path) -> None:
    settings = run_settings(tmp_path / "run", source_folder, loopback.base_url)
    story = told({**settings, "shard_size": 1, "shards_in_flight": 1})
    last_sample = len(story.steps) - story.steps[::-1].index("samples")
    assert story.steps.index("executions") < last_sample
    assert story.steps.index("timings") > last_sample
    alone = [step for step in story.steps[story.steps.index("timings") :] if step != "timings"]
    assert alone == ["pairs"] * len(alone)


def test_without_overlap_each_stage_ends_before_the_next(
    source_folder: Path, loopback: LoopbackLLM, tmp_path: Path
) -> None:
    story = told({**run_settings(tmp_path / "run", source_folder, loopback.base_url), "overlap": False})
    order = list(dict.fromkeys(story.steps))
    assert order == ["seeds", "tasks", "samples", "executions", "rankings", "timings", "pairs"]
    assert sorted(story.steps, key=order.index) == story.steps


def test_the_observer_hears_of_every_row_whatever_the_order(
    source_folder: Path, loopback: LoopbackLLM, tmp_path: Path
) -> None:
    settings = {**run_settings(tmp_path / "run", source_folder, loopback.base_url), "shard_size": 3}
    story = told(settings)
    assert story.rows["tasks"] == story.totals["tasks"] == 10
    assert all(story.rows[step] == story.totals[step] for step in story.rows if step not in ("seeds", "model"))
    assert {**told(settings).rows, "seeds": 10} == story.rows


def test_an_llm_that_refuses_ends_the_run_and_the_next_one_goes_on(source_folder: Path, tmp_path: Path) -> None:
    with LoopbackLLM() as server:
        settings = run_settings(tmp_path / "run", source_folder, server.base_url)
        run(make_config(settings), until="tasks")
        with LoopbackLLM("401") as broken, pytest.raises(LLMError, match="bad key"):
            run(make_config({**settings, "llm": {**settings["llm"], "base_url": broken.base_url}}))
        assert run(make_config(settings)).rows["pairs"] > 0
        assert len({text_of(request) for request in server.requests}) == len(server.requests)


def test_dropped_rows_are_joined_once_and_not_again(source_folder: Path, loopback: LoopbackLLM, tmp_path: Path) -> None:
    settings = make_config(run_settings(tmp_path / "run", source_folder, loopback.base_url))
    run(settings, until="samples")
    joined = tmp_path / "run" / "dropped.parquet"
    before, recipe = len(drops(tmp_path / "run")), read_metadata(joined)["recipe"]
    result = run(settings)
    assert read_metadata(joined)["recipe"] != recipe
    assert len(drops(tmp_path / "run")) >= before
    written = joined.stat().st_mtime_ns
    assert run(settings).rows == result.rows
    assert joined.stat().st_mtime_ns == written


def test_drafts_of_a_killed_writer_are_removed(source_folder: Path, loopback: LoopbackLLM, tmp_path: Path) -> None:
    draft = tmp_path / "run" / "tasks" / ".00000-abc.parquet.0123456789ab.tmp"
    draft.parent.mkdir(parents=True)
    draft.touch()
    run(make_config(run_settings(tmp_path / "run", source_folder, loopback.base_url)), until="seeds")
    assert not draft.exists()


class OneIdea(LoopbackLLM):
    """Writes the same task whatever the seed."""

    def text(self, payload: dict[str, Any], index: int) -> str:
        text = super().text(payload, index)
        if not text.startswith("TASK:"):
            return text
        signature = "def above(numbers: list[int], k: int) -> list[int]:"
        return f"TASK: Given a list of numbers and a number k, return the numbers that are greater than k in their order.\nSIGNATURE: {signature}\nEXAMPLE: above([1, 2], 1) == [2]"


def test_a_task_that_equals_one_of_another_shard_is_left_out(source_folder: Path, tmp_path: Path) -> None:
    with OneIdea() as server:
        result = run(make_config(run_settings(tmp_path / "run", source_folder, server.base_url)), until="executions")
    assert result.rows == {"seeds": 10, "tasks": 3, "samples": 1, "executions": 1}
    reasons = [(row["stage"], row["reason"]) for row in drops(tmp_path / "run")]
    assert reasons.count(("tasks", "equals an earlier task")) == 7
    assert reasons.count(("samples", "equals an earlier task")) == 2


def test_repeats_are_looked_for_again_where_a_shard_is_made_again(
    source_folder: Path, loopback: LoopbackLLM, tmp_path: Path
) -> None:
    settings = make_config(run_settings(tmp_path / "run", source_folder, loopback.base_url))
    run(settings, until="pairs")
    for stage in ("timings", "pairs"):
        for path in (tmp_path / "run" / stage).glob("00000-*.parquet"):
            path.unlink()
    run(settings, until="pairs")
    assert len(list((tmp_path / "run" / "pairs").glob("skipped-*.json"))) == 2


def test_repeats_are_looked_for_once(
    source_folder: Path, loopback: LoopbackLLM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_config(run_settings(tmp_path / "run", source_folder, loopback.base_url))
    result = run(settings, until="pairs")
    assert len(list((tmp_path / "run" / "pairs").glob("skipped-*.json"))) == 1
    monkeypatch.setattr(ChoosePairs, "skips", lambda *_: pytest.fail("looked again"))
    assert run(settings, until="pairs").rows == result.rows


@pytest.mark.parametrize(
    "lost", ["seeds/00000-*.parquet", "seeds/index-*.dropped.parquet", "tasks/00000-*.dropped.parquet"]
)
def test_a_file_that_was_deleted_is_made_again(
    lost: str, source_folder: Path, loopback: LoopbackLLM, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    config = make_config(run_settings(folder, source_folder, loopback.base_url))
    run(config, until="tasks")
    expected, asked = rows(folder, "tasks"), len(loopback.requests)
    path = next(path for path in folder.glob(lost) if path.name.count(".") == lost.count("."))
    path.unlink()
    run(config, until="tasks")
    assert path.exists()
    assert rows(folder, "tasks") == expected
    assert len(loopback.requests) == asked


def test_a_failure_does_not_wait_for_the_answers_of_other_shards(source_folder: Path, tmp_path: Path) -> None:
    released = threading.Event()

    class Late(LoopbackLLM):
        """Holds back the tests of some tasks until it is told."""

        def text(self, payload: dict[str, Any], index: int) -> str:
            last = payload["messages"][-1]["content"]
            if "assert statements" in last and any(name in last for name in NAMES[-3:]):
                released.wait(60)
            return super().text(payload, index)

    class Fails(Silent):
        def advanced(self, step: str, *, rows: int = 0, answers: int = 0, tokens: int = 0) -> None:
            if step == "executions":
                raise RuntimeError("the executions failed")

    with Late() as server:
        settings = run_settings(tmp_path / "run", source_folder, server.base_url)
        late = threading.Timer(30, released.set)
        late.start()
        try:
            with pytest.raises(RuntimeError, match="the executions failed"):
                run(make_config({**settings, "shard_size": 1}), observer=Fails())
            assert not released.is_set()
        finally:
            late.cancel()
            released.set()
