"""Requests in, completions out: those that were paid for once come from the run's own files, around any LLM."""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Sequence
from dataclasses import asdict, replace

from codedpo.llms import LLM, Completion, OnAnswer, Request, Sampling
from codedpo.llms.answers import AnswerFolder, key_of


class CachedLLM:
    """An LLM whose answers are kept in a folder and never asked for again.

    A completion's key is the request (messages, beginnings, sampling, seed) with the model's name and weights, and its
    index: a larger n asks for the additional completions alone. Equal requests under way at the same time are asked
    once. Errors and refusals are not kept.
    """

    def __init__(self, llm: LLM, answers: AnswerFolder):
        self._llm = llm
        self._answers = answers
        self._under_way: dict[bytes, threading.Event] = {}
        self._lock = threading.Lock()

    @property
    def model(self) -> str:
        return self._llm.model

    @property
    def weights(self) -> str:
        return self._llm.weights

    def generate(self, requests: Sequence[Request], on_answer: OnAnswer) -> list[list[Completion]]:
        keys = [self._key(request) for request in requests]
        completions: list[list[Completion]] = [[] for _ in requests]

        def give(position: int, part: Sequence[Completion]) -> None:
            completions[position] += part
            on_answer(position, part)

        left: Sequence[int] = range(len(requests))
        while left:
            mine = self._claim(keys, left)
            try:
                self._answer({position: requests[position] for position in mine}, keys, give)
            finally:
                self._release(keys, mine)
            # What another thread asks for is not waited for before one's own requests: no two wait for each other.
            left = sorted(set(left) - set(mine))
            for position in left:
                self._wait(keys[position])
        return completions

    def _answer(self, mine: dict[int, Request], keys: Sequence[bytes], give: OnAnswer) -> None:
        """Answer from the folder what is there, from the LLM the rest."""
        found = self._find(mine, keys)
        if any(len(found[position]) < request.n for position, request in mine.items()) and self._answers.refresh():
            found = self._find(mine, keys)  # another process has written meanwhile
        missing: list[int] = []
        rest: list[Request] = []
        for position, request in mine.items():
            have = len(found[position])
            if have:
                give(position, found[position])
            if have < request.n:
                missing.append(position)
                rest.append(replace(request, first=request.first + have, n=request.n - have) if have else request)
        following = [request.first for request in rest]

        def keep(index: int, part: Sequence[Completion]) -> None:
            if kept := list(itertools.takewhile(lambda completion: completion.finish_reason != "refused", part)):
                self._answers.write(keys[missing[index]], following[index], kept)
            following[index] += len(part)
            give(missing[index], part)

        if rest:
            self._llm.generate(rest, keep)

    def _find(self, mine: dict[int, Request], keys: Sequence[bytes]) -> dict[int, list[Completion]]:
        return {
            position: self._answers.read(keys[position], request.first, request.n) for position, request in mine.items()
        }

    def _key(self, request: Request) -> bytes:
        given = [asdict(prompt) if prompt else None for prompt in (request.begun, request.text)]
        asked = (*request.messages, given) if any(given) else request.messages
        return key_of(self.model, self.weights, asked, _plain(request.sampling), request.seed)

    def _claim(self, keys: Sequence[bytes], positions: Sequence[int]) -> list[int]:
        """Those positions whose keys nobody asks for now; they are ours until released."""
        mine: list[int] = []
        with self._lock:
            for position in positions:
                if keys[position] not in self._under_way:
                    self._under_way[keys[position]] = threading.Event()
                    mine.append(position)
        return mine

    def _release(self, keys: Sequence[bytes], positions: Sequence[int]) -> None:
        with self._lock:
            for position in positions:
                self._under_way.pop(keys[position]).set()

    def _wait(self, key: bytes) -> None:
        with self._lock:
            event = self._under_way.get(key)
        if event is not None:
            event.wait()


@functools.cache
def _plain(sampling: Sampling) -> dict[str, object]:
    return asdict(sampling)
