"""Stages that go wrong on purpose, importable by the processes that run them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from codedpo.context import Context, Dropped


@dataclass(frozen=True)
class Dies:
    """Kills its own process as many times as it is told; then it passes its rows on."""

    NAME: ClassVar[str] = "dies"
    VERSION: ClassVar[int] = 1
    MAKES: ClassVar[type] = Dropped
    NEEDS: ClassVar[str] = "cores"

    folder: str
    times: int

    def __call__(self, rows: Iterable[Any], context: Context) -> Iterator[Any]:
        deaths = Path(self.folder)
        if len(list(deaths.iterdir())) < self.times:
            (deaths / str(os.getpid())).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        yield from rows


@dataclass(frozen=True)
class Breaks(Dies):
    """Has a mistake."""

    def __call__(self, rows: Iterable[Any], context: Context) -> Iterator[Any]:
        raise ZeroDivisionError("as planned")


@dataclass(frozen=True)
class Asks(Dies):
    """Asks the LLM without saying that it needs it."""

    def __call__(self, rows: Iterable[Any], context: Context) -> Iterator[Any]:
        context.tools.llm()
        yield from rows


@dataclass(frozen=True)
class Sleeps(Dies):
    """Tells that it begins, then is busy for a minute."""

    def __call__(self, rows: Iterable[Any], context: Context) -> Iterator[Any]:
        (Path(self.folder) / str(os.getpid())).touch()
        time.sleep(60)
        yield from rows
