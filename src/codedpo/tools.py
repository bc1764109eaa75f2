"""The tools of one run: started when first asked for, stopped when told to or at the end."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Generator
from pathlib import Path

from codedpo.benchmarks.oracle import Oracle
from codedpo.config import Config
from codedpo.decontaminate import Index
from codedpo.errors import LLMError
from codedpo.evaluate import Court
from codedpo.llms import LLM
from codedpo.llms.answers import AnswerFolder
from codedpo.llms.budget import Meter
from codedpo.llms.cache import CachedLLM
from codedpo.sandbox import Sandbox, SandboxSettings


class RunTools:
    """The run's LLM (behind its cache, on its budget) and sandbox; a context manager."""

    def __init__(self, config: Config, folder: Path):
        self._config = config
        self._folder = folder
        self._llm_stack = contextlib.ExitStack()
        self._stack = contextlib.ExitStack()
        self._lock = threading.Lock()
        self._llm: LLM | None = None
        self._sandbox: Sandbox | None = None
        self._answers: AnswerFolder | None = None
        self._index: Index | None = None
        self._has_index = self._closed = False
        self.meter = Meter(config.llm.budget)
        """What was spent since this start."""

    def __enter__(self) -> RunTools:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self.stop_llm()
        self._stack.close()

    def llm(self) -> LLM:
        """The configured LLM, one for all threads; a local server starts now."""
        with self._lock:
            if self._closed:
                raise LLMError("the run has ended")
            if self._llm is None:
                self._llm = self._llm_stack.enter_context(self.open_llm(None))
            return self._llm

    def change_llm(self, config: Config) -> None:
        """Ask the LLM of this configuration from now on; budget and cache stay."""
        self.stop_llm()
        self._config = config

    def stop_llm(self) -> None:
        """Stop a local server: its threads would take the processor from what follows."""
        with self._lock:
            self._llm_stack.close()
            self._llm = None

    @contextlib.contextmanager
    def open_llm(self, adapter: Path | None) -> Generator[LLM]:
        """The configured LLM, with a LoRA adapter where one is given, for as long as the context lasts."""
        log = self._folder / "logs" / "llm.log"
        answers = self._open_answers()
        settings = self._config.llm
        with settings.open(cache=self._config.cache_folder, log=log, adapter=adapter, meter=self.meter) as llm:
            yield CachedLLM(llm, answers)

    @contextlib.contextmanager
    def borrowed(self, llm: LLM) -> Generator[LLM]:
        """An LLM that is open already, and stays so."""
        yield llm

    def cached(self, llm: LLM) -> LLM:
        """Another LLM behind the run's cache."""
        return CachedLLM(llm, self._open_answers())

    def _open_answers(self) -> AnswerFolder:
        """The run's cache; the budget starts with what it holds, which was paid for."""
        if self._answers is None:
            self._answers = self._stack.enter_context(AnswerFolder(self._folder / "llm_cache"))
            self.meter.start_with(self._answers.prompt_tokens, self._answers.completion_tokens)
        return self._answers

    def benchmarks(self) -> Index | None:
        """What benchmarks hold, read once."""
        with self._lock:
            if not self._has_index:
                self._index, self._has_index = self._config.decontamination.index(), True
            return self._index

    def sandbox(self) -> Sandbox:
        """The run's sandbox; its processes start now."""
        if self._sandbox is None:
            self._sandbox = self._stack.enter_context(self.open_sandbox())
        return self._sandbox

    def open_sandbox(self, settings: SandboxSettings | None = None, workers: int = 0) -> Sandbox:
        """Another sandbox, as the configuration has it where nothing is given; a context manager."""
        return Sandbox.of(settings or self._config.sandbox, workers=workers or self.workers)

    @property
    def oracle(self) -> Oracle:
        """What references give on this machine, kept in the cache folder."""
        return Oracle(self._config.cache_folder)

    def court(self, folder: Path) -> Court:
        """Where answers to benchmarks are judged; verdicts are kept in the folder."""
        return Court(folder, self.oracle, self._config.sandbox, self.open_sandbox)

    @property
    def workers(self) -> int:
        """Of a sandbox."""
        return self._config.workers or len(os.sched_getaffinity(0))
