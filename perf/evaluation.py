"""Verdicts against the published ones of evalplus, and what they cost.

    python perf/evaluation.py agreement                            # $CODEDPO_DATA: HumanEval+, MBPP+, evalplus_results
    python perf/evaluation.py speed --peers .peers/bin/python      # see perf/peers.py for that environment
    python perf/evaluation.py commands --peers .peers/bin/python   # `pip install evalplus` there with all it needs
    python perf/evaluation.py load --busy 6                        # HumanEval+'s references beside busy processes

`agreement` judges the programs of the four published result files (Llama-3-8B before and after DPO) and compares base
and plus verdicts one by one, HumanEval+ as evalplus 0.3.1 judges it and without its fault in HumanEval/32; then the
references themselves. `speed` judges a program for each of HumanEval's problems, with evalplus and with ours in turn,
both on all our cores: with the oracle made anew, and with the one that is kept. `commands` times what a user types,
`evalplus.evaluate` and `codedpo evaluate`, each with the processes that it takes by itself (evalplus: half the cores;
it ends at the next multiple of 20 s after its last verdict, since a thread of it sleeps so long at a time).
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codedpo.benchmarks import Problem
from codedpo.benchmarks.evalplus import HumanEvalPlus, MbppPlus
from codedpo.benchmarks.judging import Judgement, judge
from codedpo.benchmarks.oracle import Oracle
from codedpo.records import Outcome
from codedpo.sandbox import Limits, Sandbox

DATA = Path(os.environ.get("CODEDPO_DATA", "../shared/data"))
HUMANEVAL = str(DATA / "humanevalplus" / "HumanEvalPlus-v0.1.10.jsonl.gz")
MBPP = str(DATA / "mbppplus" / "MbppPlus-v0.2.0.jsonl.gz")
LIMITS = Limits(memory_mb=4096)
WORKERS = len(os.sched_getaffinity(0))
MODELS = {"before DPO": "*__meta-llama*", "after DPO": "*__custom*"}


def judged(problems: Sequence[Problem], programs: Sequence[str], folder: Path) -> tuple[list[Judgement], float, float]:
    """Verdicts, and the seconds that the oracle and they took."""
    oracle = Oracle(folder)
    with Sandbox(workers=WORKERS, limits=LIMITS) as sandbox:
        start = time.monotonic()
        oracle.prepare(problems, sandbox)
        middle = time.monotonic()
        found = judge(list(zip(problems, programs, strict=True)), sandbox, oracle)
        return found, middle - start, time.monotonic() - middle


def agreement(folder: Path, benchmark_name: str) -> None:
    cases = (
        ("HumanEval+, as evalplus 0.3.1", "humaneval", HumanEvalPlus(path=HUMANEVAL, compatible=True)),
        ("HumanEval+", "humaneval", HumanEvalPlus(path=HUMANEVAL)),
        ("MBPP+", "mbpp", MbppPlus(path=MBPP)),
    )
    for title, name, benchmark in cases:
        if benchmark_name not in ("", name):
            continue
        problems = benchmark.problems()
        for model in MODELS:
            published = published_programs(name, model)
            found, _, seconds = judged(problems, [published[problem.id]["solution"] for problem in problems], folder)
            differ = [
                difference
                for problem, ours in zip(problems, found, strict=True)
                for difference in differences(problem, ours, published[problem.id])
            ]
            passed = sum(ours.passed for ours in found)
            print(
                f"{title}, {model}: {2 * len(problems) - len(differ)} of {2 * len(problems)} verdicts as published,"
                f" {passed} pass both ({seconds:.0f} s)"
            )
            print("".join(f"  {line}\n" for line in differ), end="", flush=True)
        found, _, seconds = judged(problems, [problem.reference for problem in problems], folder)
        failed = [problem.id for problem, ours in zip(problems, found, strict=True) if not ours.passed]
        print(f"{title}, references: {len(found) - len(failed)} of {len(found)} pass ({seconds:.0f} s) {failed}")


def published_programs(name: str, model: str) -> dict[str, dict[str, Any]]:
    """By problem: the program and its verdicts."""
    path = next((DATA / "evalplus_results").glob(f"{name}{MODELS[model]}"))
    return {key: found[0] for key, found in json.loads(gzip.decompress(path.read_bytes()))["eval"].items()}


def differences(problem: Problem, ours: Judgement, published: dict[str, Any]) -> list[str]:
    """Base and plus verdicts that are not the published ones."""
    return [
        f"{problem.id} {name}: published {published[f'{name}_status']}, here {outcome.name.lower()} {ours.reason[:160]}"
        for name, outcome in ours.outcomes.items()
        if (published[f"{name}_status"] == "pass") != (outcome == Outcome.PASSED)
    ]


def load(busy: int) -> None:
    """HumanEval+'s references as programs: with nobody beside, then, with the oracle of then, beside busy processes."""
    problems = HumanEvalPlus(path=HUMANEVAL).problems()
    programs = [problem.reference for problem in problems]
    with tempfile.TemporaryDirectory() as name:
        for count in (0, busy):
            others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
            try:
                found, _, seconds = judged(problems, programs, Path(name))
            finally:
                for other in others:
                    other.kill()
                    other.wait()
            failed = [problem.id for problem, ours in zip(problems, found, strict=True) if not ours.passed]
            passed = len(found) - len(failed)
            print(
                f"beside {count} busy processes: {passed} of {len(found)} pass ({seconds:.0f} s) {failed}", flush=True
            )


