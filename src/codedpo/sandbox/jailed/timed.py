"""One batch of timing: solutions in, processor seconds of passes over the tests out, read from outside the process.

Each solution gets a process of its own for the batch. It loads the solution afresh for every test of every pass, as
cross-execution does, so that nothing that one leaves in the namespace (a cache, a used-up iterator, a count of its
calls) is there for the next; loading is not timed. Then it
waits, the zygote reads its processor clock, lets it run, and reads again: no clock of the process itself plays a part.
Threads are refused, so that no work can be handed to one. The processes take turns, reading by reading.

A test may have a preparation: code that makes the arguments of its call. It runs once for the batch, in a process of
its own (produced.py), so that it cannot touch what is timed; every solution reads its values anew for every pass,
before the clock is read, for the solution may change them.

What a solution could still do is keep results outside its namespace, work while it is loaded, or tamper with the loop
below. By its syntax most code cannot (trust.py); no other code is ever called faster (sandbox/timing.py).
"""

import ast
import functools
import gc
import itertools
import os
import random
import signal
import socket

import produced
import solver
from processes import processor_seconds
from trust import is_trusted

_LOAD_SECONDS = 2.0
_TRUSTED, _SUSPECT, _LOADED, _READY, _DONE, _FAILED = b"T", b"S", b"L", b"R", b"D", b"F"
_MOST_PADS, _LARGEST_PAD = 256, 512


def measure(request, children):
    """Take one batch of readings.

    Args:
        request: solutions; tests; preparations (by test: a source, or empty); repeats (passes in a reading, by
            solution); readings (of each solution); seed (of the order of turns and of the layout of memory);
            cpu_seconds (limit of a pass over a test); limits (the fields of codedpo.sandbox.Limits).
        children: a `processes.Children`.

    Returns:
        By solution: seconds (processor seconds of one pass, by reading; None where it did not pass, or not in time),
        load_seconds and argument_seconds (of the last reading, for one pass) and trusted (see trust.py); and problem,
        why a preparation gave no arguments: then no solution was run.
    """
    work = _Work(request)
    problem = work.prepare(children, request["preparations"], request["limits"]["cpu_seconds"])
    timed = []
    try:
        for solution, repeats in zip(request["solutions"], request["repeats"]):
            if not problem:
                timed.append(_Timed(children, functools.partial(_serve, solution, work), repeats, work))
        _take_turns(timed, request["readings"], request["seed"])
    finally:
        for one in timed:
            one.end()
    timed = timed or [_NotTimed] * len(request["solutions"])
    names = ("seconds", "load_seconds", "argument_seconds", "trusted")
    return {"problem": problem, **{name: [getattr(one, name) for one in timed] for name in names}}


def _take_turns(timed, readings, seed):
    turns = list(timed)
    random.seed(seed)
    for _ in range(readings):
        random.shuffle(turns)
        for one in turns:
            one.prepare()
        for one in turns:
            one.read()


class _Work:
    """What all solutions of a batch are timed on.

    tests: sources.
    arguments: by test, bytes for `produced.loads`; empty where the test needs none.
    """

    def __init__(self, request):
        self.tests = request["tests"]
        self.arguments = []
        self.seed = request["seed"]
        self.limit = request["cpu_seconds"] * max(1, len(self.tests))

    def prepare(self, children, preparations, cpu_seconds):
        """Have the arguments made; why that failed, or an empty text."""
        for preparation in preparations:
            made = produced.arguments(children, preparation, cpu_seconds) if preparation else produced.Product(b"", "")
            if made.problem:
                return made.problem
            self.arguments.append(made.data)
        return ""


class _NotTimed:
    """A solution that was not run."""

    seconds, load_seconds, argument_seconds, trusted = None, 0.0, 0.0, False


