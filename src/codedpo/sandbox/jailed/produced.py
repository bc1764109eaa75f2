"""Code in, the plain value that it makes out, made in a process of its own: bytes that only `loads` reads.

A generator of inputs is as hostile as a solution, so it never shares a process with what is timed on its values: they
travel as a pickle whose reader knows no class but the plain built-in ones, and calls nothing else. The zygote hands
the bytes on and never reads them.
"""

import functools
import io
import mmap
import pickle
import random
import socket

import solver

ARGUMENTS, RESULT = "__arguments__", "__result__"
"""What a preparation binds, and what a prepared test does: the names of codedpo.sandbox.prepared."""
_PLAIN = frozenset({"complex", "range", "set", "frozenset", "bytearray"})
_MOST_BYTES = 16 << 20
_VALUE, _PROBLEM, _DONE = b"V", b"P", b"D"
_HEAD = 9  # length and kind


class Product:
    """A value, or why there is none.

    data: the value's bytes; empty where there is none.
    problem: why not; empty where there is a value.
    """

    def __init__(self, data, problem):
        self.data = data
        self.problem = problem


def arguments(children, preparation, cpu_seconds):
    """The arguments that a preparation binds, as a `Product`."""
    return produce(children, functools.partial(_prepared, preparation), cpu_seconds)


def produce(children, make, cpu_seconds):
    """What `make()` returns in a jailed process of its own, as a `Product`.

    Args:
        children: a `processes.Children`.
        make: called once; what it raises is the problem.
        cpu_seconds: its limit.
    """
    page = mmap.mmap(-1, _HEAD + _MOST_BYTES)
    channel, theirs = socket.socketpair()
    with channel, page:
        process = children.fork(functools.partial(_fill, page, theirs, make), (theirs.fileno(),))
        theirs.close()
        in_time = children.wait(channel.fileno(), cpu_seconds, process)
        said = _hear(channel) if in_time else b""
        children.bury(process)  # from now on the page is ours
        if said != _DONE:
            return Product(b"", "it ended its process" if in_time else f"it took more than {cpu_seconds:g} s")
        size = min(int.from_bytes(page[: _HEAD - 1], "little"), _MOST_BYTES)
        content = page[_HEAD : _HEAD + size]
        if page[_HEAD - 1 : _HEAD] == _VALUE:
            return Product(content, "")
        return Product(b"", content[:500].decode("utf-8", "replace") or "it gave no reason")


def loads(data):
    """The value; pickle.UnpicklingError where it is not plain."""
    return _Reader(io.BytesIO(data)).load()


class _Reader(pickle.Unpickler):
    def find_class(self, module, name):
        if module == "builtins" and name in _PLAIN:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is not plain data"[:200])


def _prepared(preparation):
    random.seed(0)
    found = solver.load(compile(preparation, "<preparation>", "exec", dont_inherit=True))[ARGUMENTS]
    if type(found) is not tuple:
        raise TypeError(f"the arguments are a {type(found).__name__}, not a tuple")
    return found


def _fill(page, channel, make):
    """Be the process: write kind, size and content of what `make()` gives into the page, and say so."""
    try:
        kind, content = _VALUE, pickle.dumps(make(), protocol=5)
        loads(content)
        if len(content) > _MOST_BYTES:
            raise ValueError(f"the value has {len(content):,} bytes, more than {_MOST_BYTES:,}")
    except BaseException as error:
        _, name, text, _ = solver.describe(error)
        kind, content = _PROBLEM, f"{name}: {text}".encode("utf-8", "replace")
    page[_HEAD : _HEAD + len(content)] = content
    page[:_HEAD] = len(content).to_bytes(_HEAD - 1, "little") + kind
    channel.send(_DONE)


def _hear(channel):
    try:
        return channel.recv(1)
    except ConnectionError:
        return b""
