"""The pair rule, clause by clause."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asked import Surroundings
from codedpo.errors import ConfigError
from codedpo.pairing.filters import Selection
from codedpo.pipeline import ChoosePairs
from codedpo.records import Execution, Pair, Ranking, Samples, Task, Timing
from codedpo.store import write_records

TASK = Task("t", "Add one.", "def f(x: int) -> int:", "f", "", (), None, None)
PROGRAMS = (
    "def f(x): return x + 1",
    "def f(x): return 1 + x",
    "def f(x): return x",
    "def f(x):\n    # same\n    return x + 1",
)


def timing(
    passed: list[list[int]],
    scores: list[float],
    timed: tuple[int, ...] | list[int] = (),
    seconds: list[list[float]] | tuple[()] = (),
) -> Timing:
    matrix = np.array(passed, bool)
    tests = tuple(f"assert f({j}) == {j + 1}" for j in range(matrix.shape[1]))
    samples = Samples(TASK, PROGRAMS[: len(matrix)], tests, 0, 0, None, None)
    execution = Execution(
        samples, (~matrix).astype(np.uint8), np.zeros(matrix.shape, np.float32), np.zeros(matrix.shape, bool), ()
    )
    ranking = Ranking(
        execution,
        "codedpo",
        np.array(scores),
        matrix.sum(axis=0).astype(float),
        matrix[0],
        np.zeros(matrix.shape[1], np.uint8),
    )
    rounds = np.array(seconds, float) if timed else np.empty((0, 3))
    faster = (rounds[:, None] < rounds).all(axis=2)  # what a comparison would call so
    return Timing(ranking, np.array(timed, np.int32), rounds, faster)


def chosen(selection: Selection) -> tuple[int, int] | str:
    """The only pair of a selection, or the reason that stopped most candidates."""
    if not selection.choices:
        return selection.stopped.most_common()[0][0]
    (choice,) = selection.choices
    return choice.chosen, choice.rejected


def test_the_top_solution_is_preferred_to_the_bottom_one() -> None:
    assert chosen(ChoosePairs().correctness(timing([[1, 1], [1, 0], [0, 0]], [3.0, 2.0, 1.0]).ranking)) == (0, 2)


@pytest.mark.parametrize(
    ("passed", "scores", "reason"),
    [
        ([[1, 1], [1, 1]], [2.0, 2.0], "scores tie or differ too little"),
        ([[1, 1], [1, 1]], [2.0, 1.9], "scores tie or differ too little"),
        ([[0, 0], [0, 0]], [0.0, 0.0], "scores tie or differ too little"),
        ([[1, 1], [1, 1]], [2.0, 1.0], "chosen passes too few informative tests"),
        ([[1, 1], [1, 0], [1, 0], [0, 0]], [2.0, 1.5, 1.5, 1.0], "the two programs are the same"),
    ],
)
def test_no_correctness_pair_has_a_reason(passed: list[list[int]], scores: list[float], reason: str) -> None:
    assert chosen(ChoosePairs().correctness(timing(passed, scores).ranking)) == reason


def test_the_faster_of_two_credible_solutions_is_preferred() -> None:
    given = timing([[1], [1]], [2.0, 2.0], [0, 1], [[2.0, 2.2, 2.1], [1.0, 1.1, 1.3]])
    assert chosen(ChoosePairs().speed(given)) == (1, 0)


def test_the_highest_ratio_among_those_called_faster_is_taken() -> None:
    seconds = [[1.0, 1.1], [4.0, 4.2], [2.0, 2.1], [1.2, 1.0]]
    given = timing([[1]] * 4, [2.0] * 4, [0, 1, 2, 3], seconds)
    assert chosen(ChoosePairs().speed(given)) == (0, 1)
    given.faster[0] = False  # fastest, but not shown to be, or not trusted
    assert chosen(ChoosePairs().speed(given)) == (3, 1)


def test_a_slower_one_of_equal_score_stands_in_for_the_slowest_of_higher_score() -> None:
    seconds = [[1.0, 1.0], [4.0, 4.0], [2.0, 2.0]]
    assert chosen(ChoosePairs().speed(timing([[1]] * 3, [1.0, 2.0, 1.0], [0, 1, 2], seconds))) == (0, 2)


@pytest.mark.parametrize(
    ("timed", "seconds", "scores", "reason"),
    [
        ([], [], [2.0, 2.0], "nothing was timed"),
        ([0, 1], [[1.0, 1.0], [np.nan, 1.0]], [2.0, 2.0], "fewer than two solutions passed again"),
        ([0, 1], [[1.0, 1.0], [1.05, 1.05]], [2.0, 2.0], "run times differ too little"),
        ([0, 1], [[1.0, 3.0], [2.0, 2.0]], [2.0, 2.0], "no run time is shown to be shorter than another"),
        ([0, 1], [[1.0, 1.0], [2.0, 2.0]], [1.0, 2.0], "the faster one has the lower score"),
    ],
)
def test_no_efficiency_pair_has_a_reason(
    timed: list[int], seconds: list[list[float]], scores: list[float], reason: str
) -> None:
    assert chosen(ChoosePairs().speed(timing([[1], [1]], scores, timed, seconds))) == reason


SPREAD = ([[1, 1], [1, 1], [0, 0]], [2.0, 2.0, 0.0])


def run(stage: ChoosePairs, given: list[Timing], folder: Path, skipped: frozenset[int] = frozenset()):
    """The pairs of a stage and the (what, reason, detail) of what it dropped."""
    around = Surroundings(None, folder)
    pairs: list[Pair] = list(stage(given, replace(around.context, skipped=skipped)))
    return pairs, [(what, reason, detail) for what, _, reason, detail in around.dropped]


def test_a_filter_that_stops_the_first_of_tied_candidates_leaves_the_next(tmp_path: Path) -> None:
    given = timing([[1, 1], [1, 1], [1, 0], [0, 0]], [2.0, 2.0, 1.0, 0.0])
    pairs, dropped = run(ChoosePairs(efficiency=False), [given], tmp_path)
    assert [(pair.chosen_index, pair.rejected_index) for pair in pairs] == [(1, 3)]
    assert dropped == [("correctness candidate", "the two programs are the same", "1 candidates")]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"max_length_ratio": 1.1}, "one program is too much longer than the other"),
        ({"min_text_difference": 1.1}, "the texts differ too little"),
        ({"min_tree_difference": 0.9}, "the syntax trees differ too little"),
        ({"min_informative_tests": 3}, "chosen passes too few informative tests"),
        ({"rule": "acecoder"}, "no candidate by the rule acecoder"),
        ({"min_margin": 1.1}, "scores tie or differ too little"),
    ],
)
def test_each_filter_names_itself(settings: dict[str, float], reason: str, tmp_path: Path) -> None:
    pairs, dropped = run(ChoosePairs(efficiency=False, **settings), [timing(*SPREAD)], tmp_path)  # type: ignore[arg-type]
    assert not pairs
    assert [(what, why) for what, why, _ in dropped] == [("correctness", reason)]


def test_at_most_so_many_pairs_of_a_kind_are_kept(tmp_path: Path) -> None:
    for limit, expected in ((1, [(0, 2)]), (2, [(0, 2), (1, 2)]), (5, [(0, 2), (1, 2)])):
        pairs, _ = run(ChoosePairs(max_pairs=limit, efficiency=False), [timing(*SPREAD)], tmp_path)
        assert [(pair.chosen_index, pair.rejected_index) for pair in pairs] == expected


def test_equal_programs_make_one_pair_of_a_task(tmp_path: Path) -> None:
    given = timing([[1, 1], [1, 0], [0, 0], [1, 1]], [2.0, 1.0, 0.0, 2.0])  # programs 0 and 3 are the same
    pairs, dropped = run(ChoosePairs(rule="over_margin", max_pairs=2, efficiency=False), [given], tmp_path)
    assert [(pair.chosen_index, pair.rejected_index) for pair in pairs] == [(0, 2), (1, 2)]
    assert ("correctness candidate", "equals another pair of the task", "1 candidates") in dropped


def test_only_efficiency_pairs_tell_run_times(tmp_path: Path) -> None:
    given = timing([[1, 1], [1, 1], [0, 0]], [2.0, 2.0, 0.0], [0, 1], [[2.0, 2.2], [1.0, 1.1]])
    (correctness, efficiency), _ = run(ChoosePairs(), [given], tmp_path)
    assert math.isnan(correctness.chosen_seconds) and correctness.timed_on == ""
    assert (efficiency.chosen_seconds, efficiency.timed_on) == (pytest.approx(1.05), "tests")


def test_the_differing_middle_is_marked_in_the_answers(tmp_path: Path) -> None:
    (pair,), _ = run(ChoosePairs(efficiency=False), [timing(*SPREAD)], tmp_path)
    chosen, rejected = pair.chosen[0]["content"], pair.rejected[0]["content"]
    assert chosen[slice(*pair.chosen_middle)] == " + 1"
    assert rejected[slice(*pair.rejected_middle)] == ""
    assert chosen[: pair.chosen_middle[0]] == rejected[: pair.rejected_middle[0]]


def renamed(given: Timing, name: str) -> Timing:
    """The same timing of a task whose function has another name."""
    ranking, execution = given.ranking, given.ranking.execution
    samples = replace(
        execution.samples,
        task=replace(TASK, id=name, entry_point=name, signature=f"def {name}(x: int) -> int:"),
        solutions=tuple(program.replace("def f(", f"def {name}(") for program in execution.samples.solutions),
    )
    return replace(given, ranking=replace(ranking, execution=replace(execution, samples=samples)))


def test_a_pair_of_an_earlier_task_is_left_out_across_shards(tmp_path: Path) -> None:
    given = timing(*SPREAD)
    shards = [tmp_path / "0.parquet", tmp_path / "1.parquet"]
    write_records(shards[0], Timing, [given])
    write_records(shards[1], Timing, [timing([[0], [1]], [0.0, 1.0]), renamed(given, "g")])
    stage = ChoosePairs(efficiency=False)
    skipped = list(stage.skips(shards))
    assert skipped == [frozenset(), frozenset({1})]
    pairs, dropped = run(stage, [timing([[0], [1]], [0.0, 1.0]), renamed(given, "g")], tmp_path, skipped[1])
    assert [pair.task_id for pair in pairs] == ["t"]
    assert dropped == [
        ("correctness", "equals a pair of an earlier task", "equals a pair of an earlier task: 1"),
    ]
    assert not any(replace(stage, drop_repeats=False).skips(shards))


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ConfigError, match="choose from: top_bottom"):
        ChoosePairs(rule="best")
