"""Values that a program gave and those of the reference in, whether they count as the same out.

The rules are those of the reference evaluator of HumanEval+ and MBPP+ (evalplus 0.3.1, arXiv 2305.01210): equal, or
floats within numpy's `allclose` and of equal types, and a few oracles for problems that allow more than one answer; or
those of a benchmark's own asserts, which know no tolerance but the one that they state, and of LiveCodeBench (arXiv
2403.07974, lcb_runner/evaluation/testing_util.py): both in `COMPARISONS`.
Values are plain data; the programs' own code never runs here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

_RTOL = 1e-7
_FLOAT_ATOL = 1e-6
_MOST_ITEMS = 1_000_000


@dataclass(frozen=True)
class Rule:
    """What counts as the same for one problem."""

    atol: float = 0.0
    """Absolute tolerance; 0: values are equal, or, where the reference gives floats, within 1e-6."""
    as_sets: bool = False
    """The order and number of the items mean nothing."""
    is_none: bool = False
    """Only whether the value is None counts."""
    special: str = ""
    """A name in `SPECIAL`; empty: none."""
    compare: str = ""
    """A name in `COMPARISONS`, which then decides alone, with `atol` and `rtol`; empty: as the reference evaluator."""
    rtol: float = 0.0
    """Relative tolerance, of `isclose` alone."""

    @property
    def equal_is_same(self) -> bool:
        """Whether what equals the reference's value counts as the same without further ado."""
        return self.special not in _DECIDING

    def tolerances(self, n_calls: int, first_float: int | None) -> NDArray[np.float64]:
        """(n_calls,) absolute tolerance of each call, 0 where values must be equal.

        As in the reference evaluator, once one expected value was a float, the tolerance for floats holds for all
        calls after it.

        Args:
            first_float: index of the first call of which that is so (`is_floats`); None: of none.
        """
        found = np.full(n_calls, self.atol)
        if not (self.atol or self.is_none or first_float is None or self.compare):
            found[first_float:] = _FLOAT_ATOL
        return found

    def is_same(self, value: Any, wanted: Any, given: Sequence[Any], tolerance: float) -> bool:
        """Whether a value counts as the reference's.

        Args:
            given: the arguments of the call.
            tolerance: of the call, see `tolerances`.
        """
        try:
            return self._is_same(value, self.expected(wanted), given, tolerance)
        except Exception:  # what an odd or hostile value makes of a comparison is no pass
            return False

    def expected(self, value: Any) -> Any:
        """What a program's value is compared with, from what the reference gave."""
        return value is not None if self.is_none else value

    def _is_same(self, value: Any, wanted: Any, given: Sequence[Any], tolerance: float) -> bool:
        if self.compare:
            return COMPARISONS[self.compare](value, wanted, self)
        if self.special in _DECIDING:
            return SPECIAL[self.special](value, given, tolerance)
        if self.as_sets:
            return _made_into(set, value, set(wanted))
        if self.is_none:
            return bool(value == wanted if isinstance(value, bool) else wanted == (value is not None))
        if value == wanted or (self.special and SPECIAL[self.special](value, given, self.atol)):
            return True
        return tolerance != 0 and type(value) is type(wanted) and _is_close(value, wanted, tolerance)


def is_floats(value: Any) -> bool:
    """Whether an expected value is a float, or a list of nothing else."""
    if isinstance(value, list | tuple) and value:
        return all(isinstance(item, float) for item in cast("list[Any] | tuple[Any, ...]", value))
    return isinstance(value, float)


def _is_near(value: Any, wanted: Any, atol: float) -> bool:
    if not isinstance(wanted, list | tuple):
        return type(value) in (int, float) and bool(abs(value - wanted) < atol)
    items = cast("list[Any] | tuple[Any, ...]", wanted)
    pairs = zip(value, items, strict=True)
    return isinstance(value, type(items)) and all(_is_near(given, item, atol) for given, item in pairs)


def _is_close(value: Any, wanted: Any, atol: float) -> bool:
    if isinstance(wanted, list | tuple) and len(value) != len(cast("list[Any] | tuple[Any, ...]", wanted)):
        return False
    if not _is_numbers(value):
        return False
    return bool(np.allclose(value, cast(Any, wanted), rtol=_RTOL, atol=atol))


def _is_numbers(value: Any) -> bool:
    """Numbers, or lists of them at any depth: what numpy takes as it is."""
    if isinstance(value, list | tuple):
        return all(map(_is_numbers, cast("list[Any] | tuple[Any, ...]", value)))
    return isinstance(value, int | float | complex)


def _made_into(kind: Callable[[Any], Any], value: Any, wanted: Any) -> bool:
    """Whether what is made of the value equals what is wanted; a range may stand for more than fits into memory."""
    return not (isinstance(value, range) and len(value) > _MOST_ITEMS) and bool(kind(value) == wanted)


def _any_boolean(value: Any, given: Sequence[Any], atol: float) -> bool:
    """Mbpp/164, `are_equivalent`: the evaluator lets everything pass, since the problem can be read in several ways."""
    return True


def _zero(value: Any, given: Sequence[Any], atol: float) -> bool:
    """Mbpp/295, `sum_div`."""
    return bool(value == 0)


