"""Source text in, its syntax tree out, from any thread.

CPython counts the depth of a tree under construction once per interpreter, so two threads that parse at the same time
can fail with "AST constructor recursion depth mismatch" (python/cpython issue 106905); the filters of `warnings` are
shared in the same way.
"""

from __future__ import annotations

import ast
import threading
import warnings

_ONE_AT_A_TIME = threading.RLock()


def syntax_tree(text: str) -> ast.Module:
    """`ast.parse` without the warnings of strange code; the same errors."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)
