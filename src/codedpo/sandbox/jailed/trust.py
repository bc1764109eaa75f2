"""A solution's syntax tree in, whether its readings can be believed out.

In timing, tests run in the solution's own process and namespace, many times. A trusted solution can keep nothing from
one time to the next, does no work until it is called, and has no say in what the tests' operators and built-ins mean.
"""

import ast
import builtins

import independent
import syntax

_DECORATORS = frozenset({"lru_cache", "cache", "property", "staticmethod", "classmethod"})
_ANSWERING = syntax.words(
    """
    __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __bool__ __len__ __contains__ __getitem__ __call__ __add__ __sub__ __mul__
    """
)
"""With these a solution could answer a test that runs in its namespace."""
_WORK_NODES = (
    ast.Call, ast.For, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Starred, ast.JoinedStr,
    ast.AugAssign, ast.Raise,
)  # fmt: skip
_CONSTANT_NODES = (ast.BinOp, ast.Constant, ast.UnaryOp, ast.operator, ast.unaryop)
_RESERVED = _DECORATORS | {"functools"} | _ANSWERING
_BUILTINS = frozenset(dir(builtins))


def is_trusted(tree):
    """Whether a solution, by its syntax, can reach nothing but its own objects and does no work until it is called."""
    nodes = syntax.walk(tree)
    if not independent.is_independent(nodes) or not _RESERVED.isdisjoint(map(_bound_name, nodes)):
        return False
    if not _BUILTINS.isdisjoint(map(_bound_name, _run_at_load(tree, nodes))):
        return False  # a test would mean something else by it
    return not any(_works_at_load(node) for node in tree.body)


def _run_at_load(tree, nodes):
    """The nodes that can bind names of the module: those outside of functions, or all where one says `global`."""
    if any(isinstance(node, ast.Global) for node in nodes):
        return nodes
    found = [tree]
    for node in found:
        if not isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            found += ast.iter_child_nodes(node)
    return found


def _bound_name(node):
    if isinstance(node, ast.Name):
        return node.id if isinstance(node.ctx, ast.Store) else None
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    return node.asname if isinstance(node, ast.alias) else None


def _works_at_load(node):
    """Whether a part of a module does more than define: calls, loops, operations on more than constants."""
    if isinstance(node, ast.Lambda):
        return _works_at_load(node.args)  # defaults
    if isinstance(node, ast.FunctionDef):
        now = [node.args, *([node.returns] if node.returns else [])]  # defaults and annotations
        return not all(map(_is_plain_decorator, node.decorator_list)) or any(map(_works_at_load, now))
    if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
        return True
    if isinstance(node, ast.ClassDef) and (node.keywords or node.decorator_list):
        return True
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):  # int | None
        return _works_at_load(node.left) or _works_at_load(node.right)
    if isinstance(node, ast.BinOp):
        return not all(isinstance(part, _CONSTANT_NODES) for part in ast.walk(node))
    return isinstance(node, _WORK_NODES) or any(map(_works_at_load, ast.iter_child_nodes(node)))


def _is_plain_decorator(node):
    if isinstance(node, ast.Call):
        settings = [*node.args, *(keyword.value for keyword in node.keywords)]
        return all(isinstance(value, ast.Constant) for value in settings) and _is_plain_decorator(node.func)
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and node.value.id == "functools" and node.attr in _DECORATORS
    return isinstance(node, ast.Name) and node.id in _DECORATORS
