"""Expected programs are what evalplus 0.3.1's own `sanitize` gave for these answers."""

import pytest

from codedpo.code.sanitize import sanitize

MIXED = """```python
import os
from __future__ import division
x: int = 1
y, z = 1, 2
class A:
    def g(self): return h()
def h():
    return 3
def noret():
    pass
@deco
def dd(): return 1
def f(a):
    return A().g() + x
```
That was it"""


@pytest.mark.parametrize(
    ("answer", "program"),
    [
        (
            MIXED,
            "import os\nx: int = 1\nclass A:\n    def g(self): return h()\ndef h():\n    return 3\n"
            "def f(a):\n    return A().g() + x",
        ),
        ("def f():\n    return 1\ndef f():\n    return 2\nprint(f())", "def f():\n    return 1"),
        ("nothing here at all", "nothing here at all"),
        ("x = 1", "x = 1"),
        ("a.b = c\nq = w = 3\ndef f(): return c.q(w=3)\n\n\n", "a.b = c\nq = w = 3\ndef f(): return c.q(w=3)"),
        ("async def f():\n    return g()\ndef g(): return 1", "async def f():\n    return g()\ndef g(): return 1"),
    ],
)
def test_finds_what_evalplus_finds(answer: str, program: str) -> None:
    assert sanitize(answer, "f") == program
