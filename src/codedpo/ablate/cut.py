"""Arms with their pairs in, the same arms cut to the same prompts and the same optimiser steps out, and counted."""

from __future__ import annotations

import hashlib
import statistics
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from codedpo.ablate.arms import Arm
from codedpo.ablate.steps import rows_of, steps_of, with_steps
from codedpo.ablate.tokens import chat_tokenizer
from codedpo.errors import ConfigError, RecordError
from codedpo.models import locate
from codedpo.records import Pair
from codedpo.train.data import ChatTokenizer, PreferenceData, TokenisedPair, prepare
from codedpo.trial import Material

Part = TypeVar("Part")
_FEW = 0.25
"""Of the median number of tasks: an arm with fewer is sparse."""


@dataclass(frozen=True)
class Counts:
    """What an arm had and what it is trained on."""

    pairs_before: int
    """Pairs that it could be trained on, neither too long nor repeated."""
    tasks_before: int
    pairs: int
    tasks: int
    rows: int
    """What an epoch has: pairs, for KTO single programs, for SFT one solution of each task."""
    steps: int
    held_out_pairs: int
    is_sparse: bool = False
    """It has pairs for so few tasks that the others are not cut to them."""

    def describe(self) -> str:
        """In words."""
        sparse = "; too few tasks to cut the others to, so not to be compared with them" if self.is_sparse else ""
        return (
            f"{self.pairs_before} pairs of {self.tasks_before} tasks, cut to {self.pairs} pairs of {self.tasks} tasks; "
            f"{self.rows} rows, {self.steps} steps, {self.held_out_pairs} held-out pairs{sparse}"
        )


@dataclass(frozen=True)
class CutArm:
    """An arm that is ready to be trained."""

    arm: Arm
    """Its settings with the number of steps."""
    material: Material = field(repr=False)
    counts: Counts


def cut(kind: str, arms: Sequence[Arm], pairs: Sequence[Sequence[Pair]], shared: Material) -> tuple[CutArm, ...]:
    """Leave each arm the tasks that all arms have a pair for, or its share of them; and one number of steps.

    An arm with less than a quarter of the tasks that the arms have in the middle keeps what it has, and the others are
    not cut to it: a ranker that finds next to nothing would else leave nothing to any of them.

    Args:
        pairs: of each arm.
        shared: pairs of held-out tasks that all arms are scored on, the tasks, and solutions to follow.

    Raises:
        RecordError: an arm without pairs, no task in common.
        ConfigError: two shares of the same tasks, a chain of more methods than steps.
    """
    held_out = [pair for pair in shared.pairs if pair.task_id in shared.held_out]
    found = _prepare_all(arms, pairs, held_out, shared.held_out)
    for arm, data in zip(arms, found, strict=True):
        if not data.train:
            raise RecordError(f"ablate {kind}: the arm '{arm.name}' has no pair to train on ({_described(data)})")
    counts = [len(_tasks(data.train)) for data in found]
    sparse = [count < _FEW * statistics.median(counts) for count in counts]
    common = _common(kind, *_without(sparse, arms, found))
    kept = [
        data.train if is_sparse else _of_tasks(data.train, tasks)
        for data, tasks, is_sparse in zip(found, _shares(arms, common), sparse, strict=True)
    ]
    steps = _steps(kind, *_without(sparse, arms, kept))
    scored = Counter(_name(row.pair) for data in found for row in data.held_out)
    asked = replace(shared, pairs=tuple(pair for pair in held_out if scored[_name(pair)] == len(arms)))
    return tuple(
        _cut_arm(_stepped(arm, steps), data.train, rows, asked, is_sparse=is_sparse)
        for arm, data, rows, is_sparse in zip(arms, found, kept, sparse, strict=True)
    )


def _without(left_out: Sequence[bool], arms: Sequence[Arm], parts: Sequence[Part]) -> tuple[list[Arm], list[Part]]:
    """Arms and what belongs to them, without those that are left out."""
    places = [place for place, is_left_out in enumerate(left_out) if not is_left_out]
    return [arms[place] for place in places], [parts[place] for place in places]


def _stepped(arm: Arm, steps: int) -> Arm:
    return replace(arm, config=replace(arm.config, train=with_steps(arm.train, steps)))


