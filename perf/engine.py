"""What the engine itself costs: shards of rows that nothing is done with, made, found again, listed and joined.

python perf/engine.py shards [--shards 1563]     making, resuming, in the driver and in two processes
python perf/engine.py executors [--tasks 400]    executions and rankings in the driver and in processes
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from codedpo.config import Config, make_config
from codedpo.engine import Engine
from codedpo.progress import Silent
from codedpo.records import Samples, Task
from codedpo.store import write_records
from codedpo.tools import RunTools
from loopback import SOLUTIONS, TESTS

_ROWS = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("shards", "executors"))
    parser.add_argument("--shards", type=int, default=1563)
    parser.add_argument("--tasks", type=int, default=400)
    parser.add_argument("--processes", type=int, nargs="*", default=[0, 1, 2])
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="codedpo-engine-"))
    try:
        if arguments.part == "shards":
            _shards(folder, arguments.shards)
        else:
            _executors(folder, arguments.tasks, arguments.processes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _shards(folder: Path, shards: int) -> None:
    """One row a shard: nearly all that is left is the engine's own."""
    samples = _write_samples(folder, shards, solutions=2, tests=2)
    config = _config(folder / "run", samples, shard_size=1)
    made = _seconds(lambda: _run(config, "rankings"))
    again = _seconds(lambda: _run(config, "rankings"))
    files = sum(1 for _ in (folder / "run").rglob("*.parquet"))
    for what, took in (("made", made), ("found again", again)):
        per = 1e3 / shards / 2
        print(f"{shards} shards x 2 stages {what}: {per * took.wall:.2f} ms a shard, {per * took.cpu:.2f} of processor")
    print(f"{files} files; peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _executors(folder: Path, tasks: int, counts: list[int]) -> None:
    samples = _write_samples(folder, tasks, solutions=15, tests=15)
    for count in counts:
        config = _config(folder / f"run{count}", samples, shard_size=_ROWS)
        config = replace(config, executor=replace(config.executor, processes=count))
        executed = _seconds(lambda: _run(config, "executions"))  # noqa: B023
        ranked = _seconds(lambda: _run(config, "rankings"))  # noqa: B023
        for stage, took in (("executions", executed), ("rankings", ranked)):
            rate, cpu = tasks / took.wall, 1e3 * took.cpu / tasks
            print(f"processes={count}: {stage} {rate:.0f} tasks/s; processor time of the driver {cpu:.2f} ms a task")


def _write_samples(folder: Path, count: int, *, solutions: int, tests: int) -> Path:
    rows: list[Samples] = []
    for number in range(count):
        name = f"above_{number}"
        programs = [f"def {name}(numbers, k):\n    {SOLUTIONS[i % 5]}" for i in range(solutions)]
        asserts = [f"assert {TESTS[i % 4].format(f=name)}" for i in range(tests)]
        task = Task(str(number), "text", f"def {name}(numbers, k):", name, "", (), None, None)
        rows.append(Samples(task, tuple(programs), tuple(asserts), 0, 0, None, None))
    write_records(folder / "samples.parquet", Samples, rows)
    return folder / "samples.parquet"


def _config(folder: Path, samples: Path, *, shard_size: int) -> Config:
    llm = {"kind": "openai", "model": "none"}
    settings: dict[str, Any] = {"run_folder": str(folder), "llm": llm, "samples": {"path": str(samples)}}
    return make_config({**settings, "shard_size": shard_size})


def _run(config: Config, until: str) -> None:
    with RunTools(config, Path(config.run_folder)) as tools:
        Engine(config, Path(config.run_folder), tools, Silent()).run(until)


@dataclass(frozen=True)
class Took:
    """Seconds of the wall clock and of this process's processor time: the latter is the same on a loaded machine."""

    wall: float
    cpu: float


def _seconds(action: Callable[[], None]) -> Took:
    wall, cpu = time.perf_counter(), time.process_time()
    action()
    return Took(time.perf_counter() - wall, time.process_time() - cpu)


if __name__ == "__main__":
    main()
