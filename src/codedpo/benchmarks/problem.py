"""One problem of a benchmark."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from codedpo.code.extract import parse
from codedpo.prompting import template
from codedpo.records import Message


@dataclass(frozen=True)
class Problem:
    """What a model is asked, and how its program is judged."""

    id: str
    prompt: str
    """A module that ends in the function's signature and docstring."""
    entry_point: str
    reference: str
    """A whole program that must pass."""
    test: str
    """Statements that run after the program and raise unless it is right."""

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
