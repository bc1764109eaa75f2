"""Tasks in, executions in the same order out: the supervisor that starts zygotes and never runs untrusted code."""

from __future__ import annotations

import base64
import contextlib
import functools
import math
import queue
import shutil
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from codedpo.errors import SandboxError
from codedpo.records import CellReason, Execution, Outcome, Samples
from codedpo.sandbox.calls import Calls, Checked, CheckedCalls, Replies, Reply, joined, reply_of
from codedpo.sandbox.layers import missing_vital
from codedpo.sandbox.limits import Judge, Limits, SandboxSettings
from codedpo.sandbox.prepared import PreparedTest
from codedpo.sandbox.surroundings import surroundings
from codedpo.sandbox.worker import Answer, Start, Worker

_NEAR, _FAR = 2, 64
"""Tasks for each worker that are begun before the first of them is waited for: of large and of small results."""
Asked = TypeVar("Asked")
Given = TypeVar("Given")
_REPEATABLE = (Outcome.PASSED, Outcome.WRONG, Outcome.EXCEPTION)
"""Outcomes that a second run can contradict."""


@dataclass(frozen=True)
class Batch:
    """How one batch of readings is taken."""

    repeats: tuple[int, ...]
    """Passes in a reading, by solution."""
    readings: int
    """Of each solution."""
    seed: int
    cpu_seconds: float = math.inf
    """Limit of a pass over one test; never more than the sandbox's."""


@dataclass(frozen=True)
class Disagreement:
    """What kept solutions from giving one result."""

    what: str
    """generator, solution or results."""
    solution: int
    """Index of the first solution that fails; -1 where none does."""
    text: str


def require_linux(*, allow_weaker: bool = False) -> None:
    """Raise SandboxError where no layer of isolation exists, unless that is allowed."""
    if not sys.platform.startswith("linux") and not allow_weaker:
        raise SandboxError(
            f"the sandbox needs Linux (this is {sys.platform}): run codedpo in a Linux machine or container, or set "
            "sandbox.allow_weaker: true only for code that you trust"
        )


