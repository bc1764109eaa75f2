"""One problem of a benchmark: what a model is asked, and what its program is judged by."""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass, field
from typing import Any, cast

from codedpo.benchmarks.rules import Rule
from codedpo.code.extract import parse
from codedpo.prompting import template
from codedpo.records import Message


@dataclass(frozen=True)
class InputSet:
    """Arguments on which a program must give what the reference gives."""

    name: str
    """Such as `base` or `plus`."""
    arguments: tuple[tuple[Any, ...], ...] = field(repr=False)
    """Of each call; plain built-in data."""
    rule: Rule = Rule()
    """What counts as the same."""


@dataclass(frozen=True)
class Problem:
    """What a model is asked, and how its program is judged: by statements, by inputs, or by both."""

    id: str
    prompt: str
    """A module that ends in the function's signature and docstring."""
    entry_point: str
    reference: str
    """A whole program that must pass."""
    test: str = ""
    """Statements that run after the program and raise unless it is right; empty where there are none."""
    inputs: tuple[InputSet, ...] = ()
    row: str = field(default="", repr=False)
    """Hash of the published row that it was read from; empty: of what it holds."""

    @property
    def hash(self) -> str:
        """Stands for all that decides verdicts, the way of reading it included."""
        own = (self.id, self.prompt, self.entry_point, self.reference, self.test)
        rules = [(inputs.name, inputs.rule, len(inputs.arguments)) for inputs in self.inputs]
        content = self.row or repr([_ordered(inputs.arguments) for inputs in self.inputs])
        return hashlib.sha256(repr([own, rules, content]).encode()).hexdigest()[:24]

    def messages(self) -> tuple[Message, ...]:
        """The chat that asks for a solution: the same template that tasks are asked with."""
        return template("solution").render(
            text="Complete the function below; its docstring says what it does.", signature=self.prompt.strip()
        )

    def program(self, extracted: str) -> str:
        """The extracted program with what the prompt gives before the function: imports and helpers."""
        tree = parse(f"{self.prompt}\n    pass\n")
        before = [] if tree is None else [node for node in tree.body if getattr(node, "name", "") != self.entry_point]
        return "\n".join([*(ast.unparse(node) for node in before), extracted])


def _ordered(value: Any) -> Any:
    """The same with the items of sets in an order that does not change from process to process."""
    if isinstance(value, set | frozenset):
        return ["set", *sorted(repr(_ordered(item)) for item in cast("set[Any]", value))]
    if isinstance(value, list | tuple):
        return [type(cast(Any, value)).__name__, *map(_ordered, cast("list[Any]", value))]
    if isinstance(value, dict):
        return [[_ordered(key), _ordered(item)] for key, item in cast("dict[Any, Any]", value).items()]
    return value
