"""One test judged in the solution's own process: for tests that poke at the module, use its classes or pass functions.

The process reports its own verdict, so a program that sets out to forge a pass can; such cells are marked. The
report carries a random token, which keeps out accidents, not attackers.
"""

import json
import os
import random

import codec
import solver
from outcomes import BLOCKED, EXCEPTION, OUT_OF_MEMORY, PASSED, REFUSALS, WRONG

_OUTCOMES = (PASSED, WRONG, EXCEPTION, OUT_OF_MEMORY, BLOCKED)
_MAX_REPORT = 1 << 16


def send(fd, solution, test, seed, token):
    """Tell the process what to judge."""
    data = codec.dumps([solution, test, seed, token])
    codec.write_all(fd, len(data).to_bytes(4, "little") + data)


def serve(fd):
    """In the process: learn what to judge, run it, report [token, outcome, text]."""
    solution, test, seed, token = codec.Channel(fd).receive()
    random.seed(seed)
    try:
        namespace = solver.load(compile(solution, "<solution>", "exec", dont_inherit=True))
        exec(compile(test, "<test>", "exec", dont_inherit=True), namespace)
        verdict = [PASSED, ""]
    except BaseException as error:
        verdict = _verdict(error)
    os.write(fd, b"\n" + json.dumps([token, *verdict]).encode("ascii") + b"\n")


def _verdict(error):
    _, name, text, number = solver.describe(error)
    if isinstance(error, AssertionError):
        outcome = WRONG
    elif isinstance(error, MemoryError):
        outcome = OUT_OF_MEMORY
    elif isinstance(error, OSError) and number in REFUSALS:
        outcome = BLOCKED
    else:
        outcome = EXCEPTION
    return [outcome, "" if outcome == WRONG and not text else f"{name}: {text}"]


def read(fd, token):
    """[outcome, text] that the process reported; None where it did not."""
    try:
        data = os.read(fd, _MAX_REPORT)
    except OSError:
        return None
    for line in data.split(b"\n"):
        try:
            report = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(report, list) and len(report) == 3 and report[0] == token and report[1] in _OUTCOMES:
            return [report[1], str(report[2])]
    return None