def _prepare_all(
    arms: Sequence[Arm], pairs: Sequence[Sequence[Pair]], held_out: Sequence[Pair], tasks: frozenset[str]
) -> list[PreferenceData]:
    """The pairs of each arm as training would see them; arms with the same ones share the work."""
    known: dict[tuple[object, ...], PreferenceData] = {}
    found: list[PreferenceData] = []
    for arm, own in zip(arms, pairs, strict=True):
        longest = min(arm.train.only(method).max_length for method in arm.train.chain)
        key = (arm.train.model, arm.kinds, longest, id(own))
        if key not in known:
            trained = [pair for pair in own if pair.task_id not in tasks and pair.kind in arm.kinds]
            # The held-out ones first, so that for no arm one of them is a repetition.
            known[key] = prepare([*held_out, *trained], _tokenizer(arm), max_length=longest, held_out=tasks)
        found.append(known[key])
    return found


def _tokenizer(arm: Arm) -> ChatTokenizer:
    return chat_tokenizer(locate(arm.train.model or arm.config.llm.model, arm.config.cache_folder))


def _described(data: PreferenceData) -> str:
    found = data.check
    return (
        f"{found.pairs} pairs: {found.held_out} held out, {found.overlong} longer than train.max_length, "
        f"{found.identical} identical, {found.duplicate} repeated"
    )


def _tasks(rows: Sequence[TokenisedPair]) -> dict[str, None]:
    return dict.fromkeys(row.pair.task_id for row in rows)


def _common(kind: str, arms: Sequence[Arm], found: Sequence[PreferenceData]) -> set[str]:
    """Tasks for which every arm has a pair that is trained on."""
    common = set(_tasks(found[0].train))
    for arm, data in zip(arms, found, strict=True):
        left = common & set(_tasks(data.train))
        if not left:
            raise RecordError(
                f"ablate {kind}: no task has a pair in every arm: '{arm.name}' has pairs of {len(_tasks(data.train))} "
                f"tasks, none of them among the {len(common)} that the arms before it share; give more tasks or leave "
                "this arm out"
            )
        common = left
    return common


def _shares(arms: Sequence[Arm], tasks: Collection[str]) -> list[set[str]]:
    """The tasks of each arm: nested, chosen by a hash of their names."""
    ordered = sorted(tasks, key=lambda name: hashlib.sha256(f"share {name}".encode()).hexdigest())
    counts = {arm.share: round(arm.share * len(ordered)) for arm in arms}
    if 0 in counts.values() or len(set(counts.values())) < len(counts):
        told = ", ".join(f"{100 * share:g}%: {count}" for share, count in counts.items())
        raise ConfigError(f"ablations.data: {len(ordered)} tasks are too few for these shares ({told} tasks)")
    return [set(ordered[: counts[arm.share]]) for arm in arms]


def _of_tasks(rows: Sequence[TokenisedPair], tasks: Collection[str]) -> list[TokenisedPair]:
    return [row for row in rows if row.pair.task_id in tasks]


def _steps(kind: str, arms: Sequence[Arm], kept: Sequence[Sequence[TokenisedPair]]) -> int:
    """`train.steps`; else the least that an arm would do. Of shares of the data what the largest would do.

    With the least, the larger shares would never be shown what they have more.
    """
    if arms[0].train.steps:
        return arms[0].train.steps
    steps = {arm.name: steps_of(arm.train, rows) for arm, rows in zip(arms, kept, strict=True)}
    for name, count in steps.items():
        if not count:
            raise RecordError(f"ablate {kind}: the arm '{name}' has too few pairs for one batch of its method")
    return max(steps.values()) if kind == "data" else min(steps.values())


def _cut_arm(
    arm: Arm, before: Sequence[TokenisedPair], kept: Sequence[TokenisedPair], shared: Material, *, is_sparse: bool
) -> CutArm:
    counts = Counts(
        pairs_before=len(before), tasks_before=len(_tasks(before)), pairs=len(kept), tasks=len(_tasks(kept)),
        rows=rows_of(arm.train, kept), steps=arm.train.steps, held_out_pairs=len(shared.pairs),
        is_sparse=is_sparse,
    )  # fmt: skip
    return CutArm(arm, replace(shared, pairs=(*shared.pairs, *(row.pair for row in kept))), counts)


def _name(pair: Pair) -> tuple[str, ...]:
    return pair.task_id, pair.kind, pair.chosen_program, pair.rejected_program
