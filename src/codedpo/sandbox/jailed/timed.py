"""One batch of timing: solutions in, processor seconds of passes over the tests out, read from outside the process.

Each solution gets a process of its own for the batch. It loads the solution afresh for every test of every pass, as
cross-execution does, so that nothing that one leaves in the namespace (a cache, a used-up iterator, a count of its
calls) is there for the next; loading is not timed. Then it
waits, the zygote reads its processor clock, lets it run, and reads again: no clock of the process itself plays a part.
Threads are refused, so that no work can be handed to one. The processes take turns, reading by reading.

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

import solver
from processes import processor_seconds
from trust import is_trusted

_LOAD_SECONDS = 2.0
_TRUSTED, _SUSPECT, _READY, _DONE, _FAILED = b"T", b"S", b"R", b"D", b"F"
_MOST_PADS, _LARGEST_PAD = 256, 512


def measure(request, children):
    """Take one batch of readings.

    Args:
        request: solutions; tests; repeats (passes in a reading, by solution); readings (of each solution); seed (of the
            order of turns and of the layout of memory); limits (the fields of codedpo.sandbox.Limits).
        children: a `processes.Children`.

    Returns:
        By solution: seconds (processor seconds of one pass, by reading; None where it did not pass, or not in time),
        load_seconds (of the last reading, for one pass) and trusted (see trust.py).
    """
    limit = request["limits"]["cpu_seconds"] * max(1, len(request["tests"]))
    timed = []
    try:
        for solution, repeats in zip(request["solutions"], request["repeats"]):
            timed.append(_Timed(children, (solution, request["tests"], request["seed"]), repeats, limit))
        turns = list(timed)
        random.seed(request["seed"])
        for _ in range(request["readings"]):
            random.shuffle(turns)
            for one in turns:
                one.prepare()
            for one in turns:
                one.read()
    finally:
        for one in timed:
            one.end()
    return {name: [getattr(one, name) for one in timed] for name in ("seconds", "load_seconds", "trusted")}


class _Timed:
    """A solution's process in one batch.

    Args:
        work: solution, tests, seed.
        repeats: passes in a reading.
        limit: processor seconds for a reading; more than one pass is only asked for where that takes milliseconds.
    """

    def __init__(self, children, work, repeats, limit):
        self._children = children
        self._repeats = repeats
        self._limit = limit
        self._channel, theirs = socket.socketpair()
        self._process = children.fork(functools.partial(_serve, theirs.fileno(), *work), (theirs.fileno(),))
        theirs.close()
        said = self._hear(_LOAD_SECONDS)
        self.trusted = said == _TRUSTED
        self.load_seconds = 0.0
        self.seconds = [] if said in (_TRUSTED, _SUSPECT) else None

    def prepare(self):
        """Have the namespaces of a reading made; after a failure there are no more readings."""
        if self.seconds is not None:
            before = processor_seconds(self._process)
            self._say(self._repeats.to_bytes(4, "little"))
            self._run_until(_READY, _LOAD_SECONDS + self._limit)
            self.load_seconds = (processor_seconds(self._process) - before) / self._repeats

    def read(self):
        """Take the reading that is prepared."""
        if self.seconds is not None:
            before = processor_seconds(self._process)
            self._say(_READY)
            if self._run_until(_DONE, self._limit):
                self.seconds.append((processor_seconds(self._process) - before) / self._repeats)

    def end(self):
        """End the process."""
        self._channel.close()
        try:
            self._children.bury(self._process)
        except ProcessLookupError:
            pass  # an unconfined neighbour's burial took this one along

    def _run_until(self, byte, cpu_seconds):
        """Let the process run until it says `byte`, then stop it.

        Of a process that runs, others see a clock that may be a scheduler's tick behind. Of one that is stopped it is
        exact, and nothing goes on.
        """
        os.kill(self._process, signal.SIGCONT)
        if self._hear(cpu_seconds) == byte:
            os.kill(self._process, signal.SIGSTOP)
            state = os.waitid(os.P_PID, self._process, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            if state.si_code == os.CLD_STOPPED:
                return True
        self.seconds = None
        return False

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


def _serve(fd, solution, tests, seed):
    """Be the process of a solution, at the end `fd` of the channel."""
    tree = ast.parse(solution)
    code = compile(solution, "<solution>", "exec", dont_inherit=True)
    tests = [compile(test, "<test>", "exec", dont_inherit=True) for test in tests]
    padding = _shift_memory(seed)
    os.write(fd, _TRUSTED if is_trusted(tree) else _SUSPECT)
    try:
        while repeats := int.from_bytes(os.read(fd, 4), "little"):
            _take_turn(fd, code, tests, repeats)
    except BaseException:
        os.write(fd, _FAILED)
    del padding


def _take_turn(fd, code, tests, repeats):
    """Prepare, wait for the word, pass over the tests `repeats` times, tell, clear away."""
    gc.collect()  # what the last turn left, before it is frozen for good
    namespaces = [[solver.load(code) for _ in tests] for _ in range(repeats)]
    gc.freeze()  # the collector's work must not grow with the namespaces, which are ours
    gc.collect()
    os.write(fd, _READY)
    os.read(fd, 1)
    for fresh in namespaces:
        for test, namespace in zip(tests, fresh):
            exec(test, namespace)
    os.write(fd, _DONE)
    for namespace in itertools.chain(*namespaces):
        namespace.clear()  # functions and their namespace hold each other


def _shift_memory(seed):
    """Objects of random sizes, so that rounds differ in where things lie and no solution has the best place in all."""
    random.seed(seed + os.getpid())
    return [bytearray(random.randrange(1, _LARGEST_PAD)) for _ in range(random.randrange(_MOST_PADS))]
