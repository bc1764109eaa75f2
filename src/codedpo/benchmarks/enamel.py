"""ENAMEL (arXiv 2406.06647): 142 problems of HumanEval with inputs at four levels of size, read from `enamel.csv`.

Inputs are made by the benchmark's own generators, in the sandbox, with the seeds of the package `enam` 0.2.0
(enam/evaluate.py, `make_tests`; demo.py), so that they are the published ones. What programs give is compared here, as
the benchmark's checkers say. Times and the score e: benchmarks/enamel_timing.py.
"""

from __future__ import annotations

import csv
import hashlib
import platform
import reprlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codedpo.benchmarks.problem import InputSet, Problem
from codedpo.benchmarks.prompts import humaneval_prompts
from codedpo.benchmarks.rules import Rule
from codedpo.errors import RecordError
from codedpo.records import Outcome
from codedpo.sandbox import Calls, Inputs, Limits, Replies, Sandbox
from codedpo.sandbox.calls import reply_of
from codedpo.store import compress, decompress, write_bytes

VERSION = 4
"""Raised whenever the same rows would be read otherwise."""
LIMITS = Limits(memory_mb=4096)
"""Of generators and programs: 4 GB as in demo.py."""
CASES = (8, 4, 4, 4)
"""Inputs of each level (demo.py, `n_tests`)."""
_SEED = 998244353
_LEFT_OUT = frozenset(
    {2, 23, 41, 45, 53, 60, 71, 92, 97, 99, 102, 123, 124, 135, 137, 138, 144, 148, 156, 157, 159, 160}
)
"""Places of the rows that are not evaluated (enam/__init__.py, `PROBLEMSET`): too easy or too hard to scale."""
_DRAWS = Path(__file__).with_name("enamel_draws.py")
_GENERATE = """
def _generate(seed, size, lid, cid):
    random.seed(seed)
    return generate_input(size=size, lid=lid, cid=cid)
"""
_CALL_SECONDS = 30.0


@dataclass(frozen=True)
class Enamel:
    """HumanEval's problems with the inputs of ENAMEL; the sets of inputs are `level_0` to `level_3`."""

    name: str = "enamel"
    path: str = ""
    """The published enamel.csv."""
    every: int = 1
    """Take every k-th of the 142 problems: their inputs take long to make."""
    cache: str = ""
    """Folder where inputs are kept once they are made; empty: nowhere. The run's own where nothing is said."""
    allow_weaker: bool = False
    """As `sandbox.allow_weaker`, which it is where nothing is said."""

    def problems(self) -> Sequence[Problem]:
        """All problems, in their published order; inputs that are not in the cache are made.

        Raises:
            RecordError: no file is named, it is not ENAMEL's, or a generator fails.
            SandboxError: the sandbox cannot run here, or broke.
        """
        rows = self._rows()
        files = [self._kept(_generator(place, row)) for place, row in rows]
        missing = [index for index, file in enumerate(files) if not (file and file.exists())]
        made: dict[int, _Made] = {}
        if missing:
            with Sandbox(limits=LIMITS, allow_weaker=self.allow_weaker) as sandbox:
                replies = sandbox.call_many((_generator(*rows[index]) for index in missing), lambda given: given)
                for index, given in zip(missing, replies, strict=True):
                    made[index] = _inputs(given)
                    if (file := files[index]) and not made[index].fault:
                        file.parent.mkdir(parents=True, exist_ok=True)
                        write_bytes(file, len(given.frames).to_bytes(8, "little") + compress(given.frames))
        return [
            self._problem(row, made[index] if index in made else _read(file))
            for index, ((_, row), file) in enumerate(zip(rows, files, strict=True))
        ]

    def _kept(self, generator: Calls) -> Path | None:
        """Where the inputs that it makes are kept."""
        if not self.cache:
            return None
        made_by = repr([VERSION, generator.program, generator.inputs.arguments, platform.python_version()]).encode()
        return Path(self.cache) / "benchmarks" / "enamel" / f"{hashlib.sha256(made_by).hexdigest()[:24]}.inputs"

    def _rows(self) -> list[tuple[int, dict[str, str]]]:
        """(place in the file, row) of those that are evaluated."""
        if not Path(self.path).is_file():
            raise RecordError(f"{self.name}: '{self.path}' is no file: name enamel.csv in benchmarks.{self.name}.path")
        with Path(self.path).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        columns = {"task_id", "prompt", "input_generator", "input_levels", "reference_solution", "checker"}
        if not rows or not columns <= set(rows[0]):
            raise RecordError(f"{self.path}: not ENAMEL's published file: it lacks one of {', '.join(sorted(columns))}")
        return [(place, row) for place, row in enumerate(rows) if place not in _LEFT_OUT][:: self.every]

    def _problem(self, row: dict[str, str], made: _Made) -> Problem:
        if made.fault:
            raise RecordError(f"{self.path}: the input generator of {row['task_id']} fails: {made.fault}")
        rule, arguments = _rule(row, self.path), iter(made.arguments)
        inputs = tuple(
            InputSet(f"level_{level}", tuple(next(arguments) for _ in range(n_cases)), rule, may_exceed=level > 0)
            for level, n_cases in enumerate(CASES)
        )
        return Problem(
            id=row["task_id"],
            prompt=row["prompt"],
            entry_point=row["entry_point"],
            reference=f"{row['prompt']}\n{row['reference_solution']}",
            inputs=inputs,
            prompts=humaneval_prompts(row["prompt"]),
            efficiency="eff",
            row=hashlib.sha256(f"{VERSION}{made.digest}{sorted(row.items())}".encode()).hexdigest(),
        )


