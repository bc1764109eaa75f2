"""Verdicts that fell are kept, each as it falls, and served to nothing that differs from what was judged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from codedpo.benchmarks import InputSet, Problem
from codedpo.benchmarks.judging import Judgement, judge
from codedpo.benchmarks.kept import Kept
from codedpo.benchmarks.oracle import Oracle
from codedpo.sandbox import Limits, Sandbox

RIGHT = "def f(x):\n    return x + 1"
WRONG = "def f(x):\n    return x"
PROBLEM = Problem("p", "def f(x):\n", "f", RIGHT, inputs=(InputSet("base", ((1,), (2,))),))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as opened:
        yield opened


def judged(folder: Path, sandbox: Sandbox, *items: tuple[Problem, str], version: int = 1) -> list[Judgement]:
    oracle = Oracle(folder)
    oracle.prepare(list({problem.id: problem for problem, _ in items}.values()), sandbox)
    return judge(items, sandbox, oracle, Kept(folder / "judged.jsonl", sandbox, version))


def kept(folder: Path) -> list[str]:
    return [line for line in (folder / "judged.jsonl").read_text().split("\n") if line]


def test_what_was_judged_is_not_judged_again(tmp_path: Path, sandbox: Sandbox) -> None:
    items = [(PROBLEM, RIGHT), (PROBLEM, WRONG), (PROBLEM, RIGHT)]
    first = judged(tmp_path, sandbox, *items)
    assert [found.passed for found in first] == [True, False, True]
    assert len(kept(tmp_path)) == 2, "equal programs are judged once"
    assert judged(tmp_path, sandbox, *items) == first  # the times too
    assert len(kept(tmp_path)) == 2


def test_a_verdict_is_served_to_nothing_else(tmp_path: Path, sandbox: Sandbox) -> None:
    judged(tmp_path, sandbox, (PROBLEM, RIGHT))
    stricter = replace(PROBLEM, inputs=(InputSet("base", ((1,), (3,))),))
    for number, (problem, program, version) in enumerate(
        [(PROBLEM, RIGHT + " ", 1), (stricter, RIGHT, 1), (PROBLEM, RIGHT, 2)], 2
    ):
        judged(tmp_path, sandbox, (problem, program), version=version)
        assert len(kept(tmp_path)) == number
    with Sandbox(limits=Limits(memory_mb=2048)) as other:
        judged(tmp_path, other, (PROBLEM, RIGHT))
    assert len(kept(tmp_path)) == 5


def test_judging_that_was_cut_short_goes_on_where_it_was(tmp_path: Path, sandbox: Sandbox) -> None:
    programs = [(PROBLEM, f"{RIGHT} + {n} - {n}") for n in range(4)]
    whole = judged(tmp_path, sandbox, *programs)
    rows = kept(tmp_path)
    (tmp_path / "judged.jsonl").write_text("\n" + "\n".join([*rows[:2], rows[2][:50]]))
    again = judged(tmp_path, sandbox, *programs)
    assert [found.passed for found in again] == [True] * 4
    assert again[:2] == whole[:2]
    assert [json.loads(row)["key"] for row in kept(tmp_path)[3:]] == [json.loads(row)["key"] for row in rows[2:]]


def test_statements_and_inputs_of_one_set_keep_their_places(tmp_path: Path, sandbox: Sandbox) -> None:
    stated = replace(PROBLEM, id="s", inputs=(), test="assert f(1) == 2\nassert f(2) == 3")
    both = replace(PROBLEM, id="b", test="assert f(5) == 6")
    items = [(problem, program) for problem in (stated, PROBLEM, both, stated) for program in (RIGHT, WRONG)]
    for known in ([], items[:3], items):
        folder = tmp_path / str(len(known))
        judged(folder, sandbox, *known)
        found = judged(folder, sandbox, *items)
        assert [each.passed for each in found] == [True, False] * 4
        assert [list(each.outcomes) for each in found[::2]] == [["test"], ["base"], ["test", "base"], ["test"]]
