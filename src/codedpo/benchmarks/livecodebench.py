"""LiveCodeBench, code generation (arXiv 2403.07974), read from a local copy of a published file.

A problem is a script that reads its standard input, or a method of `Solution`; values are the published ones, since no
reference is published. Tests and their reading: lcb_runner/benchmarks/code_generation.py; how programs are run and
what counts as right: lcb_runner/evaluation/testing_util.py.
"""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
import json
import pickletools
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from codedpo.benchmarks.problem import InputSet, Problem
from codedpo.benchmarks.prompts import livecodebench_prompts
from codedpo.benchmarks.rules import Rule
from codedpo.code.extract import extract_program
from codedpo.code.script import extract_script, last_block
from codedpo.errors import ConfigError, RecordError

VERSION = 1
"""Raised whenever the same rows would be read otherwise."""
_SECONDS = 6.0
_MOST_BYTES = 16 << 20
"""Of a text on standard input: what a file in the sandbox may hold."""
_PICKLED_TEXT = frozenset({"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"})
_PICKLE_FRAME = frozenset({"PROTO", "FRAME", "MEMOIZE", "BINPUT", "LONG_BINPUT", "STOP"})
_PRELUDE = (
    "from string import *\nfrom re import *\nfrom datetime import *\nfrom collections import *\nfrom heapq import *\n"
    "from bisect import *\nfrom copy import *\nfrom math import *\nfrom random import *\nfrom statistics import *\n"
    "from itertools import *\nfrom functools import *\nfrom operator import *\nfrom io import *\nfrom sys import *\n"
    "from json import *\nfrom builtins import *\nfrom typing import *\nimport string\nimport re\nimport datetime\n"
    "import collections\nimport heapq\nimport bisect\nimport copy\nimport math\nimport random\nimport statistics\n"
    "import itertools\nimport functools\nimport operator\nimport io\nimport sys\nimport json\n"
    "sys.setrecursionlimit(50000)\n"
)
"""`import_string` of testing_util.py."""


@dataclass(frozen=True)
class LiveCodeBench:
    """Problems of contests, with the public tests and, where the file holds them, the private ones."""

    name: str = "livecodebench"
    path: str = ""
    """A published file, such as test5.jsonl, gzipped or not."""
    start: str = ""
    """ISO date of the first contests that are taken; empty: all."""
    end: str = ""
    """ISO date of the last contests that are taken; empty: all."""

    def problems(self) -> Sequence[Problem]:
        """Those of the contests from `start` to `end`, both included, in their published order.

        Raises:
            ConfigError: `start` or `end` is no date.
            RecordError: no file is named, it is not LiveCodeBench's, or it holds no contest of these dates.
        """
        path = Path(self.path)
        if not path.is_file():
            raise RecordError(f"{self.name}: '{path}' is no file: name a published one in benchmarks.{self.name}.path")
        start, end = self._date("start", date.min), self._date("end", date.max)
        try:
            found = [_problem(row, line) for row, line in _rows(path) if start <= _contest_date(row) <= end]
        except (ValueError, TypeError, KeyError, OSError, zlib.error) as error:
            raise RecordError(f"{path}: not LiveCodeBench's published file: {error!r}") from error
        if not found:
            raise RecordError(f"{path}: no contest from {start} to {end}; see benchmarks.{self.name}.start and end")
        return found

    def _date(self, name: str, default: date) -> date:
        given: str = getattr(self, name)
        try:
            return date.fromisoformat(given) if given else default
        except ValueError as error:
            raise ConfigError(f"benchmarks.{self.name}.{name}: '{given}' is no date such as 2024-08-01") from error


def _rows(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        yield from ((json.loads(line), line) for line in file if line.strip())


def _contest_date(row: dict[str, Any]) -> date:
    return date.fromisoformat(row["contest_date"][:10])


def _problem(row: dict[str, Any], line: str) -> Problem:
    question, starter = row["question_content"], row["starter_code"]
    method = json.loads(row["metadata"]).get("func_name", "")
    prompts, entry_point = livecodebench_prompts(question, starter), "Solution" if method else ""
    tests = {"public": json.loads(row["public_test_cases"]), "private": _private(row.get("private_test_cases", ""))}
    return Problem(
        id=row["question_id"],
        prompt=starter or "# Read standard input, write to standard output.",
        entry_point=entry_point,
        function=f"Solution().{method}" if method else "",
        reference="",
        inputs=tuple(_input_set(name, cases, method) for name, cases in tests.items() if cases),
        prompts=prompts,
        find=functools.partial(_found, prompts.text.text, entry_point),
        row=hashlib.sha256(f"{VERSION}{line}".encode()).hexdigest(),
        text=question,
        prelude=_PRELUDE,
    )


def _found(begun: str, entry_point: str, answer: str, published: bool) -> str | None:
    """The program in an answer; of a base model all that follows its prompt, of which the program needs nothing."""
    said = answer.removeprefix(begun)
    if published:
        return (last_block(answer) if said == answer else said.strip()) or None
    return extract_program(said, entry_point) if entry_point else extract_script(said)


def _private(text: str) -> list[dict[str, str]]:
    """The private tests: JSON, or that text pickled, packed and in base64."""
    if not text or text.lstrip().startswith("["):
        return json.loads(text or "[]")
    return json.loads(_unpickled_text(zlib.decompress(base64.b64decode(text))))


def _unpickled_text(data: bytes) -> str:
    """The one text that a pickle holds; read without running it, which could do anything.

    Raises:
        ValueError: it holds something else.
    """
    texts: list[str] = []
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name in _PICKLED_TEXT:
            texts.append(str(argument))
        elif opcode.name not in _PICKLE_FRAME:
            raise ValueError(f"private_test_cases: a pickle of more than a text ({opcode.name})")
    if len(texts) != 1:
        raise ValueError(f"private_test_cases: a pickle of {len(texts)} texts")
    return texts[0]


def _input_set(name: str, cases: list[dict[str, str]], method: str) -> InputSet:
    """The tests of a problem, of which all are of one kind.

    Args:
        method: what is called; empty: the problem asks for a script.
    """
    kind = "functional" if method else "stdin"
    if other := {case["testtype"] for case in cases} - {kind}:
        raise ValueError(f"{name}_test_cases: {other.pop()} where {kind} is expected")
    if method:
        given = tuple(tuple(json.loads(line) for line in case["input"].split("\n")) for case in cases)
        return InputSet(
            name, given, Rule(compare="JSON"), tuple(json.loads(case["output"]) for case in cases), _SECONDS
        )
    largest = max(len(case["input"].encode()) for case in cases)
    if largest > _MOST_BYTES:
        raise ValueError(f"{name}_test_cases: a text of {largest:,} bytes; the sandbox gives {_MOST_BYTES:,} at most")
    given = tuple((case["input"],) for case in cases)
    return InputSet(name, given, Rule(compare="lines"), tuple(case["output"] for case in cases), _SECONDS)
