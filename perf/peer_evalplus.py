"""HumanEval+'s problems and a program for each (JSON) judged by the package evalplus; printed are seconds.

For perf/evaluation.py. It does what `evalplus.evaluate` does between reading samples and pass@k: the oracle
(`get_groundtruth`), then every program on base and plus inputs in a pool, stopping a program at its first failure.
Environment: see perf/peers.py.
"""

import gzip
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from evalplus.eval import untrusted_check
from evalplus.gen.util import trusted_exec


def check(problem, program, expected):
    """Whether base and plus pass."""
    return [
        untrusted_check(
            "humaneval",
            program,
            problem[f"{name}_input"],
            problem["entry_point"],
            expected[name][0],
            problem["atol"],
            expected[name][1],
            fast_check=True,
        )[0]
        for name in ("base", "plus")
    ]


def main():
    with gzip.open(sys.argv[1], "rt") as file:
        problems = [json.loads(line) for line in file]
    with open(sys.argv[2]) as file:
        programs = json.load(file)
    start = time.monotonic()
    expected = [
        {
            name: trusted_exec(
                problem["prompt"] + problem["canonical_solution"],
                problem[f"{name}_input"],
                problem["entry_point"],
                record_time=True,
            )
            for name in ("base", "plus")
        }
        for problem in problems
    ]
    middle = time.monotonic()
    with ProcessPoolExecutor(int(sys.argv[3])) as pool:
        passed = list(pool.map(check, problems, programs, expected))
    end = time.monotonic()
    failed = [problem["task_id"] for problem, found in zip(problems, passed) if found != ["pass", "pass"]]
    print(json.dumps({"oracle": middle - start, "checks": end - middle, "passed": len(problems) - len(failed)}))


if __name__ == "__main__":
    main()
