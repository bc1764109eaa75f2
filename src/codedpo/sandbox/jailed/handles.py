"""The zygote's handles of the processes that stand between it and untrusted code: a judge, and solutions to be judged.

A pair of them is kept from task to task (`Kept`) for code that by its syntax can leave nothing behind; forking and
copying memory is most of what a task costs. All other code gets processes of its own.
"""

import functools
import os
import socket

import codec
import judge
from processes import processor_seconds

LATE = object()
"""In place of an answer: a limit was reached."""
_PLAN_SECONDS = 2.0


class JudgeHandle:
    """A judge's process, new.

    Args:
        children: a `processes.Children`.
        page: a `clerk.Page`, on which the judge notes what it does.
        lasting: whether it may be kept for other tasks.
    """

    def __init__(self, children, page, lasting):
        self._children = children
        self._page = page
        self.lasting = lasting
        self._control, theirs = socket.socketpair()
        self._process = children.fork(functools.partial(judge.serve, theirs, page, lasting), (theirs.fileno(),))
        theirs.close()

    @property
    def cpu_seconds(self):
        """Processor time that it has used."""
        return processor_seconds(self._process)

    def begin(self, code, tests, seed):
        """Give it a task, see `judge.Judge`; the tests that must be judged inside, or LATE, or None if it ended."""
        self._page.busy(-1)
        try:
            judge.send(self._control, ["task", [tests, seed, len(code)]])
            codec.write_all(self._control.fileno(), code)
        except OSError:
            return None
        return self.answer(_PLAN_SECONDS, None)

    def judge(self, kind, what, which, solver):
        """Have it begin on "rows" or a "cell" with a solutions' process; `answer` or `line` has what comes of it."""
        try:
            judge.send(self._control, [kind, [what, which]], solver.channel)
        except OSError:
            pass  # it has ended, as the answer will tell

    def answer(self, cpu_seconds, child):
        """Its next message; None if it ended, LATE if it and the child reached the limit."""
        line = self.line(cpu_seconds, child)
        return codec.loads(line) if isinstance(line, bytes) else line

    def line(self, cpu_seconds, child):
        """As `answer`, but not yet read: the JSON of a message."""
        fd = self._control.fileno()
        if not self._children.wait(fd, cpu_seconds, child, self._process):
            return LATE
        try:
            line = os.read(fd, 1 << 16)
            while line[-1:] != b"\n":
                part = os.read(fd, 1 << 20)
                if not part:
                    return None
                line += part
        except OSError:
            return None
        return line

    def end(self):
        """End the process."""
        self._children.bury(self._process)
        self._control.close()


class SolverHandle:
    """A process for solutions, new.

    Args:
        children: a `processes.Children`.
        threads: whether the solutions may start threads.
    """

    def __init__(self, children, threads=False):
        self._children = children
        ours, theirs = socket.socketpair()
        self.process = children.fork_solver(theirs.fileno(), threads=threads)
        theirs.close()
        self.channel = ours.detach()

    def end(self):
        """End the process; (exit status, processor seconds)."""
        os.close(self.channel)
        return self._children.bury_solver(self.process)


class Kept:
    """A judge and a solutions' process that wait for the next task, or None.

    Only code that by its syntax leaves nothing behind ran in them (plain.Plan.leaves_nothing, independent.py), and
    the judge looks for traces all the same (`judge.serve`). Whatever goes wrong with one ends it.

    Args:
        children: a `processes.Children`.
    """

    def __init__(self, children):
        self.children = children
        self.judge = None
        self.solver = None
        self._tasks = 0

    def count(self, most):
        """One more task is done with; after `most` of them new processes follow."""
        self._tasks += 1
        if self._tasks >= most:
            self._tasks = 0
            for handle in (self.judge, self.solver):
                if handle is not None:
                    handle.end()
            self.judge = self.solver = None
