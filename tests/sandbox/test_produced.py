"""Generated arguments are data: a hostile generator has no say in a reading, and solutions must agree on results."""

from __future__ import annotations

import math
import pickle

import agreement
import numpy as np
import produced
import pytest

from codedpo.sandbox import Limits, Sandbox
from codedpo.sandbox.pool import Batch, Disagreement
from codedpo.sandbox.prepared import prepared_call
from codedpo.sandbox.timing import TimingSettings, compare

QUICK = TimingSettings(looks=(4, 8), rounds=4)
NUMBERS = "def make_input(size, seed):\n    return (list(range(seed, size)),)\n"
TOTAL = "def f(numbers):\n    return sum(numbers)\n"
LOOP = "def f(numbers):\n    total = 0\n    for number in numbers:\n        total += number\n    return total\n"


def problem(pool: Sandbox, generator: str, solution: str = TOTAL) -> str:
    """Why the generator gives no arguments; nothing was run then."""
    answer = pool.measure([solution], [prepared_call("f", generator, 100, 0)], Batch((1,), 2, seed=0))
    assert (answer["seconds"] == [None]) == bool(answer["problem"])
    return answer["problem"]


def disagreement(pool: Sandbox, generator: str, *solutions: str) -> Disagreement | None:
    return pool.agree(solutions, prepared_call("f", generator, 100, 0), seed=0)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("while True: pass", "it took more than 1 s"),
        ("return (bytearray(10 ** 12),)", "MemoryError"),
        ("keep = [0]\n    while True: keep += keep", "MemoryError"),
        ("return ('x' * (17 << 20),)", "MemoryError|more than 16,777,216"),
        ("import os\n    os._exit(0)", "it ended its process"),
        ("import os\n    os.kill(os.getpid(), 9)", "it ended its process"),
        ("raise SystemExit", "SystemExit"),
        ("return make_input(size, seed)", "RecursionError"),
        ("return [1]", "TypeError: the arguments are a list, not a tuple"),
        ("class T(tuple): pass\n    return T((1,))", "TypeError: the arguments are a T, not a tuple"),
        ("class L(list): pass\n    return (L(),)", "L is not plain data|AttributeError|PicklingError"),
        ("return (len,)", "UnpicklingError: builtins.len is not plain data"),
        ("return (lambda x: x,)", "AttributeError|PicklingError"),
        ("return (iter([1]),)", "UnpicklingError: builtins.iter is not plain data"),
        ("value = []\n    for _ in range(10 ** 5): value = [value]\n    return (value,)", "RecursionError"),
        ("import threading\n    threading.Thread(target=print).start()\n    return (1,)", "RuntimeError"),
        ("class E(Exception):\n        def __str__(self): raise self\n    raise E", "E"),
    ],
)
def test_a_hostile_generator_is_data(pool: Sandbox, body: str, said: str) -> None:
    found = problem(pool, f"def make_input(size, seed):\n    {body}\n")
    assert any(text in found for text in said.split("|")), found
    assert problem(pool, NUMBERS) == ""


def test_source_that_does_not_compile_or_define_is_data(pool: Sandbox) -> None:
    assert "SyntaxError" in problem(pool, "def make_input(")
    assert "NameError" in problem(pool, "def make(size, seed): return (1,)")


def test_a_forged_value_calls_nothing(pool: Sandbox) -> None:
    """A generator that writes its answer itself, past all that would have refused it, spoils its own batch alone."""
    forging = (
        "import sys\ndef make_input(size, seed):\n    frame = sys._getframe()\n"
        "    while 'page' not in frame.f_locals:\n        frame = frame.f_back\n"
        "    data, page = b'cbuiltins\\nlen\\n((tt.', frame.f_locals['page']\n"
        "    page[9 : 9 + len(data)] = data\n    page[:9] = len(data).to_bytes(8, 'little') + b'V'\n"
        "    frame.f_locals['channel'].send(b'D')\n    while True: pass\n"
    )
    answer = pool.measure([TOTAL, LOOP], [prepared_call("f", forging, 100, 0)], Batch((1, 1), 2, seed=0))
    assert (answer["problem"], answer["seconds"]) == ("", [None, None])
    found = disagreement(pool, forging, TOTAL, LOOP)
    assert found == Disagreement("solution", 0, "UnpicklingError: builtins.len is not plain data")
    assert problem(pool, NUMBERS) == ""


def test_the_reader_refuses_all_but_plain_data() -> None:
    plain = ([1, 2.5, None, True, "a", b"b", 3j], {(1, 2): {3}, "x": frozenset({4})}, range(3), bytearray(b"c"))
    assert produced.loads(pickle.dumps(plain)) == plain
    for thing in (len, OSError(), math.inf.__class__):
        with pytest.raises(pickle.UnpicklingError, match="is not plain data"):
            produced.loads(pickle.dumps(thing))


def test_generators_change_nothing_for_the_solution(pool: Sandbox) -> None:
    """Built-ins that a generator patches are patched in its own process."""
    patching = "import builtins\nbuiltins.sum = lambda numbers: 'patched'\n" + NUMBERS
    assert disagreement(pool, patching, TOTAL, LOOP) is None


