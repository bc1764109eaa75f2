"""What ablations compare: the `ablations` section of the configuration. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from codedpo.checks import require_at_least
from codedpo.errors import ConfigError
from codedpo.plugins import did_you_mean, resolve
from codedpo.rankers import RANKERS
from codedpo.train.methods import METHODS

KINDS = ("rankers", "methods", "data", "pairs", "models")
"""The ablations, by the names of the command's argument."""


@dataclass(frozen=True)
class Ablations:
    """The arms of each ablation; the first arm of a list is the one that the others are compared with."""

    rankers: tuple[str, ...] = ("codedpo", "count", "all_tests", "random", "codet", "rank_sum")
    """Names in `codedpo.RANKERS` or `package.module:Class`."""
    efficiency: bool = False
    """Rankers: make efficiency pairs too, for which solutions are timed anew for each ranker."""
    methods: tuple[str | tuple[str, ...], ...] = ("rpo", "dpo", "kto", "sft")
    """As `train.method`: names, or chains of them."""
    data: tuple[float, ...] = (1.0, 0.75, 0.5, 0.25)
    """Shares of the tasks that are trained on; a smaller one is a part of every larger one."""
    pairs: tuple[Literal["both", "correctness", "efficiency"], ...] = ("both", "correctness", "efficiency")
    models: tuple[str, ...] = ()
    """As `train.model`: packaged models, GGUF files, folders or hub ids, base or chat."""
    seeds: int = 1
    """Trainings of each arm, with the seeds `seed`, `seed` + 1 ..."""

    def __post_init__(self) -> None:
        require_at_least(self, "ablations", seeds=1)
        for name in self.rankers:
            resolve(name, RANKERS, "ablations.rankers")
        for name in (part for method in self.methods for part in chain_of(method)):
            if name not in METHODS:
                raise ConfigError(f"ablations.methods: '{name}' is unknown{did_you_mean(name, METHODS)}")
        for share in self.data:
            if not 0 < share <= 1:
                raise ConfigError(f"ablations.data: {share} must be above 0 and at most 1")
        for kind in KINDS:
            _require_different(kind, getattr(self, kind))


def chain_of(method: str | tuple[str, ...]) -> tuple[str, ...]:
    """The methods of an arm in order."""
    return (method,) if isinstance(method, str) else method


def _require_different(kind: str, arms: Sequence[object]) -> None:
    twice = [arm for place, arm in enumerate(arms) if arm in arms[:place]]
    if twice:
        raise ConfigError(f"ablations.{kind}: {twice[0]} is named twice")
