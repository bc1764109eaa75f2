"""LeetCodeDataset: problems by date, prompts, extraction, and programs whose class is called."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from codedpo.benchmarks import Problem
from codedpo.benchmarks.judging import judge
from codedpo.benchmarks.leetcode import LeetCode
from codedpo.benchmarks.oracle import Oracle
from codedpo.errors import ConfigError, RecordError
from codedpo.evaluate import require_references
from codedpo.sandbox import Limits, Sandbox

LIMITS = Limits(memory_mb=1024)
ROW: dict[str, Any] = {
    "task_id": "add-one",
    "estimated_date": "2024-08-04",
    "prompt": "from typing import *\n\ninf = float('inf')\n",
    "starter_code": "class Solution:\n    def add(self, n: int) -> int:\n        ",
    "problem_description": 'Add """one""" to n\\m.\n\nExample: 1 gives 2.',
    "query": "Please add.",
    "completion": "class Solution:\n    def add(self, n: int) -> int:\n        return n + 1",
    "entry_point": "Solution().add",
    "test": "def check(candidate):\n    assert candidate(n = 1) == 2\n    assert candidate(n = inf) == inf\n",
}


@pytest.fixture(scope="module")
def august(shared_data: Path) -> Sequence[Problem]:
    path = str(shared_data / "leetcode" / "LeetCodeDataset-v0.3.1-test.jsonl.gz")
    return LeetCode(path=path, start="2024-08-04", end="2024-08-18").problems()


def written(folder: Path, **changed: Any) -> str:
    (folder / "data.jsonl").write_text(json.dumps({**ROW, **changed}))
    return str(folder / "data.jsonl")


def test_problems_of_two_weeks_are_read_and_their_references_pass(august: Sequence[Problem], tmp_path: Path) -> None:
    assert len(august) >= 5
    assert all(problem.inputs and not problem.test and problem.entry_point == "Solution" for problem in august)
    assert august[0].id == "shortest-distance-after-road-addition-queries-i"
    plain = [problem for problem in august if "sortedcontainers" not in problem.prelude][:4]
    with Sandbox(limits=LIMITS) as sandbox:
        assert require_references(plain, sandbox, Oracle(tmp_path)) == plain


def test_an_answer_gets_the_prelude_and_is_judged(tmp_path: Path) -> None:
    (problem,) = LeetCode(path=written(tmp_path)).problems()
    answer = "Here:\n```python\nclass Solution:\n    def add(self, n: Optional[int]) -> int:\n        return {}\n```"
    program, published = (problem.extract(answer.format("1 + n"), published=way) for way in (False, True))
    assert program is not None and published is not None
    wrong = problem.extract(answer.format("2"))
    assert wrong is not None
    oracle = Oracle(tmp_path)
    with Sandbox(limits=LIMITS) as sandbox:
        assert oracle.prepare([problem], sandbox) == {}
        items = [(problem, text) for text in (program, published, wrong, program.replace("(self", "(this"))]
        found = judge(items, sandbox, oracle)
    assert [judgement.passed for judgement in found] == [True, True, False, True]
    assert "call 1" in found[2].reason and "2 instead of inf" in found[2].reason


def test_all_calls_share_one_solution(tmp_path: Path) -> None:
    test = "def check(candidate):\n    assert candidate(n = 0) == 1\n    assert candidate(n = 0) == 2\n"
    counting = "class Solution:\n    seen = 0\n    def add(self, n):\n        self.seen += 1\n        return self.seen"
    (problem,) = LeetCode(path=written(tmp_path, test=test, completion=counting)).problems()
    with Sandbox(limits=LIMITS) as sandbox:
        assert Oracle(tmp_path).prepare([problem], sandbox) == {}


def test_the_prompts_are_upstreams_query_and_code_to_go_on_with(tmp_path: Path) -> None:
    (problem,) = LeetCode(path=written(tmp_path)).problems()
    assert problem.prompts is not None
    assert problem.prompts.chat == "Please add."
    assert problem.prompts.text.text == (
        "from typing import *\n\ninf = float('inf')\n\nclass Solution:\n    def add(self, n: int) -> int:\n"
        '        """Add \\"\\"\\"one\\"\\"\\" to n\\\\m.\n\n        Example: 1 gives 2.\n        """\n'
    )


def test_a_test_that_cannot_be_read_is_run(tmp_path: Path) -> None:
    test = "def check(candidate):\n    assert candidate(n = 1) == max(2, 1)\n"
    (problem,) = LeetCode(path=written(tmp_path, test=test)).problems()
    assert problem.test and not problem.inputs
    wrong = problem.program("class Solution:\n    def add(self, n):\n        return 3")
    with Sandbox(limits=LIMITS) as sandbox:
        assert require_references([problem], sandbox, Oracle(tmp_path)) == [problem]
        (found,) = judge([(problem, wrong)], sandbox, Oracle(tmp_path))
    assert not found.passed


def test_wrong_files_and_dates_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"LeetCodeDataset-v0\.3\.1-test\.jsonl\.gz in benchmarks\.leetcode\.path"):
        LeetCode().problems()
    with pytest.raises(RecordError, match="no problem from '2025-01-01' to ''"):
        LeetCode(path=written(tmp_path), start="2025-01-01").problems()
    with pytest.raises(ConfigError, match=r"benchmarks\.leetcode\.end: .*write it as '2024-08-01'"):
        LeetCode(end="August")
    (tmp_path / "other.jsonl").write_text('{"task_id": "x"}\n')
    with pytest.raises(RecordError, match="not LeetCodeDataset's published file"):
        LeetCode(path=str(tmp_path / "other.jsonl")).problems()
