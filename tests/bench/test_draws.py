"""Draws are the same again for the same seed; each weakening does what it says."""

from __future__ import annotations

import numpy as np

from codedpo.bench.draws import (
    INVALID,
    SETTINGS,
    UNKNOWN,
    VALID,
    Shape,
    draw,
    with_fewer_valid,
    with_smoke,
    with_trivial,
)
from codedpo.bench.judging import JudgedTask
from codedpo.records import Outcome


def task(id: str = "a", n: int = 6, m: int = 5) -> JudgedTask:
    rng = np.random.default_rng(0)
    outcomes = rng.choice([Outcome.PASSED, Outcome.WRONG, Outcome.EXCEPTION], (n, m)).astype(np.uint8)
    outcomes[0] = Outcome.EXCEPTION
    outcomes[1] = [Outcome.TIMEOUT] * (m - 1) + [Outcome.WRONG]
    return JudgedTask(id, outcomes, np.arange(n) % 2 == 0, np.arange(m) < 4)


def test_draws_follow_from_task_and_seed_alone() -> None:
    first, again = (draw(task(), Shape(3, 3), count=50, seed=1) for _ in range(2))
    assert (first.passed == again.passed).all()
    assert (first.passed != draw(task(), Shape(3, 3), count=50, seed=2).passed).any()
    assert (first.passed != draw(task("b"), Shape(3, 3), count=50, seed=1).passed).any()


def test_a_draw_takes_no_row_twice_and_all_where_there_are_fewer() -> None:
    draws = draw(task(), Shape(15, 2), count=40, seed=0)
    assert draws.passed.shape == (40, 6, 2)
    assert (draws.right.sum(axis=1) == 3).all()


def test_trivial_tests_are_passed_by_all_and_are_not_judged() -> None:
    draws = draw(task(), Shape(4, 4), count=10, seed=0)
    more = with_trivial(draws, columns=2)
    assert more.passed[:, :, 4:].all()
    assert (more.passed[:, :, :4] == draws.passed).all()
    assert (more.valid[:, 4:] == UNKNOWN).all()


def test_smoke_tests_are_passed_where_a_solution_answers_in_any_cell() -> None:
    draws = with_smoke(draw(task(), Shape(6, 5), count=10, seed=0), columns=1)
    crashes = draws.passed.shape[1] - draws.passed[:, :, 5].sum(axis=1)
    assert (crashes == 1).all()  # the first solution always raises; the second times out but for one wrong answer


def test_half_of_the_valid_tests_are_left_out_and_no_other() -> None:
    draws = draw(task(), Shape(6, 5), count=30, seed=0)
    fewer = with_fewer_valid(draws)
    assert ((fewer.valid == VALID) & fewer.kept).sum(axis=1).tolist() == [2] * 30  # of 4
    assert ((fewer.valid == INVALID) & fewer.kept).sum(axis=1).tolist() == [1] * 30
    assert [matrix.shape for matrix in fewer.matrices()] == [(6, 3)] * 30
    assert len({tuple(kept) for kept in fewer.kept.tolist()}) > 1


def test_raw_changes_nothing() -> None:
    draws = draw(task(), Shape(3, 3), count=5, seed=0)
    assert SETTINGS["raw"](draws) is draws
