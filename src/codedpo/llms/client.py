"""Requests in, answers of an OpenAI-compatible server out: bounded concurrency, retries in this one place."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import openai

from codedpo.errors import LLMError
from codedpo.llms import Completion, OnAnswer, Request

_RETRYABLE = (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError)
_MAX_WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class OpenAIClient:
    """A client of one model on one server."""

    base_url: str
    model: str
    weights: str = ""
    api_key: str = "none"
    concurrency: int = 32
    timeout_seconds: float = 600.0
    max_retries: int = 6
    retry_seconds: float = 1.0
    """Wait before the first retry; doubles each time, with jitter; a server's Retry-After goes first."""
    extended: bool = True
    """Send top_k and repetition_penalty too, which OpenAI's own API does not know."""
    tokenize_url: str = ""
    """llama.cpp reports the tokens of one choice only: where this is set, the others are counted there."""

    def generate(self, requests: Sequence[Request], on_answer: OnAnswer) -> list[list[Completion]]:
        try:
            return asyncio.run(self._generate(requests, on_answer))
        except BaseExceptionGroup as group:  # the first failure cancels the other requests
            raise group.exceptions[0] from group

    async def _generate(self, requests: Sequence[Request], on_answer: OnAnswer) -> list[list[Completion]]:
        slots = asyncio.Semaphore(self.concurrency)
        client = openai.AsyncOpenAI(
            base_url=self.base_url, api_key=self.api_key, timeout=self.timeout_seconds, max_retries=0
        )

        async def answer(index: int, request: Request) -> list[Completion]:
            async with slots:
                completions = await self._complete(client, request)
            on_answer(index, completions)
            return completions

        async with client, asyncio.TaskGroup() as group:
            tasks = [group.create_task(answer(index, request)) for index, request in enumerate(requests)]
        return [task.result() for task in tasks]

    async def _complete(self, client: openai.AsyncOpenAI, request: Request) -> list[Completion]:
        """All n completions; a server that ignores `n` is asked again, with other seeds, for those missing."""
        completions: list[Completion] = []
        while len(completions) < request.n:
            completions += await self._ask(client, request, skip=len(completions))
        return completions[: request.n]

    async def _ask(self, client: openai.AsyncOpenAI, request: Request, *, skip: int) -> list[Completion]:
        create = cast(Any, client.chat.completions.create)
        problem = ""
        for attempt in range(self.max_retries + 1):
            try:
                completions = _completions(await create(**self._payload(request, skip)))
                return [await self._recount(client, completion) for completion in completions]
            except _RETRYABLE as error:
                problem, wait = _describe(error), _retry_after(error)
            except openai.BadRequestError as error:
                # This one request cannot be answered (too long, filtered): its row is dropped, the others go on.
                return [Completion("", "refused", 0, 0, _describe(error))] * (request.n - skip)
            except openai.APIStatusError as error:
                raise LLMError(f"{self.base_url} refused a request: {_describe(error)}") from error
            except (openai.APIError, ValueError, TypeError, AttributeError) as error:
                problem, wait = f"its answer is not a chat completion: {str(error)[:200]}", None
            if attempt < self.max_retries:
                backoff = (
                    self.retry_seconds * 2**attempt * (0.5 + random.random())
                )  # jitter only; no result depends on it
                await asyncio.sleep(min(_MAX_WAIT_SECONDS, wait if wait is not None else backoff))
        raise LLMError(
            f"{self.base_url}: {problem} ({self.max_retries + 1} attempts). Check that the server runs and that "
            "llm.base_url is right; what was answered so far is kept, run again to go on"
        )

    async def _recount(self, client: openai.AsyncOpenAI, completion: Completion) -> Completion:
        if not self.tokenize_url:
            return completion
        post = cast(Any, client.post)
        reply: dict[str, list[int]] = await post(
            self.tokenize_url, cast_to=dict[str, Any], body={"content": completion.text}
        )
        return replace(completion, completion_tokens=len(reply["tokens"]))

    def _payload(self, request: Request, skip: int) -> dict[str, Any]:
        sampling = request.sampling
        payload: dict[str, Any] = {
            "model": self.model,
            "messages": list(request.messages),
            "n": request.n - skip,
            "seed": request.seed + skip,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
        }
        if sampling.stop:
            payload["stop"] = list(sampling.stop)
        if self.extended:
            payload["extra_body"] = {"top_k": sampling.top_k, "repetition_penalty": 1.0, "repeat_penalty": 1.0}
        return payload


def _completions(reply: Any) -> list[Completion]:
    choices = reply.choices
    if not choices:
        raise ValueError("no choices")
    usage = reply.usage
    prompt = usage.prompt_tokens if usage else 0
    generated = usage.completion_tokens // len(choices) if usage else 0
    return [
        Completion(choice.message.content or "", choice.finish_reason or "stop", prompt, generated)
        for choice in choices
    ]


def _describe(error: openai.APIError) -> str:
    if isinstance(error, openai.APITimeoutError):
        return "no answer within llm.timeout_seconds"
    if isinstance(error, openai.APIConnectionError):
        return f"no connection ({error.__cause__ or error})"
    if isinstance(error, openai.APIStatusError):
        return f"HTTP {error.status_code}: {error.message[:300]}"
    return str(error)[:300]


def _retry_after(error: openai.APIError) -> float | None:
    if not isinstance(error, openai.APIStatusError):
        return None
    try:
        return float(error.response.headers["retry-after"])
    except (KeyError, ValueError):
        return None
