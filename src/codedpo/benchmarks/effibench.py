"""EffiBench (arXiv 2402.02037): LeetCode's problems with an efficient canonical solution, read from a local file.

The columns are those that upstream's programs read: problem_idx, task_name, markdown_description, canonical_solution,
test_case and small_test_cases (statements that ask a `solution` made before, src/code_efficiency_calculator.py). The
published file could not be had when this was written: it is tested on a row made by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from codedpo.benchmarks.hub import rows_of
from codedpo.benchmarks.problem import Problem, Prompts
from codedpo.prompting import TextPrompt


@dataclass(frozen=True)
class EffiBench:
    """1,000 problems as published."""

    name: str = "effibench"
    path: str = ""
    """A local copy: JSONL or a JSON list, gzipped or not."""

    def problems(self) -> Sequence[Problem]:
        """All problems, in their published order.

        Raises:
            RecordError: no file is named, or it is not EffiBench's.
        """
        return rows_of(self.name, self.path, _problem)


def _problem(row: dict[str, Any]) -> Problem:
    asked = (
        f"# Task description:\n```python\n{row['markdown_description']}\n```\n"
        f"# Test case:\n```python\n{row['small_test_cases']}\n```"
    )  # src/open_source_model_completion.py, after a prompt of its own
    return Problem(
        id=f"EffiBench/{row['problem_idx']}",
        prompt="",
        entry_point="Solution",
        reference=row["canonical_solution"],
        test=f"solution = Solution()\n{row['test_case']}",
        prompts=Prompts(chat=asked, text=TextPrompt(asked, ())),
        efficiency="net",
    )
