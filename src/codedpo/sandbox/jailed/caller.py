"""A program's process that calls one of its functions on many inputs, or runs it on them, and says what that gave.

It knows the inputs and nothing of what is expected: it is forked from the nursery, and values are compared elsewhere,
in a process that runs no untrusted code. Nothing that it says is believed except as a value.
"""

import functools
import os
import pickle
import random
import struct
import time

import codec
import packed
import scripts
import solver

LOADED, VALUE, RAISED = "loaded", "value", "raised"
HEAD = struct.Struct("<Idd")
"""Of a frame: bytes of what follows, seconds of the call, seconds of the call and of writing its value."""


def serve(fd):
    """Learn program, function, seed and inputs, load the program, then call: one frame after loading and each call.

    Where the function is empty the program is a script: each call runs it on one text (scripts.py).

    A frame is a head and JSON, [LOADED], [VALUE, encoded value] or [RAISED, nearest built-in class, class, text,
    errno]; in place of a long list of numbers its packed bytes (packed.py), of what is too large its digest
    (codec.shortened). After one that says that loading failed no other follows.
    """
    program, function, seed, inputs = pickle.loads(_receive(fd))  # from the zygote, not from untrusted code
    random.seed(seed)
    try:
        code = compile(program, "<solution>", "exec", dont_inherit=True)
        called = _function(code, function) if function else functools.partial(scripts.run, code)
    except BaseException as error:
        _say(fd, _written([RAISED, *solver.describe(error)]))
        return
    _say(fd, _written([LOADED]))
    clock = time.process_time
    for arguments in pickle.loads(inputs):
        start = clock()
        try:
            value = called(*arguments)
            seconds = clock() - start
            content = packed.pack(value)
            reply = None if content else [VALUE, codec.encode(value, _no_data)]
        except BaseException as error:
            seconds = clock() - start
            content, reply = b"", [RAISED, *solver.describe(error)]
        _say(fd, content or _written(reply), start, seconds)


def _function(code, expression):
    """What the expression gives in the namespace of the program."""
    return eval(compile(expression, "<function>", "eval", dont_inherit=True), solver.load(code))


def _no_data(value):
    """In place of what cannot travel: equal to nothing."""
    return {"reference": [0, type(value).__name__[:80], callable(value)]}


def _written(reply):
    try:
        return codec.dumps(reply)
    except BaseException as error:  # too deep, or no data after all
        return codec.dumps([RAISED, *solver.describe(error)])


def _say(fd, content, start=0.0, seconds=0.0):
    content = codec.shortened(content)
    codec.write_all(fd, HEAD.pack(len(content), seconds, time.process_time() - start) + content)


def _receive(fd):
    size = int.from_bytes(_exactly(fd, 4), "little")
    return _exactly(fd, size)


def _exactly(fd, size):
    parts = []
    while size:
        part = os.read(fd, min(size, 1 << 20))
        if not part:
            os._exit(1)
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
