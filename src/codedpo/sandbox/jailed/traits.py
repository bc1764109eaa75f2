"""What a solution can do, read off its syntax and byte code before anything runs.

Can one test's run leave something behind for the next, and can two runs differ by chance? Each answer errs on the
careful side: a wrong "careful" costs time, never a verdict.
"""

import ast
import functools
import importlib
import opcode

from plain import CHANCE_NAMES, exists
from syntax import words

_STATELESS_MODULES = words(
    """
    typing math cmath itertools functools collections heapq bisect string re operator copy fractions dataclasses abc
    numbers textwrap array struct base64 __future__ datetime json enum statistics time
    """
)
_STATELESS_MEMBERS = words("maxsize float_info version_info getsizeof maxunicode exit")  # of sys
_THREADS = words("threading _thread concurrent asyncio multiprocessing queue")
_STATEFUL_NAMES = words(
    """
    globals locals vars eval exec compile open setattr delattr getattr breakpoint help register
    """
)
_CLASS_NAMES = words(
    """
    __init__ __name__ __module__ __qualname__ __doc__ __annotations__ __repr__ __str__ __eq__ __ne__ __lt__ __le__
    __gt__ __ge__ __hash__ __len__ __iter__ __next__ __getitem__ __setitem__ __contains__ __call__ __add__ __sub__
    __mul__ __bool__ __post_init__ __slots__ __enter__ __exit__ __all__ __main__
    """
)
_ATTRIBUTE_STORES = ("STORE_ATTR", "DELETE_ATTR")
_SET_CODES = ("BUILD_SET", "SET_ADD", "SET_UPDATE")


class Traits:
    """What a solution can do, from its compiled code and the nodes of its syntax tree.

    stateful: a test's run may leave something in the process that a later test's run sees.
    chance: two runs may differ: random numbers, the clock, the order of a set.
    seeded: it may use Python's random numbers, so that they must start from the same seed.
    threads: it may start threads.
    """

    def __init__(self, code, nodes):
        names, operations = set(), set()
        _collect(code, names, operations)
        imports = _imports(nodes)
        private = any(name.startswith("__") and name not in _CLASS_NAMES for name in names)
        stores = bool(operations & _STORES and imports - {"typing", "__future__"})
        uses = any(_uses(module, names) for module in imports - _STATELESS_MODULES)
        self.stateful = private or stores or uses or bool(names & _STATEFUL_NAMES)
        self.chance = bool((names | imports) & CHANCE_NAMES or names & {"set", "frozenset"} or operations & _SETS)
        self.seeded = "random" in imports or "__import__" in names
        self.threads = not imports.isdisjoint(_THREADS) or (self.seeded and private)


@functools.cache
def _members(module):
    return frozenset(dir(importlib.import_module(module))) - _STATELESS_MEMBERS


def _uses(module, names):
    """Whether code with these names may use more of a module than its import; one that is not there is not used."""
    if not exists(module):
        return False
    return "*" in names or module not in _COMMON or bool(names & _members(module))


_COMMON = frozenset({"os", "sys", "random"})


def _opcodes(names):
    return frozenset(opcode.opmap[name] for name in names)


_STORES, _SETS = _opcodes(_ATTRIBUTE_STORES), _opcodes(_SET_CODES)


def _imports(nodes):
    """Root names of the modules that are imported."""
    found = set()
    for node in nodes:
        if type(node) is ast.Import:
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif type(node) is ast.ImportFrom and not node.level:
            found.add(node.module.split(".")[0])
    return found


def _collect(code, names, operations):
    names.update(code.co_names)
    operations.update(code.co_code[::2])
    for constant in code.co_consts:
        if hasattr(constant, "co_code"):
            _collect(constant, names, operations)
