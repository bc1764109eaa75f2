"""A configuration and an ablation's name in, its arms out: each a configuration that differs in one thing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from codedpo.ablations import KINDS, chain_of
from codedpo.config import Config
from codedpo.errors import ConfigError
from codedpo.plugins import did_you_mean
from codedpo.train.settings import Train


@dataclass(frozen=True)
class Arm:
    """One variant."""

    name: str
    config: Config
    """The run's, with what this arm does otherwise."""
    kinds: tuple[str, ...] = ("correctness", "efficiency")
    """Of pairs that it is trained on."""
    share: float = 1.0
    """Of the tasks that it is trained on."""

    @property
    def train(self) -> Train:
        """How it is trained."""
        assert self.config.train is not None
        return self.config.train

    @property
    def slug(self) -> str:
        """Its name, fit for a file's."""
        return re.sub(r"[^\w.+-]+", "-", self.name)


def arms_of(config: Config, kind: str) -> tuple[Arm, ...]:
    """The arms of an ablation.

    Raises:
        ConfigError: no such ablation, no `train` section, an empty list, or settings that an arm's method cannot take.
    """
    if kind not in KINDS:
        raise ConfigError(f"ablate: '{kind}' is unknown{did_you_mean(kind, KINDS)}")
    if config.train is None:
        raise ConfigError("ablate: trains models, so the configuration needs a `train` section")
    if not getattr(config.ablations, kind):
        raise ConfigError(f"ablations.{kind}: names no arm; give a list, such as ablations.{kind}=[a, b]")
    return tuple(_ARMS[kind](config))


def _rankers(config: Config) -> Iterator[Arm]:
    """Rankers change the credible tests and so what is timed: pairs for correctness alone unless it is asked for."""
    for name in config.ablations.rankers:
        own = name == config.rankings.ranker
        rankings = replace(config.rankings, ranker=name, parameters=config.rankings.parameters if own else {})
        arm = replace(config, rankings=rankings)
        if not config.ablations.efficiency:
            arm = replace(arm, timings=None, pairs=replace(config.pairs, efficiency=False))
        yield Arm(name, arm)


def _methods(config: Config) -> Iterator[Arm]:
    by_method = config.train.by_method if config.train else {}
    for method in config.ablations.methods:
        chain = chain_of(method)
        own = {name: values for name, values in by_method.items() if name in chain}
        yield Arm("+".join(chain), _trained(config, method=method, by_method=own))


def _data(config: Config) -> Iterator[Arm]:
    for share in config.ablations.data:
        yield Arm(f"{100 * share:g}%", config, share=share)


def _pairs(config: Config) -> Iterator[Arm]:
    for kind in config.ablations.pairs:
        yield Arm(kind, config, kinds=Arm.kinds if kind == "both" else (kind,))


def _models(config: Config) -> Iterator[Arm]:
    for model in config.ablations.models:
        yield Arm(model, _trained(config, model=model))


def _trained(config: Config, **changes: Any) -> Config:
    assert config.train is not None
    try:
        return replace(config, train=replace(config.train, **changes))
    except ConfigError as error:
        raise ConfigError(f"ablations: with {changes}: {error}") from error


_ARMS = {"rankers": _rankers, "methods": _methods, "data": _data, "pairs": _pairs, "models": _models}
