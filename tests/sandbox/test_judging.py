"""No forged pass; the same verdict as in one process; where each test is judged, and what flickers."""

from __future__ import annotations

import ast
import builtins
import socket
import threading
from dataclasses import replace
from pathlib import Path

import clerk  # pyright: ignore[reportMissingImports]
import judge  # pyright: ignore[reportMissingImports]
import numpy as np
import plain  # pyright: ignore[reportMissingImports]
import pytest

from codedpo.errors import ConfigError
from codedpo.records import Outcome
from codedpo.sandbox import Limits, Sandbox, SandboxSettings

from .conftest import LIMITS, run

TEST = "assert f(1) == 2"
LIES = (
    "__eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = lambda self, other: True\n    __bool__ = lambda self: True\n"
)
FORGERIES = {
    "an object that equals everything": f"class A:\n    {LIES}\ndef f(x): return A()",
    "an int that equals everything": f"class A(int):\n    {LIES}\ndef f(x): return A(0)",
    "a liar inside a list": f"class A(int):\n    {LIES}\ndef f(x): return [A(0)]",
    "an object whose difference is small": "class A:\n    __sub__ = __rsub__ = __abs__ = lambda *a: 0\ndef f(x): return A()",
    "walking the frames": (
        "import sys\ndef f(x):\n    frame = sys._getframe()\n    while frame:\n        for name in list(frame.f_locals):\n"
        "            frame.f_locals[name] = True\n        frame.f_globals['passed'] = True\n        frame = frame.f_back\n    return 0"),
    "rewriting what the garbage collector knows": (
        "import gc\ndef f(x):\n    for thing in gc.get_objects():\n        if isinstance(thing, list):\n"
        "            try: thing[:] = ['value', 2, None, 0.0]\n            except Exception: pass\n    return 0"),
    "patching the solver": (
        "import sys\ndef f(x):\n    for module in list(sys.modules.values()):\n        for name in list(vars(module)):\n"
        "            if 'verdict' in name or 'outcome' in name.lower(): setattr(module, name, lambda *a: 0)\n    return 0"),
    "exit code zero": "import os\ndef f(x): os._exit(0)",
    "SystemExit": "def f(x): raise SystemExit(0)",
    "at exit": "import atexit, os\natexit.register(print, 'passed')\ndef f(x): os._exit(0)",
    "a sentinel on every descriptor": (
        "import os\ndef f(x):\n    for fd in range(256):\n        try: os.write(fd, b'[\"verdicts\", [[0, 0.0, \"\"]]]\\n')\n"
        "        except OSError: pass\n    return 0"),
    "a well-formed answer, then silence": (
        "import os, json\ndef f(x):\n    data = json.dumps([[], [['value', 0, None, 0.0]] * 2]).encode()\n"
        "    for fd in range(3, 256):\n        try: os.write(fd, len(data).to_bytes(4, 'little') + data)\n"
        "        except OSError: pass\n    os._exit(0)"),
    "patched built-ins": (
        "import builtins, math\nbuiltins.len = lambda x: 2\nmath.isclose = lambda *a, **k: True\nbuiltins.AssertionError = None\n"
        "def f(x): return 0"),
    "a built-in of its own": "def all(x): return True\ndef isinstance(*a): return True\ndef abs(x): return 0\ndef f(x): return 0",
    "reading its source and the test's": (
        "import gc, sys\nneedle = ')1(f tressa'\ndef f(x):\n    frame = sys._getframe()\n    seen = gc.get_objects()\n"
        "    while frame:\n        seen += [frame.f_locals, frame.f_globals, frame.f_code.co_consts]\n        frame = frame.f_back\n"
        "    seen += [other for thing in list(seen) for other in gc.get_referents(thing)]\n"
        "    return 2 if any(type(thing) is str and needle[::-1] in thing for thing in seen) else 0"),
    "reading its memory": (
        "import ctypes, sys\nneedle = b')1(f tressa'\ndef f(x):\n    libc = ctypes.CDLL(None)\n"
        "    libc.sbrk.restype = ctypes.c_void_p\n    top = libc.sbrk(0)\n    data = b''\n"
        "    for size in (1 << 20, 1 << 18, 1 << 16):\n        try: data = ctypes.string_at(top - size, size); break\n        except Exception: pass\n"
        "    return 2 if needle[::-1] in data else 0"),
    "a trace function": (
        "import sys\ndef trace(frame, event, argument):\n    frame.f_locals['x'] = 1\n    return trace\nsys.settrace(trace)\n"
        "def f(x): return 0"),
    "a lying reference": "def f(x): return f\nf.__eq__ = lambda other: True",
    "garbage instead of a message": (
        "import os\ndef f(x):\n    for fd in range(3, 256):\n        try: os.write(fd, os.urandom(999))\n        except OSError: pass\n"
        "    return 2"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGERIES)
@pytest.mark.parametrize("test", [TEST, "assert abs(f(1) - 2) < 1e-6", "assert all(f(i) == i + 1 for i in (1, 2))"])
def test_no_pass_is_forged(pool: Sandbox, name: str, test: str) -> None:
    execution = run(pool, [FORGERIES[name], "def f(x): return x + 1"], [test])
    assert execution.outcomes[0, 0] != Outcome.PASSED
    assert execution.outcomes[1, 0] == Outcome.PASSED
    assert execution.judged_outside.all()


AGREE = {
    "int": ("def f(x): return x + 1", TEST, Outcome.PASSED),
    "True equals 1": ("def f(x): return True", "assert f(0) == 1", Outcome.PASSED),
    "True is True": ("def f(x): return True", "assert f(0) is True", Outcome.PASSED),
    "one is not True": ("def f(x): return 1", "assert f(0) is True", Outcome.WRONG),
    "nan is not nan": ("def f(x): return float('nan')", "assert f(0) == float('nan')", Outcome.WRONG),
    "minus zero": ("def f(x): return -0.0", "assert str(f(0)) == '-0.0'", Outcome.PASSED),
    "tuple is not list": ("def f(x): return (1, 2)", "assert f(0) == [1, 2]", Outcome.WRONG),
    "keys that are no strings": ("def f(x): return {1: 'a', (2, 3): None}", "assert f(0) == {(2, 3): None, 1: 'a'}", Outcome.PASSED),
    "big int": ("def f(x): return 10 ** 6000", "assert f(0) == 10 ** 6000", Outcome.PASSED),
    "big text": ("def f(x): return 'x' * 10 ** 7", "assert len(f(0)) == 10 ** 7", Outcome.PASSED),
    "sets": ("def f(x): return {1, 2}", "assert f(0) == {2, 1}", Outcome.PASSED),
    "a generator": ("def f(x):\n    yield from range(x)", "assert list(f(3)) == [0, 1, 2]", Outcome.PASSED),
    "an endless generator": ("def f(x):\n    while True: yield x", "assert next(f(3)) == 3", Outcome.PASSED),
    "a coroutine": ("async def f(x): return 2", TEST, Outcome.WRONG),
    "a named tuple": ("from collections import namedtuple\nP = namedtuple('P', 'a b')\ndef f(x): return P(1, x)", "assert f(2) == (1, 2)", Outcome.PASSED),
    "a counter": ("from collections import Counter\ndef f(x): return Counter(x)", "assert f('aab') == {'a': 2, 'b': 1}", Outcome.PASSED),
    "a date": ("from datetime import date\ndef f(x): return date(2020, 1, x)", "import datetime\nassert f(2) == datetime.date(2020, 1, 2)", Outcome.PASSED),
    "arguments change in place": ("def f(x): x.append(9)", "a = [1]\nf(a)\nassert a == [1, 9]", Outcome.PASSED),
    "nested arguments change": ("def f(x): x[0][0] = 9", "a = [[1]]\nf(a)\nassert a == [[9]]", Outcome.PASSED),
    "keyword arguments": ("def f(x, *, y=1): return x + y", "assert f(x=1, y=2) == 3", Outcome.PASSED),
    "a function comes back": ("def f(x): return lambda y: x + y", "assert f(1)(2) == 3", Outcome.PASSED),
    "an object goes round": ("class Node:\n    def __init__(self, x): self.x = x\ndef f(n): return n.x", "n = Node(4)\nassert f(n) == 4", Outcome.PASSED),
    "an expected exception": ("def f(x): raise KeyError(x)", "try:\n    f(1)\n    assert False\nexcept KeyError:\n    pass", Outcome.PASSED),
    "an expected kind of exception": ("class E(ValueError): pass\ndef f(x): raise E", "try:\n    f(1)\nexcept ValueError:\n    pass\nelse:\n    assert False", Outcome.PASSED),
    "an exception swallowed": ("import os\ndef f(x): os._exit(1)", "try:\n    f(1)\nexcept BaseException:\n    pass", Outcome.CRASH),
    "an assertion of the solution's": ("def f(x):\n    assert x > 5\n    return 2", TEST, Outcome.EXCEPTION),
    "a function of the test's": ("def f(x): return x + 1", "def check(candidate):\n    assert candidate(1) == 2\ncheck(f)", Outcome.PASSED),
    "map": ("def f(x): return x + 1", "assert list(map(f, [1, 2])) == [2, 3]", Outcome.PASSED),
    "sorted by it": ("def f(x): return -x", "assert sorted([1, 3, 2], key=f) == [3, 2, 1]", Outcome.PASSED),
    "a module that only the solution imports": ("import math\ndef f(x): return x * 1.0", "assert math.isclose(f(2), 2)", Outcome.PASSED),
    "a module that nobody imports": ("def f(x): return x * 1.0", "assert math.isclose(f(2), 2)", Outcome.EXCEPTION),
    "a name that nobody defines": ("def f(x): return x", "assert f(1) == EXPECTED", Outcome.EXCEPTION),
    "a solution named like a built-in": ("def sum(x): return 7", "assert sum([1, 2]) == 7", Outcome.PASSED),
    "two calls see the same state": ("n = 0\ndef f(x):\n    global n\n    n += 1\n    return n", "f(0)\nassert f(0) == 2", Outcome.PASSED),
    "a test that does not compile": ("def f(x): return 2", "assert f(1) = 2", Outcome.EXCEPTION),
    "a solution that does not compile": ("def f(x): return (", TEST, Outcome.EXCEPTION),
    "byte order mark": ("\ufeffdef f(x): return 2", TEST, Outcome.PASSED),
    "carriage returns and tabs": ("def f(x):\r\n\treturn 2\r\n", TEST, Outcome.PASSED),
    "future import": ("from __future__ import annotations\ndef f(x: Undefined): return 2", TEST, Outcome.PASSED),
}  # fmt: skip


@pytest.mark.parametrize("name", AGREE)
def test_outside_gives_the_verdict_of_one_process(pool: Sandbox, name: str) -> None:
    solution, test, expected = AGREE[name]
    execution = run(pool, [solution], [test])
    assert Outcome(execution.outcomes[0, 0]) == expected, execution.reasons
    assert execution.judged_outside.all()


INSIDE = {
    "passes a function": ("def f(g, x): return g(x)", "assert f(lambda x: x + 1, 1) == 2"),
    "uses a class": ("class Stack:\n    def __init__(self): self.items = []\n    def push(self, x): self.items.append(x)", "s = Stack()\ns.push(1)\nassert s.items == [1]"),
    "looks at the function": ("def f(x):\n    'doc'", "assert f.__doc__ == 'doc'"),
    "asks for identity": ("def f(x): return x", "a = []\nassert f(a) is a"),
    "captures the output": ("def f(x): print(x)", "import io, contextlib\nout = io.StringIO()\nwith contextlib.redirect_stdout(out):\n    f(1)\nassert out.getvalue() == '1\\n'"),
    "catches the solution's exception": ("class E(Exception): pass\ndef f(x): raise E", "try:\n    f(1)\n    assert False\nexcept E:\n    pass"),
    "reads a value of the solution's": ("LIMIT = 3\ndef f(x): return 3", "assert f(1) == LIMIT"),
    "seeds the random numbers": ("import random\ndef f(x): return random.random()", "import random\nrandom.seed(1)\na = f(0)\nrandom.seed(1)\nassert f(0) == a"),
}  # fmt: skip


@pytest.mark.parametrize("name", INSIDE)
def test_what_needs_the_solutions_process_is_judged_there_and_marked(pool: Sandbox, name: str) -> None:
    solution, test = INSIDE[name]
    execution = run(pool, [solution], [test])
    assert execution.passed.all(), execution.reasons
    assert not execution.judged_outside.any()


def test_judge_outside_leaves_forgeable_cells_out() -> None:
    solution, test = INSIDE["looks at the function"]
    with Sandbox(limits=LIMITS, judge="outside") as sandbox:
        execution = run(sandbox, [solution + "\n    return 2"], [test, TEST])
    assert execution.outcomes.tolist() == [[Outcome.NOT_RUN, Outcome.PASSED]]


def test_judge_inside_marks_every_cell() -> None:
    with Sandbox(limits=LIMITS, judge="inside") as sandbox:
        execution = run(sandbox, ["def f(x): return x + 1", "def f(x): return 0"], [TEST])
    assert execution.outcomes.ravel().tolist() == [Outcome.PASSED, Outcome.WRONG]
    assert not execution.judged_outside.any()


def test_an_unknown_judge_is_refused() -> None:
    with pytest.raises(ConfigError, match="sandbox.judge: 'nobody' is unknown; choose from: auto, outside, inside"):
        SandboxSettings(judge="nobody")  # pyright: ignore


def test_random_numbers_flicker_and_are_called_flaky(pool: Sandbox) -> None:
    # Of two runs with different seeds, some of these thresholds lie between the two numbers drawn.
    solutions = [f"import random\ndef f(x): return 2 if random.random() < {k / 10} else 0" for k in range(1, 10)]
    execution = run(pool, solutions, [TEST])
    assert Outcome.FLAKY in execution.outcomes
    assert not execution.passed[execution.outcomes == Outcome.FLAKY].any()
    assert any(reason.text in ("passed, then wrong", "wrong, then passed") for reason in execution.reasons)


def test_the_order_of_a_set_is_called_flaky(pool: Sandbox) -> None:
    solution = "def f(x): return list(set(x))"
    tests = [f"assert f({list(word)!r}) == {list(word)!r}" for word in ("abc", "acb", "bac", "bca", "cab", "cba")]
    execution = run(pool, [solution], tests)
    assert Outcome.FLAKY in execution.outcomes
    assert not execution.passed.all()


def test_a_set_whose_order_nobody_sees_is_not_flaky(pool: Sandbox) -> None:
    execution = run(pool, ["def f(x): return len(set(x)) + sum({1})"], ["assert f('a') == 2"])
    assert execution.passed.all()


LEAKS = {
    "a module's attribute": "import math\ndef f(x):\n    math.calls = getattr(math, 'calls', 0) + 1\n    return math.calls",
    "the environment": "import os\ndef f(x):\n    os.environ['N'] = str(int(os.environ.get('N', 0)) + 1)\n    return int(os.environ['N'])",
    "a built-in": "import builtins\ndef f(x):\n    builtins.n = getattr(builtins, 'n', 0) + 1\n    return builtins.n",
    "a class of the library": "from collections import Counter\ndef f(x):\n    Counter.n = getattr(Counter, 'n', 0) + 1\n    return Counter.n",
    "a file": "import os\ndef f(x):\n    n = len(os.listdir('.'))\n    open(str(n), 'w').close()\n    return n + 1",
    "random numbers": "import random\nrandom.seed(5)\nfirst = random.random()\nrandom.seed(5)\ndef f(x): return 1 if random.random() == first else 2",
    "a global of its own": "n = 0\ndef f(x):\n    global n\n    n += 1\n    return n",
    "a mutable default": "def f(x, seen=[]):\n    seen.append(x)\n    return len(seen)",
    "a cache": "import functools\ncalls = []\n@functools.lru_cache\ndef g(x):\n    calls.append(x)\n    return len(calls)\ndef f(x): return g(0)",
    "an attribute of the function": "def f(x):\n    f.n = getattr(f, 'n', 0) + 1\n    return f.n",
}  # fmt: skip


@pytest.mark.parametrize("name", LEAKS)
def test_no_state_leaks_from_test_to_test_or_solution_to_solution(pool: Sandbox, name: str) -> None:
    execution = run(pool, [LEAKS[name]] * 3, ["assert f(0) == 1"] * 3)
    assert execution.passed.all(), execution.outcomes


def test_hostile_tests_touch_no_other_verdict(pool: Sandbox) -> None:
    hostile = [
        "import builtins\nbuiltins.AssertionError = ValueError\nassert True",
        "import sys, gc\nfor m in list(sys.modules.values()):\n    if hasattr(m, 'PASSED'): m.PASSED = 1; m.WRONG = 0",
        "import os\nos._exit(0)",
        "import ctypes\nctypes.string_at(0)",
        "while True: pass",
        "import os, signal\nos.kill(os.getppid(), 9)\nos.kill(-1, 9)",
        "import __main__\n__main__.__dict__.clear()",
        "x = [0] * 10 ** 12",
        "f.__globals__['f'] = lambda x: 2",
    ]
    good, bad = "def f(x): return x + 1", "def f(x): return 0"
    tests = [TEST, *hostile, TEST, "assert f(2) == 3"]
    execution = run(pool, [good, bad, good], tests)
    plain_columns = [0, len(tests) - 2, len(tests) - 1]
    assert execution.passed[:, plain_columns].tolist() == [[True] * 3, [False] * 3, [True] * 3]
    assert Outcome(execution.outcomes[0, 3]) == Outcome.CRASH
    assert Outcome(execution.outcomes[0, 5]) == Outcome.TIMEOUT


def test_a_test_that_hangs_for_most_is_not_charged_to_the_solutions() -> None:
    solutions = [f"def f(x):\n    while x < 0: pass\n    return x + 1 + 0 * {k}" for k in range(6)]
    tests = [*(f"assert f({-k}) == 1" for k in range(1, 3)), *(f"assert f({k}) == {k + 1}" for k in range(5))]
    with Sandbox(limits=replace(LIMITS, cpu_seconds=0.2)) as sandbox:
        execution = run(sandbox, solutions, tests)
    assert execution.passed[:, 2:].all()
    assert {Outcome(value) for value in execution.outcomes[:, :2].ravel()} == {Outcome.TIMEOUT, Outcome.NOT_RUN}
    assert "the test timed out for half of the solutions" in {reason.text for reason in execution.reasons}


def test_a_slow_solution_is_not_taken_for_a_hanging_one() -> None:
    slow = "def f(x):\n    for _ in range(3 * 10 ** 6): pass\n    return x + 1"
    with Sandbox(limits=Limits(cpu_seconds=10, min_cpu_seconds=5)) as sandbox:
        execution = run(sandbox, [slow, "def f(x): return x + 1"], [f"assert f({k}) == {k + 1}" for k in range(3)])
    assert execution.passed.all()


def test_times_are_kept_per_cell(pool: Sandbox) -> None:
    slow = "def f(x):\n    for _ in range(x): pass\n    return 0"
    execution = run(pool, [slow], ["assert f(0) == 0", "assert f(200000) == 0"])
    assert np.isfinite(execution.cpu_seconds).all()
    assert execution.cpu_seconds[0, 1] > execution.cpu_seconds[0, 0]


@pytest.mark.parametrize("name", ["codec", "judge", "table", "nursery", "plain"])
def test_our_modules_are_not_found_by_what_we_run(pool: Sandbox, name: str) -> None:
    execution = run(pool, [f"def f(x):\n    import {name}\n    return 2"], [TEST, f"import {name}\n{TEST}"])
    assert (execution.outcomes == Outcome.EXCEPTION).all()


def test_the_jail_numbers_outcomes_as_the_records_do() -> None:
    import outcomes  # pyright: ignore[reportMissingImports]

    assert {outcome.name: outcome.value for outcome in Outcome} == {
        name: getattr(outcomes, name) for name in Outcome.__members__
    }


def test_a_judge_that_cannot_start_is_no_endless_loop() -> None:
    huge = "x = [" + "f(1), " * 60_000 + "]\nassert not x"
    with Sandbox(limits=Limits(cpu_seconds=1, memory_mb=48, wall_factor=5)) as sandbox:
        execution = run(sandbox, ["def f(x): return x + 1"], [huge, huge + " "])
    assert not execution.passed.any()


def place(test: str) -> str:
    import ast

    return plain.Plan(ast.parse(test)).place


def test_plain_tests_share_a_judge_and_others_do_not() -> None:
    assert place("assert f([1, 2]) == sorted([2, 1])") == plain.SHARED
    assert place("import math\nassert math.isclose(f(1), 2.0)") == plain.SHARED
    assert place("import collections\nassert f(1) == collections.Counter('a')") == plain.ALONE
    assert place("assert '{0.__class__}'.format(f(1))") == plain.ALONE
    assert place("(x for x in [1]).gi_frame.f_builtins['len'] = f(1)") == plain.INSIDE
    assert place("len.__self__.abs = f") == plain.INSIDE
    assert place("import os\nassert f(1)") == plain.INSIDE


def test_no_file_of_the_jail_imports_from_outside_the_standard_library() -> None:
    import ast
    import sys

    folder = Path(plain.__file__).parent
    siblings = {path.stem for path in folder.glob("*.py")}
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert all(name.split(".")[0] in siblings | sys.stdlib_module_names for name in names), path.name


def test_kept_processes_serve_many_tasks_and_give_what_new_ones_give() -> None:
    tasks = [
        ([f"def f(x): return x + {k % 3}", "def f(x): return [x] * 10**9", "def f(x):\n    while True: pass", "import random\ndef f(x): return 1"],
         [f"assert f({k}) == {k + 1}", f"assert f({k}) != {k}", f"assert sorted([f({k})]) == [{k + 1}]"])
        for k in range(6)
    ]  # fmt: skip
    hostile = (
        ["def f(x): return x"],
        ["import builtins\nbuiltins.len = lambda x: 7\nassert f(1) == 1", "assert f(1) == 2"],
    )
    tasks[3:3] = [hostile, (["def f(x): return [x]"], ["assert len(f(1)) == 1", "x = len\nassert x(f(1)) == 1"])]
    found = []
    for most in (1, 2, 50):
        with Sandbox(limits=LIMITS, tasks_per_process=most) as sandbox:
            found.append([execution.outcomes.tolist() for execution in sandbox.execute_many(tasks)])
    assert found[0] == found[1] == found[2]
    assert found[0][4] == [[Outcome.PASSED, Outcome.PASSED]]


def test_a_kept_judge_in_which_something_changed_ends() -> None:
    ours, theirs = socket.socketpair()
    page = clerk.Page()
    code = clerk.prepare({0: "assert f(1) == 2"}, {0: "def f(x): return 2"}, page)[1]
    life = threading.Thread(target=judge.serve, args=(theirs, page, True))
    life.start()
    for changed in (False, True):
        judge.send(ours, ["task", [[0], 0, len(code)]])
        ours.sendall(code)
        assert changed or ours.recv(100) == b"[]\n"
        builtins.left_behind = 1  # type: ignore[attr-defined]
    life.join(10)
    del builtins.left_behind  # type: ignore[attr-defined]
    theirs.close()
    ours.close()
    assert not life.is_alive()


@pytest.mark.parametrize(
    ("test", "leaves_nothing"),
    [
        ("assert f(1) == 2", True),
        ("assert math.isclose(f(1), 2.0)", True),
        ("x = [1]\nf(x)\nassert x == [2]", True),
        ("for x in range(3):\n    assert f(x) == [y for y in range(x)]", True),
        ("assert f(1).upper() == 'A'", False),
        ("def g(x): return f(x)\nassert g(1) == 2", False),
        ("assert (lambda x: x)(f(1)) == 2", False),
        ("try:\n    f(1)\nexcept ValueError:\n    pass", False),
        ("import collections\nassert f(1) == 2", False),
        ("assert f(1).__class__ == int", False),
        ("assert f'{f(1)}' == '2'", False),
        ("assert getattr(f(1), 'x') == 2", False),
        ("math.pi = 3\nassert f(1) == 2", False),
    ],
)
def test_a_judge_is_kept_for_next_to_nothing_but_calls_and_comparisons(test: str, leaves_nothing: bool) -> None:
    assert plain.Plan(ast.parse(test)).leaves_nothing is leaves_nothing
