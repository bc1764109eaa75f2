"""One task in, an outcome per cell out: which process judges what, within which limits, and in which order.

First every solution runs once in one process, a fresh namespace per test, with the calls of all tests that can share
a judge in one message (rows.py). What is left, because it crashed, ran long, needed much memory, could carry state
from one test to the next or needs a judge of its own, is done with one process per test (here), under a limit that
the task's finished cells have set by then.
"""

import array
import math
import os
import socket
import statistics

import inside
import plain
from handles import LATE
from outcomes import CRASH, NOT_RUN, TIMEOUT, UNSENDABLE
from rows import Rows

_NAN = math.nan
_FORGEABLE = (NOT_RUN, _NAN, "the test can only be judged in the solution's process")


class Table:
    """The cells of one task.

    Args:
        request: solutions, tests, judge (auto | outside | inside), seed, skip (flat indices of cells to leave out) and
            limits (the fields of codedpo.sandbox.Limits), tasks_per_process.
        kept: a `handles.Kept`.
        clerk: a `clerk.Clerk`.
    """

    def __init__(self, request, kept, clerk):
        self.solutions = [source.removeprefix("\ufeff") for source in request["solutions"]]
        self.tests = [source.removeprefix("\ufeff") for source in request["tests"]]
        self.limits = request["limits"]
        self.seed = request["seed"]
        self._mode = request["judge"]
        self._children = kept.children
        size = len(self.solutions) * len(self.tests)
        self.outcomes = bytearray([NOT_RUN]) * size
        self.inside = bytearray(size)
        self.cpu = array.array("f", [_NAN]) * size
        self.reasons = {}
        self._left = bytearray(b"\1") * size
        for cell in request["skip"]:
            self._left[cell] = 0
        self._rows = Rows(self, kept, clerk, lasting=request["tasks_per_process"] > 1)

    @property
    def chance(self):
        """Solutions and tests whose outcome another run might change."""
        return [sorted(self._rows.chance_solutions), sorted(self._rows.chance_tests)]

    def run(self):
        """Fill every cell."""
        if not any(self._left):
            return
        try:
            self._rows.prepare()
            if self._mode == "inside":
                self._rows.places = dict.fromkeys(range(len(self.tests)), plain.INSIDE)
            self._rows.run()
            if any(self._left):
                if self._mode == "outside":
                    self._leave_forgeable()
                self._one_by_one(self._cpu_limit())
        finally:
            self._rows.close()

    def cells(self):
        """(test, solution) of all cells."""
        return [(test, solution) for test in range(len(self.tests)) for solution in range(len(self.solutions))]

    def is_left(self, solution, test):
        """Whether a cell has no outcome yet."""
        return self._left[solution * len(self.tests) + test]

    def settle(self, solution, test, outcome, cpu, text=""):
        """Give a cell its outcome, unless it has one."""
        cell = solution * len(self.tests) + test
        if self._left[cell]:
            self._left[cell] = 0
            self.outcomes[cell] = outcome
            self.cpu[cell] = cpu
            if text:
                self.reasons[cell] = text

    def settle_row(self, solution, outcome, cpu, text):
        """Give all cells of a solution that have none the same outcome."""
        for test in range(len(self.tests)):
            self.settle(solution, test, outcome, cpu, text)

    def _leave_forgeable(self):
        for test, place in self._rows.places.items():
            if place == plain.INSIDE:
                for solution in range(len(self.solutions)):
                    self.settle(solution, test, *_FORGEABLE)

    def _cpu_limit(self):
        """A multiple of the median of the finished cells, rounded up to a power of two, within the bounds."""
        done = [seconds for seconds in self.cpu if seconds > 0]
        least, most = self.limits["min_cpu_seconds"], self.limits["cpu_seconds"]
        if not done or least >= most:
            return most
        wanted = max(least, self.limits["median_factor"] * statistics.median(done))
        return min(most, least * 2 ** math.ceil(math.log2(wanted / least)))

    def _one_by_one(self, limit):
        """What the rows left over, test by test, so that a test that hangs for most solutions is seen as such.

        A cell whose solution or test has timed out often is tried with a tenth of the limit only: it may be quick.
        """
        timeouts = [0] * len(self.solutions)
        half = max(2, (len(self.solutions) + 1) // 2)
        for test in range(len(self.tests)):
            timed_out = []
            for solution in range(len(self.solutions)):
                if not self.is_left(solution, test):
                    continue
                if len(timed_out) >= half:
                    self._try_cell(solution, test, limit / 10, "the test timed out for half of the solutions")
                elif timeouts[solution] >= self.limits["max_timeouts"]:
                    self._try_cell(solution, test, limit / 10, "the solution timed out too often")
                elif self._run_cell(solution, test, limit) == TIMEOUT:
                    timed_out.append(solution)
            if len(timed_out) < half:
                for solution in timed_out:
                    timeouts[solution] += 1

    def _try_cell(self, solution, test, limit, why):
        outcome, cpu, text = self._cell(solution, test, limit)
        if outcome == TIMEOUT:
            outcome, cpu, text = NOT_RUN, _NAN, why
        self.settle(solution, test, outcome, cpu, text)

    def _run_cell(self, solution, test, limit):
        outcome, cpu, text = self._cell(solution, test, limit)
        self.settle(solution, test, outcome, cpu, text)
        return outcome

    def _cell(self, solution, test, limit):
        """(outcome, processor seconds, text) of one cell in a process of its own."""
        run = self._inside if self._rows.places[test] == plain.INSIDE else self._outside
        outcome, cpu, text = run(solution, test, limit)
        if outcome == UNSENDABLE:
            return self._inside(solution, test, limit) if self._mode != "outside" else _FORGEABLE
        return outcome, cpu, text

    def _outside(self, solution, test, limit):
        """One cell with a judge: (outcome, processor seconds, text)."""
        fault = self._rows.judge_for(test)
        if fault is not None:
            return (TIMEOUT if fault is LATE else CRASH), 0.0, "the test hangs or ends before it calls the solution"
        answer, status, cpu, judge_cpu = self._rows.cell(solution, test, limit)
        if answer is None:
            return CRASH, cpu, "the test ended its judge"
        if answer is LATE or cpu + judge_cpu > limit:
            return TIMEOUT, cpu, f"over the limit of {limit:g} s of processor time"
        kind, content = answer
        if kind == "failure":  # it does not load: that is so for every test
            self.settle_row(solution, *content)
            return content
        return content[0] if kind == "verdicts" else (CRASH, cpu, _end(status))

    def _inside(self, solution, test, limit):
        """One cell in the solution's own process."""
        self.inside[solution * len(self.tests) + test] = 1
        token = os.urandom(16).hex()
        ours, theirs = socket.socketpair()
        child = self._children.fork_inside(theirs.fileno())
        theirs.close()
        try:
            inside.send(ours.fileno(), self.solutions[solution], self.tests[test], self.seed, token)
            ended = self._children.wait(ours.fileno(), limit, child)
        except OSError:
            ended = True  # it did not even listen
        report = inside.read(ours.fileno(), token) if ended else None
        ours.close()
        status, cpu = self._children.bury_solver(child)
        if cpu > limit or not ended:
            return TIMEOUT, cpu, f"over the limit of {limit:g} s of processor time"
        if report is None:
            return CRASH, cpu, _end(status)
        outcome, text = report
        return outcome, cpu, text


def _end(status):
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) != 9:
        return f"killed by signal {os.WTERMSIG(status)}"
    return "the process ended without a verdict"
