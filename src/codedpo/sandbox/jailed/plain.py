"""What a test can do, read off its syntax before anything runs.

May the assertion be judged outside the solution's process, may one judge serve all solutions with it, and other tasks
after that? Each answer errs on the careful side: a wrong "careful" costs time, never a verdict.
"""

import ast
import builtins
import functools
import importlib.util
import sys

import syntax
from syntax import words

SHARED, ALONE, INSIDE = "shared", "alone", "inside"

_SHARED_MODULES = frozenset({"math", "cmath", "itertools"})  # written in C, only functions and numbers in them
_PURE_MODULES = _SHARED_MODULES | words(
    """
    typing collections functools copy string re fractions decimal statistics datetime operator json heapq bisect
    dataclasses enum calendar textwrap numbers __future__
    """
)
"""Modules with which a test can be judged without the solution: nothing in them tells of another process."""
_SHARED_BUILTINS = words(
    """
    abs all any ascii bin bool bytearray bytes callable chr complex dict divmod enumerate filter float frozenset hex
    int isinstance issubclass iter len list map max min next oct ord pow print range repr reversed round set slice
    sorted str sum tuple zip ArithmeticError AssertionError AttributeError BaseException Exception IndexError
    KeyError LookupError NameError NotImplementedError OverflowError RecursionError RuntimeError StopIteration
    TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError ValueError ZeroDivisionError
    Ellipsis NotImplemented
    """
)
_INSIDE_BUILTINS = words("globals locals vars eval exec compile __import__ open input dir")
_DATA_TYPES = (int, float, complex, str, bytes, bytearray, tuple, list, dict, set, frozenset, range, type(None))
DATA_ATTRIBUTES = frozenset(name for kind in _DATA_TYPES for name in dir(kind) if not name.startswith("_"))
_SHARED_NODES = frozenset((
    ast.Module, ast.Expr, ast.Assert, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.For, ast.While, ast.If, ast.Pass,
    ast.Break, ast.Continue, ast.Import, ast.ImportFrom, ast.alias, ast.FunctionDef, ast.Return, ast.arguments, ast.arg,
    ast.Lambda, ast.Try, ast.ExceptHandler, ast.Raise, ast.Delete, ast.BoolOp, ast.NamedExpr, ast.BinOp, ast.UnaryOp,
    ast.IfExp, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension,
    ast.Compare, ast.Call, ast.keyword, ast.FormattedValue, ast.JoinedStr, ast.Constant, ast.Attribute, ast.Subscript,
    ast.Starred, ast.Name, ast.List, ast.Tuple, ast.Slice,
))  # fmt: skip
_TRACELESS_NODES = frozenset((
    ast.Module, ast.Expr, ast.Assert, ast.Assign, ast.AugAssign, ast.For, ast.If, ast.BoolOp, ast.BinOp, ast.UnaryOp,
    ast.IfExp, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension,
    ast.Compare, ast.Call, ast.keyword, ast.Constant, ast.Attribute, ast.Subscript, ast.Starred, ast.Name, ast.List,
    ast.Tuple, ast.Slice,
))  # fmt: skip
_CALLERS = words("map filter callable sorted min max")
CHANCE_NAMES = words(
    """
    random time datetime uuid secrets os threading id hash urandom monotonic
    """
)
_SET_CONSUMERS = words("len sorted sum min max any all set frozenset isinstance")


