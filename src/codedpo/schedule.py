"""Chains of shards to make in, all of them made out: in order within a chain, side by side between chains."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass

from codedpo.executors import Executor
from codedpo.shards import Made, Work


@dataclass(frozen=True)
class Job:
    """A shard to make, and who makes it."""

    depth: int
    """Place of its stage in the pipeline."""
    index: int
    """Place of the shard in its stage."""
    work: Work
    executor: Executor


def run_chains(
    chains: Iterable[Sequence[Job]], start: Callable[[Job], Future[Made]], finished: Callable[[Job, Made], None]
) -> None:
    """Make all shards; each job waits for the one before it in its chain and for a slot of its executor.

    Where several wait for a slot, the furthest stage goes first and then the lowest index: shards get through soon, and
    few are on the way. `start` and `finished` are called in this thread; the first error ends it.
    """
    waiting: dict[Executor, list[tuple[tuple[int, int], list[Job]]]] = defaultdict(list)
    free: dict[Executor, int] = {}
    running: dict[Future[Made], list[Job]] = {}

    def push(chain: list[Job]) -> None:
        """A chain's first job waits for its executor; the chain is in the order of its stages, last one first."""
        job = chain[-1]
        free.setdefault(job.executor, job.executor.slots)
        heapq.heappush(waiting[job.executor], ((-job.depth, job.index), chain))

    for jobs in chains:
        if jobs:
            push([*reversed(jobs)])
    while running or any(waiting.values()):
        for executor, heap in waiting.items():
            while heap and free[executor]:
                chain = heapq.heappop(heap)[1]
                running[start(chain[-1])] = chain
                free[executor] -= 1
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            chain = running.pop(future)
            job = chain.pop()
            free[job.executor] += 1
            finished(job, future.result())
            if chain:
                push(chain)
