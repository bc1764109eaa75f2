"""Random programs made of attacks: none gets a pass that it did not earn, none harms its neighbours."""

from __future__ import annotations

import ast

import independent  # pyright: ignore[reportMissingImports]
import pytest
import syntax  # pyright: ignore[reportMissingImports]
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codedpo.records import Outcome
from codedpo.sandbox import Sandbox

from .conftest import run

GOOD = "def f(x): return x + 1"
TESTS = ["assert f(1) == 2", "assert [f(k) for k in (1, 2)] == [2, 3]", "a = [1]\nassert f(a[0]) == 2 and a == [1]"]
ATTACKS = (
    "import os; os._exit(0)",
    "import sys; sys.exit(0)",
    "import os; os.kill(os.getppid(), 9)",
    "import os; os.kill(-1, 9)",
    'import os; [os.write(fd, b\'["verdicts", [[0, 0, ""]]]\\n\') for fd in range(3, 9)]',
    "import os; os.closerange(0, 99)",
    "import gc; [thing.clear() for thing in gc.get_objects() if type(thing) in (list, dict) and len(thing) > 3]",
    "import builtins; builtins.AssertionError = Exception; builtins.exec = print",
    "import sys; [sys.modules.pop(name) for name in list(sys.modules)]",
    "import sys; sys._getframe().f_back.f_globals.clear()",
    "import ctypes; ctypes.string_at(0)",
    "import threading; threading.Thread(target=lambda: [0 for _ in iter(int, 1)], daemon=True).start()",
    "import signal; [signal.signal(s, signal.SIG_IGN) for s in (2, 14, 15)]",
    "import os; os.fork()",
    "import socket; socket.socket()",
    "import json; json.dumps = None; import marshal; marshal.loads = None",
    "import sys; sys.setrecursionlimit(10 ** 9)",
    "x = [0] * 10 ** 10",
    "open('left', 'w').write('x')",
    "raise KeyboardInterrupt",
    "class L(int):\n    __eq__ = lambda self, other: True\nx = L(7)",
    "f = type('F', (), {'__call__': lambda self, *a: self, '__eq__': lambda self, other: True})()",
    "print('passed' * 10 ** 6)",
    "import time; time.process_time = lambda: -1e9",
    "def all(x): return True",
    "import atexit; atexit.register(print)",
    "import random; random.seed()",
    "pass",
)
RETURNS = ("return 0", "return x", "return f", "return NotImplemented", "return (i for i in iter(int, 1))", "yield x")


def indent(text: str) -> str:
    return "\n".join("    " + line for line in text.splitlines())


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Attacks while loading, attacks in the function, and a wrong answer."""
    loading = draw(st.lists(st.sampled_from(ATTACKS), max_size=2))
    inside = draw(st.lists(st.sampled_from(ATTACKS), max_size=2))
    body = "\n".join(indent(text) for text in [*inside, draw(st.sampled_from(RETURNS))])
    guard = draw(st.booleans())
    loaded = [f"try:\n{indent(text)}\nexcept BaseException: pass" if guard else text for text in loading]
    return "\n".join([f"def f(x):\n{body}", *loaded])


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(programs(), min_size=1, max_size=3))
def test_no_program_of_attacks_passes_or_harms_another(pool: Sandbox, attackers: list[str]) -> None:
    execution = run(pool, [GOOD, *attackers, GOOD], TESTS)
    assert execution.passed[[0, -1]].all(), attackers
    assert not execution.passed[1:-1].any(), attackers
    assert execution.judged_outside.all()


INDEPENDENT = (
    "def f(x): return sorted(x, key=lambda y: -y)[0]",
    "from typing import List\ndef f(x: List[int]) -> int:\n    return sum(x)",
    "import math\ndef f(x): return math.floor(x) + math.pi",
    "class Node:\n    def __init__(self, x):\n        self.x = x\ndef f(x): return Node(x).x",
    "from collections import Counter\ndef f(x): return Counter(x).most_common(1)",
    "def f(x):\n    f.calls = 1\n    return f.calls",
    "def f(x): return '{} {}'.format(x, 1)",
    "def f(x):\n    try:\n        return 1 // x\n    except ZeroDivisionError as error:\n        return error.args",
)
DEPENDENT = (
    "import math\nmath.pi = 3",
    "import math\nm = math\nm.pi = 3",
    "from collections import Counter\nCounter.update = None",
    "from collections import Counter\nC = Counter\nC.update = None",
    "from collections import Counter\nclass A:\n    def f(self): self.update = None\nA.f(Counter)",
    "import collections\ncollections._sys.modules.clear()",
    "import re\nre.copyreg.pickle(int, None)",
    "import string\nstring.Formatter().get_field('a.__class__', (), {})",
    "def f(x): return ().__class__.__base__.__subclasses__()",
    "def f(x): return (y for y in x).gi_frame.f_back",
    "def f(x):\n    try:\n        1 / 0\n    except Exception as e:\n        return e.__traceback__.tb_frame",
    "def f(x): return '{0.__class__}'.format(x)",
    "def f(x): return type(x).mro()",
    "def f(x): return eval('1')",
    "if 0: eval = 1\ndef f(x): return eval('1')",
    "def f(x): return __builtins__",
    "def f(x): return globals()",
    "def f(x): return getattr(x, 'a')",
    "import os",
    "import sys",
    "import random",
    "from os import *",
    "from math import *",
    "from . import a",
    "class A:\n    def __del__(self): pass",
    "class A:\n    __reduce__ = None",
    "async def f(x): pass",
    "with open('a'): pass",
    "import typing\ntyping.sys.modules.clear()",
    "from typing import Iterable\nIterable.a = 1",
    "from functools import wraps",
    "from typing import List\nclass A:\n    def __hash__(self): return 1\ndef f(x): return List[A()]",
    "import typing as t\nclass A:\n    def __eq__(self, other): return True\ndef f(x): return A()",
    "def f(x): return print.__self__",
)


def is_independent(source: str) -> bool:
    return independent.is_independent(syntax.walk(ast.parse(source)))


@pytest.mark.parametrize("source", INDEPENDENT)
def test_what_reaches_only_its_own_objects_may_share_a_process(source: str) -> None:
    assert is_independent(source)


@pytest.mark.parametrize("source", DEPENDENT)
def test_what_could_reach_more_gets_a_process_of_its_own(source: str) -> None:
    assert not is_independent(source)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(DEPENDENT), min_size=1, max_size=3), st.lists(st.sampled_from(INDEPENDENT), max_size=3))
def test_harmless_code_around_it_hides_nothing(dependent: list[str], harmless: list[str]) -> None:
    assert not is_independent("\n".join([*harmless, *dependent]))


def test_a_program_that_stops_a_shared_process_takes_nobody_along(pool: Sandbox) -> None:
    hangs, deep = "def f(x):\n    while True: pass", "def f(x): return f(x)"
    solutions = [f"def f(x): return x + 1 + 0 * {k}" for k in range(6)]
    for place, bad in ((2, hangs), (5, hangs), (7, deep)):
        solutions.insert(place, bad)
    execution = run(pool, solutions, TESTS)
    good = [k for k, solution in enumerate(solutions) if "return x + 1" in solution]
    assert execution.passed[good].all()
    assert (execution.outcomes[[2, 5]] == Outcome.TIMEOUT).all()
    assert not execution.passed[7].any()
