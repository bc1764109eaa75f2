"""MBPP+ v0.2.0 (arXiv 2305.01210): 378 problems, read from a local copy of the published file.

The oracle is the reference solution, run on the same inputs in the same jail: equal results, floats within the
tolerance of numpy's allclose and of equal types. JSON knows no tuples, sets and complex numbers: an input takes the
types of the argument at its place in the problem's own asserts. A problem whose asserts compare `set(f(...))` is judged
so.
"""

from __future__ import annotations

import ast
import gzip
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from codedpo.benchmarks.problem import Problem
from codedpo.code.syntax import syntax_tree
from codedpo.errors import RecordError

_ENVIRONMENT = "MBPP_OVERRIDE_PATH"
_IS_NONE_TASKS = {"check_str", "text_match_three", "text_starta_endb"}
_ALSO_RIGHT = {
    "are_equivalent": "True",
    "sum_div": "found == 0",
    "surface_Area": (
        "abs(found - round(inputs[0] ** 2 + 2 * inputs[0] * ((inputs[0] / 2) ** 2 + inputs[1] ** 2) ** 0.5)) <= atol"
    ),
    "digit_distance_nums": (
        "found == (lambda a, b: sum(abs(int(x) - int(y)) for x, y in"
        " zip(a.zfill(max(len(a), len(b))), b.zfill(max(len(a), len(b))))))(str(inputs[0]), str(inputs[1]))"
    ),
}
"""Problems whose text allows more than the reference gives, as the published evaluator sees it."""
_NUMBERS_AS_TEXTS: dict[str, tuple[type, ...]] = {"angle_complex": (float, complex), "convert": (complex,)}
_CONTAINERS = (list, tuple, set)
_TEST = """
import copy as _copy, math as _math
_reference = {{}}
exec({reference!r}, _reference)
def _is_close(a, b, atol):
    if isinstance(b, (list, tuple)):
        return isinstance(a, (list, tuple)) and len(a) == len(b) and all(_is_close(x, y, atol) for x, y in zip(a, b))
    if isinstance(b, (int, float)) and isinstance(a, (int, float)):
        return a == b or (_math.isnan(a) and _math.isnan(b)) or abs(a - b) <= atol + 1e-07 * abs(b)
    return a == b
def _has_floats(x):
    return isinstance(x, float) or (isinstance(x, (list, tuple)) and bool(x) and all(isinstance(y, float) for y in x))
def _check(found, expected, inputs, atol):
    if {is_none}:
        return found == expected if isinstance(found, bool) else expected == (found is not None)
    if {as_sets}:
        return set(found) == set(expected)
    if found == expected or {also_right}:
        return True
    if not atol and not _has_floats(expected):
        return False
    return type(found) == type(expected) and _is_close(found, expected, atol or 1e-06)
for _inputs in eval({inputs!r}, {{'inf': _math.inf, 'nan': _math.nan}}):
    _expected = _reference[{name!r}](*_copy.deepcopy(_inputs))
    assert _check({name}(*_copy.deepcopy(_inputs)), {expected}, _inputs, {atol!r}), repr(_inputs)[:200]
"""


@dataclass(frozen=True)
class MbppPlus:
    """MBPP with the base and the plus inputs."""

    name: str = "mbppplus"
    path: str = ""
    """MbppPlus-v0.2.0.jsonl.gz; empty means the file that the variable MBPP_OVERRIDE_PATH names, as for evalplus."""

    def problems(self) -> Sequence[Problem]:
        """All problems, in their published order.

        Raises:
            RecordError: no file is named, or it is not MBPP+'s.
        """
        named = self.path or os.environ.get(_ENVIRONMENT, "")
        path = Path(named)
        if not path.is_file():
            raise RecordError(f"mbppplus: '{named}' is no file: name MbppPlus-v0.2.0.jsonl.gz in {_ENVIRONMENT}")
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8") as file:
            try:
                return [_problem(json.loads(line)) for line in file if line.strip()]
            except (ValueError, TypeError, KeyError, SyntaxError, OSError) as error:
                raise RecordError(f"{path}: not MBPP+'s published file: {error!r}") from error


def _problem(row: dict[str, Any]) -> Problem:
    name = str(row["entry_point"])
    asserts = syntax_tree(row["assertion"])
    examples = _example_inputs(asserts, name)
    given = [*row["base_input"], *row["plus_input"]]
    if kinds := _NUMBERS_AS_TEXTS.get(name):
        inputs = [[kind(value) for kind, value in zip(kinds, values, strict=True)] for values in given]
    else:
        inputs = [_shaped(values, examples) for values in given]
    test = _TEST.format(
        reference=row["canonical_solution"],
        name=name,
        inputs=repr(inputs),
        expected="_expected is not None" if name in _IS_NONE_TASKS else "_expected",
        atol=row["atol"],
        is_none=name in _IS_NONE_TASKS,
        as_sets=_compares_sets(asserts, name),
        also_right=_ALSO_RIGHT.get(name, "False"),
    )
    return Problem(
        id=row["task_id"], prompt=row["prompt"], entry_point=name, reference=row["canonical_solution"], test=test
    )


def _example_inputs(asserts: ast.Module, name: str) -> list[Any]:
    """The arguments of the first call whose arguments are all literals."""
    for node in ast.walk(asserts):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            try:
                return [ast.literal_eval(argument) for argument in node.args]
            except ValueError:
                continue
    return []


def _shaped(inputs: list[Any], examples: list[Any]) -> list[Any]:
    """The inputs with the types of the examples at their places."""
    padded = [*examples, *([None] * len(inputs))]
    return [_with_type_of(value, example, list) for value, example in zip(inputs, padded, strict=False)]


def _with_type_of(value: Any, example: Any, around: type) -> Any:
    """A JSON list as the kind of container that the example is there, else as what is around it."""
    if not isinstance(value, list):
        return value
    items = cast(list[Any], value)
    container = cast("list[Any] | tuple[Any, ...] | set[Any]", example if isinstance(example, _CONTAINERS) else [])
    kind: type = type(container) if isinstance(example, _CONTAINERS) else around
    inner = list(container) or [None]
    return kind([_with_type_of(item, inner[min(place, len(inner) - 1)], kind) for place, item in enumerate(items)])


def _compares_sets(asserts: ast.Module, name: str) -> bool:
    """Whether the asserts read `set(f(...)) == set(...)`."""
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "set"
        and any(isinstance(part, ast.Call) and getattr(part.func, "id", "") == name for part in node.args)
        for node in ast.walk(asserts)
    )
