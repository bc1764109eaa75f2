"""The numbers of a stage, worked out by hand, from real shards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from codedpo.benchmarks.humaneval import HumanEval
from codedpo.config import make_config
from codedpo.job import run
from codedpo.records import Execution, Samples, Task
from codedpo.report.statistics import stage_statistics
from conftest import run_settings, write_source
from loopback import LoopbackLLM
from staged import lines, result

CONFIG = make_config({"run_folder": "r", "llm": {"kind": "openai", "model": "m"}, "samples": {"n_solutions": 4}})


def task(text: str) -> Task:
    return Task(text, text, "def f(x: int) -> int:", "f", "", (), None, None, ("reasoning stripped",))


def samples(n_solutions: int, n_tests: int, *repairs: str) -> Samples:
    solutions = ("def f(x):\n\n    return x\n",) * n_solutions
    return Samples(
        task("Add one."), solutions, ("assert f(1) == 1",) * n_tests, n_solutions - 1, 0, None, None, repairs
    )


def test_rates_lengths_and_repairs_of_tasks_and_samples(tmp_path: Path) -> None:
    tasks = result(tmp_path, "tasks", Task, [[task("Add one."), task("Add 2 to x now.")], [task("ADD one")]], [])
    solution = ("solution", "no program that defines the function")
    test = ("test", "test does not call the function")
    rows: list[list[object]] = [[samples(4, 2, "prose stripped")], [samples(2, 3, "prose stripped", "blocks joined")]]
    made = result(tmp_path, "samples", Samples, rows, [solution, solution, test, ("test", "no test in the answer")])
    found = stage_statistics({"tasks": tasks, "samples": made}, CONFIG)
    assert lines(found, "tasks")["words per task"] == "median 2, 90% in 2 to 4.7"
    assert lines(found, "tasks")["rules that were needed to read drafts"] == "reasoning stripped 3"
    # 3 tasks x 4 answers, 2 of them dropped; 6 solutions kept, 4 of them equal to an earlier one of their task.
    shown = lines(found, "samples")
    assert shown.pop("mean similarity to HumanEval").endswith("of 2 (the paper's tasks: 0.109)")
    assert shown == {
        "answers with a usable solution": "10 of 12 (83.3%)",
        "tests that could be used": "5 of 6 (83.3%)",
        "solutions that equal no earlier one": "2 of 6 (33.3%)",
        "tests that equal no earlier one": "5 of 5 (100.0%)",
        "solutions per task": "median 3, 90% in 2.1 to 3.9",
        "tests per task": "median 2.5, 90% in 2.05 to 2.95",
        "lines per solution": "median 2, 90% in 2 to 2",
        "rules that were needed to read answers": "prose stripped 2, blocks joined 1",
    }


def test_the_similarity_to_humaneval_is_that_of_tasks_with_their_first_solutions(tmp_path: Path) -> None:
    problem = HumanEval().problems()[0]
    known = replace(samples(1, 1), task=task(""), solutions=(problem.reference,))
    foreign = replace(samples(1, 1), task=task("zzz qqq"), solutions=("www",))
    made = result(tmp_path, "samples", Samples, [[known], [foreign]], [])
    value = lines(stage_statistics({"samples": made}, CONFIG), "samples")["mean similarity to HumanEval"]
    assert value == "0.500, of 2 (the paper's tasks: 0.109)"


def test_outcomes_are_counted_over_all_shards(tmp_path: Path) -> None:
    outcomes = np.array([[0, 1], [8, 0]], np.uint8)
    row = Execution(samples(2, 2), outcomes, np.ones((2, 2), np.float32), outcomes == 0, ())
    found = stage_statistics({"executions": result(tmp_path, "executions", Execution, [[row], [row]], [])}, CONFIG)
    assert lines(found, "executions") == {
        "executions": "6, 4 passed",
        "outcomes": "passed 4, wrong 2, not_run 2",
        "judged outside the solution's process": "4 of 8 (50.0%)",
    }


def test_dropped_rows_and_values_are_counted_by_column(tmp_path: Path) -> None:
    tasks = result(tmp_path, "tasks", Task, [[task("a"), task("b")], []], [("row", "x"), ("row", "x"), ("draft", "y")])
    assert tasks.drop_counts() == {("row", "x"): 2, ("draft", "y"): 1}
    assert tasks.value_counts("entry_point", "example") == {("f", ""): 2}
    assert stage_statistics({"tasks": result(tmp_path / "none", "tasks", Task, [[]], [])}, CONFIG)


def test_a_run_shows_a_table_for_each_stage(tmp_path: Path) -> None:
    with LoopbackLLM() as server:
        page = run(
            make_config(run_settings(tmp_path / "run", write_source(tmp_path / "source"), server.base_url))
        ).report
    text = page.read_text()
    for name in (
        "lines per function",
        "words per task",
        "drafts that could be used",
        "answers with a usable solution",
        "tests per task",
    ):
        assert f"<td>{name}</td>" in text
