"""The records that flow through the pipeline, from Seed to Pair; frozen, self-contained, one row each.

Each record holds the record that it was made from (`ranking.execution.samples.task`), so that nothing
is ever joined by key. Arrays state dtype and axes; `measured` marks columns that differ between two
runs of the same recipe.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal, TypedDict

import numpy as np
from numpy.typing import NDArray


class Outcome(IntEnum):
    """What happened when one solution met one test; only PASSED is a pass, and a sandbox failure is no outcome."""

    PASSED = 0
    WRONG = 1
    """The test's assertion failed."""
    EXCEPTION = 2
    """The solution or the test raised something else, or does not compile."""
    TIMEOUT = 3
    """The processor-time limit, or the wall-clock backstop, was reached."""
    OUT_OF_MEMORY = 4
    CRASH = 5
    """The process died, or ended without a verdict."""
    BLOCKED = 6
    """The sandbox refused something: network, files, processes."""
    FLAKY = 7
    """Two runs disagreed; never a pass."""
    NOT_RUN = 8
    """Left out because the solution had timed out too often on other tests."""


class TestFlaw(IntEnum):
    """Why a test says nothing about which solutions are right."""

    __test__ = False  # to pytest: no test class

    NONE = 0
    TRIVIAL = 1
    """Most of a panel of stubs pass it."""
    PASSED_BY_ALL = 2
    PASSED_BY_NONE = 3
    DUPLICATE = 4
    """The same solutions pass it as an earlier test."""


class Message(TypedDict):
    """One turn of a chat, as every chat API and TRL spell it."""

    role: str
    content: str


@dataclass(frozen=True)
class Seed:
    """A function from real source code that a task can be written from."""

    id: str
    name: str
    code: str
    docstring: str
    source: str
    """Name of the package or folder that it comes from."""
    version: str
    path: str
    line: int
    licence: str
    """SPDX identifier."""


@dataclass(frozen=True)
class Generation:
    """How a text was generated: enough to ask for it again."""

    model: str
    weights: str
    """Hash that stands for the weights; empty where the server does not tell."""
    prompt_version: str
    """Template name and version, such as `task-1`."""
    temperature: float
    top_p: float
    top_k: int
    max_tokens: int
    seed: int


@dataclass(frozen=True)
class Task:
    """A programming task with an exact function signature."""

    id: str
    text: str
    signature: str
    """One line, from `def` to the colon."""
    entry_point: str
    example: str
    concepts: tuple[str, ...]
    seed: Seed | None
    """None for tasks that the user brought."""
    generation: Generation | None
    repairs: tuple[str, ...] = ()
    """Names of the rules that were needed to read the answer."""


@dataclass(frozen=True)
class Samples:
    """The solutions (whole programs) and tests (whole statements) sampled for one task."""

    task: Task | None
    """None in results of `codedpo.cross_execute`."""
    solutions: tuple[str, ...]
    tests: tuple[str, ...]
    duplicate_solutions: int
    """How many solutions equal an earlier one in normal form; they stay in."""
    duplicate_tests: int
    solution_generation: Generation | None
    test_generation: Generation | None
    repairs: tuple[str, ...] = ()
    """Names of the rules that were needed to read the answers, one entry for each answer and rule."""
    input_generators: tuple[str, ...] = ()
    """Programs that define `make_input(size, seed)`, which returns the arguments of one call."""
    input_generation: Generation | None = None


@dataclass(frozen=True)
class CellReason:
    """Why one cell of an execution is not plainly passed."""

    solution: int
    test: int
    text: str


@dataclass(frozen=True, eq=False)
class Execution:
    """Every solution run against every test."""

    samples: Samples
    outcomes: NDArray[np.uint8] = field(metadata={"dtype": "uint8"})
    """(n_solutions, n_tests) values of `Outcome`."""
    cpu_seconds: NDArray[np.float32] = field(metadata={"dtype": "float32", "measured": True})
    """(n_solutions, n_tests) processor time; nan where not run."""
    judged_outside: NDArray[np.bool_] = field(metadata={"dtype": "bool"})
    """(n_solutions, n_tests) whether the assertion was evaluated in another process than the solution."""
    reasons: tuple[CellReason, ...]
    stub_passes: NDArray[np.float32] = field(
        default_factory=lambda: np.empty(0, np.float32), metadata={"dtype": "float32"}
    )
    """(n_tests,) share of a panel of stubs (code/stubs.py) that passes the test; (0,) where none was run."""

    @property
    def passed(self) -> NDArray[np.bool_]:
        """(n_solutions, n_tests) bool: the pass matrix that rankers read."""
        return self.outcomes == Outcome.PASSED


