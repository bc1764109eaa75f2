"""ENAMEL's canonical samples, judged and timed here, against the published scores: `python perf/agree_enamel.py`.

    python perf/agree_enamel.py --runs 2        # $CODEDPO_DATA: enamel; half an hour a run on an idle core
    python perf/agree_enamel.py --judge         # pass@1 alone, as `codedpo evaluate` judges (benchmarks.judging)

Published (arXiv 2406.06647, table 1): eff@1 and pass@1 of HumanEval's canonical solutions .458 and .908, of
HumanEval+'s .517 and .958. Verdicts must be the same here, but for the clock's part in them; e is of this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from codedpo.benchmarks import Problem
from codedpo.benchmarks.enamel import LIMITS, Enamel
from codedpo.benchmarks.enamel_timing import REPEATS, Score, score
from codedpo.benchmarks.judging import judge
from codedpo.benchmarks.oracle import Oracle
from codedpo.efficiency import eff_at_k
from codedpo.sandbox import Sandbox

DATA = Path(os.environ.get("CODEDPO_DATA", "../shared/data")) / "enamel"
PUBLISHED = {"humaneval-canonical": (0.458, 0.908), "humanevalplus-canonical": (0.517, 0.958)}


def programs(name: str, problems: Sequence[Problem]) -> list[str]:
    """The sample of each problem; the file's rows are in the order of HumanEval's ids."""
    samples = json.loads((DATA / f"{name}.json").read_text())
    return [samples[int(problem.id.split("/")[1])][0] for problem in problems]


def timed(name: str, problems: Sequence[Problem], repeats: int) -> list[Score]:
    with Sandbox(limits=LIMITS) as sandbox:
        pairs = zip(problems, programs(name, problems), strict=True)
        return [score(problem, program, sandbox, repeats=repeats) for problem, program in pairs]


def show(name: str, problems: Sequence[Problem], found: Sequence[Score]) -> None:
    passed = sum(one.passed for one in found)
    eff = sum(eff_at_k([one.value], 1) for one in found) / len(found)
    wanted_eff, wanted_pass = PUBLISHED[name]
    print(
        f"{name}: pass@1 {passed}/{len(found)} = {passed / len(found):.3f} (published {wanted_pass}),"
        f" eff@1 {eff:.3f} (published {wanted_eff})"
    )
    for problem, one in zip(problems, found, strict=True):
        if not one.passed:
            print(f"  {problem.id} fails: {one.reason[:100]}")
    n_ended = sum(bool(one.passed and one.reason) for one in found)
    print(f"  {n_ended} pass that were ended at a level above 0", flush=True)


def judged(name: str, problems: Sequence[Problem], folder: Path) -> None:
    oracle = Oracle(folder)
    with Sandbox(limits=LIMITS) as sandbox:
        faults = oracle.prepare(problems, sandbox)
        found = judge(list(zip(problems, programs(name, problems), strict=True)), sandbox, oracle)
    passed = sum(one.passed for one in found)
    print(f"{name}, benchmarks.judging: pass@1 {passed}/{len(found)}; references that fail: {faults or 'none'}")
    for problem, one in zip(problems, found, strict=True):
        if not one.passed:
            print(f"  {problem.id} fails: {one.reason[:100]}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--judge", action="store_true")
    options = parser.parse_args()
    start = time.monotonic()
    problems = Enamel(path=str(DATA / "enamel.csv"), every=options.every).problems()
    print(f"{len(problems)} problems, inputs made in {time.monotonic() - start:.0f} s", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in PUBLISHED:
            if options.judge:
                judged(name, problems, Path(folder))
    for run in range(0 if options.judge else options.runs):
        for name in PUBLISHED:
            start = time.monotonic()
            found = timed(name, problems, options.repeats)
            print(f"run {run + 1}, {time.monotonic() - start:.0f} s: ", end="")
            show(name, problems, found)


if __name__ == "__main__":
    main()
