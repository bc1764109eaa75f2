"""The process that runs untrusted code: jails itself, then forks a child per cell. Standard library only.

Started by pool.py as `python -s -S zygote.py SCRATCH`; speaks frames (4 bytes of length, JSON) on its standard
input and output. One request is one task; the answer holds every cell. After each cell all other processes of
the namespace are killed and the scratch folder is emptied.
"""

import builtins
import collections
import datetime
import decimal
import functools
import gc
import heapq
import itertools
import json
import math
import os
import random
import re
import resource
import select
import signal
import statistics
import string
import struct
import sys
import time
import types
import typing

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import jail

del sys.path[0]

_PRELOADED = (collections, datetime, decimal, functools, heapq, itertools, math, re, statistics, string, typing)
_SYSTEM_FILES = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/usr/share/zoneinfo",
)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_REFUSALS = {1, 13, 30, 101}  # EPERM, EACCES, EROFS, ENETUNREACH
_MAX_REASON = 300
_CHILD_OUTCOMES = ("passed", "wrong", "exception", "out_of_memory", "blocked")
_MAX_FDS = 256
_TIMED_SECONDS = 0.002


def main(scratch):
    requests, answers = _private_pipes()
    layers = ["namespaces"] if jail.enter_namespaces() else []
    child = os.fork()
    if child:
        os.close(requests)
        os.close(answers)
        _, status = os.waitpid(child, 0)
        _leave_nothing(scratch)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    jail.die_with_parent()
    jail.drop_privileges()
    os.chdir(scratch)
    stdlib = os.path.dirname(os.__file__)
    if jail.restrict_files((stdlib, *_SYSTEM_FILES, *_DEVICES), (scratch, "/dev/null")):
        layers.append("landlock")
    if _child_has_seccomp():
        layers.append("seccomp")
    gc.collect()
    gc.freeze()
    _send(answers, {"layers": layers})
    zygote = Zygote(scratch, requests, "namespaces" in layers)
    while (request := _receive(requests)) is not None:
        _send(answers, zygote.execute(request) if request["kind"] == "execute" else zygote.measure(request))
    os._exit(0)


