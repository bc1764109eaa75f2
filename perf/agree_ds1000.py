"""DS-1000's verdicts against the published ones: `python perf/agree_ds1000.py --answers codex002 --library Pandas`.

    make ds1000-env
    python perf/agree_ds1000.py --answers gpt-4-0613 --python .ds1000/bin/python     # all libraries, $CODEDPO_DATA
    python perf/agree_ds1000.py --answers references                                # must all pass

Upstream publishes answers and the share that passes, by library and by perturbation, and no verdict on an answer: what
is compared is the number of passes. `--failed` names the answers that do not pass, and why.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from codedpo.benchmarks import Problem
from codedpo.benchmarks.ds1000 import Ds1000
from codedpo.benchmarks.judging import Judgement, judge
from codedpo.benchmarks.oracle import Oracle
from codedpo.evaluate import sandbox_for
from codedpo.sandbox import Sandbox, SandboxSettings

DATA = Path(os.environ.get("CODEDPO_DATA", "../shared/data"))
_LINE = re.compile(r"^(\S+)\s+(\d+)\s+(\d\.\d+)$", re.MULTILINE)


def published(answers: str) -> dict[str, int]:
    """Passes by library and by perturbation."""
    if answers == "references":
        return {}
    text = (DATA / "ds1000" / f"{answers}-result.txt").read_text()
    return {name: round(int(count) * float(mean)) for name, count, mean in _LINE.findall(text)}


def programs(answers: str, problems: Sequence[Problem]) -> list[str]:
    """As upstream finds them."""
    if answers == "references":
        return [problem.reference for problem in problems]
    with gzip.open(DATA / "ds1000" / f"{answers}-answers.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    codes = {row["metadata"]["problem_id"]: row["code"] for row in rows}
    texts = [codes[int(problem.id.split("/")[1])] for problem in problems]
    answers_of = [text if isinstance(text, str) else str(text[0]) for text in texts]
    return [problem.extract(text, published=True) or "" for problem, text in zip(problems, answers_of, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", default="codex002", choices=["codex002", "gpt-4-0613", "references"])
    parser.add_argument("--library", action="append", default=[], help="only this one; may be given more than once")
    parser.add_argument("--python", default=".ds1000/bin/python")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--failed", action="store_true", help="name the answers that do not pass, and why")
    asked = parser.parse_args()
    path, seaborn = str(DATA / "ds1000" / "ds1000.jsonl.gz"), str(DATA / "seaborn")
    problems = Ds1000(path=path, python=asked.python, seaborn=seaborn, libraries=asked.library).problems()
    items = list(zip(problems, programs(asked.answers, problems), strict=True))
    start = time.monotonic()
    with Sandbox.of(sandbox_for(problems, SandboxSettings()), workers=asked.workers) as sandbox:
        found = judge(items, sandbox, Oracle(Path()))
    print(f"{asked.answers}: {len(items)} answers, {time.monotonic() - start:.0f} s")
    tell(asked.answers, problems, found)
    for problem, judgement in zip(problems, found, strict=True):
        if asked.failed and not judgement.passed:
            print(f"  {problem.id}: {judgement.outcome.name.lower()} {' '.join(judgement.reason.split())[:160]}")


def tell(answers: str, problems: Sequence[Problem], found: Sequence[Judgement]) -> None:
    """Passes by library and, where all are there, by perturbation, beside the published ones."""
    known = published(answers)
    for place in (2, 3):
        names = [problem.id.split("/")[place] for problem in problems]
        ours = Counter(name for name, judgement in zip(names, found, strict=True) if judgement.passed)
        for name, count in sorted(Counter(names).items()):
            if place == 2 or len(problems) == 1000:
                print(f"{name:18} {count:4} problems, {known.get(name, count):4} published, {ours[name]:4} here")


if __name__ == "__main__":
    main()
