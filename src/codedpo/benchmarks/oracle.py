"""Reference solutions in, what they give on a benchmark's inputs and how long that takes here out; kept in files.

The references run in the same jail as the programs that are compared with them. A reference that raises, or takes too
long, makes its problem say nothing, and then no score of the benchmark would mean anything here.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterator, Sequence
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
from codedpo.sandbox.calls import DIGEST_BYTES, VALUE_FRAME, digest, is_raised, reply_of
from codedpo.store import compress, decompress, read_records, write_bytes, write_records

VERSION = 2
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


class Expected:
    """What a problem's reference gives on one set of inputs; values are read where they are asked for."""

    def __init__(self, kept: _Kept, file: Path):
        self._kept, self._file = kept, file
        self.digests = kept.digests.tobytes()
        self.tolerances = kept.tolerances
        self.seconds = kept.seconds
        self.most_bytes = tuple(np.maximum(_LEAST_BYTES, _MOST_GROWTH * kept.sizes).tolist())

    @property
    def is_whole(self) -> bool:
        """Whether the file of values is there and as long as it should be."""
        size = int(self._kept.ends[-1]) if len(self._kept.ends) else 0
        return self._file.exists() and self._file.stat().st_size == size

    def value(self, index: int) -> Any:
        """Of one call.

        Raises:
            RecordError: the file of values has changed meanwhile.
        """
        start, size = int(self._kept.ends[index - 1]) if index else 0, int(self._kept.sizes[index])
        try:
            with self._file.open("rb") as file:
                file.seek(start)
                data = file.read(int(self._kept.ends[index]) - start)
            reply = reply_of(_unpacked(data, size))
        except OSError as error:
            raise RecordError(f"{self._file}: cannot be read: {error}; delete the folder and run again") from error
        if reply.outcome != Outcome.PASSED:
            raise RecordError(f"{self._file}: cannot be read: no value at {start}; delete the folder and run again")
        return reply.value

    def limits(self, arguments: tuple[tuple[Any, ...], ...], *, least_seconds: float = _LEAST_SECONDS) -> Inputs:
        """The inputs with what a program may take for each of them."""
        each = np.maximum(least_seconds, _FACTOR * self.seconds)
        return Inputs(arguments, tuple(each.tolist()), float(min(_MOST_SECONDS * least_seconds, each.sum()) + 1))


class Oracle:
    """Expected values of problems, made where they are asked for first.

    Args:
        folder: where they are kept.
        python: interpreter that runs programs and references, as in `sandbox.python`.
    """

    def __init__(self, folder: Path, python: str = ""):
        self._folder = folder / "oracles"
        self._where = [VERSION, python or platform.python_version(), platform.node()]
        self._known: dict[tuple[str, str], Expected] = {}

    def prepare(self, problems: Sequence[Problem], sandbox: Sandbox) -> None:
        """Run the references of those problems that have inputs, or read what an earlier call kept.

        Raises:
            RecordError: a reference fails here.
            SandboxError: the sandbox broke.
        """
        cases = [(problem, inputs) for problem in problems for inputs in problem.inputs]
        if not cases:
            return
        table = self._folder / f"{_hash([self._where, [problem.hash for problem in problems]])}.parquet"
        found = self._read(table)
        if not all(expected.is_whole for expected in found.values()) or not found:
            write_records(table, _Kept, list(self._made(cases, sandbox)))
            found = self._read(table)
        self._known |= found

    def _read(self, table: Path) -> dict[tuple[str, str], Expected]:
        rows = read_records(table, _Kept) if table.exists() else []
        return {(kept.problem, kept.inputs): Expected(kept, self._folder / kept.file) for kept in rows}

    def expected(self, problem: Problem, inputs: InputSet) -> Expected:
        """What the reference gives; the problem must have been prepared."""
        return self._known[problem.id, inputs.name]

    def _made(self, cases: Sequence[tuple[Problem, InputSet]], sandbox: Sandbox) -> Iterator[_Kept]:
        calls = (Calls(problem.reference, problem.entry_point, _unbounded(inputs)) for problem, inputs in cases)
        failed: list[str] = []
        for (problem, inputs), given in zip(cases, sandbox.call_many(calls, _Given.of), strict=True):
            n_calls = len(inputs.arguments)
            reason = given.fault or (f"{len(given.sizes)} values of {n_calls}" if len(given.sizes) != n_calls else "")
            if reason:
                failed.append(f"{problem.id} ({inputs.name}: {reason})")
                continue
            file = f"{hashlib.sha256(given.content).hexdigest()[:24]}.values"
            write_bytes(self._folder / file, given.content)
            yield _Kept(
                problem=problem.id,
                inputs=inputs.name,
                file=file,
                digests=np.frombuffer(given.digests, np.uint8).reshape(-1, DIGEST_BYTES),
                ends=np.array(given.ends, dtype=np.int64),
                sizes=np.array(given.sizes, dtype=np.int64),
                tolerances=inputs.rule.tolerances(n_calls, given.first_float),
                seconds=np.array(given.seconds, dtype=np.float64),
            )
        if failed:
            raise RecordError(
                f"{len(cases) - len(failed)} of {len(cases)} reference solutions pass here, so no score is given; "
                f"failing: {', '.join(failed[:5])}"
            )


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
        first_float: int | None = None
        for index, (frame, seconds) in enumerate(replies.values()):
            if not fault and is_raised(frame):
                fault = reply_of(frame).text
            if first_float is None and _may_be_floats(frame) and is_floats(reply_of(frame).value):
                first_float = index
            content += _packed(frame)
            digests += digest(frame)
            ends.append(len(content))
            sizes.append(len(frame))
            times.append(seconds)
        return _Given(fault, bytes(content), bytes(digests), ends, sizes, times, first_float)


def _may_be_floats(frame: bytes) -> bool:
    """False where the JSON of a value holds no float for certain: reading a large value takes long."""
    return any(frame.find(sign, len(VALUE_FRAME)) >= 0 for sign in (b".", b"e", b"I", b"N"))


def _packed(frame: bytes) -> bytes:
    """A value as it is kept: a large one is compressed, and then begins otherwise than JSON does."""
    return compress(frame) if len(frame) > _LARGE_BYTES else frame


def _unpacked(data: bytes, size: int) -> bytes:
    return decompress(data, size) if size > _LARGE_BYTES else data


def _unbounded(inputs: InputSet) -> Inputs:
    n_calls = len(inputs.arguments)
    return Inputs(inputs.arguments, (_REFERENCE_SECONDS,) * n_calls, 2 * _REFERENCE_SECONDS)


def _hash(content: list[Any]) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]
