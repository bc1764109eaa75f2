"""Answers that were paid for once: an append-only cache of completions in local files, around any LLM."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from codedpo.llms import LLM, Completion, OnAnswer, Request


class CachedLLM:
    """An LLM whose answers are kept in `folder` and never asked for again.

    An answer's key is the whole request (messages, sampling, seed, n) with the model's name and weights. Each instance
    appends to a segment of its own, one line an answer, handed to the operating system at once; a line torn by a
    crash is skipped. Errors are not stored.
    """

    def __init__(self, llm: LLM, folder: Path):
        self._llm = llm
        folder.mkdir(parents=True, exist_ok=True)
        self._places: dict[str, tuple[Path, int]] = {}  # key -> (segment, offset of its line)
        for segment in sorted(folder.glob("*.jsonl")):
            self._index(segment)
        self._refused: dict[str, list[Completion]] = {}  # told to the caller, never stored
        self._lock = threading.Lock()  # an answer's place is where the file ended before it
        self._segment = folder / f"{uuid.uuid4().hex}.jsonl"

    @property
    def model(self) -> str:
        return self._llm.model

    @property
    def weights(self) -> str:
        return self._llm.weights

    def generate(self, requests: Sequence[Request], on_answer: OnAnswer) -> list[list[Completion]]:
        keys = [self._key(request) for request in requests]
        missing: list[int] = []
        for index, key in enumerate(keys):
            if key in self._places:
                on_answer(index, self._read(key))
            else:
                missing.append(index)

        def keep(position: int, completions: Sequence[Completion]) -> None:
            if any(completion.finish_reason == "refused" for completion in completions):
                self._refused[keys[missing[position]]] = list(completions)
            else:
                self._write(keys[missing[position]], completions)
            on_answer(missing[position], completions)

        if missing:
            self._llm.generate([requests[index] for index in missing], keep)
        return [self._refused.get(key) or self._read(key) for key in keys]

    def _key(self, request: Request) -> str:
        text = json.dumps([self.model, self.weights, asdict(request)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _index(self, segment: Path) -> None:
        offset = 0
        with segment.open("rb") as file:
            for line in file:
                with contextlib.suppress(ValueError, KeyError):  # a line torn by a crash
                    self._places[json.loads(line)["key"]] = (segment, offset)
                offset += len(line)

    def _read(self, key: str) -> list[Completion]:
        segment, offset = self._places[key]
        with segment.open("rb") as file:
            file.seek(offset)
            return [Completion(**fields) for fields in json.loads(file.readline())["completions"]]

    def _write(self, key: str, completions: Sequence[Completion]) -> None:
        line = json.dumps({"key": key, "completions": [asdict(completion) for completion in completions]}) + "\n"
        with self._lock, self._segment.open("ab") as file:
            offset = file.tell()
            file.write(line.encode())
        self._places[key] = (self._segment, offset)
