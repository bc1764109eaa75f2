"""LeetCodeDataset's references and its column `response` judged here: `python perf/agree_leetcode.py`.

The data lie in $CODEDPO_DATA/leetcode, or in a file named on the command line. Upstream tells no verdicts; its README
calls the model's answer in `response` the correct one.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from agreeing import DATA, judged, print_references

from codedpo.benchmarks.leetcode import LeetCode
from codedpo.benchmarks.texts import published_rows

UPSTREAM_SECONDS = 3.0
"""For all calls of a program, eval_lcd/evaluate_functional_correctness.py."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", default=str(DATA / "leetcode" / "LeetCodeDataset-v0.3.1-test.jsonl.gz"))
    parser.add_argument("--python", default="", help="interpreter of an environment with sortedcontainers")
    parser.add_argument("--every", type=int, default=1, help="take every k-th problem")
    options = parser.parse_args()
    problems = LeetCode(path=options.path).problems()[:: options.every]
    rows = {row["task_id"]: row for row in published_rows(Path(options.path))}
    with tempfile.TemporaryDirectory() as folder:
        sound = print_references("LeetCodeDataset", problems, Path(folder), options.python)
        answered = [(problem, rows[problem.id]["response"]) for problem in sound if rows[problem.id].get("response")]
        given = [(problem, problem.extract(answer)) for problem, answer in answered]
        programs = [(problem, program) for problem, program in given if program]
        found = judged(programs, Path(folder), options.python)
        passed = [judgement for judgement in found if judgement.passed]
        slow = sum(judgement.cpu_seconds > UPSTREAM_SECONDS for judgement in passed)
        print(f"responses: {len(passed)} of {len(answered)} pass; {len(answered) - len(found)} hold no program")
        print(f"  {slow} of those that pass take more than upstream's {UPSTREAM_SECONDS:.0f} s of processor time here")
        for (problem, _), judgement in zip(programs, found, strict=True):
            if not judgement.passed:
                print(f"  {problem.id}: {judgement.reason[:200]}")


if __name__ == "__main__":
    main()
