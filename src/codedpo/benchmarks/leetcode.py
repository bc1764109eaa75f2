"""LeetCodeDataset (arXiv 2504.14655), read from a local copy of a published test file: LeetCode's problems by date.

Each has about a hundred asserts on a method of `Solution`, which are read as calls (`asserts.py`); what cannot be read
so is run as published. Upstream (github.com/newfacade/LeetCodeDataset, eval_lcd/execution.py) runs prompt, answer and
test in one process and gives all of it 3 s of the clock; here each call has its limit by what the reference takes.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from codedpo.benchmarks.asserts import Vocabulary, checked_asserts
from codedpo.benchmarks.problem import Problem, Prompts
from codedpo.benchmarks.texts import published_rows
from codedpo.errors import ConfigError, RecordError
from codedpo.prompting import TextPrompt

VERSION = 1
"""Raised whenever the same rows would be read otherwise."""
_VOCABULARY = Vocabulary({"inf": math.inf}, frozenset({"list_node", "tree_node"}))
"""Of the prelude that every row has."""
_CALLED = """
def _called(*given, **named):
    if not hasattr(_called, "method"):
        _called.method = {method}
    return _called.method(*given, **named)
"""
"""Before a program whose test is run as published: a judge of statements can call functions of the module alone."""
_STOP = ("\nclass ", "\nif __name__", "\nprint(", "\nassert ")
"""Where a base model's answer ends; ours, upstream asks chat models alone."""


@dataclass(frozen=True)
class LeetCode:
    """The problems of a LeetCodeDataset file, all or those of some months: 228 in the test file of v0.3.1."""

    name: str = "leetcode"
    path: str = ""
    """LeetCodeDataset-v0.3.1-test.jsonl or .jsonl.gz."""
    start: str = ""
    """First estimated date of release, such as `2024-08-01`; empty: from the first problem on."""
    end: str = ""
    """Last estimated date; empty: to the last problem."""

    def __post_init__(self) -> None:
        for key in ("start", "end"):
            try:
                date.fromisoformat(getattr(self, key) or "2000-01-01")
            except (TypeError, ValueError) as error:
                raise ConfigError(f"benchmarks.{self.name}.{key}: {error}; write it as '2024-08-01'") from error

    def problems(self) -> Sequence[Problem]:
        """The problems released between `start` and `end`, in their published order.

        Raises:
            RecordError: no file is named, it is not LeetCodeDataset's, or no problem is that old.
        """
        path = Path(self.path)
        if not path.is_file():
            raise RecordError(
                f"{self.name}: '{self.path}' is no file: name LeetCodeDataset-v0.3.1-test.jsonl.gz in "
                f"benchmarks.{self.name}.path"
            )
        try:
            problems = [_problem(row) for row in published_rows(path) if self._is_asked(row)]
        except (KeyError, TypeError, AttributeError, ValueError, SyntaxError) as error:
            raise RecordError(f"{path}: not LeetCodeDataset's published file: {error!r}") from error
        if not problems:
            raise RecordError(f"{path}: no problem from '{self.start}' to '{self.end}'; see benchmarks.{self.name}")
        return problems

    def _is_asked(self, row: Mapping[str, Any]) -> bool:
        if not (self.start or self.end):
            return True
        released = date.fromisoformat(row["estimated_date"][:10])
        return (
            date.fromisoformat(self.start or "0001-01-01") <= released <= date.fromisoformat(self.end or "9999-12-31")
        )


def _problem(row: Mapping[str, Any]) -> Problem:
    called = row["entry_point"]
    asserts = checked_asserts(row["test"], called, _VOCABULARY)
    prelude = f"{row['prompt']}\n" + ("" if asserts else _CALLED.format(method=called))
    prompt = f"{row['prompt']}\n{_described(row)}"
    return Problem(
        id=row["task_id"],
        prompt=prompt,
        entry_point="Solution",
        reference=row["completion"],
        test="" if asserts else f"{row['test']}\ncheck(_called)",
        inputs=asserts.inputs if asserts else (),
        function=asserts.function if asserts else "",
        prelude=prelude,
        prompts=Prompts(chat=row["query"], text=TextPrompt(prompt, _STOP)),
        efficiency="net",
        row=hashlib.sha256(f"{VERSION}{json.dumps(row, sort_keys=True)}".encode()).hexdigest(),
    )


def _described(row: Mapping[str, Any]) -> str:
    """The starter code with the question as the method's docstring."""
    starter = row["starter_code"].rstrip()
    method = starter.rpartition("\n")[2]
    margin = " " * (len(method) - len(method.lstrip()) + 4)
    question = row["problem_description"].strip().replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    lines = [f'"""{question}', '"""']
    return f"{starter}\n" + "".join(f"{margin}{line}".rstrip() + "\n" for line in "\n".join(lines).splitlines())
