"""Mercury (arXiv 2402.07844): LeetCode's problems with published solutions of many speeds, read from a local file.

The columns are those of the data set's card: slug_name, pretty_content, solutions (hash, runtime, solution), prompt,
convert_offline, evaluate_offline, entry_point, test_cases (JSON: a list of input and expected). The published file
could not be had when this was written: it is tested on a row made by hand.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from codedpo.benchmarks.hub import rows_of
from codedpo.benchmarks.problem import Problem, Prompts
from codedpo.prompting import TextPrompt

_PRELUDE = """\
import bisect, collections, copy, functools, heapq, itertools, math, re, string, sys
from bisect import bisect_left, bisect_right
from collections import OrderedDict, defaultdict, deque
from functools import cache, lru_cache
from heapq import heapify, heappop, heappush
from itertools import permutations, zip_longest
from math import ceil, factorial, floor, inf, sqrt
from sys import maxsize, stdin
from typing import List, Optional, Tuple

class ListNode:
    def __init__(self, val=0, next=None):
        self.val, self.next = val, next

class TreeNode:
    def __init__(self, val=0, left=None, right=None):
        self.val, self.left, self.right = val, left, right
"""
"""What programs find there (bigcode-evaluation-harness, custom_metrics/beyond_eval.py), as far as Python brings it."""
_STOP = ("\nclass", "\ndef", "\n#", "\n@", "\nprint", "\nif", "\n```", "<file_sep>", "<｜end▁of▁sentence｜>")
"""bigcode-evaluation-harness, tasks/mercury.py."""


@dataclass(frozen=True)
class Mercury:
    """The evaluation split: 256 problems as published."""

    name: str = "mercury"
    path: str = ""
    """A local copy of the split `eval`: JSONL or a JSON list, gzipped or not."""

    def problems(self) -> Sequence[Problem]:
        """All problems, in their published order.

        Raises:
            RecordError: no file is named, or it is not Mercury's.
        """
        return rows_of(self.name, self.path, _problem)


def _problem(row: dict[str, Any]) -> Problem:
    ordered = sorted(row["solutions"], key=lambda solution: float(str(solution["runtime"]).strip().removesuffix("ms")))
    programs = tuple(f"{_PRELUDE}\n{solution['solution']}" for solution in ordered)
    asked = f"'''{row['pretty_content'][0]}'''\n{row['prompt']}"
    return Problem(
        id=str(row["slug_name"]),
        prompt=f"{_PRELUDE}\n{row['prompt'].rstrip()} ...",
        entry_point="Solution",
        reference=programs[0],
        test=_test(row),
        prompts=Prompts(chat=asked, text=TextPrompt(asked, _STOP)),
        efficiency="beyond",
        solutions=programs,  # the fastest on LeetCode first
    )


def _test(row: dict[str, Any]) -> str:
    """Statements that run every published case as upstream does: converted, called, evaluated."""
    cases = [(case["input"], case["expected"]) for case in json.loads(row["test_cases"])]
    return f"""{_PRELUDE}
{row["convert_offline"]}
{row["evaluate_offline"]}
solution = Solution()
for case in {cases!r}:
    inputs, expected = convert_offline(case)
    outputs = solution.{row["entry_point"]}(*inputs)
    assert evaluate_offline(inputs, outputs, expected)
"""
