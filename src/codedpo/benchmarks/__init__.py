"""Benchmarks: each owns its prompts, its oracle and its reference solutions, which must pass first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from codedpo.benchmarks.ds1000 import Ds1000
from codedpo.benchmarks.effibench import EffiBench
from codedpo.benchmarks.enamel import Enamel
from codedpo.benchmarks.evalplus import HumanEvalPlus, MbppPlus
from codedpo.benchmarks.humaneval import HumanEval
from codedpo.benchmarks.leetcode import LeetCode
from codedpo.benchmarks.livecodebench import LiveCodeBench
from codedpo.benchmarks.mbpp import Mbpp
from codedpo.benchmarks.mercury import Mercury
from codedpo.benchmarks.problem import InputSet, Problem

__all__ = ["BENCHMARKS", "Benchmark", "InputSet", "Problem"]


class Benchmark(Protocol):
    """What every benchmark is: a class whose fields the section `benchmarks` gives.

    Two fields get values where nothing is said: `cache`, the path of the run's cache folder, and `allow_weaker`, that
    of `sandbox.allow_weaker`.
    """

    @property
    def name(self) -> str:
        """The name in reports and registries."""
        ...

    def problems(self) -> Sequence[Problem]:
        """All problems, in their published order."""
        ...


BENCHMARKS: dict[str, type[Benchmark]] = {
    "ds1000": Ds1000,
    "humaneval": HumanEval,
    "humaneval_plus": HumanEvalPlus,
    "leetcode": LeetCode,
    "mbpp": Mbpp,
    "mbpp_plus": MbppPlus,
    "livecodebench": LiveCodeBench,
    "enamel": Enamel,
    "effibench": EffiBench,
    "mercury": Mercury,
}
