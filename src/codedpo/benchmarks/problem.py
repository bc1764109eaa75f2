"""One problem of a benchmark: what a model is asked, and what its program is judged by."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from codedpo.benchmarks.rules import Rule
from codedpo.code.extract import extract_program, parse
from codedpo.code.sanitize import sanitize
from codedpo.llms import Request, Sampling
from codedpo.prompting import TextPrompt, solution_prompt
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
    expected: tuple[Any, ...] | None = field(default=None, repr=False)
    """What each call must give; None: what the reference gives."""
    seconds: float = 0.0
    """Processor time that each call may take, or more where the reference's own time here says so."""
    may_exceed: bool = False
    """A program that takes too much time or memory here still passes, and is not judged by any further set."""


@dataclass(frozen=True)
class Prompts:
    """What a benchmark's own evaluator asks."""

    chat: str
    """To a chat model."""
    text: TextPrompt
    """To a base model."""
    begun: TextPrompt | None = None
    """How a chat model's answer begins."""
    stop: tuple[str, ...] = ()
    """Where every answer ends."""
    system: str = ""
    """What a chat model is told before; empty: nothing."""


@dataclass(frozen=True)
class Environment:
    """What programs are judged in, where a benchmark needs packages, data or time; fields of `SandboxSettings`."""

    python: str
    preload: tuple[str, ...]
    readable: tuple[str, ...]
    cpu_seconds: float
    wall_factor: float
    memory_mb: int


@dataclass(frozen=True)
class Problem:
    """What a model is asked, and how its program is judged: by statements, by inputs, or by both."""

    id: str
    prompt: str
    """A module that ends in the function's signature and docstring."""
    entry_point: str
    """The name that a program must define; empty: the program is a script, called with texts as its standard input."""
    reference: str
    """A whole program that must pass; empty where none is published."""
    test: str = ""
    """Statements that run after the program and raise unless it is right; empty where there are none."""
    inputs: tuple[InputSet, ...] = ()
    function: str = ""
    """An expression that gives what is called with the inputs, such as `Solution().f`; empty: the entry point."""
    prompts: Prompts | None = None
    """The benchmark's own; None: there are none, and the pipeline's are used."""
    text: str = field(default="", repr=False)
    """The task in words, where the prompt's docstring does not say it."""
    prelude: str = field(default="", repr=False)
    """Statements that run before every program, as in the benchmark's own evaluator, in place of the prompt's."""
    as_text: str = ""
    """The name under which `test` finds the program as a text, which it then runs itself; empty: the program runs
    before it. Such a program is no function: the benchmark's own prompts alone can ask for it."""
    find: Callable[[str, bool], str | None] | None = field(default=None, repr=False, compare=False)
    """Finds the program in an answer, see `extract`; None: as for functions."""
    environment: Environment | None = None
    """None: what the configuration names."""
    groups: tuple[str, ...] = ()
    """Names of what it is scored with, beside all problems, such as a library."""
    efficiency: Literal["", "eff", "beyond", "net"] = ""
    """What the benchmark makes of run times: ENAMEL's eff@k, Mercury's Beyond, EffiBench's NET; empty: nothing."""
    solutions: tuple[str, ...] = field(default=(), repr=False)
    """Whole programs whose run times a program's is compared with; empty: the reference."""
    row: str = field(default="", repr=False)
    """Hash of the published row that it was read from; empty: of what it holds."""

    @property
    def called(self) -> str:
        """The expression that gives what is called with the inputs; empty: the program is run itself."""
        return self.function or self.entry_point

    @property
    def hash(self) -> str:
        """Stands for all that decides verdicts, the way of reading it included."""
        own = (
            self.id,
            self.prompt,
            self.entry_point,
            self.reference,
            self.test,
            self.function,
            self.prelude,
            self.as_text,
            self.environment,
        )  # `prompts` decides no verdict
        rules = [
            (inputs.name, inputs.rule, len(inputs.arguments), inputs.seconds, inputs.may_exceed)
            for inputs in self.inputs
        ]
        content = self.row or repr([_ordered([inputs.arguments, inputs.expected]) for inputs in self.inputs])
        return hashlib.sha256(repr([own, rules, content]).encode()).hexdigest()[:24]

    def runnable(self, program: str) -> str:
        """A whole program as it is run: after the prelude, or as the text that `test` runs."""
        return f"{self.as_text} = {program!r}\n" if self.as_text else self.prelude + program

    def request(self, sampling: Sampling, seed: int, n: int, *, published: bool = True) -> Request:
        """What a model is asked.

        Args:
            published: with the benchmark's own prompts; else as the pipeline asks for solutions of its tasks.
        """
        prompts = self.prompts
        if prompts is None or not (published or self.as_text):
            text = self.text or "Complete the function below; its docstring says what it does."
            return Request(solution_prompt(text, self.prompt.strip()), sampling, seed, n)
        sampling = replace(sampling, stop=prompts.stop)
        told = (Message(role="system", content=prompts.system),) if prompts.system else ()
        chat = (*told, Message(role="user", content=prompts.chat))
        return Request(chat, sampling, seed, n, begun=prompts.begun, text=prompts.text)

    def extract(self, answer: str, *, published: bool = False) -> str | None:
        """The whole program that an answer gives, or None.

        Args:
            published: as the benchmark's own evaluator finds it, with its faults; else the last block that defines the
                entry point, and what the prompt gives before it.
        """
        if self.find:
            return self.find(answer, published)
        if published:
            return sanitize(answer, self.entry_point) or None
        found = extract_program(answer, self.entry_point)
        return self.program(found) if found else None

    def program(self, extracted: str) -> str:
        """The extracted program with what comes before it: imports and helpers."""
        if self.prelude:
            return extracted
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
