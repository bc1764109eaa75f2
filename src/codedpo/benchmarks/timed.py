"""A program, others that solve the same problem and its test in, their run times out, taken in turn in the sandbox."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from codedpo.benchmarks.problem import Problem
from codedpo.sandbox import Sandbox
from codedpo.sandbox.timing import TimingSettings, compare


def run_seconds(
    problem: Problem, programs: Sequence[str], sandbox: Sandbox, settings: TimingSettings = TimingSettings()
) -> tuple[float | None, ...]:
    """Processor time of the problem's test with each program; None for those that do not pass it.

    Args:
        problem: with a test.

    Raises:
        SandboxError: the sandbox broke.
    """
    seconds = compare(sandbox, programs, [problem.test], settings).seconds
    middle = np.median(seconds, axis=1)
    return tuple(float(value) if np.isfinite(value) else None for value in middle)
