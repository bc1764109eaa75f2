"""The tools of one run: started when first asked for, stopped when told to or at the end."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from pathlib import Path

from codedpo.config import Config
from codedpo.llms import LLM
from codedpo.llms.cache import CachedLLM
from codedpo.sandbox import Limits, Sandbox


class RunTools:
    """The run's LLM (behind its cache) and sandbox; a context manager."""

    def __init__(self, config: Config, folder: Path):
        self._config = config
        self._folder = folder
        self._llm_stack = contextlib.ExitStack()
        self._stack = contextlib.ExitStack()
        self._llm: LLM | None = None
        self._sandbox: Sandbox | None = None

    def __enter__(self) -> RunTools:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_llm()
        self._stack.close()

    def llm(self) -> LLM:
        """The configured LLM; a local server starts now."""
        if self._llm is None:
            self._llm = self._llm_stack.enter_context(self.open_llm(None))
        return self._llm

    def stop_llm(self) -> None:
        """Stop a local server: its threads would take the processor from what follows."""
        self._llm_stack.close()
        self._llm = None

    @contextlib.contextmanager
    def open_llm(self, adapter: Path | None) -> Generator[LLM]:
        """The configured LLM, with a LoRA adapter where one is given, for as long as the context lasts."""
        log = self._folder / "logs" / "llm.log"
        with self._config.llm.open(cache=self._config.cache_folder, log=log, adapter=adapter) as llm:
            yield CachedLLM(llm, self._folder / "llm_cache")

    def sandbox(self) -> Sandbox:
        """The run's sandbox; its processes start now."""
        if self._sandbox is None:
            self._sandbox = self._stack.enter_context(self.open_sandbox())
        return self._sandbox

    def open_sandbox(self, limits: Limits | None = None) -> Sandbox:
        """Another sandbox as the configuration has it, with these limits where they are given; a context manager."""
        workers = self._config.workers or len(os.sched_getaffinity(0))
        return Sandbox.of(self._config.sandbox, workers=workers, limits=limits)
