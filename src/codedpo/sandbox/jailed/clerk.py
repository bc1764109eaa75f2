"""Sources in, compiled code and what their syntax tells out: a process that reads untrusted code and never runs it.

It lives on from task to task, since compiling in a process that was just forked means copying memory most of the time.
A source that stops it (the parser is written in C) is named by the page that it shares with the zygote.
"""

import ast
import functools
import marshal
import mmap
import os
import socket
import struct

import codec
import independent
import plain
import syntax
import traits
from outcomes import EXCEPTION

_SECONDS = 2.0
_TASKS = 500  # after which a new one takes over: whatever it may hoard by then is gone
_SIZES = struct.Struct("=II")
_FAULTS = (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError)


class Page:
    """Four bytes shared with the zygote for what a process is busy with, four for the rows that it has done."""

    def __init__(self):
        self._bytes = mmap.mmap(-1, 8)

    def busy(self, index):
        """Note a test's index, or -1 - a solution's, before something is done with it."""
        struct.pack_into("=i", self._bytes, 0, index)

    def done(self, rows):
        """Note how many rows of the command are judged."""
        struct.pack_into("=i", self._bytes, 4, rows)

    def read(self):
        """(busy, done)"""
        return struct.unpack("=ii", self._bytes[:8])


class Clerk:
    """The zygote's handle.

    Args:
        children: a `processes.Children`.
    """

    def __init__(self, children):
        self._children = children
        self._process = None
        self._page = Page()

    def prepare(self, tests, solutions):
        """Compile what does not stop the parser.

        Args:
            tests, solutions: sources by index.

        Returns:
            tests: [index, place, leaves_nothing, chance, text of its fault or None]; solutions: [index, stateful,
            chance, threads, independent, verdict if it does not compile]; apart: what stopped the parser, a test's
            index or -1 - a solution's; and bytes from which `judge.Judge` takes the code.
        """
        apart = []
        while True:
            wanted = [
                {index: text for index, text in tests.items() if index not in apart},
                {index: text for index, text in solutions.items() if -1 - index not in apart},
            ]
            found = self._ask(wanted)
            if found is not None:
                (prepared, solved), code = found
                return prepared, solved, apart, code
            self.close()
            culprit, _ = self._page.read()
            if culprit in apart:
                raise RuntimeError("the process that compiles ends whatever it is given")
            apart.append(culprit)

    def close(self):
        """End the process."""
        if self._process is not None:
            self._children.bury(self._process)
            self._socket.close()
            self._process = None

    def _ask(self, wanted):
        if self._process is not None and self._tasks >= _TASKS:
            self.close()
        if self._process is None:
            self._socket, theirs = socket.socketpair()
            body = functools.partial(_serve, theirs.fileno(), self._page)
            self._process = self._children.fork(body, (theirs.fileno(),))
            theirs.close()
            self._tasks = 0
        self._tasks += 1
        fd = self._socket.fileno()
        data = marshal.dumps(wanted)
        try:
            codec.write_all(fd, _SIZES.pack(len(data), 0) + data)
            if not self._children.wait(fd, _SECONDS, self._process):
                return None
            header, code = _read(fd)
        except (OSError, EOFError):
            return None
        return codec.loads(header), code


def _read(fd):
    sizes = _SIZES.unpack(_exactly(fd, _SIZES.size))
    return [_exactly(fd, size) for size in sizes]


def _exactly(fd, size):
    parts = []
    while size:
        part = os.read(fd, size)
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _serve(fd, page):
    while True:
        found, code = prepare(*marshal.loads(_read(fd)[0]), page)
        header = codec.dumps(found)
        codec.write_all(fd, _SIZES.pack(len(header), len(code)) + header + code)


def prepare(tests, solutions, page):
    """What `Clerk.prepare` gives, here and now: ([tests, solutions], code)."""
    codes = {"tests": {}, "solutions": {}}
    prepared, solved = [], []
    for index, source in tests.items():
        page.busy(index)
        prepared.append([index, *_prepare_test(index, source, codes["tests"])])
    for index, source in solutions.items():
        page.busy(-1 - index)
        solved.append([index, *_prepare_solution(index, source, codes["solutions"])])
    return [prepared, solved], marshal.dumps(codes)


def _prepare_test(index, source, codes):
    try:
        tree = ast.parse(source, "<test>")
        plan = plain.Plan(tree)
        codes[index] = (compile(tree, "<test>", "exec", dont_inherit=True), plan.needs())
        return [plan.place, plan.leaves_nothing, plan.chance, None]
    except _FAULTS as error:
        return [plain.SHARED, True, False, f"the test does not compile: {type(error).__name__}: {error}"[:300]]


def _prepare_solution(index, source, codes):
    try:
        tree = ast.parse(source, "<solution>")
        code = compile(tree, "<solution>", "exec", dont_inherit=True)
        nodes = syntax.walk(tree)
        can = traits.Traits(code, nodes)
        codes[index] = (code, can.seeded)
        share = not can.threads and independent.is_independent(nodes)
        return [can.stateful, can.chance, can.threads, share, None]
    except _FAULTS as error:
        return [False, False, False, False, [EXCEPTION, 0.0, f"{type(error).__name__}: {error}"[:300]]]