@dataclass(frozen=True)
class _Made:
    """What a generator gave."""

    arguments: tuple[tuple[Any, ...], ...]
    """By level and case."""
    digest: str
    """Hash of the arguments."""
    fault: str


def _generator(place: int, row: dict[str, str]) -> Calls:
    """The calls that make the inputs of a problem."""
    program = f"{_DRAWS.read_text()}\n{row['prompt']}\n{row['input_generator']}\n{_GENERATE}"
    calls = tuple(_seeds(place, [int(size) for size in row["input_levels"].split()]))
    return Calls(program, "_generate", Inputs(calls, (_CALL_SECONDS,) * len(calls), 4 * _CALL_SECONDS))


def _seeds(place: int, sizes: Sequence[int]) -> Iterator[tuple[int, int, int, int]]:
    """(seed, size, level, case) of each input of the problem in that place of the file."""
    before = 0
    for level, (size, n_cases) in enumerate(zip(sizes, CASES, strict=True)):
        for case in range(n_cases):
            yield _SEED ^ place ^ (before + case), size, level, case
        before += n_cases


def _read(file: Path | None) -> _Made:
    """What a generator gave, as it is kept.

    Raises:
        RecordError: the file has changed meanwhile.
    """
    assert file is not None
    try:
        data = file.read_bytes()
        made = _inputs(Replies(Outcome.PASSED, "", decompress(data[8:], int.from_bytes(data[:8], "little")), 0.0))
        fault = made.fault
    except OSError as error:
        made, fault = None, str(error)
    if made is None or fault:
        raise RecordError(f"{file}: cannot be read: {fault}; delete it and run again")
    return made


def _inputs(replies: Replies) -> _Made:
    given = [reply_of(frame.content) for frame in replies.values()]
    if replies.ended != Outcome.PASSED or replies.load_error:
        return _Made((), "", replies.load_error or replies.text or replies.ended.name.lower())
    wrong = next((reply for reply in given if not isinstance(reply.value, tuple)), None)
    if wrong:
        return _Made((), "", wrong.text or f"it gives no tuple but {reprlib.repr(wrong.value)}")
    digest = hashlib.sha256(b"".join(frame.content for frame in replies.values())).hexdigest()
    return _Made(tuple(reply.value for reply in given), digest, "")


def _rule(row: dict[str, str], path: str) -> Rule:
    """What the row's checker says, which is one of three kinds; it is recognised, not run."""
    checker = row["checker"].strip()
    if checker.endswith("return type(output) == type(answer) and output == answer"):
        return Rule(compare="is")
    if checker.endswith("< 1e-4"):
        return (
            Rule(atol=1e-4, special="find_zero")
            if "poly(*input, output)" in checker
            else Rule(1e-4, compare="each nearer")
        )
    raise RecordError(f"{path}: the checker of {row['task_id']} is none of those published: {checker[-80:]!r}")
