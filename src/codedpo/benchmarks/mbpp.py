"""MBPP (arXiv 2108.07732): the test split, ids 11 to 510, read from local copies of the published files.

All 500 problems of mbpp.jsonl, or the 257 of them that were edited by hand (sanitized-mbpp.json, 427 with the other
splits). A problem's three asserts are judged as calls where they can be read so, else run as they are after its setup
code. `challenge_test_list` is not used, as in the paper. A test's imports are lent to no program.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codedpo.benchmarks.asserts import read_asserts
from codedpo.benchmarks.problem import Problem
from codedpo.benchmarks.prompts import mbpp_prompts
from codedpo.benchmarks.texts import MBPP_TEST, called_name, published_rows
from codedpo.code.syntax import syntax_tree
from codedpo.errors import RecordError

VERSION = 1
"""Raised whenever the same rows would be read otherwise."""


@dataclass(frozen=True)
class Mbpp:
    """MBPP's test split with its own asserts."""

    name: str = "mbpp"
    path: str = ""
    """mbpp.jsonl or sanitized-mbpp.json, gzipped or not."""
    sanitized: bool = False
    """Read sanitized-mbpp.json."""
    shown_asserts: int = 1
    """How many asserts the prompt shows: the first, as evalplus does, or all three, as the paper does."""

    def problems(self) -> Sequence[Problem]:
        """The problems of the test split, in their published order.

        Raises:
            RecordError: no file is named, or it is not MBPP's.
        """
        path, published = Path(self.path), "sanitized-mbpp.json" if self.sanitized else "mbpp.jsonl"
        if not path.is_file():
            raise RecordError(f"{self.name}: '{self.path}' is no file: name {published} in benchmarks.{self.name}.path")
        try:
            problems = [self._problem(row) for row in published_rows(path) if row["task_id"] in MBPP_TEST]
        except (KeyError, TypeError, AttributeError, SyntaxError) as error:
            raise RecordError(f"{path}: not MBPP's published {published}: {error!r}") from error
        if not problems:
            raise RecordError(f"{path}: holds no problem of MBPP's test split; name {published}")
        return problems

    def _problem(self, row: Mapping[str, Any]) -> Problem:
        code, tests = _unix(row["code"]), [_unix(test).strip() for test in row["test_list"]]
        setup = "\n".join(row["test_imports"]) if self.sanitized else _unix(row["test_setup_code"])
        text = row["prompt" if self.sanitized else "text"].strip()
        prompt = "\n".join(['"""', text, *tests[: self.shown_asserts], '"""', ""])
        test, name = "\n".join([setup, *tests]), called_name(code, tests)
        asserts = read_asserts(syntax_tree(test).body, name, name)
        return Problem(
            id=f"Mbpp/{row['task_id']}",
            prompt=prompt,
            entry_point=name,
            reference=code,
            test="" if asserts else test,
            inputs=asserts.inputs if asserts else (),
            function=asserts.function if asserts else "",
            prompts=mbpp_prompts(prompt),
            row=hashlib.sha256(f"{VERSION}{json.dumps(row, sort_keys=True)}".encode()).hexdigest(),
        )


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n")
