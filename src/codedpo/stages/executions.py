"""Samples in, executions out: every solution runs against every test, in the sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from codedpo.context import Context
from codedpo.errors import SandboxError
from codedpo.records import Execution, Samples


@dataclass(frozen=True)
class CrossExecute:
    """Cross-execution; its limits are the sandbox's."""

    NAME: ClassVar[str] = "executions"
    VERSION: ClassVar[int] = 2
    MAKES: ClassVar[type] = Execution
    NEEDS: ClassVar[Literal["cores"]] = "cores"

    def __call__(self, rows: Iterable[Samples], context: Context) -> Iterator[Execution]:
        samples = list(rows)
        results = context.tools.sandbox().try_many((row.solutions, row.tests) for row in samples)
        for row, result in zip(samples, results, strict=True):
            context.advance(rows=1)
            if isinstance(result, SandboxError):
                context.drop(
                    "row", row.task.id if row.task else "", "the sandbox failed twice on this task", str(result)
                )
            else:
                yield replace(result, samples=row)
