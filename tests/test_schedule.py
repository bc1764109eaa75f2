"""Shards run in the order of their chain, side by side between chains, never more than an executor has slots."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from codedpo.executors import Executor
from codedpo.schedule import Job, run_chains
from codedpo.shards import Made, Shard, Work


class Log:
    """What was under way when, told by the jobs themselves."""

    def __init__(self, fails: str = ""):
        self.events: list[str] = []
        self.fails = fails
        self._lock = threading.Lock()

    def make(self, work: Work, advance: Any) -> Made:
        with self._lock:
            self.events.append(f"begin {work.shard.key}")
        time.sleep(0.01)
        with self._lock:
            self.events.append(f"end {work.shard.key}")
        if work.shard.key == self.fails:
            raise ValueError(work.shard.key)
        return Made(1, 1, 0)

    def most_at_once(self, stage: str) -> int:
        now = most = 0
        for event in self.events:
            if f" {stage}" in event:
                now += 1 if event.startswith("begin") else -1
                most = max(most, now)
        return most


def chain(index: int, *executors: Executor) -> list[Job]:
    return [
        Job(depth, index, Work(None, int, shard("x"), shard(f"{executor.name}{index}"), 0, Path()), executor)
        for depth, executor in enumerate(executors)
    ]


def shard(key: str) -> Shard:
    return Shard(key, Path(key))


def run_all(chains: Sequence[Sequence[Job]]) -> list[str]:
    finished: list[str] = []
    run_chains(
        chains,
        lambda job: job.executor.submit(job.work, lambda **_: None),
        lambda job, _: finished.append(job.work.shard.key),
    )
    return finished


def test_a_chain_runs_in_order_and_all_chains_run() -> None:
    log = Log()
    first, second = Executor("a", 3, log.make), Executor("b", 2, log.make)
    finished = run_all([chain(index, first, second) for index in range(12)])
    assert sorted(finished) == sorted(f"{name}{index}" for name in "ab" for index in range(12))
    for index in range(12):
        assert log.events.index(f"end a{index}") < log.events.index(f"begin b{index}")


def test_no_executor_gets_more_than_its_slots_and_two_work_at_once() -> None:
    log = Log()
    first, second = Executor("a", 3, log.make), Executor("b", 1, log.make)
    run_all([chain(index, first, second) for index in range(12)])
    assert log.most_at_once("a") == 3
    assert log.most_at_once("b") == 1
    begin = log.events.index("begin b0")
    assert any(event.startswith("begin a") for event in log.events[begin:])  # they overlap


def test_the_furthest_stage_goes_first_on_a_shared_executor() -> None:
    log = Log()
    only = Executor("a", 1, log.make)
    assert [job.depth for job in _order([chain(index, only, only, only) for index in range(3)])] == [0, 1, 2] * 3


def test_a_failure_ends_it_and_starts_no_more() -> None:
    log = Log(fails="a1")
    only = Executor("a", 1, log.make)
    with pytest.raises(ValueError, match="a1"):
        run_all([chain(index, only) for index in range(5)])
    only.close(wait=True)
    assert log.events[-1] == "end a1"


def test_nothing_to_make_is_fine() -> None:
    assert run_all([[], []]) == []


def _order(chains: Sequence[Sequence[Job]]) -> list[Job]:
    order: list[Job] = []
    run_chains(chains, lambda job: job.executor.submit(job.work, lambda **_: None), lambda job, _: order.append(job))
    return order
