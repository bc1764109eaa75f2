"""Solutions in, a row of verdicts each: one judge for the task, few processes for the solutions.

Forking is most of what a row costs, so solutions that cannot reach each other (independent.py) share a process, a fresh
namespace per solution and test; every other one has its own. The row that stops a shared process is left to the
table, which gives it one process per test, and the rows behind it go on in a new one.
"""

import functools
import os
import socket

import codec
import judge
import plain
from clerk import Page
from outcomes import CRASH, EXCEPTION, UNSENDABLE
from processes import processor_seconds

LATE = object()
"""In place of an answer: a limit was reached."""
_PLAN_SECONDS = 2.0
_PAGE = Page()


class Rows:
    """The task's judge, and what it said of tests and solutions.

    places: by test, `plain.SHARED`, `ALONE` or `INSIDE`.
    """

    def __init__(self, table, children, clerk):
        self._table = table
        self._children = children
        self._clerk = clerk
        self.places = {}
        self.chance_solutions, self.chance_tests = set(), set()
        self._traits = {}  # by solution: (stateful, threads, independent)
        self._code = b""
        self._judge = self._control = None
        self._judged = frozenset()
        self._page = _PAGE

    def close(self):
        """End the judge, and let go of the table: the collector that would find this circle seldom comes."""
        self._end_judge()
        self._table = None

    def prepare(self):
        """Have everything compiled; what cannot be gets its outcome."""
        table = self._table
        tests, solutions, apart, self._code = self._clerk.prepare(
            dict(enumerate(table.tests)), dict(enumerate(table.solutions))
        )
        for index in apart:
            for test, solution in table.cells():
                if index in (test, -1 - solution):
                    table.settle(solution, test, CRASH, 0.0, "the source stopped Python's parser")
        for index, stateful, chance, threads, independent, fault in solutions:
            self._traits[index] = (stateful, threads, independent)
            if chance:
                self.chance_solutions.add(index)
            if fault:
                table.settle_row(index, *fault)
        for index, place, chance, fault in tests:
            self.places[index] = place
            if chance:
                self.chance_tests.add(index)
            if fault:
                for solution in range(len(table.solutions)):
                    table.settle(solution, index, EXCEPTION, 0.0, fault)

    def run(self):
        """Judge what can be judged without a process per test."""
        waiting = range(len(self._table.solutions))
        while waiting and self._start_judge():
            tests = sorted(self._judged)
            waiting = [solution for solution in waiting if self._runnable(solution)]
            may_share = [self._children.confined and self._traits[solution][2] for solution in waiting]
            groups = [[solution for solution, may in zip(waiting, may_share) if may]]
            groups += [[solution] for solution, may in zip(waiting, may_share) if not may]
            waiting = []
            for group in groups:
                while group and self._judge is not None:
                    group = group[self._run_group(group, tests) :]
                waiting += group  # the judge got lost: another one goes on

    def _runnable(self, solution):
        traits = self._traits.get(solution)
        if traits is None or traits[0]:
            return False
        return any(self._table.is_left(solution, test) for test in self._judged)

    def _start_judge(self):
        """Have a judge of the shared tests; a test that hangs or ends it is set apart. False where none is left."""
        while self._judge is None:
            solutions = range(len(self._table.solutions))
            shared = [test for test, place in self.places.items() if place == plain.SHARED]
            shared = [test for test in shared if any(self._table.is_left(solution, test) for solution in solutions)]
            if not shared:
                return False
            inside = self._fork_judge(shared)
            if isinstance(inside, list):
                self.places.update(dict.fromkeys(inside, plain.INSIDE))
                self._judged -= set(inside)
            else:
                self._set_culprit_apart()
                self._end_judge()
        return bool(self._judged)

    def _fork_judge(self, tests):
        """Fork a judge of these tests; those that must be judged inside, or LATE or None."""
        self._control, theirs = socket.socketpair()
        body = functools.partial(judge.serve, theirs, self._code, tests, self._table.seed, self._page)
        self._page.busy(-1)
        self._judge = self._children.fork(body, (theirs.fileno(),))
        theirs.close()
        self._judged = frozenset(tests)
        return self._answer(_PLAN_SECONDS, None)

    def _end_judge(self):
        if self._judge is not None:
            self._children.bury(self._judge)
            self._control.close()
            self._judge = None

    def _set_culprit_apart(self):
        """The test that the judge was busy with when it hung or ended gets a judge of its own; in doubt, all do."""
        busy, _ = self._page.read()
        self.places.update(dict.fromkeys({busy} & self._judged or self._judged, plain.ALONE))

    def _answer(self, cpu_seconds, child):
        """The judge's next message; None if it ended, LATE if the limit was reached."""
        line = self._line(cpu_seconds, child)
        return codec.loads(line) if isinstance(line, bytes) else line

    def _line(self, cpu_seconds, child):
        fd = self._control.fileno()
        if not self._children.wait(fd, cpu_seconds, child, self._judge):
            return LATE
        line = os.read(fd, 1 << 16)
        while line[-1:] != b"\n":
            part = os.read(fd, 1 << 20)
            if not part:
                return None
            line += part
        return line

    def _run_group(self, solutions, tests):
        """Judge rows in one process of the solutions, until one stops it; how many of the rows that settled."""
        limit = self._table.limits["row_seconds"] / 2  # looked at twice in that time
        self._page.done(0)
        child = self._command("rows", solutions, tests, threads=self._traits[solutions[0]][1])
        line, done = LATE, -1
        while line is LATE and done != self._page.read()[1]:
            done = self._page.read()[1]
            before = processor_seconds(self._judge)
            line = self._line(limit, child)
        stuck = line is LATE and processor_seconds(self._judge) - before > limit / 2
        self._bury(child)
        if line is LATE and not stuck:
            if self._judge is None:
                return 1  # the judge went with the solution's process
            line = self._line(limit, None)  # it sees that the solutions' process is gone
        if not isinstance(line, bytes):
            self._set_culprit_apart()
            self._end_judge()
            return 0
        answers = codec.loads(line)
        for solution, answer in zip(solutions, answers):
            self._settle_row(solution, tests, *answer)
        return len(answers)

    def _command(self, kind, what, which, threads):
        """Fork a process for solutions and have the judge begin; the process."""
        ours, theirs = socket.socketpair()
        child = self._children.fork_solver(theirs.fileno(), threads=threads)
        theirs.close()
        socket.send_fds(self._control, [codec.dumps([kind, what, which])], [ours.fileno()])
        ours.close()
        return child

    def _bury(self, child):
        found = self._children.bury_solver(child)
        if not self._children.confined:
            self._end_judge()  # killed with all the rest
        return found

    def _settle_row(self, solution, tests, kind, content):
        if kind == "failure":  # it does not load: that is so for every test
            self._table.settle_row(solution, *content)
        elif kind == "verdicts":
            for test, verdict in zip(tests, content):
                if verdict[0] != UNSENDABLE:
                    self._table.settle(solution, test, *verdict)

    def judge_for(self, test):
        """Have a judge of this test; None, or why there is none: LATE, or it ended."""
        if self.places[test] == plain.SHARED and self._start_judge() and test in self._judged:
            return None
        self._end_judge()
        inside = self._fork_judge([test])
        if isinstance(inside, list):
            return None
        self._end_judge()
        return inside or "ended"

    def cell(self, solution, test, limit):
        """Judge one cell: (answer | None | LATE, exit status, processor seconds of the solution, of the judge)."""
        before = processor_seconds(self._judge)
        child = self._command("cell", solution, test, threads=self._traits[solution][1])
        answer = self._answer(limit, child)
        judge_cpu = processor_seconds(self._judge) - before
        status, cpu = self._bury(child)
        if answer is LATE and judge_cpu < limit / 2 and self._judge is not None:
            released = self._answer(limit, None)  # it sees that the solution's process is gone
            if not isinstance(released, list):
                self._end_judge()
        if answer is None or self.places[test] != plain.SHARED or (answer is LATE and judge_cpu >= limit / 2):
            self._end_judge()
        return answer, status, cpu, judge_cpu
