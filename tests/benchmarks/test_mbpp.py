"""MBPP's test split: every reference passes, prompts, and setup code that is run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codedpo.benchmarks.judging import judge
from codedpo.benchmarks.mbpp import Mbpp
from codedpo.benchmarks.oracle import Oracle
from codedpo.errors import RecordError
from codedpo.evaluate import require_references
from codedpo.sandbox import Limits, Sandbox

LIMITS = Limits(memory_mb=1024)


def whole(shared_data: Path, shown_asserts: int = 1) -> Mbpp:
    return Mbpp(path=str(shared_data / "mbpp" / "mbpp.jsonl.gz"), shown_asserts=shown_asserts)


def sanitized(shared_data: Path) -> Mbpp:
    return Mbpp(path=str(shared_data / "mbpp" / "sanitized-mbpp.json"), sanitized=True)


def test_references_pass(shared_data: Path, tmp_path: Path) -> None:
    problems, edited = whole(shared_data).problems(), sanitized(shared_data).problems()
    assert (len(problems), len(edited)) == (500, 257)
    assert [problem.id for problem in (*problems, *edited) if problem.test] == ["Mbpp/367"]
    assert {inputs.name for problem in edited for inputs in problem.inputs} == {"equal", "isclose", "set"}
    asked = [*problems[::10], *(problem for problem in problems if problem.test)]
    with Sandbox(limits=LIMITS) as sandbox:
        assert require_references(asked, sandbox, Oracle(tmp_path)) == asked
        assert require_references(edited[::10], sandbox, Oracle(tmp_path)) == edited[::10]


def test_the_prompt_shows_the_first_assert_or_more(shared_data: Path) -> None:
    text = '"""\nWrite a python function to remove first and last occurrence of a given character from the string.\n'
    first = 'assert remove_Occ("hello","l") == "heo"\n'
    assert whole(shared_data).problems()[0].prompt == f'{text}{first}"""\n'
    shown = whole(shared_data, 3).problems()[0].prompt
    assert shown.startswith(text + first) and shown.count("assert") == 3
    prompts = whole(shared_data).problems()[0].prompts
    assert prompts is not None and f"{text}{first}" in prompts.chat


def test_an_answer_is_judged_by_equality_alone(shared_data: Path, tmp_path: Path) -> None:
    (problem,) = [problem for problem in whole(shared_data).problems() if problem.entry_point == "find_Volume"]
    program = "def find_Volume(a, b, c):\n    return a * b * c / 2"
    oracle = Oracle(tmp_path)
    with Sandbox(limits=LIMITS) as sandbox:
        oracle.prepare([problem], sandbox)
        right, wrong = judge([(problem, program), (problem, f"{program} + 1e-9")], sandbox, oracle)
    assert right.passed and not wrong.passed
    assert wrong.reason.startswith("equal: call 0, find_Volume(10, 8, 6): 240.000000001 instead of 240")


def test_files_that_are_not_mbpps_are_named(shared_data: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"name mbpp.jsonl in benchmarks\.mbpp\.path"):
        Mbpp().problems()
    with pytest.raises(RecordError, match=r"not MBPP's published sanitized-mbpp\.json"):
        Mbpp(path=whole(shared_data).path, sanitized=True).problems()
    with pytest.raises(RecordError, match=r"not MBPP's published mbpp\.jsonl"):
        Mbpp(path=sanitized(shared_data).path).problems()
    (tmp_path / "train.jsonl").write_text(json.dumps({"task_id": 601}))
    with pytest.raises(RecordError, match="holds no problem of MBPP's test split"):
        Mbpp(path=str(tmp_path / "train.jsonl")).problems()
