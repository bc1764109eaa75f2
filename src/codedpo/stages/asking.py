"""What the stages that ask the LLM share: requests in, completions out, with progress; seeds; the benchmark index."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence

from codedpo.context import Context
from codedpo.decontaminate import Index, Match, load_index
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


@functools.cache
def benchmark_index() -> Index:
    """The index of all benchmarks, loaded once per process."""
    return load_index()


def drop_match(context: Context, what: str, id: str, match: Match, text: str) -> None:
    """Leave out what overlaps with a benchmark, naming the item."""
    context.drop(what, id, "in a benchmark", f"{match.benchmark} {match.item}: {match.how}: {text}")
