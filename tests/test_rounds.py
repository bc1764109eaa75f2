"""Later rounds: the trained model writes the solutions and tests for the same tasks, and is trained further."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codedpo.config import make_config
from codedpo.engine import Engine
from codedpo.errors import ConfigError
from codedpo.evaluate import PassRate, Verdict
from codedpo.job import require_what_comes_last, run
from codedpo.progress import Silent
from codedpo.records import Samples
from codedpo.rounds import Improvement, Round, check_rounds, still_gains
from codedpo.store import read_records
from codedpo.tools import RunTools
from conftest import run_settings
from loopback import LoopbackLLM

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"samples": {"path": "mine.jsonl"}}, "rounds: later rounds sample for the same tasks"),
        ({"train": {"lora_rank": 0}}, "set train.lora_rank above 0"),
        ({"train": {"model": "smollm2-135m"}}, "leave train.model empty, or take transformers"),
        ({"train": {"launch": {"nodes": 2}}}, "take train.launch.nodes: 1, or rounds: 1"),
        ({"llm": {"kind": "openai", "model": "m"}}, r"\(llm.kind: openai\) cannot be given new weights; take llm.kind"),
    ],
)
def test_rounds_that_cannot_work_are_refused_at_the_start(change: dict[str, Any], text: str) -> None:
    settings = {"run_folder": "r", "llm": {"model": "qwen2.5-coder-0.5b"}, "train": {}, "rounds": 2}
    with pytest.raises(ConfigError, match=text):
        check_rounds(make_config({**settings, **change}))
    check_rounds(make_config({**settings, **change, "rounds": 1}))
    check_rounds(make_config(settings))


def test_a_run_that_trains_takes_no_adapter_of_another_training() -> None:
    settings = {"run_folder": "r", "llm": {"model": "smollm2-135m", "adapter": "a.gguf"}, "train": {}}
    with pytest.raises(ConfigError, match="llm.adapter: training starts from the model without it"):
        require_what_comes_last(make_config(settings))


def test_the_stages_after_a_finished_one_leave_it_as_it_is(tmp_path: Path, source_folder: Path) -> None:
    with LoopbackLLM() as server:
        config = make_config(run_settings(tmp_path / "run", source_folder, server.base_url))
        folder = tmp_path / "run"
        with RunTools(config, folder) as tools:
            whole = Engine(config, folder, tools, Silent()).run("rankings")
            other = make_config(
                {**run_settings(tmp_path / "run", source_folder, server.base_url), "samples": {"n_tests": 3}}
            )
            tools.change_llm(other)
            again = Engine(other, folder, tools, Silent()).run(after=whole["tasks"])
    assert set(again) == {"samples", "executions", "rankings", "timings", "pairs"}
    assert [shard.key for shard in again["samples"].shards] != [shard.key for shard in whole["samples"].shards]
    assert {row.task.id for row in again["samples"].rows() if row.task} <= {row.id for row in whole["tasks"].rows()}


def rate(passed: int) -> PassRate:
    return PassRate("x", tuple(Verdict(str(n), n < passed, "", "", "", "") for n in range(10)))


def test_rounds_end_where_the_pass_rate_no_longer_rises() -> None:
    assert still_gains(rate(3), rate(4))
    assert not still_gains(rate(4), rate(4))
    assert not still_gains(rate(4), rate(3))
    assert still_gains(None, None)  # not measured: as many rounds as asked for


def test_the_result_is_the_first_of_the_best_rounds() -> None:
    def improvement(*passed: int | None) -> Improvement:
        rates = [None if count is None else rate(count) for count in passed]
        return Improvement(None, tuple(Round(n, {}, None, found) for n, found in enumerate(rates, 1)))  # type: ignore[arg-type]

    assert improvement(5, 7, 7).best.number == 2
    assert improvement(5, 4).best.number == 1
    assert improvement(None, None).best.number == 2


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore")
def test_later_rounds_are_written_by_the_trained_model_and_train_it_further(tmp_path: Path) -> None:
    settings = {
        "run_folder": str(tmp_path / "run"), "llm": {"model": "smollm2-135m", "parallel": 16, "context_tokens": 1024},
        "rounds": 3, "limit": 6, "sandbox": {"cpu_seconds": 2},
        "tasks": {"path": str(EXAMPLES / "tasks.jsonl")},
        "samples": {"n_solutions": 10, "n_tests": 10, "max_tokens": 120, "input_generators": 0, "temperature": 0.8},
        "pairs": {"efficiency": False}, "timings": {"min_credible_tests": 99},
        "train": {"learning_rate": 1e-3, "lora_rank": 4, "lora_last_layers": 4, "batch_size": 2, "steps": 2},
    }  # fmt: skip
    result = run(make_config(settings))
    assert result.improvement is not None
    first, second, third = result.improvement.rounds
    samples: list[list[Samples]] = [list(found.results["samples"].rows()) for found in (first, second, third)]
    weights = [{row.solution_generation.weights for row in rows if row.solution_generation} for rows in samples]
    assert [len(found) for found in weights] == [1, 1, 1]
    base, one, two = (found.pop() for found in weights)
    assert one.startswith(f"{base}+")
    assert two.startswith(f"{base}+")
    assert one != two
    assert [row.solutions for row in samples[0]] != [row.solutions for row in samples[1]]
    assert first.results["tasks"].shards == result.improvement.rounds[0].results["tasks"].shards
    assert "tasks" not in second.results
    assert first.trained.folder != second.trained.folder
    job = json.loads((Path(settings["run_folder"]) / "manifest.json").read_text())
    assert [found["round"] for found in job["rounds"]] == [1, 2, 3]
    again = run(make_config(settings))  # does nothing twice
    assert again.improvement is not None
    assert [r.trained.folder for r in again.improvement.rounds] == [r.trained.folder for r in (first, second, third)]
    shards = sorted((tmp_path / "run" / "samples").glob("0*.parquet"))
    assert {len(read_records(path, Samples)) > 0 for path in shards if "dropped" not in path.name} == {True}
