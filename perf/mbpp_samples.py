"""MBPP+ in, tasks for a run out; that run in, its samples with their truth out: the second set of docs/rankers.md.

    python perf/mbpp_samples.py tasks MbppPlus-v0.2.0.jsonl.gz tasks.jsonl --count 100
    codedpo data --config perf/mbpp.yaml tasks.path=tasks.jsonl
    MBPP_OVERRIDE_PATH=MbppPlus-v0.2.0.jsonl.gz python perf/mbpp_samples.py pack runs/mbpp samples.jsonl.gz

A task has a text and a typed signature as this project's own tasks have them, and no example.

The problems are drawn by a hash of their id, so that a larger count adds problems and those never drawn stay unseen.
"""

from __future__ import annotations

import argparse
import ast
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

from codedpo.bench.judging import judged_tasks
from codedpo.bench.reading import stage_rows
from codedpo.models import default_cache
from codedpo.records import Execution


def _drawn(path: Path, count: int) -> list[dict[str, Any]]:
    """The first problems in the order of the draw."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        problems = [json.loads(line) for line in file]
    return sorted(problems, key=lambda problem: hashlib.sha256(problem["task_id"].encode()).hexdigest())[:count]


def _type(value: Any) -> str:
    """The plain type of a literal, such as `list[int]`; `object` where its parts differ."""
    if isinstance(value, dict):
        return f"dict[{_common(value)}, {_common(value.values())}]" if value else "dict"
    if isinstance(value, tuple):
        return f"tuple[{_common(value)}, ...]" if value else "tuple"
    if isinstance(value, list | set):
        return f"{type(value).__name__}[{_common(value)}]" if value else type(value).__name__
    return "None" if value is None else type(value).__name__


def _common(values: Any) -> str:
    types = {_type(value) for value in values}
    return types.pop() if len(types) == 1 else "float" if types == {"int", "float"} else "object"


def _literal_type(node: ast.expr | None) -> str:
    try:
        return _type(ast.literal_eval(node)) if node is not None else "object"
    except ValueError:
        return "object"


def _task(problem: dict[str, Any]) -> dict[str, str]:
    """Text without its example, signature with the types of the example's values."""
    name = problem["entry_point"]
    lines = problem["prompt"].strip().strip('"').strip().splitlines()
    text = " ".join(line for line in lines if not line.startswith("assert "))
    example = ast.parse("\n".join(line for line in lines if line.startswith("assert ")))
    calls = [
        node
        for node in ast.walk(example)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    ]
    definition = next(
        node
        for node in ast.parse(problem["canonical_solution"]).body
        if isinstance(node, ast.FunctionDef) and node.name == name
    )
    names = [argument.arg for argument in definition.args.args]
    types = [_literal_type(node) for node in calls[0].args]
    types += ["object"] * (len(names) - len(types))
    compared = next((node for node in ast.walk(example) if isinstance(node, ast.Compare)), None)
    expected = compared.comparators[0] if compared is not None else None
    if isinstance(expected, ast.Call):
        expected = expected.args[0] if len(expected.args) == 1 else None
    arguments = ", ".join(f"{name}: {type_}" for name, type_ in zip(names, types, strict=False))
    signature = f"def {name}({arguments}) -> {_literal_type(expected)}:"
    return {"id": problem["task_id"], "text": text, "signature": signature}


def _pack(run: Path, output: Path) -> None:
    """Write the samples of a run with what MBPP+ says of them, for `codedpo bench rankers`."""
    judged = {task.id: task for task in judged_tasks(run, "mbpp_plus", default_cache())}
    with gzip.GzipFile(output, "wb", mtime=0) as file:
        for execution in stage_rows(run, "executions", Execution):
            samples = execution.samples
            task = judged.get(samples.task.id) if samples.task else None
            if task is None:
                continue
            row = {
                "task_id": task.id,
                "entry_point": samples.task.entry_point,
                "solutions": samples.solutions,
                "tests": samples.tests,
                "correct": task.correct.tolist(),
                "test_valid": task.test_valid.tolist(),
            }
            file.write(json.dumps(row).encode() + b"\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["tasks", "pack"])
    parser.add_argument("source", type=Path, help="MBPP+'s file, or the run")
    parser.add_argument("output", type=Path)
    parser.add_argument("--count", type=int, default=100)
    arguments = parser.parse_args()
    if arguments.verb == "pack":
        _pack(arguments.source, arguments.output)
        return
    tasks = [_task(problem) for problem in _drawn(arguments.source, arguments.count)]
    arguments.output.write_text("".join(json.dumps(task) + "\n" for task in tasks))


if __name__ == "__main__":
    main()
