"""Sandboxes that the tests of this folder share."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import codedpo.sandbox
from codedpo.records import Execution
from codedpo.sandbox import Limits, Sandbox

# The jailed part is no package: its files are a script and what it imports from its own folder.
sys.path.append(str(Path(codedpo.sandbox.__file__).parent / "jailed"))

LIMITS = Limits(cpu_seconds=1, memory_mb=256, wall_factor=5)


@pytest.fixture(scope="session")
def pool() -> Iterator[Sandbox]:
    with Sandbox(limits=LIMITS) as sandbox:
        yield sandbox


def run(sandbox: Sandbox, solutions: Sequence[str], tests: Sequence[str]) -> Execution:
    return next(sandbox.execute_many([(solutions, tests)]))
