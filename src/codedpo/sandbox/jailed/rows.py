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
from processes import processor_seconds

LATE = object()
"""In place of an answer: a limit was reached."""
_EXCEPTION = 2
_PREPARE_SECONDS = 2.0


class Rows:
    """The task's judge, and what it said of tests and solutions.

    places: by test, `plain.SHARED`, `ALONE` or `INSIDE`.
    """

    def __init__(self, table, children):
        self._table = table
        self._children = children
        self.places = {}
        self.chance_solutions, self.chance_tests = set(), set()
        self._traits = {}  # by solution: (stateful, threads, independent); None where its source stopped a judge
        self._shared = []
        self._judge = self._control = None
        self._judged, self._solved = (), ()
        self._page = judge.Page()

    def close(self):
        """End the judge."""
        self._end_judge()
        self._page.close()

    def run(self):
        """Judge what can be judged without a process per test."""
        waiting = range(len(self._table.solutions))
        while waiting:
            self._start_judge(waiting)
            waiting = [solution for solution in waiting if self._runnable(solution)]
            tests = [test for test in self._shared if self.places[test] == plain.SHARED]
            if not tests:
                return
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
        return any(self._table.is_left(solution, test) for test in self._shared)

    def _start_judge(self, solutions):
        """Fork the judge and learn how each test is to be judged; a test that hangs or kills it there is set apart."""
        everything = range(len(self._table.tests))
        prepared = None
        while not isinstance(prepared, list):
            self._end_judge()
            tests = [index for index in everything if self.places.get(index) in (None, plain.SHARED)]
            rows = [index for index in solutions if self._traits.get(index, ()) is not None]
            prepared = self._fork_judge(tests, rows)
            if not isinstance(prepared, list):
                self._set_culprit_apart()
        tests, traits = prepared
        for index, stateful, chance, threads, independent, fault in traits:
            self._traits[index] = (stateful, threads, independent)
            if chance:
                self.chance_solutions.add(index)
            if fault:
                self._table.settle_row(index, *fault)
        for index, place, chance, fault in tests:
            self.places[index] = place
            if chance:
                self.chance_tests.add(index)
            if fault:
                for solution in range(len(self._table.solutions)):
                    self._table.settle(solution, index, _EXCEPTION, 0.0, fault)
        self._shared = [index for index, place, _, fault in tests if place == plain.SHARED and not fault]

    def _fork_judge(self, tests, solutions):
        """Fork a judge of these tests and solutions; what it prepared, LATE or None."""
        self._control, theirs = socket.socketpair()
        sources = judge.Sources(
            {index: self._table.tests[index] for index in tests},
            dict(self.places),
            {index: self._table.solutions[index] for index in solutions},
        )
        body = functools.partial(judge.serve, theirs, sources, self._table.seed, self._page)
        self._judge = self._children.fork(body, (theirs.fileno(),))
        theirs.close()
        self._judged, self._solved = frozenset(tests), frozenset(solutions)
        return self._answer(_PREPARE_SECONDS, None)

    def _end_judge(self):
        if self._judge is not None:
            self._children.bury(self._judge)
            self._control.close()
            self._judge = None

    def _set_culprit_apart(self):
        """What the judge was busy with when it hung or ended: a test, or a solution's source."""
        culprit, _ = self._page.read()
        if culprit >= 0:
            self.places[culprit] = plain.ALONE
        else:
            self._traits[-1 - culprit] = None

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
                if verdict[0] != judge.UNSENDABLE:
                    self._table.settle(solution, test, *verdict)

    def judge_for(self, solution, test):
        """Have a judge that can judge this cell; None, or why there is none: LATE, or it ended."""
        shared = self.places[test] == plain.SHARED
        if shared and self._judge is not None and test in self._judged and solution in self._solved:
            return None
        self._end_judge()
        tests, solutions = {test}, {solution}
        if shared:
            tests.update(index for index in self._shared if self.places[index] == plain.SHARED)
            solutions.update(index for index, traits in self._traits.items() if traits is not None)
        prepared = self._fork_judge(sorted(tests), sorted(solutions))
        if isinstance(prepared, list):
            return None
        self._end_judge()
        return prepared or "ended"

    def cell(self, solution, test, limit):
        """Judge one cell: (answer | None | LATE, exit status, processor seconds of the solution, of the judge)."""
        before = processor_seconds(self._judge)
        traits = self._traits.get(solution)
        child = self._command("cell", solution, test, threads=traits is None or traits[1])
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
