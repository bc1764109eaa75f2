"""A stage run alone, against the loopback server or with a sandbox, and what it dropped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codedpo.context import Context
from codedpo.decontaminate import Index, load_index
from codedpo.llms import LLM
from codedpo.llms.openai import OpenAIServer
from codedpo.sandbox import Sandbox


@dataclass
class Surroundings:
    """The tools of a stage, and the (what, id, reason, detail) of all that it drops."""

    model: LLM | None
    folder: Path
    dropped: list[tuple[str, str, str, str]] = field(default_factory=list)
    pool: Sandbox | None = None

    def llm(self) -> LLM:
        assert self.model is not None
        return self.model

    def benchmarks(self) -> Index | None:
        return load_index()

    def sandbox(self) -> Sandbox:
        assert self.pool is not None
        return self.pool

    @property
    def context(self) -> Context:
        def drop(what: str, id: str, reason: str, detail: str = "") -> None:
            self.dropped.append((what, id, reason, detail))

        def advance(**_: Any) -> None: ...

        return Context(self, 0, self.folder, drop, advance)

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """(what, reason) of all that was dropped."""
        return [(what, reason) for what, _, reason, _ in self.dropped]


@contextmanager
def surroundings(base_url: str, folder: Path) -> Iterator[Surroundings]:
    server = OpenAIServer(model="m", base_url=base_url, max_retries=0)
    with server.open(cache=folder, log=folder / "llm.log") as llm:
        yield Surroundings(llm, folder)
