"""Speed and truth of cross-execution, on real and on trivial data; ratios in one run.

python perf/execution.py real              real programs with their hangs and crashes, on one core
python perf/execution.py policy            what a longer time limit would have changed there
python perf/execution.py agree             the same cells, nothing shared: one judge and one process per test
python perf/execution.py load              the same again beside six busy processes, three times
python perf/execution.py correct           all HumanEval tests pass, against what the data set says
python perf/execution.py trivial --peers .peers/bin/python      (see perf/peers.py)
python perf/execution.py scale --tasks 2000
python perf/execution.py cores
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codedpo.records import Execution, Outcome
from codedpo.sandbox import Limits, Sandbox

DATA = Path(os.environ.get("CODEDPO_DATA", Path(__file__).parents[2] / "shared" / "data"))
UNDECIDED = (Outcome.TIMEOUT, Outcome.NOT_RUN)
FORKS = """
import os, time
def once():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
for _ in range(100):
    once()
start = time.perf_counter()
for _ in range(400):
    once()
print((time.perf_counter() - start) / 400)
"""
BUSY = "while True: pass"
Task = tuple[Sequence[str], Sequence[str]]


@dataclass(frozen=True)
class RealTask:
    """One line of the CodeGen-16B data."""

    id: str
    entry_point: str
    solutions: tuple[str, ...]
    tests: tuple[str, ...]
    correct: tuple[bool, ...]

    @property
    def task(self) -> Task:
        return self.solutions, self.tests


def real_tasks() -> list[RealTask]:
    with gzip.open(DATA / "codegen16b_humaneval_even.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [
        RealTask(
            row["task_id"], row["entry_point"], tuple(row["solutions"]), tuple(row["tests"]), tuple(row["correct"])
        )
        for row in rows
    ]


def trivial_task(number: int = 0) -> Task:
    """15 different solutions, 15 tests; a third of the cells pass."""
    solutions = [f"def f(x):\n    y = {number + k}\n    return x + {k % 3}\n" for k in range(15)]
    return solutions, [f"assert f({i}) == {i + 1}" for i in range(15)]


def small_task(number: int) -> Task:
    solutions, tests = trivial_task(number)
    return solutions[:3], tests[:3]


def pin(core: int) -> None:
    """The whole process tree from here on, on one core."""
    os.sched_setaffinity(0, {core})


def execute(tasks: Sequence[Task], *, workers: int = 1, limits: Limits = Limits()) -> tuple[list[Execution], float]:
    """Executions and seconds, start-up of the sandbox left out."""
    with Sandbox(workers=workers, limits=limits) as sandbox:
        list(sandbox.execute_many([trivial_task()] * workers))
        start = time.perf_counter()
        return list(sandbox.execute_many(tasks)), time.perf_counter() - start


def tally(executions: Sequence[Execution]) -> dict[str, int]:
    counts = collections.Counter(int(value) for execution in executions for value in execution.outcomes.ravel())
    return {Outcome(value).name.lower(): count for value, count in sorted(counts.items())}


def real(options: argparse.Namespace) -> None:
    """Decided cells per second on one core, time-outs included."""
    pin(options.core)
    executions, seconds = execute([row.task for row in real_tasks()])
    counts = tally(executions)
    cells = sum(counts.values())
    decided = cells - counts.get("not_run", 0)
    outside = np.concatenate([execution.judged_outside.ravel() for execution in executions])
    cpu = np.sort(np.concatenate([execution.cpu_seconds.ravel() for execution in executions]))
    cpu = cpu[np.isfinite(cpu)]
    print(f"{cells} cells in {seconds:.1f} s: {decided / seconds:.0f} decided cells/s on one core")
    print(f"outcomes: {counts}")
    print(f"judged outside the solution's process: {outside.mean():.2%}; {int((~outside).sum())} cells inside")
    gap = cpu[(cpu > 0.01) & (cpu < 0.2)]
    print(f"finished cells that used more than 10 ms: {len(gap)}, the longest {gap.max(initial=0) * 1e3:.0f} ms")


def policy(options: argparse.Namespace) -> None:
    """Cells that timed out or were not run: what they give with 3 s for each and no giving up."""
    rows = real_tasks()
    executions, _ = execute([row.task for row in rows], workers=options.workers)
    cells = [
        (row, int(solution), int(test), Outcome(execution.outcomes[solution, test]))
        for row, execution in zip(rows, executions, strict=True)
        for solution, test in np.argwhere(np.isin(execution.outcomes, UNDECIDED))
    ]
    generous = Limits(cpu_seconds=3, min_cpu_seconds=3, max_timeouts=10**6)
    again, _ = execute(
        [([row.solutions[i]], [row.tests[j]]) for row, i, j, _ in cells], workers=options.workers, limits=generous
    )
    changes = collections.Counter(
        (before.name.lower(), Outcome(execution.outcomes[0, 0]).name.lower())
        for (_, _, _, before), execution in zip(cells, again, strict=True)
    )
    for (before, after), count in sorted(changes.items()):
        print(f"{before:8s} -> with 3 s: {after:14s} {count:5d} cells")


def differing(rows: Sequence[RealTask], first: Sequence[Execution], second: Sequence[Execution]) -> list[str]:
    return [
        f"{row.id} solution {i} test {j}: {Outcome(a.outcomes[i, j]).name} / {Outcome(b.outcomes[i, j]).name}"
        for row, a, b in zip(rows, first, second, strict=True)
        for i, j in np.argwhere(a.outcomes != b.outcomes)
    ]


def agree(options: argparse.Namespace) -> None:
    """Every decided cell of the shared run against a run in which no two cells share anything."""
    rows = real_tasks()[:: options.every]
    executions, _ = execute([row.task for row in rows], workers=options.workers)
    cells = [
        (row, int(i), int(j), Outcome(execution.outcomes[i, j]))
        for row, execution in zip(rows, executions, strict=True)
        for i, j in np.argwhere(~np.isin(execution.outcomes, UNDECIDED))
    ]
    single, seconds = execute([([row.solutions[i]], [row.tests[j]]) for row, i, j, _ in cells], workers=options.workers)
    wrong = [
        f"{row.id} solution {i} test {j}: {before.name}, alone {Outcome(execution.outcomes[0, 0]).name}"
        for (row, i, j, before), execution in zip(cells, single, strict=True)
        if execution.outcomes[0, 0] != before
    ]
    print(f"{len(cells)} decided cells, one judge and one process each ({seconds:.0f} s): {len(wrong)} differ")
    print("\n".join(wrong[:50]))


@contextlib.contextmanager
def busy(processes: int) -> Iterator[None]:
    """Processes of ours that do nothing, as fast as they can."""
    started = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def load(options: argparse.Namespace) -> None:
    """Idle against six busy processes, three times; every cell must be the same."""
    rows = real_tasks()
    idle, seconds = execute([row.task for row in rows], workers=options.workers)
    print(f"idle: {seconds:.0f} s, {tally(idle)}")
    for repeat in range(3):
        with busy(6):
            loaded, seconds = execute([row.task for row in rows], workers=options.workers)
        wrong = differing(rows, idle, loaded)
        print(f"beside six busy processes, repeat {repeat + 1}: {seconds:.0f} s, {len(wrong)} cells differ")
        print("\n".join(wrong[:20]))


def correct(options: argparse.Namespace) -> None:
    """HumanEval's own tests on all programs, against the data set's `correct`."""
    from codedpo.benchmarks import HumanEval

    rows = real_tasks()
    tests = {problem.id: problem.test for problem in HumanEval(by_statements=True).problems()}
    executions, seconds = execute(
        [(row.solutions, [tests[row.id]]) for row in rows],
        workers=options.workers,
        limits=Limits(cpu_seconds=10, min_cpu_seconds=10),
    )
    wrong = [
        f"{row.id} solution {i}: the data set says {row.correct[i]}, here {Outcome(execution.outcomes[i, 0]).name}"
        + "".join(f" ({reason.text})" for reason in execution.reasons if reason.solution == i)
        for row, execution in zip(rows, executions, strict=True)
        for i in range(len(row.solutions))
        if bool(execution.passed[i, 0]) != row.correct[i]
    ]
    outside = np.mean([execution.judged_outside.mean() for execution in executions])
    print(f"{sum(len(row.solutions) for row in rows)} programs in {seconds:.0f} s, judged outside {outside:.1%}")
    print(f"{len(wrong)} differ from the data set")
    print("\n".join(wrong))


def fork_seconds() -> float:
    """One fork and wait of a bare `python -I -S`."""
    python = os.path.realpath(sys.executable)
    return float(subprocess.run([python, "-I", "-S", "-c", FORKS], capture_output=True, text=True, check=True).stdout)


def trivial(options: argparse.Namespace) -> None:
    """Executions per second on one core, against the fork limit and against other tools, in turns."""
    pin(options.core)
    rates, limits = [], []
    tasks = [trivial_task(100 * k) for k in range(40)]
    for _ in range(options.rounds):
        before = fork_seconds()
        executions, seconds = execute(tasks)
        limits.append(15 / ((before + fork_seconds()) / 2))
        rates.append(sum(execution.outcomes.size for execution in executions) / seconds)
    rate, limit = float(np.median(rates)), float(np.median(limits))
    share = float(np.median(np.array(rates) / np.array(limits)))
    print(f"15 x 15 trivial tests, one core, median of {options.rounds} rounds: {rate:.0f} executions/s")
    print(f"fork limit 15 / (fork + wait of a bare python -I -S): {limit:.0f}/s; share {share:.0%}")
    if options.peers:
        solutions, tests = tasks[0]
        task = json.dumps({"solutions": solutions, "tests": tests})
        command = [options.peers, str(Path(__file__).with_name("peers.py"))]
        peers = json.loads(subprocess.run(command, input=task, capture_output=True, text=True, check=True).stdout)
        for title, peer in peers.items():
            print(f"{title:34s} {peer:8.1f} executions/s: ours is {rate / peer:6.0f} times as fast")


@dataclass(frozen=True)
class TreeState:
    """What a process and all below it hold and have used."""

    memory: int
    """Resident bytes, shared pages counted in each process."""
    descriptors: int
    processes: int
    cpu_seconds: float
    """Of those alive and of all that ended below them."""


def tree_state(root: int) -> TreeState:
    stats: dict[int, list[str]] = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            stats[int(entry.name)] = (entry / "stat").read_text().rpartition(")")[2].split()
    tree, todo = set[int](), [root]
    while todo:
        process = todo.pop()
        tree.add(process)
        todo += [child for child, stat in stats.items() if int(stat[1]) == process]
    memory = descriptors = 0
    for process in tree:
        with contextlib.suppress(OSError):
            pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
            descriptors += len(os.listdir(f"/proc/{process}/fd"))
            memory += pages * os.sysconf("SC_PAGE_SIZE")
    ticks = sum(int(tick) for process in tree for tick in stats[process][11:15])
    return TreeState(memory, descriptors, len(tree), ticks / os.sysconf("SC_CLK_TCK"))


def scale(options: argparse.Namespace) -> None:
    """Many tasks through one sandbox: memory, descriptors, processes, time and processor time of each tenth.

    The trivial tasks are 3 x 3 here: what grows, grows with the number of tasks, and 100,000 must end today.
    """
    kinds = [row.task for row in real_tasks()] if options.real else [small_task(k) for k in range(50)]
    tenths: list[float] = []
    with Sandbox(workers=options.workers) as sandbox:
        list(sandbox.execute_many(kinds[:20]))
        states = [tree_state(os.getpid())]
        for _ in range(10):
            start = time.perf_counter()
            for _ in sandbox.execute_many(kinds[k % len(kinds)] for k in range(options.tasks // 10)):
                pass
            tenths.append(time.perf_counter() - start)
            states.append(tree_state(os.getpid()))
    cpu = np.diff([state.cpu_seconds for state in states]) / (options.tasks / 10)
    print(f"{options.tasks} tasks, {options.workers} workers; tasks/s of each tenth:")
    print("  " + " ".join(f"{options.tasks / 10 / seconds:.1f}" for seconds in tenths))
    print("processor milliseconds per task of each tenth:\n  " + " ".join(f"{1e3 * used:.2f}" for used in cpu))
    print(
        f"last tenth / first tenth: throughput {tenths[0] / tenths[-1]:.2f}, by processor time {cpu[0] / cpu[-1]:.2f}"
    )
    megabytes = [state.memory / 1e6 for state in states]
    print(f"memory MB    at the start {megabytes[0]:.0f}, most {max(megabytes):.0f}")
    print(f"descriptors  at the start {states[0].descriptors}, most {max(s.descriptors for s in states)}")
    print(f"processes    at the start {states[0].processes}, most {max(s.processes for s in states)}")


def cores(options: argparse.Namespace) -> None:
    """Two workers on two cores against one, the whole process tree on one core, in turns."""
    tasks = [row.task for row in real_tasks()] if options.real else [trivial_task(100 * k) for k in range(120)]
    ratios: list[float] = []
    both = sorted(os.sched_getaffinity(0))[-2:]
    for _ in range(options.rounds):
        os.sched_setaffinity(0, both[-1:])
        _, one = execute(tasks, workers=1)
        os.sched_setaffinity(0, both)
        _, two = execute(tasks, workers=2)
        ratios.append(one / two)
    print(f"two cores are {np.median(ratios):.2f} times one ({', '.join(f'{ratio:.2f}' for ratio in ratios)})")


PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    part.__name__: part for part in (real, policy, agree, load, correct, trivial, scale, cores)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="for what runs on one core")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--every", type=int, default=1, help="take every k-th task")
    parser.add_argument("--real", action="store_true", help="scale, cores: real instead of trivial tasks")
    parser.add_argument("--peers", default="", help="interpreter of the environment with the other tools")
    options = parser.parse_args()
    print(f"# {options.part}: {os.cpu_count()} cores, Python {sys.version.split()[0]}, Linux {os.uname().release}")
    PARTS[options.part](options)


if __name__ == "__main__":
    main()
