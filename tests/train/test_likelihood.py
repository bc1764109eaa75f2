"""Which solutions are followed, worked out by hand; their curve on a real, tiny model, interrupted or not."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from forked import in_fork
from jobs import make_job, make_pair, make_settings, run_job

from codedpo.llms.loading import load_tokenizer, load_weights
from codedpo.models import locate
from codedpo.prompting import completion, solution_prompt
from codedpo.records import Execution, Ranking, Samples, Task, Timing
from codedpo.train.data import ChatTokenizer
from codedpo.train.likelihood import Probe, likelihood, probes_of, tokenise_probes
from codedpo.train.settings import Train
from codedpo.train.trainer import train
from codedpo.trial import gather
from tiny_model import save_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings of torch and transformers are not ours to mend
ALL = frozenset({"t"})


def timed(scores: list[float], faster: list[tuple[int, int]], programs: str = "abcdef", task: str = "t") -> Timing:
    """Solutions a, b, ... with these scores; each pair of indices says that the first is faster than the second."""
    count = len(scores)
    the_task = Task(task, "Add one.", "def f(x: int) -> int:", "f", "", (), None, None)
    samples = Samples(the_task, tuple(programs[:count]), ("assert f(1) == 2",), 0, 0, None, None)
    empty = np.zeros((count, 1))
    execution = Execution(samples, empty.astype(np.uint8), empty.astype(np.float32), empty.astype(bool), ())
    ranking = Ranking(
        execution, "codedpo", np.array(scores), np.ones(1), np.ones(1, bool), np.zeros(1, np.uint8)
    )  # fmt: skip
    indices = sorted({index for pair in faster for index in pair})
    verdicts = np.zeros((len(indices), len(indices)), bool)
    for better, worse in faster:
        verdicts[indices.index(better), indices.index(worse)] = True
    return Timing(ranking, np.array(indices, np.int32), np.ones((len(indices), 3)), verdicts)


def found(timing: Timing, **limits: int) -> dict[str, str]:
    """The programs of each class, in order."""
    classes: dict[str, str] = {}
    for probe in probes_of([timing], ALL, **limits):
        program = probe.answer[0]["content"].removeprefix("```python\n").removesuffix("\n```")
        classes[probe.kind] = classes.get(probe.kind, "") + program
    return classes


@pytest.mark.parametrize(
    ("timing", "classes"),
    [
        # 3 is the highest score, 1 the lowest; b lies between and says nothing
        (timed([3, 2, 1], []), {"correct": "a", "incorrect": "c"}),
        # ties at both ends: two of each at most, in the order in which they were written
        (timed([3, 3, 3, 1, 1, 1], []), {"correct": "ab", "incorrect": "de"}),
        # all alike: nobody knows which are right
        (timed([2, 2, 2], []), {}),
        # a and b are one program: it counts once, and the third with that score comes in
        (timed([3, 3, 3, 1], [], "aacd"), {"correct": "ac", "incorrect": "d"}),
        # c is faster than a, and a than b: a is faster than one and slower than another, so it is neither
        (timed([2, 2, 2], [(2, 0), (2, 1), (0, 1)]), {"fast": "c", "slow": "b"}),
        # both
        (timed([2, 2, 1], [(1, 0)]), {"correct": "ab", "incorrect": "c", "fast": "b", "slow": "a"}),
        # a circle has neither a fastest nor a slowest
        (timed([2, 2, 2], [(0, 1), (1, 2), (2, 0)]), {}),
        # nothing could be run
        (timed([], []), {}),
    ],
)
def test_classes_are_the_two_ends_of_a_task(timing: Timing, classes: dict[str, str]) -> None:
    assert found(timing) == classes


def test_tasks_that_are_trained_on_give_none() -> None:
    assert not list(probes_of([timed([2, 1], [], task="other")], ALL))
    assert not list(probes_of([replace_samples_task(timed([2, 1], []))], ALL))


def replace_samples_task(timing: Timing) -> Timing:
    ranking = timing.ranking
    samples = replace(ranking.execution.samples, task=None)
    return replace(timing, ranking=replace(ranking, execution=replace(ranking.execution, samples=samples)))


def test_a_large_run_is_followed_on_a_part_of_its_tasks() -> None:
    names = [f"t{number}" for number in range(9)]
    timings = [timed([2, 1], [(0, 1)] if number > 5 else [], task=name) for number, name in enumerate(names)]
    kinds = [(probe.task_id, probe.kind) for probe in probes_of(timings, frozenset(names), most_tasks=2)]
    assert kinds == [
        ("t0", "correct"), ("t0", "incorrect"), ("t1", "correct"), ("t1", "incorrect"),
        ("t6", "fast"), ("t6", "slow"), ("t7", "fast"), ("t7", "slow"),
    ]  # fmt: skip


def test_tasks_are_held_out_before_pairs_are_looked_at() -> None:
    timings = [timed([2, 1], [], task=str(number)) for number in range(10)]
    with_pairs = gather([make_pair(number) for number in range(10)], lambda: timings, Train(held_out=0.3))
    assert with_pairs.held_out == gather([], lambda: timings, Train(held_out=0.3)).held_out
    assert len(with_pairs.held_out) == 3
    assert {probe.task_id for probe in with_pairs.probes} == with_pairs.held_out
    assert len(with_pairs.pairs) == 10


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


def probes() -> Iterator[Probe]:
    prompt = list(solution_prompt("Add 9.", "def add(a: int) -> int:"))
    yield Probe("9", "correct", prompt, [completion("def add(a):\n    return a + 9")])
    yield Probe("9", "correct", prompt, [completion("def add(a):\n    return 9 + a")])
    yield Probe("9", "incorrect", prompt, [completion("def add(a):\n    return a")])
    yield Probe("9", "incorrect", prompt, [completion("x" * 5000)])  # too long to be trained on, so left out


def test_a_curve_begins_with_the_model_as_it_is_and_has_points_between(tiny: Path, tmp_path: Path) -> None:
    settings = make_settings(steps=10, likelihood_points=3)
    result = run_job(make_job(settings, tiny, [make_pair(n) for n in range(3)], tmp_path / "o", probes=tuple(probes())))
    # round(10 x 0, 1, 2, 3, 4 quarters); 2.5 and 7.5 round to the even one
    assert [entry.step for entry in result.likelihoods] == [0, 2, 5, 8, 10]
    assert all(entry.counts == {"correct": 2, "incorrect": 1} for entry in result.likelihoods)
    model = locate(str(tiny), tiny)
    weights = load_weights(model)
    chat = ChatTokenizer.of(load_tokenizer(model), weights)
    tokens = tokenise_probes(list(probes()), chat, max_length=1024)
    assert [probe.kind for probe, _ in tokens] == ["correct", "correct", "incorrect"]
    start = likelihood(0, weights, tokens, pad=0)
    assert result.likelihoods[0].means == pytest.approx(start.means, rel=1e-5)
    each = [likelihood(0, weights, [entry], pad=0).means["correct"] for entry in tokens[:2]]
    assert start.means["correct"] == pytest.approx(sum(each) / 2)  # a mean over programs of a mean over tokens
    assert result.likelihoods[-1].means["correct"] != pytest.approx(start.means["correct"], rel=1e-3)


def test_a_training_without_points_is_looked_at_before_and_after(tiny: Path, tmp_path: Path) -> None:
    settings = make_settings(steps=3, likelihood_points=0)
    result = run_job(make_job(settings, tiny, [make_pair(1)], tmp_path / "o", probes=tuple(probes())))
    assert [entry.step for entry in result.likelihoods] == [0, 3]


def test_a_training_killed_midway_has_the_same_curve_as_one_that_was_not(tiny: Path, tmp_path: Path) -> None:
    settings = make_settings(steps=8, likelihood_points=7, save_steps=3)
    pairs = [make_pair(n) for n in range(4)]
    whole = run_job(make_job(settings, tiny, pairs, tmp_path / "whole", probes=tuple(probes())))
    job = make_job(settings, tiny, pairs, tmp_path / "killed", probes=tuple(probes()))

    def kill(step: int, _: int) -> None:
        if step == 5:
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_fork(lambda: train(job, on_step=kill)) == -signal.SIGKILL
    kept = (tmp_path / "killed" / "0-rpo" / "likelihood.jsonl").read_text()
    assert len(kept.splitlines()) == 6  # steps 0 to 5; it goes on from the checkpoint of step 3
    steps: list[int] = []
    resumed = train(job, on_step=lambda step, _: steps.append(step))
    assert steps == [4, 5, 6, 7, 8]
    assert [entry.step for entry in resumed.likelihoods] == list(range(9))
    for one, other in zip(resumed.likelihoods, whole.likelihoods, strict=True):
        assert one.means == pytest.approx(other.means, rel=1e-5)
