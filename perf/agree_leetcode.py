"""LeetCodeDataset's references and its column `response` judged here: `python perf/agree_leetcode.py`.

The data lie in $CODEDPO_DATA/leetcode, or in a file named on the command line. Upstream tells no verdicts; a model's
answer in `response` was kept there because it passed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from agreeing import DATA, judged, print_references

from codedpo.benchmarks.leetcode import LeetCode
from codedpo.benchmarks.texts import published_rows

UPSTREAM_SECONDS = 3.0
"""For all calls of a program, eval_lcd/evaluate_functional_correctness.py."""


def main() -> None:
    path = sys.argv[1] if len(sys.argv) > 1 else str(DATA / "leetcode" / "LeetCodeDataset-v0.3.1-test.jsonl.gz")
    problems = LeetCode(path=path).problems()
    with tempfile.TemporaryDirectory() as folder:
        print_references("LeetCodeDataset", problems, Path(folder))
        answers = {row["task_id"]: row["response"] for row in published_rows(Path(path)) if row.get("response")}
        asked = [problem for problem in problems if problem.id in answers]
        programs = [(problem, problem.extract(answers[problem.id])) for problem in asked]
        found = judged([(problem, program) for problem, program in programs if program], Path(folder))
        passed = [judgement for judgement in found if judgement.passed]
        slow = sum(judgement.cpu_seconds > UPSTREAM_SECONDS for judgement in passed)
        print(f"responses: {len(passed)} of {len(answers)} pass; {len(answers) - len(found)} hold no program")
        print(f"  {slow} of those that pass take more than upstream's {UPSTREAM_SECONDS:.0f} s of processor time here")
        for problem, judgement in zip([problem for problem, program in programs if program], found, strict=True):
            if not judgement.passed:
                print(f"  {problem.id}: {judgement.reason[:200]}")


if __name__ == "__main__":
    main()
