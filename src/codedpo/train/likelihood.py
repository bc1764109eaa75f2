# pyright: basic, reportPrivateImportUsage=false
# (transformers is only partly typed)
"""Solutions of held-out tasks by class in; how likely the model finds each class as training goes on, out.

The motivating figure of preference training for code: SFT makes all programs of a task more likely, wrong and slow
ones with the right ones; DPO and RPO push those down.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import TypeAdapter

from codedpo.prompting import completion, solution_prompt
from codedpo.records import Message, Samples, Timing
from codedpo.store import write_text
from codedpo.train.data import ChatTokenizer, PromptCompletion
from codedpo.train.scoring import log_probabilities

Class = Literal["correct", "incorrect", "fast", "slow"]


@dataclass(frozen=True)
class Probe:
    """A solution of a held-out task whose probability is followed."""

    task_id: str
    kind: Class
    """`correct`, `incorrect`: highest and lowest score of the task; `fast`, `slow`: by the verdict of its timing."""
    prompt: list[Message]
    answer: list[Message]


@dataclass(frozen=True)
class Score:
    """How likely the model finds one solution."""

    task_id: str
    kind: Class
    value: float
    """Mean log-probability per token, nats."""


@dataclass(frozen=True)
class Likelihood:
    """How likely the model finds the followed solutions at one moment."""

    step: int
    """Optimiser steps done."""
    scores: tuple[Score, ...]
    """Of the same solutions, in the same order, at each step."""

    @property
    def means(self) -> Mapping[Class, float]:
        """By class: mean over solutions."""
        return {kind: float(np.mean([each.value for each in self.of(kind)])) for kind in self.counts}

    @property
    def counts(self) -> Mapping[Class, int]:
        """Solutions by class."""
        return Counter(score.kind for score in self.scores)

    def of(self, kind: Class) -> tuple[Score, ...]:
        """The scores of one class."""
        return tuple(score for score in self.scores if score.kind == kind)

    def tasks(self, kind: Class) -> set[str]:
        """Tasks with a solution of this class."""
        return {score.task_id for score in self.of(kind)}


def change(likelihoods: Sequence[Likelihood]) -> Likelihood:
    """What each solution gained from the first look to the last one, as a `Likelihood` of differences.

    Raises:
        ValueError: the looks are not at the same solutions, or there is none.
    """
    if not likelihoods:
        raise ValueError("no look at any solution")
    pairs = zip(likelihoods[0].scores, likelihoods[-1].scores, strict=True)
    gains = tuple(Score(last.task_id, last.kind, last.value - first.value) for first, last in pairs)
    return Likelihood(likelihoods[-1].step, gains)


def probes_of(
    timings: Iterable[Timing], held_out: frozenset[str], *, most: int = 2, most_tasks: int = 32
) -> Iterator[Probe]:
    """The solutions of held-out tasks to be followed: at most `most` of each class and task, different programs.

    Only tasks that tell two classes apart give any, and then both; the first `most_tasks` of them for correctness and
    the first for speed, so that following a training never costs more than the training.
    """
    told = {"score": 0, "speed": 0}
    for timing in timings:
        samples = timing.ranking.execution.samples
        if samples.task is None or samples.task.id not in held_out:
            continue
        for what, contrast in (("score", _by_score(timing)), ("speed", _by_speed(timing))):
            if contrast.is_told and told[what] < most_tasks:
                told[what] += 1
                yield from _class("correct" if what == "score" else "fast", contrast.better, samples, most)
                yield from _class("incorrect" if what == "score" else "slow", contrast.worse, samples, most)


@dataclass(frozen=True)
class _Contrast:
    """Indices of solutions at two ends."""

    better: Sequence[int]
    worse: Sequence[int]

    @property
    def is_told(self) -> bool:
        return bool(self.better) and bool(self.worse)


def _by_score(timing: Timing) -> _Contrast:
    scores = timing.ranking.solution_scores  # (n_solutions,)
    if not len(scores) or scores.max() == scores.min():
        return _Contrast((), ())
    return _Contrast(np.flatnonzero(scores == scores.max()).tolist(), np.flatnonzero(scores == scores.min()).tolist())


def _by_speed(timing: Timing) -> _Contrast:
    """Solutions that are called faster than some other and slower than none, and the reverse."""
    wins, losses = timing.faster.any(axis=1), timing.faster.any(axis=0)  # faster: (n_timed, n_timed)
    return _Contrast(timing.timed[wins & ~losses].tolist(), timing.timed[losses & ~wins].tolist())


def tokenise_probes(
    probes: Sequence[Probe], tokenizer: ChatTokenizer, *, max_length: int
) -> list[tuple[Probe, PromptCompletion]]:
    """Each with its token ids; those longer than `max_length` are left out, as they are in training."""
    rows = ((probe, tokenizer.answer(probe.prompt, probe.answer)) for probe in probes)
    return [(probe, sequence) for probe, sequence in rows if sequence.length <= max_length]


def likelihood(step: int, weights: Any, probes: Sequence[tuple[Probe, PromptCompletion]], *, pad: int) -> Likelihood:
    """Score all probes with the model as it is."""
    values = log_probabilities(weights, [sequence for _, sequence in probes], pad=pad)
    return Likelihood(
        step,
        tuple(
            Score(probe.task_id, probe.kind, float(value) / len(sequence.completion))
            for (probe, sequence), value in zip(probes, values, strict=True)
        ),
    )


class LikelihoodCurve:
    """Likelihoods at some steps of a training, kept in a file, so that one that goes on has those from before."""

    def __init__(self, path: Path, score: Callable[[int], Likelihood], *, writes: bool):
        """`writes`: whether this process is the one that keeps the file."""
        self._path, self._score, self._writes = path, score, writes
        lines = path.read_text().splitlines() if path.exists() else []
        self.found = [TypeAdapter(Likelihood).validate_json(line) for line in lines]

    def callback(self, points: int) -> Any:
        """For transformers' trainers: scores before the first step, after the last, and `points` times between."""
        from transformers import TrainerCallback

        curve = self

        class Follow(TrainerCallback):
            def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
                curve.found = [entry for entry in curve.found if entry.step <= state.global_step]
                curve.look(state.global_step)

            def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
                if state.global_step in {round(state.max_steps * part / (points + 1)) for part in range(points + 2)}:
                    curve.look(state.global_step)

        return Follow()

    def look(self, step: int) -> None:
        """Score at this step, once."""
        if any(entry.step == step for entry in self.found):
            return
        self.found.append(self._score(step))
        if self._writes:
            write_text(self._path, "".join(json.dumps(asdict(entry)) + "\n" for entry in self.found))


def _class(kind: Class, indices: Sequence[int], samples: Samples, most: int) -> Iterator[Probe]:
    task = samples.task
    assert task is not None
    programs = dict.fromkeys(samples.solutions[index] for index in indices)
    for program in list(programs)[:most]:
        yield Probe(task.id, kind, list(solution_prompt(task.text, task.signature)), [completion(program)])
