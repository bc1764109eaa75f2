import dataclasses
from pathlib import Path
from typing import get_args

import pytest

from codedpo.config import dump_config, load_config, make_config
from codedpo.errors import ConfigError
from codedpo.executors.local import LocalExecutor
from codedpo.executors.ray import RayExecutor
from codedpo.llms.budget import Budget
from codedpo.llms.llamacpp import LlamaCpp
from codedpo.llms.transformers import Transformers
from codedpo.llms.vllm import VLLM
from codedpo.sources import AnySource
from codedpo.sources.columns import Columns

LLM = {"kind": "openai", "model": "m"}


def test_a_small_file_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("run_folder: runs/a\nllm: {model: smollm2-135m}\n")
    config = load_config(path, ["samples.n_tests=20", "seeds.english=true", "limit=7"])
    assert config.llm.kind == "llamacpp"
    assert (config.samples.n_tests, config.seeds.english, config.limit) == (20, True, 7)


def test_the_resolved_configuration_reads_back_equal(tmp_path: Path) -> None:
    config = make_config({"run_folder": "r", "llm": LLM, "train": {"beta": 0.2}})
    (tmp_path / "a.yaml").write_text(dump_config(config))
    assert load_config(tmp_path / "a.yaml") == config


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"sampels": {}}, r"sampels: unknown key; did you mean 'samples'\?"),
        ({"samples": {"n_test": 1}}, r"samples\.n_test: unknown key; did you mean 'n_tests'\?"),
        (
            {"llm": {"kind": "openai", "model": "m", "base_ulr": ""}},
            r"llm\.base_ulr: unknown key; did you mean 'base_url'\?",
        ),
        ({"train": {"betta": 1}}, r"train\.betta: unknown key; did you mean 'beta'\?"),
        ({"samples": {"n_tests": "many"}}, r'samples\.n_tests: Input should be a valid integer, got "many"'),
        ({"samples": {"n_tests": "5"}}, r"samples\.n_tests: Input should be a valid integer"),
        ({"seeds": {"licences": "MIT"}}, r"seeds\.licences: Input should be a valid (tuple|array)"),
        ({"seeds": {"packages": []}}, r"seeds\.packages: unknown key"),
        ({"seeds": {"sources": [{"kind": "git"}]}}, r"seeds\.sources\.0: .*'packages', 'folder', 'table', 'hub'"),
        (
            {"seeds": {"sources": [{"path": "a"}]}},
            r"seeds\.sources\.0: Unable to extract tag using discriminator 'kind'",
        ),
        ({"seeds": {"sources": [{"kind": "folder"}]}}, r"seeds\.sources\.0\.path: is required"),
        (
            {"seeds": {"sources": [{"kind": "folder", "path": "a", "limits": 3}]}},
            r"seeds\.sources\.0\.limits: unknown key; did you mean 'limit'\?",
        ),
        (
            {"seeds": {"sources": [{"kind": "table", "paths": ["a"], "columns": {"cod": "x"}}]}},
            r"seeds\.sources\.0\.columns\.cod: unknown key; did you mean 'code'\?",
        ),
        ({"seeds": {"sources": [{"kind": "folder", "path": "a", "limit": 0}]}}, r"seeds\.sources\.limit: 0 must be at"),
        ({"seeds": {"min_lines": 9, "max_lines": 8}}, r"seeds\.max_lines: 8 must be at least 9"),
        ({"seeds": {"near_duplicates": 1.5}}, r"seeds\.near_duplicates: 1.5 must be above 0 and at most 1"),
        ({"llm": {"kind": "opanai", "model": "m"}}, r"llm: .*'llamacpp', 'openai'"),
        ({"samples": {"choices_per_request": 0}}, r"samples\.choices_per_request: 0 must be at least 1"),
        (
            {"llm": {**LLM, "budget": {"max_token": 1}}},
            r"llm\.budget\.max_token: unknown key; did you mean 'max_tokens_total'\?",
        ),
        ({"llm": {**LLM, "budget": {"max_cost": 5.0}}}, r"llm\.budget\.max_cost: needs llm\.budget\.prompt_price"),
        ({"llm": {"kind": "vllm", "model": "m", "comand": "v"}}, r"llm\.comand: unknown key; did you mean 'command'\?"),
        ({"llm": {"kind": "transformers", "model": "m", "batch_size": 0}}, r"llm\.batch_size: 0 must be at least 1"),
        ({"llm": {**LLM, "concurrency": 0}}, r"llm\.concurrency: 0 must be at least 1"),
        ({"workers": -1}, "workers: -1 must be at least 0"),
        ({"shards_in_flight": 0}, "shards_in_flight: 0 must be at least 1"),
        ({"executor": {"processes": -1}}, r"executor\.processes: -1 must be at least 0"),
        ({"executor": {"kind": "ray", "adress": "a"}}, r"executor\.adress: unknown key; did you mean 'address'\?"),
        (
            {"executor": {"kind": "ray", "address": "auto", "workers": 2}},
            "executor.workers: is for a cluster started here",
        ),
        (
            {"run_folder": "memory://r", "executor": {"processes": 2}},
            "run_folder: other processes cannot see memory://",
        ),
        ({"evaluate": {"samples": 2}}, r"evaluate\.temperature: 2 answers to a problem would be the same at 0"),
        ({"rankings": {"parameters": {"damp": 1}}}, r"rankings\.parameters: codedpo does not take them"),
        ({"limit": 0}, "limit: 0 must be at least 1"),
        ({"sandbox": {"memory_mb": 0}}, r"sandbox\.memory_mb: 0 must be greater than 0"),
        ({"rankings": {"ranker": "codepdo"}}, r"rankings\.ranker: 'codepdo' is unknown; did you mean 'codedpo'\?"),
        ({"train": {"method": "ppo"}}, r"train\.method: 'ppo' is unknown; did you mean 'rpo'\?"),
        ({"train": {"method": ["sft", "rpoo"]}}, r"train\.method: 'rpoo' is unknown; did you mean 'rpo'\?"),
        ({"train": {"launch": {"nodes": 2, "node_rank": 2}}}, "train.launch.node_rank: 2 must be less than nodes, 2"),
        ({"train": {"launch": {"master": "host"}}}, "train.launch.master: 'host' must read host:port"),
        ({"rounds": 0}, "rounds: 0 must be at least 1"),
        (
            {"train": {"batch_size": 3, "device_batch_size": 2}},
            "train.batch_size: 3 is not a multiple of 2 rows a forward pass",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(change: dict, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        make_config({"run_folder": "r", "llm": LLM, **change})


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ConfigError, match="run_folder: is required"):
        make_config({"llm": LLM})


@pytest.mark.parametrize(("text", "error"), [("a: [", "not valid YAML"), ("- 1", "must hold `key: value` lines")])
def test_a_bad_file_is_named(tmp_path: Path, text: str, error: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigError, match=rf"a\.yaml: {error}"):
        load_config(tmp_path / "a.yaml")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: No such file"):
        load_config("none.yaml")


@pytest.mark.parametrize(
    ("override", "error"), [("a", "reads key=value"), ("run_folder.x=1", "run_folder is a value, not a section")]
)
def test_a_bad_override_is_named(tmp_path: Path, override: str, error: str) -> None:
    (tmp_path / "a.yaml").write_text("run_folder: r\nllm: {model: smollm2-135m}\n")
    with pytest.raises(ConfigError, match=error):
        load_config(tmp_path / "a.yaml", [override])


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[1] / "configs").glob("*.yaml")), ids=lambda path: path.name
)
def test_every_configuration_that_comes_along_is_valid(path: Path) -> None:
    assert load_config(path).run_folder.startswith("runs/")


def test_every_key_is_documented() -> None:
    text = (Path(__file__).parents[1] / "docs" / "configuration.md").read_text()
    config = make_config({"run_folder": "r", "llm": LLM, "train": {}, "evaluate": {}})
    llms = [LlamaCpp(), config.llm, VLLM("m"), Transformers("m"), Budget()]
    sections = [config, *llms, RayExecutor(), LocalExecutor(), config.sandbox, *config.stages]
    sections.append(config.decontamination)
    sections += [
        config.train,
        config.train.launch,
        config.evaluate,
        config.ablations,
        *get_args(get_args(AnySource)[0]),
        Columns,
    ]
    keys = {field.name for section in sections for field in dataclasses.fields(section)}
    assert not {key for key in keys if f"`{key}`" not in text and f"## {key}" not in text}
