"""Shards to be made in, futures of what was made out: in this process's threads, other processes, or a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from codedpo.context import Advance, Tools
from codedpo.shards import Made, Work, make_shard

Make = Callable[[Work, Advance], Made]
"""Makes one shard, here or elsewhere; returns when it is on disk."""


class Executor:
    """Makes shards, `slots` at once: a thread for each, which makes it or waits for the process that does."""

    def __init__(self, name: str, slots: int, make: Make):
        self.name, self.slots = name, slots
        self._make = make
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix=name)

    def submit(self, work: Work, advance: Advance) -> Future[Made]:
        """Begin a shard; `advance` is told how it gets on, from another thread."""
        return self._threads.submit(self._make, work, advance)

    def close(self, *, wait: bool) -> None:
        """Take no more shards; `wait` for those under way."""
        self._threads.shutdown(wait=wait, cancel_futures=True)


def here(name: str, slots: int, tools: Tools) -> Executor:
    """An executor whose threads make the shards themselves."""
    return Executor(name, slots, lambda work, advance: make_shard(work, tools, advance))
