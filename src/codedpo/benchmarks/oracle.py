"""Reference solutions in, what they give on a benchmark's inputs and how long that takes here out; kept in files.

The references run in the same jail as the programs that are compared with them. A reference that raises, or takes too
long, makes its problem say nothing, and then no score of the benchmark would mean anything here.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codedpo.benchmarks.problem import InputSet, Problem
from codedpo.benchmarks.rules import is_floats
from codedpo.errors import RecordError
from codedpo.records import Outcome
from codedpo.sandbox import Calls, Inputs, Replies, Sandbox
from codedpo.sandbox.calls import DIGEST_BYTES, digest, is_raised, may_be_floats, reply_of, value_content
from codedpo.store import compress, decompress, read_records, write_bytes, write_records

VERSION = 4
"""Raised whenever the same references would give another oracle."""
_REFERENCE_SECONDS = 60.0
_LARGE_BYTES = 1 << 14
_LEAST_BYTES, _MOST_GROWTH = 1 << 16, 4
"""A value may take 64 KB, or 4 times what the expected one takes, to be looked at."""
_LEAST_SECONDS, _FACTOR, _MOST_SECONDS = 1.0, 4.0, 60.0
"""Limits of the reference evaluator: of a call, 4 times what the reference takes, 1 s at least; of all calls, 60 s."""
AGAIN_SECONDS = 2.0
"""The least limit of a call in the run that confirms a timeout; the bound of all calls grows with it."""


@dataclass(frozen=True, eq=False)
class _Kept:
    """What is kept of one set of inputs of one problem; the values themselves lie in a file of their own."""

    problem: str
    inputs: str
    """Name of the set."""
    fault: str
    """What is wrong with the reference; empty where nothing is."""
    file: str
    """Name of the file of values, a hash of what it holds."""
    digests: NDArray[np.uint8] = field(metadata={"dtype": "uint8"})
    """(n_calls, 16) of the values."""
    ends: NDArray[np.int64] = field(metadata={"dtype": "int64"})
    """(n_calls,) where each value ends in the file."""
    sizes: NDArray[np.int64] = field(metadata={"dtype": "int64"})
    """(n_calls,) bytes of each value as it travels."""
    tolerances: NDArray[np.float64] = field(metadata={"dtype": "float64"})
    """(n_calls,) see `Rule.tolerances`."""
    seconds: NDArray[np.float64] = field(metadata={"dtype": "float64", "measured": "true"})
    """(n_calls,) processor time that the reference took."""
    told_seconds: NDArray[np.float64] = field(metadata={"dtype": "float64", "measured": "true"})
    """(n_calls,) the same with writing its value."""


class Expected:
    """What a program must give on one set of inputs, and how long it may take."""

    def __init__(self, inputs: InputSet, kept: _Kept | None, folder: Path):
        """`kept`: of the reference; None where there is none, and then the inputs hold values and limits."""
        self._inputs, self._kept = inputs, kept
        self._file = folder / kept.file if kept else folder
        if inputs.expected is None:
            assert kept is not None, "neither expected values nor a reference"
            self.digests, sizes, self.tolerances = kept.digests.tobytes(), kept.sizes, kept.tolerances
        else:
            contents = [value_content(value) for value in inputs.expected]
            first_float = next((index for index, value in enumerate(inputs.expected) if is_floats(value)), None)
            self.digests, sizes = b"".join(map(digest, contents)), np.array(list(map(len, contents)))
            self.tolerances = inputs.rule.tolerances(len(contents), first_float)
        n_calls = len(inputs.arguments)
        self.seconds = kept.seconds if kept else np.full(n_calls, inputs.seconds / _FACTOR)
        """(n_calls,) processor time of the reference."""
        self.told_seconds = kept.told_seconds if kept else self.seconds
        """(n_calls,) the same with writing its value."""
        self.most_bytes = tuple(np.maximum(_LEAST_BYTES, _MOST_GROWTH * sizes).tolist())

    def value(self, index: int) -> Any:
        """Of one call.

        Raises:
            RecordError: the file of values has changed meanwhile.
        """
        return self._reference_value(index) if self._inputs.expected is None else self._inputs.expected[index]

    def fault(self) -> str:
        """Where the reference does not give the expected values; empty where it does."""
        expected = self._inputs.expected
        if self._kept is None or self._kept.fault or expected is None:
            return self._kept.fault if self._kept else ""
        digests, size = self._kept.digests.tobytes(), DIGEST_BYTES
        for index, wanted in enumerate(expected):
            part = slice(index * size, (index + 1) * size)
            if self._inputs.rule.equal_is_same and digests[part] == self.digests[part]:
                continue
            given, tolerance = self._inputs.arguments[index], float(self.tolerances[index])
            if not self._inputs.rule.is_same(self._reference_value(index), wanted, given, tolerance):
                return f"call {index} gives another value than the one published"
        return ""

    def _reference_value(self, index: int) -> Any:
        assert self._kept is not None
        start, size = int(self._kept.ends[index - 1]) if index else 0, int(self._kept.sizes[index])
        try:
            with self._file.open("rb") as file:
                file.seek(start)
                data = file.read(int(self._kept.ends[index]) - start)
            reply = reply_of(_decompressed(data, size))
        except OSError as error:
            raise RecordError(f"{self._file}: cannot be read: {error}; delete the folder and run again") from error
        if reply.outcome != Outcome.PASSED:
            raise RecordError(f"{self._file}: cannot be read: no value at {start}; delete the folder and run again")
        return reply.value

    def limits(self, arguments: tuple[tuple[Any, ...], ...], *, least_seconds: float = _LEAST_SECONDS) -> Inputs:
        """The inputs with what a program may take for each of them."""
        least = max(least_seconds, self._inputs.seconds * least_seconds)
        each = np.maximum(least, _FACTOR * self.told_seconds)
        most = (_MOST_SECONDS if self._kept else max(_MOST_SECONDS, len(each) * self._inputs.seconds)) * least_seconds
        return Inputs(arguments, tuple(each.tolist()), float(min(most, each.sum()) + 1))


class Oracle:
    """Expected values of problems, made where they are asked for first.

    Args:
        folder: where they are kept.
    """

    def __init__(self, folder: Path):
        self._folder = folder / "oracles"
        self._known: dict[tuple[str, str], Expected] = {}

    def prepare(self, problems: Sequence[Problem], sandbox: Sandbox) -> dict[str, str]:
        """Run the references of those problems that have inputs, but for those that ran well in an earlier call.

        Returns:
            what is wrong with references, by the id of the problem; the others are ready.

        Raises:
            SandboxError: the sandbox broke.
        """
        cases = [(problem, inputs) for problem in problems for inputs in problem.inputs]
        made = [(problem, inputs) for problem, inputs in cases if problem.reference]
        where = [VERSION, platform.node(), sandbox.surroundings]
        table = self._folder / f"{_hash([where, [problem.hash for problem, _ in made]])}.parquet"
        kept = _by_name(read_records(table, _Kept) if table.exists() else [])
        sound = {name for name, row in kept.items() if self._is_sound(row)}
        if again := [(problem, inputs) for problem, inputs in made if (problem.id, inputs.name) not in sound]:
            kept |= _by_name(self._made(again, sandbox))
            write_records(table, _Kept, kept.values())
        faults: dict[str, str] = {}
        for problem, inputs in cases:
            name = problem.id, inputs.name
            self._known[name] = Expected(inputs, kept.get(name), self._folder)
            if fault := self._known[name].fault():
                faults.setdefault(problem.id, f"{inputs.name}: {fault}")
        return faults

    def _is_sound(self, kept: _Kept) -> bool:
        """Whether the reference ran well and its values are there; what failed once is tried again."""
        file, size = self._folder / kept.file, int(kept.ends[-1]) if len(kept.ends) else 0
        return not kept.fault and (not size or (file.exists() and file.stat().st_size == size))

    def expected(self, problem: Problem, inputs: InputSet) -> Expected:
        """What a program must give; the problem must have been prepared."""
        return self._known[problem.id, inputs.name]

    def _made(self, cases: Sequence[tuple[Problem, InputSet]], sandbox: Sandbox) -> Iterator[_Kept]:
        calls = (
            Calls(problem.runnable(problem.reference), problem.called, _unbounded(inputs)) for problem, inputs in cases
        )
        for (problem, inputs), given in zip(cases, sandbox.call_many(calls, _Given.of), strict=True):
            n_calls = len(inputs.arguments)
            file = f"{hashlib.sha256(given.content).hexdigest()[:24]}.values"
            write_bytes(self._folder / file, given.content)
            yield _Kept(
                problem=problem.id,
                inputs=inputs.name,
                fault=given.fault or (f"{len(given.sizes)} values of {n_calls}" if len(given.sizes) != n_calls else ""),
                file=file,
                digests=np.frombuffer(given.digests, np.uint8).reshape(-1, DIGEST_BYTES),
                ends=np.array(given.ends, dtype=np.int64),
                sizes=np.array(given.sizes, dtype=np.int64),
                tolerances=inputs.rule.tolerances(n_calls, given.first_float),
                seconds=np.array(given.seconds, dtype=np.float64),
                told_seconds=np.array(given.told_seconds, dtype=np.float64),
            )


def _by_name(rows: Iterable[_Kept]) -> dict[tuple[str, str], _Kept]:
    return {(row.problem, row.inputs): row for row in rows}


@dataclass(frozen=True)
class _Given:
    """What a reference gave, as it is kept."""

    fault: str
    """What is wrong with it; empty where nothing is."""
    content: bytes
    """The frames of the values, one after the other; large ones compressed."""
    digests: bytes
    ends: list[int]
    sizes: list[int]
    seconds: list[float]
    told_seconds: list[float]
    first_float: int | None
    """The first call that gave a float, or floats alone; None where none did."""

    @staticmethod
    def of(replies: Replies) -> _Given:
        fault = (
            "" if replies.ended == Outcome.PASSED else replies.load_error or replies.text or replies.ended.name.lower()
        )
        content, digests = bytearray(), bytearray()
        ends: list[int] = []
        sizes: list[int] = []
        times: list[float] = []
        told_times: list[float] = []
        first_float: int | None = None
        for index, frame in enumerate(replies.values()):
            if not fault and is_raised(frame.content):
                fault = reply_of(frame.content).text
            if first_float is None and may_be_floats(frame.content) and is_floats(reply_of(frame.content).value):
                first_float = index
            content += _compressed(frame.content)
            digests += digest(frame.content)
            ends.append(len(content))
            sizes.append(len(frame.content))
            times.append(frame.seconds)
            told_times.append(frame.told_seconds)
        return _Given(fault, bytes(content), bytes(digests), ends, sizes, times, told_times, first_float)


def _compressed(content: bytes) -> bytes:
    """A value as it is kept: a large one is compressed."""
    return compress(content) if len(content) > _LARGE_BYTES else content


def _decompressed(data: bytes, size: int) -> bytes:
    return decompress(data, size) if size > _LARGE_BYTES else data


def _unbounded(inputs: InputSet) -> Inputs:
    n_calls = len(inputs.arguments)
    return Inputs(inputs.arguments, (_REFERENCE_SECONDS,) * n_calls, 2 * _REFERENCE_SECONDS)


def _hash(content: list[Any]) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]
