"""One test judged in the solution's own process: for tests that poke at the module, use its classes or pass functions.

The process reports its own verdict, so a program that sets out to forge a pass can; such cells are marked. The
report carries a random token, which keeps out accidents, not attackers.
"""

import json
import random

import plain
import solver

PASSED, WRONG, EXCEPTION, OUT_OF_MEMORY, BLOCKED = 0, 1, 2, 4, 6
_OUTCOMES = (PASSED, WRONG, EXCEPTION, OUT_OF_MEMORY, BLOCKED)
_REFUSALS = {1, 11, 13, 30, 101}
_MAX_REPORT = 1 << 16


def judge(channel, solution, test, seed, token):
    """Run and report [token, outcome, text, whether two runs may differ]."""
    random.seed(seed)
    chance = False
    try:
        code = compile(solution, "<solution>", "exec", dont_inherit=True)
        chance = plain.Traits(code).chance
        namespace = solver.load(code)
        exec(compile(test, "<test>", "exec", dont_inherit=True), namespace)
        verdict = [PASSED, ""]
    except BaseException as error:
        verdict = _verdict(error)
    channel.sendall(b"\n" + json.dumps([token, *verdict, chance]).encode("ascii") + b"\n")


def _verdict(error):
    base, name, text, number = solver.describe(error)
    if isinstance(error, AssertionError):
        outcome = WRONG
    elif isinstance(error, MemoryError):
        outcome = OUT_OF_MEMORY
    elif isinstance(error, OSError) and number in _REFUSALS:
        outcome = BLOCKED
    else:
        outcome = EXCEPTION
    return [outcome, "" if outcome == WRONG and not text else f"{name}: {text}"]


def read(channel, token):
    """[outcome, text, chance] that the process reported; None where it did not."""
    try:
        data = channel.recv(_MAX_REPORT)
    except OSError:
        return None
    for line in data.split(b"\n"):
        try:
            report = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(report, list) and len(report) == 4 and report[0] == token and report[1] in _OUTCOMES:
            return [report[1], str(report[2]), bool(report[3])]
    return None
