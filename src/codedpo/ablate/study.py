"""A configuration and an ablation's name in; every arm trained and measured, and what it came to, out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from codedpo.ablate.arms import Arm, arms_of
from codedpo.ablate.cut import Counts, CutArm, cut
from codedpo.config import Config
from codedpo.engine import Engine, StageResult
from codedpo.errors import ConfigError, ModelError, RecordError
from codedpo.evaluate import PassRate
from codedpo.job import local_folder, locked, require_what_comes_last
from codedpo.models import locate
from codedpo.places import place
from codedpo.progress import Observer
from codedpo.records import Pair
from codedpo.tools import RunTools
from codedpo.train.arguments import check_arguments
from codedpo.train.result import TrainResult
from codedpo.trial import Material, Workshop, gather, pass_rate, train_model


@dataclass(frozen=True)
class Training:
    """One training of an arm."""

    seed: int
    result: TrainResult
    after: PassRate | None
    folder: Path
    """Of the weights or the adapter."""


@dataclass(frozen=True)
class Trial:
    """What an arm came to."""

    arm: Arm
    counts: Counts
    before: PassRate | None
    trainings: tuple[Training, ...]
    """One a seed."""
    held_out_tasks: tuple[str, ...]
    """Of each held-out pair, in the order of a result's gains."""


@dataclass(frozen=True)
class Study:
    """A finished ablation."""

    kind: str
    config: Config
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class _Site:
    """Where an ablation is done."""

    kind: str
    config: Config
    folder: Path
    """On this machine."""
    tools: RunTools
    observer: Observer


class _Within:
    """An observer of an arm's steps, which it names by the arm."""

    def __init__(self, observer: Observer, arm: str):
        self._observer, self._arm = observer, arm

    def started(self, step: str, total: int | None) -> None:
        self._observer.started(f"{self._arm}: {step}", total)

    def advanced(self, step: str, *, rows: int = 0, answers: int = 0, tokens: int = 0) -> None:
        self._observer.advanced(f"{self._arm}: {step}", rows=rows, answers=answers, tokens=tokens)

    def expected(self, step: str, total: int) -> None:
        self._observer.expected(f"{self._arm}: {step}", total)

    def noted(self, step: str, lines: Sequence[str]) -> None:
        self._observer.noted(f"{self._arm}: {step}", lines)

    def finished(self, step: str, summary: str) -> None:
        self._observer.finished(f"{self._arm}: {step}", summary)


def study(config: Config, kind: str, *, observer: Observer) -> Study:
    """Do an ablation, or what is left of it: shards, trainings and verdicts that are there are not made again.

    Raises:
        CodeDPOError: what went wrong and what to do; everything done so far is kept.
    """
    arms = arms_of(config, kind)
    if config.train is not None and config.train.launch.nodes > 1:
        raise ConfigError("ablate: other machines join one training alone; take train.launch.nodes: 1")
    require_what_comes_last(config)
    _require_trainable(kind, arms)
    folder = local_folder(config)
    with locked(folder), RunTools(config, folder) as tools:
        site = _Site(kind, config, folder, tools, observer)
        ready = _prepare(site, arms)
        tools.stop_llm()
        for arm in ready:
            step = f"{arm.arm.name}: cut"
            observer.started(step, None)
            observer.finished(step, arm.counts.describe())
        return Study(kind, config, tuple(_try(site, arm) for arm in ready))


def _require_trainable(kind: str, arms: Sequence[Arm]) -> None:
    """A model that is missing, or an argument that a method does not know, is told before the first arm is trained."""
    for arm in arms:
        check_arguments(arm.train)
        if kind != "models":
            continue
        try:
            locate(arm.train.model, arm.config.cache_folder)
        except ModelError as error:
            raise ConfigError(f"ablations.models: {error}") from error


def _prepare(site: _Site, arms: Sequence[Arm]) -> tuple[CutArm, ...]:
    """Pairs of all arms; the tasks and pairs that all of them are scored on are the first one's."""
    if site.kind != "rankers":
        results = Engine(site.config, place(site.config.run_folder), site.tools, site.observer).run()
        shared = _material(site.config, results)
        return cut(site.kind, arms, [shared.pairs] * len(arms), shared)
    shared: Material | None = None
    pairs: list[Sequence[Pair]] = []
    for arm in arms:
        results = _run_arm(site, arm)
        shared = shared or _material(arm.config, results)
        pairs.append(tuple(results["pairs"].rows()))
    assert shared is not None
    return cut(site.kind, arms, pairs, shared)


def _material(config: Config, results: dict[str, StageResult]) -> Material:
    assert config.train is not None
    return gather(results["pairs"].rows(), results["timings"].rows, config.train)


def _run_arm(site: _Site, arm: Arm) -> dict[str, StageResult]:
    """Stages in the run's own folder: shards of the same recipe are found there, others are laid beside them."""
    dropped = f"ablations/{site.kind}/{arm.slug}.dropped.parquet"
    engine = Engine(arm.config, place(arm.config.run_folder), site.tools, _Within(site.observer, arm.name), dropped)
    try:
        return engine.run()
    except RecordError as error:
        raise RecordError(f"ablate {site.kind}: the arm '{arm.name}': {error}") from error


def _try(site: _Site, ready: CutArm) -> Trial:
    """Train and measure an arm with each seed."""
    config = ready.arm.config
    before = pass_rate(_workshop(site, ready.arm, config), None, "before")
    trainings: list[Training] = []
    for seed in range(config.seed, config.seed + config.ablations.seeds):
        shop = _workshop(site, ready.arm, replace(config, seed=seed))
        trained = train_model(shop, ready.material)
        trainings.append(Training(seed, trained.result, pass_rate(shop, trained, "after"), trained.folder))
    material = ready.material
    held_out = tuple(pair.task_id for pair in material.pairs if pair.task_id in material.held_out)
    return Trial(ready.arm, ready.counts, before, tuple(trainings), held_out)


def _workshop(site: _Site, arm: Arm, config: Config) -> Workshop:
    name = arm.name if config.ablations.seeds == 1 else f"{arm.name}, seed {config.seed}"
    return Workshop(config, site.folder, site.tools, _Within(site.observer, name))
