"""Samples in, executions out: every solution, and a panel of stubs, runs against every test, in the sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from codedpo.code.stubs import stub_panel
from codedpo.context import Context
from codedpo.errors import SandboxError
from codedpo.records import Execution, Outcome, Samples


@dataclass(frozen=True)
class CrossExecute:
    """Cross-execution; its limits are the sandbox's."""

    NAME: ClassVar[str] = "executions"
    VERSION: ClassVar[int] = 3
    MAKES: ClassVar[type] = Execution
    NEEDS: ClassVar[Literal["cores"]] = "cores"

    stubs: bool = True
    """Run each test on functions that do no work, too, so that trivial tests are found (rankings.max_stub_passes)."""

    def __call__(self, rows: Iterable[Samples], context: Context) -> Iterator[Execution]:
        samples = list(rows)
        results = context.tools.sandbox().try_many(((*row.solutions, *self._panel(row)), row.tests) for row in samples)
        for row, result in zip(samples, results, strict=True):
            context.advance(rows=1)
            if isinstance(result, SandboxError):
                context.drop(
                    "row", row.task.id if row.task else "", "the sandbox failed twice on this task", str(result)
                )
            else:
                yield _split_off_stubs(result, row)

    def _panel(self, samples: Samples) -> tuple[str, ...]:
        return stub_panel(samples.task.signature) if self.stubs and samples.task else ()


def _split_off_stubs(result: Execution, samples: Samples) -> Execution:
    """The execution of the samples' solutions; of the stubs, which ran after them, only what share passed."""
    n = len(samples.solutions)
    stubs = result.outcomes[n:]
    return replace(
        result,
        samples=samples,
        outcomes=result.outcomes[:n],
        cpu_seconds=result.cpu_seconds[:n],
        judged_outside=result.judged_outside[:n],
        reasons=tuple(reason for reason in result.reasons if reason.solution < n),
        stub_passes=(stubs == Outcome.PASSED).mean(axis=0, dtype=np.float32) if len(stubs) else result.stub_passes,
    )
