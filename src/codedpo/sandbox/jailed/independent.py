"""Which solutions may share a process: those that, by their syntax, can reach nothing but their own objects.

A solution is independent if every object that it can get hold of is its own, immutable, or a copy of an argument. The
rules, on the syntax tree, allow names and attributes from closed lists; what they do not know is not independent, and
gets a process of its own, which costs time and no verdict. In the spirit of RestrictedPython, but stricter, because
what is refused still runs. Resources are not the concern here: what hangs, crashes or fills the memory is run again
alone.
"""

import ast
import builtins

from plain import DATA_ATTRIBUTES
from syntax import words

_BUILTINS = words(
    """
    abs all any ascii bin bool bytearray bytes callable chr complex dict divmod enumerate filter float frozenset
    hash hex id int isinstance issubclass iter len list map max min next oct ord pow print range repr reversed round
    set slice sorted str sum tuple zip True False None Ellipsis NotImplemented object property staticmethod
    classmethod super
    """
) | frozenset(
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)
)
_MEMBERS = {
    "math": None,  # all of them: written in C, nothing but functions and numbers
    "cmath": None,
    "itertools": None,
    "bisect": ("bisect", "bisect_left", "bisect_right", "insort", "insort_left", "insort_right"),
    "heapq": ("heapify", "heappop", "heappush", "heappushpop", "heapreplace", "nlargest", "nsmallest", "merge"),
    "functools": ("reduce", "lru_cache", "cache", "cmp_to_key", "partial"),
    "collections": ("Counter", "OrderedDict", "defaultdict", "deque"),
    "string": words("ascii_letters ascii_lowercase ascii_uppercase digits punctuation hexdigits whitespace"),
    "re": words("findall finditer match fullmatch search split sub IGNORECASE I compile escape"),
    "copy": ("copy", "deepcopy"),
    "operator": ("itemgetter", "add", "sub", "mul", "or_", "and_", "xor", "mod", "floordiv", "truediv", "neg"),
    "typing": words(
        """
        Any Callable Dict Iterable Iterator List Optional Sequence Set Tuple Union FrozenSet Generator Mapping
        MutableSequence Deque DefaultDict Hashable
        """
    ),
    "__future__": ("annotations",),
}  # fmt: skip
_ATTRIBUTES = DATA_ATTRIBUTES | words(
    """
    appendleft popleft extendleft rotate maxlen most_common elements subtract total move_to_end default_factory
    group groups groupdict start end span findall finditer match fullmatch search sub args value
    """
)
_METHODS = words(
    """
    __init__ __repr__ __str__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __hash__ __len__ __iter__ __next__
    __getitem__ __setitem__ __contains__ __call__ __add__ __sub__ __mul__ __bool__
    """
)
_NODES = frozenset(
    {
        ast.Module, ast.Expr, ast.Assert, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.For, ast.While, ast.If,
        ast.Pass, ast.Break, ast.Continue, ast.Import, ast.ImportFrom, ast.alias, ast.FunctionDef, ast.ClassDef,
        ast.Return, ast.arguments, ast.arg, ast.Lambda, ast.Try, ast.ExceptHandler, ast.Raise, ast.Delete, ast.BoolOp,
        ast.NamedExpr,
        ast.BinOp, ast.UnaryOp, ast.IfExp, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
        ast.comprehension, ast.Compare, ast.Call, ast.keyword, ast.FormattedValue, ast.JoinedStr, ast.Constant,
        ast.Attribute, ast.Subscript, ast.Starred, ast.Name, ast.List, ast.Tuple, ast.Slice, ast.Yield, ast.YieldFrom,
        ast.Global, ast.Nonlocal,
    }
)  # fmt: skip


_WAYS_OUT = ("_", "gi_", "cr_", "ag_", "f_", "tb_", "co_", "func_")
"""How the attributes begin that lead from an object to frames, code and other internals."""
_FORBIDDEN = frozenset({"mro", "with_traceback", "format_map"})
_PLAIN_TYPING = frozenset({"List", "Dict", "Set", "Tuple", "Optional", "Any", "Union", "FrozenSet"})
_MEMBER_NAMES = frozenset(
    name
    for module, members in _MEMBERS.items()
    for name in (members or (name for name in dir(__import__(module)) if not name.startswith("_")))
)


def is_independent(nodes):
    """Whether a solution may share its process with others of the task.

    Args:
        nodes: its syntax tree's, see `syntax.walk`.
    """
    if not _NODES.issuperset(map(type, nodes)):
        return False
    found = _Found()
    return all(_VISITORS[type(node)](node, found) for node in nodes if type(node) in _VISITORS) and found.hold()


class _Found:
    """What the walk collects, to be held against each other at its end."""

    def __init__(self):
        self.modules, self.bound, self.own = set(), set(), set()
        self.module_bases, self.loads, self.attributes = set(), [], []
        self.stores, self.mutable_imports, self.typing = False, False, False

    def hold(self):
        if self.stores and (self.modules or self.mutable_imports):
            return False  # an attribute could be set on something imported, by whatever name
        if self.typing and self.own & {"__eq__", "__hash__"}:
            return False  # typing keeps what it is asked with, and compares it with what others ask with
        if self.modules & self.bound:
            return False
        for node in self.attributes:
            if type(node.value) is ast.Name and node.value.id in self.modules:
                self.module_bases.add(node.value)
                if node.attr not in _MEMBER_NAMES:
                    return False
            elif node.attr not in _ATTRIBUTES and node.attr not in self.own:
                return False
        return all(node.id not in self.modules or node in self.module_bases for node in self.loads)


def _is_safe_name(name):
    return name in _BUILTINS or name == "__name__" or not (name.startswith("__") or hasattr(builtins, name))


def _import(node, found):
    found.modules.update(alias.asname or alias.name for alias in node.names)
    found.typing |= any(alias.name == "typing" for alias in node.names)
    return all(alias.name in _MEMBERS for alias in node.names)


def _import_from(node, found):
    names = {alias.name for alias in node.names}
    found.bound.update(alias.asname or alias.name for alias in node.names)
    found.typing |= node.module == "typing"
    if node.module != "__future__" and not (node.module == "typing" and names <= _PLAIN_TYPING):
        found.mutable_imports = True
    if node.level or node.module not in _MEMBERS:
        return False
    members = _MEMBERS[node.module]
    return "*" not in names and (members is None or names.issubset(members))


def _definition(node, found):
    found.bound.add(node.name)
    found.own.add(node.name)
    return node.name in _METHODS or _is_safe_name(node.name)


def _argument(node, found):
    found.bound.add(node.arg)
    return _is_safe_name(node.arg)


def _handler(node, found):
    found.bound.add(node.name)
    return node.name is None or _is_safe_name(node.name)


def _name(node, found):
    if type(node.ctx) is ast.Load:
        found.loads.append(node)
    else:
        found.bound.add(node.id)
        found.own.add(node.id)
    return _is_safe_name(node.id)


def _attribute(node, found):
    found.attributes.append(node)
    if type(node.ctx) is not ast.Load:
        found.stores = True
        found.own.add(node.attr)
    if node.attr == "format":  # a format string can read attributes
        text = node.value.value if type(node.value) is ast.Constant else None
        return type(text) is str and "." not in text and "[" not in text
    return not node.attr.startswith(_WAYS_OUT) and node.attr not in _FORBIDDEN


_VISITORS = {
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.FunctionDef: _definition,
    ast.ClassDef: _definition,
    ast.arg: _argument,
    ast.ExceptHandler: _handler,
    ast.Name: _name,
    ast.Attribute: _attribute,
}
