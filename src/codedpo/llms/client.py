"""Requests in, answers of an OpenAI-compatible server out: one loop and one semaphore for all threads.

Requests go out through aiohttp: at 512 under way the openai package and httpx need 4 to 8 ms of processor time for
each, since their pool looks at every connection for every request (docs/performance.md).
"""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import contextlib
import ipaddress
import json
import queue
import threading
import urllib.parse
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import aiohttp

from codedpo.errors import LLMError
from codedpo.llms import Completion, OnAnswer, Request
from codedpo.llms.budget import Meter
from codedpo.llms.openai import OpenAIServer
from codedpo.llms.sending import HaltError, LostRequestError, RefusedError, Sender
from codedpo.llms.wire import InvalidAnswerError, asked_of, decode, encode
from codedpo.records import Message

_GIVE_UP_AFTER = 8
"""Requests lost in succession, all retries included, after which a call sends no more: the server is gone."""
_IGNORES_N_AFTER = 3
"""Single choices in succession, where several were asked for, after which `n` is no longer sent."""
_SHORTEST: tuple[Message, ...] = ({"role": "user", "content": "1"},)


@dataclass(frozen=True)
class _Part:
    """The next completions of the request at `position`."""

    position: int
    completions: list[Completion]


@dataclass
class _Call:
    """One call of `generate`: what is still to be sent, and what became of what was."""

    todo: Iterator[tuple[int, Request]]
    total: int
    answered: int = 0
    lost: list[str] = field(default_factory=list[str])
    lost_in_succession: int = 0
    halted: str = ""

    @property
    def is_over(self) -> bool:
        return bool(self.halted) or self.lost_in_succession >= _GIVE_UP_AFTER


