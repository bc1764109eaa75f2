"""What was found out about programs, a line each, in a file that grows: it is not found out again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codedpo.benchmarks.problem import Problem
from codedpo.sandbox import Sandbox


class Kept:
    """A file of findings by what decides them: a changed program, problem, limit or version finds none.

    One process writes at a time. A line that the machine's end cut short is not there. Remove the file to find out
    anew.

    Args:
        file: made where it is missing.
        sandbox: what the programs run in.
        version: of how it is found out.
    """

    def __init__(self, file: Path, sandbox: Sandbox, version: Any):
        self._file = file
        self._where = hashlib.sha256(json.dumps([version, sandbox.identity]).encode()).hexdigest()
        self._known = _read(file)

    def find(self, problem: Problem, program: str) -> Mapping[str, Any] | None:
        """What was added for this program; None where nothing was."""
        return self._known.get(self._key(problem, program))

    def add(self, problem: Problem, program: str, found: Mapping[str, Any]) -> None:
        """Write what was found, plain data."""
        key = self._key(problem, program)
        self._known[key] = found
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write("\n" + json.dumps({"key": key, "problem": problem.id, "found": found}))

    def _key(self, problem: Problem, program: str) -> str:
        compared = [problem.efficiency, hashlib.sha256(repr(problem.solutions).encode()).hexdigest()]
        return hashlib.sha256(repr([self._where, problem.hash, compared, program]).encode()).hexdigest()[:24]


def _read(file: Path) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for line in file.read_text(encoding="utf-8", errors="replace").split("\n") if file.exists() else []:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        found[row["key"]] = row["found"]
    return found