class Sandbox:
    """A pool of jailed worker processes; use it as a context manager.

    Args:
        workers: processes; one per core is right.
        limits: per solution and test.
        judge: where assertions are evaluated, see `SandboxSettings`.
        allow_weaker: run although a vital layer of isolation is missing here.
        python: interpreter of another environment, whose packages solutions may import.
        preload: modules of it to import once.
        readable: folders that programs may read.
        tasks_per_process: see `SandboxSettings`.
        without: layers to leave out, as if this kernel lacked them; for tests.

    Raises:
        SandboxError: not Linux, a vital layer is missing, or the workers cannot be started.
    """

    def __init__(
        self,
        *,
        workers: int = 1,
        limits: Limits = Limits(),
        judge: Judge = "auto",
        allow_weaker: bool = False,
        python: str = "",
        preload: Sequence[str] = (),
        readable: Sequence[str] = (),
        tasks_per_process: int = 50,
        without: Sequence[str] = (),
    ):
        require_linux(allow_weaker=allow_weaker)
        self.limits = limits
        self._judge: Judge = judge
        self._tasks_per_process = tasks_per_process
        self._folder = Path(tempfile.mkdtemp(prefix="codedpo-sandbox-"))
        self._folder.chmod(0o711)  # another user id may have to pass through
        start = Start(limits.memory_mb, python, tuple(preload), tuple(readable), tuple(without))
        self._start = start
        self._seats = [_Seat(self._folder, index, start) for index in range(workers)]
        self._free: queue.SimpleQueue[_Seat] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="sandbox")
        try:
            for seat in self._seats:
                seat.first.start()
                self._free.put(seat)
            _require_vital(self.layers, allow_weaker)
        except SandboxError:
            self.close()
            raise

    @classmethod
    def of(cls, settings: SandboxSettings, *, workers: int, limits: Limits | None = None) -> Sandbox:
        """A sandbox as a configuration's section `sandbox` describes it, with other limits where they are given."""
        return cls(
            workers=workers,
            limits=limits or settings,
            judge=settings.judge,
            allow_weaker=settings.allow_weaker,
            python=settings.python,
            preload=settings.preload,
            readable=settings.readable,
            tasks_per_process=settings.tasks_per_process,
        )

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the kernel restrictions that hold here (see layers.py)."""
        return self._seats[0].first.layers

    @functools.cached_property
    def surroundings(self) -> list[object]:
        """What programs meet at the paths that they may use, for keys of what they give."""
        return surroundings(self._start.python, self._start.readable)

    @property
    def identity(self) -> list[object]:
        """All that decides what programs give, as plain data."""
        return [self._numbers(), self._judge, self._start.preload, self._start.without, self.surroundings]

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers and remove their scratch folders."""
        for seat in self._seats:
            seat.stop()
        self._threads.shutdown(wait=True, cancel_futures=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def execute_many(self, tasks: Iterable[tuple[Sequence[str], Sequence[str]]]) -> Iterator[Execution]:
        """Every solution against every test of each (solutions, tests); in the order of the tasks."""
        for result in self.try_many(tasks):
            if isinstance(result, SandboxError):
                raise result
            yield result

    def try_many(self, tasks: Iterable[tuple[Sequence[str], Sequence[str]]]) -> Iterator[Execution | SandboxError]:
        """As `execute_many`, but a task on which the sandbox itself failed gives its error in its place."""
        return self._map(self._try, tasks, _NEAR)

    def _map(self, do: Callable[[Asked], Given], asked: Iterable[Asked], ahead: int) -> Iterator[Given]:
        """Do what is asked on all seats, up to `ahead` for each of them before it is waited for; results in order."""
        pending: deque[Future[Given]] = deque()
        for what in asked:
            pending.append(self._threads.submit(do, what))
            if len(pending) > ahead * len(self._seats):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()

    def call_many(self, programs: Iterable[Calls], use: Callable[[Replies], Given]) -> Iterator[Given]:
        """Call a function of each program on its inputs, in a process of its own; in the order of the programs.

        Args:
            use: what becomes of the replies as soon as they are there, so that not all of them are held at once; it is
                called in several threads.

        Raises:
            SandboxError: the sandbox broke.
        """
        return self._map(lambda calls: use(self._call(calls)), programs, _FAR)

    def check_many(self, programs: Iterable[CheckedCalls]) -> Iterator[Checked]:
        """As `call_many`, but values are compared as they come, and the first wrong one ends its program.

        A script has a process of its own for each input.

        Where a limit was reached the calls are made once more, all of them, within the limits of `again`, and that is
        what counts: on a busy machine the same work takes more processor time.

        Raises:
            SandboxError: the sandbox broke.
        """
        return self._map(self._check, programs, _FAR)

    def measure(self, solutions: Sequence[str], tests: Sequence[str | PreparedTest], batch: Batch) -> dict[str, Any]:
        """One batch of timing, asked and answered as in jailed/timed.py.

        Seeds alternate between the two zygotes of a seat, so batches come from processes of different hash seeds.
        """
        request = {"kind": "measure", "solutions": solutions, "limits": self._numbers(), **asdict(batch)}
        request["tests"] = [test if isinstance(test, str) else test.text for test in tests]
        request["preparations"] = ["" if isinstance(test, str) else test.preparation for test in tests]
        request["cpu_seconds"] = min(batch.cpu_seconds, self.limits.cpu_seconds)
        return self._ask_alone(request, batch.seed)

    def agree(self, solutions: Sequence[str], test: PreparedTest, *, seed: int) -> Disagreement | None:
        """What keeps the solutions from giving one result (see jailed/agreement.py); None where they agree."""
        request = {"kind": "agree", "solutions": solutions, "limits": self._numbers()}
        request |= {"test": test.text, "preparation": test.preparation}
        found = Disagreement(**self._ask_alone(request, seed))
        return found if found.what else None

    def _ask_alone(self, request: dict[str, Any], seed: int) -> dict[str, Any]:
        """The answer of one of the seat's zygotes, which stays on one core."""
        with self._seat() as seat:
            worker = seat.second if seed % 2 else seat.first
            with worker.on_one_core(seed // 2):
                return worker.ask(request).header

    def _call(self, calls: Calls) -> Replies:
        with self._seat() as seat:
            answer = seat.first.ask(self._calling(calls, b""), _stop)
        header = answer.header
        return Replies(Outcome(header["ended"]), header["text"], answer.tail, header["seconds"])

    def _check(self, checked: CheckedCalls) -> Checked:
        with self._seat() as seat:
            return joined(self._check_part(part, seat) for part in checked.parts())

    def _check_part(self, checked: CheckedCalls, seat: _Seat) -> Checked:
        found = self._check_once(checked, seat)
        if found.outcome != Outcome.TIMEOUT:
            return found
        calls = replace(checked.calls, inputs=checked.again)
        return self._check_once(replace(checked, calls=calls), seat)

    def _check_once(self, checked: CheckedCalls, seat: _Seat) -> Checked:
        wrong: list[Reply] = []

        def is_right(index: int, frame: bytes) -> bool:
            reply = reply_of(frame)
            if index >= 0 and reply.outcome == Outcome.PASSED and checked.is_same(index, reply):
                return True
            wrong.append(reply)
            return False

        request = {**self._calling(checked.calls, checked.digests), "most_bytes": checked.most_bytes}
        header = seat.first.ask(request, is_right).header
        ended, calls = Outcome(header["ended"]), header["calls"]
        if wrong or ended == Outcome.WRONG:
            calls = max(0, calls - 1)  # the last one answered
        if wrong:
            ended = wrong[0].outcome if wrong[0].outcome != Outcome.PASSED else Outcome.WRONG
        is_loaded = header["loaded"] and not (wrong and header["text"])
        return Checked(ended, calls, wrong[0] if wrong else None, header["text"], is_loaded, header["seconds"])

    def _calling(self, calls: Calls, digests: bytes) -> dict[str, Any]:
        """The request for calls, as jailed/calling.py takes it."""
        inputs = calls.inputs
        what = {"kind": "call", "program": calls.program, "function": calls.function, "seed": calls.seed}
        limits = {"cpu_seconds": inputs.cpu_seconds, "total_seconds": inputs.total_seconds, "limits": self._numbers()}
        return {**what, **limits, "inputs": inputs.encoded, "digests": base64.b64encode(digests).decode("ascii")}

    def _try(self, task: tuple[Sequence[str], Sequence[str]]) -> Execution | SandboxError:
        try:
            return self._execute(*map(tuple, task))
        except SandboxError as error:
            return error

    def _execute(self, solutions: tuple[str, ...], tests: tuple[str, ...]) -> Execution:
        with self._seat() as seat:
            request = self._request(solutions, tests, seed=0)
            cells = _Cells(seat.first.ask(request), len(solutions), len(tests))
            chosen = cells.to_confirm()
            if chosen.any():
                rows = np.flatnonzero(chosen.any(axis=1))
                skip = np.flatnonzero(~chosen[rows].ravel()).tolist()
                again = self._request([solutions[row] for row in rows], tests, seed=1, skip=skip)
                cells.confirm(rows, _Cells(seat.second.ask(again), len(rows), len(tests)))
        return Execution(
            samples=Samples(None, solutions, tests, 0, 0, None, None),
            outcomes=cells.outcomes,
            cpu_seconds=cells.cpu_seconds,
            judged_outside=cells.judged_outside,
            reasons=cells.reasons(),
        )

    def _request(
        self, solutions: Sequence[str], tests: Sequence[str], *, seed: int, skip: Sequence[int] = ()
    ) -> dict[str, Any]:
        what = {"solutions": solutions, "tests": tests, "skip": skip}
        how = {"judge": self._judge, "tasks_per_process": self._tasks_per_process, "limits": self._numbers()}
        return {**what, **how, "seed": seed}

    def _numbers(self) -> dict[str, float]:
        return {name: getattr(self.limits, name) for name in Limits.__dataclass_fields__}

    @contextlib.contextmanager
    def _seat(self) -> Generator[_Seat]:
        seat = self._free.get()
        try:
            yield seat
        finally:
            self._free.put(seat)


class _Seat:
    """A core's two zygotes: the second has another order of sets and other random numbers, to confirm verdicts."""

    def __init__(self, folder: Path, index: int, start: Start):
        self.first = Worker(folder / f"{index}", start, hash_seed=0, number=index)
        self.second = Worker(folder / f"{index}b", start, hash_seed=1, number=index)

    def stop(self) -> None:
        self.first.stop()
        self.second.stop()


class _Cells:
    """A zygote's answer about one task, as arrays of shape (n_solutions, n_tests)."""

    def __init__(self, answer: Answer, n_solutions: int, n_tests: int):
        shape, size = (n_solutions, n_tests), n_solutions * n_tests
        tail = answer.tail
        self.outcomes: NDArray[np.uint8] = np.frombuffer(tail, np.uint8, size).reshape(shape).copy()
        inside = np.frombuffer(tail, np.uint8, size, size).reshape(shape)
        self.judged_outside: NDArray[np.bool_] = inside == 0
        self.cpu_seconds: NDArray[np.float32] = np.frombuffer(tail, np.float32, size, 2 * size).reshape(shape).copy()
        self._texts: dict[int, str] = dict(answer.header["reasons"])
        self._chance_solutions, self._chance_tests = answer.header["chance"]

    def to_confirm(self) -> NDArray[np.bool_]:
        """Cells whose code could give another outcome by chance."""
        chosen = np.zeros(self.outcomes.shape, dtype=bool)
        chosen[self._chance_solutions] = True
        chosen[:, self._chance_tests] = True
        return chosen & np.isin(self.outcomes, _REPEATABLE)

    def confirm(self, rows: NDArray[np.intp], second: _Cells) -> None:
        """Call those cells flaky that came out otherwise the second time."""
        differs = np.isin(second.outcomes, _REPEATABLE) & (second.outcomes != self.outcomes[rows])
        for row, test in np.argwhere(differs).tolist():
            solution = int(rows[row])
            first, other = Outcome(self.outcomes[solution, test]), Outcome(second.outcomes[row, test])
            self._texts[solution * self.outcomes.shape[1] + test] = f"{first.name.lower()}, then {other.name.lower()}"
            self.outcomes[solution, test] = Outcome.FLAKY

    def reasons(self) -> tuple[CellReason, ...]:
        width = self.outcomes.shape[1]
        return tuple(CellReason(*divmod(cell, width), text) for cell, text in sorted(self._texts.items()))


def _stop(index: int, frame: bytes) -> bool:
    """A program that cannot be loaded: nothing goes on."""
    return False


def _require_vital(layers: Sequence[str], allow_weaker: bool) -> None:
    missing = missing_vital(layers)
    if missing and not allow_weaker:
        raise SandboxError(
            f"this machine lacks vital isolation: {'; '.join(missing)}. `codedpo doctor` tells what that means; "
            "set sandbox.allow_weaker: true only for code that you trust"
        )