def speed(peers: str, rounds: int, whose: str) -> None:
    problems = HumanEvalPlus(path=HUMANEVAL).problems()
    published = {} if whose == "references" else published_programs("humaneval", whose)
    programs = [published[problem.id]["solution"] if published else problem.reference for problem in problems]
    times: dict[str, list[float]] = {name: [] for name in ("ours cold", "ours warm", "evalplus cold", "evalplus warm")}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            found, oracle, checks = judged(problems, programs, Path(name))
            times["ours cold"].append(oracle + checks)
            _, oracle, checks = judged(problems, programs, Path(name))
            times["ours warm"].append(oracle + checks)
            file = Path(name) / "programs.json"
            file.write_text(json.dumps(programs))
            command = [peers, __file__.replace("evaluation.py", "peer_evalplus.py"), HUMANEVAL, str(file), str(WORKERS)]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        theirs = json.loads(said.splitlines()[-1])
        print(f"passed: ours {sum(ours.passed for ours in found)}, evalplus {theirs['passed']}")
        times["evalplus cold"].append(theirs["oracle"] + theirs["checks"])
        times["evalplus warm"].append(theirs["checks"])
        print({name: round(values[-1], 1) for name, values in times.items()}, flush=True)
    for what in ("cold", "warm"):
        ratio = statistics.median(a / b for a, b in zip(times[f"evalplus {what}"], times[f"ours {what}"], strict=True))
        print(f"{what}: evalplus takes {ratio:.2f} times as long, median of {rounds} rounds, {WORKERS} cores")


def commands(peers: str, rounds: int, whose: str) -> None:
    """Both commands on the same file of programs: with empty caches, then with those that this left."""
    problems = HumanEvalPlus(path=HUMANEVAL).problems()
    published = {} if whose == "references" else published_programs("humaneval", whose)
    programs = {
        problem.id: published[problem.id]["solution"] if published else problem.reference for problem in problems
    }
    seconds: dict[str, list[float]] = {}
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}  # as a user's
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "programs.jsonl"
            lines = [json.dumps({"task_id": name, "solution": program}) for name, program in programs.items()]
            file.write_text("\n".join(lines) + "\n")
            where = {"HUMANEVAL_OVERRIDE_PATH": HUMANEVAL, "XDG_CACHE_HOME": folder, "HF_HUB_OFFLINE": "1"}
            theirs = [peers, "-m", "evalplus.evaluate", "--dataset", "humaneval", "--samples", str(file)]
            ours = [
                sys.executable,
                "-m",
                "codedpo",
                "evaluate",
                "--benchmark",
                "humaneval_plus",
                "--programs",
                str(file),
            ]
            ours += [f"run_folder={folder}/run", f"cache={folder}/cache"]
            for state in ("cold", "warm"):
                for name, command in (("evalplus", theirs), ("codedpo", ours)):
                    for verdicts in (file.with_name("programs_eval_results.json"), *Path(folder).rglob("judged.jsonl")):
                        verdicts.unlink(missing_ok=True)
                    start = time.monotonic()
                    subprocess.run(command, capture_output=True, check=True, env=kept | where)
                    seconds.setdefault(f"{name} {state}", []).append(time.monotonic() - start)
        print({name: round(values[-1], 1) for name, values in seconds.items()}, flush=True)
    for state in ("cold", "warm"):
        pairs = zip(seconds[f"evalplus {state}"], seconds[f"codedpo {state}"], strict=True)
        ratio = statistics.median(a / b for a, b in pairs)
        print(f"{state}: the command of evalplus takes {ratio:.2f} times as long, median of {rounds} rounds")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("agreement", "speed", "commands", "load"))
    parser.add_argument("--peers", default=".peers/bin/python")
    parser.add_argument("--benchmark", choices=("", "humaneval", "mbpp"), default="", help="only this one")
    parser.add_argument("--programs", choices=("references", *MODELS), default="after DPO", help="what `speed` judges")
    parser.add_argument("--busy", type=int, default=6, help="processes beside `load`")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.what == "speed":
        speed(options.peers, options.rounds, options.programs)
        return
    if options.what == "commands":
        commands(options.peers, options.rounds, options.programs)
        return
    if options.what == "load":
        load(options.busy)
        return
    with tempfile.TemporaryDirectory() as name:
        agreement(Path(name), options.benchmark)


if __name__ == "__main__":
    main()