class OpenAIClient:
    """A client of one model on one server; a context manager, safe to use from many threads."""

    def __init__(
        self, server: OpenAIServer, *, api_key: str = "none", tokenize_url: str = "", meter: Meter | None = None
    ):
        """`tokenize_url`: llama.cpp tells the tokens of one choice only; the others are counted there."""
        self._server, self._api_key, self._tokenize_url = server, api_key, tokenize_url
        self._meter = meter or Meter()
        path = "/chat/completions" if server.form == "chat" else "/completions"
        self._url = server.base_url.rstrip("/") + path
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="llm", daemon=True)
        self._single_choices = 0
        self._knows_n = self._has_answered = self._is_stopped = False
        self._lock = threading.Lock()

    @property
    def model(self) -> str:
        return self._server.model

    @property
    def weights(self) -> str:
        """With the form in which it is asked: a model gives other answers in another one."""
        server = self._server
        form = "" if server.form == "chat" else f" asked in the form {server.form}"
        return f"{server.weights}{form}{'' if server.extended else ' without top_k'}".strip()

    def __enter__(self) -> OpenAIClient:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._is_stopped = True
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        server = self._server
        self._slots = asyncio.Semaphore(server.concurrency)
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=server.concurrency),
            timeout=aiohttp.ClientTimeout(total=server.timeout_seconds),
            headers={"Authorization": f"Bearer {self._api_key}"},
            trust_env=not _is_loopback(server.base_url),
        )
        self._sender = Sender(session, server.max_retries, server.retry_seconds, self._meter.retried)

    async def _stop(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._sender.session.close()

    def generate(self, requests: Sequence[Request], on_answer: OnAnswer) -> list[list[Completion]]:
        answers: list[list[Completion]] = [[] for _ in requests]
        parts: queue.SimpleQueue[_Part | None] = queue.SimpleQueue()
        call = _Call(iter(enumerate(requests)), len(requests))
        with self._lock:  # what is handed to a loop that is about to end would never be told of
            if self._is_stopped:
                raise LLMError("the run's language model was stopped before it was asked")
            running = asyncio.run_coroutine_threadsafe(self._run(call, parts.put), self._loop)
        running.add_done_callback(lambda _: parts.put(None))  # also where it was cancelled before its first step
        try:
            while (part := parts.get()) is not None:
                answers[part.position] += part.completions
                on_answer(part.position, part.completions)
            running.result()
        except concurrent.futures.CancelledError as error:
            raise LLMError("the run's language model was stopped while it was asked") from error
        finally:
            running.cancel()  # where `on_answer` or Ctrl-C ended the loop above
        if call.answered < call.total:
            raise LLMError(f"{self._server.base_url}: {_what_is_missing(call)}")
        return answers

    async def _run(self, call: _Call, report: Callable[[_Part], None]) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._server.concurrency, call.total)):
                group.create_task(self._work(call, report))

    async def _work(self, call: _Call, report: Callable[[_Part], None]) -> None:
        for position, request in call.todo:
            try:
                if call.is_over:
                    return
                async with contextlib.aclosing(self._parts(request)) as parts:
                    async for completions in parts:
                        report(_Part(position, completions))
                call.answered += 1
                call.lost_in_succession = 0
            except LostRequestError as error:
                call.lost.append(str(error))
                call.lost_in_succession += 1
            except HaltError as error:
                call.halted = str(error)

    async def _parts(self, request: Request) -> AsyncGenerator[list[Completion]]:
        """All n completions; a server that ignores `n` is asked, with other seeds, for those missing."""
        have = 0
        while have < request.n and (have == 0 or have > 1) and self._single_choices < _IGNORES_N_AFTER:
            missing = request.n - have
            part = await self._ask(replace(request, first=request.first + have, n=missing))
            have += len(part)
            yield part
            if missing > 1:
                self._single_choices = self._single_choices + 1 if len(part) == 1 else 0
        alone = [
            asyncio.ensure_future(self._ask(replace(request, first=request.first + index, n=1)))
            for index in range(have, request.n)
        ]
        try:
            for asked in alone:
                yield await asked
        finally:
            for asked in alone:
                asked.cancel()
            await asyncio.gather(*alone, return_exceptions=True)

    async def _ask(self, request: Request) -> list[Completion]:
        """One request to the server: at least one completion, at most n."""
        async with self._slots:
            if reason := self._meter.stop_reason():
                raise HaltError(reason)
            try:
                completions = await self._post(request)
                self._has_answered = True
                self._knows_n |= len(completions) > 1
                asked = asked_of(request, self._server.form, self._server.prefill)
                completions = [asked.whole(given) for given in completions]
                if self._tokenize_url:
                    completions = [await self._recount(given, asked.begun) for given in completions]
            except RefusedError as error:
                completions = await self._refused(request, error)
            self._meter.answered(completions)
            return completions[: request.n]

    async def _post(self, request: Request) -> list[Completion]:
        server = self._server
        body = encode(request, self.model, form=server.form, extended=server.extended, prefill=server.prefill)
        return await self._sender.post(self._url, body, decode)

    async def _refused(self, request: Request, error: RefusedError) -> list[Completion]:
        """What a refusal comes to: it may be meant for `n`, for this request (whoever asked drops its row), or for all.

        Raises:
            HaltError: the server refuses even the shortest request.
        """
        if request.n > 1 and not self._knows_n:
            with contextlib.suppress(RefusedError):
                completions = await self._post(replace(request, n=1))
                self._has_answered, self._single_choices = True, _IGNORES_N_AFTER
                return completions
        if not self._has_answered:
            try:
                await self._post(Request(_SHORTEST, request.sampling, request.seed))
                self._has_answered = True
            except RefusedError:
                raise HaltError(f"refuses every request, even the shortest: {error}") from error
        return [Completion("", "refused", 0, 0, str(error))] * request.n

    async def _recount(self, completion: Completion, begun: str) -> Completion:
        def count(body: bytes) -> int:
            try:
                return len(json.loads(body)["tokens"])
            except (ValueError, TypeError, KeyError) as error:
                raise InvalidAnswerError(str(error)) from error

        body = json.dumps({"content": completion.text.removeprefix(begun)}).encode()
        return replace(completion, completion_tokens=await self._sender.post(self._tokenize_url, body, count))


def _what_is_missing(call: _Call) -> str:
    missing, reasons = call.total - call.answered, collections.Counter(call.lost)
    if call.halted:
        reasons[call.halted] += 1
    why = "; ".join(f"{text}, {count} times" if count > 1 else text for text, count in reasons.most_common(3))
    advice = "" if call.halted else ". Check that the server runs and that llm.base_url is right"
    return (
        f"{why}{advice}. {missing} of {call.total} requests got no answer; the others are kept, and the next run asks "
        "for the missing ones alone"
    )


def _is_loopback(url: str) -> bool:
    """Whether a proxy, which the environment may name, must not stand between."""
    host = urllib.parse.urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