class _Timed:
    """A solution's process in one batch.

    Args:
        body: of the process, given its end of the channel.
        repeats: passes in a reading.
        work: a `_Work`, with the limit of a reading; more than one pass is only asked for where it takes milliseconds.
    """

    def __init__(self, children, body, repeats, work):
        self._children = children
        self._repeats = repeats
        self._limit = work.limit
        self._prepared = any(work.arguments)
        self._channel, theirs = socket.socketpair()
        self._process = children.fork(functools.partial(body, theirs.fileno()), (theirs.fileno(),))
        theirs.close()
        said = self._hear(_LOAD_SECONDS)
        self.trusted = said == _TRUSTED
        self.load_seconds, self.argument_seconds = 0.0, 0.0
        self.seconds = [] if said in (_TRUSTED, _SUSPECT) else None

    def prepare(self):
        """Have the namespaces and arguments of a reading made; after a failure there are no more readings."""
        if self.seconds is not None:
            self.load_seconds = self._spend(self._repeats.to_bytes(4, "little"), _LOADED, _LOAD_SECONDS + self._limit)
        if self.seconds is not None and self._prepared:
            self.argument_seconds = self._spend(_LOADED, _READY, _LOAD_SECONDS + self._limit)

    def read(self):
        """Take the reading that is prepared."""
        if self.seconds is not None:
            found = self._spend(_READY, _DONE, self._limit)
            if self.seconds is not None:
                self.seconds.append(found)

    def _spend(self, word, answer, cpu_seconds):
        """Say a word and let the process run until its answer; processor seconds that this took it, for one pass."""
        before = processor_seconds(self._process)
        self._say(word)
        self._run_until(answer, cpu_seconds)
        return (processor_seconds(self._process) - before) / self._repeats

    def end(self):
        """End the process."""
        self._channel.close()
        try:
            self._children.bury(self._process)
        except ProcessLookupError:
            pass  # an unconfined neighbour's burial took this one along

    def _run_until(self, byte, cpu_seconds):
        """Let the process run until it says `byte`, then stop it; where it does not, it has failed for good.

        Of a process that runs, others see a clock that may be a scheduler's tick behind. Of one that is stopped it is
        exact, and nothing goes on.
        """
        os.kill(self._process, signal.SIGCONT)
        if self._hear(cpu_seconds) == byte:
            os.kill(self._process, signal.SIGSTOP)
            state = os.waitid(os.P_PID, self._process, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            if state.si_code == os.CLD_STOPPED:
                return
        self.seconds = None

    def _say(self, message):
        try:
            self._channel.send(message)
        except OSError:
            pass  # it has hung up, as `_hear` will tell

    def _hear(self, cpu_seconds):
        """The process's next byte; empty where it ended or the limit was reached."""
        if not self._children.wait(self._channel.fileno(), cpu_seconds, self._process):
            return b""
        try:
            return self._channel.recv(1)
        except ConnectionError:
            return b""


def _serve(solution, work, fd):
    """Be the process of a solution, at the end `fd` of the channel."""
    tree = ast.parse(solution)
    code = compile(solution, "<solution>", "exec", dont_inherit=True)
    tests = [compile(test, "<test>", "exec", dont_inherit=True) for test in work.tests]
    padding = _shift_memory(work.seed)
    os.write(fd, _TRUSTED if is_trusted(tree) else _SUSPECT)
    try:
        while repeats := int.from_bytes(os.read(fd, 4), "little"):
            _take_turn(fd, code, (tests, work.arguments), repeats)
    except BaseException:
        os.write(fd, _FAILED)
    del padding


def _take_turn(fd, code, work, repeats):
    """Prepare, wait for the word, pass over the tests `repeats` times, tell, clear away."""
    tests, arguments = work
    gc.collect()  # what the last turn left, before it is frozen for good
    namespaces = [[solver.load(code) for _ in tests] for _ in range(repeats)]
    if any(arguments):
        os.write(fd, _LOADED)
        os.read(fd, 1)
        _hand_over(namespaces, arguments)
    gc.freeze()  # the collector's work must not grow with the namespaces, which are ours
    gc.collect()
    os.write(fd, _READY if any(arguments) else _LOADED)
    os.read(fd, 1)
    for fresh in namespaces:
        for test, namespace in zip(tests, fresh):
            exec(test, namespace)
    os.write(fd, _DONE)
    for namespace in itertools.chain(*namespaces):
        namespace.clear()  # functions and their namespace hold each other


def _hand_over(namespaces, arguments):
    """Put the arguments of each test into its namespaces, a copy in each."""
    for fresh in namespaces:
        for data, namespace in zip(arguments, fresh):
            if data:
                namespace[produced.ARGUMENTS] = produced.loads(data)


def _shift_memory(seed):
    """Objects of random sizes, so that rounds differ in where things lie and no solution has the best place in all."""
    random.seed(seed + os.getpid())
    return [bytearray(random.randrange(1, _LARGEST_PAD)) for _ in range(random.randrange(_MOST_PADS))]
