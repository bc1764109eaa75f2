"""Requests in, completions out, with progress: what the stages that ask the LLM share."""

from collections.abc import Sequence

from codedpo.context import Context
from codedpo.llms import Completion, Request


def ask(context: Context, requests: Sequence[Request]) -> list[list[Completion]]:
    """Ask the run's LLM; counts answers and tokens as they come."""

    def count(_: int, completions: Sequence[Completion]) -> None:
        tokens = sum(completion.completion_tokens for completion in completions if not completion.cached)
        context.advance(answers=len(completions), tokens=tokens)

    return context.tools.llm().generate(requests, count)
