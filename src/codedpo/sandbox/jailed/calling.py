"""A program and inputs in, what its function gives for each of them out, within a limit for each call.

The zygote hands on what the program's process says and never reads a value. It may know digests of expected values:
what has the expected digest need not be handed on, the rest is, one value at a time, and the supervisor says whether to
go on. The program's process knows neither values nor digests. Processor time is read from outside, frame by frame.
"""

import base64
import math
import os
import pickle
import select
import signal
import socket
import time

import caller
import codec
from outcomes import CRASH, EXCEPTION, PASSED, TIMEOUT, WRONG
from processes import processor_seconds

_LOAD_SECONDS = 5.0
_MOST_BYTES, _MOST_LOAD_BYTES = 1 << 30, 1 << 16
"""Of all that is said, and of why loading failed."""
_PART = 1 << 20
_LEAST_WALL_SECONDS, _WALL_FACTOR = 2.0, 5.0
"""For code that sleeps: wall-clock limit of all calls together, in multiples of their limit of processor time."""
_LOADED = b'["loaded"]'


def call(request, children, consult):
    """Call a function of a program on each input, until the process ends, a limit is reached, or a value is wrong.

    Args:
        request: program; function (an expression that gives it, such as `f` or `Solution().f`); seed; inputs (base64
            of a pickled list of tuples of arguments); cpu_seconds (by input); total_seconds (of all calls); digests
            (base64 of those of the expected values, one after the other; empty: all values are handed on together);
            most_bytes (by input: a value that takes more, without the expected digest, is wrong).
        children: a `processes.Children`.
        consult: asked about a value without the expected digest: (index, content of its frame) -> whether to go on.

    Returns:
        ({"ended": outcome, "text": why, "calls": how many were answered, "loaded": whether it came to calls, "seconds":
        processor seconds}, frames).
    """
    ours, theirs = socket.socketpair()
    process = children.fork_caller(theirs.fileno())
    theirs.close()
    stream = _Stream(children, process, ours)
    digests = base64.b64decode(request["digests"])
    with ours:
        ended, text = _converse(request, stream, digests, consult)
        status, seconds = children.bury_solver(process)
    if ended == CRASH:
        text = f"{text} {_death(status)}".strip()
    calls = max(0, stream.frames - 1)
    header = {"ended": ended, "text": text, "calls": calls, "loaded": stream.frames > 0, "seconds": seconds}
    return header, b"" if digests else bytes(stream.data)


def _converse(request, stream, digests, consult):
    """(outcome, text): PASSED where every call was answered, if only by an exception."""
    what = (request["program"], request["function"], request["seed"], base64.b64decode(request["inputs"]))
    said = pickle.dumps(what)
    try:
        codec.write_all(stream.fd, len(said).to_bytes(4, "little") + said)
    except OSError:
        return CRASH, "while it was loaded:"
    ended, text = stream.next_frame(_LOAD_SECONDS)
    if ended != PASSED:
        return ended, f"while it was loaded: {text}"
    if stream.frame() != _LOADED:
        consult(-1, stream.frame()[:_MOST_LOAD_BYTES])
        return EXCEPTION, "it could not be loaded"
    stream.end_after(request["total_seconds"])
    for index, limit in enumerate(request["cpu_seconds"]):
        ended, text = stream.next_frame(limit)
        if ended != PASSED:
            return ended, text
        if digests:
            frame, size = stream.frame(), codec.DIGEST_BYTES
            if codec.digest(frame) != digests[index * size : (index + 1) * size]:
                if len(frame) > request["most_bytes"][index]:
                    return WRONG, f"its value takes {len(frame):,} bytes"
                if not consult(index, frame):
                    break
                stream.excuse()
            stream.forget()
    return PASSED, ""


class _Stream:
    """What a process says, frame by frame."""

    def __init__(self, children, process, channel):
        self._children = children
        self._process = process
        self._channel = channel
        self.fd = channel.fileno()
        self.data = bytearray()
        self.frames = 0
        self._start = self._end = 0
        self._before = processor_seconds(process)
        self._last = self._wall_end = math.inf

    def end_after(self, cpu_seconds):
        """Bound what all further frames may take together."""
        self._last = processor_seconds(self._process) + cpu_seconds
        self._wall_end = time.monotonic() + max(_LEAST_WALL_SECONDS, _WALL_FACTOR * cpu_seconds)

    def excuse(self):
        """Charge what the process did while the supervisor was asked to nobody."""
        now = processor_seconds(self._process)
        self._last += now - self._before
        self._before = now

    def next_frame(self, cpu_seconds):
        """(PASSED, "") once the next frame is there, else what became of the process, and why."""
        deadline = time.monotonic() + max(_LEAST_WALL_SECONDS, self._children.wall_factor * cpu_seconds)
        deadline = min(deadline, self._wall_end)
        while not self._is_there():
            left = min(self._before + cpu_seconds, self._last) - processor_seconds(self._process)
            in_time = left > 0 and self._children.wait(self.fd, left, self._process, deadline=deadline)
            if not in_time and not select.select([self.fd], [], [], 0)[0]:
                return TIMEOUT, f"more than {cpu_seconds:.3g} s, or all calls together took too long"
            try:
                part = self._channel.recv(_PART)
            except ConnectionError:
                part = b""
            if not part:
                return CRASH, ""
            self.data += part
            if time.monotonic() > deadline:
                return TIMEOUT, "it took too long by the clock on the wall"
            if len(self.data) > _MOST_BYTES:
                return EXCEPTION, f"its values take more than {_MOST_BYTES >> 20} MB"
            if self._is_there():
                self._before = processor_seconds(self._process)
        self._start = self._end + caller.HEAD.size
        self._end = self._start + self._size()
        self.frames += 1
        return PASSED, ""

    def frame(self):
        """The content of the frame that came last."""
        with memoryview(self.data) as view:
            return bytes(view[self._start : self._end])

    def forget(self):
        """Let go of what was said up to here, now and then."""
        if self._end > _PART:
            del self.data[: self._end]
            self._start = self._end = 0

    def _size(self):
        return caller.HEAD.unpack_from(self.data, self._end)[0]

    def _is_there(self):
        have = len(self.data) - self._end - caller.HEAD.size
        return have >= 0 and have >= self._size()


def _death(status):
    if os.WIFSIGNALED(status):
        return f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return "it ended its process"
