"""What is held equal, counted by hand: prompts, optimiser steps and what is scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jobs import make_pair

from codedpo.ablate.arms import Arm, arms_of
from codedpo.ablate.cut import CutArm, cut
from codedpo.ablate.tokens import chat_tokenizer
from codedpo.config import make_config
from codedpo.errors import ConfigError, RecordError
from codedpo.llms.loading import load_tokenizer, load_weights
from codedpo.models import locate
from codedpo.records import Pair
from codedpo.train.data import ChatTokenizer
from codedpo.trial import Material
from tiny_model import save_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings of torch and transformers are not ours to mend
HELD_OUT = frozenset({"6"})


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


def arms(tiny: Path, kind: str, train: dict[str, Any] | None = None, **ablations: Any) -> tuple[Arm, ...]:
    given = {"model": str(tiny), "batch_size": 2, **(train or {})}
    llm = {"kind": "openai", "model": "m"}
    return arms_of(make_config({"run_folder": "r", "llm": llm, "train": given, "ablations": ablations}), kind)


def material(*pairs: Pair) -> Material:
    return Material((*pairs, make_pair(6)), HELD_OUT)


def trained(arm: CutArm) -> list[str]:
    return [pair.task_id for pair in arm.material.pairs if pair.task_id not in HELD_OUT]


def faster(number: int) -> Pair:
    return make_pair(number, f"def add(a):\n    return {number} + a", kind="efficiency")


def test_rankers_are_cut_to_the_tasks_that_all_have_pairs_for(tiny: Path) -> None:
    # codedpo: 1 (two pairs), 2, 3; 5 is too long. count: 2, 3, 4, 5. In common: 2 and 3.
    long = make_pair(5, "x = 1\n" * 400)
    first = (make_pair(1), make_pair(1, "x = 1", "x = 2"), make_pair(2), make_pair(3), long, make_pair(6))
    second = (make_pair(2, "x = 3"), make_pair(3), make_pair(4), make_pair(5), make_pair(6, "x = 4"))
    codedpo, count = cut(
        "rankers", arms(tiny, "rankers", rankers=["codedpo", "count"]), [first, second], material(*first[:-1])
    )
    assert trained(codedpo) == trained(count) == ["2", "3"]
    assert (codedpo.counts.pairs_before, codedpo.counts.tasks_before, codedpo.counts.pairs) == (4, 3, 2)
    assert (count.counts.pairs_before, count.counts.tasks_before, count.counts.pairs) == (4, 4, 2)
    assert count.material.pairs[1].chosen_program == "x = 3"  # its own pairs to be trained on ...
    assert count.material.pairs[0] == codedpo.material.pairs[0] == make_pair(6)  # ... and the same to be scored on
    assert codedpo.arm.train.steps == count.arm.train.steps == 1  # 2 pairs, 2 a step


def test_a_ranker_with_pairs_for_next_to_no_task_does_not_take_them_from_the_others(tiny: Path) -> None:
    many = tuple(map(make_pair, (1, 2, 3, 4, 5, 7)))
    rankers = arms(tiny, "rankers", rankers=["codedpo", "count", "all_tests"])
    first, second, third = cut("rankers", rankers, [many, many[1:], many[2:3]], material(*many))
    assert trained(first) == trained(second) == ["2", "3", "4", "5", "7"]
    assert trained(third) == ["3"]
    assert [arm.counts.is_sparse for arm in (first, second, third)] == [False, False, True]
    assert {arm.arm.train.steps for arm in (first, second, third)} == {3}  # 5 pairs, 2 a step; the one pair comes again
    assert "not to be compared" in third.counts.describe()
    # A quarter of the tasks in the middle is enough to be cut to.
    first, second, third = cut("rankers", rankers, [many, many[:4], many[2:3]], material(*many))
    assert trained(first) == trained(second) == trained(third) == ["3"]


def test_methods_take_the_least_steps_that_any_would_do(tiny: Path) -> None:
    # 5 pairs of 3 tasks, batches of 2. RPO 3 steps; KTO 10 programs, 5; SFT 3 solutions, 2; SFT, then RPO 2 + 3.
    pairs = (make_pair(1), make_pair(2), make_pair(3), make_pair(1, "x = 1", "x = 2"), make_pair(2, "x = 1", "x = 2"))
    methods = arms(tiny, "methods", methods=["rpo", "kto", "sft", ["sft", "rpo"]])
    rpo, kto, sft, both = cut("methods", methods, [pairs] * 4, material(*pairs))
    assert [arm.counts.rows for arm in (rpo, kto, sft, both)] == [5, 10, 3, 5]
    assert {arm.counts.steps for arm in (rpo, kto, sft, both)} == {2}
    assert both.arm.train.only("sft").steps == both.arm.train.only("rpo").steps == 1
    given = cut("methods", arms(tiny, "methods", {"steps": 9}, methods=["rpo", "sft"]), [pairs] * 2, material(*pairs))
    assert [arm.arm.train.steps for arm in given] == [9, 9]


def test_kinds_of_pairs_are_cut_to_the_tasks_that_have_both(tiny: Path) -> None:
    pairs = (make_pair(1), faster(1), make_pair(2), faster(2), make_pair(3), faster(4))
    both, correctness, efficiency = cut("pairs", arms(tiny, "pairs"), [pairs] * 3, material(*pairs, faster(6)))
    assert (both.counts.pairs, correctness.counts.pairs, efficiency.counts.pairs) == (4, 2, 2)
    assert {pair.kind for pair in efficiency.material.pairs if pair.task_id != "6"} == {"efficiency"}
    assert {arm.counts.held_out_pairs for arm in (both, correctness, efficiency)} == {2}  # all are scored on both kinds
    assert both.counts.steps == 1  # two pairs of the smaller arms, two a step


def test_shares_are_nested_and_take_the_steps_of_the_whole(tiny: Path) -> None:
    pairs = tuple(make_pair(number) for number in (1, 2, 3, 4, 5, 7, 8, 9))
    whole, half, quarter = cut("data", arms(tiny, "data", data=[1.0, 0.5, 0.25]), [pairs] * 3, material(*pairs))
    assert [arm.counts.tasks for arm in (whole, half, quarter)] == [8, 4, 2]
    assert set(trained(quarter)) < set(trained(half)) < set(trained(whole))
    assert {arm.arm.train.steps for arm in (whole, half, quarter)} == {4}


def test_a_pair_that_no_model_may_see_whole_is_scored_by_none(tiny: Path) -> None:
    pairs = (make_pair(1), make_pair(2), make_pair(6, "x = 1\n" * 400))
    (arm,) = cut("models", arms(tiny, "models", models=[str(tiny)]), [pairs], material(*pairs))
    assert arm.counts.held_out_pairs == 1
    assert arm.material.pairs[0] == make_pair(6)


@pytest.mark.parametrize(
    ("kind", "ablations", "pairs", "text"),
    [
        (
            "pairs",
            {"pairs": ["both", "efficiency"]},
            [1, 2],
            r"the arm 'efficiency' has no pair to train on \(1 pairs: 1",
        ),
        ("data", {"data": [1.0, 0.9]}, [1, 2], r"2 tasks are too few for these shares \(100%: 2, 90%: 2 tasks\)"),
        ("data", {"data": [0.1]}, [1, 2], r"2 tasks are too few for these shares \(10%: 0 tasks\)"),
    ],
)
def test_what_cannot_be_compared_is_told(
    tiny: Path, kind: str, ablations: dict[str, Any], pairs: list[int], text: str
) -> None:
    given = arms(tiny, kind, **ablations)
    own = tuple(make_pair(number) for number in pairs)
    with pytest.raises((ConfigError, RecordError), match=text):
        cut(kind, given, [own] * len(given), material(*own))


def test_the_arm_that_shares_no_task_is_named(tiny: Path) -> None:
    given = arms(tiny, "rankers", rankers=["codedpo", "random"])
    own = (make_pair(1), make_pair(2))
    with pytest.raises(
        RecordError, match="'random' has pairs of 1 tasks, none of them among the 2 that the arms before"
    ):
        cut("rankers", given, [own, (make_pair(3),)], material(*own))


def test_chats_are_tokenised_as_in_training(tiny: Path) -> None:
    model = locate(str(tiny), tiny)
    mine, trainings = chat_tokenizer(model), ChatTokenizer.of(load_tokenizer(model), load_weights(model))
    assert mine.end_tokens == trainings.end_tokens
    pair = make_pair(1)
    assert mine.answer(pair.prompt, pair.chosen).key == trainings.answer(pair.prompt, pair.chosen).key
