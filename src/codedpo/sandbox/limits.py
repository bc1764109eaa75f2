"""What untrusted code may use, and how it is judged: the sandbox's settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from codedpo.errors import ConfigError

Judge = Literal["auto", "outside", "inside"]


@dataclass(frozen=True)
class Limits:
    """What one solution may use on one test. Time is processor time, so that load changes no verdict.

    The limit of a task is `median_factor` times the median of its finished cells, rounded up to `min_cpu_seconds`
    times a power of two, and at most `cpu_seconds`; it is fixed before the first cell is called a timeout.
    """

    cpu_seconds: float = 3.0
    min_cpu_seconds: float = 0.2
    median_factor: float = 50.0
    wall_factor: float = 25.0
    """Backstop for code that sleeps: wall-clock limit in multiples of the processor-time limit, 2 s at least."""
    row_seconds: float = 0.1
    """Processor time for all tests of a solution in one process; a row that needs more runs one process per test."""
    memory_mb: int = 512
    """Address space."""
    max_timeouts: int = 3
    """A solution's remaining tests get a tenth of the limit, else `not_run`, once this many timed out; a test that
    times out for half of the solutions counts for none of them."""

    def __post_init__(self) -> None:
        for name in Limits.__dataclass_fields__:
            if getattr(self, name) <= 0:
                raise ConfigError(f"sandbox.{name}: {getattr(self, name)} must be greater than 0")
        if self.wall_factor < 5:
            raise ConfigError(f"sandbox.wall_factor: {self.wall_factor} must be at least 5, or load decides verdicts")


@dataclass(frozen=True)
class SandboxSettings(Limits):
    """The section `sandbox` of the configuration."""

    judge: Judge = "auto"
    """`auto`: outside the solution's process wherever the test allows it, else inside, and marked. `outside`: what
    needs judging inside is `not_run`. `inside`: everything in the solution's process, as other tools do; forgeable."""
    allow_weaker: bool = field(default=False, metadata={"key": False})
    """Run although this machine lacks a vital layer of isolation (`codedpo doctor` tells which)."""
    python: str = ""
    """Interpreter of the environment whose packages solutions may import; empty: this Python, standard library only."""
    tasks_per_process: int = 50
    """Tasks for which one process runs the code whose syntax shows that it leaves nothing behind; all other code gets
    a process of its own. 1: new processes for each task, at half the speed."""
    preload: tuple[str, ...] = ()
    """Modules that are imported once, before the jail closes."""
    readable: tuple[str, ...] = ()
    """Folders of data that programs may read."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.judge not in ("auto", "outside", "inside"):
            raise ConfigError(f"sandbox.judge: {self.judge!r} is unknown; choose from: auto, outside, inside")
        for folder in self.readable:
            if not (Path(folder).is_absolute() and Path(folder).is_dir()):
                raise ConfigError(f"sandbox.readable: {folder} must be the absolute path of a folder that is there")
        if self.tasks_per_process < 1:
            raise ConfigError(f"sandbox.tasks_per_process: {self.tasks_per_process} must be at least 1")
