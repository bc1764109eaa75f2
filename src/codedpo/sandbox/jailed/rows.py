"""Solutions in, a row of verdicts each: one judge for the task, few processes for the solutions.

Forking is most of what a row costs, so solutions that cannot reach each other (independent.py) share a process, a fresh
namespace per solution and test; every other one has its own. The row that stops a shared process is left to the
table, which gives it one process per test, and the rows behind it go on in a new one.
"""

import codec
import plain
from clerk import Page
from handles import LATE, JudgeHandle, SolverHandle
from outcomes import CRASH, EXCEPTION, UNSENDABLE

_PAGE = Page()


class Rows:
    """The task's judge, and what it said of tests and solutions.

    Args:
        table: the `table.Table`.
        kept: a `handles.Kept`.
        clerk: a `clerk.Clerk`.
        lasting: whether processes may be kept from task to task, where the code allows it.

    places: by test, `plain.SHARED`, `ALONE` or `INSIDE`.
    """

    def __init__(self, table, kept, clerk, lasting):
        self._table = table
        self._kept = kept
        self._children = kept.children
        self._lasting = lasting and kept.children.confined
        self._clerk = clerk
        self.places = {}
        self.chance_solutions, self.chance_tests = set(), set()
        self._traits = {}  # by solution: (stateful, threads, independent)
        self._code = b""
        self._judge = None
        self._judged = frozenset()
        self._faults = {}  # by test: why it has no judge

    def close(self):
        """Let go of the judge, and of the table: the collector that would find this circle seldom comes."""
        self._leave_judge()
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
        for index, place, leaves_nothing, chance, fault in tests:
            self.places[index] = place
            if place == plain.SHARED and not leaves_nothing:
                self._lasting = False
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
            groups = [(True, [solution for solution, may in zip(waiting, may_share) if may])]
            groups += [(False, [solution]) for solution, may in zip(waiting, may_share) if not may]
            waiting = []
            for share, group in groups:
                while group and self._judge is not None:
                    group = group[self._run_group(group, tests, share) :]
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
            inside = self._have_judge(shared, self._lasting)
            if isinstance(inside, list):
                self.places.update(dict.fromkeys(inside, plain.INSIDE))
                self._judged -= set(inside)
            else:
                self._set_culprit_apart()
                self._end_judge()
        return bool(self._judged)

    def _have_judge(self, tests, lasting):
        """Have a judge of these tests; those that must be judged inside, or LATE or None where it hung or ended."""
        self._judged = frozenset(tests)
        if lasting and self._kept.judge is not None:
            self._judge, self._kept.judge = self._kept.judge, None
            inside = self._judge.begin(self._code, tests, self._table.seed)
            if isinstance(inside, list):
                return inside
            self._end_judge()  # what came before this task may be to blame: a new one is asked the same
        self._judge = JudgeHandle(self._children, _PAGE, lasting)
        return self._judge.begin(self._code, tests, self._table.seed)

    def _end_judge(self):
        if self._judge is not None:
            self._judge.end()
            self._judge = None

    def _leave_judge(self):
        """Done with the judge: keep it for the next task or end it."""
        if self._judge is not None and self._judge.lasting:
            self._judge, self._kept.judge = None, self._judge
        self._end_judge()

    def _set_culprit_apart(self):
        """The test that the judge was busy with when it hung or ended gets a judge of its own; in doubt, all do."""
        busy, _ = _PAGE.read()
        self.places.update(dict.fromkeys({busy} & self._judged or self._judged, plain.ALONE))

    def _run_group(self, solutions, tests, share):
        """Judge rows in one process of the solutions, until one stops it; how many of the rows that settled."""
        limit = self._table.limits["row_seconds"] / 2  # looked at twice in that time
        _PAGE.done(0)
        lasting = share and self._judge.lasting
        solver = self._solver(solutions[0], lasting)
        self._judge.judge("rows", solutions, tests, solver)
        line, done = LATE, -1
        while line is LATE and done != _PAGE.read()[1]:
            done = _PAGE.read()[1]
            before = self._judge.cpu_seconds
            line = self._judge.line(limit, solver.process)
        answers = codec.loads(line) if isinstance(line, bytes) else []
        if lasting and len(answers) == len(solutions) and answers[-1][0] != "again":
            self._kept.solver = solver
        else:
            stuck = line is LATE and self._judge.cpu_seconds - before > limit / 2
            self._end_solver(solver)
            if line is LATE and not stuck:
                if self._judge is None:
                    return 1  # the judge went with the solution's process
                line = self._judge.line(limit, None)  # it sees that the solutions' process is gone
            if not isinstance(line, bytes):
                self._set_culprit_apart()
                self._end_judge()
                return 0
            answers = codec.loads(line)
        for solution, answer in zip(solutions, answers):
            self._settle_row(solution, tests, *answer)
        return len(answers)

    def _solver(self, solution, lasting):
        """A process for this solution: the kept one, or a new one."""
        if lasting and self._kept.solver is not None:
            solver, self._kept.solver = self._kept.solver, None
            return solver
        return SolverHandle(self._children, threads=self._traits[solution][1])

    def _end_solver(self, solver):
        found = solver.end()
        if not self._children.confined:
            self._end_judge()  # killed with all the rest
        return found

    def _settle_row(self, solution, tests, kind, content):
        if kind == "again":
            self._judge.lasting = False  # whatever happened to it
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
        if test not in self._faults:
            self._leave_judge()
            inside = self._have_judge([test], lasting=False)
            if isinstance(inside, list):
                return None
            self._end_judge()
            self._faults[test] = inside or "ended"
        return self._faults[test]

    def cell(self, solution, test, limit):
        """Judge one cell: (answer | None | LATE, exit status, processor seconds of the solution, of the judge)."""
        before = self._judge.cpu_seconds
        solver = self._solver(solution, lasting=False)
        self._judge.judge("cell", solution, test, solver)
        answer = self._judge.answer(limit, solver.process)
        judge_cpu = self._judge.cpu_seconds - before
        status, cpu = self._end_solver(solver)
        if answer is LATE and judge_cpu < limit / 2 and self._judge is not None:
            released = self._judge.answer(limit, None)  # it sees that the solution's process is gone
            if not isinstance(released, list):
                self._end_judge()
        if answer is None or self.places[test] != plain.SHARED or (answer is LATE and judge_cpu >= limit / 2):
            self._end_judge()
        return answer, status, cpu, judge_cpu
