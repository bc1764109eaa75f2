"""A program and inputs in, what its function gives for each of them out, within a limit for each call.

The zygote hands on what the program's process says and never reads a value. It may know digests of expected values:
what has the expected digest need not be handed on, the rest is, one value at a time, and the supervisor says whether to
go on. The program's process knows neither values nor digests. Processor time is read from outside, frame by frame.
"""

import base64
import math
import os
import pickle
import signal
import socket

import caller
import codec
from outcomes import CRASH, EXCEPTION, PASSED, TIMEOUT
from processes import processor_seconds

_LOAD_SECONDS = 5.0
_MOST_BYTES = 1 << 30
_PART = 1 << 20
_LOADED = b'["loaded"]'


def call(request, children, consult):
    """Call a function of a program on each input, until the process ends, a limit is reached, or a value is wrong.

    Args:
        request: program; function (an expression that gives it, such as `f` or `Solution().f`); seed; inputs (base64
            of a pickled list of tuples of arguments); cpu_seconds (by input); total_seconds (of all calls); digests
            (base64 of those of the expected values, one after the other; empty: all values are handed on together).
        children: a `processes.Children`.
        consult: asked about a value without the expected digest: (index, JSON of its frame) -> whether to go on.

    Returns:
        ({"ended": outcome, "text": why, "calls": how many were answered, "seconds": processor seconds}, frames).
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
    header = {"ended": ended, "text": text, "calls": stream.frames - 1, "seconds": seconds}
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
        consult(-1, stream.frame())
        return EXCEPTION, "it could not be loaded"
    stream.end_after(request["total_seconds"])
    for index, limit in enumerate(request["cpu_seconds"]):
        ended, text = stream.next_frame(limit)
        if ended != PASSED:
            return ended, text
        if digests and not _has_digest(stream.frame(), digests, index) and not consult(index, stream.frame()):
            break
        if digests:
            stream.forget()
    return PASSED, ""


def _has_digest(frame, digests, index):
    size = codec.DIGEST_BYTES
    return codec.digest(frame) == digests[index * size : (index + 1) * size]


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
        self._last = math.inf

    def end_after(self, cpu_seconds):
        """Bound what all further frames may take together."""
        self._last = processor_seconds(self._process) + cpu_seconds

    def next_frame(self, cpu_seconds):
        """(PASSED, "") once the next frame is there, else what became of the process, and why."""
        while not self._is_there():
            left = min(self._before + cpu_seconds, self._last) - processor_seconds(self._process)
            if left <= 0 or not self._children.wait(self.fd, left, self._process):
                return TIMEOUT, f"more than {cpu_seconds:.3g} s, or all calls together took too long"
            try:
                part = self._channel.recv(_PART)
            except ConnectionError:
                part = b""
            if not part:
                return CRASH, ""
            self.data += part
            if len(self.data) > _MOST_BYTES:
                return EXCEPTION, f"its values take more than {_MOST_BYTES >> 20} MB"
            if self._is_there():
                self._before = processor_seconds(self._process)
        self._start = self._end + caller.HEAD.size
        self._end = self._start + self._size()
        self.frames += 1
        return PASSED, ""

    def frame(self):
        """The JSON of the frame that came last."""
        return bytes(self.data[self._start : self._end])

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
