"""The judge's process: runs a task's tests against stubs of the solution, and says what came of them.

It is jailed like a solution, for a test may be hostile too. A test that could leave something behind for the next
one (`plain.ALONE`) gets a judge of its own each time; the tests that share a judge cannot, by their syntax.
"""

import builtins
import cmath
import importlib
import itertools
import marshal
import math
import os
import socket

import codec
from outcomes import OUT_OF_MEMORY
from session import Session, failed

_SHARED = (math, cmath, itertools)


class Judge:
    """The compiled tests and solutions of one task.

    Args:
        code: what `clerk.Clerk.prepare` gave.
        tests: indices of those to judge here.
        seed: of the solutions' random numbers.
        page: a `clerk.Page`.
    """

    def __init__(self, code, tests, seed, page):
        codes = marshal.loads(code)
        self._tests = {index: _Test(index, *codes["tests"][index]) for index in tests}
        self._codes = codes["solutions"]
        self._seed = seed
        self._page = page
        self._batched, self._request = None, None

    def plan(self):
        """Find out each test's first call; the indices of those that hand over what cannot travel."""
        for test in self._tests.values():
            self._page.busy(test.index)
            test.plan_first_call()
        return [test.index for test in self._tests.values() if test.unsendable]

    def row(self, channel, solution, indices):
        """Judge one solution on several shared tests, with all their first calls in one message.

        Returns:
            ["verdicts", [...]], ["failure", verdict] where the solution does not load, or ["again", why] where the row
            must be done with one process per test.
        """
        channel.send(self._first_request(solution, self._batch(indices)))
        reply = channel.receive()
        if reply is None:
            return ["again", "lost"]
        if len(reply) == 1:
            return ["failure", failed(reply[0], 0.0)]
        present, replies = reply
        replies = iter(replies)
        verdicts = []
        for index in indices:
            test = self._tests[index]
            self._page.busy(index)
            session = Session(channel, test, next(replies) if test.first else None)
            verdicts.append(session.run(present))
            if session.lost:
                return ["again", "lost"]
            if verdicts[-1][0] == OUT_OF_MEMORY:
                return ["again", "memory"]  # it may have been the tests before that filled it
        return ["verdicts", verdicts]

    def _batch(self, indices):
        if indices != self._batched:
            tests = [self._tests[index] for index in indices]
            look = sorted(set().union(*(test.modules.keys() | test.absent for test in tests)))
            calls = [test.first for test in tests if test.first]
            self._batched, self._request = indices, (calls[0][0] if calls else indices[0], look, calls)
        return self._request

    def _first_request(self, solution, request):
        """Code, seed and request, marshalled."""
        code, seeded = self._codes[solution]
        return marshal.dumps((code, self._seed if seeded else None, request))

    def cell(self, channel, solution, index):
        """Judge one solution on one test, in a process of its own; answers as `row` does."""
        test = self._tests[index]
        self._page.busy(index)
        look = sorted(test.builtins | test.modules.keys() | test.absent)
        channel.send(self._first_request(solution, (index, look, [])))
        reply = channel.receive()
        if reply is None:
            return ["again", "lost"]
        if len(reply) == 1:
            return ["failure", failed(reply[0], 0.0)]
        session = Session(channel, test, None)
        verdict = session.run(reply[0])
        return ["again", "lost"] if session.lost else ["verdicts", [verdict]]


def serve(control, page, lasting):
    """The judge's life: a task, rows and cells of it, and maybe the next task, until the zygote ends it.

    Commands come marshalled behind 4 bytes of length: ["task", [tests, seed, length of the code that follows]],
    ["rows", [solutions, tests]] or ["cell", [solution, test]], the last two with the channel to a solutions' process.
    Answers are lines of JSON: to a task the tests that must be judged inside, to a cell what came of it, to rows a
    list, which ends early with the row that must be done again. Where a task before left traces, it ends.

    Args:
        control: socket to the zygote.
        page: as for `Judge`.
        lasting: whether a task may follow the first.
    """
    before = _traces() if lasting else None
    judge = None
    while (command := _receive(control)) is not None:
        kind, (what, which, *size), fds = *command[0], command[1]
        if kind == "task":
            if judge is not None and _traces() != before:
                return
            judge = Judge(_exactly(control, *size), what, which, page)
            say(control, judge.plan())
            continue
        channel = codec.Channel(fds[0])
        if kind == "cell":
            say(control, _judged(judge.cell, channel, what, which))
        else:
            answers = []
            for solution in what:
                answers.append(_judged(judge.row, channel, solution, which))
                if answers[-1][0] == "again":
                    break
                page.done(len(answers))
            say(control, answers)
        os.close(fds[0])


def send(control, command, *fds):
    """Write a command; OSError where the judge has ended."""
    data = marshal.dumps(command)
    socket.send_fds(control, [len(data).to_bytes(4, "little")], fds)
    codec.write_all(control.fileno(), data)


def _receive(control):
    head, fds, _, _ = socket.recv_fds(control, 4, 1)
    if len(head) < 4:
        return None
    return marshal.loads(_exactly(control, int.from_bytes(head, "little"))), fds


def _exactly(control, size):
    return control.recv(size, socket.MSG_WAITALL)


def _traces():
    """What a test could have changed, had it found a way: by identity, so that no object is asked."""
    return [[(name, id(value)) for name, value in vars(module).items()] for module in (builtins, *_SHARED)]


def _judged(method, channel, solution, tests):
    try:
        return method(channel, solution, tests)
    except (OSError, ValueError, TypeError, IndexError, StopIteration):
        return ["again", "lost"]  # the solution's process broke off, or sent what is no message


def say(control, message):
    """Write one line of JSON."""
    codec.write_all(control.fileno(), codec.dumps(message) + b"\n")


class _Test:
    def __init__(self, index, code, needs):
        self.index = index
        self.code = code
        self.calls, modules, self.builtins, self.absent, self.returns_arguments = needs
        self.modules = {name: importlib.import_module(name) for name in modules}
        self.first = None
        self.unsendable = False

    def plan_first_call(self):
        """Find out what the test's first call will be: nothing of the solution can have had a say in it."""
        session = Session(None, self, None)
        session.run(self.modules)
        self.first, self.unsendable = session.planned, session.unsendable
