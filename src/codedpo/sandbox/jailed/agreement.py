"""Solutions and a preparation in, whether all give the same result out.

Arguments are made once; each solution gets its own copy of them, in a process of its own; one more process, which runs
none of their code, compares the results. The memory that a process inherits holds the results before its own: code that
searches it could repeat one, but trust.py calls no such code trusted. Equal is what `==` calls equal, but numbers may
differ by rounding, nan equals nan, and only plain data can be compared at all.
"""

import functools
import math
import random

import produced
import solver

_NEAR = {"rel_tol": 1e-6, "abs_tol": 1e-9}


def agree(request, children):
    """Find what keeps the solutions from agreeing.

    Args:
        request: solutions; test (binds the result); preparation (binds the arguments); limits.
        children: a `processes.Children`.

    Returns:
        what (generator, solution or results, or empty where they agree), solution (the index of the first one that
        fails, or -1) and text.
    """
    limit = request["limits"]["cpu_seconds"]
    made = produced.arguments(children, request["preparation"], limit)
    if made.problem:
        return _found("generator", -1, made.problem)
    results = []
    for index, solution in enumerate(request["solutions"]):
        result = produced.produce(children, functools.partial(_call, solution, request["test"], made.data), limit)
        if result.problem:
            return _found("solution", index, result.problem)
        results.append(result.data)
    compared = produced.produce(children, functools.partial(_compare, results), limit)
    return _found("results" if compared.problem else "", -1, compared.problem)


def _found(what, solution, text):
    return {"what": what, "solution": solution, "text": text}


def _call(solution, test, data):
    random.seed(0)
    namespace = solver.load(compile(solution, "<solution>", "exec", dont_inherit=True))
    namespace[produced.ARGUMENTS] = produced.loads(data)
    exec(compile(test, "<test>", "exec", dont_inherit=True), namespace)
    return namespace[produced.RESULT]


def _compare(results):
    first = produced.loads(results[0])
    for index, data in enumerate(results[1:], start=1):
        if not same(first, produced.loads(data)):
            raise ValueError(f"solution {index} gives another result than solution 0")


def same(first, second):
    """Whether two plain values are equal, numbers up to rounding."""
    if isinstance(first, float | complex) or isinstance(second, float | complex):
        return _near(first, second)
    if isinstance(first, list | tuple) and type(first) is type(second):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(value, second[key]) for key, value in first.items())
    return first == second


def _near(first, second):
    if not (isinstance(first, int | float | complex) and isinstance(second, int | float | complex)):
        return False
    if isinstance(first, complex) or isinstance(second, complex):
        first, second = complex(first), complex(second)
        return _near(first.real, second.real) and _near(first.imag, second.imag)
    if math.isnan(first) or math.isnan(second):
        return first != first and second != second
    return first == second or math.isclose(first, second, **_NEAR)
