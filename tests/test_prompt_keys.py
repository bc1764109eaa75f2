"""A changed prompt makes the stages that render it, and what follows, again; none can be forgotten."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import codedpo
from codedpo.config import make_config
from codedpo.job import run
from codedpo.pipeline import STAGES
from conftest import run_settings, write_source
from loopback import LoopbackLLM

SOURCE = Path(codedpo.__file__).parent
MadeAgain = Callable[[dict[str, Any], str, str], set[str]]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Of a run that has made its samples, the LLM still up."""
    folder = tmp_path_factory.mktemp("reference")
    with LoopbackLLM() as server:
        found = run_settings(folder / "run", write_source(folder / "source"), server.base_url)
        run(make_config(found), until="samples")
        yield found


@pytest.fixture
def made_again(tmp_path: Path) -> MadeAgain:
    """Runs a copy of the package, one template changed, on a copy of the run folder; the stages with new shards."""

    def made(settings: dict[str, Any], until: str, changed: str) -> set[str]:
        shutil.copytree(SOURCE, tmp_path / "package" / "codedpo", ignore=shutil.ignore_patterns("__pycache__"))
        prompt = tmp_path / "package" / "codedpo" / "prompts" / f"{changed}.txt"
        prompt.write_text(prompt.read_text().replace("[user]\n", "[user]\nTake your time. ", 1))
        folder = shutil.copytree(settings["run_folder"], tmp_path / "run")
        before = set(folder.rglob("*.parquet"))
        (tmp_path / "settings.json").write_text(json.dumps({**settings, "run_folder": str(folder)}))
        command = [sys.executable, "-m", "codedpo", "data", "-c", str(tmp_path / "settings.json"), "--until", until]
        environment = {**os.environ, "PYTHONPATH": str(tmp_path / "package")}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr
        return {path.parent.name for path in set(folder.rglob("0*.parquet")) - before}

    return made


@pytest.mark.parametrize(
    ("changed", "stages"), [("task", {"tasks", "samples"}), ("tests", {"samples"}), ("base", {"samples"})]
)
def test_a_changed_prompt_makes_its_stage_and_what_follows_again(
    changed: str, stages: set[str], settings: dict[str, Any], made_again: MadeAgain
) -> None:
    assert made_again(settings, "samples", changed) == stages


def test_of_brought_samples_a_changed_prompt_makes_only_the_pairs_again(
    settings: dict[str, Any], made_again: MadeAgain, tmp_path: Path
) -> None:
    samples = sorted(Path(settings["run_folder"], "samples").glob("00000-????????????????.parquet"))[0]
    brought = {**settings, "run_folder": str(tmp_path / "brought"), "samples": {"path": str(samples)}}
    run(make_config(brought), until="pairs")
    assert made_again(brought, "pairs", "solution") == {"pairs"}


def rendered(path: Path, by_function: dict[str, str]) -> set[str]:
    """The templates that a module renders: by literal name, by a dictionary of names, or through such a function."""
    tree = ast.parse(path.read_text())
    tables = {
        node.target.id: set(ast.literal_eval(node.value).values())
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(node.value, ast.Dict)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        found |= {by_function[node.func.id]} if node.func.id in by_function else set()
        match node:
            case ast.Call(ast.Name("template"), [ast.Constant(str(name))]):
                found.add(name)
            case ast.Call(ast.Name("template"), [ast.Subscript(ast.Name(table))]):
                found |= tables[table]
            case ast.Call(ast.Name("template")):
                pytest.fail(f"{path.name}:{node.lineno}: this test cannot tell which template that is")
            case _:
                pass
    return found


def functions_that_render() -> dict[str, str]:
    """The functions of prompting.py that stages call, and the template that each one renders."""
    return {
        function.name: call.args[0].value
        for function in ast.parse((SOURCE / "prompting.py").read_text()).body
        if isinstance(function, ast.FunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "template"
        if isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    }


def test_each_stage_names_just_the_prompts_that_it_renders() -> None:
    by_function = functions_that_render()
    assert by_function == {"solution_prompt": "solution", "text_prompt": "base", "text_chat_template": "base"}
    named = {stage.NAME: set(getattr(stage, "PROMPTS", ())) for stage in STAGES}
    assert "base" in named["samples"]  # rendered where a request is sent, before a chat that shows no example
    for path in (SOURCE / "stages").glob("*.py"):
        assert rendered(path, by_function) == named.get(path.stem, set()) - {"base"}, path.name
