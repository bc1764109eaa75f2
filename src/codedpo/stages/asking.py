"""What the stages that ask the LLM share: requests in, completions out; seeds of requests; overlap with benchmarks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from codedpo.context import Context
from codedpo.decontaminate import Match
from codedpo.llms import Completion, Request


def ask(context: Context, requests: Sequence[Request]) -> list[list[Completion]]:
    """Ask the run's LLM; counts answers and tokens as they come."""

    def count(_: int, completions: Sequence[Completion]) -> None:
        tokens = sum(completion.completion_tokens for completion in completions if not completion.cached)
        context.advance(answers=len(completions), tokens=tokens)

    return context.tools.llm().generate(requests, count)


def request_seed(run_seed: int, *parts: object) -> int:
    """The seed of a request: it follows from the run's seed and what is asked for."""
    text = ":".join(str(part) for part in (run_seed, *parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) >> 1


def overlap(context: Context, code: str, text: str = "", entry_point: str = "") -> Match | None:
    """The benchmark problem that a program or a text gives away; None too where decontamination is off."""
    index = context.tools.benchmarks()
    return None if index is None else index.matches(code, text, entry_point)


def drop_match(context: Context, what: str, id: str, match: Match, text: str) -> None:
    """Leave out what overlaps with a benchmark, naming the item."""
    context.drop(what, id, "in a benchmark", f"{match.benchmark} {match.item}: {match.how}: {text}")