class Zygote:
    """Forks a child per cell and turns what becomes of it into a verdict."""

    def __init__(self, scratch, requests, alone):
        self.scratch = scratch
        self.requests = requests
        self.alone = alone  # in a process-id namespace of our own, where kill(-1) reaches only what we started

    def execute(self, request):
        """Every solution against every test, one child each."""
        tests, limits = request["tests"], request["limits"]
        cells = []
        for solution in request["solutions"]:
            timeouts = 0
            for test in tests:
                if timeouts >= limits["max_timeouts"]:
                    cells.append({"outcome": "not_run", "cpu": math.nan, "reason": "the solution timed out too often"})
                    continue
                cells.append(self.run(functools.partial(_judge, solution, test), limits))
                timeouts += cells[-1]["outcome"] == "timeout"
        return {"cells": cells}

    def measure(self, request):
        """Processor seconds of one pass over all tests, per solution and round; rounds are interleaved."""
        solutions, tests, limits = request["solutions"], request["tests"], request["limits"]
        # Under RLIMIT_CPU Linux answers the process clock from a value kept at scheduler ticks, milliseconds apart:
        # a measured child has the wall-clock backstop only.
        limits = {**limits, "cpu_seconds": None}
        numbers = [0] * len(solutions)
        rounds = []
        for _ in range(request["rounds"]):
            seconds = []
            for index, solution in enumerate(solutions):
                cell = self.run(functools.partial(_time, solution, tests, numbers[index]), limits)
                value = cell.get("value") or [0, math.nan]
                numbers[index] = value[0]
                seconds.append(value[1] if cell["outcome"] == "passed" else math.nan)
            rounds.append(seconds)
        return {"rounds": rounds}

    def run(self, body, limits):
        """Run `body` in a jailed child; its verdict, or what stands in for one."""
        token = os.urandom(16).hex()
        readable, writable = os.pipe()
        child = os.fork()
        if child == 0:
            _run_child(body, limits, token, writable)
        os.close(writable)
        timed_out = self._wait(child, limits["wall_seconds"])
        os.kill(child, signal.SIGKILL)
        _, status, usage = os.wait4(child, 0)
        self._clean()
        os.set_blocking(readable, False)
        record = _read_record(readable, token)
        os.close(readable)
        cell = record or {"outcome": None, "reason": ""}
        cell["cpu"] = usage.ru_utime + usage.ru_stime
        return _settle(cell, status, timed_out, limits)

    def _wait(self, child, wall_seconds):
        """Wait for the child's end; True if the wall-clock backstop came first. Ends with our supervisor."""
        pidfd = os.pidfd_open(child)
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        poll.register(self.requests, select.POLLHUP)
        deadline = time.monotonic() + wall_seconds
        ended = False
        while not ended and (left := deadline - time.monotonic()) > 0:
            for fd, _ in poll.poll(left * 1000 + 1):
                if fd == self.requests:
                    os.kill(child, signal.SIGKILL)
                    os._exit(1)
                ended = True
        os.close(pidfd)
        return not ended

    def _clean(self):
        if self.alone:
            try:
                os.kill(-1, signal.SIGKILL)
            except ProcessLookupError:
                pass
        while True:
            try:
                if os.waitpid(-1, 0 if self.alone else os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                break
        _empty(self.scratch)


def _leave_nothing(scratch):
    """Our supervisor removes the scratch folder; where it was killed, this does."""
    try:
        _empty(scratch)
        os.rmdir(scratch)
        os.rmdir(os.path.dirname(scratch))
    except OSError:
        pass  # gone already, or another worker's folder is still there


def _empty(folder):
    """Remove all that is in a folder, however deep and whatever its modes; no recursion, no long paths."""
    here = os.open(".", os.O_RDONLY)
    os.chdir(folder)
    depth = 0
    while True:
        inner = None
        for entry in list(os.scandir(".")):
            if entry.is_dir(follow_symlinks=False):
                inner = entry.name
                break
            os.unlink(entry.name)
        if inner is not None:
            os.chmod(inner, 0o700)
            try:
                os.rmdir(inner)
            except OSError:
                os.chdir(inner)
                depth += 1
        elif depth:
            os.chdir("..")
            depth -= 1
        else:
            break
    os.fchdir(here)
    os.close(here)


def _run_child(body, limits, token, writable):
    """In the child: restrict, run, report; never returns."""
    try:
        # Our pipes to the supervisor must not be in the reach of what runs here.
        os.closerange(3, writable)
        os.closerange(writable + 1, _MAX_FDS)
        os.setsid()
        jail.die_with_parent()
        jail.limit_resources(limits["cpu_seconds"], limits["memory_mb"])
        jail.restrict_system_calls()
        random.seed(0)  # Python reseeds at each fork
        try:
            record = body()
        except BaseException as error:
            record = _verdict(error)
        line = "\n" + json.dumps({"token": token, **record}) + "\n"
        os.write(writable, line.encode("ascii"))
    finally:
        os._exit(0)


def _judge(solution, test):
    namespace = _load(solution)
    exec(compile(test, "<test>", "exec", dont_inherit=True), namespace)
    return {"outcome": "passed", "reason": ""}


def _load(solution):
    module = types.ModuleType("solution")
    sys.modules["solution"] = module
    module.__dict__["__builtins__"] = builtins
    exec(compile(solution, "<solution>", "exec", dont_inherit=True), module.__dict__)
    return module.__dict__


def _time(solution, tests, number):
    clock = time.process_time
    namespace = _load(solution)
    codes = [compile(test, "<test>", "exec", dont_inherit=True) for test in tests]
    for code in codes:
        exec(code, namespace)
    if not number:
        start = clock()
        for code in codes:
            exec(code, namespace)
        number = min(10000, max(1, math.ceil(_TIMED_SECONDS / max(1e-7, clock() - start))))
    start = clock()
    for _ in range(number):
        for code in codes:
            exec(code, namespace)
    return {"outcome": "passed", "reason": "", "value": [number, (clock() - start) / number]}


def _verdict(error):
    if isinstance(error, AssertionError):
        outcome = "wrong"
    elif isinstance(error, MemoryError):
        outcome = "out_of_memory"
    elif isinstance(error, OSError) and error.errno in _REFUSALS:
        outcome = "blocked"
    else:
        outcome = "exception"
    try:
        text = f"{type(error).__name__}: {error}"[:_MAX_REASON]
    except BaseException:
        text = type(error).__name__
    return {"outcome": outcome, "reason": text}


def _settle(cell, status, timed_out, limits):
    """The verdict where the child's own word is missing or comes too late."""
    signal_number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if timed_out or (limits["cpu_seconds"] is not None and cell["cpu"] > limits["cpu_seconds"]):
        cell["outcome"], cell["reason"] = "timeout", f"{cell['cpu']:.2f} s of processor time"
    elif cell["outcome"] is None and signal_number == signal.SIGXCPU:
        cell["outcome"], cell["reason"] = "timeout", "processor-time limit"
    elif cell["outcome"] is None:
        how = f"killed by signal {signal_number}" if signal_number else "ended without a verdict"
        cell["outcome"], cell["reason"] = "crash", how
    return cell


def _read_record(fd, token):
    try:
        data = os.read(fd, 1 << 16)
    except BlockingIOError:
        return None
    for line in data.split(b"\n"):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and record.get("token") == token and record.get("outcome") in _CHILD_OUTCOMES:
            return {"outcome": record["outcome"], "reason": str(record.get("reason")), "value": record.get("value")}
    return None


def _private_pipes():
    """Our request and answer pipes on high descriptors; 0, 1, 2 become /dev/null."""
    requests, answers = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    return requests, answers


def _child_has_seccomp():
    child = os.fork()
    if child == 0:
        os._exit(0 if jail.restrict_system_calls() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _send(fd, message):
    data = json.dumps(message).encode("ascii")
    data = struct.pack("=I", len(data)) + data
    while data:
        data = data[os.write(fd, data) :]


def _receive(fd):
    header = _read_exactly(fd, 4)
    return None if header is None else json.loads(_read_exactly(fd, struct.unpack("=I", header)[0]))


def _read_exactly(fd, size):
    data = b""
    while len(data) < size:
        part = os.read(fd, size - len(data))
        if not part:
            return None
        data += part
    return data


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main(sys.argv[1])
