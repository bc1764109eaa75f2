"""What a stage is given besides its rows: tools, a drop callback, progress; built by the engine, in no cache key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from codedpo.decontaminate import Index
from codedpo.llms import LLM
from codedpo.sandbox import Sandbox


@dataclass(frozen=True)
class Dropped:
    """Something that a stage left out, and why."""

    stage: str
    what: str
    """`row` for an input row that gives no output row; else a part of one: draft, solution, test."""
    id: str
    reason: str
    detail: str


class Tools(Protocol):
    """Tools that start when they are first asked for."""

    def llm(self) -> LLM: ...
    def sandbox(self) -> Sandbox: ...
    def benchmarks(self) -> Index | None:
        """What seeds, tasks and solutions must not overlap with; None where decontamination is switched off."""
        ...


class Drop(Protocol):
    """Record something left out."""

    def __call__(self, what: str, id: str, reason: str, detail: str = "") -> None: ...


class Advance(Protocol):
    """Report progress: `rows` of the current shard handled, or `answers` of the LLM with their `tokens`."""

    def __call__(self, *, rows: int = 0, answers: int = 0, tokens: int = 0) -> None: ...


@dataclass(frozen=True)
class Context:
    """The surroundings of one shard."""

    tools: Tools
    seed: int
    cache: Path
    """Folder for downloads that runs share."""
    drop: Drop
    advance: Advance
    skipped: frozenset[int] = frozenset()
    """What the stage's own `skips` said of this shard."""


class Stage(Protocol):
    """What every stage is: a frozen dataclass whose fields are its section of the YAML and its cache key."""

    NAME: ClassVar[str]
    VERSION: ClassVar[int]
    """Raised whenever the same input would give other rows."""
    MAKES: ClassVar[type]
    NEEDS: ClassVar[Literal["reads", "llm", "cores", "quiet"]]
    """`quiet` stages measure time and run alone."""

    # A stage that renders templates names them in `PROMPTS: ClassVar[tuple[str, ...]]`: their text is in its cache key.
    # A stage may have `skips(shards) -> Iterator[frozenset[int]]`: for each shard above the numbers of what it shall
    # leave out (of rows, or of what it makes of them), found by looking at all shards: repeats, for one. It gets them
    # back as `context.skipped`, drops them with a reason, and begins when the stage above is complete.