def test_arguments_are_fresh_in_every_pass(pool: Sandbox) -> None:
    emptying = "def f(numbers):\n    assert len(numbers) == 100\n    numbers.clear()\n    return 0\n"
    test = prepared_call("f", NUMBERS, 100, 0)
    answer = pool.measure([emptying, TOTAL], [test], Batch((5, 5), 3, seed=0))
    assert [len(readings) for readings in answer["seconds"]] == [3, 3]


def test_a_lazy_solution_is_timed_on_its_work(pool: Sandbox) -> None:
    lazy = "def f(numbers):\n    for number in sorted(numbers, key=lambda n: sum(range(50))):\n        yield number\n"
    test = prepared_call("f", NUMBERS, 2000, 0)
    assert compare(pool, [lazy, "def f(numbers):\n    return sorted(numbers)\n"], [test], QUICK).faster[1, 0]


def test_prepared_and_plain_tests_are_timed_together(pool: Sandbox) -> None:
    comparison = compare(pool, [LOOP, TOTAL], ["assert f([]) == 0", prepared_call("f", NUMBERS, 20000, 0)], QUICK)
    assert comparison.trusted.all()
    assert comparison.faster[1, 0]


def test_a_generator_that_fails_leaves_nothing_measured(pool: Sandbox) -> None:
    comparison = compare(pool, [LOOP, TOTAL], [prepared_call("f", "x", 10, 0)], QUICK)
    assert np.isnan(comparison.seconds).all()
    assert not comparison.faster.any()


def test_solutions_that_give_the_same_results_agree(pool: Sandbox) -> None:
    assert disagreement(pool, NUMBERS, TOTAL, LOOP) is None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("return [n for n in numbers]", "return (n for n in numbers)"),
        ("return sum(n / 7 for n in numbers)", "return sum(numbers) / 7"),
        ("return float('nan')", "return float('nan') + 1"),
        ("return {'a': [0.1 + 0.2]}", "return {'a': [0.3]}"),
        ("numbers.reverse()", "numbers[:] = numbers[::-1]"),
        ("return 1", "numbers.clear()\n    return 1"),
    ],
)
def test_rounding_laziness_and_changes_in_place_are_no_disagreement(pool: Sandbox, first: str, second: str) -> None:
    assert disagreement(pool, NUMBERS, f"def f(numbers):\n    {first}\n", f"def f(numbers):\n    {second}\n") is None


@pytest.mark.parametrize(
    "other",
    [
        "return sum(numbers) + 1",
        "return None",
        "return [sum(numbers)]",
        "return str(sum(numbers))",
        "return float('nan')",
    ],
)
def test_another_result_is_a_disagreement(pool: Sandbox, other: str) -> None:
    found = disagreement(pool, NUMBERS, TOTAL, LOOP, f"def f(numbers):\n    {other}\n")
    assert found is not None
    assert (found.what, found.text) == ("results", "ValueError: solution 2 gives another result than solution 0")


@pytest.mark.parametrize(
    ("solution", "text"),
    [
        ("def f(numbers): raise ValueError('no')", "ValueError: no"),
        ("def f(numbers):\n    while True: pass", "it took more than 1 s"),
        ("import os\ndef f(numbers): os._exit(0)", "it ended its process"),
        ("class Same:\n    def __eq__(self, other): return True\ndef f(numbers): return Same()", "Same"),
    ],
)
def test_a_solution_that_fails_is_named(pool: Sandbox, solution: str, text: str) -> None:
    found = disagreement(pool, NUMBERS, TOTAL, solution)
    assert found is not None
    assert (found.what, found.solution) == ("solution", 1)
    assert text in found.text


def test_a_generator_that_fails_is_told_from_the_solutions(pool: Sandbox) -> None:
    found = disagreement(pool, "def make_input(size, seed): return 1", TOTAL, LOOP)
    assert found == Disagreement("generator", -1, "TypeError: the arguments are a int, not a tuple")


@pytest.mark.parametrize(
    ("first", "second", "are_same"),
    [
        (1, 1.0, True), (1, True, True), (0.1 + 0.2, 0.3, True), (1.0, 1.1, False), (math.nan, math.nan, True),
        (math.inf, math.inf, True), (math.inf, -math.inf, False), (1.0, "1.0", False), ([1], (1,), False),
        ([1.0, [math.nan]], [1.0, [math.nan]], True), ({"a": 0.3}, {"a": 0.1 + 0.2}, True), ({"a": 1}, {"b": 1}, False),
        ({1, 2}, {2, 1}, True), (1j, 1j + 1e-12, True), (1j, 1, False), ([], None, False), ([1, 2], [1], False),
    ],
)  # fmt: skip
def test_what_counts_as_the_same_result(first: object, second: object, are_same: bool) -> None:
    assert agreement.same(first, second) == agreement.same(second, first) == are_same


@pytest.mark.parametrize("without", [["seccomp"], ["namespaces", "seccomp"]], ids="-".join)
def test_prepared_calls_work_without_a_layer(without: list[str]) -> None:
    """Where ending one process ends all others too, the arguments are there before the first solution starts."""
    with Sandbox(limits=Limits(cpu_seconds=1, memory_mb=256), allow_weaker=True, without=without) as weaker:
        answer = weaker.measure([TOTAL, LOOP], [prepared_call("f", NUMBERS, 100, 0)], Batch((1, 1), 2, seed=0))
        assert [len(readings) for readings in answer["seconds"]] == [2, 2]
        assert disagreement(weaker, NUMBERS, TOTAL, LOOP) is None
