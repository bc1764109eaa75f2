"""What is read off a function: its size, what it returns, what it uses from other modules, when two are equal."""

import pytest

from codedpo.code.functions import Function, functions, parse_file, plain_lines


def read(text: str) -> list[Function]:
    tree = parse_file(text)
    assert tree is not None
    return list(functions(text, tree))


def test_code_starts_at_def_and_ends_with_the_function() -> None:
    text = "import re\n\n@cache\ndef f(a, *b, c=1, **d):\n    # why\n    return a\n\nx = 1\n"
    (function,) = read(text)
    assert function.code == "def f(a, *b, c=1, **d):\n    # why\n    return a"
    assert (function.line, function.arguments, function.code_lines) == (4, 4, 2)


def test_lines_leave_out_docstring_blank_lines_and_comments() -> None:
    (function,) = read('def f(a):\n    """One.\n\n    Two.\n    """\n\n    # why\n    return a\n')
    assert function.code_lines == 2


def test_only_the_functions_of_the_module_itself_are_read() -> None:
    text = "class A:\n    def m(self): pass\ndef f():\n    def g(): pass\nif True:\n    def h(): pass\n"
    assert [function.name for function in read(text)] == ["f"]


@pytest.mark.parametrize(
    ("body", "returns"),
    [
        ("return 1", True),
        ("return", False),
        ("return None", False),
        ("yield a", False),
        ("pass", False),
        ("for x in a:\n        if x:\n            return x", True),
        ("try:\n        pass\n    except ValueError:\n        return 1", True),
        ("match a:\n        case 1:\n            return 2", True),
        ("def g():\n        return 1\n    g()", False),
        ("g = lambda: 1", False),
    ],
)
def test_a_return_counts_in_the_function_itself_only(body: str, returns: bool) -> None:
    assert read(f"def f(a):\n    {body}\n")[0].returns_value is returns


@pytest.mark.parametrize(
    ("module", "body", "uses"),
    [
        ("import os", "return os.path.join(a)", ("os.path.join",)),
        ("import os.path", "return os.getcwd()", ("os.getcwd",)),
        ("import os.path as p", "return p.join(a)", ("os.path.join",)),
        ("from os import path as p", "return p.join(a)", ("os.path.join",)),
        ("import numpy as np", "return np.random.rand(a)", ("numpy.random.rand",)),
        ("", "import socket as s\n    return s.socket(a)", ("socket.socket",)),
        ("", "from time import sleep\n    return sleep(a)", ("time.sleep",)),
        ("try:\n    import requests\nexcept ImportError:\n    pass", "return requests.get(a)", ("requests.get",)),
        ("from . import random", "return random.choice(a)", ("..random.choice",)),
        ("import time", "time = a\n    return time.x", ()),
        ("import random", "return a.random.choice()", ()),
        ("", "return open(a)", ("builtins.open",)),
        ("def open(x): pass", "return open(a)", ()),
        ("from x import open", "return open(a)", ("x.open",)),
        ("import os", "return a", ()),
        ("import os", "return getattr(os, 'listdir')(a)", ("builtins.getattr", "os")),
        ("from os import *", "return listdir(a)", ("os.listdir",)),
        ("from os import *", "return len(a)", ("builtins.len",)),
        ("from os import *\ndef listdir(a): pass", "return listdir(a)", ()),
        ("from .os import *", "return listdir(a)", ()),
        (
            "",
            "try:\n        import os\n    except ImportError:\n        os = None\n    return os.stat(a)",
            ("builtins.ImportError", "os.stat"),
        ),
        ("", "import os\n    b = os.stat(a)\n    del os\n    return b", ("os.stat",)),
        ("", "return __builtins__['open'](a)", ("builtins.__builtins__",)),
    ],
)
def test_names_are_resolved(module: str, body: str, uses: tuple[str, ...]) -> None:
    assert read(f"{module}\ndef f(a):\n    {body}\n")[-1].uses == uses


def test_an_argument_hides_a_module_of_the_same_name() -> None:
    assert read("import time\ndef f(time):\n    return time.hour\n")[0].uses == ()


ONE = 'def f(a, b={}):\n    """One."""\n    return [a[0], None]\n'


@pytest.mark.parametrize(
    "other",
    [
        'def f( a,b = {} ):\n    # why\n    """Another."""\n\n    return [\n        a[0],\n        None,\n    ]\n',
        "def f(a, b={}):\n    return ([a[0x0], None])\n",
    ],
)
def test_layout_comments_and_docstrings_do_not_change_the_fingerprint(other: str) -> None:
    assert read(other)[0].fingerprint == read(ONE)[0].fingerprint


@pytest.mark.parametrize(
    "change", [("a[0]", "a[1]"), ("a[0]", "a['0']"), ("a[0]", "a[0.0]"), ("None]", "None, None]"), ("def f", "def g")]
)
def test_any_other_change_does(change: tuple[str, str]) -> None:
    assert read(ONE.replace(*change))[0].fingerprint != read(ONE)[0].fingerprint


def test_lines_are_counted_as_python_counts_them() -> None:
    text = plain_lines("\ufeffx = '\x0c'\r\ny = '\u2028'\rdef f(a):\r\n    return a\r\n")
    assert read(text)[0].code == "def f(a):\n    return a"


@pytest.mark.parametrize("text", ["def f(:", "print 1", "\0", "(" * 5000])
def test_what_is_not_python_gives_no_tree(text: str) -> None:
    assert parse_file(text) is None


def test_a_decorator_is_used_but_is_no_part_of_the_fingerprint() -> None:
    decorated = read(f"import functools, os\n@functools.lru_cache(os.cpu_count())\n{ONE}")[0]
    assert decorated.uses == ("functools.lru_cache", "os.cpu_count")
    assert decorated.fingerprint == read(ONE)[0].fingerprint
    assert decorated.code == ONE.strip()


def test_a_form_feed_before_a_function_is_no_part_of_it() -> None:
    assert read(f"x = 1\n\x0c{ONE}")[0].code == ONE.strip()


def test_half_a_surrogate_pair_in_a_docstring_becomes_a_question_mark() -> None:
    assert read('def f(a):\n    """a \\ud800 b"""\n    return a\n')[0].docstring == "a ? b"


@pytest.mark.parametrize(
    "text", ["x = (a" + "\n.b" * 9000 + ")\n", "x = (1" + "\n+1" * 9000 + ")\n", "x = " + "-\\\n" * 9000]
)
def test_a_tree_that_is_too_deep_is_no_tree(text: str) -> None:
    assert parse_file(text) is None
