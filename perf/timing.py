"""How often is a ratio of run times called right, and what does a decision cost? `python perf/timing.py [--quick]`.

Two functions with the same body and different loop counts, names and docstrings, so that their ratio is known; which
one is the faster is drawn anew for every decision. The ratio is checked by counting the byte codes that they execute.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import errno
import os
import platform
import random
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from codedpo.sandbox import Sandbox
from codedpo.sandbox.timing import TimingSettings, compare

RATIOS = (1.0, 1.05, 1.1, 1.25, 2.0)
SIZES = {"10 us": 270, "100 us": 2_700, "1 ms": 27_000}
"""Loop count of the faster function."""
BUSY_PROCESSES = 4
TEST = "assert f(7) >= 0"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cell:
    """One ratio, size and condition: its decisions."""

    ratio: float
    size: str
    condition: str
    calls: Counter[str]
    cpu_seconds: float
    """Of all processes of the benchmark but the busy ones, per decision."""
    wall_seconds: float
    batches: float
    """Mean number."""

    def row(self) -> str:
        n = self.calls.total()
        percent = [f"{100 * self.calls[call] / n:6.1f}" for call in ("right", "tie", "wrong")]
        costs = f"{self.cpu_seconds:7.2f} {self.wall_seconds:7.2f} {self.batches:7.1f}"
        return f"{self.condition:5} {self.size:>6} {self.ratio:5.2f} {n:5d} {' '.join(percent)} {costs}"


def program(loops: int, draw: random.Random) -> str:
    """A function of `loops` turns with a random name for its variable and a random docstring."""
    name = "".join(draw.choices("abcdeghijklmnopqrstuvwxyz", k=draw.randint(2, 12)))
    text = "x" * draw.randint(0, 300)
    return (
        f'def f(x):\n    """{text}"""\n    total = 0\n    for {name} in range({loops}):\n        total += {name} & x\n'
        "    return total\n"
    )


def byte_codes(source: str) -> int:
    """Number of byte codes that a call of `f` executes."""
    namespace: dict[str, object] = {}
    exec(source, namespace)
    count = 0

    def trace(frame: object, event: str, _: object) -> object:
        nonlocal count
        frame.f_trace_opcodes = True  # type: ignore[attr-defined]
        count += event == "opcode"
        return trace

    sys.settrace(trace)
    namespace["f"](7)  # type: ignore[operator]
    sys.settrace(None)
    return count


def measure(sandbox: Sandbox, ratio: float, size: str, *, condition: str, decisions: int) -> Cell:
    """Decide on the same ratio many times."""
    draw = random.Random(f"{ratio} {size} {condition}")
    calls: Counter[str] = Counter()
    batches = 0.0
    settings = TimingSettings()
    cpu, wall = tree_seconds(), time.monotonic()
    for _ in range(decisions):
        fast, slow = program(SIZES[size], draw), program(round(SIZES[size] * ratio), draw)
        swapped = draw.random() < 0.5
        comparison = compare(sandbox, (slow, fast) if swapped else (fast, slow), [TEST], settings)
        calls[judge(comparison.verdict(0, 1).call, "slower" if swapped else "faster", ratio)] += 1
        batches += comparison.seconds.shape[1] / settings.rounds / decisions
    cpu, wall = tree_seconds() - cpu, time.monotonic() - wall
    return Cell(ratio, size, condition, calls, cpu / decisions, wall / decisions, batches)


def judge(call: str, truth: str, ratio: float) -> str:
    """`right` means the faster function; at ratio 1 whatever is not a tie is wrong."""
    if call == "tie":
        return "tie"
    return "right" if call == truth and ratio > 1 else "wrong"


def instruction_counter() -> str:
    """Whether the kernel counts instructions for us (perf_event_open); the sandbox reads processor time either way."""
    if platform.machine() != "x86_64":
        return "not probed"
    attribute = struct.pack("=IIQ", 0, 112, 1).ljust(112, b"\0")  # hardware, size, instructions
    libc = ctypes.CDLL(None, use_errno=True)
    found = libc.syscall(298, attribute, 0, -1, -1, 0)
    if found < 0:
        return f"not offered ({errno.errorcode[ctypes.get_errno()]})"
    os.close(found)
    return "offered"


def tree_seconds() -> float:
    """Processor seconds of this process and all below it, ended ones included, the busy processes left out."""
    total, parents = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            parents[int(path.parent.name)] = int(fields[1])
            total[int(path.parent.name)] = sum(map(int, fields[11:15])) / _TICKS
    return sum(seconds for pid, seconds in total.items() if _descends(pid, parents))


def _descends(pid: int, parents: dict[int, int]) -> bool:
    while pid and pid != os.getpid():
        if pid in BUSY:
            return False
        pid = parents.get(pid, 0)
    return bool(pid)


BUSY: set[int] = set()
"""Process ids."""


@contextlib.contextmanager
def load(processes: int) -> Iterator[None]:
    """Busy processes for as long as the context lasts."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    BUSY.update(process.pid for process in running)
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()
        BUSY.clear()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 decisions at ratios 1 and 1.25, 5 at the others")
    parser.add_argument("--ratios", type=float, nargs="+", default=RATIOS)
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--conditions", nargs="+", default=["idle", "busy"], choices=["idle", "busy"])
    parser.add_argument("--decisions", type=int, default=100, help="at ratios 1 and 1.25; a third of it at the others")
    options = parser.parse_args()
    headline = 20 if options.quick else options.decisions
    draw = random.Random(0)
    for size, loops in SIZES.items():
        pairs = ((program(loops, draw), program(round(loops * ratio), draw)) for ratio in RATIOS)
        counted = [byte_codes(slow) / byte_codes(fast) for fast, slow in pairs]
        print(f"{size}: ratios by byte codes", *(f"{ratio:.4f}" for ratio in counted))
    print(f"instruction counter: {instruction_counter()}; load average {os.getloadavg()[0]:.1f}")
    print("cond.   size ratio     n right%   tie% wrong%   cpu s  wall s batches")
    for condition in options.conditions:
        with load(BUSY_PROCESSES if condition == "busy" else 0), Sandbox(workers=1) as sandbox:
            for size in options.sizes:
                for ratio in options.ratios:
                    decisions = headline if ratio in (1.0, 1.25) else max(5, headline // 3)
                    cell = measure(sandbox, ratio, size, condition=condition, decisions=decisions)
                    print(cell.row(), flush=True)


if __name__ == "__main__":
    main()