class Plan:
    """How one test is judged.

    place: SHARED (one judge for all solutions), ALONE (its own judge, each time) or INSIDE (the solution's process).
    calls: names of the solution that the test calls.
    modules: names of modules that the test uses without importing them: the solution must have.
    builtins: built-in names that may be the solution's, because the test calls no other name of it. A solution that
        redefines a built-in beside the function asked for does not change what the test means by it.
    absent: names that the test uses in a way that only works inside the solution's process, should the solution have
        them; where it does not, the test raises NameError in any process.
    returns_arguments: whether the test looks at its arguments after the call.
    leaves_nothing: whether a judge that ran it may go on to other tasks: SHARED, and next to nothing but calls and
        comparisons of what calls gave and of literals; no functions, and attributes of modules only.
    chance: whether two runs of the test on the same solution may differ.
    """

    def __init__(self, tree):
        self.place = SHARED
        self._imported = set()
        nodes = syntax.walk(tree)
        self._parents = syntax.parents(nodes)
        self._stored, self._functions = _bindings(nodes)
        self.calls, self.modules, self.builtins, self.absent = set(), set(), set(), set()
        self.returns_arguments = False
        self.chance = False
        kinds = set(map(type, nodes))
        if ast.Import in kinds or ast.ImportFrom in kinds:
            for node in nodes:
                if isinstance(node, ast.Import | ast.ImportFrom):
                    self._import(node)
        if not kinds <= _SHARED_NODES:
            self._at_least(ALONE)
        for node in nodes:
            self._visit(node)
        self.calls -= self.absent
        if self.calls or self.absent:
            self.builtins = set()
        elif self.builtins:
            self._at_least(ALONE)
        traceless = kinds <= _TRACELESS_NODES and all(
            self._is_module(node.value) for node in nodes if type(node) is ast.Attribute
        )
        self.leaves_nothing = self.place == SHARED and traceless

    def needs(self):
        """What the judge must know: (calls, modules, builtins, absent, returns_arguments)."""
        return self.calls, self.modules, self.builtins, self.absent, self.returns_arguments

    def _at_least(self, place):
        if place == INSIDE or self.place == SHARED:
            self.place = place

    def _import(self, node):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        for name in names:
            root = name.split(".")[0]
            if getattr(node, "level", 0):
                pass  # a relative import fails in any process
            elif root not in _PURE_MODULES:
                self._at_least(INSIDE if exists(root) else SHARED)
            elif name not in _SHARED_MODULES:
                self._at_least(ALONE)
        for alias in node.names:
            if alias.name == "*":
                self._at_least(ALONE)
            self._imported.add(alias.asname or alias.name.split(".")[0])

    def _visit(self, node):
        kind = type(node)
        if kind is ast.Name:
            self._name(node)
        elif kind is ast.Attribute:
            self._attribute(node)
        elif kind is ast.Compare:
            self._compare(node)
        elif kind is ast.FunctionDef and node.decorator_list:
            self._at_least(ALONE)
        elif kind in (ast.Set, ast.SetComp) and not self._order_free(node):
            self.chance = True

    def _name(self, node):
        name = node.id
        if name in CHANCE_NAMES:
            self.chance = True
        if name in _INSIDE_BUILTINS:
            self._at_least(INSIDE)
        if not isinstance(node.ctx, ast.Load) or name in self._stored or name in self._imported:
            if name.startswith("__"):
                self._at_least(INSIDE)
            return
        parent = self._parents.get(node)
        if isinstance(parent, ast.Attribute) and name in _PURE_MODULES:
            self.modules.add(name)
            if name not in _SHARED_MODULES:
                self._at_least(ALONE)
        elif hasattr(builtins, name):
            self.builtins.add(name)
            if name not in _SHARED_BUILTINS:
                self._at_least(ALONE)
            if name in ("set", "frozenset") and isinstance(parent, ast.Call) and not self._order_free(parent):
                self.chance = True
        elif isinstance(parent, ast.Call) and parent.func is node:
            self.calls.add(name)
            self._call(parent)
        elif self._callee(node) in self._functions:
            self.calls.add(name)  # handed to a function of the test, as in HumanEval's check(candidate)
            self.returns_arguments = True
        elif self._callee(node) in _CALLERS:
            self.calls.add(name)
        else:
            self.absent.add(name)

    def _callee(self, node):
        """The name of the function that a node is an argument of; None where there is no such name."""
        parent = self._parents.get(node)
        if isinstance(parent, ast.keyword):
            parent = self._parents.get(parent)
        if isinstance(parent, ast.Call) and parent.func is not node and isinstance(parent.func, ast.Name):
            return parent.func.id
        return None

    def _call(self, call):
        for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
            for part in ast.walk(argument):
                is_function = isinstance(part, ast.Lambda) or getattr(part, "id", None) in self._functions
                if is_function and not self._is_key(part):
                    self._at_least(INSIDE)  # a function cannot travel
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and part.id in self._stored:
                    self.returns_arguments = True

    def _is_key(self, node):
        """Whether a function is called, or consumed by a built-in such as sorted(..., key=), before the call."""
        parent = self._parents.get(node)
        called = isinstance(parent, ast.Call) and parent.func is node
        return called or self._callee(node) in _SHARED_BUILTINS

    def _attribute(self, node):
        base = node.value
        if not isinstance(node.ctx, ast.Load):
            self._at_least(INSIDE)
        elif self._is_free(base):
            pass  # then the name is one of `absent`
        elif node.attr.startswith("_") or not (node.attr in DATA_ATTRIBUTES or self._is_module(base)):
            self._at_least(INSIDE)
        elif node.attr in ("format", "format_map"):
            self._at_least(ALONE)  # a format string reads attributes

    def _is_module(self, node):
        if not isinstance(node, ast.Name):
            return False
        return node.id in self._imported or (node.id in _PURE_MODULES and node.id not in self._stored)

    def _is_free(self, node):
        """Whether a node is a name that is neither the test's nor a built-in: the solution's, or nobody's."""
        if not isinstance(node, ast.Name) or node.id in self._stored or node.id in self._imported:
            return False
        return not hasattr(builtins, node.id) and node.id not in _PURE_MODULES

    def _compare(self, node):
        for operator, right in zip(node.ops, node.comparators):
            if isinstance(operator, ast.Is | ast.IsNot) and not isinstance(right, ast.Constant):
                self._at_least(INSIDE)  # identity does not travel

    def _order_free(self, node):
        """Whether nobody sees in which order a set gives its items."""
        parent = self._parents.get(node)
        if isinstance(parent, ast.Compare):
            return True
        if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name):
            return parent.func.id in _SET_CONSUMERS
        return False


@functools.cache
def exists(module):
    """Whether an import would find anything; where not, it fails alike in any process."""
    return module in sys.modules or importlib.util.find_spec(module) is not None


def _bindings(nodes):
    """Names that the test binds itself, and those of them that are functions or classes."""
    stored, functions = set(), set()
    for node in nodes:
        kind = type(node)
        if kind is ast.Name:
            if type(node.ctx) is not ast.Load:
                stored.add(node.id)
        elif kind is ast.arg:
            stored.add(node.arg)
        elif kind is ast.ExceptHandler:
            stored.add(node.name)
        elif kind in (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef):
            stored.add(node.name)
            functions.add(node.name)
    return stored, functions
