"""A prompt of this project, a seed and a choice's index in; the completion that a middling model might give out.

Deterministic. Tasks come from 324 families (a filter, a change and a result) with four numbers each, which the
function's name carries, so that solutions and tests fit their task. Solutions are right, slow or wrong in one place,
tests state the true value or that of a wrong solution; a share is prose, cut short or broken. Only programs made here
are ever run here.
"""

from __future__ import annotations

import functools
import hashlib
import random
import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One step of a task: its words, its Python, and Python that is nearly right."""

    name: str
    words: str
    right: str
    wrong: tuple[str, ...]
    empty: str = "[]"
    """What it gives for an empty list; for results only."""


FILTERS = (
    Step("above", "greater than {a}", "x > {a}", ("x >= {a}", "x > {a} + 1")),
    Step(
        "rest",
        "whose remainder on division by {d} is not {r}",
        "x % {d} != {r}",
        ("x % {d} == {r}", "abs(x) % {d} != {r}"),
    ),
    Step(
        "far", "that differ from {a} by at least {d}", "abs(x - {a}) >= {d}", ("abs(x - {a}) > {d}", "x - {a} >= {d}")
    ),
    Step(
        "between", "that lie from -{d} to {a}, both included", "-{d} <= x <= {a}", ("-{d} < x < {a}", "{d} <= x <= {a}")
    ),
    Step(
        "placed",
        "smaller than {a} whose position, counted from 0, is not a multiple of {d}",
        "x < {a} and i % {d} != 0",
        ("x < {a} and (i + 1) % {d} != 0", "x < {a}"),
    ),
    Step(
        "evenor", "that are even or greater than {a}", "x % 2 == 0 or x > {a}", ("x % 2 == 0 and x > {a}", "x % 2 == 0")
    ),
)
CHANGES = (
    Step("scaled", "multiply each by {m} and add {c}", "x * {m} + {c}", ("(x + {c}) * {m}", "x * {m}")),
    Step(
        "squared",
        "replace each by its square minus {c} times {m}",
        "x * x - {c} * {m}",
        ("x * x - {c}", "x * 2 - {c} * {m}"),
    ),
    Step(
        "wrapped",
        "replace each by its remainder on division by {m}, plus {c}",
        "x % {m} + {c}",
        ("(x + {c}) % {m}", "x // {m} + {c}"),
    ),
    Step(
        "apart",
        "replace each by {m} times its distance from {c}",
        "abs(x - {c}) * {m}",
        ("(x - {c}) * {m}", "abs(x) - {c} * {m}"),
    ),
    Step(
        "limited",
        "limit each to at most {c} and at least -{m}",
        "max(-{m}, min({c}, x))",
        ("min({c}, x)", "max(-{c}, min({m}, x))"),
    ),
    Step(
        "ranked",
        "subtract {c} from each and multiply it by {m} plus its position among the kept ones, counted from 1",
        "(x - {c}) * ({m} + j)",
        ("(x - {c}) * ({m} + j - 1)", "x - {c} * ({m} + j)"),
    ),
)
RESULTS = (
    Step("list", "the values in their order", "values", ("values[1:]",)),
    Step("falling", "the values from the largest to the smallest", "sorted(values, reverse=True)", ("sorted(values)",)),
    Step(
        "totals",
        "the running totals of the values",
        "[sum(values[:k + 1]) for k in range(len(values))]",
        ("[sum(values[:k]) for k in range(len(values))]",),
    ),
    Step("turned", "the values in reverse order", "values[::-1]", ("values[:-1][::-1]",)),
    Step(
        "distinct",
        "the different values in the order of their first appearance",
        "list(dict.fromkeys(values))",
        ("sorted(set(values))",),
    ),
    Step(
        "rises",
        "the differences between each value and the one before it",
        "[q - p for p, q in zip(values, values[1:])]",
        ("[p - q for p, q in zip(values, values[1:])]",),
    ),
    Step("sum", "the sum of the values", "sum(values)", ("sum(values[:-1])",), "0"),
    Step("kinds", "how many different values there are", "len(set(values))", ("len(values)",), "0"),
    Step(
        "best",
        "the largest value, or {m} if none is left",
        "max(values, default={m})",
        ("max(values)", "max(values + [{m}])"),
        "{m}",
    ),
)
GENERATOR = """```python
import random


def make_input(size: int, seed: int) -> tuple:
    rng = random.Random(seed)
    return ([rng.randint(-500, 500) for _ in range(size)],)
```"""
_NAME = re.compile(r"\b([a-z]+)_([a-z]+)_([a-z]+)_(\d+)_(\d+)_(\d+)_(\d+)\b")


@dataclass(frozen=True)
class Shares:
    """How often an answer is not what was asked for, 0 to 1."""

    prose: float = 0.03
    cut: float = 0.02
    broken: float = 0.03
    hanging: float = 0.001
    """Solutions that never end."""


@dataclass(frozen=True)
class Answer:
    """One completion."""

    text: str
    finish_reason: str


@dataclass(frozen=True)
class Family:
    """A task with its numbers."""

    steps: tuple[Step, Step, Step]
    a: int
    d: int
    m: int
    c: int

    @property
    def name(self) -> str:
        return "_".join([*(step.name for step in self.steps), *map(str, (self.a, self.d, self.m, self.c))])

    @property
    def returns(self) -> str:
        return "int" if self.steps[2].empty != "[]" else "list[int]"

    def fill(self, text: str) -> str:
        return text.format(a=self.a, d=self.d, m=self.m, c=self.c, r=self.a % self.d)

    @property
    def text(self) -> str:
        kept, change, result = self.steps
        return self.fill(
            f"Given a list of integers, first keep only those {kept.words}. Then {change.words}. "
            f"Return {result.words}. An empty list gives {result.empty}."
        )


def answer(messages: list[dict[str, str]], seed: int, index: int, *, shares: Shares, length: float = 1.0) -> Answer:
    """The completion of a chat.

    Args:
        length: factor on the length of solutions, reached by comments.
    """
    asked = messages[-1]["content"]
    key = "\0".join(message["content"] for message in messages)
    draw = random.Random(hashlib.blake2b(f"{seed}:{index}:{key}".encode(errors="replace"), digest_size=8).digest())
    head = messages[0]["content"]
    if asked.startswith("Concepts:"):
        text = _task(draw)
    elif "clear or vague" in head:
        text = "vague" if draw.random() < 0.05 else "clear"
    elif (family := _family(asked)) is None:
        text = _concepts(draw)
    elif "make_input" in head:
        text = GENERATOR
    elif "assert" in head and "Do not implement" in head + asked:
        text = _tests(family, draw, int((re.search(r"(\d+) assert statements", asked) or ["", "5"])[1]))
    else:
        text = _solution(family, draw, shares, length)
    return _spoil(text, draw, shares)


def _spoil(text: str, draw: random.Random, shares: Shares) -> Answer:
    chance = draw.random()
    if chance < shares.prose:
        return Answer("I am not sure what is wanted here. Could you give an example of the input first?", "stop")
    if chance < shares.prose + shares.cut:
        return Answer(text[: max(1, int(len(text) * draw.uniform(0.2, 0.9)))], "length")
    if chance < shares.prose + shares.cut + shares.broken:
        place = draw.randrange(len(text))
        return Answer(text[:place] + draw.choice(("(", '"', ":\n", "]]")) + text[place:], "stop")
    return Answer(text, "stop")


def _concepts(draw: random.Random) -> str:
    chosen = [draw.choice(steps).words.split("{")[0].strip() for steps in (FILTERS, CHANGES, RESULTS)]
    kept, change, result = chosen
    return f"keeping numbers {kept} a bound; {change} a constant; {result}"


def _task(draw: random.Random) -> str:
    steps = (draw.choice(FILTERS), draw.choice(CHANGES), draw.choice(RESULTS))
    family = Family(steps, draw.randrange(3, 500), draw.randrange(3, 60), draw.randrange(2, 60), draw.randrange(1, 500))
    numbers = _numbers(family, draw, 4)
    example = f"{family.name}({numbers}) == {value(family, numbers)}"
    header = f"def {family.name}(numbers: list[int]) -> {family.returns}:"
    return f"TASK: {family.text}\nSIGNATURE: {header}\nEXAMPLE: {example}"


def _family(asked: str) -> Family | None:
    found = _NAME.findall(asked)
    if not found:
        return None
    kept, change, result, *numbers = found[-1]
    steps = [
        next((step for step in choices if step.name == name), None)
        for choices, name in zip((FILTERS, CHANGES, RESULTS), (kept, change, result), strict=True)
    ]
    if steps[0] is None or steps[1] is None or steps[2] is None:
        return None
    return Family((steps[0], steps[1], steps[2]), *map(int, numbers))


def _skill(family: Family, what: str) -> float:
    """How well this task is solved, 0 to 1: tasks differ."""
    return int.from_bytes(hashlib.blake2b(f"{what}{family.name}".encode(), digest_size=4).digest()) / 2**32


def _expressions(family: Family, draw: random.Random, *, right: bool) -> list[str]:
    """The three steps in Python, one of them nearly right where `right` is False."""
    at = 3 if right else draw.randrange(3)
    return [
        family.fill(draw.choice(step.wrong) if place == at else step.right) for place, step in enumerate(family.steps)
    ]


def _program(family: Family, expressions: list[str], style: int, lines: int = 0) -> str:
    keep, change, result = expressions
    header = f"def {family.name}(numbers: list[int]) -> {family.returns}:"
    notes = "".join(
        f"    # Step {k + 1}: look at each number in turn and decide what becomes of it.\n" for k in range(lines)
    )
    bodies = (
        f"    kept = [x for i, x in enumerate(numbers) if {keep}]\n"
        f"    values = [{change} for j, x in enumerate(kept, 1)]\n    return {result}",
        f"    values = []\n    j = 0\n    for i, x in enumerate(numbers):\n        if not ({keep}):\n"
        f"            continue\n        j += 1\n        values.append({change})\n    return {result}",
        f"    values = []\n    for j in range(1, len([x for i, x in enumerate(numbers) if {keep}]) + 1):\n"
        f"        x = [x for i, x in enumerate(numbers) if {keep}][j - 1]\n        values.append({change})\n"
        f"    return {result}",
        f"    if not numbers:\n        return {family.fill(family.steps[2].empty)}\n    values = []\n"
        f"    for x in [x for i, x in enumerate(numbers) if {keep}]:\n        j = len(values) + 1\n"
        f"        values = values + [{change}]\n    return {result}",
        "    values = []\n    while len(numbers) >= 0:\n        values.append(len(numbers))\n        del values[:]\n"
        "    return values",
    )
    return f"{header}\n{notes}{bodies[style]}"


def _solution(family: Family, draw: random.Random, shares: Shares, length: float) -> str:
    right = draw.random() < 0.15 + 0.8 * _skill(family, "solution")
    style = 4 if draw.random() < shares.hanging else draw.choice((0, 0, 1, 1, 2, 3))
    lines = int(max(0.0, length - 1) * 6 * draw.uniform(0.5, 1.5))
    code = _program(family, _expressions(family, draw, right=right), style, lines)
    shape = draw.random()
    if shape < 0.1:
        return code
    text = f"```python\n{code}\n```"
    return f"Here is the function.\n\n{text}\n\nIt looks at each number once." if shape > 0.8 else text


def _tests(family: Family, draw: random.Random, count: int) -> str:
    sure = 0.65 + 0.35 * _skill(family, "test")
    lines: list[str] = []
    for number in range(count):
        size = (3, 5, 0, 1, 8)[number % 5] if draw.random() < 0.9 else 60
        if size == 60 and family.returns == "int":
            start = draw.randrange(-50, 500)
            argument, numbers = f"list(range({start}, {start + 300}))", list(range(start, start + 300))
        else:
            numbers = _numbers(family, draw, size)
            argument = str(numbers)
        expected = value(family, numbers) if draw.random() < sure else _wrong_value(family, draw, numbers)
        lines.append(f"assert {family.name}({argument}) == {expected}")
    return "```python\n" + "\n".join(lines) + "\n```"


def _wrong_value(family: Family, draw: random.Random, numbers: list[int]) -> object:
    try:
        return _compiled(_program(family, _expressions(family, draw, right=False), 0), family.name)(numbers)
    except ValueError:  # the largest value of nothing
        return 0


def _numbers(family: Family, draw: random.Random, size: int) -> list[int]:
    """Numbers around the task's bounds, and those bounds."""
    near = (family.a, family.a + 1, -family.d, family.c, family.d)
    low, high = -family.d - 20, family.a + family.c + 20
    return [draw.choice(near) if draw.random() < 0.3 else draw.randrange(low, high) for _ in range(size)]


def value(family: Family, numbers: list[int]) -> object:
    """The true value of a task for an input."""
    return _compiled(_program(family, [family.fill(step.right) for step in family.steps], 0), family.name)(numbers)


@functools.lru_cache(maxsize=2048)
def _compiled(source: str, name: str) -> Callable[[list[int]], object]:
    """One of our own programs as a function."""
    names: dict[str, Callable[[list[int]], object]] = {}
    exec(source, names)
    return names[name]