@dataclass(frozen=True, eq=False)
class Ranking:
    """Scores of solutions and tests from mutual verification, and the tests that can be trusted."""

    execution: Execution
    ranker: str
    solution_scores: NDArray[np.float64] = field(metadata={"dtype": "float64"})
    """(n_solutions,)"""
    test_scores: NDArray[np.float64] = field(metadata={"dtype": "float64"})
    """(n_tests,)"""
    credible: NDArray[np.bool_] = field(metadata={"dtype": "bool"})
    """(n_tests,) whether every top-scored solution passes the test, and no filter keeps it out."""
    flaws: NDArray[np.uint8] = field(metadata={"dtype": "uint8"})
    """(n_tests,) values of `TestFlaw`."""


def _unknown() -> NDArray[np.float64]:
    return np.empty(0)


@dataclass(frozen=True)
class Workload:
    """Generated calls whose work grows with a size; the solutions that are timed on them agree on their results."""

    generator: str
    sizes: tuple[int, ...]
    """Rising; solutions are compared at the last one."""
    seed: int


@dataclass(frozen=True, eq=False)
class Timing:
    """Run time of the solutions that pass all credible tests."""

    ranking: Ranking
    timed: NDArray[np.int32] = field(metadata={"dtype": "int32"})
    """(n_timed,) indices of solutions."""
    seconds: NDArray[np.float64] = field(metadata={"dtype": "float64", "measured": True})
    """(n_timed, n_rounds) processor time of one pass over the credible tests, or of the workload's largest call,
    interleaved rounds; nan: did not pass."""
    faster: NDArray[np.bool_] = field(metadata={"dtype": "bool", "measured": True})
    """(n_timed, n_timed) whether the row's solution is called faster than the column's, see sandbox/timing.py."""
    workload: Workload | None = field(default=None, metadata={"measured": True})
    """What was timed; None: the credible tests."""
    growth: NDArray[np.float64] = field(default_factory=_unknown, metadata={"dtype": "float64", "measured": True})
    """(n_timed,) exponent with which run time grows with the workload's size, nan: unknown; empty without one."""

    def median_seconds(self, solution: int) -> float:
        """Median over the rounds, in seconds; nan where the solution was not timed or did not pass again."""
        rows = np.flatnonzero(self.timed == solution)
        return float(np.median(self.seconds[rows[0]])) if len(rows) else math.nan


@dataclass(frozen=True)
class Pair:
    """One preference: `prompt`, `chosen`, `rejected` are what TRL reads."""

    prompt: list[Message]
    chosen: list[Message]
    rejected: list[Message]
    kind: Literal["correctness", "efficiency"]
    task_id: str
    chosen_index: int
    rejected_index: int
    chosen_program: str
    """The bare program; `chosen` holds it in the form in which a model answers."""
    rejected_program: str
    chosen_score: float
    rejected_score: float
    margin: float
    """(chosen - rejected) / the larger of the two scores without sign; 0 for equal scores."""
    chosen_seconds: float = field(metadata={"measured": True})
    """nan for correctness pairs."""
    rejected_seconds: float = field(metadata={"measured": True})
    ranker: str
    seed: Seed | None
    generation: Generation | None
    timed_on: Literal["", "tests", "inputs"] = field(default="", metadata={"measured": True})
    """What the seconds are of: a pass over the credible tests, or a call on generated inputs; empty: not timed."""
    chosen_growth: float = field(default=math.nan, metadata={"measured": True})
    """Exponent with which run time grows with the size of generated inputs; nan: unknown."""
    rejected_growth: float = field(default=math.nan, metadata={"measured": True})
    chosen_middle: tuple[int, ...] = ()
    """Start and end of what differs, in characters of `chosen[0]["content"]`: between the common beginning and end."""
    rejected_middle: tuple[int, ...] = ()
    """The same of `rejected[0]["content"]` (the focus of Focused-DPO, arXiv 2502.11475)."""