def _surface_from_height(value: Any, given: Sequence[Any], atol: float) -> bool:
    """Mbpp/581, `surface_Area`: the height is that of the pyramid, not of its sides."""
    base, height = given
    return bool(abs(value - round(base**2 + 2 * base * math.sqrt((base / 2) ** 2 + height**2))) <= atol)


def _digits_apart(value: Any, given: Sequence[Any], atol: float) -> bool:
    """Mbpp/558, `digit_distance_nums`: the digits of both numbers, the shorter one filled with zeros."""
    first, second = map(str, given)
    width = max(len(first), len(second))
    pairs = zip(first.zfill(width), second.zfill(width), strict=True)
    return bool(value == sum(abs(int(a) - int(b)) for a, b in pairs))


def _root(value: Any, given: Sequence[Any], atol: float) -> bool:
    """HumanEval/32, `find_zero`: any zero of the polynomial."""
    (coefficients,) = given
    total = sum(coefficient * math.pow(value, power) for power, coefficient in enumerate(coefficients))
    return abs(total) <= atol


def _never(value: Any, given: Sequence[Any], atol: float) -> bool:
    """HumanEval/32 in evalplus 0.3.0 and 0.3.1: a pass is not written down, so that no program ever passes."""
    return False


def _same_lines(value: Any, wanted: Any) -> bool:
    """LiveCodeBench, `grade_stdio`: line by line but for blanks at the ends, equal or equal as decimal numbers."""
    ours, theirs = _stripped_lines(value), _stripped_lines(wanted)
    return len(ours) == len(theirs) and all(a == b or _decimals(a) == _decimals(b) for a, b in zip(ours, theirs))


def _stripped_lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().split("\n")]


def _decimals(line: str) -> list[Decimal]:
    """The numbers of a line; raises InvalidOperation, and then lines are not the same, where it has others."""
    return [Decimal(part) for part in line.split()]


def _same_json(value: Any, wanted: Any) -> bool:
    """LiveCodeBench, `grade_call_based`: equal, floats too; a tuple, though none inside it, counts as a list."""
    return bool((list(cast("tuple[Any, ...]", value)) if isinstance(value, tuple) else value) == wanted)


COMPARISONS: dict[str, Callable[[Any, Any, Rule], bool]] = {
    "equal": lambda value, wanted, rule: bool(value == wanted),
    "is": lambda value, wanted, rule: type(value) is type(wanted) and bool(value == wanted),
    "truth": lambda value, wanted, rule: bool(value) == wanted,
    "nearer": lambda value, wanted, rule: abs(value - wanted) < rule.atol,
    "near": lambda value, wanted, rule: abs(value - wanted) <= rule.atol,
    "each nearer": lambda value, wanted, rule: _is_near(value, wanted, rule.atol),
    "isclose": lambda value, wanted, rule: math.isclose(value, wanted, rel_tol=rule.rtol, abs_tol=rule.atol),
    "set": lambda value, wanted, rule: _made_into(set, value, wanted),
    "tuple": lambda value, wanted, rule: _made_into(tuple, value, wanted),
    "list": lambda value, wanted, rule: _made_into(list, value, wanted),
    "sorted": lambda value, wanted, rule: _made_into(sorted, value, wanted),
    "lines": lambda value, wanted, rule: _same_lines(value, wanted),
    "JSON": lambda value, wanted, rule: _same_json(value, wanted),
}
"""What an assert asks, by how it is written: `==`, `is`, nothing, `abs(f(x) - v) < atol`, ..., `set(f(x)) == v`;
ENAMEL's numbers, or as many of them; LiveCodeBench's two: texts line by line, and values read from JSON."""
SPECIAL: dict[str, Callable[[Any, Sequence[Any], float], bool]] = {
    "are_equivalent": _any_boolean,
    "sum_div": _zero,
    "surface_Area": _surface_from_height,
    "digit_distance_nums": _digits_apart,
    "find_zero": _root,
    "find_zero, never passed": _never,
}
"""Upstream's special oracles (evalplus/eval/_special_oracle.py), by entry point: (value, arguments, atol) -> bool."""
_DECIDING = ("find_zero", "find_zero, never passed")
"""Those that decide alone; the others let pass more than is equal."""
AS_SETS = frozenset(
    {
        "similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly", "larg_nnum",
        "intersection_array", "find_dissimilar", "Diff",
    }
)  # fmt: skip
"""Entry points of MBPP+ whose values are compared as sets (MBPP_OUTPUT_SET_EQ_TASKS)."""
IS_NONE = frozenset({"check_str", "text_match_three", "text_starta_endb"})
"""Entry points of MBPP+ whose value only counts as None or not (MBPP_OUTPUT_NOT_NONE_TASKS)."""


def rule_of(entry_point: str, atol: float, *, compatible: bool = False) -> Rule:
    """The rule of a problem of HumanEval+ or MBPP+.

    Args:
        compatible: as evalplus 0.3.1 does it, with its fault in HumanEval/32.
    """
    special = entry_point if entry_point in SPECIAL else ""
    if compatible and entry_point == "find_zero":
        special = "find_zero, never passed"
    return Rule(float(atol), entry_point in AS_SETS, entry_point in IS_NONE, special)
