"""Untrusted programs in, outcomes and run times out: cross-execution in jailed child processes.

Promises: a verdict is a definite `Outcome`, the same on an idle and on a loaded machine; nothing that untrusted code
does changes another verdict; a pass cannot be forged where `judged_outside` is True, because the assertion was
evaluated in another process than the solution; nothing is left behind and nothing of the host is in reach.
Not covered: side channels, kernel bugs, and forged passes where `judged_outside` is False.
"""

from collections.abc import Iterable, Iterator, Sequence

from codedpo.records import Execution
from codedpo.sandbox.calls import Calls, Checked, CheckedCalls, Inputs, Replies, Reply
from codedpo.sandbox.limits import Limits, SandboxSettings
from codedpo.sandbox.pool import Sandbox, require_linux

__all__ = [
    "Calls",
    "Checked",
    "CheckedCalls",
    "Inputs",
    "Limits",
    "Replies",
    "Reply",
    "Sandbox",
    "SandboxSettings",
    "cross_execute",
    "cross_execute_many",
    "require_linux",
]


def cross_execute(solutions: Sequence[str], tests: Sequence[str], *, limits: Limits = Limits()) -> Execution:
    """Run every solution against every test of one task.

    Args:
        solutions: whole programs.
        tests: statements that run after the solution in its namespace, such as `assert f(1) == 2`.
        limits: per solution and test.

    Raises:
        SandboxError: the sandbox cannot run here, or broke.
    """
    return next(cross_execute_many([(solutions, tests)], workers=1, limits=limits))


def cross_execute_many(
    tasks: Iterable[tuple[Sequence[str], Sequence[str]]], *, workers: int, limits: Limits = Limits()
) -> Iterator[Execution]:
    """Run many tasks on `workers` processes; results come in the order of the tasks."""
    with Sandbox(workers=workers, limits=limits) as sandbox:
        yield from sandbox.execute_many(tasks)
