"""HumanEval+ v0.1.10 and MBPP+ v0.2.0 (arXiv 2305.01210), read from local copies of the published files.

The oracle is the reference solution, run on the same inputs in the same jail. JSON knows no tuples, sets and complex
numbers: an input of MBPP+ takes the types of the argument at its place in the problem's own asserts, which is what
upstream's table of types comes to (evalplus/data/mbpp.py, `mbpp_deserialize_inputs`) but for the functions named below.
"""

from __future__ import annotations

import ast
import gzip
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from codedpo.benchmarks.problem import InputSet, Problem
from codedpo.benchmarks.prompts import humaneval_prompts, mbpp_prompts
from codedpo.benchmarks.rules import Rule, rule_of
from codedpo.code.syntax import syntax_tree
from codedpo.errors import RecordError

VERSION = 1
"""Raised whenever the same rows would be read otherwise."""
_NUMBERS_AS_TEXTS: dict[str, tuple[type, ...]] = {"angle_complex": (float, complex), "convert": (complex,)}
_LEFT_AS_LISTS = frozenset({"multiply_num", "sort_sublists", "extract_singly", "max_Abs_Diff"})
"""Given lists upstream although their asserts give tuples."""
_TUPLES_THROUGHOUT = frozenset({"extract_even", "remove_nested"})
"""Given tuples upstream at any depth, deeper than their asserts reach."""
_CONTAINERS = (list, tuple, set)
_HOLDING = (list, tuple, set, dict)


@dataclass(frozen=True)
class HumanEvalPlus:
    """HumanEval with the base and the plus inputs: 164 problems, 122,683 plus inputs."""

    name: str = "humaneval_plus"
    path: str = ""
    """HumanEvalPlus-v0.1.10.jsonl.gz; empty means the file that HUMANEVAL_OVERRIDE_PATH names, as for evalplus."""
    compatible: bool = False
    """Judge as evalplus 0.3.1 does, where no program can pass HumanEval/32."""

    def problems(self) -> Sequence[Problem]:
        """All problems, in their published order.

        Raises:
            RecordError: no file is named, or it is not HumanEval+'s.
        """
        path = _file(self.name, self.path, "HUMANEVAL_OVERRIDE_PATH", "HumanEvalPlus-v0.1.10.jsonl.gz")
        return _read(path, "HumanEval+", self._problem)

    def _problem(self, row: dict[str, Any]) -> Problem:
        rule = rule_of(row["entry_point"], row["atol"], compatible=self.compatible)
        return Problem(
            id=row["task_id"],
            prompt=row["prompt"],
            entry_point=row["entry_point"],
            reference=row["prompt"] + row["canonical_solution"],
            inputs=_input_sets(row, rule, list),
            prompts=humaneval_prompts(row["prompt"]),
        )


@dataclass(frozen=True)
class MbppPlus:
    """MBPP with the base and the plus inputs: 378 problems, 39,841 plus inputs."""

    name: str = "mbpp_plus"
    path: str = ""
    """MbppPlus-v0.2.0.jsonl.gz; empty means the file that MBPP_OVERRIDE_PATH names, as for evalplus."""

    def problems(self) -> Sequence[Problem]:
        """All problems, in their published order.

        Raises:
            RecordError: no file is named, or it is not MBPP+'s.
        """
        path = _file(self.name, self.path, "MBPP_OVERRIDE_PATH", "MbppPlus-v0.2.0.jsonl.gz")
        return _read(path, "MBPP+", _mbpp_problem)


def _file(name: str, path: str, variable: str, published: str) -> Path:
    named = path or os.environ.get(variable, "")
    if not Path(named).is_file():
        raise RecordError(
            f"{name}: '{named}' is no file: name {published} in benchmarks.{name}.path, or in the variable {variable}"
        )
    return Path(named)


def _read(path: Path, what: str, problem: Callable[[dict[str, Any]], Problem]) -> list[Problem]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        try:
            return [
                replace(problem(json.loads(line)), row=hashlib.sha256(f"{VERSION}{line}".encode()).hexdigest())
                for line in file
                if line.strip()
            ]
        except (ValueError, TypeError, KeyError, SyntaxError, OSError) as error:
            raise RecordError(f"{path}: not {what}'s published file: {error!r}") from error


def _input_sets(row: dict[str, Any], rule: Rule, typed: Callable[[list[Any]], Iterable[Any]]) -> tuple[InputSet, ...]:
    """The base and the plus inputs, each with its types."""
    return tuple(
        InputSet(name, tuple(tuple(typed(arguments)) for arguments in row[f"{name}_input"]), rule)
        for name in ("base", "plus")
    )


def _mbpp_problem(row: dict[str, Any]) -> Problem:
    name = str(row["entry_point"])
    asserts = syntax_tree(row["assertion"])
    examples = _example_inputs(asserts, name)
    kinds = _NUMBERS_AS_TEXTS.get(name)

    def typed(arguments: list[Any]) -> list[Any]:
        if kinds:
            return [kind(value) for kind, value in zip(kinds, arguments, strict=True)]
        if name in _TUPLES_THROUGHOUT:
            return [_as_tuples(value) for value in arguments]
        return arguments if name in _LEFT_AS_LISTS else _shaped(arguments, examples)

    return Problem(
        id=row["task_id"],
        prompt=row["prompt"],
        entry_point=name,
        reference=row["canonical_solution"],
        inputs=_input_sets(row, rule_of(name, row["atol"]), typed),
        prompts=mbpp_prompts(row["prompt"]),
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


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, cast(list[Any], value))) if isinstance(value, list) else value


def _shaped(inputs: list[Any], examples: list[Any]) -> list[Any]:
    """The inputs with the types of the examples at their places."""
    padded = [*examples, *([None] * len(inputs))]
    return [_with_type_of(value, example) for value, example in zip(inputs, padded, strict=False)]


def _with_type_of(value: Any, example: Any) -> Any:
    """A JSON list as the kind of container that the example is there; deeper than the example reaches, as a list."""
    if isinstance(value, dict) and isinstance(example, dict):
        inner = next(iter(cast(dict[Any, Any], example).values()), None)
        return {key: _with_type_of(item, inner) for key, item in cast(dict[str, Any], value).items()}
    if not isinstance(value, list) or not isinstance(example, _CONTAINERS):
        return cast(Any, value)
    kind = cast("type[list[Any]] | type[tuple[Any, ...]] | type[set[Any]]", type(cast(Any, example)))
    return kind(_with_type_of(*pair) for pair in _matched(cast(list[Any], value), list(cast(list[Any], example))))


def _matched(items: list[Any], examples: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Each item with the example at its place, or, where that holds nothing, with the first that holds something."""
    holding: Any = next((example for example in examples if isinstance(cast(object, example), _HOLDING)), None)
    for place, item in enumerate(items):
        own = examples[place] if place < len(examples) else None
        yield item, own if isinstance(own, _HOLDING) else holding
