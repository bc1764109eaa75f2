"""Events of a run in, a calm panel on the terminal out."""

from __future__ import annotations

import collections
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_LOG = logging.getLogger("codedpo")
_LINE_SECONDS = 30.0
_RATE_SECONDS, _STEP_SECONDS = 30.0, 0.5


class Observer(Protocol):
    """Whoever wants to know how a run gets on."""

    def started(self, step: str, total: int | None) -> None:
        """A step begins; `total` rows are to come, where known."""
        ...

    def advanced(self, step: str, *, rows: int = 0, answers: int = 0, tokens: int = 0) -> None:
        """Rows were handled, or the language model answered."""
        ...

    def expected(self, step: str, total: int) -> None:
        """How many rows a running step has in all, where that was not known when it began."""
        ...

    def noted(self, step: str, lines: Sequence[str]) -> None:
        """A running step has something to say that the user should read."""
        ...

    def finished(self, step: str, summary: str) -> None:
        """A step ended."""
        ...


class Silent:
    """An observer that says nothing."""

    def started(self, step: str, total: int | None) -> None: ...
    def advanced(self, step: str, *, rows: int = 0, answers: int = 0, tokens: int = 0) -> None: ...
    def expected(self, step: str, total: int) -> None: ...
    def noted(self, step: str, lines: Sequence[str]) -> None: ...
    def finished(self, step: str, summary: str) -> None: ...


class Panel:
    """A progress bar per step on a terminal; a line now and then where the output is a file. A context manager."""

    def __init__(self, console: Console):
        self._console = console
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description:<22}"),
            BarColumn(),
            TextColumn("{task.fields[rate]}"),
        )
        self._progress = Progress(
            *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console, disable=not console.is_terminal
        )
        self._bars: dict[str, TaskID] = {}
        self._counts: dict[str, _Count] = {}

    def __enter__(self) -> Panel:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def started(self, step: str, total: int | None) -> None:
        self._counts[step] = _Count(total)
        self._bars[step] = self._progress.add_task(step, total=total, rate="")
        _LOG.info("%s: started", step)

    def advanced(self, step: str, *, rows: int = 0, answers: int = 0, tokens: int = 0) -> None:
        count = self._counts[step]
        count.add(rows, answers, tokens)
        self._progress.update(self._bars[step], completed=count.rows, rate=count.describe())
        if not self._console.is_terminal and time.monotonic() - count.last_line > _LINE_SECONDS:
            count.last_line = time.monotonic()
            self._console.print(f"  {step}: {count.describe()}", highlight=False)

    def expected(self, step: str, total: int) -> None:
        self._counts[step].total = total
        self._progress.update(self._bars[step], total=total)

    def noted(self, step: str, lines: Sequence[str]) -> None:
        self._console.print("\n".join(f"  {step}: {line}" for line in lines), highlight=False, markup=False)

    def finished(self, step: str, summary: str) -> None:
        count = self._counts[step]
        self._progress.update(self._bars[step], total=count.rows or 1, completed=count.rows or 1, rate=summary)
        if not self._console.is_terminal:
            self._console.print(f"{step}: {summary} ({count.seconds:.0f} s)", highlight=False)
        _LOG.info("%s: %s (%.1f s)", step, summary, count.seconds)


class _Count:
    def __init__(self, total: int | None):
        self.total = total
        self.rows = self.answers = self.tokens = 0
        self.start = self.last_line = time.monotonic()
        self._recent: collections.deque[_Sums] = collections.deque([_Sums(self.start, 0, 0)])

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.start

    def add(self, rows: int, answers: int, tokens: int) -> None:
        self.rows, self.answers, self.tokens = self.rows + rows, self.answers + answers, self.tokens + tokens
        now = time.monotonic()
        if rows and rows == self.rows:  # the first ones may be those of an earlier start: no speed of this one
            self._recent = collections.deque([_Sums(now, rows, self.tokens)])
        elif now - self._recent[-1].time > _STEP_SECONDS:
            self._recent.append(_Sums(now, self.rows, self.tokens))
        while now - self._recent[0].time > _RATE_SECONDS and len(self._recent) > 1:
            self._recent.popleft()

    def describe(self) -> str:
        rate = self._per_second(self.rows - self._recent[0].rows)
        text = f"{self.rows}/{self.total if self.total is not None else '?'} rows, {rate:.1f}/s"
        if self.answers:
            text += f", {self.answers} answers, {self.tokens_per_second():.0f} tokens/s"
        return text

    def tokens_per_second(self) -> float:
        """Over the last half minute: what the server gives now, not what it gave before a pause."""
        return self._per_second(self.tokens - self._recent[0].tokens)

    def _per_second(self, recent: int) -> float:
        return recent / max(time.monotonic() - self._recent[0].time, 1e-3)


@dataclass(frozen=True)
class _Sums:
    """What had come by then."""

    time: float
    rows: int
    tokens: int
